//! One address, and the accounts that log in from there.

use super::Turn;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Logins from one address.
#[derive(Debug)]
pub(super) struct Source {
    failures: Failures,
    /// When the next login that waits has its turn.
    next: Instant,
    pub(super) seen: Instant,
    accounts: HashMap<u64, Account>,
    /// Turns so far.
    turns: u64,
    /// Places so far.
    places: u64,
    /// The last turn was that of an account of which nothing was known.
    last_was_new: bool,
}

/// What one account did from there.
#[derive(Debug)]
struct Account {
    failures: Failures,
    /// When it has logged in last.
    good: Option<Instant>,
    seen: Instant,
    /// The number of its last turn.
    turn: u64,
    places: Vec<Held>,
}

/// A place that is taken.
#[derive(Debug, Clone, Copy)]
struct Held {
    id: u64,
    until: Instant,
    /// Somebody waits there for his turn.
    waits: bool,
}

/// A number that halves with each [`HALF_LIFE`].
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: f64,
    at: Instant,
}

impl Failures {
    const fn none(at: Instant) -> Self {
        Self { count: 0.0, at }
    }

    fn now(self, now: Instant) -> f64 {
        let halves = now.saturating_duration_since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.count * 0.5_f64.powf(halves)
    }

    fn add(&mut self, now: Instant) {
        *self = Self { count: self.now(now) + 1.0, at: now };
    }
}

impl Account {
    /// Nothing is known of it.
    fn is_new(&self, now: Instant) -> bool {
        self.good.is_none() && self.failures.now(now) < 0.5
    }

    /// The first that waits.
    fn first(&self, now: Instant) -> Option<u64> {
        self.places.iter().find(|held| held.waits && held.until > now).map(|held| held.id)
    }
}

impl Source {
    pub(super) fn new(now: Instant) -> Self {
        let failures = Failures::none(now);
        let accounts = HashMap::new();
        Self { failures, next: now, seen: now, accounts, turns: 0, places: 0, last_was_new: false }
    }

    /// The failures that count for an account: its own where it is at home, else all.
    pub(super) fn failures_of(&self, account: u64, now: Instant) -> f64 {
        let own = self.accounts.get(&account).filter(|account| account.good.is_some());
        own.map_or(self.failures, |account| account.failures).now(now)
    }

    /// Counts a failure. Gives how many there were before, and how many there are.
    pub(super) fn fail(&mut self, account: u64, now: Instant) -> (f64, f64) {
        let before = self.failures.now(now);
        self.failures.add(now);
        if let Some(account) = self.account(account, now) {
            account.failures.add(now);
        }
        (before, self.failures.count)
    }

    pub(super) fn succeed(&mut self, account: u64, now: Instant) {
        if let Some(account) = self.account(account, now) {
            account.good = Some(now);
        }
    }

    pub(super) fn is_at_home(&self, account: u64, now: Instant) -> bool {
        let good = self.accounts.get(&account).and_then(|account| account.good);
        good.is_some_and(|good| now.saturating_duration_since(good) < AT_HOME)
    }

    /// Takes one of an account's places, until then at most.
    pub(super) fn take_place(&mut self, account: u64, until: Instant, now: Instant) -> Option<u64> {
        let is_at_home = self.is_at_home(account, now);
        self.accounts.values_mut().for_each(|account| account.places.retain(|held| held.until > now));
        let taken: usize = self.accounts.values().map(|account| account.places.len()).sum();
        // Names that nobody has must not take the places of those who are at home.
        if taken >= MOST_PLACES && !is_at_home {
            return None;
        }
        let id = self.places;
        let account = self.account(account, now).filter(|account| account.places.len() < PLACES)?;
        account.places.push(Held { id, until, waits: true });
        self.places += 1;
        Some(id)
    }

