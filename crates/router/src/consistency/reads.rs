//! What was read.

use super::{Needed, is_synced};
use splitfin_topology::{BackendId, BackendView, Position, Snapshot};
use std::time::Instant;

/// Reads whose place in the stream of transactions is not known: only who served them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Who served them.
    pub backend: BackendId,
    /// In which of its lives.
    pub generation: u32,
    /// When the first of them began to be served.
    pub first: Instant,
    /// When the last of them was over.
    pub last: Instant,
    /// They could only run there; a read that could have run elsewhere would have stayed away.
    pub forced: bool,
}

/// How far a session has looked into the stream of transactions.
///
/// A reply does not say which transactions it has seen. A later look at the server does: whatever the reply has seen is
/// in the position that the server has afterwards.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    floor: Position,
    place: Option<Place>,
}

impl Reads {
    /// A statement that reads was served by `view` until `now`.
    pub fn read(&mut self, view: &BackendView, now: Instant, forced: bool) {
        let generation = view.progress.generation;
        match &mut self.place {
            Some(place) if place.backend == view.id && place.generation == generation => {
                place.last = now;
                place.forced |= forced;
            }
            // Either what was read before is in the floor, or this is the primary, which has it.
            place => *place = Some(Place { backend: view.id, generation, first: now, last: now, forced }),
        }
    }

    /// All that was read until now is before a write of the session's own.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// All that was read until now is in `position`.
    pub fn is_in(&mut self, position: &Position) {
        self.floor.add(position);
        self.place = None;
    }

    /// Somebody else's position that a read was told to come after, and did.
    pub fn saw(&mut self, position: &Position) {
        self.floor.add(position);
    }

    /// Learns from probes that began after the last read, of the server itself or of the primary.
    pub fn settle(&mut self, snapshot: &Snapshot) {
        let Some(place) = self.place.filter(|_| !is_synced(snapshot)) else { return };
        let later = |view: &&BackendView| view.progress.seen > Some(place.last);
        let itself = snapshot.backend(place.backend).filter(|view| view.progress.generation == place.generation);
        let primary = snapshot.primary.and_then(|id| snapshot.backend(id));
        if let Some(view) = itself.filter(later).or_else(|| primary.filter(later)) {
            self.is_in(&view.progress.position);
        }
    }

    /// Where reads were served whose place is not known yet.
    pub const fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Adds what a server must have to `needed`.
    pub fn add_to(&self, needed: &mut Needed) {
        needed.position.add(&self.floor);
    }

    /// What `backend` must have in a cluster without common positions: elsewhere than where the session has read last,
    /// all that was there by then.
    pub fn needed_on(&self, backend: BackendId, needed: &Needed) -> Needed {
        let elsewhere = self.place.filter(|place| place.backend != backend).map(|place| place.last);
        Needed { since: needed.since.max(elsewhere), ..needed.clone() }
    }
}
