//! Promise: when a session ends, a server undoes and keeps what it would if its client had been connected there: a reset of the
//! connection is no disconnect.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_tests::raw::RawClient;
use splitfin_tests::{Family, PATIENCE, Stage, Told, eventually, story};

const WORKERS: &str = "workers: 2";

/// How a session leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Quits,
    IsCutOff,
    Resets,
    ChangesUser,
}

const LEAVES: [Leaves; 4] = [Leaves::Quits, Leaves::IsCutOff, Leaves::Resets, Leaves::ChangesUser];

/// Runs statements in a session that leaves then. One that goes on comes back.
async fn run(stage: &Stage, how: Leaves, statements: &[&str]) -> Result<Option<Conn>, Box<dyn std::error::Error>> {
    if how == Leaves::IsCutOff {
        let port = stage.port;
        let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
        let ran = tokio::task::spawn_blocking(move || {
            let shape = Capabilities::PROTOCOL_41 | Capabilities::DEPRECATE_EOF;
            let (mut client, _) =
                RawClient::log_in(port, "app", "secret", Some("shop"), shape).map_err(|error| error.to_string())?;
            for sql in statements {
                let (outcome, _) = client.ask(CommandByte::Query, sql.as_bytes()).map_err(|error| error.to_string())?;
                if let Some(error) = outcome.error {
                    return Err(format!("{sql}: {}", error.message));
                }
            }
            Ok(())
        });
        ran.await??;
        return Ok(None);
    }
    let mut session = stage.client().await?;
    for sql in statements {
        session.query_drop(*sql).await?;
    }
    match how {
        Leaves::Quits => session.disconnect().await?,
        Leaves::ChangesUser => {
            session.change_user(mysql_async::ChangeUserOpts::default()).await?;
            return Ok(Some(session));
        }
        _ => {
            session.reset().await?;
            return Ok(Some(session));
        }
    }
    Ok(None)
}

async fn rows(stage: &Stage, item: &str) -> Result<Vec<u64>, Box<dyn std::error::Error>> {
    stage.cluster.caught_up().await?;
    let mut rows = Vec::new();
    for server in stage.cluster.servers() {
        let sql = format!("SELECT COUNT(*) FROM shop.orders WHERE item = '{item}'");
        rows.push(server.root().await?.query_first(sql).await?.unwrap_or_default());
    }
    Ok(rows)
}

story! {
    a_prepared_transaction_is_committed_by_another_session, async |family| -> Told {
        let stage = Stage::with(family, WORKERS).await?;
        stage.table().await?;
        for how in LEAVES {
            for commits in [true, false] {
                let item = format!("{how:?}{commits}");
                let insert = format!("INSERT INTO orders (item) VALUES ('{item}')");
                let kept = run(&stage, how, &["XA START 'x'", &insert, "XA END 'x'", "XA PREPARE 'x'"]).await?;
                let mut other = stage.client().await?;
                let verb = if commits { "COMMIT" } else { "ROLLBACK" };
                // A server needs a moment to notice that its client is gone, and refuses until then.
                eventually("it is there for others", PATIENCE, async || {
                    other.query_drop(format!("XA {verb} 'x'")).await.map_err(|error| error.to_string())
                })
                .await?;
                let expected = u64::from(commits);
                assert_eq!(rows(&stage, &item).await?, [expected; 3], "{how:?} {verb}");
                // Nothing keeps its locks.
                other.query_drop("SET innodb_lock_wait_timeout = 1").await?;
                other.query_drop(format!("UPDATE orders SET amount = 7 WHERE item = '{item}'")).await?;
                other.query_drop("SELECT COUNT(*) FROM orders FOR UPDATE").await?;
                let left: Vec<mysql_async::Row> = other.query("XA RECOVER").await?;
                assert!(left.is_empty(), "{left:?}");
                let again = other.query_drop(format!("XA {verb} 'x'")).await;
                assert!(again.is_err_and(|error| error.to_string().contains("XAER_NOTA")));
                if let Some(mut kept) = kept {
                    kept.query_drop("INSERT INTO orders (item) VALUES ('goes on')").await?;
                }
            }
        }
        Ok(())
    }
}

