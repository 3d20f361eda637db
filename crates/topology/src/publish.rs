//! The one place where the current snapshot lives.

use crate::snapshot::Snapshot;
use arc_swap::{ArcSwap, Guard};
use std::sync::Arc;

/// The current snapshot, shared by all threads. Only the owner of the monitor publishes.
#[derive(Debug)]
pub struct Topology {
    current: ArcSwap<Snapshot>,
}

impl Topology {
    /// Starts with `first`.
    pub fn new(first: Snapshot) -> Self {
        Self { current: ArcSwap::from_pointee(first) }
    }

    /// The current snapshot, for one decision: cheap, and to be held for a short time only.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// The current snapshot, to keep.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Replaces the snapshot.
    pub fn publish(&self, snapshot: Snapshot) {
        self.current.store(Arc::new(snapshot));
    }
}
