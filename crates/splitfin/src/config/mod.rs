//! The configuration: the file's shape, checked and ready to use. Nobody below this crate sees it; each gets settings
//! of its own.

mod accounts;
mod backends;
mod file;
mod listen;
mod routing;
mod secrets;
mod suggest;
mod values;

use crate::admission::Networks;
use file::File;
use routing::consistency_sticky;
use splitfin_backend::{Balance, Caps};
use splitfin_health::Heartbeat;
use splitfin_protocol::Capabilities;
use splitfin_protocol::handshake::connect::TlsWish;
use splitfin_session::{PoolMode, RouteLogLevel};
use splitfin_topology::{BackendSpec, ClusterKind, Kind, PrimaryChoice, Thresholds};
use splitfin_transport::tls::TlsVersion;
use splitfin_transport::{Endpoint, OwnCertificate};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// A configuration that cannot be used. The text says where, what, and what to do.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// It is not what a configuration looks like.
    #[error("{path}:{line}:{column}: {message}")]
    Shape {
        /// Which file.
        path: String,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What is wrong there.
        message: String,
    },
    /// A value makes no sense.
    #[error("{path}: {key}: {message}")]
    Value {
        /// Which file.
        path: String,
        /// Which key.
        key: String,
        /// What is wrong with it.
        message: String,
    },
}

/// An endpoint for clients.
#[derive(Debug, Clone)]
pub struct Listen {
    /// Where.
    pub endpoint: Endpoint,
    /// Whether there is TLS.
    pub tls: bool,
    /// Whether clients must use it.
    pub tls_required: bool,
    /// Whether clients may ask for compression.
    pub compression: bool,
    /// Certificate and key; generated if absent.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The authority of clients' certificates.
    pub client_ca: Option<PathBuf>,
    /// Clients without a certificate may come in, too.
    pub client_cert_optional: bool,
    /// The oldest version of TLS.
    pub tls_minimum: TlsVersion,
    /// Who may open a unix socket, as in `chmod`.
    pub mode: u32,
    /// Balancers, which say for whom they speak.
    pub(crate) proxies: Networks,
    /// From where clients may come.
    pub(crate) networks: Networks,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Name, address and weight.
    pub spec: BackendSpec,
    /// TLS towards it.
    pub tls: BackendTls,
    /// Compression towards it.
    pub compression: Capabilities,
    /// Whether it is told where clients are.
    pub introduce: bool,
}

/// Whether a replica is promoted when the primary is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promote {
    /// By an operator, or a tool of theirs.
    Manual,
    /// By Splitfin.
    Automatic,
}

/// A name whose addresses are servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// `name:port`
    pub dns: String,
    /// What each of them is like, but for its address.
    pub like: Backend,
}

/// Where servers are found besides those that are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// Names.
    pub names: Vec<Name>,
    /// Whether servers are asked whom they replicate from, and who replicates from them.
    pub replicas: bool,
    /// Time from one search to the next; names whose addresses hold for less are looked up sooner.
    pub interval: Duration,
    /// DNS servers that are asked instead of the machine's.
    pub resolver: Vec<SocketAddr>,
}

/// TLS towards one backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendTls {
    /// Whether.
    pub wish: TlsWish,
    /// Certificate authority.
    pub ca: Option<PathBuf>,
    /// SHA-256 of the server's certificate. Without this and an authority, any certificate is accepted.
    pub fingerprint: Option<[u8; 32]>,
    /// The oldest version.
    pub minimum: TlsVersion,
    /// Certificates that it may be shown.
    pub certificates: Arc<[Certificate]>,
}

/// A certificate that servers are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What is shown.
    pub own: OwnCertificate,
    /// For every client that has shown one, and for the monitor; else for clients whose own has the same names.
    pub for_any: bool,
}

/// How lines are logged.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// JSON instead of text.
    pub json: bool,
    /// Lowest level.
    pub level: tracing::Level,
    /// Which decisions.
    pub routes: RouteLogLevel,
    /// How many decisions a second.
    pub routes_per_second: u32,
    /// Slower statements are always logged.
    pub slow: Duration,
}

