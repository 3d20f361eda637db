//! The tour, step by step.

use super::{Stage, say};
use anyhow::{Context as _, Result};
use splitfin_testkit::mysql_async::prelude::Queryable as _;
use splitfin_testkit::mysql_async::{Conn, OptsBuilder, Row};
use splitfin_testkit::{APP, PASSWORD, eventually};
use splitfin_topology::BackendView;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Takes the tour; whether every promise was kept.
pub(super) async fn take(stage: &mut Stage) -> Result<bool> {
    let log_in = async || Conn::new(options(stage.port)).await.context("cannot log in");
    let mut pool = Vec::new();
    for _ in 0..READERS {
        pool.push(log_in().await?);
    }
    let mut tour = Tour { client: log_in().await?, pool, kept: true };
    tour.writes_and_reads(stage).await?;
    tour.transaction().await?;
    tour.lagging_slave(stage).await?;
    tour.killed_slave(stage).await?;
    say(match tour.kept {
        true => "\nEvery promise was kept.\n",
        false => "\nNOT every promise was kept: see the lines marked with ✗.\n",
    });
    Ok(tour.kept)
}

fn options(port: u16) -> OptsBuilder {
    OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .user(Some(APP))
        .pass(Some(PASSWORD))
        .db_name(Some("shop"))
        .prefer_socket(false)
        .max_allowed_packet(Some(1 << 24))
        .wait_timeout(Some(28_800))
}

/// Connections of the tour's application that read: each stays with one slave for a moment, so that it never looks back.
const READERS: usize = 8;

/// Where this connection's last statement went, and why.
async fn last_route(client: &mut Conn) -> Result<(String, String)> {
    let row: Option<Row> = client.query_first("SHOW SPLITFIN ROUTE").await?;
    let row = row.context("SHOW SPLITFIN ROUTE gave no row")?;
    let text = |name| row.get::<String, _>(name).unwrap_or_default();
    Ok((text("Backend"), text("Why")))
}

struct Tour {
    client: Conn,
    pool: Vec<Conn>,
    kept: bool,
}

impl Tour {
    fn promise(&mut self, text: &str, kept: bool) {
        say(&format!("  {} {text}", if kept { "✓" } else { "✗" }));
        self.kept &= kept;
    }

    /// Runs a statement, shows where it went and why, and says where.
    async fn show(&mut self, sql: &str) -> Result<String> {
        self.client.query_drop(sql).await.with_context(|| sql.to_owned())?;
        let (backend, why) = last_route(&mut self.client).await?;
        say(&format!("  {sql:<58} → {backend:<8} {why}"));
        Ok(backend)
    }

