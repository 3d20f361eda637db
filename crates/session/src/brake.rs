//! Slows down who guesses passwords: behind many failed logins from one address, its logins wait for each other.
//!
//! Accounts are never locked here, and nobody else is kept out: an account that has logged in from the address goes on
//! doing so at once, as long as the failures are not its own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is remembered of failed logins, for all workers.
#[derive(Debug)]
pub struct Brake {
    /// Failures within about a minute that cost nothing; 0 is no brake.
    free: AtomicU32,
    sources: Mutex<HashMap<IpAddr, Source>>,
}

/// Logins from one address.
#[derive(Debug)]
struct Source {
    failures: Failures,
    /// When the next login has its turn.
    next: Instant,
    seen: Instant,
    /// Accounts that have logged in from there, and how they failed since.
    good: HashMap<String, Failures>,
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

/// What a login from an address has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Go on.
    Now,
    /// Wait for this long first.
    After(Duration),
    /// So many are waiting already that it would take longer than anybody waits.
    Never,
}

impl Brake {
    /// So many failures of one address are free; 0 is no brake.
    pub fn new(free: u32) -> Self {
        Self { free: AtomicU32::new(free), sources: Mutex::default() }
    }

    /// Changes how many are free.
    pub fn set_free(&self, free: u32) {
        self.free.store(free, Ordering::Relaxed);
    }

    /// When a login may go on. Right and wrong passwords wait alike, so that the wait says nothing.
    pub(crate) fn turn(&self, address: IpAddr, user: &str, patience: Duration, now: Instant) -> Turn {
        let free = self.free.load(Ordering::Relaxed);
        let mut sources = self.sources();
        let Some(source) = sources.get_mut(&source(address)).filter(|_| free > 0) else { return Turn::Now };
        let too_many = |failures: Failures| failures.now(now) >= f64::from(free);
        let own = source.good.get(user).copied();
        if !own.map_or_else(|| too_many(source.failures), too_many) {
            return Turn::Now;
        }
        let at = source.next.max(now);
        if at.saturating_duration_since(now) > patience {
            return Turn::Never;
        }
        source.next = at + INTERVAL;
        Turn::After(at.saturating_duration_since(now))
    }

    /// A login was refused. Says whether the address is slowed down from now on.
    pub(crate) fn failed(&self, address: IpAddr, user: &str, now: Instant) -> bool {
        let free = f64::from(self.free.load(Ordering::Relaxed));
        let mut sources = self.sources();
        let source = enter(&mut sources, address, now);
        let before = source.failures.now(now);
        source.failures.add(now);
        if let Some(own) = source.good.get_mut(user) {
            own.add(now);
        }
        free > 0.0 && before < free && source.failures.count >= free
    }

    /// A login went well.
    pub(crate) fn succeeded(&self, address: IpAddr, user: &str, now: Instant) {
        let mut sources = self.sources();
        // Most logins go well, from addresses that are known.
        let source = enter(&mut sources, address, now);
        if !source.good.contains_key(user) && source.good.len() < MOST_USERS {
            source.good.insert(user.to_owned(), Failures::none(now));
        }
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<IpAddr, Source>> {
        // What it holds is whole at any moment.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn enter(sources: &mut HashMap<IpAddr, Source>, address: IpAddr, now: Instant) -> &mut Source {
    if sources.len() >= MOST_SOURCES {
        sources.retain(|_, source| now.saturating_duration_since(source.seen) < MEMORY);
    }
    if sources.len() >= MOST_SOURCES {
        // More addresses than can be told apart: it begins anew, rather than to grow.
        sources.clear();
    }
    let source = sources.entry(source(address)).or_insert_with(|| Source {
        failures: Failures::none(now),
        next: now,
        seen: now,
        good: HashMap::new(),
    });
    source.seen = now;
    source
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
const INTERVAL: Duration = Duration::from_secs(1);
/// How long an address is remembered, when there are too many.
const MEMORY: Duration = Duration::from_secs(300);
const MOST_SOURCES: usize = 16_384;
const MOST_USERS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn guesses_wait_for_each_other_and_others_do_not() {
        let (brake, now) = (Brake::new(3), Instant::now());
        brake.succeeded(address(1), "app", now);
        for attempt in 0..3 {
            assert_eq!(brake.turn(address(1), "root", PATIENCE, now), Turn::Now);
            assert_eq!(brake.failed(address(1), "root", now), attempt == 2, "it is said once");
        }
        let turns: Vec<_> = (0..13).map(|_| brake.turn(address(1), "root", PATIENCE, now)).collect();
        assert_eq!(turns[0], Turn::After(Duration::ZERO));
        assert_eq!(turns[10], Turn::After(10 * INTERVAL));
        assert_eq!(turns[11..], [Turn::Never; 2]);
        assert_eq!(brake.turn(address(1), "app", PATIENCE, now), Turn::Now, "who has logged in from there before");
        assert_eq!(brake.turn(address(2), "root", PATIENCE, now), Turn::Now, "from elsewhere");
        assert_eq!(brake.turn(address(1), "root", PATIENCE, now + 5 * HALF_LIFE), Turn::Now, "it is forgotten");
    }

    #[test]
    fn an_account_that_is_guessed_waits_also_where_it_is_at_home() {
        let (brake, now) = (Brake::new(2), Instant::now());
        brake.succeeded(address(1), "app", now);
        for _ in 0..2 {
            brake.failed(address(1), "app", now);
        }
        assert!(matches!(brake.turn(address(1), "app", PATIENCE, now), Turn::After(_)));
        brake.set_free(0);
        assert_eq!(brake.turn(address(1), "app", PATIENCE, now), Turn::Now, "without a brake");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_memory_is_bounded() {
        let (brake, now) = (Brake::new(1), Instant::now());
        let [one, neighbour, other]: [IpAddr; 3] =
            ["2001:db8:1:2::1", "2001:db8:1:2:3::4", "2001:db8:1:3::1"].map(|text| text.parse().unwrap());
        brake.failed(one, "a", now);
        assert_ne!(brake.turn(neighbour, "a", PATIENCE, now), Turn::Now);
        assert_eq!(brake.turn(other, "a", PATIENCE, now), Turn::Now);
        for number in 0..40_000_u32 {
            brake.failed(IpAddr::V4(number.into()), "a", now);
        }
        assert!(brake.sources().len() <= MOST_SOURCES);
    }
}
