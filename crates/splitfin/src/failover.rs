//! Makes another server the primary, when an operator says so or when the primary is gone.

use crate::wiring::Shared;
use splitfin_health::Order;
use splitfin_health::promotion::{self, Candidate, Means, NotPromoted, Promoted};
use splitfin_topology::{BackendId, Snapshot, Unfit};
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::sync::MutexGuard;

/// Makes the server of this name the primary. Writes wait meanwhile.
pub(crate) async fn switch_over(shared: &Shared, name: &str) -> Result<Promoted, String> {
    let means = means(shared)?;
    let _alone = alone(shared)?;
    let snapshot = shared.topology.snapshot();
    let from = snapshot.primary.ok_or("there is no primary")?;
    let to = snapshot.by_name(name).ok_or_else(|| format!("there is no backend `{name}`"))?;
    if to.id == from {
        return Err(format!("{name} is the primary"));
    }
    to.fit.as_ref().map_err(|why| format!("{name} is not well: {why}"))?;
    let (old, new) = (candidate(shared, from)?, candidate(shared, to.id)?);
    let others = others(shared, &snapshot, &[from, to.id]);
    tracing::info!(target: "splitfin::failover", from = %old.name, to = %new.name, "switchover: writes wait");
    let held = Held::start(shared);
    held.until_in_force().await?;
    until_at_rest(shared, from).await;
    let switched = promotion::switch_over(&old, &new, &others, &means).await;
    drop(held);
    report(switched)
}

/// Promotes a replica whenever the primary is gone, for as long as the configuration wants that.
pub(crate) async fn watch(shared: Shared) -> Infallible {
    let mut said = String::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let snapshot = shared.topology.snapshot();
        let Some(lost) = gone(&snapshot) else {
            said.clear();
            continue;
        };
        if let Err(why) = fail_over(&shared, &snapshot, lost).await {
            // The same reason is worth one line.
            if why != said {
                tracing::error!(target: "splitfin::failover", %why, "no replica was promoted");
                said = why;
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }
}

/// The primary that there was, if it does not answer any more. One that answers and takes no writes was made so by
/// somebody, who knows more.
fn gone(snapshot: &Snapshot) -> Option<BackendId> {
    let lost = snapshot.last_primary.filter(|_| snapshot.primary.is_none())?;
    snapshot.backend(lost).filter(|view| matches!(view.fit, Err(Unfit::Probe(_)))).map(|view| view.id)
}

async fn fail_over(shared: &Shared, snapshot: &Snapshot, lost: BackendId) -> Result<(), String> {
    let means = means(shared)?;
    let _alone = alone(shared)?;
    let old = candidate(shared, lost)?;
    let replicas = others(shared, snapshot, &[lost]);
    tracing::warn!(target: "splitfin::failover", lost = %old.name, "the primary is gone: a replica is promoted");
    let held = Held::start(shared);
    let promoted = promotion::fail_over(&old, &replicas, &means).await;
    drop(held);
    report(promoted).map(drop)
}

/// Waits until nothing runs or is open on the old primary any more, for a moment: transactions may end meanwhile.
async fn until_at_rest(shared: &Shared, primary: BackendId) {
    let started = Instant::now();
    while shared.usage.iter().any(|worker| worker.in_use(primary) > 0) && started.elapsed() < GRACE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One change at a time: the end of one would let writes go on in the middle of another.
fn alone(shared: &Shared) -> Result<MutexGuard<'_, ()>, String> {
    shared.promotion.try_lock().map_err(|_| "another server is about to become the primary already".to_owned())
}

fn means(shared: &Shared) -> Result<Means, String> {
    shared.fleet().means().ok_or_else(|| "failover.account is not set: nobody may change servers".to_owned())
}

fn candidate(shared: &Shared, id: BackendId) -> Result<Candidate, String> {
    shared.fleet().candidate(id).ok_or_else(|| "the server was removed meanwhile".to_owned())
}

/// The servers that are there, but for these.
fn others(shared: &Shared, snapshot: &Snapshot, without: &[BackendId]) -> Vec<Candidate> {
    let fleet = shared.fleet();
    let others = snapshot.ours().map(|view| view.id).filter(|id| !without.contains(id));
    others.filter_map(|id| fleet.candidate(id)).collect()
}

fn report(result: Result<Promoted, NotPromoted>) -> Result<Promoted, String> {
    match result {
        Ok(promoted) => {
            tracing::info!(target: "splitfin::failover", primary = %promoted.name, "promoted");
            for why in &promoted.left_behind {
                tracing::error!(target: "splitfin::failover", %why, "does not follow the new primary: it takes no reads");
            }
            Ok(promoted)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Writes wait while this lives, however the attempt ends.
struct Held<'a> {
    shared: &'a Shared,
}

impl<'a> Held<'a> {
    fn start(shared: &'a Shared) -> Self {
        shared.fleet().order(Order::Hold(true));
        Self { shared }
    }

    /// Waits until no worker sends a write any more.
    async fn until_in_force(&self) -> Result<(), String> {
        for _ in 0..200 {
            if self.shared.topology.load().primary.is_none() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err("writes could not be held back".to_owned())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.shared.fleet().order(Order::Hold(false));
    }
}

/// What runs on the old primary may end in this time.
const GRACE: Duration = Duration::from_secs(1);
/// How often the watch looks.
const LOOK: Duration = Duration::from_millis(100);
/// How long it waits after an attempt in vain.
const TRY_AGAIN: Duration = Duration::from_secs(1);
