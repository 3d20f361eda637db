//! What is said of those that anybody can bring to be said: one line for each address, minute and kind, and how many more
//! there were. Otherwise whoever can connect writes as much into the log as he likes.

use splitfin_session::source;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What sort of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Logins and handshakes that failed.
    Failed,
    /// Clients that left without a word.
    Left,
    /// Clients that were sent away at the door.
    SentAway,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Failed => "logins and sessions that failed",
            Self::Left => "clients that left without a word",
            Self::SentAway => "clients that were sent away",
        }
    }
}

/// Who was spoken of in the last minute, for all threads. Clients of unix sockets count as one.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    said: Mutex<HashMap<(Option<IpAddr>, Kind), Said>>,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    at: Instant,
    left_out: u64,
}

impl Strangers {
    /// Whether a line of this address is written. What is not is counted.
    pub(crate) fn admit(&self, address: Option<IpAddr>, kind: Kind, now: Instant) -> bool {
        let mut said = self.said();
        // After so many addresses within a minute, all others are one.
        let known =
            address.map(source).filter(|address| said.len() < MOST || said.contains_key(&(Some(*address), kind)));
        match said.get_mut(&(known, kind)) {
            Some(said) => {
                said.left_out += 1;
                false
            }
            None => {
                said.insert((known, kind), Said { at: now, left_out: 0 });
                true
            }
        }
    }

    /// Says how many were left out of those whose minute is over. Called now and then by everybody.
    pub(crate) fn say_left_out(&self, now: Instant) {
        for ((address, kind), left_out) in self.over(now) {
            let address = address.map(tracing::field::display);
            tracing::info!(address, left_out, "{} within a minute, beside the one that was logged", kind.name());
        }
    }

    /// Takes those out whose minute is over, and gives those of which lines were left out.
    fn over(&self, now: Instant) -> Vec<((Option<IpAddr>, Kind), u64)> {
        let mut over = Vec::new();
        self.said().retain(|key, said| {
            let is_over = now.saturating_duration_since(said.at) >= MINUTE;
            if is_over && said.left_out > 0 {
                over.push((*key, said.left_out));
            }
            !is_over
        });
        over
    }

    fn said(&self) -> MutexGuard<'_, HashMap<(Option<IpAddr>, Kind), Said>> {
        // What it holds is whole at any moment.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From one line of an address to the next.
const MINUTE: Duration = Duration::from_secs(60);
/// Lines of strangers within a minute, at most.
const MOST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(number.into()))
    }

    #[test]
    fn one_line_a_minute_and_the_rest_is_counted() {
        let (strangers, now) = (Strangers::default(), Instant::now());
        let admitted = (0..100).filter(|_| strangers.admit(address(1), Kind::Failed, now)).count();
        assert_eq!(admitted, 1);
        assert!(strangers.admit(address(1), Kind::Left, now), "of another kind");
        assert!(strangers.admit(address(2), Kind::Failed, now) && strangers.admit(None, Kind::Failed, now));
        assert_eq!(strangers.over(now + MINUTE / 2), []);
        assert_eq!(strangers.over(now + MINUTE), [((address(1), Kind::Failed), 99)]);
        assert!(strangers.admit(address(1), Kind::Failed, now + MINUTE));
        let [one, neighbour] = ["2001:db8::1", "2001:db8::2:3"].map(|text| text.parse().ok());
        assert!(strangers.admit(one, Kind::Left, now) && !strangers.admit(neighbour, Kind::Left, now));
    }

    #[test]
    fn many_addresses_are_bounded_too() {
        let (strangers, now) = (Strangers::default(), Instant::now());
        let admitted = (0..100_000).filter(|number| strangers.admit(address(*number), Kind::Failed, now)).count();
        assert_eq!(admitted, MOST + 1);
        assert!(strangers.said().len() <= MOST + 1);
        assert_eq!(strangers.over(now + MINUTE), [((None, Kind::Failed), 100_000 - MOST as u64 - 1)]);
    }
}
