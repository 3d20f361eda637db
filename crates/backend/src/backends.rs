//! The servers that there are, and those that there were.

use crate::login::Backend;
use crate::rights::Rights;
use splitfin_topology::{BackendId, MOST_BACKENDS};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// All servers by number. What stands under a number never changes, so that workers read it without asking anybody.
#[derive(Debug)]
pub struct Backends {
    places: Box<[OnceLock<Backend>]>,
    /// How often each was told to give sessions other defaults.
    changes: Box<[AtomicU64]>,
    /// When that was last, in milliseconds from the start, rounded up; 0 for never.
    changed: Box<[AtomicU64]>,
    started: Instant,
    /// Changes of accounts and databases.
    pub(crate) rights: Rights,
}

impl Default for Backends {
    fn default() -> Self {
        Self {
            places: (0..MOST_BACKENDS).map(|_| OnceLock::new()).collect(),
            changes: (0..MOST_BACKENDS).map(|_| AtomicU64::new(0)).collect(),
            changed: (0..MOST_BACKENDS).map(|_| AtomicU64::new(0)).collect(),
            started: Instant::now(),
            rights: Rights::default(),
        }
    }
}

impl Backends {
    /// Puts a server in its place. False, if the place is taken or does not exist.
    pub fn put(&self, backend: Backend) -> bool {
        self.places.get(backend.id.index()).is_some_and(|place| place.set(backend).is_ok())
    }

    /// Sessions that begin from now on have other defaults there.
    pub(crate) fn defaults_changed(&self, id: BackendId) {
        if let Some(changes) = self.changes.get(id.index()) {
            changes.fetch_add(1, Ordering::AcqRel);
        }
        if let Some(changed) = self.changed.get(id.index()) {
            changed.store(self.milliseconds(Instant::now()) + 1, Ordering::Release);
        }
    }

    /// Whether what a probe asked for then is from after the last such change. Else nobody knows which.
    pub(crate) fn is_after_changes(&self, id: BackendId, asked: Instant) -> bool {
        let changed = self.changed.get(id.index()).map_or(0, |changed| changed.load(Ordering::Acquire));
        changed <= self.milliseconds(asked)
    }

    fn milliseconds(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// How often that was.
    pub(crate) fn changes(&self, id: BackendId) -> u64 {
        self.changes.get(id.index()).map_or(0, |changes| changes.load(Ordering::Acquire))
    }

    pub(crate) fn get(&self, id: BackendId) -> Option<&Backend> {
        self.places.get(id.index())?.get()
    }
}
