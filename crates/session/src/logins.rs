//! Logins that are not finished: so many at a time, and the oldest silent one goes where there is one too many. Clients
//! that never log in cannot keep others out that way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Logins that are not finished, of all workers.
#[derive(Debug)]
pub struct Logins {
    most: AtomicUsize,
    open: Mutex<Open>,
}

/// By age, and those first that have not even said who they are.
type Key = (bool, u64);

#[derive(Debug, Default)]
struct Open {
    logins: BTreeMap<Key, Arc<Notify>>,
    begun: u64,
}

impl Logins {
    /// At most so many at a time.
    pub fn new(most: usize) -> Self {
        Self { most: AtomicUsize::new(most), open: Mutex::default() }
    }

    /// Changes how many.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// One more begins, and another one may have to go for it.
    pub(crate) fn begin(self: &Arc<Self>) -> OpenLogin {
        let mut open = self.open();
        let over = (open.logins.len() + 1).saturating_sub(self.most.load(Ordering::Relaxed).max(1));
        for _ in 0..over {
            if let Some((_, crowded_out)) = open.logins.pop_first() {
                crowded_out.notify_one();
            }
        }
        open.begun += 1;
        let (number, crowded_out) = (open.begun, Arc::new(Notify::new()));
        open.logins.insert((false, number), Arc::clone(&crowded_out));
        OpenLogin { logins: Arc::clone(self), number, crowded_out }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // A login is there or not, at any moment.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One login that is not finished, until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenLogin {
    logins: Arc<Logins>,
    number: u64,
    crowded_out: Arc<Notify>,
}

impl OpenLogin {
    /// Its client has said who it is.
    pub(crate) fn spoke(&self) {
        let mut open = self.logins.open();
        // One that has to go already stays gone.
        if let Some(login) = open.logins.remove(&(false, self.number)) {
            open.logins.insert((true, self.number), login);
        }
    }

    /// Waits until it has to go.
    pub(crate) async fn crowded_out(&self) {
        self.crowded_out.notified().await;
    }
}

impl Drop for OpenLogin {
    fn drop(&mut self) {
        let mut open = self.logins.open();
        open.logins.remove(&(false, self.number));
        open.logins.remove(&(true, self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_out(login: &OpenLogin) -> bool {
        tokio::time::timeout(std::time::Duration::ZERO, login.crowded_out()).await.is_ok()
    }

    #[tokio::test]
    async fn the_oldest_silent_one_goes() {
        let logins = Arc::new(Logins::new(3));
        let [spoke, silent, later] = [logins.begin(), logins.begin(), logins.begin()];
        spoke.spoke();
        let _next = logins.begin();
        assert_eq!([is_out(&spoke).await, is_out(&silent).await, is_out(&later).await], [false, true, false]);
        silent.spoke();
        drop(silent);
        drop(later);
        let _last = logins.begin();
        assert!(!is_out(&spoke).await, "there is room");
        logins.set_most(1);
        let only = logins.begin();
        assert!(is_out(&spoke).await && !is_out(&only).await);
        assert_eq!(logins.open().logins.len(), 1);
        drop(only);
        assert!(logins.open().logins.is_empty());
    }
}
