//! sqlx: `matrix_sqlx HOST PORT USER PASSWORD DATABASE`
#![allow(clippy::print_stdout, reason = "what it saw is what it is for")]

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions, MySqlRow, MySqlSslMode};
use sqlx::types::chrono::{NaiveDate, NaiveDateTime};
use sqlx::{Column as _, ConnectOptions as _, Connection as _, Executor as _, Row as _, TypeInfo as _};
use std::time::Duration;

type Done = Result<(), Box<dyn std::error::Error>>;

fn told<T: std::fmt::Debug>(result: Result<T, sqlx::Error>) -> String {
    match result {
        Ok(value) => format!("no error: {value:?}"),
        Err(sqlx::Error::Database(error)) => format!("error {:?} {}", error.code(), error.message()),
        Err(error) => format!("other error {error}"),
    }
}

fn columns(row: &MySqlRow) -> Vec<String> {
    row.columns().iter().map(|column| format!("{}:{}", column.name(), column.type_info().name())).collect()
}

async fn options(base: &MySqlConnectOptions, wrong: &str) -> Done {
    println!("== options");
    let variants = [
        base.clone(),
        base.clone().charset("latin1"),
        base.clone().collation("utf8mb4_bin"),
        base.clone().ssl_mode(MySqlSslMode::Disabled),
        base.clone().statement_cache_capacity(1),
        base.clone().timezone(Some("+02:00".to_owned())),
    ];
    for options in variants {
        let mut conn = options.connect().await?;
        let sql = "SELECT DATABASE(), @@character_set_client, @@collation_connection, @@time_zone, @@sql_mode";
        let row: (String, String, String, String, String) = sqlx::query_as(sql).fetch_one(&mut conn).await?;
        println!("{row:?}");
        let done = sqlx::query("UPDATE items SET amount = amount WHERE id = ?").bind(1).execute(&mut conn).await?;
        println!("{}", done.rows_affected());
        conn.ping().await?;
        conn.close().await?;
    }
    println!("{}", told(base.clone().password(wrong).connect().await.map(drop)));
    Ok(())
}

async fn types(conn: &mut MySqlConnection) -> Done {
    println!("== types");
    let sql = "INSERT INTO types (tiny, big, price, ratio, born, seen, name, bytes, doc, yes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let at = NaiveDate::from_ymd_opt(2020, 1, 2).and_then(|day| day.and_hms_micro_opt(3, 4, 5, 678_901));
    let done = sqlx::query(sql)
        .bind(-5)
        .bind(u64::MAX)
        .bind("12345.67890")
        .bind(1.5)
        .bind(NaiveDate::from_ymd_opt(2020, 2, 29))
        .bind(at)
        .bind("größe")
        .bind(vec![0u8, 255])
        .bind("[1]")
        .bind(true)
        .execute(&mut *conn)
        .await?;
    println!("{} {}", done.rows_affected(), done.last_insert_id());
    conn.execute("INSERT INTO types (tiny) VALUES (NULL)").await?;
    let rows = sqlx::query("SELECT * FROM types ORDER BY id").fetch_all(&mut *conn).await?;
    for row in &rows {
        let (tiny, big): (Option<i8>, Option<u64>) = (row.try_get("tiny")?, row.try_get("big")?);
        let (born, seen): (Option<NaiveDate>, Option<NaiveDateTime>) = (row.try_get("born")?, row.try_get("seen")?);
        let (name, bytes): (Option<String>, Option<Vec<u8>>) = (row.try_get("name")?, row.try_get("bytes")?);
        println!("{:?} {tiny:?} {big:?} {born:?} {seen:?} {name:?} {bytes:?}", columns(row));
    }
    Ok(())
}

