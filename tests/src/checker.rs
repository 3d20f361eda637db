//! Looks for stale and for backward reads: clients that write and read at once, while replicas are disturbed at random.
//!
//! Each client owns a row that only it writes, so it knows what it must see: on the connection that wrote, and in wider
//! scopes on another one too. One more row is written by somebody else all the time: what a connection has seen of it
//! must never become less.

use crate::Stage;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, Statement};
use splitfin_testkit::{Cluster, Replication};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What to run.
#[derive(Debug, Clone)]
pub struct Check {
    /// `consistency.scope`
    pub scope: String,
    /// Clients at a time.
    pub clients: u64,
    /// How long.
    pub time: Duration,
    /// Where the choice of disturbances starts.
    pub seed: u64,
    /// Reads after each write.
    pub reads: u64,
    /// Whether replicas are disturbed.
    pub disturb: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Writes that were acknowledged.
    pub writes: AtomicU64,
    /// Reads that were answered.
    pub answered: AtomicU64,
    /// Reads that did not see a write that they had to see.
    pub stale: AtomicU64,
    /// Reads that saw less than an earlier one on the same connection.
    pub backward: AtomicU64,
    /// Statements that failed.
    pub failed: AtomicU64,
    /// Disturbances.
    pub disturbances: AtomicU64,
}

impl Findings {
    /// The figure of one field.
    pub fn get(cell: &AtomicU64) -> u64 {
        cell.load(Ordering::Relaxed)
    }
}

type Told<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The configuration that a check needs.
pub fn config(check: &Check) -> String {
    format!("consistency: {{ scope: {} }}\nlog: {{ routes: problems, routes_per_second: 1, slow: 60s }}", check.scope)
}

/// Runs a check on a stage with [`config`].
pub async fn run(stage: &mut Stage, check: &Check) -> Told<Findings> {
    let tables = [
        "CREATE TABLE shop.own (client INT PRIMARY KEY, version BIGINT)",
        "CREATE TABLE shop.theirs (id INT PRIMARY KEY, version BIGINT)",
        "INSERT INTO shop.theirs VALUES (1, 0)",
        "CREATE TABLE shop.ballast (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(100))",
    ];
    stage.cluster.primary.run(&tables).await?;
    for client in 0..check.clients {
        stage.cluster.primary.run(&[&format!("INSERT INTO shop.own VALUES ({client}, 0)")]).await?;
    }
    stage.cluster.caught_up().await?;

    let findings = Arc::new(Findings::default());
    let stop = Arc::new(AtomicBool::new(false));
    let somebody = tokio::spawn(somebody_else(stage.cluster.primary.root().await?, Arc::clone(&stop)));
    let mut tasks = Vec::new();
    for number in 0..check.clients {
        let client = Client {
            number,
            options: stage.options(),
            shares: check.scope == "user" || check.scope == "global",
            reads: check.reads,
            findings: Arc::clone(&findings),
        };
        tasks.push(tokio::spawn(client.live(Arc::clone(&stop))));
    }
    let end = Instant::now() + check.time;
    let disturbed = match check.disturb {
        true => disturb(&mut stage.cluster, check.seed, end, &findings).await,
        false => {
            tokio::time::sleep(check.time).await;
            Ok(())
        }
    };
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    somebody.await??;
    disturbed?;
    Ok(Arc::into_inner(findings).unwrap_or_default())
}

async fn somebody_else(mut conn: Conn, stop: Arc<AtomicBool>) -> Told {
    let mut ticks = tokio::time::interval(Duration::from_millis(3));
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        conn.query_drop("UPDATE shop.theirs SET version = version + 1").await?;
    }
    Ok(())
}

struct Client {
    number: u64,
    options: OptsBuilder,
    shares: bool,
    reads: u64,
    findings: Arc<Findings>,
}

/// One connection, and what was seen through it.
struct View {
    conn: Conn,
    own: Statement,
    theirs: u64,
}

/// Longer than anything may take here: what hangs, fails.
const LIMIT: Duration = Duration::from_secs(30);

impl Client {
    async fn live(self, stop: Arc<AtomicBool>) -> Told {
        let mut views = [self.log_in().await?, self.log_in().await?];
        let mut version = 0;
        while !stop.load(Ordering::Relaxed) {
            // A client that failed starts again, as an application would; the failure is counted.
            if let Err(error) = tokio::time::timeout(LIMIT, self.round(&mut views, &mut version)).await? {
                eprintln(&format!("client {}: {error}", self.number));
                self.findings.failed.fetch_add(1, Ordering::Relaxed);
                views = [self.log_in().await?, self.log_in().await?];
            }
        }
        Ok(())
    }

    async fn log_in(&self) -> Result<View, mysql_async::Error> {
        let mut conn = Conn::new(self.options.clone()).await?;
        let own = conn.prep("SELECT version FROM own WHERE client = ?").await?;
        Ok(View { conn, own, theirs: 0 })
    }

