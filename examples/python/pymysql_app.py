"""PyMySQL: text protocol, autocommit off by default."""

import sys

import pymysql

host, port, user, password, database = sys.argv[1:6]
connection = pymysql.connect(host=host, port=int(port), user=user, password=password, database=database)
with connection.cursor() as cursor:
    cursor.execute("DROP TABLE IF EXISTS pymysql_app")
    cursor.execute("CREATE TABLE pymysql_app (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))")
    cursor.execute("INSERT INTO pymysql_app (name) VALUES (%s), (%s)", ("größe", "it's"))
    assert cursor.lastrowid == 1, cursor.lastrowid
    connection.commit()
    cursor.execute("SELECT name FROM pymysql_app ORDER BY id")
    assert cursor.fetchall() == (("größe",), ("it's",))
    cursor.execute("DELETE FROM pymysql_app")
    connection.rollback()
    cursor.execute("SELECT COUNT(*) FROM pymysql_app")
    assert cursor.fetchone() == (2,)
    connection.commit()

connection.autocommit(True)
with connection.cursor() as cursor:
    cursor.execute("SELECT SLEEP(0), CONNECTION_ID() FROM pymysql_app")
    try:
        cursor.execute("SELECT * FROM nowhere_at_all")
        raise AssertionError("no error")
    except pymysql.err.ProgrammingError as error:
        assert error.args[0] == 1146, error
    cursor.execute("DROP TABLE pymysql_app")
connection.ping()
connection.close()
print("ok")
