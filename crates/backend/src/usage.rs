//! How many connections of one worker are in use, for others to read. Only that worker writes.

use splitfin_topology::{BackendId, MOST_BACKENDS};
use std::sync::atomic::{AtomicU32, Ordering};

/// Connections in use, by backend.
#[derive(Debug)]
pub struct Usage {
    in_use: Box<[AtomicU32]>,
}

impl Default for Usage {
    fn default() -> Self {
        Self { in_use: (0..MOST_BACKENDS).map(|_| AtomicU32::new(0)).collect() }
    }
}

impl Usage {
    /// Connections to a backend that statements or sessions hold.
    pub fn in_use(&self, backend: BackendId) -> u32 {
        self.in_use.get(backend.index()).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, backend: BackendId, in_use: u32) {
        if let Some(cell) = self.in_use.get(backend.index()) {
            cell.store(in_use, Ordering::Relaxed);
        }
    }
}
