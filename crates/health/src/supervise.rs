//! Tasks that must not end: those whom they serve would go on with what was true then, and nobody would be told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How often tasks had to be started again, by their names.
#[derive(Debug, Default)]
pub struct Restarts(Mutex<BTreeMap<&'static str, u64>>);

impl Restarts {
    /// All names that there are, and how often.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A task of this name is started again so many times more.
    pub fn count(&self, task: &'static str, times: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(task).or_default() += times;
    }
}

/// Runs a task to its end, and starts it again whenever it panics or ends with an error; until the future is dropped,
/// which ends the task too. `of` says in the log which of several this is.
pub async fn keep<F>(task: &'static str, of: String, restarts: Arc<Restarts>, mut start: impl FnMut() -> F)
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    restarts.count(task, 0);
    let mut pause = SHORTEST;
    loop {
        let begun = Instant::now();
        let mut running = JoinSet::new();
        running.spawn(start());
        let why = match running.join_next().await {
            Some(Ok(Err(why))) => why,
            Some(Err(error)) if error.is_panic() => error.to_string(),
            // It is over, or everything is.
            Some(Ok(Ok(())) | Err(_)) | None => return,
        };
        if begun.elapsed() > LONGEST {
            pause = SHORTEST;
        }
        restarts.count(task, 1);
        tracing::error!(target: "splitfin::health", task, of, %why, again_in = ?pause, "a task ended: it is started again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// From the end of a task to its next start: at first, and at most.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_task_that_panics_or_fails_is_started_again_and_counted() {
        let (restarts, starts) = (Arc::<Restarts>::default(), Arc::<AtomicU32>::default());
        let seen = Arc::clone(&starts);
        keep("tested", String::new(), Arc::clone(&restarts), move || {
            let nth = seen.fetch_add(1, Ordering::Relaxed);
            async move {
                assert_ne!(nth, 0, "the first one panics");
                if nth == 1 { Err("the second one fails".to_owned()) } else { Ok(()) }
            }
        })
        .await;
        assert_eq!(starts.load(Ordering::Relaxed), 3, "the third one is over");
        assert_eq!(restarts.counts(), BTreeMap::from([("tested", 2)]));
    }

    #[tokio::test]
    async fn a_task_ends_with_whoever_keeps_it() {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let mut kept = JoinSet::new();
        kept.spawn(keep("tested", String::new(), Arc::default(), move || {
            let held = Arc::clone(&held);
            async move {
                let _held = held;
                std::future::pending().await
            }
        }));
        while Arc::strong_count(&alive) < 3 {
            tokio::task::yield_now().await;
        }
        kept.shutdown().await;
        while Arc::strong_count(&alive) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
