//! The memory that clients can make Splitfin keep, all sessions together: commands that are not there as a whole, and the
//! texts of prepared statements.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Bytes that all sessions may keep together.
#[derive(Debug)]
pub struct Budget {
    most: AtomicUsize,
    used: AtomicUsize,
    /// Sessions that wait for room.
    waiting: AtomicUsize,
    room: Notify,
}

impl Budget {
    /// With room for `most` bytes.
    pub fn new(most: usize) -> Self {
        Self {
            most: AtomicUsize::new(most),
            used: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
        }
    }

    /// From now on there is room for `most` bytes. What is kept beyond that stays.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
        self.room.notify_waiters();
    }

    /// How many bytes there is room for.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Bytes that are kept now, but for what each session may keep without asking.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn try_take(&self, bytes: usize) -> bool {
        let most = self.most();
        let more = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= most);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.room.notify_waiters();
        }
    }
}

/// What one session keeps for one purpose, as a part of the budget.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
    /// Since when it has been more than nothing.
    since: Instant,
}

impl Share {
    /// Nothing, to begin with.
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: 0, since: Instant::now() }
    }

    /// Keeps `kept` bytes from now on, if there is room for them. Less than before is always possible, and a little costs
    /// nothing.
    pub(crate) fn try_keep(&mut self, kept: usize) -> bool {
        let bytes = charge(kept);
        if bytes > self.bytes {
            if !self.budget.try_take(bytes - self.bytes) {
                return false;
            }
            if self.bytes == 0 {
                self.since = Instant::now();
            }
        } else if bytes < self.bytes {
            self.budget.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
        true
    }

    /// As [`Share::try_keep`], but waits for room; false, if there was none within `patience`.
    pub(crate) async fn keep(&mut self, kept: usize, patience: Duration) -> bool {
        if self.try_keep(kept) {
            return true;
        }
        let budget = Arc::clone(&self.budget);
        let _waiting = Waiting::new(&budget);
        let room = async {
            loop {
                let returned = budget.room.notified();
                if self.try_keep(kept) {
                    return;
                }
                returned.await;
            }
        };
        tokio::time::timeout(patience, room).await.is_ok()
    }

    /// Whether others wait for what this has kept for longer than `fair`.
    pub(crate) fn is_overdue(&self, fair: Duration) -> bool {
        self.bytes > 0 && self.budget.waiting.load(Ordering::Relaxed) > 0 && self.since.elapsed() > fair
    }

    /// How many bytes there are for all.
    pub(crate) fn most(&self) -> usize {
        self.budget.most()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.try_keep(0);
    }
}

/// A session that waits for room.
struct Waiting<'a>(&'a Budget);

impl<'a> Waiting<'a> {
    fn new(budget: &'a Budget) -> Self {
        budget.waiting.fetch_add(1, Ordering::AcqRel);
        Self(budget)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What counts of `kept` bytes: whole pieces, and nothing of what nearly every session needs.
const fn charge(kept: usize) -> usize {
    if kept <= FREE { 0 } else { kept.div_ceil(PIECE) * PIECE }
}

/// Bytes that each session may keep without asking, for each purpose.
const FREE: usize = 64 * 1024;
/// Bytes are counted in pieces of this size: workers rarely meet at the counter.
const PIECE: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn what_is_given_back_may_be_kept_by_others() {
        let budget = Arc::new(Budget::new(2 * MIB));
        let (mut one, mut other) = (Share::new(&budget), Share::new(&budget));
        assert!(one.try_keep(FREE) && budget.used() == 0, "a little costs nothing");
        assert!(one.try_keep(MIB + MIB / 2));
        assert!(!other.try_keep(MIB) && other.try_keep(MIB / 2));
        assert_eq!(budget.used(), 2 * MIB);
        drop(one);
        assert!(other.try_keep(2 * MIB) && !other.try_keep(usize::MAX - PIECE));
        assert!(other.try_keep(0));
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn who_waits_is_served_when_there_is_room_and_no_longer_than_its_patience() {
        let budget = Arc::new(Budget::new(MIB));
        let (mut holder, mut waiter) = (Share::new(&budget), Share::new(&budget));
        assert!(holder.try_keep(MIB));
        assert!(!waiter.keep(MIB, Duration::from_millis(1)).await);
        assert!(!holder.is_overdue(Duration::ZERO), "nobody waits any more");
        let (kept, ()) = tokio::join!(waiter.keep(MIB, Duration::from_secs(30)), async {
            assert!(holder.is_overdue(Duration::ZERO));
            holder.try_keep(0);
        });
        assert!(kept && budget.used() == MIB);
    }
}
