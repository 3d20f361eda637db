//! The tasks that probe, and the one that folds what they saw into snapshots.

use crate::heartbeat::Heartbeat;
use crate::probe::{Prober, Target};
use splitfin_topology::{
    BackendId, BackendSpec, Event, Kind, Monitor, Observation, PrimaryChoice, ProbeFailure, Thresholds, Topology,
    Trouble, Unfit,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch as signal};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;

/// What is watched, and how. Sent while it runs, it changes that.
#[derive(Debug)]
pub enum Order {
    /// One more backend under the next number, or one that comes back under its own.
    Put {
        /// Its number.
        id: BackendId,
        /// What the configuration says of it.
        spec: BackendSpec,
        /// How it is probed.
        target: Target,
    },
    /// A backend is none of ours any more.
    Remove(BackendId),
    /// A backend gets nothing new any more, or does again.
    Drain(BackendId, bool),
    /// Another share of the reads.
    Weight(BackendId, u32),
    /// Nobody is the primary while this is on. All are looked at when it ends.
    Hold(bool),
    /// A backend is probed in another way.
    Retarget(BackendId, Target),
    /// Other thresholds, another way of finding the primary, another pace.
    Configure {
        /// When replicas leave and come back.
        thresholds: Thresholds,
        /// How the primary is found.
        choice: PrimaryChoice,
        /// How the servers replicate.
        kind: Kind,
        /// Time from one probe to the next.
        interval: Duration,
        /// What is written on the primary.
        heartbeat: Option<Heartbeat>,
    },
}

/// How [`watch`] is told, and how it tells.
#[derive(Debug)]
pub struct Wires {
    /// What is to be watched.
    pub orders: mpsc::UnboundedReceiver<Order>,
    /// What those notice who use the backends.
    pub troubles: mpsc::Receiver<(BackendId, Trouble)>,
    /// Where snapshots go.
    pub topology: Arc<Topology>,
    /// The fewest probes of any backend that were taken in.
    pub rounds: signal::Sender<u64>,
    /// Counts how often those at work had to look around: another server became the primary, or one does not answer.
    pub moves: signal::Sender<u64>,
}

/// Probes all backends and publishes snapshots, until the future is dropped or nobody can give orders any more.
pub async fn watch(monitor: Monitor, interval: Duration, heartbeat: Option<Heartbeat>, wires: Wires) {
    let Wires { mut orders, mut troubles, topology, rounds, moves } = wires;
    let (report, mut reports) = mpsc::channel(REPORTS);
    let (probes, watched) = (JoinSet::new(), HashMap::new());
    let haste = Arc::default();
    let mut watch = Watch {
        haste,
        monitor,
        interval,
        heartbeat,
        beating: None,
        topology,
        moves,
        report,
        probes,
        watched,
        silent: Vec::new(),
    };
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => watch.obey(order),
                None => return,
            },
            Some((id, trouble)) = troubles.recv() => watch.hear(id, trouble),
            Some((id, result)) = reports.recv() => {
                watch.take_in(id, result);
                rounds.send_replace(watch.watched.values().map(|watched| watched.probes).min().unwrap_or(0));
            }
        }
    }
}

type Report = (BackendId, Result<Observation, ProbeFailure>);

struct Watch {
    /// Has all be looked at again and again while roles change.
    haste: Arc<Haste>,
    monitor: Monitor,
    interval: Duration,
    heartbeat: Option<Heartbeat>,
    /// The task that writes heartbeats, and where.
    beating: Option<(BackendId, AbortHandle)>,
    topology: Arc<Topology>,
    moves: signal::Sender<u64>,
    report: mpsc::Sender<Report>,
    probes: JoinSet<()>,
    watched: HashMap<BackendId, Watched>,
    /// Those that did not answer their last probes.
    silent: Vec<BackendId>,
}

/// One backend's task.
struct Watched {
    target: Target,
    task: AbortHandle,
    /// Has it look at once.
    nudge: Arc<Notify>,
    /// Probes that were taken in.
    probes: u64,
}

impl Watch {
    fn obey(&mut self, order: Order) {
        let mut events = Vec::new();
        match order {
            Order::Put { id, spec, target } => {
                self.monitor.put(id, spec);
                self.start(id, target, 0);
            }
            Order::Remove(id) => {
                if let Some(watched) = self.watched.remove(&id) {
                    watched.task.abort();
                }
                events = self.monitor.remove(id);
            }
            Order::Drain(id, on) => self.monitor.drain(id, on),
            Order::Hold(on) => {
                match on {
                    true => events = self.monitor.hold(),
                    false => self.monitor.release(Instant::now()),
                }
                self.watched.values().for_each(|watched| watched.nudge.notify_one());
            }
            Order::Weight(id, weight) => self.monitor.set_weight(id, weight),
            Order::Retarget(id, target) => {
                if let Some(watched) = self.watched.remove(&id) {
                    watched.task.abort();
                    self.start(id, target, watched.probes);
                }
            }
            Order::Configure { thresholds, choice, kind, interval, heartbeat } => {
                self.monitor.configure(thresholds, choice, kind);
                if heartbeat != self.heartbeat {
                    self.heartbeat = heartbeat;
                    self.stop_beating();
                }
                if interval != std::mem::replace(&mut self.interval, interval) {
                    for (id, watched) in std::mem::take(&mut self.watched) {
                        watched.task.abort();
                        self.start(id, watched.target, watched.probes);
                    }
                }
            }
        }
        self.publish(&events);
    }

