//! Promise: a switchover fails nothing that could be done on the new primary, and a server that may not be written to may
//! still be read from.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use splitfin_tests::forward::{Forward, Network};
use splitfin_tests::history::{History, Judged};
use splitfin_tests::{Cluster, Family, Stage, Told, story};
use std::time::{Duration, Instant};

/// Probes as rare as most have them, and lines for problems only.
const QUIET: &str = "monitor: { user: monitor, password: secret, interval: 500ms, timeout: 1s }\nlog: { routes: off }";

/// The same, with the servers' accounts.
const OF_SERVERS: &str = "monitor: { user: monitor, password: secret, interval: 500ms, timeout: 1s }\n\
    log: { routes: off }\nauth: { mode: database }";

/// Accounts of applications must not write to a server that refuses all others.
async fn cluster(family: Family, replicas: u32) -> Result<Cluster, Box<dyn std::error::Error>> {
    let cluster = Cluster::start(family, replicas).await?;
    if family == Family::Mariadb {
        cluster.primary.run(&["REVOKE READ_ONLY ADMIN ON *.* FROM app"]).await?;
        cluster.caught_up().await?;
    }
    Ok(cluster)
}

fn refuse(family: Family) -> &'static str {
    match family {
        Family::Mariadb => "SET GLOBAL read_only = 1",
        Family::Mysql => "SET GLOBAL super_read_only = 1",
    }
}

async fn item(conn: &mut Conn, item: &str) -> mysql_async::Result<Option<u32>> {
    conn.exec_first("SELECT COUNT(*) FROM orders WHERE item = ?", (item,)).await
}

story! {
    the_first_write_of_a_transaction_waits_for_the_new_primary, async |family| -> Told {
        let mut stage = Stage::in_front_of(cluster(family, 2).await?, QUIET).await?;
        stage.table().await?;
        stage.cluster.caught_up().await?;
        let openings: [(&str, &str); 5] = [
            ("BEGIN", "begin"),
            ("START TRANSACTION READ WRITE", "read write"),
            ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "isolation"),
            ("START TRANSACTION WITH CONSISTENT SNAPSHOT", "snapshot"),
            ("SET autocommit = 0", "autocommit"),
        ];
        let mut clients = Vec::new();
        for (opening, name) in openings {
            let mut client = stage.client().await?;
            client.query_drop("SET @mark = 'kept', sql_select_limit = 7").await?;
            client.query_drop(opening).await?;
            if name == "isolation" {
                client.query_drop("BEGIN").await?;
            }
            clients.push((client, name));
        }
        stage.cluster.primary.run(&[refuse(family)]).await?;
        let mut tasks = Vec::new();
        for (mut client, name) in clients {
            let task = tokio::spawn(async move {
                match name {
                    "begin" => client.exec_drop("INSERT INTO orders (item) VALUES (?)", (name,)).await?,
                    "snapshot" => {
                        client.query_drop(format!("INSERT INTO orders (item) VALUES ('{name}'); SELECT 1")).await?;
                    }
                    _ => client.query_drop(format!("INSERT INTO orders (item) VALUES ('{name}')")).await?,
                }
                let mark: Option<(String, u64)> = client.query_first("SELECT @mark, @@sql_select_limit").await?;
                client.query_drop("COMMIT").await?;
                assert_eq!(mark, Some(("kept".to_owned(), 7)), "{name}");
                assert_eq!(item(&mut client, name).await?, Some(1), "{name}");
                mysql_async::Result::Ok(())
            });
            tasks.push((name, task));
        }
        tokio::task::yield_now().await;
        stage.cluster.switch_over(0).await?;
        stage.until_primary("slave-1").await?;
        for (name, task) in tasks {
            task.await?.map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }
}

