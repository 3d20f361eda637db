//! What workers share: how many connections there are to each backend, whose they are, and who waits for one.

use splitfin_topology::{BackendId, MOST_BACKENDS};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How many connections there may be, over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// To each backend.
    pub connections: usize,
    /// To each backend, of one user, while there are others.
    pub of_one_user: usize,
    /// On the primary, for reads that no replica could serve.
    pub stand_ins: usize,
}

#[derive(Debug, Default)]
struct Gauge {
    open: AtomicUsize,
    waiting: AtomicUsize,
    users: Mutex<HashMap<Box<str>, Use>>,
}

/// What one user has of a backend; nobody is there who has nothing.
#[derive(Debug, Default)]
struct Use {
    open: usize,
    waiting: usize,
}

impl Gauge {
    fn users(&self) -> MutexGuard<'_, HashMap<Box<str>, Use>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, user: &str, change: impl FnOnce(&mut Use)) {
        let mut users = self.users();
        let mut used = users.remove(user).unwrap_or_default();
        change(&mut used);
        if used.open + used.waiting > 0 {
            users.insert(user.into(), used);
        }
    }

    /// How many connections a user has, and whether there are other users.
    fn of(&self, user: &str) -> (usize, bool) {
        let users = self.users();
        let own = users.get(user);
        (own.map_or(0, |used| used.open), users.len() > usize::from(own.is_some()))
    }
}

/// Counts connections over all workers.
#[derive(Debug)]
pub struct Limits {
    gauges: Vec<Gauge>,
    most: AtomicUsize,
    most_of_one: AtomicUsize,
    /// Reads that run on the primary as no replica could serve them, and how many may.
    stand_ins: AtomicUsize,
    most_stand_ins: AtomicUsize,
    /// Somebody waits, or a connection is gone: see [`Limits::changed`].
    changes: Notify,
}

impl Limits {
    /// With nothing open yet.
    pub fn new(caps: Caps) -> Self {
        Self {
            gauges: (0..MOST_BACKENDS).map(|_| Gauge::default()).collect(),
            most: AtomicUsize::new(caps.connections),
            most_of_one: AtomicUsize::new(caps.of_one_user),
            stand_ins: AtomicUsize::new(0),
            most_stand_ins: AtomicUsize::new(caps.stand_ins),
            changes: Notify::new(),
        }
    }

    /// The right to run a read on the primary that belongs on a replica, if there is one left.
    pub fn stand_in(self: &Arc<Self>) -> Option<StandIn> {
        let most = self.most_stand_ins.load(Ordering::Relaxed);
        let one_more = |now: usize| (now < most).then_some(now + 1);
        let admitted = self.stand_ins.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        admitted.then(|| StandIn { limits: Arc::clone(self) })
    }

    /// How many such reads run, and how many may.
    pub fn stand_ins(&self) -> (usize, usize) {
        (self.stand_ins.load(Ordering::Relaxed), self.most_stand_ins.load(Ordering::Relaxed))
    }

    /// How many connections a backend may have.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Other limits. Connections above them are closed as they come to rest.
    pub fn set_caps(&self, caps: Caps) {
        self.most.store(caps.connections, Ordering::Relaxed);
        self.most_of_one.store(caps.of_one_user, Ordering::Relaxed);
        self.most_stand_ins.store(caps.stand_ins, Ordering::Relaxed);
    }

    /// How many connections a backend has.
    pub fn open(&self, backend: BackendId) -> usize {
        self.gauges.get(backend.index()).map_or(0, |gauge| gauge.open.load(Ordering::Relaxed))
    }

    /// The right to open one more connection for a user, if there is one.
    pub(crate) fn try_open(self: &Arc<Self>, backend: BackendId, user: &str) -> Option<Slot> {
        let gauge = self.gauges.get(backend.index())?;
        if self.is_capped(backend, user) {
            return None;
        }
        let most = self.most();
        let one_more = |open: usize| (open < most).then_some(open + 1);
        gauge.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        gauge.change(user, |used| used.open += 1);
        Some(Slot { limits: Arc::clone(self), backend, user: user.into() })
    }

    /// Whether a user has all that one may have while there are others.
    pub(crate) fn is_capped(&self, backend: BackendId, user: &str) -> bool {
        let (own, others) = self.use_of(backend, user);
        others && own >= self.most_of_one.load(Ordering::Relaxed)
    }

    /// Whether a user has more than that, from when it was alone.
    pub(crate) fn is_beyond(&self, backend: BackendId, user: &str) -> bool {
        let (own, others) = self.use_of(backend, user);
        others && own > self.most_of_one.load(Ordering::Relaxed)
    }

