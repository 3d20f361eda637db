//! mysql_async: `matrix_mysql_async HOST PORT USER PASSWORD DATABASE`
#![allow(clippy::print_stdout, reason = "what it saw is what it is for")]

use mysql_async::prelude::Queryable as _;
use mysql_async::{
    ChangeUserOpts, Conn, Error, IsolationLevel, OptsBuilder, Pool, PoolConstraints, PoolOpts, Row, TxOpts, Value,
    params,
};
use std::fmt::Debug;
use std::io::Write as _;
use std::time::Duration;

type Done = Result<(), Box<dyn std::error::Error>>;

fn told<T: Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(value) => format!("no error: {value:?}"),
        Err(Error::Server(error)) => format!("error {} {} {}", error.code, error.state, error.message),
        Err(error) => format!("other error {error}"),
    }
}

async fn rows(conn: &mut Conn, sql: &str) -> Result<Vec<String>, Error> {
    let rows: Vec<Row> = conn.query(sql).await?;
    Ok(rows.into_iter().map(|row| format!("{:?}", row.unwrap())).collect())
}

async fn options(base: &OptsBuilder) -> Done {
    println!("== options");
    let variants = [
        base.clone(),
        base.clone().client_found_rows(true),
        base.clone().init(vec!["SET SESSION sql_mode = 'ANSI_QUOTES'"]),
        base.clone().compression(Some(mysql_async::Compression::fast())),
        base.clone().stmt_cache_size(Some(1)),
    ];
    for options in variants {
        let mut conn = Conn::new(options).await?;
        conn.query_drop("UPDATE items SET amount = amount WHERE id = 1").await?;
        println!("{} {:?} {:?}", conn.affected_rows(), conn.info(), conn.server_version());
        println!("{:?}", rows(&mut conn, "SELECT DATABASE(), @@sql_mode LIKE '%ANSI_QUOTES%'").await?);
        conn.ping().await?;
        conn.disconnect().await?;
    }
    println!("{}", told(Conn::new(base.clone().pass(Some("wrong"))).await.map(drop)));
    Ok(())
}

async fn prepared(conn: &mut Conn) -> Done {
    println!("== prepared");
    let insert =
        "INSERT INTO types (tiny, big, price, ratio, born, seen, name, bytes, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values: Vec<Value> = vec![
        Value::Int(-5),
        Value::UInt(u64::MAX),
        "12345.67890".into(),
        Value::Double(1.5),
        Value::Date(2020, 2, 29, 0, 0, 0, 0),
        Value::Date(2020, 1, 2, 3, 4, 5, 678_901),
        "größe".into(),
        vec![0u8, 255].into(),
        "[1]".into(),
    ];
    conn.exec_drop(insert, values).await?;
    println!("{:?} {}", conn.last_insert_id(), conn.affected_rows());
    conn.exec_drop(insert, vec![Value::NULL; 9]).await?;
    for from in [1, 2] {
        let rows: Vec<Row> = conn.exec("SELECT * FROM types WHERE id >= ? ORDER BY id", (from,)).await?;
        println!("{:?}", rows.into_iter().map(Row::unwrap).collect::<Vec<_>>());
    }
    let named = "SELECT name FROM items WHERE id = :id OR name = :name ORDER BY id";
    let names: Vec<String> = conn.exec(named, params! { "id" => 1, "name" => "plum" }).await?;
    println!("{names:?}");
    let each = (0..20).map(|n| (format!("batch{n}"), n));
    conn.exec_batch("INSERT INTO items (name, amount) VALUES (?, ?)", each).await?;
    println!("{:?}", rows(conn, "SELECT COUNT(*), SUM(amount) FROM items WHERE name LIKE 'batch%'").await?);
    // More statements than the cache has room for.
    for n in 0..50 {
        let value: Option<i64> = conn.exec_first(format!("SELECT {n} + ?"), (n,)).await?;
        assert_eq!(value, Some(2 * n));
    }
    Ok(())
}

async fn transactions(conn: &mut Conn, base: &OptsBuilder) -> Done {
    println!("== transactions");
    let mut other = Conn::new(base.clone()).await?;
    for (level, read_only) in
        [(None, false), (Some(IsolationLevel::ReadCommitted), false), (Some(IsolationLevel::Serializable), true)]
    {
        let mut options = TxOpts::default();
        options.with_isolation_level(level).with_readonly(read_only);
        let mut transaction = conn.start_transaction(options).await?;
        println!("{}", told(transaction.query_drop("UPDATE items SET amount = amount + 1 WHERE id = 1").await));
        let inside: Option<i32> = transaction.query_first("SELECT amount FROM items WHERE id = 1").await?;
        let outside: Option<i32> = other.query_first("SELECT amount FROM items WHERE id = 1").await?;
        println!("{inside:?} {outside:?}");
        transaction.rollback().await?;
    }
    let mut transaction = other.start_transaction(TxOpts::default()).await?;
    transaction.query_drop("INSERT INTO items (name, amount) VALUES ('dropped', 1)").await?;
    drop(transaction);
    println!("{:?}", rows(&mut other, "SELECT COUNT(*) FROM items WHERE name = 'dropped'").await?);
    other.disconnect().await?;
    Ok(())
}