story! {
    a_read_only_server_without_others_answers_for_itself, async |family| -> Told {
        let stage = Stage::in_front_of(cluster(family, 0).await?, OF_SERVERS).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        stage.cluster.primary.run(&[refuse(family)]).await?;
        for _ in 0..2 {
            let begun = Instant::now();
            let error = client.query_drop("INSERT INTO orders (item) VALUES ('refused')").await.unwrap_err().to_string();
            assert!(error.contains("1290"), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
            assert_eq!(item(&mut client, "refused").await?, Some(0));
            assert_eq!(item(&mut stage.client().await?, "refused").await?, Some(0), "logins go on");
            stage.until_primary_is_missed().await?;
        }
        // Who may, writes all the same.
        let mut root = Conn::new(stage.options().user(Some("root")).pass(Some(""))).await?;
        for undo in ["SET GLOBAL read_only = 0", "SET @@global.read_only := OFF"] {
            root.query_drop(undo).await?;
            client.query_drop("INSERT INTO orders (item) VALUES ('again')").await?;
            root.query_drop(refuse(family)).await?;
            let error = client.query_drop("INSERT INTO orders (item) VALUES ('refused')").await.unwrap_err().to_string();
            assert!(error.contains("1290"), "{error}");
        }
        Ok(())
    }
}

story! {
    who_makes_the_primary_read_only_gets_its_error_and_takes_it_back, async |family| -> Told {
        let stage = Stage::in_front_of(cluster(family, 2).await?, OF_SERVERS).await?;
        stage.table().await?;
        let mut root = Conn::new(stage.options().user(Some("root")).pass(Some(""))).await?;
        root.query_drop(refuse(family)).await?;
        stage.until_primary_is_missed().await?;
        if family == Family::Mysql {
            let error = root.query_drop("INSERT INTO orders (item) VALUES ('refused')").await.unwrap_err().to_string();
            assert!(error.contains("1290"), "{error}");
        }
        drop(root);
        let mut client = stage.client().await?;
        let waiting = tokio::spawn(async move { client.query_drop("INSERT INTO orders (item) VALUES ('waits')").await });
        let mut root = Conn::new(stage.options().user(Some("root")).pass(Some(""))).await?;
        root.query_drop("SET GLOBAL read_only = OFF").await?;
        waiting.await??;
        stage.until_primary("master").await
    }
}

/// What must hold in every scenario.
fn judge(judged: &Judged) {
    assert_eq!(judged.wrong_states, Vec::<String>::new());
    assert_eq!((judged.lost.len(), judged.stale, judged.failed_reads), (0, 0, 0), "{judged:?}");
}

story! {
    history_of_a_planned_switchover_there_and_back, async |family| -> Told {
        let mut stage = Stage::in_front_of(cluster(family, 2).await?, QUIET).await?;
        let history = History::start(&stage).await?;
        history.more(300).await?;
        let begun = Instant::now();
        stage.cluster.switch_over(0).await?;
        stage.until_primary("slave-1").await?;
        history.more(300).await?;
        stage.until_usable(2).await?;
        std::mem::swap(&mut stage.cluster.primary, &mut stage.cluster.replicas[0]);
        stage.cluster.switch_over(0).await?;
        stage.until_primary("master").await?;
        history.more(300).await?;
        let judged = history.end(&stage.cluster.replicas[0], begun).await?;
        judge(&judged);
        assert_eq!(judged.failed_writes, 0, "{judged:?}");
        assert!(judged.pause <= Duration::from_secs(1), "{judged:?}");
        Ok(())
    }
}

story! {
    history_of_replicas_that_die_hang_and_return, async |family| -> Told {
        let cluster = cluster(family, 2).await?;
        let network = Forward::start(([127, 0, 0, 1], 0).into(), cluster.replicas[0].port()).await?;
        let addresses = [(0, network.address().to_string())];
        let mut stage = Stage::with_addresses(cluster, &addresses, QUIET).await?;
        let history = History::start(&stage).await?;
        // Calm.
        let begun = Instant::now();
        history.more(300).await?;
        // One is late, one hears nothing, one comes and goes.
        stage.cluster.delay(0, Duration::from_secs(2)).await?;
        history.more(150).await?;
        stage.cluster.delay(0, Duration::ZERO).await?;
        stage.cluster.receive(1, false).await?;
        history.more(150).await?;
        stage.cluster.receive(1, true).await?;
        for _ in 0..3 {
            stage.cluster.replicas[0].pause()?;
            history.more(50).await?;
            stage.cluster.replicas[0].resume()?;
            history.more(50).await?;
        }
        stage.until_usable(2).await?;
        // One is cut off.
        network.set(Network::Cut);
        history.more(300).await?;
        network.set(Network::Up);
        stage.until_usable(2).await?;
        // One hangs, the other dies, and all are dead.
        stage.cluster.replicas[1].pause()?;
        history.more(600).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        stage.cluster.replicas[1].resume()?;
        let hung = history.worst_read();
        stage.cluster.replicas[0].kill();
        history.more(300).await?;
        stage.cluster.replicas[1].kill();
        history.more(300).await?;
        let judged = history.end(&stage.cluster.primary, begun).await?;
        judge(&judged);
        assert_eq!(judged.failed_writes, 0, "{judged:?}");
        assert!(hung < Duration::from_secs(6), "{hung:?}");
        Ok(())
    }
}

story! {
    history_of_a_killed_primary_and_another_promoted, async |family| -> Told {
        let mut stage = Stage::in_front_of(cluster(family, 2).await?, QUIET).await?;
        let history = History::start(&stage).await?;
        history.more(300).await?;
        let begun = Instant::now();
        stage.cluster.primary.kill();
        stage.until_primary_is_missed().await?;
        let promoted = Instant::now();
        stage.cluster.promote(0).await?;
        history.more(300).await?;
        // The old one comes back, and takes writes.
        let back = Instant::now();
        stage.cluster.primary.restart().await?;
        history.more(300).await?;
        // As far as it went on writing, the old primary is compared on its own.
        assert_eq!(history.strayed_to(&stage.cluster.primary, back).await?, 0);
        let judged = history.end(&stage.cluster.replicas[0], begun).await?;
        assert_eq!(judged.wrong_states, Vec::<String>::new());
        assert_eq!((judged.stale, judged.failed_reads), (0, 0), "{judged:?}");
        assert_eq!(judged.lost_since(promoted), 0, "{judged:?}");
        Ok(())
    }
}