    /// Runs a read many times, on the connections of a pool in turn; how often on which backend. A backend that was slow for a moment is given the time to be
    /// asked again, if it is expected.
    async fn spread(&mut self, sql: &str, expected: &[&str]) -> Result<BTreeMap<String, usize>> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut times = 0;
        while times < 20 || (!expected.iter().all(|name| counts.contains_key(*name)) && Instant::now() < deadline) {
            let reader = &mut self.pool[times % READERS];
            reader.query_drop(sql).await?;
            let (backend, _) = last_route(reader).await?;
            *counts.entry(backend).or_default() += 1;
            times += 1;
        }
        let shown: Vec<String> = counts.iter().map(|(backend, count)| format!("{backend}: {count}")).collect();
        say(&format!("  {sql:<58} → {times} times: {}", shown.join(", ")));
        Ok(counts)
    }

    async fn writes_and_reads(&mut self, stage: &Stage) -> Result<()> {
        say("1. Writes go to the master, reads to the slaves");
        let create = self.show("CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, item VARCHAR(50))").await?;
        let insert = self.show("INSERT INTO orders (item) VALUES ('apple'), ('pear')").await?;
        self.promise("writes ran on the master", create == "master" && insert == "master");
        let read = "SELECT COUNT(*) FROM orders";
        let rows: Option<u64> = self.client.query_first(read).await?;
        let (backend, why) = last_route(&mut self.client).await?;
        say(&format!("  {read:<58} → {backend:<8} {why}"));
        self.promise(
            "what was just written is read back at once, from a slave",
            rows == Some(2) && backend != "master",
        );
        stage.cluster.caught_up().await?;
        let counts = self.spread("SELECT * FROM orders", &["slave-1", "slave-2"]).await?;
        let both = counts.contains_key("slave-1") && counts.contains_key("slave-2") && !counts.contains_key("master");
        self.promise("reads were spread over both slaves, none on the master", both);
        let locked = self.show("SELECT * FROM orders WHERE id = 1 FOR UPDATE").await?;
        self.promise("a read that locks ran on the master", locked == "master");
        Ok(())
    }

    async fn transaction(&mut self) -> Result<()> {
        say("\n2. A transaction stays together");
        let mut all = true;
        for sql in ["BEGIN", "SELECT COUNT(*) FROM orders", "UPDATE orders SET item = 'plum' WHERE id = 2", "COMMIT"] {
            all &= self.show(sql).await? == "master";
        }
        let after = self.show("SELECT COUNT(*) FROM orders").await?;
        self.promise(
            "all of it ran on the master, and reads were free again after it",
            all && after.starts_with("slave-"),
        );
        Ok(())
    }

    async fn lagging_slave(&mut self, stage: &Stage) -> Result<()> {
        say("\n3. A slave that is late gets no reads");
        say("  slave-2 is told to apply everything 60 s later …");
        stage.cluster.delay(1, Duration::from_secs(60)).await?;
        let started = Instant::now();
        let why = until(stage, "slave-2 leaves", |slave| slave.fit.as_ref().err().map(ToString::to_string)).await?;
        say(&format!("  after {:.1?}: slave-2 takes no reads: {why}", started.elapsed()));
        let counts = self.spread("SELECT * FROM orders", &["slave-1"]).await?;
        self.promise("the late slave got no read", counts.keys().eq(["slave-1"]));
        say("  the delay is taken away …");
        stage.cluster.delay(1, Duration::ZERO).await?;
        let started = Instant::now();
        until(stage, "slave-2 returns", |slave| slave.fit.is_ok().then(String::new)).await?;
        say(&format!("  after {:.1?}: slave-2 takes reads again", started.elapsed()));
        let counts = self.spread("SELECT * FROM orders", &["slave-2"]).await?;
        self.promise("it came back by itself", counts.contains_key("slave-2"));
        Ok(())
    }

    async fn killed_slave(&mut self, stage: &mut Stage) -> Result<()> {
        say("\n4. A slave dies under load: kill -9, with 32 clients reading");
        let load = Load::start(stage.port, 32).await?;
        load.more(2000).await?;
        stage.cluster.replicas[1].kill();
        say("  slave-2 is killed …");
        let why = until(stage, "slave-2 leaves", |slave| slave.fit.as_ref().err().map(ToString::to_string)).await?;
        load.more(2000).await?;
        say(&format!("  slave-2 takes no reads: {why}"));
        stage.cluster.replicas[1].restart().await?;
        until(stage, "slave-2 returns", |slave| slave.fit.is_ok().then(String::new)).await?;
        say("  slave-2 was started again, and takes reads");
        load.more(2000).await?;
        let (reads, failed) = load.end().await;
        self.promise(&format!("{reads} reads, {failed} failed"), failed == 0);
        Ok(())
    }
}

/// Waits until slave-2 is as wanted.
async fn until(stage: &Stage, what: &str, wanted: impl Fn(&BackendView) -> Option<String>) -> Result<String> {
    let found = eventually(what, Duration::from_secs(30), async || {
        let snapshot = stage.splitfin.snapshot();
        snapshot.by_name("slave-2").and_then(&wanted).ok_or_else(|| "not yet".to_owned())
    });
    Ok(found.await?)
}

/// Clients that read as fast as they can.
struct Load {
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<bool>>,
}

impl Load {
    async fn start(port: u16, clients: usize) -> Result<Self> {
        let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..clients {
            let mut client = Conn::new(options(port)).await?;
            let (stop, reads) = (Arc::clone(&stop), Arc::clone(&reads));
            tasks.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    if let Err(error) = client.query_drop("SELECT * FROM orders").await {
                        say(&format!("  a read failed: {error}"));
                        return false;
                    }
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                true
            }));
        }
        Ok(Self { stop, reads, clients: tasks })
    }

    async fn more(&self, count: u64) -> Result<()> {
        let wanted = self.reads.load(Ordering::Relaxed) + count;
        let reads = eventually("more reads", Duration::from_secs(30), async || {
            let reads = self.reads.load(Ordering::Relaxed);
            if reads >= wanted { Ok(()) } else { Err(format!("{reads} of {wanted}")) }
        });
        Ok(reads.await?)
    }

    /// How many reads there were, and how many clients met an error.
    async fn end(self) -> (u64, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = 0;
        for client in self.clients {
            failed += usize::from(!client.await.unwrap_or(false));
        }
        (self.reads.load(Ordering::Relaxed), failed)
    }
}
