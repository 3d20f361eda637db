//! The servers that there are, and those that there were.

use crate::login::Backend;
use splitfin_topology::{BackendId, MOST_BACKENDS};
use std::sync::OnceLock;

/// All servers by number. What stands under a number never changes, so that workers read it without asking anybody.
#[derive(Debug)]
pub struct Backends {
    places: Box<[OnceLock<Backend>]>,
}

impl Default for Backends {
    fn default() -> Self {
        Self { places: (0..MOST_BACKENDS).map(|_| OnceLock::new()).collect() }
    }
}

impl Backends {
    /// Puts a server in its place. False, if the place is taken or does not exist.
    pub fn put(&self, backend: Backend) -> bool {
        self.places.get(backend.id.index()).is_some_and(|place| place.set(backend).is_ok())
    }

    pub(crate) fn get(&self, id: BackendId) -> Option<&Backend> {
        self.places.get(id.index())?.get()
    }
}
