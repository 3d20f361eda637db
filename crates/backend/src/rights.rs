//! Rights are those of now: which changes of accounts and databases a connection has seen.
//!
//! A server fixes much of a session when it logs in or chooses its database: the account itself, global rights, rights on the
//! database, its character set. A connection from before a change keeps the old ones, so new sessions must not get it.
//! Changes are counted over all workers, each with the primary's position after it:
//!
//! - those that pass through here, before their client has the OK;
//! - those that the primary has counted itself when it is asked, at each login: whoever made them, and in whatever routine.
//!
//! A connection has the generation that was known before it was opened: on the primary the current one; on a replica the newest
//! whose position the replica was known to have. A session has that of its login, and of the newest connection it was on; it uses
//! none that are older.

use crate::backends::Backends;
use crate::era::Era;
use splitfin_topology::{BackendId, BackendView, Means, Position, Snapshot};
use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a server has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Over the single counters: they can be set back.
    fingerprint: u64,
    sum: u64,
}

impl Counted {
    /// From the rows of the answer. Nothing, if there are none.
    pub(crate) fn of(rows: &[Vec<Option<String>>]) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        rows.hash(&mut hasher);
        let number = |row: &Vec<Option<String>>| row.get(1)?.as_deref()?.parse::<u64>().ok();
        let sum = rows.iter().filter_map(number).fold(0, u64::wrapping_add);
        (!rows.is_empty()).then(|| Self { fingerprint: hasher.finish(), sum })
    }
}

/// The changes so far, over all workers.
#[derive(Debug)]
pub(crate) struct Rights {
    generation: AtomicU64,
    /// Counts whatever may change what is known of a replica.
    version: AtomicU64,
    history: Mutex<History>,
}

#[derive(Debug)]
struct History {
    entries: VecDeque<Entry>,
    /// No entry was dropped.
    whole: bool,
    /// Who was asked last, and what the answer was.
    asked: Option<(BackendId, Counted)>,
    /// Changes since then that passed through here and are complete.
    announced: u64,
    /// A change was counted that somebody made elsewhere: it may still be running.
    settling: Option<Instant>,
}

/// One change, or some.
#[derive(Debug)]
struct Entry {
    generation: u64,
    /// Whoever has this has the change; nothing while that is not known.
    position: Position,
    since: Instant,
}

impl Entry {
    fn holds_on(&self, view: &BackendView) -> bool {
        let progress = &view.progress;
        if progress.means == Means::Sync || self.position.is_empty() {
            // Lag is told in whole seconds by some.
            let seen = progress.seen.is_some_and(|seen| seen > self.since + SECOND);
            return seen && view.lag == Some(Duration::ZERO);
        }
        progress.position.contains(&self.position)
    }
}

impl Default for Rights {
    fn default() -> Self {
        let history = History { entries: VecDeque::new(), whole: true, asked: None, announced: 0, settling: None };
        Self { generation: AtomicU64::new(FIRST), version: AtomicU64::new(0), history: Mutex::new(history) }
    }
}

