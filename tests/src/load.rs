//! Clients that write and read all the time, and remember what they were told: for tests in which servers die,
//! hang and are replaced meanwhile.
//!
//! Each write has a token of its own. One that was acknowledged must be there once; one that was refused must not be
//! there; of one whose outcome is unknown, nothing is certain but that it is not there twice.

use crate::{PATIENCE, Stage, eventually};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Compression, Conn, OptsBuilder};
use splitfin_testkit::Server;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

type Failed = Box<dyn std::error::Error>;

/// What the clients were told.
#[derive(Debug, Default)]
pub struct Ledger {
    acknowledged: Mutex<BTreeMap<u64, Instant>>,
    refused: Mutex<BTreeSet<u64>>,
    unknown: Mutex<BTreeSet<u64>>,
    errors: Mutex<BTreeMap<String, usize>>,
    reads: AtomicU64,
    failed_reads: AtomicU64,
    stale: Mutex<Vec<Stale>>,
    /// When writes were begun that were acknowledged.
    begun: Mutex<BTreeMap<u64, Instant>>,
    slowest_read: AtomicU64,
}

/// A read that did not see what its session had written.
#[derive(Debug, Clone, Copy)]
struct Stale {
    seen: u64,
    written: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Writes that were acknowledged, and when.
    pub fn acknowledged(&self) -> BTreeMap<u64, Instant> {
        locked(&self.acknowledged).clone()
    }

    /// Errors by number and text, and how often each came.
    pub fn errors(&self) -> BTreeMap<String, usize> {
        locked(&self.errors).clone()
    }

    /// Reads that were answered, that failed, and that did not see what their session had written.
    pub fn reads(&self) -> [u64; 3] {
        let [reads, failed] = [&self.reads, &self.failed_reads].map(|cell| cell.load(Ordering::Relaxed));
        [reads, failed, self.stale_beside(&[])]
    }

    /// Reads that did not see what their session had written, though that was not lost.
    pub fn stale_beside(&self, lost: &[u64]) -> u64 {
        let acknowledged = locked(&self.acknowledged);
        let is_there =
            |stale: &Stale| acknowledged.range(stale.seen + 1..=stale.written).any(|(token, _)| !lost.contains(token));
        // The tokens of a client have its number in front.
        let all = locked(&self.stale);
        all.iter()
            .map(|stale| Stale { seen: stale.seen.max(stale.written >> 32 << 32), ..*stale })
            .filter(is_there)
            .count() as u64
    }

    /// When a write was begun that was acknowledged.
    pub fn begun(&self, token: u64) -> Option<Instant> {
        locked(&self.begun).get(&token).copied()
    }

    /// The slowest read, in microseconds.
    pub fn slowest_read(&self) -> u64 {
        self.slowest_read.load(Ordering::Relaxed)
    }

