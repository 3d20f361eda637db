"""aiomysql and asyncmy, which have one interface: asyncio_drivers.py DRIVER HOST PORT USER PASSWORD DATABASE"""

import asyncio
import importlib
import sys

name, host, port, user, password, database = sys.argv[1:7]
driver = importlib.import_module(name)
where = {"host": host, "port": int(port), "user": user, "password": password, "db": database}


def say(*what):
    print(*what, flush=True)


async def rows(connection, sql, args=None):
    async with connection.cursor() as cursor:
        await cursor.execute(sql, args)
        return await cursor.fetchall() if cursor.description else cursor.rowcount


async def fails(work):
    try:
        say("no error", await work)
    except Exception as error:
        say("error", type(error).__name__, error.args[0])


async def connect(**more):
    return await driver.connect(**{**where, **more})


async def pools():
    say("== pools")
    pool = await driver.create_pool(minsize=1, maxsize=4, autocommit=True, **where)

    async def one(number):
        async with pool.acquire() as connection:
            await rows(connection, "INSERT INTO items (name, amount) VALUES (%s, %s)", (f"pool{number}", number))
            return await rows(connection, "SELECT amount FROM items WHERE name = %s", (f"pool{number}",))

    say(await asyncio.gather(*(one(number) for number in range(20))))
    async with pool.acquire() as connection:
        say(await rows(connection, "DELETE FROM items WHERE name LIKE 'pool%'"))
    pool.close()
    await pool.wait_closed()


async def transactions():
    say("== transactions")
    connection = await connect(autocommit=False)
    await rows(connection, "INSERT INTO items (name, amount) VALUES ('tx', 1)")
    say(await rows(connection, "SELECT COUNT(*) FROM items"))
    await connection.rollback()
    say(await rows(connection, "SELECT COUNT(*) FROM items"))
    await connection.begin()
    await rows(connection, "UPDATE items SET amount = 10 WHERE id = 1")
    await connection.commit()
    say(await rows(connection, "SELECT amount FROM items WHERE id = 1"))
    await rows(connection, "UPDATE items SET amount = 1 WHERE id = 1")
    await connection.commit()
    connection.close()


async def types():
    say("== types")
    connection = await connect(autocommit=True, charset="utf8mb4")
    sql = "INSERT INTO types (tiny, big, price, ratio, born, seen, name, bytes, doc) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
    row = (-1, 2**62, "1.5", 2.5, "2020-02-29", "2020-01-02 03:04:05.678", "größe", b"\x00\x01", "[1]")
    say(await rows(connection, sql, row))
    for row in await rows(connection, "SELECT * FROM types"):
        say(row)
    async with connection.cursor(driver.cursors.DictCursor) as cursor:
        await cursor.execute("SELECT * FROM items ORDER BY id")
        say(await cursor.fetchall())
    async with connection.cursor(driver.cursors.SSCursor) as cursor:
        await cursor.execute("SELECT id, name FROM items ORDER BY id")
        say(await cursor.fetchone(), await cursor.fetchone())
        say(await cursor.fetchall())
    connection.close()


async def several():
    say("== several results")
    connection = await connect()
    async with connection.cursor() as cursor:
        await cursor.callproc("two_results")
        told = [await cursor.fetchall()]
        while await cursor.nextset():
            told.append(await cursor.fetchall())
        say(told)
    connection.close()


async def cancellation():
    say("== cancellation")
    connection = await connect()
    try:
        await asyncio.wait_for(rows(connection, "SELECT SLEEP(30)"), 0.5)
    except asyncio.TimeoutError:
        say("timed out")
    connection.close()
    connection = await connect()
    say(await rows(connection, "SELECT COUNT(*) FROM items"))
    await connection.ping()
    connection.close()


async def errors():
    say("== errors")
    connection = await connect()
    await fails(rows(connection, "SELEC 1"))
    await fails(rows(connection, "SELECT * FROM nowhere"))
    await fails(rows(connection, "INSERT INTO items (name) VALUES ('apple')"))
    await fails(connect(password="wrong"))
    await connection.rollback()
    connection.close()


async def main():
    for chapter in (pools, transactions, types, several, cancellation, errors):
        await chapter()


asyncio.run(main())
