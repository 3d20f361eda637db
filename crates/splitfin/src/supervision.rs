//! What must not end: a task of a worker is started again, and without one of its threads the process does not go on. Half of
//! it would take clients that nobody serves.

use splitfin_health::Restarts;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

/// Does the work of a thread, and tells if it panics. What the work had is gone by then.
pub(crate) fn watched(name: &str, failures: &UnboundedSender<String>, work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        // Nobody may be left to hear it.
        let _ = failures.send(format!("the thread {name} has ended by a panic"));
    }
}

/// As [`splitfin_health::keep`], for a task that does not leave its thread: runs it until the future is dropped, and again
/// whenever it panics.
pub(crate) async fn keep_local<F>(task: &'static str, restarts: Arc<Restarts>, mut start: impl FnMut() -> F)
where
    F: Future<Output = ()> + 'static,
{
    restarts.count(task, 0);
    loop {
        let mut running = JoinSet::new();
        running.spawn_local(start());
        match running.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(task, why = %error, again_in = ?PAUSE, "a task ended: it is started again");
            }
            // It is over, or everything is.
            Some(_) | None => return,
        }
        restarts.count(task, 1);
        tokio::time::sleep(PAUSE).await;
    }
}

/// From the end of a task to its next start.
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;
    use tokio::sync::mpsc::unbounded_channel;
    use tokio::task::LocalSet;

    #[test]
    fn a_thread_that_panics_is_told_of_and_one_that_ends_is_not() {
        let (sender, mut failures) = unbounded_channel();
        for panics in [false, true] {
            let sender = sender.clone();
            let thread = std::thread::spawn(move || watched("worker-0", &sender, || assert!(!panics, "as tested")));
            assert!(thread.join().is_ok());
            assert_eq!(failures.try_recv().is_ok_and(|why| why.contains("worker-0")), panics);
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_is_started_again_and_counted() {
        let (restarts, starts) = (Arc::<Restarts>::default(), Rc::<Cell<u32>>::default());
        let seen = Rc::clone(&starts);
        let kept = keep_local("tested", Arc::clone(&restarts), move || {
            let nth = seen.replace(seen.get() + 1);
            async move { assert_ne!(nth, 0, "the first one panics") }
        });
        LocalSet::new().run_until(kept).await;
        assert_eq!((starts.get(), restarts.counts().get("tested").copied()), (2, Some(1)));
    }
}
