//! Who is connected, by the id that clients see: for KILL. Looked at when sessions come and go and when one kills
//! another, never on the way of other statements.

use splitfin_topology::BackendId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What somebody wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// That the statement that runs ends.
    EndStatement,
    /// That the session ends.
    EndSession,
    /// That it looks whether it still is where it should be.
    LookAround,
}

/// Numbers sessions, for clients: their connection ids. They are far above those of servers, which count from 1, so
/// that an id tells whose it is: a KILL of a server's own connection is passed on, and never ends a session that
/// happens to have the same number.
#[derive(Debug, Default)]
pub struct SessionIds {
    given: AtomicU32,
}

impl SessionIds {
    /// The first id. Nine digits and more below the limit of a signed number, as which some drivers keep ids.
    pub const FIRST: u32 = 1_000_000_000;

    /// Whether an id is one that sessions have.
    pub(crate) const fn are_of_sessions(id: u32) -> bool {
        id >= Self::FIRST && id < 2 * Self::FIRST
    }

    /// An id for a new session. After a thousand million sessions it starts over.
    pub fn next(&self) -> u32 {
        Self::FIRST + self.given.fetch_add(1, Ordering::Relaxed) % Self::FIRST
    }
}

/// All sessions of all workers.
#[derive(Debug)]
pub struct Registry {
    entries: Mutex<HashMap<u32, Arc<Entry>>>,
    by_user: Mutex<HashMap<String, usize>>,
    /// Counts how often all had to look around.
    moves: Arc<AtomicU64>,
    /// What times are counted from.
    started: Instant,
}

impl Default for Registry {
    fn default() -> Self {
        Self { entries: Mutex::default(), by_user: Mutex::default(), moves: Arc::default(), started: Instant::now() }
    }
}

/// One session as others see it.
#[derive(Debug)]
pub(crate) struct Entry {
    user: Mutex<String>,
    /// Where the client is.
    host: String,
    database: Mutex<Option<Box<str>>>,
    /// The connection that it uses or holds; see [`Entry::set_on`].
    on: AtomicU64,
    /// When its last statement began or ended, in milliseconds from the registry's start.
    since: AtomicU64,
    started: Instant,
    /// Number of the statement that runs; 0 while none does.
    running: AtomicU64,
    /// Number of the statement that must end; [`SESSION`] for all of it.
    unwanted: AtomicU64,
    told: Notify,
    moves: Arc<AtomicU64>,
    /// The move that the session has looked around for last.
    known_move: AtomicU64,
}

/// One session, as a list of processes has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: u32,
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) database: Option<String>,
    /// The server and its id of the connection that the session uses or holds.
    pub(crate) on: Option<(BackendId, u32)>,
    /// A statement runs.
    pub(crate) is_running: bool,
    /// For how long it has been so.
    pub(crate) since: Duration,
}

/// In [`Entry::unwanted`]: not only a statement.
const SESSION: u64 = u64::MAX;

/// Why a session cannot be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotKilled {
    /// There is none of this id.
    Unknown,
    /// It is of another account.
    NotOwner,
}

impl Registry {
    /// A session is there, until the registration is dropped. Nothing, if its account has `most` already; 0 is no limit.
    pub(crate) fn enter(self: &Arc<Self>, id: u32, user: &str, host: String, most: usize) -> Option<Registration> {
        if !self.count(user, most) {
            return None;
        }
        let entry = Arc::new(Entry {
            user: Mutex::new(user.to_owned()),
            host,
            database: Mutex::default(),
            on: AtomicU64::new(0),
            since: AtomicU64::new(milliseconds(self.started)),
            started: self.started,
            running: AtomicU64::new(0),
            unwanted: AtomicU64::new(0),
            told: Notify::new(),
            moves: Arc::clone(&self.moves),
            known_move: AtomicU64::new(self.moves.load(Ordering::Acquire)),
        });
        self.entries().insert(id, Arc::clone(&entry));
        Some(Registration { registry: Arc::clone(self), id, entry })
    }

