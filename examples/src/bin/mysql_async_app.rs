//! mysql_async: a pool that resets connections between uses.

use mysql_async::prelude::Queryable as _;
use mysql_async::{OptsBuilder, Pool, PoolConstraints, PoolOpts, TxOpts};

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "the verdict")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, host, port, user, password, database] = arguments.as_slice() else {
        return Err("HOST PORT USER PASSWORD DATABASE".into());
    };
    let constraints = PoolConstraints::new(1, 4).unwrap_or_default();
    let options = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port.parse()?)
        .user(Some(user))
        .pass(Some(password))
        .db_name(Some(database))
        .prefer_socket(false)
        .pool_opts(PoolOpts::default().with_constraints(constraints));
    let pool = Pool::new(options);
    let mut conn = pool.get_conn().await?;
    conn.query_drop("DROP TABLE IF EXISTS mysql_async_app").await?;
    conn.query_drop("CREATE TABLE mysql_async_app (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))").await?;
    let insert = conn.prep("INSERT INTO mysql_async_app (name) VALUES (?)").await?;
    conn.exec_batch(&insert, [("größe",), ("it's",)]).await?;
    drop(conn);
    for _ in 0..5 {
        let mut conn = pool.get_conn().await?;
        let mut transaction = conn.start_transaction(TxOpts::default()).await?;
        transaction.exec_drop("DELETE FROM mysql_async_app WHERE id = ?", (1,)).await?;
        let left: Option<u32> = transaction.query_first("SELECT COUNT(*) FROM mysql_async_app").await?;
        assert_eq!(left, Some(1));
        transaction.rollback().await?;
    }
    let mut conn = pool.get_conn().await?;
    let names: Vec<String> = conn.query("SELECT name FROM mysql_async_app ORDER BY id FOR UPDATE").await?;
    assert_eq!(names, ["größe", "it's"]);
    conn.query_drop("DROP TABLE mysql_async_app").await?;
    drop(conn);
    pool.disconnect().await?;
    println!("ok");
    Ok(())
}