    fn use_of(&self, backend: BackendId, user: &str) -> (usize, bool) {
        self.gauges.get(backend.index()).map_or((0, false), |gauge| gauge.of(user))
    }

    fn closed(&self, backend: BackendId, user: &str) {
        if let Some(gauge) = self.gauges.get(backend.index()) {
            gauge.open.fetch_sub(1, Ordering::Relaxed);
            gauge.change(user, |used| used.open = used.open.saturating_sub(1));
            if gauge.waiting.load(Ordering::Relaxed) > 0 {
                self.changes.notify_waiters();
            }
        }
    }

    /// Says that a user waits for a connection, until the result is dropped.
    pub(crate) fn wait(self: &Arc<Self>, backend: BackendId, user: &str) -> Waiting {
        if let Some(gauge) = self.gauges.get(backend.index()) {
            gauge.waiting.fetch_add(1, Ordering::Relaxed);
            gauge.change(user, |used| used.waiting += 1);
        }
        Waiting { limits: Arc::clone(self), backend, user: user.into() }
    }

    /// How many, over all workers, wait for a connection.
    pub(crate) fn waiting(&self, backend: BackendId) -> usize {
        self.gauges.get(backend.index()).map_or(0, |gauge| gauge.waiting.load(Ordering::Relaxed))
    }

    /// The users that wait, and whether each has all that one may have.
    pub(crate) fn who_waits(&self, backend: BackendId) -> Vec<(Box<str>, bool)> {
        let Some(gauge) = self.gauges.get(backend.index()) else { return Vec::new() };
        let users = gauge.users();
        let most = if users.len() > 1 { self.most_of_one.load(Ordering::Relaxed) } else { usize::MAX };
        let waiting = users.iter().filter(|(_, used)| used.waiting > 0);
        waiting.map(|(user, used)| (user.clone(), used.open >= most)).collect()
    }

    /// Somebody waits whose worker has nothing to give: others have a look at what is at rest.
    pub(crate) fn ask_others(&self) {
        self.changes.notify_waiters();
    }

    /// Ends when a worker should look whether it can give a connection up, or open one.
    pub(crate) async fn changed(&self) {
        self.changes.notified().await;
    }
}

/// The right to one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    limits: Arc<Limits>,
    backend: BackendId,
    user: Box<str>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.limits.closed(self.backend, &self.user);
    }
}

/// Somebody who waits for a connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    limits: Arc<Limits>,
    backend: BackendId,
    user: Box<str>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(gauge) = self.limits.gauges.get(self.backend.index()) {
            gauge.waiting.fetch_sub(1, Ordering::Relaxed);
            gauge.change(&self.user, |used| used.waiting = used.waiting.saturating_sub(1));
        }
    }
}

/// The right to run one read on the primary that belongs on a replica, until it is dropped.
#[derive(Debug)]
pub struct StandIn {
    limits: Arc<Limits>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.limits.stand_ins.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKEND: BackendId = BackendId(0);

    fn limits(connections: usize, of_one_user: usize, stand_ins: usize) -> Arc<Limits> {
        Arc::new(Limits::new(Caps { connections, of_one_user, stand_ins }))
    }

    #[test]
    fn one_user_leaves_room_for_others_while_there_are_some() {
        let limits = limits(4, 3, 0);
        let open = |user: &str| limits.try_open(BACKEND, user);
        let mut alone: Vec<Slot> = (0..4).filter_map(|_| open("one")).collect();
        assert_eq!((alone.len(), limits.open(BACKEND)), (4, 4), "nobody else is there");
        assert!(open("other").is_none());
        let waiting = limits.wait(BACKEND, "other");
        assert!(limits.is_beyond(BACKEND, "one"));
        drop(alone.pop());
        assert!(open("one").is_none() && !limits.is_beyond(BACKEND, "one"), "somebody waits");
        let others = open("other");
        drop(waiting);
        assert!(others.is_some());
        drop(alone.pop());
        let again = open("one");
        assert!(again.is_some() && open("one").is_none());
        drop(others);
        assert!(open("one").is_some(), "it is alone again");
        drop((alone, again));
        assert!(limits.gauges[0].users().is_empty());
    }

    #[test]
    fn so_many_reads_stand_in_and_no_more() {
        let limits = limits(10, 0, 2);
        let (one, _two) = (limits.stand_in().unwrap(), limits.stand_in().unwrap());
        assert!(limits.stand_in().is_none());
        drop(one);
        assert_eq!(limits.stand_ins(), (1, 2));
        limits.set_caps(Caps { connections: 10, of_one_user: 0, stand_ins: 1 });
        assert!(limits.stand_in().is_none());
    }
}
