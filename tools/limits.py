#!/usr/bin/env python3
"""Checks that every wait for a peer has a limit, and that tools/limits.txt says which.

A function that awaits one of PRIMITIVES waits for a client, a server, a name server, or somebody who does. Each such function
has a row in the table: `crate/src/file.rs  function  limit`. A limit of `caller` makes the function a primitive itself: its
name has to be among them, so that those who call it are looked at too. Names of constants in a limit have to be there in the
function's crate, and keys of the configuration in config/reference.yaml.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "tools" / "limits.txt"
CRATES = ["transport", "backend", "session", "health", "promotion", "splitfin"]

METHODS = """
    accept accept_tls apply ask ask_rights beats changed checkout close collations command connect connect_tls end_hidden_transaction
    exec_drop exec_first fill fill_in_time first_values flush forget_others fill_packed id_and_role introduced join_next kill
    lookup_ip notified open own packet poll query query_drop query_first question read read_back read_buf read_exact read_packet
    readable recv recv_from report_for_client requires_tls reset rows all_rows run_on run send send_to settle_preamble shutdown
    simple status user_variables wait_for woken writable write write_all write_more write_packet write_within session_values
    collation_name open_asker log_in prepare learn ask_accounts take_asker fill_inside keep
"""
FUNCTIONS = """
    dial connect introduced lookup_host query query_all read_reply swallow send_file open log_in prepare learn within
    rows row first pairs observe neighbours send look_up find by_dns ask_for_all ask_for_stored arrives ask_all rows_of
    galera_member group_member age offer defaults rights positions replication channels refine_lag receive
"""
METHOD = re.compile(r"(?:\.|Self::|Catalogue::|Remote::|names::)(%s)(?:::<[^>()]*>)?\(" % "|".join(METHODS.split()))
FUNCTION = re.compile(r"(?<![.\w])(?:\w+::)*(%s)\(" % "|".join(FUNCTIONS.split()))
CONN = re.compile(r"\b(Conn::new)\(")
NAMES = set(METHODS.split()) | set(FUNCTIONS.split())

NOISE = re.compile(r'//[^\n]*|r#"[\s\S]*?"#|"(?:\\[\s\S]|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\])\'')


def without_noise(text: str) -> str:
    """Comments, texts and characters are blanked, and the tests behind them are cut off."""
    text = NOISE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
    return re.split(r"#\[cfg\(test\)\]\s*(?:pub\(crate\) )?mod \w+(?: \{|;)", text)[0]


def beginning(text: str, at: int):
    """Where the body of a function begins, if it has one. Lengths of arrays have semicolons too."""
    depth = 0
    for at in range(at, len(text)):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
        if depth == 0 and text[at] in "{;":
            return at if text[at] == "{" else None
    return None


def functions(text: str):
    """Name, line and body of each function, without the bodies of those inside."""
    found = []
    for match in re.finditer(r"\bfn (\w+)", text):
        start = beginning(text, match.end())
        if start is None:
            continue
        depth, at = 1, start + 1
        while depth and at < len(text):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        found.append((match.group(1), start, at, text.count("\n", 0, match.start()) + 1))
    for name, start, end, line in found:
        body = text[start:end]
        for _, inner, inner_end, _ in found:
            if start < inner and inner_end < end:
                body = body[: inner - start] + " " * (inner_end - inner) + body[inner_end - start :]
        yield name, line, body


def waits(body: str) -> set[str]:
    # A select! awaits without saying so.
    if ".await" not in body and "select!" not in body:
        return set()
    return set(METHOD.findall(body)) | set(FUNCTION.findall(body)) | set(CONN.findall(body))


def waiting_functions():
    """File, function: where it is, and what it waits for."""
    found = {}
    for crate in CRATES:
        for path in sorted((ROOT / "crates" / crate / "src").rglob("*.rs")):
            if "tests" in path.parts or path.name == "tests.rs" or "demo" in path.parts:
                continue
            for name, line, body in functions(without_noise(path.read_text(encoding="utf8"))):
                if awaited := waits(body):
                    key = (str(path.relative_to(ROOT / "crates")), name)
                    found[key] = (line, sorted(awaited))
    return found


def table():
    rows = {}
    for line in TABLE.read_text(encoding="utf8").splitlines():
        if line.strip() and not line.startswith("#"):
            file, function, limit = line.split(None, 2)
            rows[file, function] = limit
    return rows


def faults_of_limit(file: str, function: str, limit: str):
    """What a limit names has to be there."""
    if limit.split()[0].rstrip(":;,") == "caller" and function not in NAMES:
        yield f"`{function}` leaves the limit to its callers, and is not among PRIMITIVES: add its name"
    crate = ROOT / "crates" / file.split("/")[0] / "src"
    sources = "\n".join(path.read_text(encoding="utf8") for path in crate.rglob("*.rs"))
    for constant in re.findall(r"\b[A-Z][A-Z_]{3,}\b", limit):
        if not re.search(rf"\bconst {constant}\b", sources):
            yield f"there is no constant {constant} in the crate"
    keys = (ROOT / "config" / "reference.yaml").read_text(encoding="utf8")
    for key in re.findall(r"\b(?:limits|pool|failover|monitor)\.(\w+)", limit):
        if f"{key}:" not in keys:
            yield f"there is no key {key} in config/reference.yaml"


def main() -> int:
    found, rows, faults = waiting_functions(), table(), []
    for (file, function), (line, awaited) in found.items():
        if (file, function) not in rows:
            faults.append(
                f"crates/{file}:{line}: `{function}` waits for a peer ({', '.join(awaited)}): what limits that? Give it a limit, "
                "and a row in tools/limits.txt"
            )
    for (file, function), limit in rows.items():
        if (file, function) not in found:
            faults.append(f"tools/limits.txt: {file} {function}: waits for nobody any more: drop the row")
        faults.extend(f"tools/limits.txt: {file} {function}: {fault}" for fault in faults_of_limit(file, function, limit))
    for fault in faults:
        print(f"tools/limits.py: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