    fn start(&mut self, id: BackendId, target: Target, probes: u64) {
        let nudge = Arc::<Notify>::default();
        let probe = probe_forever(
            id,
            Prober::new(target.clone()),
            self.interval,
            Arc::clone(&nudge),
            Arc::clone(&self.haste),
            self.report.clone(),
        );
        let task = self.probes.spawn(probe);
        self.watched.insert(id, Watched { target, task, nudge, probes });
        while self.probes.try_join_next().is_some() {}
    }

    fn hear(&mut self, id: BackendId, trouble: Trouble) {
        if trouble == Trouble::Failing {
            let events = self.monitor.failing(id, Instant::now());
            self.publish(&events);
        }
        if trouble == Trouble::Role {
            self.hurry();
        } else if let Some(watched) = self.watched.get(&id) {
            watched.nudge.notify_one();
        }
    }

    /// Looks at all servers at once, and often for a while.
    fn hurry(&self) {
        self.haste.start(Instant::now());
        self.watched.values().for_each(|watched| watched.nudge.notify_one());
    }

    fn take_in(&mut self, id: BackendId, result: Result<Observation, ProbeFailure>) {
        // What was under way when the backend was removed says nothing any more.
        let Some(watched) = self.watched.get_mut(&id) else { return };
        watched.probes += 1;
        if let Err(error) = &result {
            tracing::debug!(backend = %id, %error, "probe failed");
        }
        let events = self.monitor.observe(id, result);
        self.publish(&events);
    }

    fn publish(&mut self, events: &[Event]) {
        let snapshot = self.monitor.snapshot();
        let name = |id: BackendId| snapshot.backend(id).map_or_else(|| id.to_string(), |view| view.spec.name.clone());
        events.iter().for_each(|event| say(event, &name));
        if events.iter().any(|event| matches!(event, Event::PrimaryLost { .. })) {
            self.hurry();
        }
        let primary = snapshot.primary;
        // One that has left for another reason before falls silent without an event.
        let silent: Vec<BackendId> =
            snapshot.ours().filter(|view| matches!(view.fit, Err(Unfit::Probe(_)))).map(|view| view.id).collect();
        let falls_silent = silent.iter().any(|id| !self.silent.contains(id));
        self.silent = silent;
        self.topology.publish(snapshot);
        self.beat(primary);
        if falls_silent || events.iter().any(matters_to_those_at_work) {
            self.moves.send_modify(|moves| *moves += 1);
        }
    }
}

impl Watch {
    /// Heartbeats are written on the primary, and nowhere else.
    fn beat(&mut self, primary: Option<BackendId>) {
        if self.beating.as_ref().map(|(id, _)| *id) == primary {
            return;
        }
        self.stop_beating();
        if let (Some(id), Some(heartbeat)) = (primary, &self.heartbeat)
            && let Some(watched) = self.watched.get(&id)
        {
            let task = self.probes.spawn(heartbeat.clone().beat(watched.target.clone()));
            self.beating = Some((id, task));
        }
    }

    fn stop_beating(&mut self) {
        if let Some((_, task)) = self.beating.take() {
            task.abort();
        }
    }
}

const fn matters_to_those_at_work(event: &Event) -> bool {
    matches!(event, Event::PrimaryFound { .. } | Event::Left { why: Unfit::Probe(_), .. })
}

async fn probe_forever(
    id: BackendId,
    mut prober: Prober,
    interval: Duration,
    nudge: Arc<Notify>,
    haste: Arc<Haste>,
    report: mpsc::Sender<Report>,
) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = nudge.notified() => ticks.reset(),
            () = tokio::time::sleep(BREATH), if haste.lasts() => ticks.reset(),
        }
        let result = prober.probe().await;
        if report.send((id, result)).await.is_err() {
            return;
        }
        // However many complain: a server that is in trouble is not asked all the time.
        tokio::time::sleep(BREATH.min(interval)).await;
    }
}

/// Until when servers are looked at as often as may be, whatever the interval is.
#[derive(Debug, Default)]
struct Haste(Mutex<Option<Instant>>);

impl Haste {
    fn start(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + HASTE);
    }

    fn lasts(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|end| Instant::now() < end)
    }
}

/// How long a new primary is looked for in haste.
const HASTE: Duration = Duration::from_secs(10);
/// Reports that were not taken in yet.
const REPORTS: usize = 64;
/// The least time between two probes.
const BREATH: Duration = Duration::from_millis(50);

fn say(event: &Event, name: &impl Fn(BackendId) -> String) {
    match event {
        Event::Left { backend, why } => {
            tracing::warn!(target: "splitfin::health", backend = %name(*backend), why = %why, "takes no reads");
        }
        Event::Joined { backend } => {
            tracing::info!(target: "splitfin::health", backend = %name(*backend), "takes reads");
        }
        Event::PrimaryFound { backend, lost: 0 } => {
            tracing::info!(target: "splitfin::health", backend = %name(*backend), "is the primary: takes the writes");
        }
        Event::PrimaryFound { backend, lost } => {
            tracing::warn!(target: "splitfin::health", backend = %name(*backend), lost,
                "is the primary: takes the writes; it lacks transactions that the one before was seen to have");
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
        Event::ClockIsOff { backend, by } => {
            tracing::warn!(target: "splitfin::health", backend = %name(*backend), ?by,
                "its clock differs from the primary's: what it says of its lag may be wrong by that");
        }
        Event::MixedFamilies { backend } => {
            tracing::error!(target: "splitfin::health", backend = %name(*backend),
                "is of another family than the other backends (MySQL and MariaDB cannot serve one endpoint): not used");
        }
    }
}
