//! Promise: a slave that is down, broken or late gets no reads, and no read fails for it. Without replicas the primary
//! answers; without a primary reads go on and writes wait.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use splitfin_tests::{PATIENCE, Stage, Told, eventually, story};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Clients that read as fast as they can until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<Result<(), mysql_async::Error>>>,
}

impl Load {
    async fn start(stage: &Stage, clients: usize) -> Result<Self, mysql_async::Error> {
        let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..clients {
            let mut client = Conn::new(stage.options()).await?;
            let (stop, reads) = (Arc::clone(&stop), Arc::clone(&reads));
            tasks.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    client.query_drop("SELECT * FROM orders WHERE id = 1").await?;
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }));
        }
        Ok(Self { stop, reads, clients: tasks })
    }

    async fn more(&self, count: u64) -> Result<(), Box<dyn std::error::Error>> {
        let wanted = self.reads.load(Ordering::Relaxed) + count;
        eventually("more reads", PATIENCE, async || {
            let reads = self.reads.load(Ordering::Relaxed);
            if reads >= wanted { Ok(()) } else { Err(format!("{reads} of {wanted}")) }
        })
        .await?;
        Ok(())
    }

    /// Ends the load; the number of statements that failed.
    async fn failed(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = 0;
        for client in self.clients {
            match client.await {
                Ok(Ok(())) => {}
                _ => failed += 1,
            }
        }
        failed
    }
}

story! {
    a_killed_slave_costs_no_read, async |family| -> Told {
        let mut stage = Stage::start(family).await?;
        stage.table().await?;
        let load = Load::start(&stage, 64).await?;
        load.more(500).await?;
        stage.cluster.replicas[0].kill();
        load.more(500).await?;
        stage.until_usable(1).await?;
        load.more(500).await?;
        stage.cluster.replicas[0].restart().await?;
        stage.until_usable(2).await?;
        load.more(500).await?;
        assert_eq!(load.failed().await, 0);
        Ok(())
    }
}

story! {
    a_late_or_broken_slave_gets_no_reads, async |family| -> Told {
        let stage = Stage::with(family, "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 2s, lag: { max: 2s, resume: 1s } }").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        for (number, trouble) in ["apply", "receive", "delay"].into_iter().enumerate() {
            match trouble {
                "apply" => stage.cluster.apply(0, false).await?,
                "receive" => stage.cluster.receive(0, false).await?,
                _ => stage.cluster.delay(0, Duration::from_secs(60)).await?,
            }
            stage.until_usable(1).await?;
            for _ in 0..20 {
                client.query_drop(format!("SELECT 'behind-{number}' FROM orders")).await?;
            }
            let ran = stage.ran(&format!("behind-{number}"))?;
            assert_eq!(ran, [0, 0, 20], "{trouble}");
            match trouble {
                "apply" => stage.cluster.apply(0, true).await?,
                "receive" => stage.cluster.receive(0, true).await?,
                _ => stage.cluster.delay(0, Duration::ZERO).await?,
            }
            stage.until_usable(2).await?;
        }
        Ok(())
    }
}

story! {
    a_hung_slave_leaves_within_fall_probes, async |family| -> Told {
        let stage = Stage::with(family, "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 500ms }").await?;
        stage.table().await?;
        stage.cluster.replicas[0].pause()?;
        stage.until_usable(1).await?;
        let mut client = stage.client().await?;
        for _ in 0..10 {
            client.query_drop("SELECT 1 FROM orders").await?;
        }
        stage.cluster.replicas[0].resume()?;
        stage.until_usable(2).await?;
        Ok(())
    }
}

