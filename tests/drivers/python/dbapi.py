"""The three drivers that speak DB-API: PyMySQL, mysqlclient, MySQL Connector/Python.

dbapi.py DRIVER HOST PORT USER PASSWORD DATABASE: does what applications do, and says what it saw.
"""

import datetime
import decimal
import os
import sys
import tempfile
import threading

name, host, port, user, password, database = sys.argv[1:7]
where = {"host": host, "port": int(port), "user": user, "password": password, "database": database}
if name == "pymysql":
    import pymysql as driver
    from pymysql.constants import CLIENT

    local = {"local_infile": True}
    multi = {"client_flag": CLIENT.MULTI_STATEMENTS}
    found = {"client_flag": CLIENT.FOUND_ROWS}
    thread_id = lambda c: c.thread_id()
elif name == "mysqlclient":
    import MySQLdb as driver
    from MySQLdb.constants import CLIENT

    local = {"local_infile": 1}
    multi = {"client_flag": CLIENT.MULTI_STATEMENTS}
    found = {"client_flag": CLIENT.FOUND_ROWS}
    thread_id = lambda c: c.thread_id()
else:
    import mysql.connector as driver
    from mysql.connector.constants import ClientFlag

    pure = {"use_pure": name == "connector-pure"}
    where.update(pure)
    local = {"allow_local_infile": True}
    multi = {}
    found = {"client_flags": [ClientFlag.FOUND_ROWS]}
    thread_id = lambda c: c.connection_id


def say(*what):
    print(*what, flush=True)


def connect(**more):
    return driver.connect(**{**where, **more})


def rows(connection, sql, *args):
    cursor = connection.cursor()
    cursor.execute(sql, *args)
    found = cursor.fetchall() if cursor.description else cursor.rowcount
    cursor.close()
    return found


def fails(what):
    try:
        say("no error:", what())
    except driver.Error as error:
        say("error", type(error).__name__, error.args[0])


def options():
    say("== options")
    plain = connect()
    say(rows(plain, "SELECT DATABASE(), @@autocommit, @@character_set_client, @@collation_connection, USER() LIKE 'app@%'"))
    say(rows(plain, "UPDATE items SET amount = amount WHERE id = 1"))
    plain.close()
    matched = connect(**found)
    say(rows(matched, "UPDATE items SET amount = amount WHERE id = 1"))
    matched.close()
    latin = connect(charset="latin1")
    say(rows(latin, "SELECT @@character_set_client, @@character_set_results, 'größe'"))
    latin.close()
    if name != "mysqlclient":
        automatic = connect(autocommit=True)
        say(rows(automatic, "SELECT @@autocommit"))
        automatic.close()
    init = connect(**({"init_command": "SET SESSION sql_mode = 'ANSI_QUOTES'"}))
    say(rows(init, "SELECT @@sql_mode, \"amount\" FROM items WHERE id = 2"))
    init.close()
    fails(lambda: connect(password="wrong"))
    fails(lambda: connect(database="no_such_database"))


def types():
    say("== types")
    connection = connect()
    values = (-5, 2**64 - 1, decimal.Decimal("12345.67890"), 1.5, datetime.date(2020, 2, 29),
              datetime.timedelta(hours=-10, minutes=-11), datetime.datetime(2020, 1, 2, 3, 4, 5, 678901),
              datetime.datetime(2021, 1, 1), 2022, "größe 🙂", b"\x00\xff'\"\\", "text", b"\x01\x02", "y", "p,q",
              '{"a": [1, null]}', True)
    columns = "tiny, big, price, ratio, born, at, seen, stamp, year_of, name, bytes, body, data, kind, flags, doc, yes"
    marks = ", ".join(["%s"] * len(values))
    cursor = connection.cursor()
    cursor.execute(f"INSERT INTO types ({columns}) VALUES ({marks})", values)
    say("id", cursor.lastrowid, "rows", cursor.rowcount)
    cursor.execute("INSERT INTO types (tiny) VALUES (NULL)")
    connection.commit()
    cursor.execute("SELECT * FROM types ORDER BY id")
    say([column[:2] + column[6:7] for column in cursor.description])
    for row in cursor.fetchall():
        say(row)
    cursor.executemany("INSERT INTO items (name, amount) VALUES (%s, %s)", [(f"many{n}", n) for n in range(50)])
    say("many", cursor.rowcount)
    connection.rollback()
    say(rows(connection, "SELECT COUNT(*) FROM items"))
    connection.close()


def prepared():
    say("== prepared")
    if not name.startswith("connector"):
        return
    connection = connect()
    cursor = connection.cursor(prepared=True)
    for number in (1, 2, 3, None):
        cursor.execute("SELECT name, amount, ? FROM items WHERE id = ?", (number, number))
        say(cursor.fetchall())
    cursor.execute("INSERT INTO items (name, amount) VALUES (?, ?)", ("prepared", 5))
    say(cursor.rowcount, cursor.lastrowid > 0)
    cursor.execute("SELECT amount FROM items WHERE name = ?", ("prepared",))
    say(cursor.fetchall())
    connection.rollback()
    cursor.execute("SELECT amount FROM items WHERE name = ?", ("prepared",))
    say(cursor.fetchall())
    connection.close()