    async fn round(&self, views: &mut [View; 2], version: &mut u64) -> Result<(), mysql_async::Error> {
        let [writer, other] = views;
        let next = *version + 1;
        self.write(&mut writer.conn, next).await?;
        *version = next;
        self.findings.writes.fetch_add(1, Ordering::Relaxed);
        for read in 0..self.reads {
            self.look(writer, Some(next), read).await?;
        }
        self.look(other, self.shares.then_some(next), next).await
    }

    async fn write(&self, conn: &mut Conn, version: u64) -> Result<(), mysql_async::Error> {
        let client = self.number;
        let update = format!("UPDATE own SET version = {version} WHERE client = {client}");
        match version % 4 {
            0 => conn.query_drop(update).await,
            1 => conn.exec_drop("UPDATE own SET version = ? WHERE client = ?", (version, client)).await,
            2 => {
                conn.query_drop("BEGIN").await?;
                conn.query_drop(update).await?;
                conn.query_drop("COMMIT").await
            }
            _ => {
                conn.query_drop("START TRANSACTION").await?;
                conn.query_drop(format!("SELECT version FROM own WHERE client = {client}")).await?;
                conn.exec_drop("REPLACE INTO own VALUES (?, ?)", (client, version)).await?;
                conn.query_drop("COMMIT").await
            }
        }
    }

    /// Reads the client's own row, and somebody else's.
    async fn look(&self, view: &mut View, expected: Option<u64>, variant: u64) -> Result<(), mysql_async::Error> {
        let client = self.number;
        let seen: Option<u64> = match variant % 2 {
            0 => view.conn.query_first(format!("SELECT version FROM own WHERE client = {client}")).await?,
            _ => view.conn.exec_first(&view.own, (client,)).await?,
        };
        if expected.is_some_and(|expected| seen.unwrap_or(0) < expected) {
            self.findings.stale.fetch_add(1, Ordering::Relaxed);
            self.report("stale", view, seen, expected.unwrap_or(0)).await?;
        }
        let theirs: u64 = view.conn.query_first("SELECT version FROM theirs").await?.unwrap_or(0);
        if theirs < view.theirs {
            self.findings.backward.fetch_add(1, Ordering::Relaxed);
            let before = view.theirs;
            self.report("backward", view, Some(theirs), before).await?;
        }
        view.theirs = view.theirs.max(theirs);
        self.findings.answered.fetch_add(2, Ordering::Relaxed);
        Ok(())
    }

    /// The first few are worth a look.
    async fn report(
        &self,
        what: &str,
        view: &mut View,
        seen: Option<u64>,
        expected: u64,
    ) -> Result<(), mysql_async::Error> {
        let found = Findings::get(&self.findings.stale) + Findings::get(&self.findings.backward);
        if found <= 5 {
            let row: Option<mysql_async::Row> = view.conn.query_first("SHOW SPLITFIN ROUTE").await?;
            eprintln(&format!("client {}: {what}: saw {seen:?}, expected {expected}: {row:?}", self.number));
        }
        Ok(())
    }
}

#[allow(clippy::print_stderr, reason = "a development tool talks to a terminal")]
fn eprintln(text: &str) {
    eprintln!("{text}");
}

/// Disturbs one replica after the other, in ways chosen at random.
async fn disturb(cluster: &mut Cluster, seed: u64, end: Instant, findings: &Findings) -> Told {
    let mut random = seed | 1;
    let mut next = move |most: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % most
    };
    while Instant::now() < end {
        let replica = next(cluster.replicas.len() as u64) as usize;
        let moment = Duration::from_millis(200 + next(1500));
        findings.disturbances.fetch_add(1, Ordering::Relaxed);
        let kind = match cluster.replication() {
            Replication::Async => next(5),
            // A member that was killed comes back by a copy of all data, which is not what is looked at here.
            Replication::Galera | Replication::Group => 1 + next(2),
        };
        match kind {
            0 => {
                cluster.delay(replica, Duration::from_secs(1 + next(2))).await?;
                tokio::time::sleep(moment * 2).await;
                cluster.delay(replica, Duration::ZERO).await?;
            }
            1 => {
                cluster.replicas[replica].pause()?;
                tokio::time::sleep(moment).await;
                cluster.replicas[replica].resume()?;
            }
            2 => {
                // Applied at once by nobody.
                let rows = "INSERT INTO shop.ballast (a, b) SELECT seq, REPEAT('x', 100) FROM \
                            (SELECT a.n * 100 + b.n AS seq FROM (WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT n FROM t) a, \
                            (WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT n FROM t) b) s";
                cluster.primary.run(&[rows, "UPDATE shop.ballast SET a = a + 1", "DELETE FROM shop.ballast"]).await?;
            }
            3 => {
                cluster.replicas[replica].kill();
                cluster.replicas[replica].restart().await?;
            }
            _ => {
                cluster.apply(replica, false).await?;
                tokio::time::sleep(moment).await;
                cluster.apply(replica, true).await?;
            }
        }
    }
    Ok(())
}
