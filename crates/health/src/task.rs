//! The tasks that probe, and the one that folds what they saw into snapshots.

use crate::heartbeat::Heartbeat;
use crate::probe::{Prober, Target};
use crate::supervise::{Restarts, keep};
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
    /// Counts tasks that had to be started again.
    pub restarts: Arc<Restarts>,
}

/// Probes all backends and publishes snapshots, until the future is dropped or nobody can give orders any more. Should it
/// panic, it goes on with what it knew.
pub async fn watch(monitor: Monitor, interval: Duration, heartbeat: Option<Heartbeat>, wires: Wires) {
    let restarts = Arc::clone(&wires.restarts);
    let watch = Watch::new(monitor, interval, heartbeat, wires);
    // This kind of lock is not poisoned by a panic.
    let watch = Arc::new(tokio::sync::Mutex::new(watch));
    let run = move || {
        let watch = Arc::clone(&watch);
        async move {
            watch.lock().await.run().await;
            Ok(())
        }
    };
    keep("monitor", String::new(), restarts, run).await;
}

type Report = (BackendId, Result<Observation, ProbeFailure>);

struct Watch {
    wires: Wires,
    /// Has all be looked at again and again while roles change.
    haste: Arc<Haste>,
    monitor: Monitor,
    interval: Duration,
    heartbeat: Option<Heartbeat>,
    /// The task that writes heartbeats, and where.
    beating: Option<(BackendId, AbortHandle)>,
    report: mpsc::Sender<Report>,
    reports: mpsc::Receiver<Report>,
    probes: JoinSet<()>,
    watched: HashMap<BackendId, Watched>,
    /// Those that did not answer their last probes.
    silent: Vec<BackendId>,
    /// When time was last seen to pass.
    clock: Instant,
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
    fn new(monitor: Monitor, interval: Duration, heartbeat: Option<Heartbeat>, wires: Wires) -> Self {
        let (report, reports) = mpsc::channel(REPORTS);
        Self {
            wires,
            haste: Arc::default(),
            monitor,
            interval,
            heartbeat,
            beating: None,
            report,
            reports,
            probes: JoinSet::new(),
            watched: HashMap::new(),
            silent: Vec::new(),
            clock: Instant::now(),
        }
    }

