#!/usr/bin/env python3
"""Finds words in comments and documents that the project does not use, and says what to write instead.

After and before are for time and order; behind and in front of are for lag and for what a network has in between.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A word, what may stand around it all the same, and what to write.
WORDS = [
    (
        re.compile(r"\bbehind\b", re.I),
        re.compile(
            r"\b(leav|left|lag|fall|falls|fell|far|seconds?|ms|is|are|was|as|bytes|stay)\w*\b[^.;:]*\bbehind\b"
            r"|what is behind|from behind|behind (a|the) (balancer|proxy|port|primary|writer)|\"behind\"|`behind",
            re.I,
        ),
        "after (time, order)",
    ),
    (
        re.compile(r"\bin front of\b", re.I),
        re.compile(
            r"(Splitfin|proxy|balancer|stands?|HAProxy|nginx|own) in front of|in front of (it|them|servers|the same|the whole|"
            r"your|`target`|MySQL|MariaDB)",
            re.I,
        ),
        "before (time, order)",
    ),
    (re.compile(r"\bshall\b", re.I), re.compile(r"(?!)"), "must, may or will"),
    (re.compile(r"\bbeside\b", re.I), re.compile(r"(?!)"), "besides, next to or alongside"),
]


def texts(path: Path):
    """The lines that people read: comments of code, or all of a document."""
    is_document = path.suffix == ".md"
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        comment = re.search(r"(^|\s)//[/!]?(?P<text>.*)$", line)
        if is_document:
            yield number, line
        elif comment:
            yield number, comment["text"]


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "*.rs", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    faults = 0
    for name in listed.split():
        path = ROOT / name
        if not path.exists():
            continue
        for number, text in texts(path):
            for word, allowed, instead in WORDS:
                if word.search(text) and not allowed.search(text):
                    found = word.search(text).group(0)
                    print(f"tools/words.py: {name}:{number}: `{found}`: write {instead}: {text.strip()}", file=sys.stderr)
                    faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
