#!/usr/bin/env python3
"""Checks that crates depend only on the crates below them, that the pure ones are pure, and that SQL is looked at in one.

The arrows are those of ARCHITECTURE.md. A new arrow is a decision: it is made there first.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MAY_USE = {
    "protocol": set(),
    "topology": set(),
    "router": {"topology"},
    "transport": {"protocol"},
    "backend": {"transport", "protocol", "topology"},
    "health": {"topology"},
    "session": {"transport", "protocol", "router", "backend", "topology"},
    "testkit": set(),
}

# No socket, clock, thread, file, environment, log or global state: bytes, time and randomness are arguments.
PURE = {"protocol", "topology", "router"}
IMPURE_CRATES = {"tokio", "mio", "tracing", "log", "socket2", "rand", "getrandom", "mysql_async", "axum"}
IMPURE_CODE = re.compile(
    r"Instant::now|SystemTime|std::(net::(Tcp|Udp)|fs|env|thread|process|io::(stdin|stdout|stderr))|"
    r"\b(println|eprintln|dbg)!|static\s+mut|thread_local!|rand::"
)

# SQL is looked at in `router` and nowhere else: it says what a statement is, and others go by that.
LOOKS_AT_SQL = re.compile(
    r"(\b(text|sql|statement)|\.shown\(\)|\btext_of\([^)]*\))"
    r"\.(starts_with|ends_with|contains|split|split_once|rsplit_once|find|strip_prefix|to_ascii_lowercase|windows)\("
)
SEES_STATEMENTS = {"session"}
# What looks at answers of servers, and at lists in them.
OF_SERVERS = {"accounts.rs"}


def product_code(path: Path) -> str:
    """A file without its test module."""
    return path.read_text(encoding="utf8").split("#[cfg(test)]")[0]


def main() -> int:
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, capture_output=True
        ).stdout
    )
    faults = []
    for package in metadata["packages"]:
        name = package["name"].removeprefix("splitfin-")
        if name not in MAY_USE:
            continue
        for dependency in package["dependencies"]:
            if dependency["kind"] is not None:
                continue
            used = dependency["name"]
            ours = used.removeprefix("splitfin-") if used.startswith("splitfin") else None
            if ours is not None and ours not in MAY_USE[name]:
                faults.append(f"{name} must not depend on {ours}")
            if name in PURE and used in IMPURE_CRATES:
                faults.append(f"{name} is pure and must not depend on {used}")
        if name in PURE:
            for path in sorted((ROOT / "crates" / name / "src").rglob("*.rs")):
                if "tests" in path.parts or path.name == "tests.rs":
                    continue
                for number, line in enumerate(product_code(path).splitlines(), 1):
                    if IMPURE_CODE.search(line.split("//")[0]):
                        faults.append(f"{path.relative_to(ROOT)}:{number}: not pure: {line.strip()}")
        if name in SEES_STATEMENTS:
            for path in sorted((ROOT / "crates" / name / "src").rglob("*.rs")):
                if path.name in OF_SERVERS:
                    continue
                for number, line in enumerate(product_code(path).splitlines(), 1):
                    if LOOKS_AT_SQL.search(line.split("//")[0]):
                        faults.append(f"{path.relative_to(ROOT)}:{number}: SQL is looked at in router: {line.strip()}")
    for fault in faults:
        print(f"tools/layers.py: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
