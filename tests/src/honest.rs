//! Clients that do what applications do, check every answer, and remember how long it took: for tests in which others
//! are up to no good meanwhile.

use crate::{PATIENCE, eventually};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder};
use splitfin_testkit::Cluster;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

type Failed = Box<dyn std::error::Error>;

/// How long things took, in microseconds.
#[derive(Debug, Default, Clone)]
pub struct Times(Vec<u64>);

impl Times {
    /// What so many of a thousand were not slower than.
    pub fn permille(&mut self, part: usize) -> Duration {
        self.0.sort_unstable();
        let at = (self.0.len() * part).div_ceil(1000).saturating_sub(1);
        Duration::from_micros(self.0.get(at).copied().unwrap_or_default())
    }

    /// How many there were.
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle, the 99th and the 99.9th percentile, and the longest.
    pub fn describe(&mut self) -> String {
        let [middle, most, nearly_all, all] = [500, 990, 999, 1000].map(|part| self.permille(part));
        format!("{} in {middle:.1?}, 99% {most:.1?}, 99.9% {nearly_all:.1?}, longest {all:.1?}", self.count())
    }
}

/// What honest clients have seen since somebody looked last.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Statements that were answered.
    pub statements: Times,
    /// Logins that were let in.
    pub logins: Times,
    /// What went wrong, and how often: errors, wrong answers, no answers.
    pub wrong: BTreeMap<String, usize>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Honest clients at work.
#[derive(Debug)]
pub struct Honest {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    clients: JoinSet<()>,
}

impl Honest {
    /// Makes their tables on the primary, and waits until the replicas have them.
    pub async fn prepare(cluster: &Cluster, clients: u32) -> Result<(), Failed> {
        let values = |of: &dyn Fn(u32) -> String, count: u32| (0..count).map(of).collect::<Vec<_>>().join(",");
        let items = values(&|id| format!("({id}, 'item {id}')"), ITEMS);
        let own = values(&|client| format!("({client}, 0)"), clients);
        let statements = [
            "CREATE TABLE shop.items (id INT PRIMARY KEY, item VARCHAR(50))".to_owned(),
            format!("INSERT INTO shop.items VALUES {items}"),
            "CREATE TABLE shop.own (client INT PRIMARY KEY, n INT)".to_owned(),
            format!("INSERT INTO shop.own VALUES {own}"),
        ];
        cluster.primary.run(&statements.each_ref().map(String::as_str)).await?;
        Ok(cluster.caught_up().await?)
    }

    /// Starts so many clients, each of which goes on until the end.
    pub fn start(options: &OptsBuilder, clients: u32) -> Self {
        let (stop, seen) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Seen>>::default());
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            let client = Client { number, options: options.clone(), seen: Arc::clone(&seen), turn: 0, written: 0 };
            tasks.spawn(client.live(Arc::clone(&stop)));
        }
        Self { stop, seen, clients: tasks }
    }

    /// Waits until all of them are in, whose first logins come all at once, and gives what they have seen by then.
    pub async fn all_in(&self) -> Result<Seen, Failed> {
        eventually("honest clients are let in", PATIENCE, async || {
            let seen = locked(&self.seen);
            let count = seen.logins.count();
            if count >= self.clients.len() { Ok(()) } else { Err(format!("{count}: {:?}", seen.wrong)) }
        })
        .await?;
        Ok(self.seen())
    }

    /// What they have seen since the last time that this was asked.
    pub fn seen(&self) -> Seen {
        std::mem::take(&mut locked(&self.seen))
    }

    /// Ends it, and gives what they have seen since.
    pub async fn end(mut self) -> Result<Seen, Failed> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended?;
        }
        Ok(self.seen())
    }
}

struct Client {
    number: u32,
    options: OptsBuilder,
    seen: Arc<Mutex<Seen>>,
    turn: u32,
    /// What its own row holds.
    written: u32,
}

