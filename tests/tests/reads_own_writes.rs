//! Promise: you read your own writes, also on replicas, also across the connections of a pool, and never look back.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::{PATIENCE, Stage, Told, eventually, story};
use std::time::Duration;

/// Replicas get the time that a busy machine takes.
const PATIENT: &str = "consistency: { wait: 5s }";

story! {
    a_read_behind_a_write_sees_it_on_a_replica, async |family| -> Told {
        let stage = Stage::with(family, PATIENT).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        for round in 0..30 {
            match round % 5 {
                0 => client.query_drop("INSERT INTO orders (item) VALUES ('mine')").await?,
                1 => client.exec_drop("INSERT INTO orders (item) VALUES (?)", ("mine",)).await?,
                2 => {
                    client.query_drop("BEGIN").await?;
                    client.query_drop("INSERT INTO orders (item) VALUES ('mine')").await?;
                    client.query_drop("COMMIT").await?;
                }
                3 => {
                    client.query_drop("SET autocommit = 0").await?;
                    client.query_drop("INSERT INTO orders (item) VALUES ('mine')").await?;
                    // Committed by the SET.
                    client.query_drop("SET autocommit = 1").await?;
                }
                _ => {
                    client.query_drop("BEGIN").await?;
                    client.query_drop("INSERT INTO orders (item) VALUES ('mine')").await?;
                    // Committed by the DDL.
                    client.query_drop(format!("CREATE TABLE made_{round} (a INT)")).await?;
                    client.query_drop(format!("SELECT a FROM made_{round}")).await?;
                }
            }
            let count: Option<usize> = match round % 2 {
                0 => client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'mine'").await?,
                _ => client.exec_first("SELECT COUNT(*) FROM orders WHERE item = ?", ("mine",)).await?,
            };
            assert_eq!(count, Some(round + 1));
            let (backend, reason) = Stage::last_route(&mut client).await?;
            assert!(backend.starts_with("slave-") && reason == "read", "round {round}: {backend} {reason}");
        }
        Ok(())
    }
}

story! {
    positions_of_all_results_of_a_reply_count, async |family| -> Told {
        let stage = Stage::with(family, PATIENT).await?;
        stage.table().await?;
        stage.cluster.primary.run(&["CREATE PROCEDURE shop.twice() BEGIN INSERT INTO orders (item) VALUES ('p'); SELECT 1; INSERT INTO orders (item) VALUES ('p'); END"]).await?;
        stage.cluster.caught_up().await?;
        let mut client = stage.client().await?;
        client.query_drop("CALL twice()").await?;
        let count: Option<usize> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'p'").await?;
        assert_eq!(count, Some(2));
        assert_ne!(Stage::last_route(&mut client).await?.0, "master");
        client.query_drop("INSERT INTO orders (item) VALUES ('m'); SELECT 1; INSERT INTO orders (item) VALUES ('m')").await?;
        let count: Option<usize> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'm'").await?;
        assert_eq!(count, Some(2));
        assert_ne!(Stage::last_route(&mut client).await?.0, "master");
        Ok(())
    }
}

story! {
    late_replicas_leave_the_read_to_the_primary, async |family| -> Told {
        let stage = Stage::with(family, "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 2s, lag: { max: 60s, resume: 60s } }").await?;
        stage.table().await?;
        for replica in 0..2 {
            stage.cluster.delay(replica, Duration::from_secs(20)).await?;
        }
        let mut client = stage.client().await?;
        stage.until_usable(2).await?;
        client.query_drop("INSERT INTO orders (item) VALUES ('late')").await?;
        for _ in 0..20 {
            let count: Option<usize> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'late'").await?;
            assert_eq!(count, Some(1));
            let (backend, reason) = Stage::last_route(&mut client).await?;
            assert!(backend == "master" && ["replicas_behind", "waited_in_vain", "read_on_primary"].contains(&reason.as_str()), "{backend} {reason}");
        }
        // Who has written nothing is served by replicas, late as they are.
        let mut other = stage.client().await?;
        other.query_drop("SELECT COUNT(*) FROM orders").await?;
        assert_ne!(Stage::last_route(&mut other).await?.0, "master");
        Ok(())
    }
}

story! {
    scopes_reach_as_far_as_they_say, async |family| -> Told {
        let monitor = "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 2s, lag: { max: 60s, resume: 60s } }\nworkers: 2";
        for (scope, sees) in [("session", false), ("user", true), ("global", true)] {
            let stage = Stage::with(family, &format!("consistency: {{ scope: {scope} }}\n{monitor}")).await?;
            stage.table().await?;
            for replica in 0..2 {
                stage.cluster.apply(replica, false).await?;
            }
            // Stopped, they are not fit: late, they are.
            for replica in 0..2 {
                stage.cluster.delay(replica, Duration::from_secs(20)).await?;
            }
            let mut writer = stage.client().await?;
            let mut readers = Vec::new();
            for _ in 0..4 {
                readers.push(stage.client().await?);
            }
            stage.until_usable(2).await?;
            writer.query_drop("INSERT INTO orders (item) VALUES ('scope')").await?;
            for reader in &mut readers {
                let count: Option<usize> = reader.query_first("SELECT COUNT(*) FROM orders WHERE item = 'scope'").await?;
                let route: Option<mysql_async::Row> = reader.query_first("SHOW SPLITFIN ROUTE").await?;
                assert_eq!(count, Some(usize::from(sees)), "{scope}: {route:?}");
            }
        }
        Ok(())
    }
}