    pub(super) fn turn(&mut self, account: u64, id: u64, now: Instant) -> Turn {
        let held = self.accounts.get(&account).and_then(|account| account.places.iter().find(|held| held.id == id));
        let Some(until) = held.map(|held| held.until).filter(|until| *until > now) else { return Turn::Never };
        if now < self.next {
            return Turn::After(self.next.min(until).saturating_duration_since(now));
        }
        if self.first(now) != Some((account, id)) {
            // Whose turn it is asks soon, too.
            return Turn::After(SOON);
        }
        self.last_was_new = self.accounts.get(&account).is_some_and(|account| account.is_new(now));
        self.turns += 1;
        self.next = now + INTERVAL;
        if let Some(account) = self.accounts.get_mut(&account) {
            account.turn = self.turns;
        }
        self.leave(account, id);
        Turn::Now
    }

    /// Whose turn it is: the account that has had none for longest, and every other time one that is new.
    fn first(&self, now: Instant) -> Option<(u64, u64)> {
        let waiting = self.accounts.iter().filter_map(|(key, account)| {
            let id = account.first(now)?;
            let has_to_wait = account.is_new(now) == self.last_was_new;
            Some(((has_to_wait, account.turn, id), (*key, id)))
        });
        waiting.min().map(|(_, first)| first)
    }

    pub(super) fn leave(&mut self, account: u64, id: u64) {
        if let Some(account) = self.accounts.get_mut(&account) {
            account.places.retain(|held| held.id != id);
        }
    }

    /// It keeps its place.
    pub(super) fn stop_waiting(&mut self, account: u64, id: u64) {
        let places = self.accounts.get_mut(&account).map(|account| &mut account.places);
        if let Some(held) = places.into_iter().flatten().find(|held| held.id == id) {
            held.waits = false;
        }
    }

    /// What is known of an account; none, if there are more than can be told apart and all of them wait.
    fn account(&mut self, account: u64, now: Instant) -> Option<&mut Account> {
        if !self.accounts.contains_key(&account) {
            self.make_room()?;
        }
        let failures = Failures::none(now);
        let account = self.accounts.entry(account);
        let account =
            account.or_insert_with(|| Account { failures, good: None, seen: now, turn: 0, places: Vec::new() });
        account.seen = now;
        Some(account)
    }

    /// Forgets whom it has not seen for longest, if there must be room. Accounts that have never logged in have half of
    /// it: names that nobody has must not make it forget who is at home. None, if all of them wait.
    fn make_room(&mut self) -> Option<()> {
        let strangers = self.accounts.values().filter(|account| account.good.is_none()).count();
        if self.accounts.len() < MOST_ACCOUNTS && strangers < MOST_ACCOUNTS / 2 {
            return Some(());
        }
        let is_stranger = strangers >= MOST_ACCOUNTS / 2;
        let idle = self.accounts.iter().filter(|(_, account)| account.places.is_empty());
        let idle = idle.filter(|(_, account)| account.good.is_none() == is_stranger);
        let oldest = idle.min_by_key(|(_, account)| account.seen).map(|(key, _)| *key)?;
        self.accounts.remove(&oldest).map(drop)
    }

    #[cfg(test)]
    pub(super) fn accounts(&self) -> usize {
        self.accounts.len()
    }
}

/// What counts as one address: an IPv6 client has as many as it likes, within its network.
pub fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

const HALF_LIFE: Duration = Duration::from_secs(60);
/// From one login of a slowed address to the next.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Until somebody whose turn it is not asks again.
pub(super) const SOON: Duration = Duration::from_millis(20);
/// How long an account goes first where it has logged in.
pub(super) const AT_HOME: Duration = Duration::from_secs(3600);
/// Of one account: passwords that are looked at within the time that a login waits. More than pools of applications log in
/// with at once; few enough for who guesses.
pub(super) const PLACES: usize = 64;
/// Of all accounts of an address that are not at home.
pub(super) const MOST_PLACES: usize = 512;
/// Accounts of an address.
pub(super) const MOST_ACCOUNTS: usize = 256;
