//! Who waits for a connection on one worker, in order.
//!
//! A connection that comes back goes to whoever has waited longest for one of its account. Workers share a limit, not
//! connections: between workers, and between accounts, only the right to open one moves, and slowly, as each move costs a
//! login on the server.

use crate::login::Account;
use splitfin_topology::BackendId;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Who waits for connections to each backend.
#[derive(Debug)]
pub(crate) struct Queues {
    queues: Vec<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
    /// When a connection was closed last so that somebody else could open one.
    moved: Cell<Option<Instant>>,
}

#[derive(Debug)]
struct Waiter {
    account: Rc<Account>,
    since: Instant,
    woken: Notify,
}

/// What becomes of a connection that comes back while all that are allowed are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It stays, for its account.
    Stays,
    /// It is closed: somebody of another account, or of another worker, opens one.
    Moves,
}

impl Queues {
    pub(crate) fn new(backends: usize) -> Self {
        Self { queues: (0..backends).map(|_| Queue::default()).collect() }
    }

    /// Whether somebody of this account waits: whoever comes later waits, too.
    pub(crate) fn has(&self, backend: BackendId, account: &Account) -> bool {
        let Some(queue) = self.queues.get(backend.index()) else { return false };
        queue.waiting.borrow().iter().any(|waiter| *waiter.account == *account)
    }

    /// How many wait.
    pub(crate) fn len(&self, backend: BackendId) -> usize {
        self.queues.get(backend.index()).map_or(0, |queue| queue.waiting.borrow().len())
    }

    /// Takes a place at the end.
    pub(crate) fn join(&self, backend: BackendId, account: &Rc<Account>) -> Place<'_> {
        let waiter = Rc::new(Waiter { account: Rc::clone(account), since: Instant::now(), woken: Notify::new() });
        let queue = self.queues.get(backend.index());
        if let Some(queue) = queue {
            queue.waiting.borrow_mut().push_back(Rc::clone(&waiter));
        }
        Place { queue, waiter }
    }

    /// Decides about a connection of `account` that comes back while all are open. `elsewhere`: somebody waits on another
    /// worker; `beyond`: the account has more than its share, and somebody else is there.
    pub(crate) fn next(
        &self,
        backend: BackendId,
        account: &Account,
        elsewhere: bool,
        beyond: bool,
        now: Instant,
    ) -> Next {
        let Some(queue) = self.queues.get(backend.index()) else { return Next::Stays };
        let waiting = queue.waiting.borrow();
        if beyond && (elsewhere || waiting.iter().any(|waiter| waiter.account.user != account.user)) {
            return Next::Moves;
        }
        let own = waiting.iter().find(|waiter| *waiter.account == *account);
        // Of others, whoever waits longest, if for long enough.
        let other = waiting.front().is_some_and(|first| {
            *first.account != *account && (own.is_none() || now.saturating_duration_since(first.since) > PATIENT)
        });
        let wanted = other || (elsewhere && own.is_none());
        let rests = queue.moved.get().is_some_and(|moved| now.saturating_duration_since(moved) < BETWEEN_MOVES);
        if !wanted || rests {
            return Next::Stays;
        }
        queue.moved.set(Some(now));
        Next::Moves
    }

    /// A connection of this account is at rest: whoever waits for one longest has a look.
    pub(crate) fn wake(&self, backend: BackendId, account: &Account) {
        let Some(queue) = self.queues.get(backend.index()) else { return };
        if let Some(waiter) = queue.waiting.borrow().iter().find(|waiter| *waiter.account == *account) {
            waiter.woken.notify_one();
        }
    }

    /// There may be a right to open one: whoever waits longest of those who may has a look.
    pub(crate) fn wake_first(&self, backend: BackendId, is_capped: impl Fn(&Account) -> bool) {
        let Some(queue) = self.queues.get(backend.index()) else { return };
        if let Some(waiter) = first(&queue.waiting.borrow(), is_capped) {
            waiter.woken.notify_one();
        }
    }
}

/// Who waits longest of those whose account is not capped.
fn first(waiting: &VecDeque<Rc<Waiter>>, is_capped: impl Fn(&Account) -> bool) -> Option<&Rc<Waiter>> {
    // Neighbours are of the same account mostly.
    let mut last: Option<(&Rc<Account>, bool)> = None;
    waiting.iter().find(|waiter| {
        let capped = match last {
            Some((account, capped)) if Rc::ptr_eq(account, &waiter.account) => capped,
            _ => is_capped(&waiter.account),
        };
        last = Some((&waiter.account, capped));
        !capped
    })
}

/// A place in a queue, left when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'q> {
    queue: Option<&'q Queue>,
    waiter: Rc<Waiter>,
}