impl Rights {
    /// The newest generation.
    pub(crate) fn now(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// A change has passed through here and is complete. Nobody who logs in from now on may have what was before.
    pub(crate) fn changed(&self, position: Position, now: Instant) {
        let mut history = self.history();
        history.announced += 1;
        self.advance(&mut history, position, now);
    }

    /// Takes in what the primary has counted, and where it was after that. `asked` is when it was.
    pub(crate) fn counted(&self, primary: BackendId, counted: Counted, position: Position, asked: Instant) {
        let mut history = self.history();
        let unknown = |entry: &&mut Entry| entry.position.is_empty() && entry.since <= asked;
        history.entries.iter_mut().filter(unknown).for_each(|entry| entry.position = position.clone());
        let announced = std::mem::take(&mut history.announced);
        let before = history.asked.replace((primary, counted));
        let (same, foreign) = match before {
            // No connection is older than the first question.
            None => (true, false),
            Some((server, before)) if server == primary => {
                (before == counted, counted.sum.wrapping_sub(before.sum) > announced)
            }
            // Another server counts otherwise.
            Some(_) => (false, true),
        };
        if !same || history.settling.is_some() {
            self.advance(&mut history, position, asked);
        }
        match history.settling {
            _ if foreign => history.settling = Some(asked + SECOND),
            Some(end) if asked >= end => history.settling = None,
            _ => {}
        }
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// The primary cannot say what it has counted. So much time makes a change.
    pub(crate) fn unknown(&self, now: Instant) {
        let mut history = self.history();
        if history.entries.back().is_none_or(|last| now.saturating_duration_since(last.since) > 2 * SECOND) {
            self.advance(&mut history, Position::Nothing, now);
        }
    }

    /// What a replica has for certain.
    pub(crate) fn of_replica(&self, view: &BackendView) -> u64 {
        let history = self.history();
        let held = history.entries.iter().rev().find(|entry| entry.holds_on(view));
        held.map_or(if history.whole { FIRST } else { 0 }, |entry| entry.generation)
    }

    fn advance(&self, history: &mut History, position: Position, now: Instant) {
        let generation = self.now() + 1;
        let recent = |last: &&mut Entry| now.saturating_duration_since(last.since) < SHORT;
        match history.entries.back_mut().filter(recent).filter(|_| history.settling.is_some()) {
            // Who has the later has the earlier: to take both for the later is on the safe side.
            Some(last) => (last.generation, last.position) = (generation, position),
            None => history.entries.push_back(Entry { generation, position, since: now }),
        }
        if history.entries.len() > MOST {
            history.entries.pop_front();
            history.whole = false;
        }
        self.generation.store(generation, Ordering::Release);
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        // It is never half changed.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which changes of accounts and databases a connection must have seen.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// None in particular.
    Any,
    /// This generation, and all that its server has counted itself; see [`crate::Pools::rights_now`].
    Now(u64),
    /// Those that had been seen when a session logged in: for one that the servers do not let in any more.
    AtLogin(&'a AtLogin),
}

impl Seen<'_> {
    /// The generation that a connection must have; 0, if none.
    pub(crate) const fn generation(self) -> u64 {
        match self {
            Self::Any => 0,
            Self::Now(generation) => generation,
            Self::AtLogin(login) => login.generation,
        }
    }

    /// Whether a connection that saw `generation`, and what its server had counted in `era`, is good enough; `now` is what
    /// the server has counted by now.
    pub(crate) fn is_met_by(self, backend: BackendId, generation: u64, era: Era, now: Era) -> bool {
        match self {
            Self::Any => true,
            Self::Now(wanted) => generation >= wanted && era.has_rights_of(now),
            Self::AtLogin(login) => {
                let then = login.counted.iter().find(|(id, _)| *id == backend);
                // What the server counted in between is later than the login, whichever it was.
                let is_later = era.has_rights_of(now);
                generation >= login.generation && (is_later || then.is_some_and(|(_, rights)| *rights == era.rights))
            }
        }
    }
}

/// What had been seen of changes of accounts and databases when a session logged in.
#[derive(Debug, Default)]
pub struct AtLogin {
    generation: u64,
    /// What each server had counted itself.
    counted: Box<[(BackendId, u64)]>,
}

impl AtLogin {
    /// With this generation, and what `snapshot` says of servers.
    pub fn new(generation: u64, snapshot: &Snapshot) -> Self {
        let counted = |view: &BackendView| view.offer.map(|offer| (view.id, offer.rights));
        Self { generation, counted: snapshot.backends.iter().filter_map(counted).collect() }
    }

    /// The generation.
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}

/// What one worker has worked out of replicas, so that a statement costs no more than a look.
#[derive(Debug, Default)]
pub(crate) struct OfReplicas {
    known: Vec<(BackendId, u64)>,
    when: (u64, u64),
}

impl OfReplicas {
    pub(crate) fn of(&mut self, backends: &Backends, view: &BackendView, epoch: u64) -> u64 {
        let when = (epoch, backends.rights.version());
        if self.when != when {
            self.known.clear();
            self.when = when;
        }
        if let Some((_, generation)) = self.known.iter().find(|(id, _)| *id == view.id) {
            return *generation;
        }
        let generation = backends.rights.of_replica(view);
        self.known.push((view.id, generation));
        generation
    }
}

/// Of what was there before the first change.
const FIRST: u64 = 1;
/// Changes that are remembered.
const MOST: usize = 256;
const SECOND: Duration = Duration::from_secs(1);
/// Changes that are noticed so shortly one after the other count as one.
const SHORT: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_topology::Family;

    const PRIMARY: BackendId = BackendId(0);

    fn counted(number: u64) -> Counted {
        Counted::of(&[vec![Some("Com_grant".into()), Some(number.to_string())]]).unwrap()
    }

    fn at(number: u64) -> Position {
        Position::parse(Family::Mariadb, &format!("0-1-{number}")).unwrap()
    }

    #[test]
    fn what_the_primary_counts_is_a_change_and_the_first_answer_is_none() {
        let (rights, start) = (Rights::default(), Instant::now());
        rights.counted(PRIMARY, counted(5), at(10), start);
        rights.counted(PRIMARY, counted(5), at(11), start);
        assert_eq!(rights.now(), FIRST);
        rights.counted(PRIMARY, counted(6), at(12), start);
        assert!(rights.now() > FIRST);
        let now = rights.now();
        rights.counted(PRIMARY, counted(0), at(13), start);
        assert!(rights.now() > now, "they were set back");
        let now = rights.now();
        rights.counted(BackendId(1), counted(0), at(14), start);
        assert!(rights.now() > now, "another server is the primary");
    }

    #[test]
    fn a_change_that_was_made_elsewhere_may_still_be_running() {
        let (rights, start) = (Rights::default(), Instant::now());
        rights.counted(PRIMARY, counted(5), at(10), start);
        rights.counted(PRIMARY, counted(6), at(11), start);
        for millis in [500, 1500] {
            let before = rights.now();
            rights.counted(PRIMARY, counted(6), at(12), start + Duration::from_millis(millis));
            assert!(rights.now() > before, "what was opened meanwhile may be too old, {millis}");
        }
        let settled = rights.now();
        rights.counted(PRIMARY, counted(6), at(12), start + Duration::from_millis(1600));
        assert_eq!(rights.now(), settled);
    }

    #[test]
    fn a_change_that_passed_through_is_complete() {
        let (rights, start) = (Rights::default(), Instant::now());
        rights.counted(PRIMARY, counted(5), at(10), start);
        rights.changed(at(11), start);
        rights.counted(PRIMARY, counted(6), at(11), start);
        let now = rights.now();
        rights.counted(PRIMARY, counted(6), at(11), start);
        assert_eq!(rights.now(), now, "nothing has to settle");
    }

    #[test]
    fn a_login_that_is_refused_by_now_needs_what_was_seen_then() {
        let login = AtLogin { generation: 5, counted: [(PRIMARY, 70)].into() };
        let (then, now, before) = (
            Era { rights: 70, ..Era::default() },
            Era { rights: 80, ..Era::default() },
            Era { rights: 60, ..Era::default() },
        );
        let meets = |seen: Seen<'_>, generation, era| seen.is_met_by(PRIMARY, generation, era, now);
        let at_login = Seen::AtLogin(&login);
        assert!(meets(at_login, 5, then) && meets(at_login, 6, now));
        assert!(!meets(at_login, 4, then), "a right that was revoked before the login");
        assert!(!meets(at_login, 5, before), "the same, on the server itself");
        assert!(!at_login.is_met_by(BackendId(1), 5, then, now), "a server that was not known then");
        assert!(!meets(Seen::Now(5), 5, then) && meets(Seen::Now(5), 5, now));
        assert!(meets(Seen::Any, 0, before));
    }

    #[test]
    fn where_nothing_is_counted_time_makes_the_change() {
        let (rights, start) = (Rights::default(), Instant::now());
        rights.unknown(start);
        rights.unknown(start + SECOND);
        assert_eq!(rights.now(), FIRST + 1);
        rights.unknown(start + 3 * SECOND);
        assert_eq!(rights.now(), FIRST + 2);
        assert!(Counted::of(&[]).is_none());
    }
}
