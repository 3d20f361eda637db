//! Which replicas have what a session must see: what its scope wrote, and what it has read itself.
//!
//! A [`Mark`] is what was written; [`Reads`] is how far the session has looked into the stream of transactions, so that
//! it never looks at an earlier point of it; [`fresh`] says whether a replica has that, or will have it soon; [`choose`]
//! puts them together. Instants come in as arguments.
//!
//! ```text
//!  own writes ──────────────> Mark ──┐
//!  after_gtid ───────────────────────┼─> needed ──> fresh(replica)? ──> has it     serves
//!  what was read, as far as known ───┘                              ──> soon       serves after a wait
//!  what was read since, on one server ──> that one serves again     ──> late       the primary serves
//! ```

mod mark;
mod reads;

pub use mark::Mark;
pub use reads::Reads;

use crate::reason::Reason;
use smallvec::{SmallVec, smallvec};
use splitfin_topology::{BackendId, BackendView, Means, Position, Role, Snapshot};
use std::time::{Duration, Instant};

/// What a server must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    /// These transactions.
    pub position: Position,
    /// Everything that was committed by then: for clusters whose members do not share positions.
    pub since: Option<Instant>,
}

impl Needed {
    /// Whether any server will do.
    pub fn is_nothing(&self) -> bool {
        self.position.is_empty() && self.since.is_none()
    }
}

/// Whether a replica has what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// It has.
    Has,
    /// It is expected to, within the time that reads may wait.
    Soon,
    /// It is not.
    Late,
}

/// What one worker has learned of a replica since the last probe.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// [`splitfin_topology::Progress::generation`] that this is true of.
    pub generation: u32,
    /// What it has for certain.
    pub position: Position,
    /// It has everything that was committed by then.
    pub synced: Option<Instant>,
    /// Waits that were in vain, one after the other.
    failures: u32,
    /// The last of them: the next one makes sense after this.
    hopeless_until: Option<Instant>,
}

impl Learned {
    /// The replica has this, and if it has been asked to catch up with its cluster, all that was there at `asked`.
    pub fn reached(&mut self, generation: u32, position: &Position, asked: Option<Instant>) {
        self.renew(generation);
        self.position.add(position);
        self.synced = self.synced.max(asked);
        (self.failures, self.hopeless_until) = (0, None);
    }

    /// The replica did not get there within `wait`. It is left alone for as long, and twice as long each time that this
    /// happens again, so that reads do not keep waiting for a replica that is late.
    pub fn missed(&mut self, generation: u32, wait: Duration, now: Instant) {
        self.renew(generation);
        self.hopeless_until = Some(now + (wait * (1 << self.failures)).min(LONGEST_REST));
        self.failures = (self.failures + 1).min(MOST_DOUBLINGS);
    }

    fn renew(&mut self, generation: u32) {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
    }
}

/// Whether `view` has `needed`, as far as it is known, or will have within `wait`.
pub fn fresh(view: &BackendView, learned: &Learned, needed: &Needed, wait: Duration, now: Instant) -> Fresh {
    if view.role == Role::Primary {
        // A hint or a rule may name it. It is never waited for.
        return Fresh::Has;
    }
    let progress = &view.progress;
    let learned = Some(learned).filter(|learned| learned.generation == progress.generation);
    let failed = learned.and_then(|learned| learned.hopeless_until).is_some_and(|until| now < until);
    if progress.means == Means::Sync {
        let synced = learned.and_then(|learned| learned.synced);
        return match needed.since.is_none_or(|since| synced > Some(since)) {
            true => Fresh::Has,
            false if failed || wait.is_zero() => Fresh::Late,
            false => Fresh::Soon,
        };
    }
    let needed = &needed.position;
    let has = |position: &Position| position.contains(needed);
    if has(&progress.position) || learned.is_some_and(|learned| has(&learned.position)) {
        return Fresh::Has;
    }
    let Some(seen) = progress.seen else { return Fresh::Late };
    let foreign = progress.position.family().is_some_and(|family| Some(family) != needed.family());
    let (Some(lag), false, false) = (view.lag, failed || wait.is_zero(), foreign) else { return Fresh::Late };
    if lag <= wait {
        return Fresh::Soon;
    }
    // It is late by more than a read may wait, but some servers only count whole seconds, and some catch up fast.
    let missing = progress.position.lacks(needed) as f64;
    let due = missing / (progress.rate as f64).max(f64::MIN_POSITIVE);
    let since = now.saturating_duration_since(seen).as_secs_f64();
    if due - since <= wait.as_secs_f64() { Fresh::Soon } else { Fresh::Late }
}