story! {
    a_transaction_that_was_not_prepared_is_rolled_back, async |family| -> Told {
        let stage = Stage::with(family, WORKERS).await?;
        stage.table().await?;
        for how in LEAVES {
            for ended in [true, false] {
                let insert = "INSERT INTO orders (item) VALUES ('lost')";
                let all = ["XA START 'y'", insert, "XA END 'y'"];
                run(&stage, how, if ended { &all } else { &all[..2] }).await?;
                let mut other = stage.client().await?;
                eventually("it is gone", PATIENCE, async || match other.query_drop("XA START 'y'").await {
                    Ok(()) => Ok(()),
                    Err(error) => Err(error.to_string()),
                })
                .await?;
                other.query_drop("XA END 'y'").await?;
                other.query_drop("XA COMMIT 'y' ONE PHASE").await?;
                assert_eq!(rows(&stage, "lost").await?, [0; 3], "{how:?}");
            }
        }
        Ok(())
    }
}

story! {
    what_a_routine_prepared_is_kept_as_well, async |family| -> Told {
        let stage = Stage::with(family, WORKERS).await?;
        stage.table().await?;
        let body = "CREATE PROCEDURE xa() BEGIN XA START 'z'; INSERT INTO orders (item) VALUES ('routine'); XA END 'z'; XA PREPARE 'z'; END";
        let mut other = stage.client().await?;
        other.query_drop(body).await?;
        run(&stage, Leaves::Quits, &["CALL xa()"]).await?;
        eventually("it is there for others", PATIENCE, async || {
            other.query_drop("XA COMMIT 'z'").await.map_err(|error| error.to_string())
        })
        .await?;
        assert_eq!(rows(&stage, "routine").await?, [1; 3]);
        Ok(())
    }
}

story! {
    an_xa_transaction_holds_its_connection_no_longer_than_the_server_does, async |family| -> Told {
        let stage = Stage::with(family, WORKERS).await?;
        stage.table().await?;
        let mut session = stage.client().await?;
        for failing in ["XA START", "XA COMMIT 'never'", "XA END 'never'", "XA PREPARE 'never'", "XA ROLLBACK 'never'"] {
            assert!(session.query_drop(failing).await.is_err());
        }
        session.query_drop("XA START 'a'").await?;
        for failing in ["XA START 'b'", "COMMIT", "XA COMMIT 'b'", "XA PREPARE 'a'"] {
            assert!(session.query_drop(failing).await.is_err(), "{failing}");
        }
        session.query_drop("INSERT INTO orders (item) VALUES ('held')").await?;
        session.query_drop("XA END 'a'").await?;
        session.query_drop("XA PREPARE 'a'").await?;
        let detached = family == Family::Mysql;
        assert_eq!(session.query_drop("SELECT COUNT(*) FROM orders").await.is_ok(), detached);
        session.query_drop("XA COMMIT 'a'").await?;
        session.query_drop("SELECT COUNT(*) FROM orders").await?;
        let (_, reason) = Stage::read_route(&mut session, "SELECT COUNT(*) FROM orders").await?;
        assert!(!["transaction", "pinned"].contains(&reason.as_str()), "{reason}");
        assert_eq!(rows(&stage, "held").await?, [1; 3]);
        Ok(())
    }
}

