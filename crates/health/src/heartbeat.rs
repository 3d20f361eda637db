//! A row that the primary gets over and over again with its time of day: how old it is on a replica tells how late the
//! replica is, to the fraction of a second, over chains, filters and idle times.

use crate::ask::{self, AskError};
use crate::probe::Target;
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The server's time of day, in microseconds since 1970, in whatever time zone its sessions are.
pub(crate) const MICROSECONDS: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";

/// The probe's own.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// How old the row is that a server has, by the probe's clock; nothing, where there is none yet.
pub(crate) async fn age(conn: &mut Conn, table: &str) -> Result<Option<i64>, AskError> {
    let sql = format!("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at) FROM {table} WHERE id = 1");
    let asked = now();
    match ask::first(conn, &sql).await {
        Ok(None) => Ok(None),
        Ok(Some(row)) => Ok(row.maybe_number::<i64>(0)?.map(|at| asked.saturating_sub(at))),
        Err(AskError::Refused(error)) => {
            tracing::debug!(table, code = error.code, "no heartbeat to be had");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Where heartbeats go, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// An SQL name with its database, quoted.
    pub table: String,
    /// Its database, quoted.
    pub database: String,
    /// Time from one to the next.
    pub interval: Duration,
}

impl Heartbeat {
    /// Writes until the future is dropped. What goes wrong is said once, and tried again.
    pub(crate) async fn beat(self, target: Target) -> std::convert::Infallible {
        let mut failing = false;
        loop {
            match self.write(&target, &mut failing).await {
                Ok(never) => match never {},
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(target: "splitfin::health", address = %target.address, table = %self.table, %error,
                            "no heartbeat can be written: the monitor needs CREATE, INSERT, UPDATE, DELETE and SELECT on it");
                    }
                }
            }
            tokio::time::sleep(self.interval.max(target.timeout)).await;
        }
    }

    async fn write(
        &self,
        target: &Target,
        failing: &mut bool,
    ) -> Result<std::convert::Infallible, Box<dyn std::error::Error + Send + Sync>> {
        let mut conn = tokio::time::timeout(target.timeout, Conn::new(target.options())).await??;
        let make = [
            format!("CREATE DATABASE IF NOT EXISTS {}", self.database),
            format!("CREATE TABLE IF NOT EXISTS {} (id INT PRIMARY KEY, at DATETIME(6) NOT NULL)", self.table),
        ];
        for sql in make {
            // Where the table is there, the right to make it is not needed.
            match tokio::time::timeout(target.timeout, conn.query_drop(sql)).await? {
                Ok(()) | Err(mysql_async::Error::Server(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let beat = format!("REPLACE INTO {} (id, at) VALUES (1, UTC_TIMESTAMP(6))", self.table);
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            tokio::time::timeout(target.timeout, conn.query_drop(&beat)).await??;
            *failing = false;
        }
    }
}