def transactions():
    say("== transactions")
    connection = connect()
    other = connect()
    rows(connection, "INSERT INTO items (name, amount) VALUES ('tx', 1)")
    say(rows(connection, "SELECT COUNT(*) FROM items"), rows(other, "SELECT COUNT(*) FROM items"))
    other.rollback()
    rows(connection, "SAVEPOINT s")
    rows(connection, "UPDATE items SET amount = 99 WHERE name = 'tx'")
    rows(connection, "ROLLBACK TO SAVEPOINT s")
    connection.commit()
    say(rows(other, "SELECT amount FROM items WHERE name = 'tx'"))
    other.rollback()
    for level in ("READ COMMITTED", "SERIALIZABLE", "REPEATABLE READ"):
        rows(connection, f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
        say(rows(connection, "SELECT amount FROM items WHERE name = 'tx'"))
        connection.rollback()
    rows(connection, "START TRANSACTION READ ONLY")
    fails(lambda: rows(connection, "DELETE FROM items"))
    connection.rollback()
    rows(connection, "DELETE FROM items WHERE name = 'tx'")
    connection.commit()
    connection.close()
    other.close()


def several():
    say("== several results")
    connection = connect(**multi)
    cursor = connection.cursor()
    cursor.callproc("two_results")
    if name.startswith("connector"):
        say([result.fetchall() for result in cursor.stored_results()])
        say(cursor.callproc("double_it", (4, 0, 5)))
    else:
        told = [cursor.fetchall()]
        while cursor.nextset():
            told.append(cursor.fetchall())
        say(told)
        cursor.callproc("double_it", (4, 0, 5))
        cursor.execute("SELECT @_double_it_0, @_double_it_1, @_double_it_2")
        say(cursor.fetchall())
    if not name.startswith("connector"):
        cursor.execute("SELECT 1; INSERT INTO items (name) VALUES ('multi'); SELECT COUNT(*) FROM items")
        told = [cursor.fetchall()]
        while cursor.nextset():
            told.append(cursor.fetchall())
        say(told)
    connection.rollback()
    connection.close()


def infile():
    say("== files")
    with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
        file.write("".join(f"file{n},{n}\n" for n in range(2000)))
    load = f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE items FIELDS TERMINATED BY ',' (name, amount)"
    connection = connect(**local)
    say(rows(connection, load))
    say(rows(connection, "SELECT COUNT(*), SUM(amount) FROM items WHERE name LIKE 'file%'"))
    connection.rollback()
    say(rows(connection, "SELECT COUNT(*) FROM items"))
    fails(lambda: rows(connection, load.replace("TABLE items", "TABLE nowhere")))
    connection.close()
    os.unlink(file.name)


def cancellation():
    say("== cancellation")
    victim, killer = connect(), connect()
    done = threading.Event()

    def kill():
        while not done.wait(0.05):
            rows(killer, f"KILL QUERY {thread_id(victim)}")

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        say(rows(victim, "SELECT SLEEP(30)"))
    except driver.Error as error:
        say("error", error.args[0])
    done.set()
    thread.join()
    try:
        rows(victim, "DO 1")
    except driver.Error:
        pass
    say(rows(victim, "SELECT COUNT(*) FROM items"))
    rows(killer, f"KILL {thread_id(victim)}")
    try:
        rows(victim, "SELECT 1")
        rows(victim, "SELECT 1")
        say("alive")
    except driver.Error:
        say("gone")
    victim = connect()
    say(rows(victim, "SELECT COUNT(*) FROM items"))
    victim.close()
    killer.close()


def reuse():
    say("== reuse")
    if name.startswith("connector"):
        import mysql.connector.pooling as pooling

        pool = pooling.MySQLConnectionPool(pool_name=name, pool_size=2, pool_reset_session=True, **where)
        for number in range(6):
            connection = pool.get_connection()
            say(rows(connection, "SELECT @kept, @@sql_mode LIKE '%ANSI_QUOTES%', DATABASE()"))
            rows(connection, f"SET @kept = {number}, SESSION sql_mode = 'ANSI_QUOTES'")
            connection.close()
        connection = connect()
        rows(connection, "SET @kept = 1")
        connection.cmd_change_user(username=user, password=password, database=database)
        say(rows(connection, "SELECT @kept, DATABASE()"))
        connection.close()
    connection = connect()
    for _ in range(3):
        connection.ping()
    if name == "pymysql":
        connection.close()
        connection.ping(reconnect=True)
        say(rows(connection, "SELECT COUNT(*) FROM items"))
        connection.select_db("mysql")
        say(rows(connection, "SELECT DATABASE()"))
    connection.close()


def errors():
    say("== errors")
    connection = connect()
    fails(lambda: rows(connection, "SELEC 1"))
    fails(lambda: rows(connection, "SELECT * FROM nowhere"))
    fails(lambda: rows(connection, "INSERT INTO items (name) VALUES ('apple')"))
    fails(lambda: rows(connection, "SELECT nothing FROM items"))
    rows(connection, "INSERT IGNORE INTO items (name, amount) VALUES ('apple', 'x')")
    say(rows(connection, "SHOW WARNINGS"))
    say(rows(connection, "SELECT 1 / 0"), rows(connection, "SHOW WARNINGS"))
    say(rows(connection, "SELECT REPEAT('x', 100000) = REPEAT('x', 100000), LENGTH(%s)", ("y" * 2_000_000,)))
    connection.rollback()
    connection.close()


for chapter in (options, types, prepared, transactions, several, infile, cancellation, reuse, errors):
    chapter()
