//! When the primary was seen where. What a replica lacks of that tells how late it is at least, whatever it says itself:
//! one that hears nothing from its source for a while believes that there is nothing to hear.

use crate::gtid::Position;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Positions of one primary, and when each was seen first.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    seen: VecDeque<(Instant, Position)>,
}

impl Trail {
    /// The primary was seen here by a probe that began at `begun`.
    pub(crate) fn note(&mut self, begun: Instant, position: &Position) {
        if self.seen.back().is_some_and(|(_, last)| last == position) {
            return;
        }
        self.seen.push_back((begun, position.clone()));
        while self.seen.len() > LONGEST || self.seen.get(1).is_some_and(|(at, _)| *at + WINDOW < begun) {
            self.seen.pop_front();
        }
    }

    /// Another server is the primary.
    pub(crate) fn clear(&mut self) {
        self.seen.clear();
    }

    /// How late a server is at least that was here at `now`.
    pub(crate) fn lag(&self, now: Instant, position: &Position) -> Duration {
        let Some((_, base)) = self.seen.front() else { return Duration::ZERO };
        // Whoever lacks something lacks all that came later too.
        let first = self.seen.partition_point(|(_, needed)| !position.is_behind(base, needed));
        self.seen.get(first).map_or(Duration::ZERO, |(at, _)| now.saturating_duration_since(*at))
    }
}

/// So many positions are remembered,
const LONGEST: usize = 1200;
/// for so long.
const WINDOW: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Family;

    fn at(number: u64) -> Position {
        Position::parse(Family::Mariadb, &format!("0-1-{number}")).unwrap()
    }

    #[test]
    fn a_server_is_as_late_as_what_it_lacks_first() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let mut trail = Trail::default();
        for second in 0..=5 {
            trail.note(after(second), &at(100 + second));
        }
        trail.note(after(8), &at(105));
        let lag = |number| trail.lag(after(9), &at(number)).as_secs();
        assert_eq!((lag(105), lag(106), lag(104), lag(102)), (0, 0, 4, 6));
        assert_eq!(lag(3), 8, "what it lacked from the beginning does not count, what came then does");
        trail.clear();
        assert_eq!(trail.lag(after(9), &at(1)), Duration::ZERO);
    }

    #[test]
    fn what_a_copy_never_had_does_not_count() {
        let set = |text: &str| Position::parse(Family::Mysql, text).unwrap();
        let (mine, theirs) = ("3e11fa47-71ca-11e1-9e33-c80aa9429562", "4e11fa47-71ca-11e1-9e33-c80aa9429562");
        let begin = Instant::now();
        let mut trail = Trail::default();
        trail.note(begin, &set(&format!("{mine}:1-100,{theirs}:1-7")));
        trail.note(begin + Duration::from_secs(1), &set(&format!("{mine}:1-110,{theirs}:1-7")));
        let now = begin + Duration::from_secs(5);
        assert_eq!(trail.lag(now, &set(&format!("{mine}:50-110"))), Duration::ZERO);
        assert_eq!(trail.lag(now, &set(&format!("{mine}:50-109"))), Duration::from_secs(4));
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let begin = Instant::now();
        let mut trail = Trail::default();
        for second in 0..3000 {
            trail.note(begin + Duration::from_secs(second), &at(second + 1));
        }
        assert!(trail.seen.len() <= 602, "{}", trail.seen.len());
        assert_eq!(trail.lag(begin + Duration::from_secs(3000), &at(2900)).as_secs(), 100);
    }
}
