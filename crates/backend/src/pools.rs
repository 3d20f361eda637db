//! The connections of one worker, idle ones and the count of those in use.

use crate::alarm::Alarm;
use crate::asker::Asker;
use crate::backends::Backends;
use crate::catalogue::Catalogue;
use crate::connection::Connection;
use crate::era::{Age, Began, Era};
use crate::error::BackendError;
use crate::lease::Lease;
use crate::limits::{Limits, Slot, StandIn};
use crate::login::{Account, open};
use crate::pick::{Balance, Load, pick};
use crate::queue::{self, Next, Queues};
use crate::rights::{OfReplicas, Seen};
use crate::state::{Values, Wanted};
use crate::usage::Usage;
use splitfin_topology::{BackendId, MOST_BACKENDS, Snapshot, Trouble};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all workers' pools have in common.
#[derive(Debug, Clone)]
pub struct Common {
    /// All backends.
    pub backends: Arc<Backends>,
    /// Connections over all workers.
    pub limits: Arc<Limits>,
    /// For those who watch the backends.
    pub alarm: Alarm,
    /// Session variables whose changes servers must report.
    pub tracked: Arc<[&'static str]>,
}

/// What the configuration says of pools. It may change while they live.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How reads are spread.
    pub balance: Balance,
    /// Time for connecting and logging in.
    pub connect_timeout: Duration,
    /// Time to wait for a connection when all are in use.
    pub checkout_timeout: Duration,
    /// Idle connections are closed after this time.
    pub idle_timeout: Duration,
}

/// What is asked of the pools.
#[derive(Debug)]
pub struct Checkout<'a> {
    /// Backends that may serve; not empty.
    pub eligible: &'a [BackendId],
    /// Whose connection.
    pub account: &'a Rc<Account>,
    /// What the connection must be like; it is chosen by that, but not changed yet.
    pub wanted: &'a Wanted,
    /// For weights and lag.
    pub snapshot: &'a Snapshot,
    /// How old it may be.
    pub age: Age,
    /// The changes of accounts and databases that it must have seen.
    pub rights: Seen<'a>,
    /// Time to wait where all connections are in use; at most [`Settings::checkout_timeout`].
    pub patience: Duration,
}

/// Connections at rest, by backend and account.
type IdleConnections = HashMap<(BackendId, Rc<Account>), Vec<Idle>>;

#[derive(Debug)]
struct Idle {
    connection: Box<Connection>,
    since: Instant,
}

/// Figures of one backend on one worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Connections in use.
    pub in_use: usize,
    /// Connections at rest.
    pub idle: usize,
}

/// The connections of one worker.
#[derive(Debug)]
pub struct Pools {
    common: Common,
    usage: Arc<Usage>,
    settings: Cell<Settings>,
    idle: RefCell<IdleConnections>,
    /// Accounts that sessions have, each once.
    accounts: RefCell<HashSet<Rc<Account>>>,
    loads: RefCell<Vec<Load>>,
    queues: Queues,
    random: Cell<u64>,
    /// What variables were right after logins.
    known_values: RefCell<Vec<Values>>,
    /// What the first connection to each server has learned.
    catalogues: RefCell<HashMap<BackendId, Rc<Catalogue>>>,
    of_replicas: RefCell<OfReplicas>,
    pub(crate) asker: tokio::sync::Mutex<Asker>,
}

