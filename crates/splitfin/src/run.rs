//! The whole program, from a configuration to the end of its last session.

use crate::admin::{self, Wish};
use crate::admission::Admission;
use crate::cautions;
use crate::config::{Config, Promote};
use crate::descriptors::ForClients;
use crate::discovery::Searches;
use crate::failover;
use crate::listener::{self, Gate};
use crate::reload::{self, Reloaded};
use crate::wiring;
use crate::worker::{self, Handle, Message};
use arc_swap::ArcSwap;
use splitfin_health::keep;
use splitfin_topology::Snapshot;
use splitfin_transport::{Claim, Endpoint, Inherited, Listener, bind_tcp};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Why it did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An endpoint cannot be bound.
    #[error("cannot listen on {endpoint}: {source}")]
    Bind {
        /// Which.
        endpoint: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// Certificates, keys, threads.
    #[error("{0:#}")]
    Setup(#[from] anyhow::Error),
    /// Threads cannot be started.
    #[error("cannot start a worker: {0}")]
    Worker(#[from] std::io::Error),
}

/// What happens to a running Splitfin that it cannot deal with itself.
#[derive(Debug)]
pub enum Event {
    /// An operator asks for something at the admin endpoint.
    Wish(Wish),
    /// Something has ended that it needs, and that cannot be started again. It is to be ended.
    Failed(String),
}

/// A running Splitfin. Dropped, it ends at once; see [`Running::drain`] for the polite way.
#[derive(Debug)]
pub struct Running {
    config: Config,
    endpoints: Vec<Endpoint>,
    gates: Vec<Arc<Gate>>,
    admin: Option<SocketAddr>,
    shared: wiring::Shared,
    session: splitfin_session::Settings,
    workers: Vec<Handle>,
    threads: Vec<std::thread::JoinHandle<()>>,
    acceptors: JoinSet<()>,
    /// Has the acceptors end.
    stop: watch::Sender<bool>,
    /// Probes, searches and admin live as long as there are sessions.
    control: JoinSet<()>,
    searches: Searches,
    wishes: mpsc::Receiver<Wish>,
    /// Threads that have ended before their time.
    failures: mpsc::UnboundedReceiver<String>,
    draining: Arc<AtomicBool>,
}

/// Starts everything and waits for the first round of probes (as long as a few of them take), so that the first client
/// finds backends.
pub async fn run(config: Config) -> Result<Running, StartError> {
    run_with(config, Inherited::default(), Claim::Alone).await
}

/// The same, with sockets that listen already, or alongside a Splitfin that it takes over from.
pub async fn run_with(config: Config, mut inherited: Inherited, claim: Claim) -> Result<Running, StartError> {
    let wiring::Built { shared, monitor, wires, mut rounds, moves } = wiring::build(&config)?;
    let session = wiring::session(&config, None)?;
    let listeners = bind(&config, &shared, &mut inherited, claim)?;
    // The key that may have been made is there by now.
    cautions::say(&config, None);
    if !inherited.is_empty() {
        tracing::warn!("a socket was inherited that `listen` does not name: its clients are not served");
    }
    let admin_listener = config.admin_http.map(|address| bind_admin(address, claim)).transpose()?;
    let searches = Searches::start(&config, &shared).await;
    let mut control = JoinSet::new();
    control.spawn(splitfin_health::watch(monitor, config.probe_interval, config.heartbeat.clone(), wires));
    if config.promote == Promote::Automatic {
        let watched = shared.clone();
        let promote = move || {
            let run = failover::watch(watched.clone());
            async move { match run.await {} }
        };
        control.spawn(keep("failover", String::new(), Arc::clone(&shared.restarts), promote));
    }
    control.spawn(keep("alarms", String::new(), Arc::clone(&shared.restarts), alarms(&shared, moves)));
    let patience = config.probe_timeout * 3;
    // A backend that does not answer is no reason to wait any longer.
    let _ = tokio::time::timeout(patience, rounds.wait_for(|round| *round >= 1)).await;

    let mut workers = Vec::new();
    let mut threads = Vec::new();
    let settings = worker::Settings { session: session.clone(), pools: wiring::pools(&config), log: config.log };
    let (failed, failures) = mpsc::unbounded_channel();
    for index in 0..config.workers {
        let (handle, thread) = worker::start(index, &shared, &settings, &failed)?;
        workers.push(handle);
        threads.push(thread);
    }
    let draining = Arc::new(AtomicBool::new(false));
    let (wish, wishes) = mpsc::channel(1);
    let admin = match admin_listener {
        None => None,
        Some(listener) => Some(serve_admin(listener, &shared, &draining, wish, &mut control)?),
    };
    let ids = Arc::new(splitfin_session::SessionIds::default());
    let mut acceptors = JoinSet::new();
    let stop = watch::Sender::new(false);
    let (mut endpoints, mut gates) = (Vec::new(), Vec::new());
    for (listener, gate) in listeners {
        let endpoint = listener.endpoint()?;
        tracing::info!(%endpoint, tls = gate.settings.load().tls.is_some(), "listening for clients");
        endpoints.push(endpoint);
        gates.push(Arc::clone(&gate));
        acceptors.spawn(listener::accept_forever(listener, gate, workers.clone(), Arc::clone(&ids), stop.subscribe()));
    }
    Ok(Running {
        config,
        endpoints,
        gates,
        admin,
        shared,
        session,
        workers,
        threads,
        acceptors,
        stop,
        control,
        searches,
        wishes,
        failures,
        draining,
    })
}

/// Binds the endpoints for clients, each with what holds for those who come in there.
fn bind(
    config: &Config,
    shared: &wiring::Shared,
    inherited: &mut Inherited,
    claim: Claim,
) -> Result<Vec<(Listener, Arc<Gate>)>, StartError> {
    let admission = Admission::new(config.clients_per_address);
    let bind_one = |listen: &crate::config::Listen| {
        let failed = |source| StartError::Bind { endpoint: listen.endpoint.to_string(), source };
        let listener = Listener::bind(&listen.endpoint, listen.mode, inherited, claim).map_err(failed)?;
        let gate = Gate {
            settings: ArcSwap::from_pointee(reload::listener(listen, config)?),
            networks: ArcSwap::from_pointee(listen.networks.clone()),
            proxies: ArcSwap::from_pointee(listen.proxies.clone()),
            patience: ArcSwap::from_pointee(config.login_timeout),
            most: AtomicUsize::new(config.clients),
            admission: Arc::clone(&admission),
            descriptors: ForClients::now(),
            strangers: Arc::clone(&shared.strangers),
        };
        Ok((listener, Arc::new(gate)))
    };
    config.listen.iter().map(bind_one).collect()
}

fn bind_admin(address: SocketAddr, claim: Claim) -> Result<tokio::net::TcpListener, StartError> {
    let failed = |source| StartError::Bind { endpoint: address.to_string(), source };
    bind_tcp(address, claim).and_then(tokio::net::TcpListener::from_std).map_err(failed)
}

/// Serves the admin endpoint for as long as `control` lives; gives its address.
fn serve_admin(
    listener: tokio::net::TcpListener,
    shared: &wiring::Shared,
    draining: &Arc<AtomicBool>,
    wish: mpsc::Sender<Wish>,
    control: &mut JoinSet<()>,
) -> Result<SocketAddr, StartError> {
    let address = listener.local_addr()?;
    let (listener, served, draining) = (Arc::new(listener), shared.clone(), Arc::clone(draining));
    let serve = move || {
        let run = admin::serve(Arc::clone(&listener), served.clone(), Arc::clone(&draining), wish.clone());
        async move {
            match run.await {
                Ok(never) => match never {},
                Err(error) => Err(error.to_string()),
            }
        }
    };
    control.spawn(keep("admin", address.to_string(), Arc::clone(&shared.restarts), serve));
    tracing::info!(%address, "admin endpoint: /metrics /healthz /readyz /api/v1/backends");
    Ok(address)
}

fn why(ended: Result<(), tokio::task::JoinError>) -> String {
    ended.err().map_or_else(|| "nobody told it to end".to_owned(), |error| error.to_string())
}

/// Has all sessions look around whenever servers moved.
fn alarms(
    shared: &wiring::Shared,
    moves: watch::Receiver<u64>,
) -> impl FnMut() -> BoxFuture<Result<(), String>> + Send + use<> {
    let registry = Arc::clone(&shared.registry);
    move || {
        // It has seen nothing yet: what the one before may have missed comes first.
        let (registry, mut moves) = (Arc::clone(&registry), moves.clone());
        Box::pin(async move {
            while moves.changed().await.is_ok() {
                registry.look_around();
            }
            Ok(())
        })
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Running {
    /// Where clients connect to, in the order of the configuration.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Where metrics and health are.
    pub const fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// The current view of the backends.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.topology.snapshot()
    }

    /// The figures, as `/metrics` gives them.
    pub fn metrics(&self) -> String {
        crate::metrics::render(&self.shared).unwrap_or_default()
    }

    /// Clients that are connected.
    pub fn clients(&self) -> usize {
        self.workers.iter().map(Handle::sessions).sum()
    }

    /// Waits for what somebody has to act on.
    pub async fn event(&mut self) -> Event {
        let why = tokio::select! {
            Some(wish) = self.wishes.recv() => return Event::Wish(wish),
            Some(why) = self.failures.recv() => why,
            Some(ended) = self.acceptors.join_next() => format!("an endpoint accepts no clients any more: {}", why(ended)),
            Some(ended) = self.control.join_next() => format!("what watches the servers has ended: {}", why(ended)),
            else => std::future::pending().await,
        };
        Event::Failed(why)
    }

    /// Goes on with another configuration. On an error, nothing has changed; the answer says what holds only after a restart.
    pub fn reload(&mut self, config: Config) -> Result<Reloaded, StartError> {
        let changes = reload::Changed::new(&self.config, &config, &self.session)?;
        let reloaded = changes.apply(&self.shared, &self.gates, &self.workers)?;
        cautions::say(&config, Some(&self.config));
        self.session = changes.session;
        if config.discovery != self.config.discovery {
            self.searches.restart(&config, &self.shared);
        }
        // What cannot change while it runs stays as it is.
        self.config = reload::lasting(&self.config, config);
        Ok(reloaded)
    }

    /// Gives a backend nothing new any more, or again. False, if there is none of this name.
    pub fn drain_backend(&self, name: &str, on: bool) -> bool {
        self.shared.fleet().drain(name, on)
    }

    /// Makes a replica the primary, as planned. Writes wait meanwhile.
    pub async fn switch_over(&self, name: &str) -> Result<splitfin_health::promotion::Promoted, String> {
        failover::switch_over(&self.shared, name).await
    }

    /// Ends politely: no new clients; idle ones are told and sent away; running statements and transactions finish, as
    /// long as `limits.drain` allows.
    pub async fn drain(mut self) {
        self.draining.store(true, Ordering::Relaxed);
        let clients = self.clients();
        tracing::info!(clients, limit = ?self.config.drain, "shutting down: running statements and transactions may finish");
        self.stop.send_replace(true);
        while self.acceptors.join_next().await.is_some() {}
        let deadline = Instant::now() + self.config.drain;
        self.workers.iter().for_each(|worker| worker.say(Message::Drain(deadline)));
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        // The workers end by themselves at the deadline.
        let _ = joined.await;
        self.control.shutdown().await;
        tracing::info!("all sessions have ended");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::supervision::watched;

    /// What it cannot go on without.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Part {
        Worker,
        Endpoint,
        Monitor,
    }

    pub(crate) const PARTS: [Part; 3] = [Part::Worker, Part::Endpoint, Part::Monitor];

    impl Running {
        /// Has a part of it end by a panic.
        pub(crate) fn lose(&mut self, part: Part) {
            let panics = async { panic!("as tested") };
            match part {
                Part::Worker => {
                    let (sender, failures) = mpsc::unbounded_channel();
                    self.failures = failures;
                    std::thread::spawn(move || watched("worker-0", &sender, || panic!("as tested")));
                }
                Part::Endpoint => drop(self.acceptors.spawn(panics)),
                Part::Monitor => drop(self.control.spawn(panics)),
            }
        }
    }

    /// One with a server that is not there.
    pub(crate) async fn started() -> anyhow::Result<(Running, tempfile::TempDir)> {
        let state = tempfile::tempdir()?;
        let text = format!(
            "listen: [{{ address: \"127.0.0.1:0\" }}]
backends: [{{ name: a, address: \"127.0.0.1:1\" }}]
monitor: {{ user: monitor, password: secret, timeout: 100ms }}
state_dir: \"{}\"",
            state.path().display()
        );
        Ok((run(Config::parse("tested", &text)?).await?, state))
    }

    #[tokio::test]
    async fn a_part_that_ends_is_told_of() -> anyhow::Result<()> {
        for (part, what) in [
            (Part::Worker, "worker-0"),
            (Part::Endpoint, "an endpoint accepts no clients any more"),
            (Part::Monitor, "what watches the servers has ended"),
        ] {
            let (mut running, _state) = started().await?;
            running.lose(part);
            let event = tokio::time::timeout(std::time::Duration::from_secs(30), running.event()).await?;
            assert!(matches!(&event, Event::Failed(why) if why.contains(what)), "{event:?}");
        }
        Ok(())
    }
}
