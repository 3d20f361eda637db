// go-sql-driver behind database/sql: go run main.go HOST PORT USER PASSWORD DATABASE
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

var host, port, user, password, database = os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]

// limit is how long any statement may take: a program that hangs is to say where.
const limit = 20 * time.Second

func say(what ...interface{}) { fmt.Println(what...) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), limit)
}

// fails says an error as far as it does not name addresses.
func fails(err error) {
	var server *mysql.MySQLError
	switch {
	case err == nil:
		say("no error")
	case errors.As(err, &server):
		say("error", server.Number)
	default:
		say("error", err)
	}
}

func connect(options string, most int) *sql.DB {
	dsn := fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?timeout=20s&readTimeout=20s&%s", user, password, host, port, database, options)
	db, err := sql.Open("mysql", dsn)
	must(err)
	db.SetMaxOpenConns(most)
	return db
}

// asker is a pool, a connection of it or a transaction.
type asker interface {
	QueryContext(context.Context, string, ...interface{}) (*sql.Rows, error)
	ExecContext(context.Context, string, ...interface{}) (sql.Result, error)
}

func written(value interface{}) string {
	switch value := value.(type) {
	case nil:
		return "NULL"
	case []byte:
		return fmt.Sprintf("%q", value)
	default:
		return fmt.Sprintf("%v", value)
	}
}

// results gives every result set with its columns, types and rows.
func results(rows *sql.Rows) (out []string) {
	defer rows.Close()
	for {
		types, err := rows.ColumnTypes()
		must(err)
		for _, column := range types {
			nullable, _ := column.Nullable()
			out = append(out, fmt.Sprintf("%s:%s:%v", column.Name(), column.DatabaseTypeName(), nullable))
		}
		for rows.Next() {
			values, places := make([]interface{}, len(types)), make([]interface{}, len(types))
			for i := range values {
				places[i] = &values[i]
			}
			must(rows.Scan(places...))
			out = append(out, "|")
			for _, value := range values {
				out = append(out, written(value))
			}
		}
		must(rows.Err())
		if !rows.NextResultSet() {
			return out
		}
		out = append(out, "||")
	}
}

func query(on asker, text string, arguments ...interface{}) {
	ctx, cancel := within()
	defer cancel()
	rows, err := on.QueryContext(ctx, text, arguments...)
	if err != nil {
		fails(err)
		return
	}
	say(results(rows))
}

func run(on asker, text string, arguments ...interface{}) {
	ctx, cancel := within()
	defer cancel()
	result, err := on.ExecContext(ctx, text, arguments...)
	if err != nil {
		fails(err)
		return
	}
	id, err := result.LastInsertId()
	must(err)
	affected, err := result.RowsAffected()
	must(err)
	say(id, affected)
}

func options() {
	say("== options")
	for _, option := range []string{"", "clientFoundRows=true", "parseTime=true", "multiStatements=true",
		"interpolateParams=true", "collation=utf8mb4_bin", "sql_mode=ANSI_QUOTES", "charset=latin1", "columnsWithAlias=true"} {
		db := connect(option, 1)
		say(option)
		run(db, "UPDATE items SET amount = amount WHERE id = ?", 1)
		query(db, "SELECT @@sql_mode LIKE '%ANSI_QUOTES%', @@collation_connection, name, ? FROM items WHERE id = 1", "größe")
		query(db, "SELECT 1; SELECT 2 UNION SELECT 3")
		must(db.Close())
	}
	for _, wrong := range []string{user + ":wrong@tcp(" + host + ":" + port + ")/" + database,
		user + ":" + password + "@tcp(" + host + ":" + port + ")/nowhere"} {
		db, err := sql.Open("mysql", wrong)
		must(err)
		fails(db.Ping())
		must(db.Close())
	}
}

func types(option string) {
	say("== types", option)
	db := connect(option, 2)
	defer db.Close()
	at := time.Date(2020, 1, 2, 3, 4, 5, 678901000, time.UTC)
	run(db, "INSERT INTO types (tiny, big, price, ratio, born, at, seen, name, bytes, body, doc, yes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		-5, uint64(18446744073709551615), "12345.67890", 1.5, "2020-02-29", "10:11:12", at, "größe", []byte{0, 255},
		strings.Repeat("x", 60000), "[1, 2]", true)
	run(db, "INSERT INTO types (tiny) VALUES (?)", nil)
	for i := 0; i < 3; i++ {
		query(db, "SELECT id, tiny, big, price, ratio, born, at, seen, name, bytes, LENGTH(body), doc, yes, bits, kind, flags, year_of FROM types WHERE id > ? ORDER BY id", 0)
		query(db, "SELECT id, tiny, big, price, ratio, born, at, seen, name, bytes, LENGTH(body), doc, yes FROM types ORDER BY id")
	}
	query(db, "SELECT ?, ?, ?", int64(-1), 2.5, at)
	run(db, "DELETE FROM types")
}