impl Pools {
    /// Without any connection yet. What is in use shows in `usage`; `seed` starts the choice between replicas.
    pub fn new(common: Common, settings: Settings, usage: Arc<Usage>, seed: u64) -> Rc<Self> {
        Rc::new(Self {
            common,
            usage,
            settings: Cell::new(settings),
            idle: RefCell::default(),
            accounts: RefCell::default(),
            loads: RefCell::new(vec![Load::default(); MOST_BACKENDS]),
            queues: Queues::new(MOST_BACKENDS),
            random: Cell::new(seed | 1),
            known_values: RefCell::default(),
            catalogues: RefCell::default(),
            of_replicas: RefCell::default(),
            asker: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) const fn common(&self) -> &Common {
        &self.common
    }

    pub(crate) const fn of_replicas(&self) -> &RefCell<OfReplicas> {
        &self.of_replicas
    }

    /// The account as others have it that are the same: most sessions are of few accounts.
    pub fn share_account(&self, account: Account) -> Rc<Account> {
        let mut accounts = self.accounts.borrow_mut();
        if let Some(same) = accounts.get(&account) {
            return Rc::clone(same);
        }
        let account = Rc::new(account);
        accounts.insert(Rc::clone(&account));
        account
    }

    /// Other settings, from the next checkout on.
    pub fn configure(&self, settings: Settings) {
        self.settings.set(settings);
    }

    /// Time to wait for a connection when all are in use.
    pub fn checkout_timeout(&self) -> Duration {
        self.settings.get().checkout_timeout
    }

    /// A lease on a connection to one of the eligible backends. The error names the backend that failed, so that the
    /// caller can try the others.
    pub async fn checkout(self: &Rc<Self>, checkout: &Checkout<'_>) -> Result<Lease, (BackendId, BackendError)> {
        let backend = self.pick(checkout);
        // Who came before goes first.
        let idle = match self.queues.has(backend, checkout.account) {
            true => None,
            false => self.take_idle(backend, checkout),
        };
        let connection = match idle {
            Some(connection) => connection,
            None => self.open(backend, checkout).await.map_err(|error| {
                if error.is_servers_fault() {
                    self.note_failure(backend);
                }
                (backend, error)
            })?,
        };
        self.count(backend, true);
        let mut lease = Lease::new(connection, backend, Rc::clone(checkout.account), Rc::clone(self));
        lease.forget_others(checkout.wanted).await.map_err(|error| (backend, error))?;
        Ok(lease)
    }

    fn pick(&self, checkout: &Checkout<'_>) -> BackendId {
        // xorshift64*: choosing a replica needs no better randomness.
        let mut random = self.random.get();
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        self.random.set(random);
        let mixed = random.wrapping_mul(0x2545_F491_4F6C_DD1D);
        let mut loads = self.loads.borrow_mut();
        let first = checkout.eligible.first().copied().unwrap_or(BackendId(0));
        match checkout.eligible {
            [_] => first,
            several => pick(self.settings.get().balance, several, &mut loads, checkout.snapshot, Instant::now(), mixed)
                .unwrap_or(first),
        }
    }

    /// An idle connection, best one that needs no change. Those that have woken up meanwhile are dead or dying.
    fn take_idle(&self, backend: BackendId, checkout: &Checkout<'_>) -> Option<Box<Connection>> {
        let now = self.era(backend, checkout.snapshot);
        let (era, only) = match checkout.age {
            Age::New => return None,
            Age::Current => (Some(now), true),
            // A session that is as new ones are now stays so: what servers do not report differs from era to era.
            Age::Any(Some(began)) if self.is_current(began, checkout.snapshot) => (Some(now), true),
            Age::Any(began) => (began.filter(|began| began.backend == backend).map(|began| began.era), false),
        };
        let mut idle = self.idle.borrow_mut();
        let list = idle.get_mut(&(backend, Rc::clone(checkout.account)))?;
        loop {
            let is_of_era = |idle: &Idle| era.is_none_or(|era| idle.connection.era().begins_as(era));
            let has_rights = |idle: &Idle| {
                let connection = &idle.connection;
                checkout.rights.is_met_by(backend, connection.rights(), connection.era(), now)
            };
            let fits = |idle: &Idle| has_rights(idle) && idle.connection.state().matches(checkout.wanted);
            // A reset takes what the server begins sessions with by now.
            let resets = |idle: &Idle| idle.connection.era().begins_as(now);
            let can_fit = |idle: &Idle| {
                let state = idle.connection.state();
                has_rights(idle)
                    && idle.connection.can_become(checkout.wanted)
                    && (resets(idle) || !state.has_other_variables(checkout.wanted))
            };
            let fits_soon =
                |idle: &Idle| can_fit(idle) && !idle.connection.state().has_other_variables(checkout.wanted);
            let at = match list.last() {
                Some(last) if fits(last) && is_of_era(last) => list.len() - 1,
                _ => {
                    let ways: [&dyn Fn(&Idle) -> bool; 3] = [&fits, &fits_soon, &can_fit];
                    let best = |of_era: bool| {
                        let good =
                            |way: &&dyn Fn(&Idle) -> bool, idle: &Idle| way(idle) && (is_of_era(idle) || !of_era);
                        ways.iter().find_map(|way| list.iter().rposition(|idle| good(way, idle)))
                    };
                    best(true).or_else(|| if only { None } else { best(false) })?
                }
            };
            let connection = list.swap_remove(at).connection;
            if connection.is_usable() {
                return Some(connection);
            }
            connection.quit();
        }
    }

    fn era(&self, backend: BackendId, snapshot: &Snapshot) -> Era {
        let backends = &self.common.backends;
        let offer = snapshot.backend(backend).and_then(|view| view.offer);
        let defaults = offer.and_then(|offer| offer.defaults);
        Era {
            changes: backends.changes(backend),
            // Of a change that passed through here, the count tells before probes have seen it.
            defaults: defaults
                .filter(|defaults| backends.is_after_changes(backend, defaults.asked))
                .map_or(0, |defaults| defaults.fingerprint),
            rights: offer.map_or(0, |offer| offer.rights),
        }
    }

    /// Whether a session that began so would begin the same way now.
    pub fn is_current(&self, began: Began, snapshot: &Snapshot) -> bool {
        began.era.may_be(self.era(began.backend, snapshot))
    }

    /// What new sessions begin with has changed on this server: connections from before are not used for them.
    pub fn defaults_changed(&self, backend: BackendId) {
        self.common.backends.defaults_changed(backend);
    }

    async fn open(&self, backend: BackendId, checkout: &Checkout<'_>) -> Result<Box<Connection>, BackendError> {
        let Some(target) = self.common.backends.get(backend) else {
            return Err(BackendError::Exhausted { limit: 0, waited: Duration::ZERO });
        };
        if self.rights_of(backend, checkout.snapshot) < checkout.rights.generation() {
            return Err(BackendError::OldRights);
        }
        let is_next = self.queues.len(backend) == 0;
        let at_once = is_next.then(|| self.common.limits.try_open(backend, &checkout.account.user)).flatten();
        let slot = match at_once {
            Some(slot) => slot,
            None => match self.wait(backend, checkout).await? {
                Waited::Connection(connection) => return Ok(connection),
                Waited::Slot(slot) => slot,
            },
        };
        let database = checkout.wanted.database.clone();
        let limit = self.settings.get().connect_timeout;
        // What changes while it is opened makes it old.
        let (era, rights) = (self.era(backend, checkout.snapshot), self.rights_of(backend, checkout.snapshot));
        let known = self.catalogue(backend);
        let opened = open(target, checkout.account, database, &self.common.tracked, known, limit).await;
        let mut connection =
            opened.inspect_err(|error| tracing::debug!(backend = %target.address, %error, "no connection"))?;
        connection.set_slot(slot);
        connection.set_era(era);
        connection.set_rights(rights);
        self.share_values(&mut connection);
        if connection.sandbox().is_none() {
            self.catalogues.borrow_mut().insert(backend, Rc::clone(connection.catalogue()));
        }
        Ok(Box::new(connection))
    }

    /// What the first connection to a server has learned.
    pub(crate) fn catalogue(&self, backend: BackendId) -> Option<Rc<Catalogue>> {
        self.catalogues.borrow().get(&backend).cloned()
    }

    /// Servers with the same configuration have the same values.
    fn share_values(&self, connection: &mut Connection) {
        let mut known = self.known_values.borrow_mut();
        if !known.iter().any(|values| connection.share_values(values)) {
            known.truncate(MOST_KNOWN_VALUES - 1);
            known.insert(0, Rc::clone(connection.own_values()));
        }
    }

    /// Waits in order for a connection, or for the right to open one.
    async fn wait(&self, backend: BackendId, checkout: &Checkout<'_>) -> Result<Waited, BackendError> {
        let (limits, user) = (&self.common.limits, &checkout.account.user);
        let is_capped = |account: &Account| limits.is_capped(backend, &account.user);
        let (started, patience) = (Instant::now(), checkout.patience.min(self.settings.get().checkout_timeout));
        let place = self.queues.join(backend, checkout.account);
        // Others are asked to give something up only for somebody who is not served by what comes back here.
        let mut asking = None;
        loop {
            let waited = started.elapsed();
            if waited >= queue::PATIENT || !self.has_any(backend) {
                asking.get_or_insert_with(|| limits.wait(backend, user));
            }
            // Who is capped looks as well: something of its own may come free.
            let (capped, is_first) = (is_capped(checkout.account), place.is_first(is_capped));
            if is_first || (capped && place.is_first_of_account()) {
                if let Some(connection) = self.take_idle(backend, checkout) {
                    return Ok(Waited::Connection(connection));
                }
                self.close_one_idle(backend, checkout.account, capped);
                if is_first && let Some(slot) = limits.try_open(backend, user) {
                    return Ok(Waited::Slot(slot));
                }
                if asking.is_some() {
                    limits.ask_others();
                }
            }
            if waited >= patience {
                return Err(BackendError::Exhausted { limit: limits.most(), waited });
            }
            // Only the first of each account looks by itself; the others are woken in their turn.
            let nap = if place.is_first_of_account() { LOOK_AGAIN } else { patience };
            place.woken(nap.min(patience.saturating_sub(waited))).await;
            if let Some(connection) = self.take_idle(backend, checkout) {
                return Ok(Waited::Connection(connection));
            }
        }
    }

    /// Makes room for `account`, for which nothing at rest will do: what rests for another one is worth less, but its own that
    /// does not fit is worth no more. An account that has its share makes room only of its own.
    fn close_one_idle(&self, backend: BackendId, account: &Account, is_capped: bool) {
        let mut idle = self.idle.borrow_mut();
        let lists = idle.iter_mut().filter(|((id, owner), list)| {
            *id == backend && !list.is_empty() && (!is_capped || owner.user == account.user)
        });
        if let Some((_, list)) = lists.min_by_key(|((_, owner), _)| **owner == *account) {
            list.swap_remove(0).connection.quit();
        }
    }

    /// Works for other workers, as long as this one lives: gives up what rests here while somebody waits there, and looks at
    /// what they gave up.
    pub async fn share(&self) {
        loop {
            self.common.limits.changed().await;
            for backend in (0..MOST_BACKENDS as u16).map(BackendId) {
                let (waiting, own) = (self.common.limits.waiting(backend), self.queues.len(backend));
                if own > 0 {
                    self.wake_first(backend);
                } else if waiting > 0 {
                    self.spare(backend, waiting, Instant::now());
                }
            }
        }
    }

    /// Whether this worker has a connection that is in use and will come back.
    fn has_any(&self, backend: BackendId) -> bool {
        self.loads.borrow().get(backend.index()).is_some_and(|load| load.in_use > 0)
    }

    fn is_full(&self, backend: BackendId) -> bool {
        self.common.limits.open(backend) >= self.common.limits.most()
    }

    /// Closes connections that nobody here has used for a moment, if that helps somebody who waits elsewhere: one who has its
    /// share is helped only by its own.
    fn spare(&self, backend: BackendId, count: usize, now: Instant) {
        let (waiting, is_full) = (self.common.limits.who_waits(backend), self.is_full(backend));
        let helps = |owner: &Account| {
            waiting.iter().any(|(user, is_capped)| if *is_capped { **user == *owner.user } else { is_full })
        };
        let mut idle = self.idle.borrow_mut();
        let lists = idle.iter_mut().filter(|((id, owner), _)| *id == backend && helps(owner));
        let resting = |idle: &mut Idle| now.saturating_duration_since(idle.since) >= AT_REST;
        let spared: Vec<_> = lists.flat_map(|(_, list)| list.extract_if(.., resting)).take(count).collect();
        spared.into_iter().for_each(|idle| idle.connection.quit());
    }

    fn wake_first(&self, backend: BackendId) {
        self.queues.wake_first(backend, |account| self.common.limits.is_capped(backend, &account.user));
    }

    /// Tells a server to end what one of its connections runs, or the connection. This takes a connection besides those
    /// that are counted, as it may be wanted just when all of them are in use.
    pub async fn kill(
        &self,
        backend: BackendId,
        account: &Account,
        thread: u32,
        query_only: bool,
    ) -> Result<(), BackendError> {
        let Some(target) = self.common.backends.get(backend) else { return Ok(()) };
        let (known, limit) = (self.catalogue(backend), self.settings.get().connect_timeout);
        let mut connection = open(target, account, None, &self.common.tracked, known, limit).await?;
        let what = if query_only { "QUERY" } else { "CONNECTION" };
        let killed = connection.run(&format!("KILL {what} {thread}")).await;
        Box::new(connection).quit();
        match killed {
            // It is gone already.
            Ok(()) | Err(BackendError::Refused { code: UNKNOWN_THREAD, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn give_back(&self, mut connection: Box<Connection>, backend: BackendId, account: &Rc<Account>) {
        self.count(backend, false);
        connection.rest();
        let (limits, now) = (&self.common.limits, Instant::now());
        let next = match limits.open(backend).cmp(&limits.most()) {
            Ordering::Less => Next::Stays,
            Ordering::Greater => Next::Moves,
            Ordering::Equal => {
                let elsewhere = limits.waiting(backend) > 0;
                let is_awaited = elsewhere || self.queues.len(backend) > 0;
                let beyond = is_awaited && limits.is_beyond(backend, &account.user);
                self.queues.next(backend, account, elsewhere, beyond, now)
            }
        };
        if connection.is_usable() && next == Next::Stays {
            let mut idle = self.idle.borrow_mut();
            let key = (backend, Rc::clone(account));
            idle.entry(key).or_default().push(Idle { connection, since: now });
            self.queues.wake(backend, account);
        } else {
            connection.quit();
            self.wake_first(backend);
        }
    }

    /// A connection that was in use is closed.
    pub(crate) fn lost(&self, backend: BackendId) {
        self.count(backend, false);
        self.wake_first(backend);
    }

    fn count(&self, backend: BackendId, out: bool) {
        if let Some(load) = self.loads.borrow_mut().get_mut(backend.index()) {
            load.in_use = if out { load.in_use + 1 } else { load.in_use.saturating_sub(1) };
            self.usage.set(backend, load.in_use);
        }
    }

    pub(crate) fn note_latency(&self, backend: BackendId, time: Duration) {
        if let Some(load) = self.loads.borrow_mut().get_mut(backend.index()) {
            load.note_success();
            load.note_latency(time, Instant::now());
        }
    }

    pub(crate) fn note_failure(&self, backend: BackendId) {
        let mut loads = self.loads.borrow_mut();
        let Some(load) = loads.get_mut(backend.index()) else { return };
        let is_failing = load.note_failure(Instant::now());
        self.common.alarm.raise(backend, if is_failing { Trouble::Failing } else { Trouble::Suspect });
    }

    /// The right to run a read on the primary that belongs on a replica, if there is one left.
    pub fn stand_in(&self) -> Option<StandIn> {
        self.common.limits.stand_in()
    }

    /// How many reads may.
    pub fn most_stand_ins(&self) -> usize {
        self.common.limits.stand_ins().1
    }

    /// A server said something that its role has to do with: those who watch it should look.
    pub fn suspect(&self, backend: BackendId) {
        self.common.alarm.raise(backend, Trouble::Suspect);
    }

    /// A server refused a write as one that takes none: another one may be about to become the primary.
    pub fn suspect_roles(&self, backend: BackendId) {
        self.common.alarm.raise(backend, Trouble::Role);
    }

    /// Closes connections that were idle for too long, whose server has closed them, or whose server is to have none any
    /// more. To be called now and then.
    pub fn upkeep(&self, now: Instant, snapshot: &Snapshot) {
        let limit = self.settings.get().idle_timeout;
        self.rest_asker(now, limit);
        let mut idle = self.idle.borrow_mut();
        for ((backend, _), list) in idle.iter_mut() {
            let is_leaving = snapshot.is_leaving(*backend);
            let ends =
                |idle: &mut Idle| is_leaving || now.duration_since(idle.since) >= limit || !idle.connection.is_usable();
            list.extract_if(.., ends).for_each(|idle| idle.connection.quit());
        }
        idle.retain(|_, list| !list.is_empty());
        drop(idle);
        self.accounts.borrow_mut().retain(|account| Rc::strong_count(account) > 1);
    }

    /// Figures of one backend.
    pub fn stats(&self, backend: BackendId) -> PoolStats {
        let idle = self.idle.borrow().iter().filter(|((id, _), _)| *id == backend).map(|(_, list)| list.len()).sum();
        let in_use = self.loads.borrow().get(backend.index()).map_or(0, |load| load.in_use as usize);
        PoolStats { in_use, idle }
    }
}

/// What came of waiting.
enum Waited {
    /// A connection that came back.
    Connection(Box<Connection>),
    /// The right to open one.
    Slot(Slot),
}

/// `ER_NO_SUCH_THREAD`
const UNKNOWN_THREAD: u16 = 1094;
/// Different configurations of servers and logins whose variables are kept once.
const MOST_KNOWN_VALUES: usize = 32;
/// How often a waiting worker looks for a connection that another worker has closed.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A connection that was not used for so long may be had by another worker.
const AT_REST: Duration = Duration::from_millis(20);