    fn by_user(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.by_user.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more session of an account, unless it has `most` already.
    fn count(&self, user: &str, most: usize) -> bool {
        let mut by_user = self.by_user();
        let count = by_user.entry(user.to_owned()).or_default();
        let admitted = most == 0 || *count < most;
        *count += usize::from(admitted);
        admitted
    }

    fn leave(&self, user: &str) {
        let mut by_user = self.by_user();
        if let Some(count) = by_user.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                by_user.remove(user);
            }
        }
    }

    /// Tells a session what `user` wants of it, or somebody who may end anybody's. A statement that is over by then is
    /// left alone, and so is the next one.
    pub(crate) fn kill(&self, id: u32, user: Option<&str>, wish: Wish) -> Result<(), NotKilled> {
        let entry = self.entries().get(&id).map(Arc::clone).ok_or(NotKilled::Unknown)?;
        if user.is_some_and(|user| user != *entry.user()) {
            return Err(NotKilled::NotOwner);
        }
        let unwanted = match wish {
            Wish::EndSession => SESSION,
            Wish::EndStatement | Wish::LookAround => entry.running.load(Ordering::Acquire),
        };
        if unwanted != 0 {
            entry.unwanted.fetch_max(unwanted, Ordering::AcqRel);
            entry.told.notify_one();
        }
        Ok(())
    }

    /// Sessions by the ids of the connections that they use or hold on a server.
    pub(crate) fn sessions_on(&self, backend: BackendId) -> HashMap<u64, u64> {
        let entries = self.entries();
        let on_it = entries.iter().filter_map(|(id, entry)| {
            let (on, thread) = entry.on()?;
            (on == backend).then_some((u64::from(thread), u64::from(*id)))
        });
        on_it.collect()
    }

    /// All sessions, in no order.
    pub(crate) fn listed(&self) -> Vec<Listed> {
        let now = milliseconds(self.started);
        let listed = |(id, entry): (&u32, &Arc<Entry>)| Listed {
            id: *id,
            user: entry.user().clone(),
            host: entry.host.clone(),
            database: entry.database().as_deref().map(str::to_owned),
            on: entry.on(),
            is_running: entry.running.load(Ordering::Acquire) != 0,
            since: Duration::from_millis(now.saturating_sub(entry.since.load(Ordering::Relaxed))),
        };
        self.entries().iter().map(listed).collect()
    }

    /// Another server has become the primary, or one does not answer any more: whoever is at work has to look whether that
    /// is where it is.
    pub fn look_around(&self) {
        self.moves.fetch_add(1, Ordering::AcqRel);
        self.entries().values().for_each(|entry| entry.told.notify_one());
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<u32, Arc<Entry>>> {
        // Nothing is ever half done under this lock.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// A statement begins.
    pub(crate) fn begin(&self, number: u64) {
        self.since.store(milliseconds(self.started), Ordering::Relaxed);
        self.running.store(number, Ordering::Release);
    }

    /// It is over. `held` is the connection that the session keeps, if it does.
    pub(crate) fn end(&self, held: Option<(BackendId, u32)>) {
        self.since.store(milliseconds(self.started), Ordering::Relaxed);
        self.set_on(held);
        self.running.store(0, Ordering::Release);
    }

    /// The session uses this connection from now on. One number, as it is read while it changes: the server's, plus one, and
    /// its id of the connection.
    pub(crate) fn set_on(&self, on: Option<(BackendId, u32)>) {
        let packed = on.map_or(0, |(backend, thread)| (u64::from(backend.0) + 1) << 32 | u64::from(thread));
        self.on.store(packed, Ordering::Relaxed);
    }

    fn on(&self) -> Option<(BackendId, u32)> {
        let packed = self.on.load(Ordering::Relaxed);
        let backend = u16::try_from((packed >> 32).checked_sub(1)?).ok()?;
        Some((BackendId(backend), packed as u32))
    }

    /// It has another default database.
    pub(crate) fn set_database(&self, database: Option<&str>) {
        *self.database() = database.map(Into::into);
    }

    fn user(&self) -> MutexGuard<'_, String> {
        self.user.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn database(&self) -> MutexGuard<'_, Option<Box<str>>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody wants something of this session that still makes sense.
    pub(crate) async fn killed(&self) -> Wish {
        loop {
            if let Some(wish) = self.wish() {
                return wish;
            }
            self.told.notified().await;
        }
    }

    fn wish(&self) -> Option<Wish> {
        match self.unwanted.load(Ordering::Acquire) {
            SESSION => Some(Wish::EndSession),
            _ if self.known_move.load(Ordering::Relaxed) != self.moves.load(Ordering::Acquire) => {
                Some(Wish::LookAround)
            }
            0 => None,
            number => (number == self.running.load(Ordering::Acquire)).then_some(Wish::EndStatement),
        }
    }

    /// The session has looked around.
    pub(crate) fn has_looked(&self) {
        self.known_move.store(self.moves.load(Ordering::Acquire), Ordering::Relaxed);
    }

    /// Waits until the session must end. For what is no statement.
    pub(crate) async fn ended(&self) {
        loop {
            match self.killed().await {
                Wish::EndSession => return,
                Wish::EndStatement => self.obeyed(),
                Wish::LookAround => self.has_looked(),
            }
        }
    }

    /// The wish for the end of a statement was obeyed.
    pub(crate) fn obeyed(&self) {
        let number = self.running.load(Ordering::Acquire);
        // Another wish may have come meanwhile: then that one stays.
        let _ = self.unwanted.compare_exchange(number, 0, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// A session's place in the registry.
#[derive(Debug)]
pub(crate) struct Registration {
    registry: Arc<Registry>,
    id: u32,
    entry: Arc<Entry>,
}

impl Registration {
    pub(crate) const fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The session is another account's from now on: that may KILL it, and lists name it. False, if that has `most` already.
    pub(crate) fn change_user(&self, user: &str, most: usize) -> bool {
        if *self.entry.user() == user {
            return true;
        }
        if !self.registry.count(user, most) {
            return false;
        }
        let before = std::mem::replace(&mut *self.entry.user(), user.to_owned());
        self.registry.leave(&before);
        true
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.entries().remove(&self.id);
        let user = self.entry.user().clone();
        self.registry.leave(&user);
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn wish(entry: &Entry) -> Poll<Wish> {
        pin!(entry.killed()).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_session_is_its_new_accounts_alone() {
        let registry = Arc::new(Registry::default());
        let session = registry.enter(7, "old", String::new(), 1).unwrap();
        assert!(registry.enter(8, "old", String::new(), 1).is_none());
        let _other = registry.enter(9, "full", String::new(), 1).unwrap();
        assert!(!session.change_user("full", 1) && session.change_user("new", 1) && session.change_user("new", 1));
        assert_eq!(registry.kill(7, Some("old"), Wish::EndSession), Err(NotKilled::NotOwner));
        assert_eq!(registry.kill(7, Some("new"), Wish::EndSession), Ok(()));
        assert!(registry.listed().iter().any(|listed| listed.user == "new"));
        assert!(registry.enter(8, "old", String::new(), 1).is_some(), "the old one has room again");
        drop(session);
        assert!(registry.enter(7, "new", String::new(), 1).is_some());
    }

    #[test]
    fn a_late_kill_hits_nobody() {
        let registry = Arc::new(Registry::default());
        let session = registry.enter(7, "app", String::new(), 0).unwrap();
        let entry = session.entry();
        assert_eq!(registry.kill(7, Some("app"), Wish::EndStatement), Ok(()));
        entry.begin(1);
        assert_eq!(wish(entry), Poll::Pending, "nothing ran when it was said");
        assert_eq!(registry.kill(7, Some("app"), Wish::EndStatement), Ok(()));
        entry.end(None);
        entry.begin(2);
        assert_eq!(wish(entry), Poll::Pending, "it was meant for the one before");
        assert_eq!(registry.kill(7, Some("app"), Wish::EndStatement), Ok(()));
        assert_eq!(wish(entry), Poll::Ready(Wish::EndStatement));
        entry.obeyed();
        assert_eq!(wish(entry), Poll::Pending, "once");
    }

    #[test]
    fn a_session_ends_whether_or_not_something_runs() {
        let registry = Arc::new(Registry::default());
        let session = registry.enter(7, "app", String::new(), 0).unwrap();
        assert_eq!(registry.kill(7, Some("app"), Wish::EndSession), Ok(()));
        assert_eq!(wish(session.entry()), Poll::Ready(Wish::EndSession));
    }

    #[test]
    fn so_many_sessions_of_one_account_and_others_besides() {
        let registry = Arc::new(Registry::default());
        let first = registry.enter(7, "app", String::new(), 1).unwrap();
        assert!(
            registry.enter(8, "app", String::new(), 1).is_none()
                && registry.enter(9, "other", String::new(), 1).is_some()
        );
        drop(first);
        assert!(registry.enter(10, "app", String::new(), 1).is_some());
    }

    #[test]
    fn only_the_same_account_may_and_only_while_it_is_there() {
        let registry = Arc::new(Registry::default());
        let session = registry.enter(7, "app", String::new(), 0).unwrap();
        assert_eq!(registry.kill(7, Some("other"), Wish::EndSession), Err(NotKilled::NotOwner));
        assert_eq!(registry.kill(8, Some("app"), Wish::EndSession), Err(NotKilled::Unknown));
        drop(session);
        assert_eq!(registry.kill(7, Some("app"), Wish::EndSession), Err(NotKilled::Unknown));
    }

    #[test]
    fn a_list_tells_where_sessions_are() {
        let registry = Arc::new(Registry::default());
        let (busy, idle) =
            (registry.enter(7, "app", "h:1".into(), 0).unwrap(), registry.enter(8, "app", "h:2".into(), 0).unwrap());
        busy.entry().begin(1);
        busy.entry().set_on(Some((BackendId(0), 12)));
        idle.entry().set_database(Some("shop"));
        assert_eq!(registry.sessions_on(BackendId(0)), HashMap::from([(12, 7)]));
        assert!(registry.sessions_on(BackendId(1)).is_empty());
        let mut listed = registry.listed();
        listed.sort_by_key(|session| session.id);
        assert_eq!((listed[0].on, listed[0].is_running), (Some((BackendId(0), 12)), true));
        assert_eq!((listed[1].on, listed[1].is_running, listed[1].database.as_deref()), (None, false, Some("shop")));
        busy.entry().end(Some((BackendId(511), u32::MAX)));
        assert_eq!(busy.entry().on(), Some((BackendId(511), u32::MAX)), "it holds one");
        busy.entry().end(None);
        assert_eq!(busy.entry().on(), None);
    }
}
