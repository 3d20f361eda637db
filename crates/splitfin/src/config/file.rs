//! The shape of the configuration file. What the values mean is checked in [`super`]; `config/reference.yaml` explains
//! every key.

use super::values::{Password, Span, Text, path};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

macro_rules! defaults {
    ($($name:ident: $type:ty = $value:expr;)+) => {
        $(fn $name() -> $type { $value })+
    };
}

defaults! {
    one: u32 = 1;
    failed_logins: u32 = 20;
    logins: usize = 1000;
    yes: bool = true;
    interval: Span = Span(Duration::from_secs(1));
    probe_timeout: Span = Span(Duration::from_millis(500));
    lag_max: Span = Span(Duration::from_secs(5));
    lag_resume: Span = Span(Duration::from_secs(2));
    two: u32 = 2;
    heartbeat_interval: Span = Span(Duration::from_millis(500));
    discovery_interval: Span = Span(Duration::from_secs(5));
    slow_start: Span = Span(Duration::from_secs(30));
    consistency_wait: Span = Span(Duration::from_millis(50));
    max_waiting: usize = 32;
    max_connections: usize = 100;
    max_share: String = "80%".to_owned();
    connect_timeout: Span = Span(Duration::from_secs(5));
    checkout_timeout: Span = Span(Duration::from_secs(10));
    pool_idle: Span = Span(Duration::from_secs(60));
    hold: Span = Span(Duration::from_secs(10));
    primary_read_cap: String = "50%".to_owned();
    clients: usize = 10_000;
    login_timeout: Span = Span(Duration::from_secs(10));
    read_timeout: Span = Span(Duration::from_secs(30));
    write_timeout: Span = Span(Duration::from_secs(60));
    idle_timeout: Span = Span(Duration::from_secs(8 * 3600));
    max_packet: usize = 0;
    memory: usize = 256 << 20;
    drain: Span = Span(Duration::from_secs(30));
    routes_per_second: u32 = 100;
    slow: Span = Span(Duration::from_secs(1));
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) listen: Vec<Listen>,
    pub(crate) backends: Vec<Backend>,
    #[serde(default)]
    pub(crate) topology: Topology,
    #[serde(default)]
    pub(crate) discovery: Discovery,
    pub(crate) monitor: Monitor,
    #[serde(default)]
    pub(crate) routing: Routing,
    #[serde(default)]
    pub(crate) consistency: Consistency,
    #[serde(default)]
    pub(crate) pool: Pool,
    #[serde(default)]
    pub(crate) failover: Failover,
    #[serde(default)]
    pub(crate) auth: Auth,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) admin: Admin,
    #[serde(default)]
    pub(crate) log: Log,
    #[serde(default)]
    pub(crate) workers: Workers,
    #[serde(default, deserialize_with = "path")]
    pub(crate) state_dir: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    #[serde(default)]
    pub(crate) address: Option<Text>,
    #[serde(default, deserialize_with = "path")]
    pub(crate) unix: Option<PathBuf>,
    #[serde(default)]
    pub(crate) mode: Option<String>,
    #[serde(default)]
    pub(crate) tls: ListenTls,
    #[serde(default)]
    pub(crate) allow: Vec<String>,
    #[serde(default)]
    pub(crate) deny: Vec<String>,
    #[serde(default)]
    pub(crate) proxy_protocol: Vec<String>,
    #[serde(default = "yes")]
    pub(crate) compression: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenTls {
    #[serde(default)]
    pub(crate) mode: TlsMode,
    #[serde(default, deserialize_with = "path")]
    pub(crate) cert: Option<PathBuf>,
    #[serde(default, deserialize_with = "path")]
    pub(crate) key: Option<PathBuf>,
    #[serde(default, deserialize_with = "path")]
    pub(crate) client_ca: Option<PathBuf>,
    #[serde(default)]
    pub(crate) client_cert: ClientCertificate,
    #[serde(default)]
    pub(crate) min_version: TlsVersion,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientCertificate {
    #[default]
    Required,
    Optional,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TlsMode {
    Disabled,
    #[default]
    Preferred,
    Required,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backend {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) address: Option<Text>,
    #[serde(default)]
    pub(crate) dns: Option<Text>,
    #[serde(default = "one")]
    pub(crate) weight: u32,
    #[serde(default)]
    pub(crate) tls: BackendTls,
    #[serde(default)]
    pub(crate) proxy_protocol: bool,
    #[serde(default)]
    pub(crate) compression: Compression,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Compression {
    #[default]
    Off,
    Zlib,
    Zstd,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackendTls {
    #[serde(default)]
    pub(crate) mode: TlsMode,
    #[serde(default, deserialize_with = "path")]
    pub(crate) ca: Option<PathBuf>,
    #[serde(default)]
    pub(crate) fingerprint: Option<String>,
    #[serde(default)]
    pub(crate) min_version: TlsVersion,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Topology {
    #[serde(default)]
    pub(crate) kind: TopologyKind,
    #[serde(default)]
    pub(crate) primary: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TopologyKind {
    #[default]
    Auto,
    Async,
    Galera,
    GroupReplication,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Discovery {
    #[serde(default)]
    pub(crate) replicas: bool,
    #[serde(default = "discovery_interval")]
    pub(crate) interval: Span,
    #[serde(default)]
    pub(crate) resolver: Vec<Text>,
}

impl Default for Discovery {
    fn default() -> Self {
        Self { replicas: false, interval: discovery_interval(), resolver: Vec::new() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Monitor {
    pub(crate) user: Text,
    #[serde(default)]
    pub(crate) password: Option<Password>,
    #[serde(default, deserialize_with = "path")]
    pub(crate) password_file: Option<PathBuf>,
    #[serde(default = "interval")]
    pub(crate) interval: Span,
    #[serde(default = "probe_timeout")]
    pub(crate) timeout: Span,
    #[serde(default)]
    pub(crate) lag: Lag,
    #[serde(default = "two")]
    pub(crate) fall: u32,
    #[serde(default = "two")]
    pub(crate) rise: u32,
    #[serde(default = "slow_start")]
    pub(crate) slow_start: Span,
    #[serde(default)]
    pub(crate) heartbeat: Option<Heartbeat>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Heartbeat {
    pub(crate) table: String,
    #[serde(default = "heartbeat_interval")]
    pub(crate) interval: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lag {
    #[serde(default = "lag_max")]
    pub(crate) max: Span,
    #[serde(default = "lag_resume")]
    pub(crate) resume: Span,
}

impl Default for Lag {
    fn default() -> Self {
        Self { max: lag_max(), resume: lag_resume() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Routing {
    #[serde(default)]
    pub(crate) mode: Text,
    #[serde(default)]
    pub(crate) balance: Balance,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Balance {
    #[default]
    LeastLoaded,
    RoundRobin,
    LowestLag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default, rename = "match")]
    pub(crate) matches: RuleMatch,
    #[serde(default)]
    pub(crate) action: Option<String>,
    #[serde(default)]
    pub(crate) consistency: Option<Scope>,
    pub(crate) note: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consistency {
    #[serde(default)]
    pub(crate) scope: Scope,
    #[serde(default = "consistency_wait")]
    pub(crate) wait: Span,
    #[serde(default)]
    pub(crate) sticky: Option<Span>,
    #[serde(default = "max_waiting")]
    pub(crate) max_waiting: usize,
}

impl Default for Consistency {
    fn default() -> Self {
        Self { scope: Scope::default(), wait: consistency_wait(), sticky: None, max_waiting: max_waiting() }
    }
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    #[default]
    Session,
    User,
    Global,
    Off,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleMatch {
    #[serde(default)]
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) schema: Option<String>,
    #[serde(default)]
    pub(crate) client: Option<String>,
    #[serde(default)]
    pub(crate) digest: Option<String>,
    #[serde(default)]
    pub(crate) regex: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pool {
    #[serde(default)]
    pub(crate) mode: PoolMode,
    #[serde(default = "max_connections")]
    pub(crate) max_connections: usize,
    #[serde(default = "max_share")]
    pub(crate) max_share: String,
    #[serde(default)]
    pub(crate) lanes: u32,
    #[serde(default = "connect_timeout")]
    pub(crate) connect_timeout: Span,
    #[serde(default = "checkout_timeout")]
    pub(crate) checkout_timeout: Span,
    #[serde(default = "pool_idle")]
    pub(crate) idle_timeout: Span,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            mode: PoolMode::default(),
            max_connections: max_connections(),
            max_share: max_share(),
            lanes: 0,
            connect_timeout: connect_timeout(),
            checkout_timeout: checkout_timeout(),
            idle_timeout: pool_idle(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PoolMode {
    #[default]
    Transaction,
    Session,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failover {
    #[serde(default = "hold")]
    pub(crate) hold: Span,
    #[serde(default = "primary_read_cap")]
    pub(crate) primary_read_cap: String,
    #[serde(default)]
    pub(crate) promote: Promote,
    #[serde(default)]
    pub(crate) account: Option<Account>,
    #[serde(default)]
    pub(crate) replication: Option<Account>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Promote {
    #[default]
    Manual,
    Automatic,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) user: Text,
    #[serde(default)]
    pub(crate) password: Option<Password>,
    #[serde(default, deserialize_with = "path")]
    pub(crate) password_file: Option<PathBuf>,
}

impl Default for Failover {
    fn default() -> Self {
        Self {
            hold: hold(),
            primary_read_cap: primary_read_cap(),
            promote: Promote::default(),
            account: None,
            replication: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct Auth {
    #[serde(default)]
    pub(crate) mode: AuthMode,
    #[serde(default)]
    pub(crate) users: Vec<User>,
    #[serde(default)]
    pub(crate) certificates: Vec<Certificate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificate {
    #[serde(deserialize_with = "path")]
    pub(crate) cert: Option<PathBuf>,
    #[serde(deserialize_with = "path")]
    pub(crate) key: Option<PathBuf>,
    #[serde(default, rename = "for")]
    pub(crate) shown_for: ShownFor,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShownFor {
    #[default]
    SameName,
    AnyClient,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(Default)]
pub(crate) enum AuthMode {
    #[default]
    Database,
    Static,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) name: Text,
    #[serde(default)]
    pub(crate) password: Option<Password>,
    #[serde(default)]
    pub(crate) password_env: Option<String>,
    #[serde(default, deserialize_with = "path")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    #[serde(default = "clients")]
    pub(crate) clients: usize,
    #[serde(default)]
    pub(crate) clients_per_user: usize,
    #[serde(default)]
    pub(crate) clients_per_address: usize,
    #[serde(default = "failed_logins")]
    pub(crate) failed_logins: u32,
    #[serde(default = "memory")]
    pub(crate) memory: usize,
    #[serde(default = "read_timeout")]
    pub(crate) read_timeout: Span,
    #[serde(default = "write_timeout")]
    pub(crate) write_timeout: Span,
    #[serde(default = "logins")]
    pub(crate) logins: usize,
    #[serde(default = "login_timeout")]
    pub(crate) login_timeout: Span,
    #[serde(default = "idle_timeout")]
    pub(crate) idle_timeout: Span,
    #[serde(default = "max_packet")]
    pub(crate) max_packet: usize,
    #[serde(default = "drain")]
    pub(crate) drain: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: clients(),
            clients_per_user: 0,
            clients_per_address: 0,
            failed_logins: failed_logins(),
            memory: memory(),
            read_timeout: read_timeout(),
            write_timeout: write_timeout(),
            logins: logins(),
            login_timeout: login_timeout(),
            idle_timeout: idle_timeout(),
            max_packet: max_packet(),
            drain: drain(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    #[serde(default)]
    pub(crate) http: Option<Text>,
    #[serde(default)]
    pub(crate) mysql: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    #[serde(default)]
    pub(crate) format: LogFormat,
    #[serde(default)]
    pub(crate) level: LogLevel,
    #[serde(default)]
    pub(crate) routes: Routes,
    #[serde(default = "routes_per_second")]
    pub(crate) routes_per_second: u32,
    #[serde(default = "slow")]
    pub(crate) slow: Span,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: LogLevel::default(),
            routes: Routes::default(),
            routes_per_second: routes_per_second(),
            slow: slow(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Routes {
    #[default]
    All,
    Problems,
    Off,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(untagged)]
pub(crate) enum Workers {
    Count(usize),
    #[default]
    #[serde(skip)]
    Unset,
    Auto(Auto),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auto {
    Auto,
}
