//! The one place where the current snapshot lives.

use crate::snapshot::Snapshot;
use arc_swap::{ArcSwap, Guard};
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
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

/// One worker's hold on the current snapshot. Keeping it through a statement counts references of that worker only: no
/// query touches a counter that other threads touch too.
#[derive(Debug)]
pub struct LocalTopology {
    shared: Arc<Topology>,
    kept: RefCell<Rc<Held>>,
}

/// A snapshot that one thread holds, however many of its sessions do.
#[derive(Debug)]
pub struct Held(Arc<Snapshot>);

impl Deref for Held {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl LocalTopology {
    /// For the thread that calls this.
    pub fn new(shared: Arc<Topology>) -> Self {
        let kept = RefCell::new(Rc::new(Held(shared.current.load_full())));
        Self { shared, kept }
    }

    /// The current snapshot, to keep while a statement runs.
    pub fn snapshot(&self) -> Rc<Held> {
        let current = self.shared.current.load();
        let mut kept = self.kept.borrow_mut();
        if !Arc::ptr_eq(&current, &kept.0) {
            *kept = Rc::new(Held(Guard::into_inner(current)));
        }
        Rc::clone(&kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_sees_what_was_published_last() {
        let snapshot = |epoch| Snapshot {
            epoch,
            backends: Vec::new(),
            primary: None,
            last_primary: None,
            resort: None,
            replaceable: true,
            family: None,
        };
        let shared = Arc::new(Topology::new(snapshot(1)));
        let local = LocalTopology::new(Arc::clone(&shared));
        let first = local.snapshot();
        assert!(Rc::ptr_eq(&first, &local.snapshot()), "nothing is copied while nothing changes");
        shared.publish(snapshot(2));
        assert_eq!((first.epoch, local.snapshot().epoch), (1, 2), "what is held stays as it was");
    }
}
