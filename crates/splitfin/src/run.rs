//! The whole program, from a configuration to the end of its last session.

use crate::config::Config;
use crate::worker::{Handle, Message};
use crate::{admin, certificate, listener, wiring, worker};
use splitfin_topology::Snapshot;
use splitfin_transport::{Endpoint, Listener};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::watch;
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

/// A running Splitfin. Dropped, it ends at once; see [`Running::drain`] for the polite way.
#[derive(Debug)]
pub struct Running {
    endpoints: Vec<Endpoint>,
    admin: Option<SocketAddr>,
    shared: wiring::Shared,
    workers: Vec<Handle>,
    threads: Vec<std::thread::JoinHandle<()>>,
    acceptors: JoinSet<()>,
    /// Probes and admin live as long as there are sessions.
    control: JoinSet<()>,
    draining: Arc<AtomicBool>,
    drain: Duration,
}

/// Starts everything and waits for the first round of probes (as long as a few of them take), so that the first client
/// finds backends.
pub async fn run(config: Config) -> Result<Running, StartError> {
    let (shared, monitor) = wiring::shared(&config)?;
    let mut listeners = Vec::new();
    for listen in &config.listen {
        let failed = |source| StartError::Bind { endpoint: listen.endpoint.to_string(), source };
        let listener = Listener::bind(&listen.endpoint).map_err(failed)?;
        let settings = splitfin_session::Listener {
            tls: certificate::server_tls(listen, &config.state_dir)?,
            tls_required: listen.tls_required,
            compression: listen.compression,
        };
        listeners.push((listener, Arc::new(settings)));
    }
    let admin_listener = match config.admin_http {
        None => None,
        Some(address) => {
            let failed = |source| StartError::Bind { endpoint: address.to_string(), source };
            Some(tokio::net::TcpListener::bind(address).await.map_err(failed)?)
        }
    };

    let mut control = JoinSet::new();
    let (rounds, mut round) = watch::channel(0);
    control.spawn(splitfin_health::watch(wiring::health(&config), monitor, Arc::clone(&shared.topology), rounds));
    let patience = config.probe_timeout * 3;
    // A backend that does not answer is no reason to wait any longer.
    let _ = tokio::time::timeout(patience, round.wait_for(|round| *round >= 1)).await;

    let mut workers = Vec::new();
    let mut threads = Vec::new();
    for index in 0..config.workers {
        let (handle, thread) = worker::start(index, &shared, &config.log)?;
        workers.push(handle);
        threads.push(thread);
    }
    let draining = Arc::new(AtomicBool::new(false));
    let admin = match admin_listener {
        None => None,
        Some(listener) => {
            let address = listener.local_addr()?;
            let serve = admin::serve(listener, shared.clone(), Arc::clone(&draining));
            control.spawn(async move {
                if let Err(error) = serve.await {
                    tracing::error!(%error, "admin endpoint ended");
                }
            });
            tracing::info!(%address, "admin endpoint: /metrics /healthz /readyz /api/v1/backends");
            Some(address)
        }
    };
    let ids = Arc::new(splitfin_session::SessionIds::default());
    let mut acceptors = JoinSet::new();
    let mut endpoints = Vec::new();
    for (listener, settings) in listeners {
        let endpoint = listener.endpoint()?;
        tracing::info!(%endpoint, tls = settings.tls.is_some(), "listening for clients");
        endpoints.push(endpoint);
        acceptors.spawn(listener::accept_forever(
            listener,
            settings,
            workers.clone(),
            config.clients,
            Arc::clone(&ids),
        ));
    }
    Ok(Running { endpoints, admin, shared, workers, threads, acceptors, control, draining, drain: config.drain })
}

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

    /// Ends politely: no new clients; idle ones are told and sent away; running statements and transactions finish, as
    /// long as `limits.drain` allows.
    pub async fn drain(mut self) {
        self.draining.store(true, Ordering::Relaxed);
        let clients = self.clients();
        tracing::info!(clients, limit = ?self.drain, "shutting down: running statements and transactions may finish");
        self.acceptors.shutdown().await;
        let deadline = Instant::now() + self.drain;
        self.workers.iter().for_each(|worker| worker.say(Message::Drain(deadline)));
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        // The workers end by themselves at the deadline.
        let _ = joined.await;
        self.control.shutdown().await;
        tracing::info!("all sessions have ended");
    }
}