func statements() {
	say("== statements")
	db := connect("", 4)
	defer db.Close()
	insert, err := db.Prepare("INSERT INTO items (name, amount) VALUES (?, ?)")
	must(err)
	for i := 0; i < 20; i++ {
		result, err := insert.Exec(fmt.Sprint("item", i), i)
		must(err)
		affected, err := result.RowsAffected()
		must(err)
		say(affected)
	}
	_, err = insert.Exec("apple", 1)
	fails(err)
	_, err = insert.Exec("too few")
	fails(err)
	must(insert.Close())
	read, err := db.Prepare("SELECT name FROM items WHERE amount > ? ORDER BY id")
	must(err)
	for i := 15; i < 20; i++ {
		rows, err := read.Query(i)
		must(err)
		say(results(rows))
	}
	must(read.Close())
	_, err = db.Prepare("SELEC ?")
	fails(err)
	// What is not read to its end is read away in front of the connection's next statement.
	rows, err := db.Query("SELECT id FROM items ORDER BY id")
	must(err)
	say(rows.Next())
	must(rows.Close())
	run(db, "DELETE FROM items WHERE name LIKE ?", "item%")
	query(db, "SELECT * FROM nowhere")
	query(db, "SELEC")
}

func transactions() {
	say("== transactions")
	db := connect("", 2)
	defer db.Close()
	for _, how := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}, {Isolation: sql.LevelReadCommitted}} {
		ctx, cancel := within()
		transaction, err := db.BeginTx(ctx, how)
		must(err)
		run(transaction, "UPDATE items SET amount = amount + 1 WHERE id = ?", 1)
		query(transaction, "SELECT amount FROM items WHERE id = 1")
		must(transaction.Rollback())
		cancel()
		query(db, "SELECT amount FROM items WHERE id = ?", 1)
	}
	ctx, cancel := within()
	defer cancel()
	transaction, err := db.BeginTx(ctx, nil)
	must(err)
	prepared, err := transaction.Prepare("UPDATE items SET amount = ? WHERE id = ?")
	must(err)
	_, err = prepared.Exec(7, 1)
	must(err)
	must(transaction.Commit())
	query(db, "SELECT amount FROM items WHERE id = 1")
	run(db, "UPDATE items SET amount = 1 WHERE id = 1")
}

func sessions() {
	say("== sessions")
	db := connect("multiStatements=true", 3)
	defer db.Close()
	ctx, cancel := within()
	defer cancel()
	session, err := db.Conn(ctx)
	must(err)
	run(session, "SET @v = 41, SESSION sql_mode = 'ANSI_QUOTES'")
	query(session, "SELECT @v + ?, @@sql_mode", 1)
	run(session, "CREATE TEMPORARY TABLE mine (id INT)")
	run(session, "INSERT INTO mine VALUES (1), (2); INSERT INTO mine VALUES (3)")
	query(session, "SELECT SUM(id) FROM mine")
	query(session, "CALL two_results()")
	query(session, "SELECT 1; CALL two_results(); SELECT 'end'")
	run(session, "SET @c = 3; CALL double_it(2, @b, @c)")
	query(session, "SELECT @b, @c")
	must(session.PingContext(ctx))
	must(session.Close())
	mysql.RegisterReaderHandler("lines", func() io.Reader { return strings.NewReader("a1,1\na2,2\n") })
	run(db, "LOAD DATA LOCAL INFILE 'Reader::lines' INTO TABLE items FIELDS TERMINATED BY ',' (name, amount)")
	query(db, "SELECT name, amount FROM items WHERE name LIKE 'a_' ORDER BY name")
	run(db, "DELETE FROM items WHERE name LIKE 'a_'")
}

func cancelled() {
	say("== cancelled")
	db := connect("", 1)
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := db.ExecContext(ctx, "DO SLEEP(20)")
	say(err)
	// The pool has a new connection for the next.
	query(db, "SELECT name FROM items WHERE id = ?", 2)
}

func main() {
	options()
	types("")
	types("parseTime=true&interpolateParams=true")
	statements()
	transactions()
	sessions()
	cancelled()
}