    async fn run(&mut self) {
        let mut clock = tokio::time::interval(CLOCK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = self.wires.orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                Some((id, trouble)) = self.wires.troubles.recv() => self.hear(id, trouble),
                Some((id, result)) = self.reports.recv() => {
                    self.take_in(id, result);
                    let fewest = self.watched.values().map(|watched| watched.probes).min();
                    self.wires.rounds.send_replace(fewest.unwrap_or(0));
                }
                _ = clock.tick() => self.pass(Instant::now()),
            }
        }
    }

    /// Looks whether all tasks still bring what they see. One that does not is started anew.
    fn pass(&mut self, now: Instant) {
        // A process that was stopped itself has overlooked nobody.
        let passed = now.saturating_duration_since(std::mem::replace(&mut self.clock, now)).min(2 * CLOCK);
        let mut overlooked = Vec::new();
        for (id, watched) in &self.watched {
            let round = self.interval + watched.target.timeout + BREATH;
            if let Some(events) = self.monitor.pass(*id, passed, round) {
                overlooked.push((*id, events));
            }
        }
        for (id, events) in overlooked {
            self.wires.restarts.count(PROBE, 1);
            tracing::error!(target: "splitfin::health", backend = %id, "its probes are stuck: they are started again");
            self.start_again(id);
            self.publish(&events);
        }
    }

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
                if let Some(watched) = self.watched.get_mut(&id) {
                    watched.target = target;
                    self.start_again(id);
                }
            }
            Order::Configure { thresholds, choice, kind, interval, heartbeat } => {
                self.monitor.configure(thresholds, choice, kind);
                if heartbeat != self.heartbeat {
                    self.heartbeat = heartbeat;
                    self.stop_beating();
                }
                if interval != std::mem::replace(&mut self.interval, interval) {
                    let ids: Vec<BackendId> = self.watched.keys().copied().collect();
                    ids.into_iter().for_each(|id| self.start_again(id));
                }
            }
        }
        self.publish(&events);
    }

    fn start(&mut self, id: BackendId, target: Target, probes: u64) {
        let nudge = Arc::<Notify>::default();
        let task = {
            let (target, interval, nudge) = (target.clone(), self.interval, Arc::clone(&nudge));
            let (haste, report) = (Arc::clone(&self.haste), self.report.clone());
            let probe = move || {
                let prober = Prober::new(target.clone());
                let (nudge, haste) = (Arc::clone(&nudge), Arc::clone(&haste));
                let run = probe_forever(id, prober, interval, nudge, haste, report.clone());
                async move {
                    run.await;
                    Ok(())
                }
            };
            self.probes.spawn(keep(PROBE, id.to_string(), Arc::clone(&self.wires.restarts), probe))
        };
        self.watched.insert(id, Watched { target, task, nudge, probes });
        while self.probes.try_join_next().is_some() {}
    }

    fn start_again(&mut self, id: BackendId) {
        if let Some(watched) = self.watched.remove(&id) {
            watched.task.abort();
            self.start(id, watched.target, watched.probes);
        }
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
        self.wires.topology.publish(snapshot);
        self.beat(primary);
        if falls_silent || events.iter().any(matters_to_those_at_work) {
            self.wires.moves.send_modify(|moves| *moves += 1);
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
            let (heartbeat, target) = (heartbeat.clone(), watched.target.clone());
            let beat = move || {
                let run = heartbeat.clone().beat(target.clone());
                async move { match run.await {} }
            };
            let task = self.probes.spawn(keep("heartbeat", id.to_string(), Arc::clone(&self.wires.restarts), beat));
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

/// In the count of restarts.
const PROBE: &str = "probe";
/// How often it is looked whether somebody is overlooked.
const CLOCK: Duration = Duration::from_millis(250);
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
                "writes no GTIDs (gtid_mode, log_bin): reads after a write stay on the primary for consistency.sticky");
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

#[cfg(test)]
mod tests {
    use super::*;

    fn watch_of(fall: u32) -> (Watch, Arc<Restarts>) {
        let hour = Duration::from_secs(3600);
        let thresholds = Thresholds { lag_max: hour, lag_resume: hour, fall, rise: 1, slow_start: Duration::ZERO };
        let mut monitor = Monitor::new(Vec::new(), thresholds, PrimaryChoice::Auto);
        let restarts = Arc::<Restarts>::default();
        let wires = Wires {
            orders: mpsc::unbounded_channel().1,
            troubles: mpsc::channel(1).1,
            topology: Arc::new(Topology::new(monitor.snapshot())),
            rounds: signal::Sender::new(0),
            moves: signal::Sender::new(0),
            restarts: Arc::clone(&restarts),
        };
        (Watch::new(monitor, hour, None, wires), restarts)
    }

    fn target() -> Target {
        let (address, timeout) = ("unix:/nowhere".to_owned(), Duration::from_secs(1));
        Target { address, user: String::new(), password: String::new(), tls: false, timeout, heartbeat: None }
    }

    #[tokio::test]
    async fn a_server_whose_probes_are_stuck_fails_and_its_probes_start_again() {
        let (mut watch, restarts) = watch_of(2);
        let id = BackendId(0);
        let spec = BackendSpec { name: "a".into(), address: "a:1".into(), weight: 1 };
        watch.obey(Order::Put { id, spec, target: target() });
        // Whoever looks at it hangs.
        let stuck = watch.probes.spawn(std::future::pending());
        if let Some(watched) = watch.watched.get_mut(&id) {
            std::mem::replace(&mut watched.task, stuck.clone()).abort();
        }
        watch.interval = Duration::from_secs(1);
        let mut now = watch.clock;
        let is_overlooked = |watch: &Watch| {
            let snapshot = watch.wires.topology.snapshot();
            let fit = snapshot.backend(id).map(|view| view.fit.clone());
            matches!(fit, Some(Err(Unfit::Probe(ProbeFailure::Overlooked(_)))))
        };
        // A whole day in one step: then this process was stopped, and nobody is to blame.
        now += 24 * watch.interval * 3600;
        watch.pass(now);
        let mut passed = 2 * CLOCK;
        while passed < Duration::from_secs(4) {
            (now, passed) = (now + CLOCK, passed + CLOCK);
            watch.pass(now);
            assert!(!is_overlooked(&watch), "{passed:?}");
        }
        watch.pass(now + CLOCK);
        assert!(is_overlooked(&watch));
        assert_eq!(restarts.counts().get(PROBE), Some(&1));
        while !stuck.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}
