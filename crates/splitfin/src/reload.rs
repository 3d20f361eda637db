//! Goes on with another configuration, without losing a client.
//!
//! Everything that can go wrong is done first; then the servers change, then what sessions go by. Backends that are gone
//! finish what runs on them. What cannot change while the process runs is named, and stays as it was.

use crate::config::{Config, Listen, Log};
use crate::fleet::CONFIGURATION;
use crate::listener::Gate;
use crate::run::StartError;
use crate::wiring::Shared;
use crate::worker::{Handle, Message, Settings};
use crate::{certificate, wiring};
use anyhow::Result;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a reload has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Backends that are new, or there again.
    pub added: Vec<String>,
    /// Backends that are gone.
    pub removed: Vec<String>,
    /// Keys that have changed and hold only after a restart.
    pub ignored: Vec<&'static str>,
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reloaded")?;
        let lists = [("added", self.added.join(", ")), ("removed", self.removed.join(", "))];
        for (what, names) in lists.iter().filter(|(_, names)| !names.is_empty()) {
            write!(f, "; {what}: {names}")?;
        }
        match self.ignored.is_empty() {
            true => Ok(()),
            false => write!(f, "; only after a restart: {}", self.ignored.join(", ")),
        }
    }
}

/// A configuration that was found to work.
pub(crate) struct Changed<'a> {
    config: &'a Config,
    pub(crate) session: splitfin_session::Settings,
    listeners: Vec<splitfin_session::Listener>,
    ignored: Vec<&'static str>,
}

impl<'a> Changed<'a> {
    pub(crate) fn new(
        before: &Config,
        config: &'a Config,
        session: &splitfin_session::Settings,
    ) -> Result<Self, StartError> {
        let mut session = wiring::session(config, Some(session))?;
        session.pool_mode = before.pool_mode;
        // Certificates are read again, as they may have been renewed under the same name.
        let same_endpoints = endpoints(before) == endpoints(config);
        let listeners = match same_endpoints {
            true => config.listen.iter().map(|listen| listener(listen, before)).collect::<Result<_>>()?,
            false => Vec::new(),
        };
        let ignored = [
            ("listen", !same_endpoints),
            ("workers", before.workers != config.workers),
            ("pool.mode", before.pool_mode != config.pool_mode),
            ("admin.http", before.admin_http != config.admin_http),
            ("failover.promote", before.promote != config.promote),
            ("state_dir", before.state_dir != config.state_dir),
            ("log.format", before.log.json != config.log.json),
            ("log.level", before.log.level != config.log.level),
        ];
        let ignored = ignored.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect();
        Ok(Self { config, session, listeners, ignored })
    }

    pub(crate) fn apply(
        &self,
        shared: &Shared,
        gates: &[Arc<Gate>],
        workers: &[Handle],
    ) -> Result<Reloaded, StartError> {
        let config = self.config;
        let mut fleet = shared.fleet();
        let changes = fleet.set(CONFIGURATION, config.backends.clone())?;
        fleet.probe_as(wiring::probing(config));
        fleet.order(wiring::monitoring(config));
        fleet.set_means(wiring::means(config));
        drop(fleet);
        shared.pools.limits.set_caps(config.caps);
        for (gate, settings) in gates.iter().zip(&self.listeners) {
            gate.settings.store(Arc::new(settings.clone()));
        }
        for (gate, listen) in gates.iter().zip(&config.listen).filter(|_| !self.listeners.is_empty()) {
            gate.networks.store(Arc::new(listen.networks.clone()));
            gate.proxies.store(Arc::new(listen.proxies.clone()));
        }
        for gate in gates {
            gate.patience.store(Arc::new(config.login_timeout));
            gate.most.store(config.clients, Ordering::Relaxed);
            gate.admission.set_most(config.clients_per_address);
        }
        let settings = Settings { session: self.session.clone(), pools: wiring::pools(config), log: config.log };
        workers.iter().for_each(|worker| worker.say(Message::Configure(Box::new(settings.clone()))));
        Ok(Reloaded { added: changes.added, removed: changes.removed, ignored: self.ignored.clone() })
    }
}

/// The new configuration, with what cannot change while the process runs as it was.
pub(crate) fn lasting(before: &Config, config: Config) -> Config {
    Config {
        listen: before.listen.clone(),
        workers: before.workers,
        pool_mode: before.pool_mode,
        admin_http: before.admin_http,
        promote: before.promote,
        state_dir: before.state_dir.clone(),
        log: Log { json: before.log.json, level: before.log.level, ..config.log },
        ..config
    }
}

fn endpoints(config: &Config) -> Vec<String> {
    config.listen.iter().map(|listen| listen.endpoint.to_string()).collect()
}

/// What an endpoint goes by.
pub(crate) fn listener(listen: &Listen, config: &Config) -> Result<splitfin_session::Listener> {
    Ok(splitfin_session::Listener {
        tls: certificate::server_tls(listen, &config.state_dir)?,
        tls_required: listen.tls_required,
        compression: listen.compression,
    })
}
