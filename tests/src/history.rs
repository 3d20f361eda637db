//! Clients of many kinds, and sessions with all kinds of state, that check everything they are told: for tests in which
//! servers die, hang and are replaced meanwhile.

use crate::load::{Ledger, Load};
use crate::{PATIENCE, Stage, eventually};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder};
use splitfin_testkit::Server;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

type Failed = Box<dyn std::error::Error>;

const CLIENTS: u64 = 64;
const SESSIONS: usize = 8;

#[derive(Debug, Default)]
struct Seen {
    wrong: Mutex<Vec<String>>,
    failures: Mutex<Vec<String>>,
    checks: AtomicU64,
    slowest: AtomicU64,
}

/// Clients and sessions at work.
#[derive(Debug)]
pub struct History {
    load: Load,
    stop: Arc<AtomicBool>,
    seen: Arc<Seen>,
    sessions: Vec<tokio::task::JoinHandle<()>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Judged {
    /// State that was not what its session had set.
    pub wrong_states: Vec<String>,
    /// Acknowledged writes that are not there, and when they were begun.
    pub lost: Vec<Instant>,
    /// Reads that did not see what their session had written, unless that is lost.
    pub stale: u64,
    /// Autocommit reads that failed.
    pub failed_reads: u64,
    /// Autocommit statements that failed, but for reads, and transactions.
    pub failed_writes: usize,
    /// The longest time without an acknowledged write.
    pub pause: Duration,
    /// All errors.
    pub errors: Vec<String>,
    /// How often state was checked.
    pub checks: u64,
}

impl Judged {
    /// How many writes are not there that were begun after `since`.
    pub fn lost_since(&self, since: Instant) -> usize {
        self.lost.iter().filter(|at| **at > since).count()
    }
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "wrong {} lost {} stale {} failed reads {} failed writes {} pause {:?} checks {} errors {:?}",
            self.wrong_states.len(),
            self.lost.len(),
            self.stale,
            self.failed_reads,
            self.failed_writes,
            self.pause,
            self.checks,
            self.errors
        )
    }
}

impl History {
    /// Starts all of them.
    pub async fn start(stage: &Stage) -> Result<Self, Failed> {
        let load = Load::of_all_kinds(stage, CLIENTS).await?;
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Seen::default()));
        let sessions = (0..SESSIONS)
            .map(|number| tokio::spawn(live(number, stage.options(), Arc::clone(&stop), Arc::clone(&seen))))
            .collect();
        Ok(Self { load, stop, seen, sessions })
    }

    /// Waits until so many more writes and reads came through.
    pub async fn more(&self, count: usize) -> Result<(), Failed> {
        self.load.more_writes(count).await?;
        self.load.more_reads(count as u64).await?;
        let wanted = self.seen.checks.load(Ordering::Relaxed) + 8;
        eventually("states are checked", PATIENCE, async || {
            let now = self.seen.checks.load(Ordering::Relaxed);
            if now >= wanted { Ok(()) } else { Err(format!("{now} of {wanted}")) }
        })
        .await?;
        Ok(())
    }

    /// The slowest read so far.
    pub fn worst_read(&self) -> Duration {
        Duration::from_micros(self.load.ledger().slowest_read().max(self.seen.slowest.load(Ordering::Relaxed)))
    }

    /// How many writes that were begun after `since` are on a server that must not have got any.
    pub async fn strayed_to(&self, server: &Server, since: Instant) -> Result<usize, Failed> {
        let ledger = self.load.ledger();
        let acknowledged = ledger.acknowledged();
        let lacking = ledger.compare(server).await?;
        let begun = |token: &&u64| ledger.begun(**token).is_some_and(|at| at > since);
        Ok(acknowledged.keys().filter(begun).filter(|token| !lacking.contains(token)).count())
    }

    /// Ends it, and compares with what `primary` has.
    pub async fn end(self, primary: &Server, since: Instant) -> Result<Judged, Failed> {
        self.stop.store(true, Ordering::Relaxed);
        for session in self.sessions {
            session.await?;
        }
        let ledger: Arc<Ledger> = self.load.end().await?;
        let taken = |mutex: &Mutex<Vec<String>>| mutex.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lost = ledger.compare(primary).await?;
        let stale = ledger.stale_beside(&lost);
        let lost = lost.iter().filter_map(|token| ledger.begun(*token)).collect();
        let [_, failed_reads, _] = ledger.reads();
        let errors = ledger.errors();
        // A transaction that has written is lost with its server.
        let failed_writes = errors.iter().filter(|(kind, _)| kind.starts_with("write")).map(|(_, count)| count).sum();
        let mut all: Vec<String> = errors.iter().map(|(kind, count)| format!("{count}x {kind}")).collect();
        all.extend(taken(&self.seen.failures));
        Ok(Judged {
            wrong_states: taken(&self.seen.wrong),
            lost,
            stale,
            failed_reads,
            failed_writes,
            pause: ledger.longest_pause(since),
            errors: all,
            checks: self.seen.checks.load(Ordering::Relaxed),
        })
    }
}