impl Place<'_> {
    /// Whether nobody waits longer of those who may open a connection: only the first tries.
    pub(crate) fn is_first(&self, is_capped: impl Fn(&Account) -> bool) -> bool {
        let Some(queue) = self.queue else { return true };
        let waiting = queue.waiting.borrow();
        first(&waiting, is_capped).is_some_and(|first| Rc::ptr_eq(first, &self.waiter))
    }

    /// Whether nobody of its account waits longer.
    pub(crate) fn is_first_of_account(&self) -> bool {
        let Some(queue) = self.queue else { return true };
        let waiting = queue.waiting.borrow();
        let same = waiting.iter().find(|waiter| *waiter.account == *self.waiter.account);
        same.is_some_and(|first| Rc::ptr_eq(first, &self.waiter))
    }

    /// Waits until there may be something, or `limit` is over.
    pub(crate) async fn woken(&self, limit: Duration) {
        // Either way the queue is looked at.
        let _ = tokio::time::timeout(limit, self.waiter.woken.notified()).await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(queue) = self.queue else { return };
        let mut waiting = queue.waiting.borrow_mut();
        match waiting.front().is_some_and(|first| Rc::ptr_eq(first, &self.waiter)) {
            true => drop(waiting.pop_front()),
            false => waiting.retain(|waiter| !Rc::ptr_eq(waiter, &self.waiter)),
        }
        // What this one was woken for may still be there: the next ones look.
        let same = waiting.iter().find(|waiter| *waiter.account == *self.waiter.account);
        for next in waiting.front().into_iter().chain(same) {
            next.woken.notify_one();
        }
    }
}

/// So long an account waits before it gets the right that another one's connection has.
pub(crate) const PATIENT: Duration = Duration::from_millis(100);
/// Between two such moves on one worker, for one backend: some ten a second.
const BETWEEN_MOVES: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const BACKEND: BackendId = BackendId(0);

    fn account(name: &str) -> Rc<Account> {
        Rc::new(Account {
            user: name.to_owned(),
            password: splitfin_protocol::auth::Secret::Clear(Vec::new().into()),
            capabilities: splitfin_protocol::Capabilities::empty(),
            collation: 45,
            attributes: Vec::new(),
            client: None,
            certificate: None,
        })
    }

    #[test]
    fn a_connection_stays_with_its_account_while_somebody_of_it_waits() {
        let (queues, now) = (Queues::new(1), Instant::now());
        let (one, two) = (account("one"), account("two"));
        assert_eq!(queues.next(BACKEND, &one, false, false, now), Next::Stays, "nobody waits");
        let place = queues.join(BACKEND, &one);
        assert!(place.is_first(|_| false) && queues.has(BACKEND, &one) && !queues.has(BACKEND, &two));
        assert_eq!(queues.next(BACKEND, &one, true, false, now), Next::Stays, "its own worker first");
        let _other = queues.join(BACKEND, &two);
        assert_eq!(queues.next(BACKEND, &one, true, false, now + 2 * PATIENT), Next::Stays, "it has waited longer");
        drop(place);
        let later = now + 2 * PATIENT;
        assert_eq!(queues.next(BACKEND, &one, false, false, later), Next::Moves);
        assert_eq!(queues.next(BACKEND, &one, false, false, later), Next::Stays, "not many at once");
        assert_eq!(queues.next(BACKEND, &one, false, false, later + BETWEEN_MOVES), Next::Moves);
    }

    #[test]
    fn who_waits_for_long_gets_the_right_of_another_account() {
        let (queues, now) = (Queues::new(1), Instant::now());
        let (one, two) = (account("one"), account("two"));
        let first = queues.join(BACKEND, &two);
        let _own = queues.join(BACKEND, &one);
        assert_eq!(queues.next(BACKEND, &one, false, false, now), Next::Stays);
        assert_eq!(queues.next(BACKEND, &one, false, false, now + 2 * PATIENT), Next::Moves);
        assert!(first.is_first(|_| false));
    }

    #[test]
    fn an_account_beyond_its_share_gives_way_at_once() {
        let (queues, now) = (Queues::new(1), Instant::now());
        let (one, two) = (account("one"), account("two"));
        let own = queues.join(BACKEND, &one);
        assert_eq!(queues.next(BACKEND, &one, false, true, now), Next::Stays, "only its own wait");
        let other = queues.join(BACKEND, &two);
        assert_eq!(queues.next(BACKEND, &one, false, true, now), Next::Moves);
        assert_eq!(queues.next(BACKEND, &one, false, true, now), Next::Moves, "as often as it takes");
        let is_capped = |account: &Account| account.user == "one";
        assert!(other.is_first(is_capped) && !own.is_first(is_capped) && own.is_first_of_account());
    }

    #[test]
    fn another_worker_gets_it_where_nobody_waits() {
        let (queues, one) = (Queues::new(1), account("one"));
        assert_eq!(queues.next(BACKEND, &one, true, false, Instant::now()), Next::Moves);
    }

    #[tokio::test]
    async fn whoever_gives_up_passes_it_on() {
        let (queues, one) = (Queues::new(1), account("one"));
        let first = queues.join(BACKEND, &one);
        let second = queues.join(BACKEND, &one);
        queues.wake(BACKEND, &one);
        drop(first);
        let begun = Instant::now();
        second.woken(Duration::from_secs(10)).await;
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!(second.is_first(|_| false));
        assert_eq!(queues.len(BACKEND), 1);
    }
}
