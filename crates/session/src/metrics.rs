//! Counters of one worker. Only that worker writes; anybody may read.

use splitfin_router::{LABELS, Reason};
use splitfin_topology::{BackendId, MOST_BACKENDS};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters of one worker.
#[derive(Debug)]
pub struct Metrics {
    /// Statements by backend and reason.
    statements: Vec<[AtomicU64; LABELS.len()]>,
    /// Time of statements by backend, in buckets of powers of two microseconds.
    times: Vec<[AtomicU64; BUCKETS]>,
    /// Sum of the times by backend, in microseconds.
    time_sums: Vec<AtomicU64>,
    /// Clients that are connected.
    pub clients: AtomicU64,
    /// Sessions that ended by a panic: each is a defect of Splitfin.
    pub panics: AtomicU64,
    /// Logins that failed.
    pub failed_logins: AtomicU64,
    /// Logins that had to wait, as many failed from their address.
    pub braked_logins: AtomicU64,
    /// Statements that ended with an error of Splitfin's own.
    pub own_errors: AtomicU64,
    /// Reads that were tried again on another server.
    pub retries: AtomicU64,
    /// Reads that a replica refused as writes, and that ran on the primary.
    pub corrected: AtomicU64,
    /// Reads refused, as too many ran on the primary already that belong on replicas.
    pub crowded_out: AtomicU64,
    /// Statements and transactions cut off, as another server became the primary.
    pub fenced: AtomicU64,
    /// Waits for a position by backend: those that ended in time, those in vain, and their time in microseconds.
    waits: Vec<[AtomicU64; 3]>,
    /// Positions of writes that a new primary does not have.
    pub marks_dropped: AtomicU64,
    /// Servers asked for their position, so that a session could leave them.
    pub asked: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All zero.
    pub fn new() -> Self {
        let backends = MOST_BACKENDS;
        Self {
            statements: (0..backends).map(|_| [const { AtomicU64::new(0) }; LABELS.len()]).collect(),
            times: (0..backends).map(|_| [const { AtomicU64::new(0) }; BUCKETS]).collect(),
            time_sums: (0..backends).map(|_| AtomicU64::new(0)).collect(),
            clients: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            failed_logins: AtomicU64::new(0),
            braked_logins: AtomicU64::new(0),
            own_errors: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            corrected: AtomicU64::new(0),
            crowded_out: AtomicU64::new(0),
            fenced: AtomicU64::new(0),
            waits: (0..backends).map(|_| [const { AtomicU64::new(0) }; 3]).collect(),
            marks_dropped: AtomicU64::new(0),
            asked: AtomicU64::new(0),
        }
    }

    pub(crate) fn count_wait(&self, backend: BackendId, in_time: bool, waited: Duration) {
        if let Some([there, in_vain, micros]) = self.waits.get(backend.index()) {
            add(if in_time { there } else { in_vain }, 1);
            add(micros, waited.as_micros() as u64);
        }
    }

    /// Waits for a position on one backend: how many ended in time, how many in vain, and their time in microseconds.
    pub fn waits(&self, backend: BackendId) -> [u64; 3] {
        self.waits.get(backend.index()).map_or([0; 3], |row| row.each_ref().map(|cell| cell.load(Ordering::Relaxed)))
    }

    pub(crate) fn count(&self, backend: BackendId, reason: &Reason, time: Duration) {
        let at = backend.index();
        let micros = time.as_micros() as u64;
        if let (Some(row), Some(times), Some(sum)) =
            (self.statements.get(at), self.times.get(at), self.time_sums.get(at))
        {
            add(&row[reason.index()], 1);
            add(&times[bucket(micros)], 1);
            add(sum, micros);
        }
    }

    /// Statements of one backend for one reason, by its place in [`LABELS`].
    pub fn statements(&self, backend: BackendId, reason: usize) -> u64 {
        self.statements
            .get(backend.index())
            .and_then(|row| row.get(reason))
            .map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    /// Statements of one backend by time: upper bound of each bucket in microseconds, and how many.
    pub fn times(&self, backend: BackendId) -> impl Iterator<Item = (u64, u64)> {
        let row = self.times.get(backend.index());
        row.into_iter().flatten().enumerate().map(|(at, cell)| (1 << at, cell.load(Ordering::Relaxed)))
    }

    /// Time of all statements of one backend, in microseconds.
    pub fn time_sum(&self, backend: BackendId) -> u64 {
        self.time_sums.get(backend.index()).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }
}

/// There is one writer, so loading and storing is enough, and cheaper than an atomic addition.
pub(crate) fn add(cell: &AtomicU64, count: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

fn bucket(micros: u64) -> usize {
    (u64::BITS - micros.saturating_sub(1).leading_zeros()).min(BUCKETS as u32 - 1) as usize
}

/// From 1 µs to about 134 s.
const BUCKETS: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_the_bucket_whose_bound_they_do_not_pass() {
        for (micros, expected) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10), (u64::MAX, BUCKETS - 1)]
        {
            assert_eq!(bucket(micros), expected, "{micros}");
        }
    }

    #[test]
    fn statements_are_counted_by_backend_and_reason() {
        let metrics = Metrics::new();
        metrics.count(BackendId(1), &Reason::Read, Duration::from_micros(100));
        assert_eq!(metrics.statements(BackendId(1), Reason::Read.index()), 1);
        assert_eq!(metrics.statements(BackendId(0), Reason::Read.index()), 0);
        assert_eq!(metrics.time_sum(BackendId(1)), 100);
    }
}
