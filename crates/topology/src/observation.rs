//! What one probe saw.

use crate::gtid::{History, Position};
use std::time::{Duration, Instant};
use thiserror::Error;

/// MySQL or MariaDB: they differ in statements, trackers and executable comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// MySQL and its descendants that call themselves MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

/// How servers name each other in replication status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// `@@server_uuid`; MySQL only.
    pub uuid: Option<String>,
    /// `@@server_id`.
    pub server_id: u32,
}

impl Identity {
    /// Whether both name the same server: by uuid where both have one, else by server id.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.uuid, &other.uuid) {
            (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
            _ => self.server_id != 0 && self.server_id == other.server_id,
        }
    }
}

/// One row of `SHOW REPLICA STATUS`: a replica has one for each of its sources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Channel {
    /// Channel or connection name; usually empty.
    pub name: String,
    /// The source that it replicates from.
    pub source: Identity,
    /// Whether the thread that fetches events runs and is connected.
    pub receiving: bool,
    /// Whether the thread that applies events runs.
    pub applying: bool,
    /// How late it is; `None` when the server does not know.
    pub lag: Option<Duration>,
    /// Delay that was configured on purpose.
    pub delay: Duration,
    /// The last error of either thread.
    pub error: Option<String>,
}

/// How a cluster replicates by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterKind {
    /// Galera (MariaDB): every member could write.
    Galera,
    /// Group Replication (MySQL), with one primary.
    GroupReplication,
}

/// What a member of a cluster says of its place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Which kind of cluster.
    pub kind: ClusterKind,
    /// Which cluster: its UUID or name.
    pub cluster: String,
    /// Whether it is a full member, or what it is instead.
    pub ready: Result<(), String>,
    /// Whether it is the primary, where the cluster has one.
    pub leads: Option<bool>,
    /// How late it is, if that is known.
    pub lag: Option<Duration>,
}

/// What servers of one family differ in when they greet a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offer {
    /// Asks clients for files (`local_infile`).
    pub local_files: bool,
    /// Knows query attributes: MySQL since 8.0.23.
    pub query_attributes: bool,
    /// Tells extended types of columns: MariaDB since 10.5.2.
    pub extended_metadata: bool,
    /// Number of its default collation; a greeting has the low byte of it.
    pub collation: u16,
    /// Longest command that it takes, in bytes (`max_allowed_packet`); 0 where it is not known.
    pub max_packet: u32,
    /// Sessions begin with autocommit.
    pub autocommit: bool,
    /// The values that variables of new sessions begin with, where they can be read.
    pub defaults: Option<Defaults>,
    /// Fingerprint of what the server has counted of changes to accounts and databases; 0 where it is not known.
    pub rights: u64,
}

/// The values that variables of new sessions began with at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Defaults {
    /// Fingerprint of names and values, never 0.
    pub fingerprint: u64,
    /// When the question was sent: what was changed before that is in it.
    pub asked: Instant,
}

impl Offer {
    /// What both have. Collation, length of commands, autocommit, defaults and rights are this one's.
    pub const fn and(self, other: Self) -> Self {
        Self {
            local_files: self.local_files && other.local_files,
            query_attributes: self.query_attributes && other.query_attributes,
            extended_metadata: self.extended_metadata && other.extended_metadata,
            ..self
        }
    }
}

/// What asks a server how many changes it has counted. It needs no privilege, and routines count. Servers count a statement
/// when it begins. MariaDB does not count SET PASSWORD and SET DEFAULT ROLE.
pub const COUNT_RIGHTS: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_alter_db','Com_alter_db_upgrade','Com_alter_user',\
    'Com_alter_user_default_role','Com_create_db','Com_create_role','Com_create_user','Com_drop_db','Com_drop_role',\
    'Com_drop_user','Com_flush','Com_grant','Com_grant_role','Com_grant_roles','Com_rename_user','Com_revoke','Com_revoke_all',\
    'Com_revoke_role','Com_revoke_roles','Com_set_password')";

/// What a probe saw of a server that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// MySQL or MariaDB.
    pub family: Family,
    /// `@@version`.
    pub version: String,
    /// What its greeting offers.
    pub offer: Offer,
    /// How its replicas call it.
    pub identity: Identity,
    /// Whether writes are refused.
    pub read_only: bool,
    /// What it replicates from; empty for a server that is no replica.
    pub channels: Vec<Channel>,
    /// How far its clock is ahead of the probe's, in microseconds, give or take the time of a question.
    pub clock: i64,
    /// How old the heartbeat is that it has, in microseconds, if the clocks of the probe and the primary agree.
    pub heartbeat: Option<i64>,
    /// Its place in a cluster, if it is in one.
    pub membership: Option<Membership>,
    /// When the probe began: what the server had by then is in `position`.
    pub begun: Instant,
    /// What it has: what it wrote and what it applied.
    pub position: Position,
    /// The same by who wrote it, to tell which of several servers has what the others have.
    pub history: History,
    /// Whether what it commits gets a GTID.
    pub gtids: bool,
    /// Whether it commits in the order of its source: then it has everything before what it has last.
    pub in_order: bool,
}

/// Why a probe saw nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProbeFailure {
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection could not be made or broke.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// The server answered with an error.
    #[error("probe refused: {0}")]
    Refused(String),
    /// The server answered with something that makes no sense.
    #[error("{0}")]
    Misunderstood(String),
    /// Nobody has looked for this long: whoever should is gone, or stuck.
    #[error("not looked at for {0:.1?}")]
    Overlooked(Duration),
}
