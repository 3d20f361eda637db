//! sqlx: everything but transactions' brackets is a prepared statement.

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor as _, Row as _};

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "the verdict")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, host, port, user, password, database] = arguments.as_slice() else {
        return Err("HOST PORT USER PASSWORD DATABASE".into());
    };
    let options =
        MySqlConnectOptions::new().host(host).port(port.parse()?).username(user).password(password).database(database);
    let pool = MySqlPoolOptions::new().max_connections(4).connect_with(options).await?;
    pool.execute("DROP TABLE IF EXISTS sqlx_app").await?;
    pool.execute("CREATE TABLE sqlx_app (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))").await?;
    for name in ["größe", "it's"] {
        let done = sqlx::query("INSERT INTO sqlx_app (name) VALUES (?)").bind(name).execute(&pool).await?;
        assert_eq!(done.rows_affected(), 1);
    }
    let mut transaction = pool.begin().await?;
    sqlx::query("DELETE FROM sqlx_app WHERE id = ?").bind(1).execute(&mut *transaction).await?;
    let left: i64 = sqlx::query("SELECT COUNT(*) FROM sqlx_app").fetch_one(&mut *transaction).await?.get(0);
    assert_eq!(left, 1);
    transaction.rollback().await?;
    let rows = sqlx::query("SELECT name FROM sqlx_app ORDER BY id FOR UPDATE").fetch_all(&pool).await?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["größe", "it's"]);
    pool.execute("DROP TABLE sqlx_app").await?;
    pool.close().await;
    println!("ok");
    Ok(())
}
