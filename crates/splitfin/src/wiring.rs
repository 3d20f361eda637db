//! Builds everything from a configuration, in one readable function for each room. Nobody else sees the configuration.

use crate::config::Config;
use anyhow::{Context as _, Result};
use splitfin_backend::{Backend, BackendTls, Limits};
use splitfin_health::Target;
use splitfin_router::classify::{TRACKED_UNDER_TWO_NAMES, TRACKED_VARIABLES};
use splitfin_session::{ConsistencySettings, Marks, Metrics, Registry, Users};
use splitfin_topology::{BackendId, Monitor, Topology};
use splitfin_transport::RsaKey;
use splitfin_transport::tls::ClientTls;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What all workers share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) topology: Arc<Topology>,
    pub(crate) session: Arc<splitfin_session::Settings>,
    pub(crate) pools: splitfin_backend::Settings,
    pub(crate) limits: Arc<Limits>,
    pub(crate) registry: Arc<Registry>,
    /// One for each worker.
    pub(crate) metrics: Vec<Arc<Metrics>>,
}

pub(crate) fn shared(config: &Config) -> Result<(Shared, Monitor)> {
    let mut monitor = Monitor::new(config.backends.clone(), config.thresholds, config.primary.clone());
    let topology = Arc::new(Topology::new(monitor.snapshot()));
    let count = config.backends.len();
    let shared = Shared {
        topology,
        session: Arc::new(session(config)?),
        pools: pools(config)?,
        limits: Arc::new(Limits::new(count, config.max_connections)),
        registry: Arc::default(),
        metrics: (0..config.workers).map(|_| Arc::new(Metrics::new(count))).collect(),
    };
    Ok((shared, monitor))
}

fn session(config: &Config) -> Result<splitfin_session::Settings> {
    let users =
        config.users.iter().map(|(name, password)| (name.clone(), Zeroizing::new(password.clone().into_bytes())));
    Ok(splitfin_session::Settings {
        users: Users::new(users),
        rsa: RsaKey::generate().context("cannot make an RSA key")?,
        routing: config.routing.clone(),
        consistency: ConsistencySettings {
            wait: config.consistency_wait,
            sticky: config.consistency_sticky,
            most_waiting: config.consistency_waiting.div_ceil(config.workers).try_into().unwrap_or(u32::MAX),
            marks: Marks::new(&config.routing),
        },
        pool_mode: config.pool_mode,
        login_timeout: config.login_timeout,
        idle_timeout: config.idle_timeout,
        hold: config.hold,
        max_packet: config.max_packet,
        slow: config.log.slow,
    })
}

fn pools(config: &Config) -> Result<splitfin_backend::Settings> {
    let mut backends = Vec::new();
    let compression = config.backend_compression.iter();
    for (((id, spec), tls), compression) in
        (0..).map(BackendId).zip(&config.backends).zip(&config.backend_tls).zip(compression)
    {
        let client = match &tls.ca {
            Some(path) => {
                let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                ClientTls::verifying(&pem)?
            }
            None => ClientTls::opportunistic()?,
        };
        let tls = BackendTls { wish: tls.wish, client };
        backends.push(Backend { id, address: spec.address.clone(), tls, compression: *compression });
    }
    Ok(splitfin_backend::Settings {
        backends,
        balance: config.balance,
        connect_timeout: config.connect_timeout,
        checkout_timeout: config.checkout_timeout,
        idle_timeout: config.pool_idle,
        tracked: TRACKED_VARIABLES.into_iter().chain(TRACKED_UNDER_TWO_NAMES).collect(),
    })
}

pub(crate) fn health(config: &Config) -> splitfin_health::Settings {
    let (user, password) = &config.monitor;
    let target = |(spec, tls): (&splitfin_topology::BackendSpec, &crate::config::BackendTls)| Target {
        address: spec.address.clone(),
        user: user.clone(),
        password: password.clone(),
        tls: tls.wish == splitfin_protocol::handshake::connect::TlsWish::Required,
        timeout: config.probe_timeout,
    };
    let targets = config.backends.iter().zip(&config.backend_tls).map(target).collect();
    splitfin_health::Settings { targets, interval: config.probe_interval }
}