/// A configuration that makes sense.
#[derive(Debug)]
pub struct Config {
    /// Endpoints for clients.
    pub listen: Vec<Listen>,
    /// Servers.
    pub backends: Vec<Backend>,
    /// Where others are found.
    pub discovery: Discovery,
    /// How the primary is found.
    pub primary: PrimaryChoice,
    /// How the servers replicate.
    pub kind: Kind,
    /// Account of the monitor: name and password.
    pub monitor: (String, String),
    /// Time from one probe to the next.
    pub probe_interval: Duration,
    /// Time for one probe.
    pub probe_timeout: Duration,
    /// Heartbeats, if they are wanted.
    pub heartbeat: Option<Heartbeat>,
    /// When replicas leave and come back.
    pub thresholds: Thresholds,
    /// Mode and rules.
    pub routing: splitfin_router::Settings,
    /// How long a read may wait for a replica to have what it must see.
    pub consistency_wait: Duration,
    /// How long reads stay on the primary after a write without a position.
    pub consistency_sticky: Duration,
    /// Reads that may wait for one replica at a time, over all workers.
    pub consistency_waiting: usize,
    /// How reads are spread.
    pub balance: Balance,
    /// When connections go back.
    pub pool_mode: PoolMode,
    /// Connections to each backend, over all workers; and how many reads on the primary at a time belong on replicas.
    pub caps: Caps,
    /// Time to connect to a backend and log in.
    pub connect_timeout: Duration,
    /// Time to wait for a free connection.
    pub checkout_timeout: Duration,
    /// Idle connections are closed after this.
    pub pool_idle: Duration,
    /// How long writes wait for a primary.
    pub hold: Duration,
    /// Whether a replica is promoted when the primary is gone.
    pub promote: Promote,
    /// Who may make another server the primary: name and password.
    pub failover_account: Option<(String, String)>,
    /// With what servers log in to their source.
    pub replication_account: Option<(String, String)>,
    /// Names and passwords; none, if the accounts are those of the servers.
    pub users: Option<Vec<(String, String)>>,
    /// Certificates that servers are shown.
    pub certificates: Arc<[Certificate]>,
    /// Clients at a time.
    pub clients: usize,
    /// Of one account; 0 is no limit.
    pub clients_per_user: usize,
    /// From one address; 0 is no limit.
    pub clients_per_address: usize,
    /// Failed logins from one address within a minute, before its logins wait for each other; 0 is no brake.
    pub failed_logins: u32,
    /// Logins that are not finished, at a time.
    pub logins: usize,
    /// Time for a login.
    pub login_timeout: Duration,
    /// Memory for commands and prepared statements of all clients, in bytes.
    pub memory: usize,
    /// Time for a client to go on inside of a command.
    pub read_timeout: Duration,
    /// Time for a client to take each piece of a reply.
    pub write_timeout: Duration,
    /// Silent clients are sent away after this.
    pub idle_timeout: Duration,
    /// Longest command; 0 is what the primary takes.
    pub max_packet: usize,
    /// Time for running statements and transactions to finish at the end.
    pub drain: Duration,
    /// Endpoint for metrics and health.
    pub admin_http: Option<SocketAddr>,
    /// Logging.
    pub log: Log,
    /// Threads.
    pub workers: usize,
    /// Where a generated certificate is kept.
    pub state_dir: PathBuf,
    /// Files that hold passwords or keys, this one among them if it does.
    pub secrets: Vec<PathBuf>,
}

impl Config {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: name.clone(), source })?;
        Self::parse(&name, &text)
    }

    /// Checks a text. `name` stands for it in errors.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        // No excerpts in errors: they print neighbouring lines, and those hold passwords.
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let file: File = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let at = error.location();
            let (line, column) = at.map_or((1, 1), |at| (at.line(), at.column()));
            ConfigError::Shape {
                path: name.to_owned(),
                line,
                column,
                message: suggest::explain(&error.without_snippet().to_string()),
            }
        })?;
        Check { name }.config(file)
    }
}

struct Check<'a> {
    name: &'a str,
}