story! {
    what_init_connect_did_is_there_for_everybody, async |family| -> Told {
        let stage = Stage::with(family, "auth: { mode: static, users: [{ name: u, password: pw }] }\nworkers: 1\npool: { max_connections: 2 }").await?;
        stage.table().await?;
        stage.cluster.primary.run(&["CREATE USER u IDENTIFIED BY 'pw'", "GRANT SELECT, INSERT ON *.* TO u"]).await?;
        stage.cluster.caught_up().await?;
        for server in stage.cluster.servers() {
            server.run(&["SET GLOBAL init_connect = 'SET @begun = 17, time_zone = ''+05:00'', group_concat_max_len = 77'"]).await?;
        }
        for round in 0..12 {
            let mut session = Conn::new(stage.options().user(Some("u")).pass(Some("pw"))).await?;
            let ask = "SELECT @begun, @@time_zone, @@group_concat_max_len";
            let seen: Option<(u64, String, u64)> = session.query_first(ask).await?;
            assert_eq!(seen, Some((17, "+05:00".into(), 77)), "session {round}");
            // The next one must not find these.
            session.query_drop("SET @begun = 3, @mine = 4").await?;
            session.query_drop("INSERT INTO orders (item) VALUES ('i')").await?;
            if round % 2 == 0 {
                session.query_drop("BEGIN").await?;
                session.query_drop("SELECT COUNT(*) FROM orders FOR UPDATE").await.ok();
            }
            session.disconnect().await?;
        }
        Ok(())
    }
}

#[test]
fn a_limit_of_the_account_is_kept() {
    splitfin_tests::block_on(async {
        let more =
            "auth: { mode: static, users: [{ name: u, password: pw }] }\nworkers: 1\npool: { max_connections: 1 }";
        let stage = Stage::with(Family::Mariadb, more).await?;
        let make = ["CREATE USER u IDENTIFIED BY 'pw'", "GRANT SELECT, INSERT ON *.* TO u WITH MAX_STATEMENT_TIME 3"];
        stage.cluster.primary.run(&make).await?;
        stage.cluster.caught_up().await?;
        for round in 0..6 {
            let mut session = Conn::new(stage.options().user(Some("u")).pass(Some("pw"))).await?;
            for sql in ["SELECT @@max_statement_time", "SELECT @@max_statement_time FROM DUAL FOR UPDATE"] {
                let limit: Option<f64> = session.query_first(sql).await?;
                assert_eq!(limit, Some(3.0), "session {round}");
            }
            session.query_drop("SET @own = 1").await?;
            session.query_drop("SET max_statement_time = 1").await?;
            session.disconnect().await?;
        }
        Ok(())
    });
}

story! {
    nobody_sees_what_a_session_has_profiled, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1\npool: { max_connections: 1 }").await?;
        let (on, show) = match family {
            Family::Mariadb => ("SET profiling = 1", "SHOW PROFILES"),
            Family::Mysql => ("SET optimizer_trace = 'enabled=on'", "SELECT QUERY FROM information_schema.OPTIMIZER_TRACE"),
        };
        for _ in 0..3 {
            let mut session = stage.client().await?;
            let seen: Vec<mysql_async::Row> = session.query(show).await?;
            assert!(seen.is_empty(), "{seen:?}");
            session.query_drop(on).await?;
            session.query_drop("SELECT 'a secret' FOR UPDATE").await?;
            session.disconnect().await?;
        }
        Ok(())
    }
}

story! {
    servers_are_told_the_end, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1\npool: { idle_timeout: 1s }").await?;
        // What is asked over stays open, and does not count itself.
        let mut root = stage.cluster.primary.root().await?;
        let aborted = async |root: &mut Conn| -> Result<u64, Box<dyn std::error::Error>> {
            let row: Option<(String, u64)> = root.query_first("SHOW GLOBAL STATUS LIKE 'Aborted_clients'").await?;
            Ok(row.map_or(0, |(_, count)| count))
        };
        let before = aborted(&mut root).await?;
        for _ in 0..10 {
            let mut session = stage.client().await?;
            session.query_drop("SELECT 1").await?;
            session.query_drop("SET @a = 1").await?;
            session.query_drop("XA START 'q'").await?;
            session.disconnect().await?;
        }
        eventually("connections are closed", PATIENCE, async || {
            let ask = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'app'";
            let open: Option<u64> = root.query_first(ask).await.map_err(|error| error.to_string())?;
            if open == Some(0) { Ok(()) } else { Err(format!("{open:?}")) }
        })
        .await?;
        assert_eq!(aborted(&mut root).await?, before);
        Ok(())
    }
}
