//! A server that fails statements while its probes pass leaves too: its circuit opens, is tried again after a time with
//! few reads, and closes when that went well for long enough.
//!
//! ```text
//!  Closed ──failing──> Open ──wait is over──> HalfOpen ──PROVEN──> Closed
//!                       ^──────failing────────────┘ (and the wait doubles)
//! ```

use std::time::{Duration, Instant};

/// Whether reads go to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circuit {
    /// They do.
    Closed,
    /// They do not, until then; for the how manieth time in a row.
    Open { until: Instant, times: u32 },
    /// A few do, since then.
    HalfOpen { since: Instant, times: u32 },
}

impl Circuit {
    /// Statements fail one after the other. Says whether it opened by that.
    pub(crate) fn fail(&mut self, now: Instant) -> bool {
        let times = match *self {
            Self::Closed => 0,
            Self::HalfOpen { times, .. } => times,
            Self::Open { .. } => return false,
        };
        let wait = FIRST_WAIT.saturating_mul(1 << times.min(16)).min(LONGEST_WAIT);
        *self = Self::Open { until: now + wait, times: times + 1 };
        true
    }

    /// Time goes on: a probe that began now has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        *self = match *self {
            Self::Open { until, times } if until <= now => Self::HalfOpen { since: now, times },
            Self::HalfOpen { since, .. } if now.saturating_duration_since(since) >= PROVEN => Self::Closed,
            other => other,
        };
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    pub(crate) const fn half_open_since(&self) -> Option<Instant> {
        match self {
            Self::HalfOpen { since, .. } => Some(*since),
            _ => None,
        }
    }
}

/// How long an opened circuit stays so, at first.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// How long at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Without a failure for so long, all is forgotten.
const PROVEN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_while_it_goes_on_failing_and_are_forgotten_in_time() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut circuit = Circuit::Closed;
        assert!(circuit.fail(at(0)) && !circuit.fail(at(1)), "once is enough");
        circuit.tick(at(4));
        assert!(circuit.is_open());
        circuit.tick(at(5));
        assert_eq!(circuit.half_open_since(), Some(at(5)));
        assert!(circuit.fail(at(6)));
        circuit.tick(at(15));
        assert!(circuit.is_open(), "ten seconds this time");
        circuit.tick(at(16));
        circuit.tick(at(16 + 60));
        assert_eq!(circuit, Circuit::Closed);
        assert!(circuit.fail(at(80)));
        circuit.tick(at(85));
        assert!(!circuit.is_open(), "five seconds again");
    }
}