async fn statements(conn: &mut MySqlConnection, base: &MySqlConnectOptions) -> Done {
    println!("== statements");
    for id in [1, 2, 3, 9] {
        let found: Option<(String, i32)> =
            sqlx::query_as("SELECT name, amount FROM items WHERE id = ?").bind(id).fetch_optional(&mut *conn).await?;
        println!("{found:?}");
    }
    for n in 0..150 {
        let sum: i64 = sqlx::query_scalar(&format!("SELECT {n} + ?")).bind(n).fetch_one(&mut *conn).await?;
        assert_eq!(sum, 2 * n);
    }
    let pool = MySqlPoolOptions::new().max_connections(3).connect_with(base.clone()).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..30 {
        let pool = pool.clone();
        tasks.spawn(async move {
            let name = format!("pool{n}");
            sqlx::query("INSERT INTO items (name, amount) VALUES (?, ?)").bind(&name).bind(n).execute(&pool).await?;
            let seen: i32 =
                sqlx::query_scalar("SELECT amount FROM items WHERE name = ?").bind(&name).fetch_one(&pool).await?;
            assert_eq!(seen, n);
            Ok::<_, sqlx::Error>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let done = sqlx::query("DELETE FROM items WHERE name LIKE 'pool%'").execute(&pool).await?;
    println!("{}", done.rows_affected());
    pool.close().await;
    Ok(())
}

async fn transactions(conn: &mut MySqlConnection) -> Done {
    println!("== transactions");
    let count = "SELECT COUNT(*) FROM items";
    let mut outer = conn.begin().await?;
    outer.execute("INSERT INTO items (name, amount) VALUES ('outer', 1)").await?;
    let mut inner = outer.begin().await?;
    inner.execute("INSERT INTO items (name, amount) VALUES ('inner', 1)").await?;
    let inside: i64 = sqlx::query_scalar(count).fetch_one(&mut *inner).await?;
    inner.rollback().await?;
    let between: i64 = sqlx::query_scalar(count).fetch_one(&mut *outer).await?;
    drop(outer);
    let after: i64 = sqlx::query_scalar(count).fetch_one(&mut *conn).await?;
    println!("{inside} {between} {after}");
    let mut read_only = conn.begin_with("START TRANSACTION READ ONLY").await?;
    println!("{}", told(read_only.execute("DELETE FROM items").await.map(|done| done.rows_affected())));
    read_only.commit().await?;
    Ok(())
}

async fn several(conn: &mut MySqlConnection) -> Done {
    println!("== several results");
    let rows = sqlx::raw_sql("SELECT 1 AS a; SELECT id AS a FROM items WHERE id < 4 ORDER BY id").fetch_all(&mut *conn);
    for row in rows.await? {
        println!("{:?}", columns(&row));
    }
    let rows = sqlx::query("CALL two_results()").fetch_all(&mut *conn).await?;
    println!("{}", rows.len());
    Ok(())
}

async fn cancellation(base: &MySqlConnectOptions, conn: &mut MySqlConnection) -> Done {
    println!("== cancellation");
    let pool = MySqlPoolOptions::new().max_connections(1).connect_with(base.clone()).await?;
    let asked = tokio::time::timeout(Duration::from_millis(200), sqlx::query("SELECT SLEEP(30)").execute(&pool)).await;
    println!("{}", asked.is_err());
    pool.close().await;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM items WHERE id < 4").fetch_one(&mut *conn).await?;
    println!("{count}");
    for sql in ["SELEC 1", "SELECT * FROM nowhere", "INSERT INTO items (name) VALUES ('apple')"] {
        println!("{}", told(sqlx::query(sql).execute(&mut *conn).await.map(|done| done.rows_affected())));
    }
    let length: i64 = sqlx::query_scalar("SELECT LENGTH(?)").bind("y".repeat(2_000_000)).fetch_one(&mut *conn).await?;
    println!("{length}");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, host, port, user, password, database] = arguments.as_slice() else {
        return Err("HOST PORT USER PASSWORD DATABASE".into());
    };
    let base =
        MySqlConnectOptions::new().host(host).port(port.parse()?).username(user).password(password).database(database);
    let mut conn = base.connect().await?;
    options(&base, "wrong").await?;
    types(&mut conn).await?;
    statements(&mut conn, &base).await?;
    transactions(&mut conn).await?;
    several(&mut conn).await?;
    cancellation(&base, &mut conn).await?;
    conn.close().await?;
    Ok(())
}
