//! Builds everything from a configuration, in one readable function for each room. Nobody else sees the configuration.

use crate::config::{BackendTls, Config};
use crate::fleet::{CONFIGURATION, Fleet, Probing};
use crate::strangers::Strangers;
use anyhow::{Context as _, Result};
use splitfin_backend::{Alarm, Limits, Usage};
use splitfin_health::promotion::{Account, Means};
use splitfin_health::{Order, Restarts, Wires};
use splitfin_protocol::auth::Secret;
use splitfin_router::classify::{TRACKED_UNDER_TWO_NAMES, TRACKED_VARIABLES};
use splitfin_session::{
    Accounts, Brake, Budget, Certificates, ConsistencySettings, Learned, Logins, Marks, Metrics, Registry, Users, Vault,
};
use splitfin_topology::{Monitor, Topology};
use splitfin_transport::tls::ClientTls;
use splitfin_transport::{OwnCertificate, RsaKey};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

/// What all workers share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) topology: Arc<Topology>,
    pub(crate) pools: splitfin_backend::Common,
    pub(crate) registry: Arc<Registry>,
    pub(crate) learned: Arc<Learned>,
    /// What is said of whoever connects.
    pub(crate) strangers: Arc<Strangers>,
    /// One for each worker.
    pub(crate) metrics: Vec<Arc<Metrics>>,
    /// What each has in use.
    pub(crate) usage: Vec<Arc<Usage>>,
    /// Which servers there are.
    pub(crate) fleet: Arc<Mutex<Fleet>>,
    /// Held by whoever makes another server the primary.
    pub(crate) promotion: Arc<tokio::sync::Mutex<()>>,
    /// How often tasks that must not end did.
    pub(crate) restarts: Arc<Restarts>,
}

