//! The tasks that probe, and the one that folds what they saw into snapshots.

use crate::probe::{Prober, Target};
use splitfin_topology::{BackendId, Event, Monitor, Observation, ProbeFailure, Topology};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch as signal};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// What the configuration says of probing.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom to probe, by backend id.
    pub targets: Vec<Target>,
    /// Time from one probe to the next.
    pub interval: Duration,
}

/// Probes all backends and publishes snapshots, until the future is dropped. `rounds` counts, for each backend, the
/// probes that were taken in; the smallest of them is published after each.
pub async fn watch(settings: Settings, mut monitor: Monitor, topology: Arc<Topology>, rounds: signal::Sender<u64>) {
    let count = settings.targets.len();
    let (report, mut reports) = mpsc::channel(count.max(1) * 2);
    let mut probes = JoinSet::new();
    for (id, target) in (0..).map(BackendId).zip(settings.targets) {
        probes.spawn(probe_forever(id, Prober::new(target), settings.interval, report.clone()));
    }
    drop(report);
    let mut taken = vec![0u64; count];
    while let Some((id, result)) = reports.recv().await {
        if let Err(error) = &result {
            tracing::debug!(backend = %id, %error, "probe failed");
        }
        let events = monitor.observe(id, result);
        let snapshot = monitor.snapshot();
        let name = |id: BackendId| snapshot.backend(id).map_or_else(|| id.to_string(), |view| view.spec.name.clone());
        events.iter().for_each(|event| say(event, &name));
        topology.publish(snapshot);
        if let Some(taken) = taken.get_mut(id.index()) {
            *taken += 1;
        }
        rounds.send_replace(taken.iter().copied().min().unwrap_or(0));
    }
}

type Report = (BackendId, Result<Observation, ProbeFailure>);

async fn probe_forever(id: BackendId, mut prober: Prober, interval: Duration, report: mpsc::Sender<Report>) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let result = prober.probe().await;
        if report.send((id, result)).await.is_err() {
            return;
        }
    }
}

fn say(event: &Event, name: &impl Fn(BackendId) -> String) {
    match event {
        Event::Left { backend, why } => {
            tracing::warn!(target: "splitfin::health", backend = %name(*backend), why = %why, "takes no reads");
        }
        Event::Joined { backend } => {
            tracing::info!(target: "splitfin::health", backend = %name(*backend), "takes reads");
        }
        Event::PrimaryFound { backend } => {
            tracing::info!(target: "splitfin::health", backend = %name(*backend), "is the primary: takes the writes");
        }
        Event::PrimaryLost { backend, why } => {
            tracing::warn!(target: "splitfin::health", backend = %name(*backend), why, "is the primary no more: writes wait");
        }
        Event::PrimaryAmbiguous { candidates } => {
            let names: Vec<_> = candidates.iter().map(|id| name(*id)).collect();
            tracing::error!(target: "splitfin::health", candidates = %names.join(", "),
                "several servers accept writes and nothing tells which is the primary: none is used; set read_only on all but one");
        }
        Event::WentBack { backend } => {
            tracing::warn!(target: "splitfin::health", backend = %name(*backend),
                "has fewer transactions than before: what was known of its position is forgotten");
        }
        Event::NoGtids { backend } => {
            tracing::warn!(target: "splitfin::health", backend = %name(*backend),
                "writes no GTIDs (gtid_mode, log_bin): reads behind a write stay on the primary for consistency.sticky");
        }
        Event::MixedFamilies { backend } => {
            tracing::error!(target: "splitfin::health", backend = %name(*backend),
                "is of another family than the other backends (MySQL and MariaDB cannot serve one endpoint): not used");
        }
    }
}
