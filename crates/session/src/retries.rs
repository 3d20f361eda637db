//! Who has failed a statement is asked again, but ever more seldom: a server whose replies are broken would be asked over a
//! new connection each time, as long as statements are held.

use splitfin_topology::BackendId;
use std::time::{Duration, Instant};

/// Of one statement.
#[derive(Debug)]
pub(crate) struct Retries {
    /// Who has failed since all were asked.
    failed: Vec<BackendId>,
    pause: Duration,
    /// When they are asked again.
    again: Option<Instant>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { failed: Vec::new(), pause: FIRST_PAUSE, again: None }
    }
}

impl Retries {
    /// One more failed.
    pub(crate) fn note(&mut self, backend: BackendId) {
        if !self.failed.contains(&backend) {
            self.failed.push(backend);
        }
    }

    /// Nobody else is left: a pause begins.
    pub(crate) fn pause(&mut self, now: Instant) {
        self.again = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Whether this server may be asked: it has not failed, or the pause is over.
    pub(crate) fn may_ask(&self, backend: BackendId, now: Instant) -> bool {
        !self.failed.contains(&backend) || self.again.is_none_or(|again| now >= again)
    }

    /// All may be asked again, if the pause is over.
    pub(crate) fn end_pause(&mut self, now: Instant) {
        if self.again.take_if(|again| now >= *again).is_some() {
            self.failed.clear();
        }
    }
}

/// A server that has just lost a connection may be there again at once.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// So long, at most, a statement waits for a server that works again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_second_and_others_are_asked_at_once() {
        let mut retries = Retries::default();
        let (failed, other) = (BackendId(1), BackendId(2));
        let mut now = Instant::now();
        for pause in [25, 50, 100, 200, 400, 800, 1000, 1000].map(Duration::from_millis) {
            retries.note(failed);
            retries.pause(now);
            let almost = now + pause - Duration::from_millis(1);
            assert!(!retries.may_ask(failed, almost) && retries.may_ask(other, almost));
            retries.end_pause(almost);
            assert!(!retries.may_ask(failed, almost), "not yet");
            now += pause;
            assert!(retries.may_ask(failed, now));
            retries.end_pause(now);
        }
    }
}