impl Check<'_> {
    fn wrong(&self, key: impl Into<String>, message: impl Into<String>) -> ConfigError {
        ConfigError::Value { path: self.name.to_owned(), key: key.into(), message: message.into() }
    }

    fn config(&self, file: File) -> Result<Config, ConfigError> {
        self.not_yet(&file)?;
        if file.listen.is_empty() {
            return Err(self.wrong("listen", "at least one endpoint is needed"));
        }
        let certificates = self.certificates(&file)?;
        let (backends, names) = self.backends(&file, &certificates)?;
        let thresholds = self.thresholds(&file)?;
        let monitor_password = self.password(
            "monitor",
            file.monitor.password.as_ref().map(|password| password.text.clone()),
            None,
            file.monitor.password_file.as_deref(),
        )?;
        let state_dir = file.state_dir.clone().unwrap_or_else(state_dir);
        Ok(Config {
            secrets: self.secrets(&file, &state_dir),
            listen: file
                .listen
                .iter()
                .enumerate()
                .map(|(at, listen)| self.listen(at, listen))
                .collect::<Result<_, _>>()?,
            primary: self.primary(&file, &backends)?,
            kind: match file.topology.kind {
                file::TopologyKind::Auto => Kind::Auto,
                file::TopologyKind::Async => Kind::Async,
                file::TopologyKind::Galera => Kind::Cluster(ClusterKind::Galera),
                file::TopologyKind::GroupReplication => Kind::Cluster(ClusterKind::GroupReplication),
            },
            routing: self.routing(&file, &backends)?,
            users: self.users(&file)?,
            certificates,
            admin_http: match &file.admin.http {
                Some(address) => Some(self.socket_address("admin.http", &address.0)?),
                None => None,
            },
            backends,
            discovery: self.discovery(&file, names)?,
            monitor: (file.monitor.user.0.clone(), monitor_password),
            probe_interval: file.monitor.interval.0,
            probe_timeout: file.monitor.timeout.0,
            heartbeat: file.monitor.heartbeat.as_ref().map(|heartbeat| self.heartbeat(heartbeat)).transpose()?,
            consistency_wait: self.consistency_wait(&file)?,
            consistency_sticky: consistency_sticky(&file),
            consistency_waiting: self.at_least_one("consistency.max_waiting", file.consistency.max_waiting)?,
            thresholds,
            balance: match file.routing.balance {
                file::Balance::LeastLoaded => Balance::LeastLoaded,
                file::Balance::RoundRobin => Balance::RoundRobin,
                file::Balance::LowestLag => Balance::LowestLag,
            },
            pool_mode: match file.pool.mode {
                file::PoolMode::Transaction => PoolMode::Transaction,
                file::PoolMode::Session => PoolMode::Session,
            },
            caps: self.caps(&file)?,
            connect_timeout: file.pool.connect_timeout.0,
            checkout_timeout: file.pool.checkout_timeout.0,
            pool_idle: file.pool.idle_timeout.0,
            hold: file.failover.hold.0,
            promote: self.promote(&file)?,
            failover_account: self.account("failover.account", file.failover.account.as_ref())?,
            replication_account: self.account("failover.replication", file.failover.replication.as_ref())?,
            clients: self.at_least_one("limits.clients", file.limits.clients)?,
            clients_per_user: file.limits.clients_per_user,
            clients_per_address: file.limits.clients_per_address,
            failed_logins: file.limits.failed_logins,
            logins: self.at_least_one("limits.logins", file.limits.logins)?,
            login_timeout: file.limits.login_timeout.0,
            memory: self.memory(&file)?,
            read_timeout: file.limits.read_timeout.0,
            write_timeout: file.limits.write_timeout.0,
            idle_timeout: file.limits.idle_timeout.0,
            max_packet: match file.limits.max_packet {
                0 => 0,
                set => set.clamp(1 << 16, 1 << 30),
            },
            drain: file.limits.drain.0,
            log: log(&file.log),
            workers: match file.workers {
                file::Workers::Count(count) => self.at_least_one("workers", count)?,
                file::Workers::Auto(_) | file::Workers::Unset => {
                    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
                }
            },
            state_dir,
        })
    }

    /// Keys that are planned: better refused than silently without effect.
    fn not_yet(&self, file: &File) -> Result<(), ConfigError> {
        let planned = [
            ("pool.lanes", file.pool.lanes > 0, "sharing connections between reads"),
            ("admin.mysql", file.admin.mysql.is_some(), "an admin endpoint of the MySQL protocol"),
        ];
        match planned.into_iter().find(|(_, asked, _)| *asked) {
            Some((key, _, what)) => Err(self.wrong(key, format!("{what} is not supported yet; leave the key out"))),
            None => Ok(()),
        }
    }

    fn promote(&self, file: &File) -> Result<Promote, ConfigError> {
        match (file.failover.promote, &file.failover.account) {
            (file::Promote::Manual, _) => Ok(Promote::Manual),
            (file::Promote::Automatic, Some(_)) => Ok(Promote::Automatic),
            (file::Promote::Automatic, None) => Err(self
                .wrong("failover.account", "with `promote: automatic`, an account that may change servers is needed")),
        }
    }

    fn account(&self, key: &str, account: Option<&file::Account>) -> Result<Option<(String, String)>, ConfigError> {
        let Some(account) = account else { return Ok(None) };
        let plain = account.password.as_ref().map(|password| password.text.clone());
        let password = self.password(key, plain, None, account.password_file.as_deref())?;
        Ok(Some((account.user.0.clone(), password)))
    }

    /// A share of the connections to the primary, in percent.
    fn caps(&self, file: &File) -> Result<Caps, ConfigError> {
        let connections = self.at_least_one("pool.max_connections", file.pool.max_connections)?;
        let stand_ins = self.percent("failover.primary_read_cap", &file.failover.primary_read_cap)?;
        let of_one_user = match self.percent("pool.max_share", &file.pool.max_share)? {
            0 => return Err(self.wrong("pool.max_share", "must be at least 1%")),
            percent => (connections * percent).div_ceil(100),
        };
        // A share is never rounded to nothing.
        let stand_ins = if stand_ins == 0 { 0 } else { (connections * stand_ins / 100).max(1) };
        Ok(Caps { connections, of_one_user, stand_ins })
    }

    fn percent(&self, key: &str, text: &str) -> Result<usize, ConfigError> {
        let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<usize>().ok());
        let percent = percent.filter(|percent| *percent <= 100);
        percent.ok_or_else(|| self.wrong(key, format!("`{}` is no share: write 50%", text.trim())))
    }

    fn memory(&self, file: &File) -> Result<usize, ConfigError> {
        match file.limits.memory {
            little if little < LEAST_MEMORY => {
                Err(self.wrong("limits.memory", format!("must be at least {LEAST_MEMORY} bytes")))
            }
            enough => Ok(enough),
        }
    }

    fn at_least_one(&self, key: &str, count: usize) -> Result<usize, ConfigError> {
        match count {
            0 => Err(self.wrong(key, "must be at least 1")),
            count => Ok(count),
        }
    }

    fn socket_address(&self, key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
        text.parse().map_err(|_| {
            self.wrong(key, format!("`{text}` is no address: write 127.0.0.1:6033, 0.0.0.0:6033 or [::1]:6033"))
        })
    }

    fn heartbeat(&self, heartbeat: &file::Heartbeat) -> Result<Heartbeat, ConfigError> {
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == '-')
        };
        match heartbeat.table.split_once('.') {
            Some((database, table)) if is_name(database) && is_name(table) => Ok(Heartbeat {
                table: format!("`{database}`.`{table}`"),
                database: format!("`{database}`"),
                interval: heartbeat.interval.0,
            }),
            _ => Err(self.wrong(
                "monitor.heartbeat.table",
                format!("`{}` is no name: write splitfin.heartbeat", heartbeat.table),
            )),
        }
    }

    fn thresholds(&self, file: &File) -> Result<Thresholds, ConfigError> {
        let monitor = &file.monitor;
        if monitor.lag.resume.0 > monitor.lag.max.0 {
            return Err(
                self.wrong("monitor.lag", "`resume` must not be above `max`: a replica would leave again at once")
            );
        }
        if monitor.fall == 0 || monitor.rise == 0 {
            return Err(self.wrong("monitor", "`fall` and `rise` must be at least 1"));
        }
        Ok(Thresholds {
            lag_max: monitor.lag.max.0,
            lag_resume: monitor.lag.resume.0,
            fall: monitor.fall,
            rise: monitor.rise,
            slow_start: monitor.slow_start.0,
        })
    }

    fn primary(&self, file: &File, backends: &[Backend]) -> Result<PrimaryChoice, ConfigError> {
        match file.topology.primary.as_deref() {
            None | Some("auto") => Ok(PrimaryChoice::Auto),
            Some(name) => match backends.iter().any(|backend| backend.spec.name == name) {
                true => Ok(PrimaryChoice::Named(name.to_owned())),
                false => Err(self.wrong("topology.primary", format!("there is no backend `{name}`"))),
            },
        }
    }
}