impl Client {
    async fn live(mut self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            let Some(mut conn) = self.log_in().await else { continue };
            // Clients come back at different times.
            for _ in 0..40 + self.number {
                self.turn += 1;
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                if let Err(why) = self.turn(&mut conn).await {
                    self.wrong(why);
                    break;
                }
            }
            // It has said goodbye, or it is gone already.
            let _ = tokio::time::timeout(DEADLINE, conn.disconnect()).await;
        }
    }

    async fn log_in(&self) -> Option<Conn> {
        let begun = Instant::now();
        let opened = tokio::time::timeout(DEADLINE, Conn::new(self.options.clone())).await;
        match opened {
            Ok(Ok(conn)) => {
                locked(&self.seen).logins.0.push(begun.elapsed().as_micros() as u64);
                return Some(conn);
            }
            Ok(Err(error)) => self.wrong(format!("login: {error}")),
            Err(_) => self.wrong(format!("login: nothing in {DEADLINE:?}")),
        }
        tokio::time::sleep(PACE).await;
        None
    }

    /// One thing that applications do.
    async fn turn(&mut self, conn: &mut Conn) -> Result<(), String> {
        let id = (self.turn * 31 + self.number * 7) % ITEMS;
        let number = self.number;
        let item = Some(format!("item {id}"));
        match (self.turn + self.number) % 8 {
            0 => {
                self.write(conn).await?;
                self.own(conn).await
            }
            1 => {
                let sql = "SELECT n FROM own WHERE client = ?";
                let read = conn.exec_first(sql, (number,));
                let n: Option<u32> = self.timed(sql, read).await?;
                is(sql, n, Some(self.written))
            }
            2 => self.transaction(conn).await,
            3 | 4 => {
                let sql = "SELECT item FROM items WHERE id = ?";
                let read = conn.exec_first(sql, (id,));
                let read: Option<String> = self.timed(sql, read).await?;
                is(sql, read, item)
            }
            _ => {
                let sql = format!("SELECT item FROM items WHERE id = {id}");
                let read = conn.query_first(&*sql);
                let read: Option<String> = self.timed(&sql, read).await?;
                is(&sql, read, item)
            }
        }
    }

    async fn transaction(&mut self, conn: &mut Conn) -> Result<(), String> {
        self.timed("BEGIN", conn.query_drop("BEGIN")).await?;
        self.write(conn).await?;
        self.own(conn).await?;
        self.timed("COMMIT", conn.query_drop("COMMIT")).await?;
        self.own(conn).await
    }

    async fn write(&mut self, conn: &mut Conn) -> Result<(), String> {
        let sql = format!("UPDATE own SET n = {} WHERE client = {}", self.written + 1, self.number);
        self.timed(&sql, conn.query_drop(&*sql)).await?;
        self.written += 1;
        is(&sql, conn.affected_rows(), 1)
    }

    /// What it has written itself.
    async fn own(&self, conn: &mut Conn) -> Result<(), String> {
        let sql = format!("SELECT n FROM own WHERE client = {}", self.number);
        let n: Option<u32> = self.timed(&sql, conn.query_first(&*sql)).await?;
        is(&sql, n, Some(self.written))
    }

    /// Waits for an answer, notes how long that took, and leaves some time to others.
    async fn timed<T>(&self, sql: &str, answer: impl Future<Output = mysql_async::Result<T>>) -> Result<T, String> {
        let begun = Instant::now();
        let answer = match tokio::time::timeout(DEADLINE, answer).await {
            Ok(answer) => answer.map_err(|error| format!("{sql}: {error}"))?,
            Err(_) => return Err(format!("{sql}: no answer in {DEADLINE:?}")),
        };
        locked(&self.seen).statements.0.push(begun.elapsed().as_micros() as u64);
        tokio::time::sleep(PACE + Duration::from_millis(u64::from((self.turn * 13 + self.number * 5) % 30))).await;
        Ok(answer)
    }

    fn wrong(&self, why: String) {
        // Ids and ports differ from error to error.
        let kind = why.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
        let why = format!("client {}: {why}", self.number);
        let mut seen = locked(&self.seen);
        let first = seen.wrong.is_empty();
        *seen.wrong.entry(if first { why } else { kind }).or_default() += 1;
    }
}

fn is<T: PartialEq + std::fmt::Debug>(sql: &str, read: T, expected: T) -> Result<(), String> {
    if read == expected { Ok(()) } else { Err(format!("{sql}: {read:?} instead of {expected:?}")) }
}

/// Rows that everybody reads.
const ITEMS: u32 = 1000;
/// From one statement to the next, at least: together they leave the machine time for others.
const PACE: Duration = Duration::from_millis(30);
/// Who has no answer by then has none.
const DEADLINE: Duration = Duration::from_secs(20);