story! {
    without_slaves_the_primary_answers, async |family| -> Told {
        let mut stage = Stage::start(family).await?;
        stage.table().await?;
        let load = Load::start(&stage, 8).await?;
        load.more(100).await?;
        stage.cluster.replicas[0].kill();
        stage.cluster.replicas[1].kill();
        load.more(200).await?;
        stage.until_usable(0).await?;
        let mut client = stage.client().await?;
        client.query_drop("SELECT 1 FROM orders").await?;
        assert_eq!(Stage::last_route(&mut client).await?, ("master".into(), "no_fit_replica".into()));
        assert_eq!(load.failed().await, 0);
        Ok(())
    }
}

story! {
    without_a_primary_reads_go_on_and_writes_wait_for_the_next_one, async |family| -> Told {
        let mut stage = Stage::with(family, "failover: { hold: 20s }").await?;
        stage.table().await?;
        let mut reader = stage.client().await?;
        let mut writer = stage.client().await?;
        let mut in_transaction = stage.client().await?;
        in_transaction.query_drop("BEGIN").await?;
        in_transaction.query_drop("INSERT INTO orders (item) VALUES ('never')").await?;
        stage.cluster.primary.kill();
        reader.query_drop("SELECT * FROM orders").await?;
        let error = in_transaction.query_drop("COMMIT").await.unwrap_err().to_string();
        assert!(error.contains("unknown"), "{error}");

        let write = tokio::spawn(async move { writer.query_drop("INSERT INTO orders (item) VALUES ('held')").await });
        eventually("the primary is missed", PATIENCE, async || match stage.splitfin.snapshot().primary {
            None => Ok(()),
            Some(id) => Err(format!("{id}")),
        }).await?;
        assert!(!write.is_finished(), "the write waits");
        reader.query_drop("SELECT * FROM orders").await?;
        stage.cluster.promote(0).await?;
        write.await??;
        let mut new_primary = stage.cluster.replicas[0].root().await?;
        let held: Option<u32> = new_primary.query_first("SELECT COUNT(*) FROM shop.orders WHERE item = 'held'").await?;
        assert_eq!(held, Some(1));

        // The old primary comes back and accepts writes: nobody follows it, so it gets none.
        stage.cluster.primary.restart().await?;
        let mut writer = stage.client().await?;
        for _ in 0..10 {
            writer.query_drop("INSERT INTO orders (item) VALUES ('later')").await?;
        }
        let mut old = stage.cluster.primary.root().await?;
        let strayed: Option<u32> = old.query_first("SELECT COUNT(*) FROM shop.orders WHERE item = 'later'").await?;
        assert_eq!(strayed, Some(0));
        Ok(())
    }
}

story! {
    a_write_without_a_primary_fails_with_an_error_that_says_so, async |family| -> Told {
        let mut stage = Stage::with(family, "failover: { hold: 500ms }").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        stage.cluster.primary.kill();
        let error = client.query_drop("INSERT INTO orders (item) VALUES ('x')").await.unwrap_err().to_string();
        assert!(error.contains("Splitfin"), "{error}");
        client.query_drop("SELECT 1 FROM orders").await?;
        Ok(())
    }
}

/// Where `performance_schema` can be read, lag is known in microseconds.
#[test]
fn mysql_knows_lag_finer_than_a_second() {
    splitfin_tests::block_on(async {
        let stage = Stage::start(splitfin_tests::Family::Mysql).await?;
        stage.table().await?;
        let lag = || stage.splitfin.snapshot().by_name("slave-1").and_then(|view| view.lag);
        // A lock on the slave holds up what it has to apply.
        let mut lock = stage.cluster.replicas[0].root().await?;
        lock.query_drop("LOCK TABLES shop.orders READ").await?;
        stage.cluster.primary.run(&["INSERT INTO shop.orders (item) VALUES ('held up')"]).await?;
        eventually("a fraction of a second", PATIENCE, async || match lag() {
            Some(lag) if lag.subsec_micros() != 0 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        lock.query_drop("UNLOCK TABLES").await?;
        eventually("no lag", PATIENCE, async || match lag() {
            Some(Duration::ZERO) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        Ok(())
    });
}