    /// The longest time between two acknowledged writes, from `since` on.
    pub fn longest_pause(&self, since: Instant) -> Duration {
        let mut moments: Vec<Instant> =
            locked(&self.acknowledged).values().copied().filter(|at| *at >= since).collect();
        moments.push(since);
        moments.sort();
        moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// Compares with what a server has. Gives the acknowledged writes that it lacks.
    pub async fn compare(&self, server: &Server) -> Result<Vec<u64>, Failed> {
        let rows: Vec<(u64, u64)> =
            server.root().await?.query("SELECT token, COUNT(*) FROM shop.ledger GROUP BY token").await?;
        let there: HashMap<u64, u64> = rows.into_iter().collect();
        let twice: Vec<_> = there.iter().filter(|(_, count)| **count > 1).collect();
        if !twice.is_empty() {
            return Err(format!("written more than once: {twice:?}").into());
        }
        let refused: Vec<_> = locked(&self.refused).iter().copied().filter(|token| there.contains_key(token)).collect();
        if !refused.is_empty() {
            return Err(format!("refused, and there all the same: {refused:?}").into());
        }
        let known: BTreeSet<u64> =
            locked(&self.acknowledged).keys().copied().chain(locked(&self.unknown).iter().copied()).collect();
        let strangers: Vec<_> = there.keys().filter(|token| !known.contains(token)).collect();
        if !strangers.is_empty() {
            return Err(format!("written by nobody: {strangers:?}").into());
        }
        Ok(locked(&self.acknowledged).keys().copied().filter(|token| !there.contains_key(token)).collect())
    }
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    ledger: Arc<Ledger>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

/// How a client writes.
#[derive(Debug, Clone, Copy)]
enum Style {
    Text,
    Prepared,
    Transaction,
    /// With autocommit off.
    Manual,
    /// Alongside a READ ONLY transaction with one read.
    ReadOnly,
    /// Two statements in one text.
    Several,
    /// As text, compressed.
    Compressed,
    /// It only reads.
    Not,
}

impl Load {
    /// Makes the table, and starts so many clients: a quarter of them writes in transactions, and a quarter only reads.
    pub async fn start(stage: &Stage, clients: u64) -> Result<Self, Failed> {
        Self::with(stage, clients, &[Style::Text, Style::Prepared, Style::Transaction, Style::Not]).await
    }

    /// Starts clients that use no transactions.
    pub async fn without_transactions(stage: &Stage, clients: u64) -> Result<Self, Failed> {
        Self::with(stage, clients, &[Style::Text, Style::Prepared, Style::Not]).await
    }

    /// Starts clients of all kinds.
    pub async fn of_all_kinds(stage: &Stage, clients: u64) -> Result<Self, Failed> {
        let styles = [
            Style::Text,
            Style::Prepared,
            Style::Transaction,
            Style::Manual,
            Style::ReadOnly,
            Style::Several,
            Style::Compressed,
            Style::Not,
        ];
        Self::with(stage, clients, &styles).await
    }

    async fn with(stage: &Stage, clients: u64, styles: &[Style]) -> Result<Self, Failed> {
        let table = "CREATE TABLE IF NOT EXISTS shop.ledger \
            (id INT AUTO_INCREMENT PRIMARY KEY, token BIGINT UNSIGNED, client INT, KEY (client, token))";
        stage.cluster.primary.run(&[table]).await?;
        stage.cluster.caught_up().await?;
        let (stop, ledger) = (Arc::new(AtomicBool::new(false)), Arc::new(Ledger::default()));
        let mut tasks = Vec::new();
        for number in 0..clients {
            let style = styles[number as usize % styles.len()];
            let options = match style {
                // The replies are packed. This driver cuts off packets of its own that grow when they are packed.
                Style::Compressed => stage.options().compression(Compression::none()),
                _ => stage.options(),
            };
            let client = Client { number, style, options, ledger: Arc::clone(&ledger), last: 0, begun: Instant::now() };
            tasks.push(tokio::spawn(client.live(Arc::clone(&stop))));
        }
        Ok(Self { stop, ledger, clients: tasks })
    }

    /// What the clients were told so far.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Waits until so many more writes were acknowledged.
    pub async fn more_writes(&self, count: usize) -> Result<(), Failed> {
        let number = || locked(&self.ledger.acknowledged).len();
        let wanted = number() + count;
        eventually("more writes", PATIENCE, async || {
            let now = number();
            if now >= wanted { Ok(()) } else { Err(format!("{now} of {wanted}: {:?}", self.ledger.errors())) }
        })
        .await?;
        Ok(())
    }

    /// Waits until so many more reads were answered.
    pub async fn more_reads(&self, count: u64) -> Result<(), Failed> {
        let number = || self.ledger.reads.load(Ordering::Relaxed);
        let wanted = number() + count;
        eventually("more reads", PATIENCE, async || {
            let now = number();
            if now >= wanted { Ok(()) } else { Err(format!("{now} of {wanted}: {:?}", self.ledger.errors())) }
        })
        .await?;
        Ok(())
    }

    /// Ends it, and gives what the clients were told.
    pub async fn end(self) -> Result<Arc<Ledger>, Failed> {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await?;
        }
        Ok(self.ledger)
    }
}

/// Which statement of a client failed, as far as that matters.
enum Stumbled {
    /// A write, or something before the end of a transaction.
    Writing(u64),
    /// COMMIT.
    Committing(u64),
    Reading,
    Connecting,
}

struct Client {
    number: u64,
    style: Style,
    options: OptsBuilder,
    ledger: Arc<Ledger>,
    /// The last write that was acknowledged.
    last: u64,
    /// When its turn began.
    begun: Instant,
}

impl Client {
    async fn live(mut self, stop: Arc<AtomicBool>) {
        let mut token = (self.number + 1) << 32;
        while !stop.load(Ordering::Relaxed) {
            let mut conn = match Conn::new(self.options.clone()).await {
                Ok(conn) => conn,
                Err(error) => {
                    self.note(&Stumbled::Connecting, &error);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            while !stop.load(Ordering::Relaxed) {
                token += 1;
                if let Err((stumbled, error)) = self.turn(&mut conn, token).await {
                    let goes_on = self.note(&stumbled, &error);
                    if !goes_on {
                        break;
                    }
                }
                // Replicas that have to make up for something are to get there.
                tokio::time::sleep(PACE).await;
            }
        }
    }

    /// One write and two reads.
    async fn turn(&mut self, conn: &mut Conn, token: u64) -> Result<(), (Stumbled, mysql_async::Error)> {
        let writing = |error| (Stumbled::Writing(token), error);
        self.begun = Instant::now();
        let number = self.number;
        let text = format!("INSERT INTO ledger (token, client) VALUES ({token}, {number})");
        match self.style {
            Style::Text | Style::Compressed => conn.query_drop(text).await.map_err(writing)?,
            Style::Several => conn.query_drop(format!("{text}; SELECT 1")).await.map_err(writing)?,
            Style::Prepared => {
                let insert = "INSERT INTO ledger (token, client) VALUES (?, ?)";
                conn.exec_drop(insert, (token, number)).await.map_err(writing)?;
            }
            Style::Transaction => {
                conn.query_drop("BEGIN").await.map_err(writing)?;
                conn.query_drop(text).await.map_err(writing)?;
                conn.query_drop("COMMIT").await.map_err(|error| (Stumbled::Committing(token), error))?;
            }
            Style::Manual => {
                conn.query_drop("SET autocommit = 0").await.map_err(writing)?;
                conn.query_drop(text).await.map_err(writing)?;
                conn.query_drop("COMMIT").await.map_err(|error| (Stumbled::Committing(token), error))?;
                self.note_written(token);
                conn.query_drop("SET autocommit = 1").await.map_err(|error| (Stumbled::Connecting, error))?;
            }
            Style::ReadOnly => {
                conn.query_drop(text).await.map_err(writing)?;
                self.note_written(token);
                let reading = |error| (Stumbled::Connecting, error);
                conn.query_drop("START TRANSACTION READ ONLY").await.map_err(reading)?;
                conn.query_drop("SELECT COUNT(*) FROM ledger").await.map_err(reading)?;
                conn.query_drop("COMMIT").await.map_err(reading)?;
            }
            Style::Not => {}
        }
        if !matches!(self.style, Style::Not) {
            self.note_written(token);
        }
        for _ in 0..2 {
            let sql = format!("SELECT MAX(token) FROM ledger WHERE client = {number}");
            let begun = Instant::now();
            let seen: Option<Option<u64>> = conn.query_first(sql).await.map_err(|error| (Stumbled::Reading, error))?;
            self.ledger.reads.fetch_add(1, Ordering::Relaxed);
            let time = begun.elapsed().as_micros() as u64;
            self.ledger.slowest_read.fetch_max(time, Ordering::Relaxed);
            let seen = seen.flatten().unwrap_or(0);
            if seen < self.last {
                locked(&self.ledger.stale).push(Stale { seen, written: self.last });
            }
        }
        Ok(())
    }

    fn note_written(&mut self, token: u64) {
        locked(&self.ledger.acknowledged).entry(token).or_insert_with(Instant::now);
        locked(&self.ledger.begun).entry(token).or_insert(self.begun);
        self.last = token;
    }

    /// Remembers an error, and says whether the connection goes on.
    fn note(&self, stumbled: &Stumbled, error: &mysql_async::Error) -> bool {
        let (text, from_server) = match error {
            mysql_async::Error::Server(error) => (format!("{} {}", error.code, error.message), true),
            other => (other.to_string(), false),
        };
        // Only an error that a server or Splitfin has sent, and that does not say so, leaves no doubt.
        let in_doubt = !from_server || text.contains("unknown");
        let token = match stumbled {
            Stumbled::Writing(token) => {
                Some((*token, in_doubt && !matches!(self.style, Style::Transaction | Style::Manual)))
            }
            Stumbled::Committing(token) => Some((*token, in_doubt)),
            Stumbled::Reading => {
                self.ledger.failed_reads.fetch_add(1, Ordering::Relaxed);
                None
            }
            Stumbled::Connecting => None,
        };
        match token {
            Some((token, true)) => drop(locked(&self.ledger.unknown).insert(token)),
            Some((token, false)) => drop(locked(&self.ledger.refused).insert(token)),
            None => {}
        }
        let of = match stumbled {
            Stumbled::Writing(_) => "write",
            Stumbled::Committing(_) => "commit",
            Stumbled::Reading => "read",
            Stumbled::Connecting => "login",
        };
        // Times and ports differ from error to error.
        let digits = |c: char| if c.is_ascii_digit() { '#' } else { c };
        let kind: String = text.chars().take(4).chain(text.chars().skip(4).map(digits)).collect();
        *locked(&self.ledger.errors).entry(format!("{of}: {kind}")).or_default() += 1;
        // A transaction that failed in between is over for this client: it begins anew.
        from_server
            && !text.contains("Splitfin")
            && !matches!(self.style, Style::Transaction | Style::Manual | Style::ReadOnly)
    }
}

/// Time between a client's turns: together they ask for less than the servers can do.
const PACE: Duration = Duration::from_millis(200);
