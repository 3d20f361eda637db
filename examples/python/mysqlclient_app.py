"""mysqlclient: the C client library."""

import sys

import MySQLdb

host, port, user, password, database = sys.argv[1:6]
connection = MySQLdb.connect(host=host, port=int(port), user=user, password=password, database=database, charset="utf8mb4")
cursor = connection.cursor()
cursor.execute("DROP TABLE IF EXISTS mysqlclient_app")
cursor.execute("CREATE TABLE mysqlclient_app (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))")
cursor.executemany("INSERT INTO mysqlclient_app (name) VALUES (%s)", [("größe",), ("it's",)])
connection.commit()
cursor.execute("SELECT name FROM mysqlclient_app ORDER BY id")
assert cursor.fetchall() == (("größe",), ("it's",))
cursor.execute("DELETE FROM mysqlclient_app")
connection.rollback()
cursor.execute("SELECT COUNT(*) FROM mysqlclient_app")
assert cursor.fetchone() == (2,)
connection.commit()
connection.autocommit(True)
cursor.execute("SELECT name FROM mysqlclient_app WHERE id = %s", (2,))
assert cursor.fetchone() == ("it's",)
cursor.execute("DROP TABLE mysqlclient_app")
connection.ping()
connection.close()
print("ok")