async fn several(conn: &mut Conn) -> Done {
    println!("== several results");
    for sql in ["CALL two_results()", "SELECT 1; SELECT name FROM items WHERE id < 3 ORDER BY id; DO 1; SELECT 4"] {
        let mut result = conn.query_iter(sql).await?;
        while !result.is_empty() {
            let rows: Vec<Row> = result.collect().await?;
            println!("{:?}", rows.into_iter().map(Row::unwrap).collect::<Vec<_>>());
        }
        result.drop_result().await?;
    }
    println!("{}", told(conn.query_drop("SELECT 1; SELEC 2").await));
    println!("{:?}", rows(conn, "SELECT COUNT(*) FROM items WHERE id < 4").await?);
    Ok(())
}

async fn infile(base: &OptsBuilder) -> Done {
    println!("== files");
    let mut file = tempfile::NamedTempFile::new()?;
    for n in 0..2000 {
        writeln!(file, "file{n},{n}")?;
    }
    let handler = mysql_async::WhiteListFsHandler::new([file.path()]);
    let mut conn = Conn::new(base.clone().local_infile_handler(Some(handler))).await?;
    let load = |table: &str| {
        format!(
            "LOAD DATA LOCAL INFILE '{}' INTO TABLE {table} FIELDS TERMINATED BY ',' (name, amount)",
            file.path().display()
        )
    };
    conn.query_drop(load("items")).await?;
    println!("{} {:?}", conn.affected_rows(), conn.info());
    println!("{:?}", rows(&mut conn, "SELECT COUNT(*), SUM(amount) FROM items WHERE name LIKE 'file%'").await?);
    println!("{}", told(conn.query_drop(load("nowhere")).await));
    conn.query_drop("DELETE FROM items WHERE name LIKE 'file%'").await?;
    conn.disconnect().await?;
    Ok(())
}

async fn cancellation(conn: &mut Conn, base: &OptsBuilder) -> Done {
    println!("== cancellation");
    let mut victim = Conn::new(base.clone()).await?;
    let id = victim.id();
    let asked = async {
        let result: Result<Option<i32>, Error> = victim.query_first("SELECT SLEEP(30)").await;
        told(result)
    };
    let mut asked = std::pin::pin!(asked);
    let said = loop {
        match tokio::time::timeout(Duration::from_millis(50), &mut asked).await {
            Ok(said) => break said,
            Err(_) => conn.query_drop(format!("KILL QUERY {id}")).await?,
        }
    };
    println!("{said}");
    conn.query_drop(format!("KILL {id}")).await?;
    // A connection that is dropped in the middle of a reply.
    let mut late = Conn::new(base.clone()).await?;
    let waited = tokio::time::timeout(Duration::from_millis(100), late.query_drop("SELECT SLEEP(30)")).await;
    println!("{}", waited.is_err());
    drop(late);
    println!("{:?}", rows(conn, "SELECT COUNT(*) FROM items WHERE id < 4").await?);
    Ok(())
}

async fn reuse(base: &OptsBuilder) -> Done {
    println!("== reuse");
    let constraints = PoolConstraints::new(1, 2).unwrap_or_default();
    let pool = Pool::new(base.clone().pool_opts(PoolOpts::default().with_constraints(constraints)));
    for n in 0..5 {
        let mut conn = pool.get_conn().await?;
        println!("{:?}", rows(&mut conn, "SELECT @kept, @@sql_mode LIKE '%ANSI_QUOTES%', DATABASE()").await?);
        conn.query_drop(format!("SET @kept = {n}, SESSION sql_mode = 'ANSI_QUOTES'")).await?;
    }
    pool.disconnect().await?;
    let mut conn = Conn::new(base.clone()).await?;
    conn.query_drop("SET @kept = 1").await?;
    let options = ChangeUserOpts::new().with_db_name(Some("mysql".to_owned()));
    conn.change_user(options).await?;
    println!("{:?}", rows(&mut conn, "SELECT @kept, DATABASE()").await?);
    conn.disconnect().await?;
    Ok(())
}

async fn errors(conn: &mut Conn) -> Done {
    println!("== errors");
    for sql in ["SELEC 1", "SELECT * FROM nowhere", "INSERT INTO items (name) VALUES ('apple')", "SELECT nothing"] {
        println!("{}", told(conn.query_drop(sql).await));
        println!("{}", told(conn.exec_drop(sql, ()).await));
    }
    conn.query_drop("INSERT IGNORE INTO items (name, amount) VALUES ('apple', 'x')").await?;
    println!("{} {:?}", conn.get_warnings(), rows(conn, "SHOW WARNINGS").await?);
    let length: Option<u64> = conn.exec_first("SELECT LENGTH(?)", ("y".repeat(2_000_000),)).await?;
    println!("{length:?}");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, host, port, user, password, database] = arguments.as_slice() else {
        return Err("HOST PORT USER PASSWORD DATABASE".into());
    };
    let base = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port.parse()?)
        .user(Some(user))
        .pass(Some(password))
        .db_name(Some(database))
        .prefer_socket(false);
    let mut conn = Conn::new(base.clone()).await?;
    options(&base).await?;
    prepared(&mut conn).await?;
    transactions(&mut conn, &base).await?;
    several(&mut conn).await?;
    infile(&base).await?;
    cancellation(&mut conn, &base).await?;
    reuse(&base).await?;
    errors(&mut conn).await?;
    conn.disconnect().await?;
    Ok(())
}
