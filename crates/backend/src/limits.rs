//! What workers share: how many connections there are to each backend, and who waits for one.

use splitfin_topology::{BackendId, MOST_BACKENDS};
use std::sync::atomic::{AtomicUsize, Ordering};

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
}

impl Limits {
    /// For backends with at most `most` connections each.
    pub fn new(most: usize) -> Self {
        Self { gauges: (0..MOST_BACKENDS).map(|_| Gauge::default()).collect(), most: AtomicUsize::new(most) }
    }

    /// How many connections a backend may have.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Another limit. Connections above it are closed as they come to rest.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
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

    /// Whether somebody, on any worker, waits for a connection.
    pub(crate) fn is_wanted(&self, backend: BackendId) -> bool {
        self.gauges.get(backend.index()).is_some_and(|gauge| gauge.waiting.load(Ordering::Relaxed) > 0)
    }
}