/// Who serves a read that replicas may serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Any of these; one that does not have it yet is made to wait.
    Replicas(SmallVec<[BackendId; 8]>),
    /// First, this server has to be asked for its position: the session has read there, and may go elsewhere then.
    Ask(BackendId),
    /// The primary.
    Primary(Reason),
}

/// Chooses among `eligible` for a session that has read `reads` so far and needs `needed`. `is` tells how fresh a replica
/// is.
pub fn choose(
    eligible: &[BackendId],
    reads: &Reads,
    needed: &Needed,
    snapshot: &Snapshot,
    now: Instant,
    is: impl Fn(&BackendView, &Needed) -> Fresh,
) -> Choice {
    if is_synced(snapshot) {
        let of = |wanted: Fresh| -> SmallVec<[BackendId; 8]> {
            let views = eligible.iter().filter_map(|id| snapshot.backend(*id));
            views.filter(|view| is(view, &reads.needed_on(view.id, needed)) == wanted).map(|view| view.id).collect()
        };
        let has = of(Fresh::Has);
        return among(if has.is_empty() { of(Fresh::Soon) } else { has });
    }
    let is = |view: &BackendView| is(view, needed);
    let in_time = |id: &BackendId| snapshot.backend(*id).is_some_and(|view| is(view) != Fresh::Late);
    let Some(place) = reads.place() else {
        return among(eligible.iter().copied().filter(in_time).collect());
    };
    let there = snapshot.backend(place.backend).filter(|view| view.progress.generation == place.generation);
    let stayed = now.saturating_duration_since(place.first);
    let may_move = stayed >= MOVE;
    match there {
        Some(view) if snapshot.primary == Some(view.id) => match place.forced || stayed >= RETURN {
            true => Choice::Ask(view.id),
            false => Choice::Primary(Reason::ReadOnPrimary),
        },
        Some(view) if eligible.contains(&view.id) => match may_move && eligible.len() > 1 {
            true => Choice::Ask(view.id),
            false if in_time(&view.id) => Choice::Replicas(smallvec![view.id]),
            false => Choice::Primary(Reason::Behind),
        },
        // A hint or a rule sends the session away from a server that is well.
        Some(view) if view.fit.is_ok() => Choice::Ask(view.id),
        // The primary has all that any replica ever showed.
        _ if snapshot.primary.is_some() => Choice::Primary(Reason::ReadOnPrimary),
        // Neither can be asked. Reads go on.
        _ => among(eligible.iter().copied().filter(in_time).collect()),
    }
}

/// Whether the servers are a cluster that has no positions in common.
pub fn is_synced(snapshot: &Snapshot) -> bool {
    snapshot.ours().any(|view| view.progress.means == Means::Sync)
}

fn among(replicas: SmallVec<[BackendId; 8]>) -> Choice {
    match replicas.is_empty() {
        true => Choice::Primary(Reason::Behind),
        false => Choice::Replicas(replicas),
    }
}

/// A session that reads without a pause stays with one replica this long before it may change.
const MOVE: Duration = Duration::from_secs(1);
/// The same for the primary, when no replica was there in time.
const RETURN: Duration = Duration::from_millis(100);
/// A replica that is late is waited for again after this, however often it was in vain.
const LONGEST_REST: Duration = Duration::from_secs(2);
const MOST_DOUBLINGS: u32 = 10;

#[cfg(test)]
mod tests;
