//! What was written.

use super::Needed;
use splitfin_topology::{BackendId, Position, Progress, Snapshot};
use std::time::Instant;

/// A primary, and which of its lives: one that was away may have come back without what it had.
type Origin = (BackendId, u32);

/// What the sessions of one scope have written.
#[derive(Debug, Clone, Default)]
pub struct Mark {
    /// Positions of the writes, given by `from`.
    position: Position,
    from: Option<Origin>,
    /// When the last of them came.
    learned: Option<Instant>,
    /// Positions given by a primary before this one, which are not known to have survived.
    before: Option<(Position, Instant)>,
    /// A write may have committed without its position being heard.
    unknown_since: Option<Instant>,
    /// Writes without positions count as unknown until then.
    unlogged_until: Option<Instant>,
}

impl Mark {
    /// A write was committed at `position`.
    pub fn wrote(&mut self, position: &Position, primary: BackendId, snapshot: &Snapshot, now: Instant) {
        let generation = snapshot.backend(primary).map_or(0, |view| view.progress.generation);
        let origin = Some((primary, generation));
        if let (Some(learned), true) = (self.learned, self.from != origin) {
            let (before, _) = self.before.get_or_insert((Position::Nothing, learned));
            before.add(&std::mem::take(&mut self.position));
            self.before = self.before.take().map(|(before, _)| (before, learned));
        }
        self.position.add(position);
        self.from = origin;
        self.learned = Some(now);
    }

    /// A write was committed in a cluster that has no positions in common.
    pub fn committed(&mut self, now: Instant) {
        self.learned = Some(now);
    }

    /// The connection was lost when a write was on its way: it may have been committed, at any position.
    pub fn lost(&mut self, now: Instant) {
        self.unknown_since = Some(now);
    }

    /// Something was written that has no position. Replicas have it by `until`, as far as anybody can tell.
    pub fn unlogged(&mut self, until: Instant) {
        self.unlogged_until = self.unlogged_until.max(Some(until));
    }

    /// Whether [`Mark::settle`] would change anything.
    pub fn is_settled(&self, snapshot: &Snapshot) -> bool {
        let Some((primary, origin)) = primary(snapshot) else { return true };
        let later = |since: Option<Instant>| since.is_some_and(|since| primary.seen > Some(since));
        let moved = self.from.is_some_and(|from| from != origin) && later(self.learned);
        !moved && !later(self.before.as_ref().map(|(_, learned)| *learned)) && !later(self.unknown_since)
    }

    /// Learns from what the primary was seen to have: the position of a write that was not heard is after it, and what
    /// it lacks is lost. Says what was lost.
    pub fn settle(&mut self, snapshot: &Snapshot) -> Option<Position> {
        let (primary, origin) = primary(snapshot)?;
        let mut lost = None;
        if self.unknown_since.is_some_and(|since| primary.seen > Some(since)) {
            self.unknown_since = None;
            self.position.add(&primary.position);
            self.learned = self.learned.max(primary.seen);
            self.from = self.from.or(Some(origin));
        }
        if self.before.as_ref().is_some_and(|(_, learned)| primary.seen > Some(*learned))
            && let Some((before, _)) = self.before.take()
        {
            let survived = primary.position.contains(&before);
            self.position.add(if survived { &before } else { &primary.position });
            lost = (!survived).then_some(before);
        }
        if self.from.is_some_and(|from| from != origin) && primary.seen > self.learned {
            self.from = Some(origin);
            if !primary.position.contains(&self.position) {
                // What is left of it is in the primary's own position; asking for that is never too little.
                lost = Some(std::mem::replace(&mut self.position, primary.position.clone()));
            }
        }
        lost
    }

    /// Whether a write is out there whose position is not known.
    pub fn is_unknown(&self, now: Instant) -> bool {
        self.unknown_since.is_some() || self.unlogged_until.is_some_and(|until| until > now)
    }

    /// Adds what a server must have to `needed`.
    pub fn add_to(&self, needed: &mut Needed) {
        needed.position.add(&self.position);
        if let Some((before, _)) = &self.before {
            needed.position.add(before);
        }
        needed.since = needed.since.max(self.learned).max(self.unknown_since);
    }
}

fn primary(snapshot: &Snapshot) -> Option<(&Progress, Origin)> {
    let view = snapshot.backend(snapshot.primary?)?;
    Some((&view.progress, (view.id, view.progress.generation)))
}