story! {
    off_means_off_and_a_rule_can_say_so, async |family| -> Told {
        let monitor = "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 2s, lag: { max: 60s, resume: 60s } }";
        let by_rule = "routing: { rules: [{ match: { regex: '^select count' }, consistency: off, note: counts may be late }] }";
        for more in ["consistency: { scope: off }", by_rule] {
            let stage = Stage::with(family, &format!("{more}\n{monitor}")).await?;
            stage.table().await?;
            for replica in 0..2 {
                stage.cluster.delay(replica, Duration::from_secs(20)).await?;
            }
            stage.until_usable(2).await?;
            let mut client = stage.client().await?;
            client.query_drop("INSERT INTO orders (item) VALUES ('off')").await?;
            let count: Option<usize> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'off'").await?;
            assert_eq!(count, Some(0), "{more}");
            let items: Vec<String> = client.query("SELECT item FROM orders WHERE item = 'off'").await?;
            assert_eq!(items.len(), usize::from(more == by_rule), "{more}");
        }
        Ok(())
    }
}

story! {
    a_position_leads_from_one_session_to_another, async |family| -> Told {
        let stage = Stage::with(family, PATIENT).await?;
        stage.table().await?;
        let mut one = stage.client().await?;
        let mut other = stage.client().await?;
        let nothing: Option<String> = one.query_first("SHOW SPLITFIN POSITION").await?;
        assert_eq!(nothing.as_deref(), Some(""));
        for round in 1..=10 {
            one.query_drop("INSERT INTO orders (item) VALUES ('token')").await?;
            let position: Option<String> = one.query_first("SHOW SPLITFIN POSITION").await?;
            let position = position.unwrap();
            let sql = format!("/* splitfin: after_gtid={position} */ SELECT COUNT(*) FROM orders WHERE item = 'token'");
            let count: Option<usize> = other.query_first(sql).await?;
            assert_eq!(count, Some(round), "{position}");
            assert_ne!(Stage::last_route(&mut other).await?.0, "master");
            let count: Option<usize> = other.query_first("SELECT COUNT(*) FROM orders WHERE item = 'token'").await?;
            assert_eq!(count, Some(round), "what was seen stays seen");
        }
        // A position of another world: nobody has it, so the primary answers.
        let far = if position_is_mysql(&mut one).await? { "ffffffff-71ca-11e1-9e33-c80aa9429562:1-5" } else { "77-1-5" };
        other.query_drop(format!("/* splitfin: after_gtid={far} */ SELECT 1 FROM orders")).await?;
        assert_eq!(Stage::last_route(&mut other).await?.0, "master");
        other.query_drop("/* splitfin: after_gtid=nonsense */ SELECT 1 FROM orders").await?;
        assert_eq!(Stage::last_route(&mut other).await?, ("master".into(), "hint".into()));
        Ok(())
    }
}

async fn position_is_mysql(client: &mut mysql_async::Conn) -> Result<bool, mysql_async::Error> {
    let position: Option<String> = client.query_first("SHOW SPLITFIN POSITION").await?;
    Ok(position.is_some_and(|position| position.contains(':')))
}

story! {
    reads_never_go_back_in_time, async |family| -> Told {
        let stage = Stage::with(family, "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 2s, lag: { max: 60s, resume: 60s } }").await?;
        stage.table().await?;
        stage.cluster.delay(1, Duration::from_secs(20)).await?;
        stage.until_usable(2).await?;
        // Somebody else's write, that only one of the replicas has.
        stage.cluster.primary.run(&["INSERT INTO shop.orders (item) VALUES ('theirs')"]).await?;
        let mut client = stage.client().await?;
        let read = "SELECT COUNT(*) FROM orders WHERE item = 'theirs'";
        eventually("the session has seen it", PATIENCE, async || {
            let seen: Option<u32> = client.query_first(format!("/* splitfin: backend=slave-1 */ {read}")).await.map_err(|error| error.to_string())?;
            if seen == Some(1) { Ok(()) } else { Err("not yet".into()) }
        })
        .await?;
        for round in 0..200 {
            let seen: Option<u32> = client.query_first(read).await?;
            assert_eq!(seen, Some(1), "round {round}: {:?}", Stage::last_route(&mut client).await?);
        }
        // Even where a hint names the late one, and behind a read on the primary.
        for hint in ["backend=slave-2", "primary", "replica"] {
            let seen: Option<u32> = client.query_first(format!("/* splitfin: {hint} */ {read}")).await?;
            assert_eq!(seen, Some(1), "{hint}: {:?}", Stage::last_route(&mut client).await?);
            let seen: Option<u32> = client.query_first(read).await?;
            assert_eq!(seen, Some(1), "behind {hint}: {:?}", Stage::last_route(&mut client).await?);
        }
        // A session that has seen nothing may look at the past.
        let mut fresh = stage.client().await?;
        let seen: Option<u32> = fresh.query_first(format!("/* splitfin: backend=slave-2 */ {read}")).await?;
        assert_eq!(seen, Some(0));
        Ok(())
    }
}

story! {
    a_read_only_transaction_starts_behind_ones_writes, async |family| -> Told {
        let stage = Stage::with(family, PATIENT).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        for round in 1..=10 {
            client.query_drop("INSERT INTO orders (item) VALUES ('ro')").await?;
            client.query_drop("START TRANSACTION READ ONLY").await?;
            let count: Option<usize> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'ro'").await?;
            assert_eq!(count, Some(round));
            assert_ne!(Stage::last_route(&mut client).await?.0, "master");
            client.query_drop("COMMIT").await?;
        }
        Ok(())
    }
}
