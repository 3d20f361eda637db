//! Promise: you read your own writes, also on replicas, also across the connections of a pool, and never look back.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::checker::{self, Check};
use splitfin_tests::{PATIENCE, Stage, Told, eventually, story};
use std::time::Duration;

/// Replicas get the time that a busy machine takes.
const PATIENT: &str = "consistency: { wait: 5s }";

story! {
    a_read_after_a_write_sees_it_on_a_replica, async |family| -> Told {
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
    what_was_committed_before_an_error_counts, async |family| -> Told {
        let stage = Stage::with(family, PATIENT).await?;
        stage.table().await?;
        stage.cluster.primary.run(&["CREATE PROCEDURE shop.half() BEGIN INSERT INTO orders (item) VALUES ('half'); SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no further'; END"]).await?;
        stage.cluster.caught_up().await?;
        let mut client = stage.client().await?;
        for round in 1..=10 {
            let error = client.query_drop("CALL half()").await.unwrap_err().to_string();
            assert!(error.contains("no further"), "{error}");
            let count: Option<u32> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'half'").await?;
            assert_eq!(count, Some(round));
            assert_eq!(Stage::last_route(&mut client).await?.1, "read");
        }
        Ok(())
    }
}

story! {
    a_hint_for_the_primary_is_not_made_to_wait, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        for _ in 0..5 {
            client.query_drop("INSERT INTO orders (item) VALUES ('here')").await?;
            client.query_drop("/* splitfin: backend=master */ SELECT 'named' FROM orders").await?;
            assert_eq!(Stage::last_route(&mut client).await?, ("master".into(), "hint".into()));
        }
        assert_eq!(stage.ran("GTID_WAIT")?[0] + stage.ran("WAIT_FOR_EXECUTED")?[0], 0);
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
    few_reads_wait_for_a_replica_at_a_time, async |family| -> Told {
        let stage = Stage::with(family, "consistency: { wait: 4s, max_waiting: 1 }\nworkers: 1").await?;
        stage.table().await?;
        // Nothing that is written reaches the table on the replicas, but they still look in time.
        let mut locks = Vec::new();
        for replica in &stage.cluster.replicas {
            let mut lock = replica.root().await?;
            lock.query_drop("LOCK TABLES shop.orders READ").await?;
            locks.push(lock);
        }
        let mut readers = Vec::new();
        for number in 0..8 {
            let mut client = stage.client().await?;
            client.query_drop(format!("INSERT INTO orders (item) VALUES ('reader-{number}')")).await?;
            readers.push((number, client));
        }
        let reads = readers.into_iter().map(|(number, mut client)| {
            tokio::spawn(async move {
                let sql = format!("SELECT COUNT(*) FROM orders WHERE item = 'reader-{number}'");
                let count: Option<u32> = client.query_first(sql).await?;
                assert_eq!(count, Some(1));
                Stage::last_route(&mut client).await
            })
        });
        let mut reasons = Vec::new();
        for read in reads.collect::<Vec<_>>() {
            let (backend, reason) = read.await??;
            assert_eq!(backend, "master", "{reason}");
            reasons.push(reason);
        }
        let waited = reasons.iter().filter(|reason| *reason == "waited_in_vain").count();
        let sent_on = reasons.iter().filter(|reason| *reason == "replicas_behind").count();
        assert!((1..=2).contains(&waited) && waited + sent_on == 8, "one for each replica at most: {reasons:?}");
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
        // Even where a hint names the late one, and after a read on the primary.
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
    a_read_only_transaction_starts_after_ones_writes, async |family| -> Told {
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

/// Probes are far enough apart to see what is known between two of them, and replicas may be late.
const SLOW_PROBES: &str = "monitor: { user: monitor, password: secret, interval: 6s, timeout: 2s, lag: { max: 60s, resume: 60s }, fall: 1, rise: 1 }";

story! {
    write_of_unknown_outcome_is_followed_by_the_primary, async |family| -> Told {
        let stage = Stage::with(family, &format!("consistency: {{ scope: user, wait: 5s }}\n{SLOW_PROBES}")).await?;
        stage.table().await?;
        let mut writer = stage.client().await?;
        let mut reader = stage.client().await?;
        let lost = std::cell::Cell::new(None);
        let killing = async {
            let mut root = stage.cluster.primary.root().await?;
            eventually("the write runs", PATIENCE, async || {
                let sql = "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT INTO orders%'";
                let id: Option<u64> = root.query_first(sql).await.map_err(|error| error.to_string())?;
                let id = id.ok_or("not yet")?;
                lost.set(Some(std::time::Instant::now()));
                root.query_drop(format!("KILL CONNECTION {id}")).await.map_err(|error| error.to_string())
            })
            .await?;
            Told::Ok(())
        };
        let writing = writer.query_drop("INSERT INTO orders (item) SELECT 'unknown' FROM (SELECT SLEEP(20)) s");
        let (written, killed) = tokio::join!(writing, killing);
        killed?;
        let error = written.unwrap_err().to_string();
        assert!(error.contains("unknown"), "{error}");
        // The session, and those that share its writes.
        for client in [&mut writer, &mut reader] {
            client.query_drop("SELECT COUNT(*) FROM orders").await?;
            let route = Stage::last_route(client).await?;
            // The broken connection has the primary looked at at once: whoever comes after that knows more.
            let snapshot = stage.splitfin.snapshot();
            let seen = snapshot.by_name("master").and_then(|view| view.progress.seen);
            let looked = route.1 == "read" && seen > lost.get();
            assert!(looked || route == ("master".to_owned(), "position_unknown".to_owned()), "{route:?}");
        }
        for client in [&mut writer, &mut reader] {
            eventually("the next probe tells", PATIENCE, async || {
                client.query_drop("SELECT COUNT(*) FROM orders").await.map_err(|error| error.to_string())?;
                let route = Stage::last_route(client).await.map_err(|error| error.to_string())?;
                if route.1 == "read" { Ok(()) } else { Err(format!("{route:?}")) }
            })
            .await?;
        }
        Ok(())
    }
}

story! {
    a_write_without_a_position_keeps_reads_on_the_primary_for_a_while, async |family| -> Told {
        let stage = Stage::with(family, "consistency: { scope: user, sticky: 3s }").await?;
        stage.table().await?;
        let grant = match family {
            splitfin_tests::Family::Mariadb => "GRANT BINLOG ADMIN ON *.* TO app@'%'",
            splitfin_tests::Family::Mysql => "GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO app@'%'",
        };
        stage.cluster.primary.run(&[grant]).await?;
        let mut writer = stage.client().await?;
        let mut reader = stage.client().await?;
        writer.query_drop("SET SESSION sql_log_bin = 0").await?;
        writer.query_drop("INSERT INTO orders (item) VALUES ('unlogged')").await?;
        let read = "SELECT COUNT(*) FROM orders WHERE item = 'unlogged'";
        let seen: Option<u32> = reader.query_first(read).await?;
        assert_eq!((seen, Stage::last_route(&mut reader).await?.1), (Some(1), "position_unknown".into()));
        eventually("the time is over", PATIENCE, async || {
            reader.query_drop(read).await.map_err(|error| error.to_string())?;
            let route = Stage::last_route(&mut reader).await.map_err(|error| error.to_string())?;
            if route.1 == "read" { Ok(()) } else { Err(format!("{route:?}")) }
        })
        .await?;
        Ok(())
    }
}

story! {
    what_a_new_primary_does_not_have_is_no_longer_waited_for, async |family| -> Told {
        let mut stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        let mut other = stage.client().await?;
        client.query_drop("SELECT 1 FROM orders").await?;
        for replica in 0..2 {
            stage.cluster.receive(replica, false).await?;
        }
        client.query_drop("INSERT INTO orders (item) VALUES ('lost')").await?;
        stage.cluster.primary.kill();
        stage.cluster.promote(0).await?;
        stage.until_usable(1).await?;
        eventually("the mark is dropped", PATIENCE, async || {
            client.query_drop("SELECT COUNT(*) FROM orders").await.map_err(|error| error.to_string())?;
            let route = Stage::last_route(&mut client).await.map_err(|error| error.to_string())?;
            if route == ("slave-2".into(), "read".into()) { Ok(()) } else { Err(format!("{route:?}")) }
        })
        .await?;
        assert!(stage.splitfin.metrics().contains("splitfin_consistency_marks_dropped_total 1"), "counted once");
        // Life goes on, on the new primary.
        for number in 1..=5 {
            client.query_drop("INSERT INTO orders (item) VALUES ('found')").await?;
            let count: Option<u32> = client.query_first("SELECT COUNT(*) FROM orders WHERE item = 'found'").await?;
            assert_eq!(count, Some(number));
        }
        // Until the probes have seen both servers anew, the replica may follow somebody unknown.
        eventually("the replica reads for others", PATIENCE, async || {
            other.query_drop("SELECT COUNT(*) FROM orders").await.map_err(|error| error.to_string())?;
            let route = Stage::last_route(&mut other).await.map_err(|error| error.to_string())?;
            if route.0 == "slave-2" { Ok(()) } else { Err(format!("{route:?}")) }
        })
        .await?;
        Ok(())
    }
}

story! {
    a_replica_that_was_restored_from_an_old_copy_is_not_believed, async |family| -> Told {
        let mut stage = Stage::with(family, "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 2s, lag: { max: 60s, resume: 60s } }").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        let count: Option<u32> = client.query_first("/* splitfin: backend=slave-2 */ SELECT COUNT(*) FROM orders").await?;
        assert_eq!((count, Stage::last_route(&mut client).await?.0), (Some(3), "slave-2".into()));
        stage.cluster.replicas[1].reseed().await?;
        let (primary, replica) = (&stage.cluster.primary, &stage.cluster.replicas[1]);
        stage.cluster.follow(replica, primary).await?;
        stage.cluster.delay(1, Duration::from_secs(20)).await?;
        stage.until_usable(2).await?;
        let mut fresh = stage.client().await?;
        assert!(fresh.query_drop("/* splitfin: backend=slave-2 */ SELECT COUNT(*) FROM orders").await.is_err(), "it has no such table yet");
        for _ in 0..20 {
            for hint in ["", "/* splitfin: backend=slave-2 */ "] {
                let count: Option<u32> = client.query_first(format!("{hint}SELECT COUNT(*) FROM orders")).await?;
                assert_eq!(count, Some(3), "{:?}", Stage::last_route(&mut client).await?);
            }
        }
        Ok(())
    }
}

/// Long runs are for the command line; see `CONTRIBUTING.md`.
async fn check(family: splitfin_tests::Family, scope: &str) -> Result<checker::Findings, Box<dyn std::error::Error>> {
    let check =
        Check { scope: scope.into(), clients: 64, time: Duration::from_secs(8), seed: 11, reads: 9, disturb: true };
    let mut stage = Stage::with(family, &checker::config(&check)).await?;
    Ok(checker::run(&mut stage, &check).await.map_err(|error| error.to_string())?)
}

async fn nothing_is_stale(family: splitfin_tests::Family, scope: &str) -> Told {
    let findings = check(family, scope).await?;
    let [stale, backward, failed] = [&findings.stale, &findings.backward, &findings.failed].map(checker::Findings::get);
    assert_eq!((stale, backward, failed), (0, 0, 0), "{scope}: {findings:?}");
    assert!(checker::Findings::get(&findings.writes) > 100, "{findings:?}");
    Ok(())
}

story! {
    nothing_is_stale_within_a_session, async |family| -> Told { nothing_is_stale(family, "session").await }
}

story! {
    nothing_is_stale_across_the_sessions_of_a_user, async |family| -> Told { nothing_is_stale(family, "user").await }
}

story! {
    nothing_is_stale_across_all_sessions, async |family| -> Told { nothing_is_stale(family, "global").await }
}

story! {
    the_checker_finds_stale_reads_where_nothing_is_promised, async |family| -> Told {
        let findings = check(family, "off").await?;
        let [stale, failed] = [&findings.stale, &findings.failed].map(checker::Findings::get);
        assert!(stale > 0 && failed == 0, "{findings:?}");
        Ok(())
    }
}
