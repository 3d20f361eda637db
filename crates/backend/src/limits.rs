//! What workers share: how many connections there are to each backend, and who waits for one.

use splitfin_topology::{BackendId, MOST_BACKENDS};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Gauge {
    open: AtomicUsize,
    waiting: AtomicUsize,
}

/// Counts connections over all workers.
#[derive(Debug)]
pub struct Limits {
    gauges: Vec<Gauge>,
    most: AtomicUsize,
    /// Reads that run on the primary as no replica could serve them, and how many may.
    stand_ins: AtomicUsize,
    most_stand_ins: AtomicUsize,
    /// Somebody waits, or a connection is gone: see [`Limits::changed`].
    changes: Notify,
}

impl Limits {
    /// For backends with at most `most` connections each, of which at most `stand_ins` on the primary are for reads that
    /// no replica could serve.
    pub fn new(most: usize, stand_ins: usize) -> Self {
        Self {
            gauges: (0..MOST_BACKENDS).map(|_| Gauge::default()).collect(),
            most: AtomicUsize::new(most),
            stand_ins: AtomicUsize::new(0),
            most_stand_ins: AtomicUsize::new(stand_ins),
            changes: Notify::new(),
        }
    }

    /// The right to run a read on the primary that belongs on a replica, if there is one left.
    pub fn stand_in(self: &Arc<Self>) -> Option<StandIn> {
        let most = self.most_stand_ins.load(Ordering::Relaxed);
        let one_more = |now: usize| (now < most).then_some(now + 1);
        let admitted = self.stand_ins.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        admitted.then(|| StandIn { limits: Arc::clone(self) })
    }

    /// How many such reads run, and how many may.
    pub fn stand_ins(&self) -> (usize, usize) {
        (self.stand_ins.load(Ordering::Relaxed), self.most_stand_ins.load(Ordering::Relaxed))
    }

    /// How many connections a backend may have.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Other limits. Connections above them are closed as they come to rest.
    pub fn set_most(&self, most: usize, stand_ins: usize) {
        self.most.store(most, Ordering::Relaxed);
        self.most_stand_ins.store(stand_ins, Ordering::Relaxed);
    }

    /// How many connections a backend has.
    pub fn open(&self, backend: BackendId) -> usize {
        self.gauges.get(backend.index()).map_or(0, |gauge| gauge.open.load(Ordering::Relaxed))
    }

    /// The right to open one more connection, if there is one.
    pub(crate) fn try_open(&self, backend: BackendId) -> bool {
        let Some(gauge) = self.gauges.get(backend.index()) else { return false };
        let most = self.most();
        let one_more = |open: usize| (open < most).then_some(open + 1);
        gauge.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// A connection is gone.
    pub(crate) fn closed(&self, backend: BackendId) {
        if let Some(gauge) = self.gauges.get(backend.index()) {
            gauge.open.fetch_sub(1, Ordering::Relaxed);
            if gauge.waiting.load(Ordering::Relaxed) > 0 {
                self.changes.notify_waiters();
            }
        }
    }

    /// Somebody starts or stops waiting for a connection.
    pub(crate) fn wait(&self, backend: BackendId, starts: bool) {
        if let Some(gauge) = self.gauges.get(backend.index()) {
            match starts {
                true => gauge.waiting.fetch_add(1, Ordering::Relaxed),
                false => gauge.waiting.fetch_sub(1, Ordering::Relaxed),
            };
        }
    }

    /// How many, over all workers, wait for a connection.
    pub(crate) fn waiting(&self, backend: BackendId) -> usize {
        self.gauges.get(backend.index()).map_or(0, |gauge| gauge.waiting.load(Ordering::Relaxed))
    }

    /// Somebody waits whose worker has nothing to give: others have a look at what is at rest.
    pub(crate) fn ask_others(&self) {
        self.changes.notify_waiters();
    }

    /// Ends when a worker should look whether it can give a connection up, or open one.
    pub(crate) async fn changed(&self) {
        self.changes.notified().await;
    }
}

/// The right to run one read on the primary that belongs on a replica, until it is dropped.
#[derive(Debug)]
pub struct StandIn {
    limits: Arc<Limits>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.limits.stand_ins.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_reads_stand_in_and_no_more() {
        let limits = Arc::new(Limits::new(10, 2));
        let (one, _two) = (limits.stand_in().unwrap(), limits.stand_in().unwrap());
        assert!(limits.stand_in().is_none());
        drop(one);
        assert_eq!(limits.stand_ins(), (1, 2));
        limits.set_most(10, 1);
        assert!(limits.stand_in().is_none());
    }
}
