//! Slows down who guesses passwords: after many failed logins from one address, its logins wait for each other.
//!
//! Accounts are never locked here, and as far as possible nobody else is kept out. An account that has logged in from the
//! address goes on doing so at once, as long as the failures are not its own; and if they are, whoever has its password
//! goes first all the same ([`Place::is_at_home`]). All others have a turn each second: one account after the other,
//! however many logins wait for each, and every other time one of which nothing is known yet.
//!
//! Who is let in at once can be told from who waits. So what is rationed is the look at a password: a login takes one of the
//! places of its account before, and keeps it for as long as it could wait, even if its client does not.

mod source;

use source::Source;
pub use source::source;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is remembered of failed logins, for all workers.
#[derive(Debug)]
pub struct Brake {
    /// Failures within about a minute that cost nothing; 0 is no brake.
    free: AtomicU32,
    /// Accounts are known by a hash of their name: clients choose how long names are.
    names: RandomState,
    sources: Mutex<HashMap<IpAddr, Source>>,
}

/// What a login from an address has to do.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Go on.
    Free,
    /// Go on, but for the last word on the password: that waits.
    Held(Place),
    /// All places of its account are taken.
    Full,
}

/// What a login that waits has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Go on.
    Now,
    /// Ask again after this.
    After(Duration),
    /// It has waited for as long as anybody waits.
    Never,
}

/// One login's place among those of its account. Dropped, it does not wait any more, but is not free yet.
#[derive(Debug)]
pub(crate) struct Place {
    brake: Arc<Brake>,
    source: IpAddr,
    account: u64,
    id: u64,
}

impl Brake {
    /// So many failures of one address are free; 0 is no brake.
    pub fn new(free: u32) -> Self {
        Self { free: AtomicU32::new(free), names: RandomState::new(), sources: Mutex::default() }
    }

    /// Changes how many are free.
    pub fn set_free(&self, free: u32) {
        self.free.store(free, Ordering::Relaxed);
    }

    /// Whether a login may go on. It waits for at most `patience`.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, user: &str, patience: Duration, now: Instant) -> Entry {
        let free = self.free.load(Ordering::Relaxed);
        let (key, account) = (source(address), self.account(user));
        let mut sources = self.sources();
        let Some(from) = sources.get_mut(&key).filter(|_| free > 0) else { return Entry::Free };
        if from.failures_of(account, now) < f64::from(free) {
            return Entry::Free;
        }
        match from.take_place(account, now + patience, now) {
            Some(id) => Entry::Held(Place { brake: Arc::clone(self), source: key, account, id }),
            None => Entry::Full,
        }
    }

    /// A login was refused. Says whether the address is slowed down from now on.
    pub(crate) fn failed(&self, address: IpAddr, user: &str, now: Instant) -> bool {
        let free = f64::from(self.free.load(Ordering::Relaxed));
        let account = self.account(user);
        let mut sources = self.sources();
        let (before, after) = enter(&mut sources, address, now).fail(account, now);
        free > 0.0 && before < free && after >= free
    }

    /// A login went well.
    pub(crate) fn succeeded(&self, address: IpAddr, user: &str, now: Instant) {
        let account = self.account(user);
        enter(&mut self.sources(), address, now).succeed(account, now);
    }

    fn account(&self, user: &str) -> u64 {
        self.names.hash_one(user)
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<IpAddr, Source>> {
        // What it holds is whole at any moment.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether the account has logged in from here within the last hour: who has its password goes first then.
    pub(crate) fn is_at_home(&self, now: Instant) -> bool {
        self.brake.sources().get(&self.source).is_none_or(|from| from.is_at_home(self.account, now))
    }

    /// Gives the place to others: its login was right.
    pub(crate) fn give_up(self) {
        if let Some(from) = self.brake.sources().get_mut(&self.source) {
            from.leave(self.account, self.id);
        }
    }

    /// Whether it has its turn. Right and wrong passwords wait alike, so that the wait says nothing.
    pub(crate) fn turn(&self, now: Instant) -> Turn {
        // An address that was forgotten meanwhile, among too many, has nobody who waits.
        self.brake.sources().get_mut(&self.source).map_or(Turn::Now, |from| from.turn(self.account, self.id, now))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(from) = self.brake.sources().get_mut(&self.source) {
            from.stop_waiting(self.account, self.id);
        }
    }
}

fn enter(sources: &mut HashMap<IpAddr, Source>, address: IpAddr, now: Instant) -> &mut Source {
    let key = source(address);
    if sources.len() >= MOST_SOURCES && !sources.contains_key(&key) {
        forget_older_half(sources);
    }
    let from = sources.entry(key).or_insert_with(|| Source::new(now));
    from.seen = now;
    from
}

/// Half at once, so that it costs little for each.
fn forget_older_half(sources: &mut HashMap<IpAddr, Source>) {
    let mut seen: Vec<_> = sources.values().map(|from| from.seen).collect();
    let middle = seen.len() / 2;
    let (_, &mut median, _) = seen.select_nth_unstable(middle);
    sources.retain(|_, from| from.seen > median);
}

/// Addresses that are remembered: with [`source::MOST_ACCOUNTS`] each about 100 MiB, which nobody has by accident.
const MOST_SOURCES: usize = 4096;

#[cfg(test)]
mod tests;