/// A session that sets its state once, and looks at it again and again. Whoever loses it with an error begins anew.
async fn live(number: usize, options: OptsBuilder, stop: Arc<AtomicBool>, seen: Arc<Seen>) {
    while !stop.load(Ordering::Relaxed) {
        if let Err(error) = check(number, &options, &stop, &seen).await {
            seen.failures.lock().unwrap_or_else(PoisonError::into_inner).push(format!("session {number}: {error}"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn check(number: usize, options: &OptsBuilder, stop: &AtomicBool, seen: &Seen) -> mysql_async::Result<()> {
    let mut conn = Conn::new(options.clone()).await?;
    let limit = 40 + number;
    conn.query_drop(format!(
        "SET time_zone = '+0{number}:00', sql_mode = 'ANSI_QUOTES,NO_ZERO_DATE', @mark = 'm{number}', @n = 0"
    ))
    .await?;
    conn.query_drop(format!("SET sql_select_limit = {limit}")).await?;
    conn.query_drop("SET NAMES latin1").await?;
    conn.query_drop(format!("SET group_concat_max_len = (1000 + {number})")).await?;
    let holds = number % 4 == 3;
    if holds {
        conn.query_drop("CREATE TEMPORARY TABLE own (a INT)").await?;
        conn.query_drop(format!("INSERT INTO own VALUES ({number})")).await?;
        conn.query_drop(format!("DO GET_LOCK('own{number}', 5)")).await?;
    } else if number % 2 == 1 {
        conn.query_drop("PREPARE p FROM 'SELECT CONCAT(@mark, @@time_zone)'").await?;
    }
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let begun = Instant::now();
        let row: Option<(String, String, String, String, u64)> = conn
            .query_first("SELECT @@time_zone, @@sql_mode, @@character_set_client, @mark, @@group_concat_max_len")
            .await?;
        seen.slowest.fetch_max(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        let right = (
            format!("+0{number}:00"),
            "ANSI_QUOTES,NO_ZERO_DATE".to_owned(),
            "latin1".to_owned(),
            format!("m{number}"),
            1000 + number as u64,
        );
        expect(seen, number, "variables", &row, &Some(right));
        let row: Option<usize> = conn.query_first("SELECT @@sql_select_limit").await?;
        expect(seen, number, "sql_select_limit", &row, &Some(limit));
        conn.query_drop(format!("SET @n = {turn}")).await?;
        let row: Option<u64> = conn.query_first("SELECT @n").await?;
        expect(seen, number, "@n", &row, &Some(turn));
        let row: Option<u64> = conn.query_first(format!("SELECT LAST_INSERT_ID({turn})")).await?;
        let again: Option<u64> = conn.query_first("SELECT LAST_INSERT_ID()").await?;
        expect(seen, number, "LAST_INSERT_ID()", &again, &row);
        let _: Vec<u64> = conn.query("SELECT SQL_CALC_FOUND_ROWS 1 UNION SELECT 2 UNION SELECT 3 LIMIT 1").await?;
        let rows: Option<u64> = conn.query_first("SELECT FOUND_ROWS()").await?;
        expect(seen, number, "FOUND_ROWS()", &rows, &Some(3));
        if holds {
            let row: Option<u64> = conn.query_first("SELECT a FROM own").await?;
            expect(seen, number, "temporary table", &row, &Some(number as u64));
            let row: Option<u64> =
                conn.query_first(format!("SELECT IS_USED_LOCK('own{number}') = CONNECTION_ID()")).await?;
            expect(seen, number, "lock", &row, &Some(1));
        } else if number % 2 == 1 {
            let row: Option<String> = conn.query_first("EXECUTE p").await?;
            expect(seen, number, "EXECUTE", &row, &Some(format!("m{number}+0{number}:00")));
        }
        let _: Option<Option<u64>> = conn.query_first("SELECT CAST('x1' AS SIGNED)").await?;
        let warnings: Vec<(String, u64, String)> = conn.query("SHOW WARNINGS").await?;
        expect(seen, number, "warnings", &warnings.len(), &1);
        seen.checks.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn expect<T: PartialEq + std::fmt::Debug>(seen: &Seen, number: usize, what: &str, is: &T, right: &T) {
    if is != right {
        let mut wrong = seen.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.push(format!("session {number}: {what} is {is:?}, not {right:?}"));
    }
}
