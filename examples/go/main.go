// go-sql-driver behind database/sql: its own pool, prepared statements on any connection of it.
package main

import (
	"database/sql"
	"fmt"
	"os"

	_ "github.com/go-sql-driver/mysql"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func count(db interface {
	QueryRow(string, ...interface{}) *sql.Row
}) (n int) {
	must(db.QueryRow("SELECT COUNT(*) FROM go_app FOR UPDATE").Scan(&n))
	return n
}

func main() {
	host, port, user, password, database := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s:%s)/%s", user, password, host, port, database))
	must(err)
	db.SetMaxOpenConns(4)
	_, err = db.Exec("DROP TABLE IF EXISTS go_app")
	must(err)
	_, err = db.Exec("CREATE TABLE go_app (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))")
	must(err)
	result, err := db.Exec("INSERT INTO go_app (name) VALUES (?), (?)", "größe", "it's")
	must(err)
	id, err := result.LastInsertId()
	must(err)
	if id != 1 {
		must(fmt.Errorf("id %d", id))
	}
	insert, err := db.Prepare("INSERT INTO go_app (name) VALUES (?)")
	must(err)
	for i := 0; i < 20; i++ {
		_, err = insert.Exec(fmt.Sprint(i))
		must(err)
	}
	must(insert.Close())
	transaction, err := db.Begin()
	must(err)
	_, err = transaction.Exec("DELETE FROM go_app WHERE id > ?", 2)
	must(err)
	if n := count(transaction); n != 2 {
		must(fmt.Errorf("%d rows in the transaction", n))
	}
	must(transaction.Rollback())
	if n := count(db); n != 22 {
		must(fmt.Errorf("%d rows behind it", n))
	}
	_, err = db.Exec("DROP TABLE go_app")
	must(err)
	must(db.Ping())
	must(db.Close())
	fmt.Println("ok")
}
