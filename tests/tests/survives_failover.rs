//! Promise: a failover is a pause, not an outage; nothing is ever written twice or to the wrong server. Clients write and
//! read all the time, and what they were told is compared with what the servers have.

use splitfin_tests::load::Load;
use splitfin_tests::{Cluster, Family, PATIENCE, Stage, Told, eventually, story};
use std::time::{Duration, Instant};

const CLIENTS: u64 = 64;

/// Probes ten times a second, and lines for problems only.
const QUIET: &str = "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 1s }\nlog: { routes: off }";

story! {
    a_planned_switchover_fails_no_statement_outside_of_transactions, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        if family == Family::Mariadb {
            // Accounts with this right write to a server that refuses all others.
            cluster.primary.run(&["REVOKE READ_ONLY ADMIN ON *.* FROM app"]).await?;
            cluster.caught_up().await?;
        }
        let mut stage = Stage::in_front_of(cluster, QUIET).await?;
        let load = Load::without_transactions(&stage, CLIENTS).await?;
        load.more_writes(300).await?;
        let begun = Instant::now();
        stage.cluster.switch_over(0).await?;
        stage.until_primary("slave-1").await?;
        load.more_writes(300).await?;
        stage.until_usable(2).await?;
        load.more_writes(300).await?;
        let ledger = load.end().await?;
        assert_eq!(ledger.errors(), Default::default());
        let pause = ledger.longest_pause(begun);
        assert!(pause < Duration::from_secs(2), "{pause:?}");
        assert_eq!(ledger.compare(&stage.cluster.replicas[0]).await?, [0; 0], "nothing is lost");
        let [reads, failed, stale] = ledger.reads();
        assert!(reads > 500 && (failed, stale) == (0, 0), "{:?}", ledger.reads());
        Ok(())
    }
}

story! {
    a_killed_primary_costs_only_what_is_under_way, async |family| -> Told {
        let mut stage = Stage::with(family, QUIET).await?;
        let load = Load::start(&stage, CLIENTS).await?;
        load.more_writes(300).await?;
        stage.cluster.primary.kill();
        stage.until_primary_is_missed().await?;
        load.more_reads(200).await?;
        let promoted = Instant::now();
        stage.cluster.promote(0).await?;
        load.more_writes(300).await?;
        let acknowledged = load.ledger().acknowledged();
        let resumed = acknowledged.values().filter(|at| **at > promoted).min().copied().unwrap_or(promoted);
        assert!(resumed - promoted < Duration::from_secs(3), "{:?}", resumed - promoted);

        // The old primary comes back writable, with what it had.
        let back = Instant::now();
        stage.cluster.primary.restart().await?;
        load.more_writes(500).await?;
        let ledger = load.end().await?;
        stage.cluster.primary.run(&["DO 0"]).await?;
        let lacking = ledger.compare(&stage.cluster.primary).await?;
        let strayed = ledger.acknowledged().iter().filter(|(token, at)| **at > back && !lacking.contains(token)).count();
        assert_eq!(strayed, 0, "not one write reached the old primary");
        ledger.compare(&stage.cluster.replicas[0]).await?;
        for error in ledger.errors().keys() {
            let is_expected = error.contains("unknown") || error.contains("became the primary") || error.contains("rolled back");
            assert!(is_expected, "{error}: {:?}", ledger.errors());
        }
        Ok(())
    }
}

story! {
    a_hung_primary_that_wakes_up_gets_no_write, async |family| -> Told {
        let mut stage = Stage::with(family, QUIET).await?;
        let load = Load::start(&stage, CLIENTS).await?;
        load.more_writes(300).await?;
        stage.cluster.primary.pause()?;
        stage.until_primary_is_missed().await?;
        stage.cluster.promote(0).await?;
        stage.until_primary("slave-1").await?;
        // What was under way on the old one when it hung is cut off, so that its late answers reach nobody.
        load.more_writes(300).await?;
        let awake = Instant::now();
        stage.cluster.primary.resume()?;
        load.more_writes(500).await?;
        let ledger = load.end().await?;
        let lacking = ledger.compare(&stage.cluster.primary).await?;
        let strayed = ledger.acknowledged().iter().filter(|(token, at)| **at > awake && !lacking.contains(token)).count();
        assert_eq!(strayed, 0);
        // Whatever was acknowledged after the promotion is on the new primary.
        let lost = ledger.compare(&stage.cluster.replicas[0]).await?;
        let acknowledged = ledger.acknowledged();
        assert!(lost.iter().all(|token| acknowledged[token] < awake), "{lost:?}");
        Ok(())
    }
}

