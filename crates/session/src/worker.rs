//! What all sessions of one worker share.

use crate::consistency::Replica;
use crate::learned::Learned;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::route_log::RouteLog;
use crate::settings::Settings;
use splitfin_backend::Pools;
use splitfin_router::Statements;
use splitfin_topology::{BackendId, LocalTopology, MOST_BACKENDS, Topology, Unfit};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// What all sessions of one worker share. It never leaves its thread.
#[derive(Debug)]
pub struct Worker {
    /// Connections to backends.
    pub pools: Rc<Pools>,
    /// Statements that were seen.
    pub statements: RefCell<Statements>,
    /// The current snapshot.
    pub topology: LocalTopology,
    /// The configuration as it is now.
    settings: RefCell<Rc<Settings>>,
    /// Counters, read by others.
    pub metrics: Arc<Metrics>,
    /// Decisions for the log.
    pub route_log: RefCell<RouteLog>,
    /// What was learned of each backend's position, by id.
    pub(crate) replicas: Vec<Replica>,
    /// Sessions of all workers.
    pub registry: Arc<Registry>,
    /// What replicas refused, over all workers.
    pub learned: Arc<Learned>,
    draining: Cell<bool>,
    drain: Notify,
}

impl Worker {
    /// Puts them together.
    pub fn new(
        pools: Rc<Pools>,
        topology: Arc<Topology>,
        settings: Settings,
        metrics: Arc<Metrics>,
        route_log: RouteLog,
        registry: Arc<Registry>,
        learned: Arc<Learned>,
    ) -> Rc<Self> {
        Rc::new(Self {
            pools,
            statements: RefCell::new(Statements::new(STATEMENTS)),
            topology: LocalTopology::new(topology),
            settings: RefCell::new(Rc::new(settings)),
            metrics,
            route_log: RefCell::new(route_log),
            replicas: (0..MOST_BACKENDS).map(|_| Replica::default()).collect(),
            registry,
            learned,
            draining: Cell::new(false),
            drain: Notify::new(),
        })
    }

    /// The configuration as it is now.
    pub fn settings(&self) -> Rc<Settings> {
        Rc::clone(&self.settings.borrow())
    }

    /// Another configuration: sessions follow it from their next command on.
    pub fn configure(&self, settings: Settings) {
        *self.settings.borrow_mut() = Rc::new(settings);
    }

    /// Whether this server was the primary and another one is it now: nothing must be written there any more.
    pub(crate) fn is_deposed(&self, backend: BackendId) -> bool {
        self.topology.snapshot().primary.is_some_and(|primary| primary != backend)
    }

    /// Whether this server says itself that it takes no writes.
    pub(crate) fn refuses_writes(&self, backend: BackendId) -> bool {
        self.topology.snapshot().backend(backend).is_some_and(|view| view.read_only)
    }

    /// Whether this server does not answer any more.
    pub(crate) fn is_silent(&self, backend: BackendId) -> bool {
        let snapshot = self.topology.snapshot();
        snapshot.backend(backend).is_some_and(|view| matches!(view.fit, Err(Unfit::Probe(_))))
    }

    /// From now on sessions end as soon as nothing of theirs runs.
    pub fn drain(&self) {
        self.draining.set(true);
        self.drain.notify_waiters();
    }

    /// Whether sessions must end.
    pub const fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Waits until sessions must end.
    pub(crate) async fn drained(&self) {
        let notified = self.drain.notified();
        if !self.draining.get() {
            notified.await;
        }
    }
}

/// Bytes of the statements that a worker remembers: some ten thousand of usual length.
const STATEMENTS: usize = 8 << 20;
