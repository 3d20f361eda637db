//! One line for each decision, within a budget; what does not fit is counted, and the count is logged.

use splitfin_router::{Reason, Statement};
use splitfin_topology::Position;
use std::time::{Duration, Instant};

/// Which decisions are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouteLogLevel {
    /// All, within the budget.
    #[default]
    All,
    /// Rerouted, refused and slow ones.
    Problems,
    /// None.
    Off,
}

/// What is said of one decision.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) session: u32,
    pub(crate) user: &'a str,
    pub(crate) statement: &'a Statement,
    pub(crate) backend: &'a str,
    pub(crate) reason: &'a Reason,
    pub(crate) lag: Option<Duration>,
    /// What a replica had to have.
    pub(crate) needed: &'a Position,
    /// What it was last seen to have.
    pub(crate) seen: Option<&'a Position>,
    /// How long it was waited for.
    pub(crate) waited: Option<Duration>,
    pub(crate) time: Duration,
    pub(crate) bytes: u64,
    pub(crate) error: Option<u16>,
    /// Rerouted, refused or slow: logged whatever the budget.
    pub(crate) problem: bool,
}

/// The budget of one worker.
#[derive(Debug)]
pub struct RouteLog {
    level: RouteLogLevel,
    per_second: u32,
    left: u32,
    second: Instant,
    left_out: u64,
}

impl RouteLog {
    /// Logs up to `per_second` decisions a second; 0 means no limit.
    pub fn new(level: RouteLogLevel, per_second: u32) -> Self {
        Self { level, per_second, left: per_second, second: Instant::now(), left_out: 0 }
    }

    pub(crate) fn log(&mut self, line: &Line<'_>, now: Instant) {
        if !self.admits(line.problem, now) {
            return;
        }
        let Line { session, user, statement, backend, reason, bytes, .. } = line;
        tracing::info!(
            target: "splitfin::route",
            session,
            user,
            backend,
            reason = reason.label(),
            why = %reason,
            digest = %statement.digest,
            time_us = line.time.as_micros() as u64,
            bytes,
            needed = shown(line.needed).map(tracing::field::display),
            replica_has = shown(line.needed).and(line.seen).map(tracing::field::display),
            waited_us = line.waited.map(|waited| waited.as_micros() as u64),
            lag_ms = line.lag.map(|lag| lag.as_millis() as u64),
            error = line.error,
            "{}",
            statement.shown(),
        );
    }

    fn admits(&mut self, problem: bool, now: Instant) -> bool {
        match self.level {
            RouteLogLevel::Off => return false,
            RouteLogLevel::Problems => return problem,
            RouteLogLevel::All => {}
        }
        if self.per_second == 0 || !tracing::enabled!(target: "splitfin::route", tracing::Level::INFO) {
            return true;
        }
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            self.say_left_out();
            self.second = now;
            self.left = self.per_second;
        }
        if problem {
            return true;
        }
        if self.left == 0 {
            self.left_out += 1;
            return false;
        }
        self.left -= 1;
        true
    }

    /// Says how many decisions were not logged. Also called now and then, for when no more statements come.
    pub fn say_left_out(&mut self) {
        if self.left_out > 0 {
            let left_out = std::mem::take(&mut self.left_out);
            tracing::info!(target: "splitfin::route", left_out, "decisions not logged in the last second (log.routes_per_second)");
        }
    }
}

fn shown(position: &Position) -> Option<&Position> {
    (!position.is_empty()).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_kept_and_problems_are_always_logged() {
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            let mut log = RouteLog::new(RouteLogLevel::All, 2);
            let now = log.second;
            let admitted = |log: &mut RouteLog, problem, now| log.admits(problem, now);
            let first: Vec<_> = (0..4).map(|_| admitted(&mut log, false, now)).collect();
            assert_eq!(first, [true, true, false, false]);
            assert!(admitted(&mut log, true, now));
            assert_eq!(log.left_out, 2);
            assert!(admitted(&mut log, false, now + Duration::from_secs(1)));
            assert_eq!(log.left_out, 0);
        });
    }

    #[test]
    fn levels_choose() {
        let now = Instant::now();
        assert!(!RouteLog::new(RouteLogLevel::Off, 0).admits(true, now));
        assert!(RouteLog::new(RouteLogLevel::Problems, 0).admits(true, now));
        assert!(!RouteLog::new(RouteLogLevel::Problems, 0).admits(false, now));
    }
}