story! {
    a_transaction_on_the_old_primary_ends_with_a_clear_error, async |family| -> Told {
        use mysql_async::prelude::Queryable as _;
        let mut stage = Stage::with(family, QUIET).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("BEGIN").await?;
        client.query_drop("INSERT INTO orders (item) VALUES ('never')").await?;
        // Nothing waits for it: the slave is promoted while the old primary still would commit.
        stage.cluster.promote(0).await?;
        stage.cluster.primary.run(&["SET GLOBAL read_only = 1"]).await.ok();
        stage.until_primary("slave-1").await?;
        let error = client.query_drop("COMMIT").await.unwrap_err().to_string();
        assert!(error.contains("another server became the primary"), "{error}");
        let count: Option<u32> = stage.client().await?.query_first("SELECT COUNT(*) FROM orders WHERE item = 'never' FOR UPDATE").await?;
        assert_eq!(count, Some(0));
        Ok(())
    }
}

story! {
    a_commit_that_the_new_primary_lacks_is_not_told, async |family| -> Told {
        use mysql_async::prelude::Queryable as _;
        // Splitfin looks so rarely that the whole switchover is between two looks.
        let rare = "monitor: { user: monitor, password: secret, interval: 6s, timeout: 2s }";
        let mut stage = Stage::with(family, rare).await?;
        stage.table().await?;
        let mut lock = stage.cluster.primary.root().await?;
        lock.query_drop("DO GET_LOCK('gate', 0)").await?;
        let mut client = stage.client().await?;
        let seen = |stage: &Stage| stage.splitfin.snapshot().backends[0].progress.seen;
        let before = seen(&stage);
        eventually("Splitfin has just looked", PATIENCE, async || match seen(&stage) {
            now if now != before => Ok(()),
            now => Err(format!("{now:?}")),
        })
        .await?;
        stage.cluster.primary.run(&["SET GLOBAL read_only = 1"]).await?;
        // This account may write all the same.
        let stray = tokio::spawn(async move {
            let insert = "INSERT INTO orders (item) SELECT IF(GET_LOCK('gate', 60), 'stray', 'late')";
            client.query_drop(insert).await
        });
        let mut root = stage.cluster.primary.root().await?;
        eventually("it waits at the gate", PATIENCE, async || {
            let waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'";
            let waiting: Option<u32> = root.query_first(waiting).await.map_err(|error| error.to_string())?;
            if waiting == Some(1) { Ok(()) } else { Err(format!("{waiting:?}")) }
        })
        .await?;
        stage.cluster.promote(0).await?;
        stage.until_primary("slave-1").await?;
        lock.query_drop("DO RELEASE_LOCK('gate')").await?;
        let error = stray.await?.unwrap_err().to_string();
        assert!(error.contains("unknown") && error.contains("became the primary"), "{error}");
        let strayed: Option<u32> = root.query_first("SELECT COUNT(*) FROM shop.orders WHERE item = 'stray'").await?;
        assert_eq!(strayed, Some(1), "the old primary took it");
        Ok(())
    }
}

story! {
    without_slaves_only_so_many_reads_run_on_the_primary, async |family| -> Told {
        use mysql_async::prelude::Queryable as _;
        let cluster = Cluster::start(family, 1).await?;
        let mut stage = Stage::in_front_of(cluster, "failover: { primary_read_cap: 10% }\npool: { max_connections: 20 }").await?;
        stage.table().await?;
        stage.cluster.replicas[0].kill();
        stage.until_usable(0).await?;
        // Two of them hold the primary's share for longer than a third one waits.
        let mut slow = Vec::new();
        for _ in 0..2 {
            let mut client = stage.client().await?;
            slow.push(tokio::spawn(async move { client.query_drop("SELECT SLEEP(5) FROM orders LIMIT 1").await }));
        }
        let metrics = || stage.splitfin.metrics();
        eventually("both run", PATIENCE, async || {
            if metrics().contains("splitfin_primary_reads 2") { Ok(()) } else { Err("not yet".to_owned()) }
        }).await?;
        let mut client = stage.client().await?;
        let error = client.query_drop("SELECT * FROM orders").await.unwrap_err().to_string();
        assert!(error.contains("primary_read_cap"), "{error}");
        assert!(metrics().contains("splitfin_crowded_out_total 1"));
        client.query_drop("INSERT INTO orders (item) VALUES ('writes go on')").await?;
        for task in slow {
            task.await??;
        }
        client.query_drop("SELECT * FROM orders").await?;
        Ok(())
    }
}

/// What is needed to change servers, besides what is needed to watch them.
const ALLOWED: &str =
    "failover: { account: { user: root, password: \"\" }, replication: { user: repl, password: repl } }";

/// Probes, and who may change servers.
fn may_change(more: &str) -> String {
    format!("{QUIET}\n{}", ALLOWED.replace("failover: {", &format!("failover: {{ {more}")))
}

