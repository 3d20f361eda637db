"""An application: clients that write, and read what they have just written. It says what went wrong, as JSON.

    app.py load     runs until it is told to stop (SIGTERM): a line for each second and each failure
    app.py report   makes a row of figures out of such lines, and of `phase` lines among them
    app.py table    makes a table out of rows

Environment: WRITE and READ (host:port; the same where one address is enough), CLIENTS, APP_PASSWORD_FILE.
"""

import collections
import json
import os
import signal
import sys
import threading
import time

CLIENTS = int(os.environ.get("CLIENTS", "16"))


class Ledger:
    """What happened in the second that has begun."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reads = collections.Counter()
        self.writes = 0
        self.stale = 0
        self.failed = 0

    def note(self, **counts):
        with self.lock:
            self.reads[counts.get("server")] += 1 if "server" in counts else 0
            self.writes += counts.get("writes", 0)
            self.stale += counts.get("stale", 0)
            self.failed += counts.get("failed", 0)

    def take(self):
        with self.lock:
            line = {
                "at": time.time(),
                "reads": {str(server): count for server, count in self.reads.items() if count},
                "writes": self.writes,
                "stale": self.stale,
                "failed": self.failed,
            }
            self.reads.clear()
            self.writes = self.stale = self.failed = 0
            return line


def connect(address):
    import pymysql

    host, port = address.rsplit(":", 1)
    with open(os.environ["APP_PASSWORD_FILE"], encoding="utf-8") as file:
        password = file.read()
    # Encrypted, without asking for the certificate's owner: all three servers of the comparison make their own.
    tls = {"check_hostname": False, "verify_mode": "none"}
    return pymysql.connect(
        host=host, port=int(port), user="app", password=password, database="shop",
        autocommit=True, connect_timeout=3, read_timeout=5, write_timeout=5, ssl=tls,
    )


class Endpoint:
    """One connection, opened anew when it broke, as a pool of an application does it."""

    def __init__(self, address):
        self.address = address
        self.connection = None

    def run(self, sql, *values):
        try:
            if self.connection is None:
                self.connection = connect(self.address)
            with self.connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchone()
        except Exception:
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            try:
                self.connection.close()
            except Exception:  # it was broken already
                pass
            self.connection = None


def client(number, ledger, stop):
    write = Endpoint(os.environ["WRITE"])
    one_address = os.environ["READ"] == os.environ["WRITE"]
    read = write if one_address else Endpoint(os.environ["READ"])
    last, turn = 0, 0
    while not stop.is_set():
        turn += 1
        try:
            if turn % 5 == 1:
                write.run("INSERT INTO ledger (client, turn) VALUES (%s, %s)", number, turn)
                last = turn
                ledger.note(writes=1)
            seen, server = read.run("SELECT MAX(turn), @@server_id FROM ledger WHERE client = %s", number)
            ledger.note(server=server, stale=int((seen or 0) < last))
        except Exception as error:
            ledger.note(failed=1)
            say({"at": time.time(), "error": str(error)[:200]})
            stop.wait(0.05)
        # A pool gives a connection back, and gets another one, from time to time.
        if turn % 50 == 0 and not one_address:
            read.close()
        stop.wait(0.02)


def say(line):
    # One write a line: threads do not get in between.
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def load():
    stop, ledger = threading.Event(), Ledger()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    setup = Endpoint(os.environ["WRITE"])
    setup.run("DROP TABLE IF EXISTS ledger")
    setup.run("CREATE TABLE ledger (id BIGINT AUTO_INCREMENT PRIMARY KEY, client INT, turn BIGINT, KEY (client, turn))")
    setup.close()
    # The slaves are to have the table, too.
    time.sleep(3)
    threads = [threading.Thread(target=client, args=(number, ledger, stop)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while not stop.wait(0.25):
        say(ledger.take())
    for thread in threads:
        thread.join()
    say(ledger.take())


def report(lines):
    """Figures of one run. A `phase` line says what is done, and to which server; `phase: over` ends it."""
    ticks = [line for line in lines if "reads" in line]
    phases = [line for line in lines if "phase" in line]
    total = lambda key: sum(tick[key] for tick in ticks)
    reads = sum(sum(tick["reads"].values()) for tick in ticks)
    row = {"reads": reads, "writes": total("writes"), "failed": total("failed"), "stale": total("stale")}
    for begin, end in zip(phases, phases[1:]):
        inside = [tick for tick in ticks if begin["at"] < tick["at"] <= end["at"]]
        server = begin.get("server")
        served = [tick for tick in inside if tick["reads"].get(server)]
        count = sum(tick["reads"][server] for tick in served)
        failed = [tick for tick in inside if tick["failed"]]
        after = lambda tick: round(tick["at"] - begin["at"], 1)
        if begin["phase"] == "late":
            row["late: reads there"] = count
            row["late: stale reads"] = sum(tick["stale"] for tick in inside)
            row["late: noticed after"] = noticed(served, inside, after)
        elif begin["phase"] == "stopped":
            row["stopped: failed"] = sum(tick["failed"] for tick in inside)
            row["stopped: noticed after"] = after(failed[-1]) if failed else 0.0
        elif begin["phase"] == "added":
            row["added: first read after"] = after(served[0]) if served else None
    return row


def noticed(served, inside, after):
    """Seconds until a server got no more reads; none if it got some until the end."""
    if not served:
        return 0.0
    return None if served[-1] in inside[-3:] else after(served[-1])


def table(rows):
    """Markdown: a column for each row, a line for each of their figures."""
    write = lambda cells: print("| " + " | ".join(cells) + " |")
    write([""] + [row.pop("front") for row in rows])
    write(["---"] * (len(rows) + 1))
    for key in rows[0]:
        write([key] + ["never" if row[key] is None else f"{row[key]} s" if "after" in key else str(row[key]) for row in rows])


if __name__ == "__main__":
    if sys.argv[1:] == ["load"]:
        load()
    elif sys.argv[1:] == ["report"]:
        print(json.dumps(report([json.loads(line) for line in sys.stdin if line.startswith("{")])))
    elif sys.argv[1:] == ["table"]:
        table([json.loads(line) for line in sys.stdin])
    else:
        sys.exit(__doc__)