impl Shared {
    /// Which servers there are. A change of them is done or not, so one that was cut off does not matter.
    pub(crate) fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is made once, whatever the configuration is later.
pub(crate) struct Built {
    pub(crate) shared: Shared,
    pub(crate) monitor: Monitor,
    pub(crate) wires: Wires,
    /// How many probes every backend has had.
    pub(crate) rounds: watch::Receiver<u64>,
    /// Changes when those at work have to look around.
    pub(crate) moves: watch::Receiver<u64>,
}

pub(crate) fn build(config: &Config) -> Result<Built> {
    let mut monitor = Monitor::new(Vec::new(), config.thresholds, config.primary.clone());
    monitor.configure(config.thresholds, config.primary.clone(), config.kind);
    let topology = Arc::new(Topology::new(monitor.snapshot()));
    let (alarm, troubles) = Alarm::new();
    let (sender, orders) = mpsc::unbounded_channel();
    let (round, rounds) = watch::channel(0);
    let (moved, moves) = watch::channel(0);
    let backends = Arc::default();
    let mut fleet = Fleet::new(Arc::clone(&backends), sender, probing(config));
    fleet.set(CONFIGURATION, config.backends.clone())?;
    fleet.set_means(means(config));
    let shared = Shared {
        topology: Arc::clone(&topology),
        pools: splitfin_backend::Common {
            backends,
            limits: Arc::new(Limits::new(config.caps)),
            alarm,
            tracked: TRACKED_VARIABLES.into_iter().chain(TRACKED_UNDER_TWO_NAMES).collect(),
        },
        registry: Arc::default(),
        learned: Arc::default(),
        strangers: Arc::default(),
        metrics: (0..config.workers).map(|_| Arc::default()).collect(),
        usage: (0..config.workers).map(|_| Arc::default()).collect(),
        fleet: Arc::new(Mutex::new(fleet)),
        promotion: Arc::default(),
        restarts: Arc::default(),
    };
    let restarts = Arc::clone(&shared.restarts);
    Ok(Built {
        shared,
        monitor,
        wires: Wires { orders, troubles, topology, rounds: round, moves: moved, restarts },
        rounds,
        moves,
    })
}

/// What the configuration says of sessions. What lasts is taken from those that there were before.
pub(crate) fn session(
    config: &Config,
    before: Option<&splitfin_session::Settings>,
) -> Result<splitfin_session::Settings> {
    let rsa = match before {
        Some(before) => Arc::clone(&before.rsa),
        None => Arc::new(RsaKey::generate().context("cannot make an RSA key")?),
    };
    let brake = match before {
        Some(before) => Arc::clone(&before.brake),
        None => Arc::new(Brake::new(config.failed_logins)),
    };
    brake.set_free(config.failed_logins);
    let logins = before.map_or_else(|| Arc::new(Logins::new(config.logins)), |before| Arc::clone(&before.logins));
    logins.set_most(config.logins);
    let budget = before.map_or_else(|| Arc::new(Budget::new(config.memory)), |before| Arc::clone(&before.budget));
    budget.set_most(config.memory);
    // Marks of what was written go on as long as the same ones are needed.
    let same_marks = before.filter(|before| Marks::serve_both(&before.routing, &config.routing));
    let marks = match same_marks {
        Some(before) => Arc::clone(&before.consistency.marks),
        None => Arc::new(Marks::new(&config.routing)),
    };
    Ok(splitfin_session::Settings {
        accounts: accounts(config, before),
        monitor: (config.monitor.0.clone(), Secret::Clear(Zeroizing::new(config.monitor.1.clone().into_bytes()))),
        certificates: Arc::new(certificates(config)),
        introduces: config
            .backends
            .iter()
            .chain(config.discovery.names.iter().map(|name| &name.like))
            .any(|backend| backend.introduce),
        brake,
        logins,
        rsa,
        routing: Arc::new(config.routing.clone()),
        consistency: ConsistencySettings {
            wait: config.consistency_wait,
            sticky: config.consistency_sticky,
            most_waiting: config.consistency_waiting.div_ceil(config.workers).try_into().unwrap_or(u32::MAX),
            marks,
        },
        pool_mode: config.pool_mode,
        login_timeout: config.login_timeout,
        budget,
        read_timeout: config.read_timeout,
        write_timeout: config.write_timeout,
        idle_timeout: config.idle_timeout,
        clients_per_user: config.clients_per_user,
        hold: config.hold,
        max_packet: config.max_packet,
        slow: config.log.slow,
    })
}

/// Who may log in. What was learned of the servers' accounts goes on being known.
fn accounts(config: &Config, before: Option<&splitfin_session::Settings>) -> Accounts {
    let bytes = |text: &String| Zeroizing::new(text.clone().into_bytes());
    match &config.users {
        Some(users) => {
            Accounts::Static(Users::new(users.iter().map(|(name, password)| (name.clone(), bytes(password)))))
        }
        None => {
            let (user, password) = &config.monitor;
            match before.map(|before| &before.accounts) {
                Some(Accounts::Database(vault)) if vault.asks_as(user, password.as_bytes()) => {
                    Accounts::Database(Arc::clone(vault))
                }
                _ => Accounts::Database(Arc::new(Vault::new((user.clone(), bytes(password))))),
            }
        }
    }
}

pub(crate) const fn pools(config: &Config) -> splitfin_backend::Settings {
    splitfin_backend::Settings {
        balance: config.balance,
        connect_timeout: config.connect_timeout,
        checkout_timeout: config.checkout_timeout,
        idle_timeout: config.pool_idle,
    }
}

/// TLS towards a backend.
pub(crate) fn backend_tls(tls: &BackendTls) -> Result<splitfin_backend::BackendTls> {
    let certified = tls
        .certificates
        .iter()
        .map(|certificate| Ok((certificate.own.fingerprint(), client_tls(tls, Some(&certificate.own))?)));
    Ok(splitfin_backend::BackendTls {
        wish: tls.wish,
        client: client_tls(tls, None)?,
        certified: certified.collect::<Result<_>>()?,
    })
}

/// How a backend's certificate is looked at, and what it is shown.
pub(crate) fn client_tls(tls: &BackendTls, own: Option<&OwnCertificate>) -> Result<ClientTls> {
    if let Some(fingerprint) = tls.fingerprint {
        return Ok(ClientTls::pinned(fingerprint, tls.minimum, own)?);
    }
    match &tls.ca {
        Some(path) => {
            let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Ok(ClientTls::verifying(&pem, tls.minimum, own)?)
        }
        None => Ok(ClientTls::opportunistic(tls.minimum, own)?),
    }
}

/// Which certificates servers are shown for which clients.
fn certificates(config: &Config) -> Certificates {
    let (own, others): (Vec<_>, Vec<_>) = config.certificates.iter().partition(|certificate| certificate.for_any);
    let by_names = others.iter().map(|certificate| (certificate.own.names().clone(), certificate.own.fingerprint()));
    Certificates { by_names: by_names.collect(), own: own.first().map(|certificate| certificate.own.fingerprint()) }
}

pub(crate) fn probing(config: &Config) -> Probing {
    let (user, password) = config.monitor.clone();
    let heartbeat = config.heartbeat.as_ref().map(|heartbeat| heartbeat.table.as_str().into());
    Probing { user, password, timeout: config.probe_timeout, heartbeat }
}

/// Who may make another server the primary.
pub(crate) fn means(config: &Config) -> Option<Means> {
    let account = |(user, password): &(String, String)| Account { user: user.clone(), password: password.clone() };
    Some(Means {
        account: account(config.failover_account.as_ref()?),
        replication: config.replication_account.as_ref().map(account),
        patience: config.hold,
    })
}

pub(crate) fn monitoring(config: &Config) -> Order {
    Order::Configure {
        thresholds: config.thresholds,
        choice: config.primary.clone(),
        kind: config.kind,
        interval: config.probe_interval,
        heartbeat: config.heartbeat.clone(),
    }
}

#[cfg(test)]
mod tests {
    /// Neither room enters the other; both have to know which values never follow a session.
    #[test]
    fn router_and_backend_agree_on_what_is_a_servers_own() {
        assert_eq!(splitfin_router::classify::DEFAULT_OF_SERVER, splitfin_backend::DEFAULT_OF_SERVER);
    }
}