story! {
    splitfin_switches_over_itself, async |family| -> Told {
        let stage = Stage::with(family, &may_change("")).await?;
        let load = Load::without_transactions(&stage, CLIENTS).await?;
        load.more_writes(200).await?;
        let begun = Instant::now();
        // Back and forth: who was the primary is a replica at once.
        for name in ["slave-1", "slave-2", "master"] {
            let promoted = stage.splitfin.switch_over(name).await?;
            assert_eq!((promoted.name.as_str(), promoted.left_behind.len()), (name, 0), "{promoted:?}");
            stage.until_primary(name).await?;
            load.more_writes(100).await?;
            stage.until_usable(2).await?;
        }
        let (one, other) = tokio::join!(stage.splitfin.switch_over("slave-1"), stage.splitfin.switch_over("slave-2"));
        assert_eq!(one?.name, "slave-1");
        assert!(other.unwrap_err().contains("about to become the primary already"));
        stage.until_primary("slave-1").await?;
        stage.until_usable(2).await?;
        stage.splitfin.switch_over("master").await?;
        stage.until_primary("master").await?;
        stage.until_usable(2).await?;
        assert!(stage.splitfin.switch_over("master").await.unwrap_err().contains("is the primary"));
        assert!(stage.splitfin.switch_over("nobody").await.unwrap_err().contains("no backend"));
        let ledger = load.end().await?;
        assert_eq!(ledger.errors(), Default::default());
        let pause = ledger.longest_pause(begun);
        assert!(pause < Duration::from_secs(2), "{pause:?}");
        assert_eq!(ledger.compare(&stage.cluster.primary).await?, [0; 0], "nothing is lost");
        Ok(())
    }
}

story! {
    a_switchover_that_cannot_be_done_changes_nothing, async |family| -> Told {
        use mysql_async::prelude::Queryable as _;
        let mut stage = Stage::with(family, &may_change("hold: 2s, ")).await?;
        stage.table().await?;
        // The slave is held up, which nobody knows yet: it does not get there in time.
        let mut lock = stage.cluster.replicas[0].root().await?;
        lock.query_drop("FLUSH TABLES WITH READ LOCK").await?;
        let mut client = stage.client().await?;
        client.query_drop("INSERT INTO orders (item) VALUES ('held up')").await?;
        let why = stage.splitfin.switch_over("slave-1").await.unwrap_err();
        assert!(why.contains("catching up"), "{why}");
        stage.until_primary("master").await?;
        lock.query_drop("UNLOCK TABLES").await?;
        drop(lock);
        let mut client = stage.client().await?;
        client.query_drop("INSERT INTO orders (item) VALUES ('goes on')").await?;
        stage.until_usable(2).await?;
        stage.reload(2, QUIET)?;
        assert!(stage.splitfin.switch_over("slave-1").await.unwrap_err().contains("failover.account"));
        Ok(())
    }
}

story! {
    a_primary_that_is_gone_is_replaced, async |family| -> Told {
        let mut stage = Stage::with(family, &may_change("promote: automatic, ")).await?;
        let load = Load::start(&stage, CLIENTS).await?;
        load.more_writes(200).await?;
        let killed = Instant::now();
        stage.cluster.primary.kill();
        eventually("another primary", PATIENCE, async || {
            let snapshot = stage.splitfin.snapshot();
            match snapshot.primary.and_then(|id| snapshot.backend(id)) {
                Some(view) if view.spec.name != "master" => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        let promoted = Instant::now();
        load.more_writes(300).await?;
        let resumed = load.ledger().acknowledged().values().filter(|at| **at > promoted).min().copied().unwrap_or(killed);
        assert!(resumed - promoted < Duration::from_secs(3), "{:?}", resumed - promoted);
        stage.until_usable(1).await?;
        // The old one comes back writable.
        let back = Instant::now();
        stage.cluster.primary.restart().await?;
        load.more_writes(300).await?;
        let ledger = load.end().await?;
        let lacking = ledger.compare(&stage.cluster.primary).await?;
        let strayed = ledger.acknowledged().iter().filter(|(token, at)| **at > back && !lacking.contains(token)).count();
        assert_eq!(strayed, 0);
        let snapshot = stage.splitfin.snapshot();
        let name = snapshot.primary.and_then(|id| snapshot.backend(id)).map(|view| view.spec.name.clone());
        let new = if name.as_deref() == Some("slave-1") { 0 } else { 1 };
        // What was acknowledged by the new one is there, once.
        let lost = ledger.compare(&stage.cluster.replicas[new]).await?;
        let acknowledged = ledger.acknowledged();
        assert!(lost.iter().all(|token| acknowledged[token] < promoted), "{lost:?}");
        Ok(())
    }
}

story! {
    nobody_is_promoted_while_a_replica_hears_the_primary, async |family| -> Told {
        use splitfin_tests::forward::{Forward, Network};
        let cluster = Cluster::start(family, 2).await?;
        let network = Forward::start(([127, 0, 0, 1], 0).into(), cluster.primary.port()).await?;
        let address = network.address().to_string();
        let stage = Stage::with_primary_at(cluster, &address, &may_change("promote: automatic, ")).await?;
        // Splitfin alone is cut off: the primary lives.
        network.set(Network::Cut);
        stage.until_primary_is_missed().await?;
        let until = Instant::now() + Duration::from_secs(4);
        while Instant::now() < until {
            assert_eq!(stage.splitfin.snapshot().primary, None);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        network.set(Network::Up);
        stage.until_primary("master").await?;
        Ok(())
    }
}