fn log(file: &file::Log) -> Log {
    Log {
        json: file.format == file::LogFormat::Json,
        level: match file.level {
            file::LogLevel::Error => tracing::Level::ERROR,
            file::LogLevel::Warn => tracing::Level::WARN,
            file::LogLevel::Info => tracing::Level::INFO,
            file::LogLevel::Debug => tracing::Level::DEBUG,
            file::LogLevel::Trace => tracing::Level::TRACE,
        },
        routes: match file.routes {
            file::Routes::All => RouteLogLevel::All,
            file::Routes::Problems => RouteLogLevel::Problems,
            file::Routes::Off => RouteLogLevel::Off,
        },
        routes_per_second: file.routes_per_second,
        slow: file.slow.0,
    }
}

/// Bytes for commands and prepared statements: one of a usual length is possible at the least.
const LEAST_MEMORY: usize = 1 << 20;

/// Where services keep their state: as systemd says, or in the user's own place.
fn state_dir() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    variable("STATE_DIRECTORY")
        .or_else(|| variable("XDG_STATE_HOME").map(|path| path.join("splitfin")))
        .or_else(|| variable("HOME").map(|path| path.join(".local/state/splitfin")))
        .unwrap_or_else(|| PathBuf::from("/var/lib/splitfin"))
}

#[cfg(test)]
mod tests;
