//! One probe over one connection.

use crate::ask::{self, AskError, flag};
use crate::cluster;
use crate::heartbeat::{self, MICROSECONDS, now};
use crate::rows::{Status, channel};
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};
use splitfin_topology::{
    COUNT_RIGHTS, Channel, Defaults, Family, History, Identity, Observation, Offer, Position, ProbeFailure,
};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whom to probe, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// `host:port` or `unix:PATH`.
    pub address: String,
    /// Account of the monitor.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Whether the monitor's connection is encrypted.
    pub tls: bool,
    /// Time for a whole probe, connecting included.
    pub timeout: Duration,
    /// Where heartbeats are, as an SQL name.
    pub heartbeat: Option<Arc<str>>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("address", &self.address).field("user", &self.user).finish_non_exhaustive()
    }
}

/// Probes one backend, over a connection that lasts as long as it answers in time.
#[derive(Debug)]
pub struct Prober {
    target: Target,
    /// The connection, and what the server's greetings offer.
    conn: Option<(Conn, Known)>,
}

/// What changes rarely, and when it was looked at last.
#[derive(Debug, Clone, Copy)]
struct Known {
    offer: Offer,
    looked: Instant,
}

impl Prober {
    /// Not connected yet.
    pub const fn new(target: Target) -> Self {
        Self { target, conn: None }
    }

    /// Looks at the server once.
    pub async fn probe(&mut self) -> Result<Observation, ProbeFailure> {
        let limit = self.target.timeout;
        // The connection is out of `self` while it is in use: whatever goes wrong, it is dropped.
        let conn = self.conn.take();
        let work = async {
            let (mut conn, known) = match conn {
                Some((conn, known)) => (conn, Some(known)),
                None => (Conn::new(self.target.options()).await.map_err(AskError::from)?, None),
            };
            let known = match known.filter(|known| known.looked.elapsed() < LOOK_AGAIN) {
                Some(known) => known,
                None => Known { offer: offer(&mut conn).await?, looked: Instant::now() },
            };
            let seen = observe(&mut conn, known.offer, self.target.heartbeat.as_deref()).await?;
            Ok::<_, AskError>((conn, known, seen))
        };
        match tokio::time::timeout(limit, work).await {
            Err(_) => Err(ProbeFailure::Timeout(limit)),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok((conn, known, seen))) => {
                self.conn = Some((conn, known));
                Ok(seen)
            }
        }
    }
}

impl Target {
    pub(crate) fn options(&self) -> Opts {
        let Self { address, user, password, tls, .. } = self;
        // The probe takes the same way as the statements: no detour over a local socket. Packet size and timeout are
        // given, or each connection would ask for them first.
        let builder = OptsBuilder::default()
            .user(Some(user))
            .pass(Some(password))
            .prefer_socket(false)
            .max_allowed_packet(Some(1 << 24))
            .wait_timeout(Some(28_800))
            .stmt_cache_size(Some(0))
            .init(vec![UNLIMITED])
            .ssl_opts(tls.then(|| SslOpts::default().with_danger_accept_invalid_certs(true)));
        let builder = match address.strip_prefix("unix:") {
            Some(path) => builder.socket(Some(path.trim())),
            None => {
                let (host, port) = address.rsplit_once(':').unwrap_or((address, "3306"));
                builder.ip_or_hostname(host.trim_matches(['[', ']'])).tcp_port(port.parse().unwrap_or(3306))
            }
        };
        builder.into()
    }
}

/// What differs between greetings: asked for by SQL, as a driver's connection does not show the greeting.
async fn offer(conn: &mut Conn) -> Result<Offer, AskError> {
    let sql = "SELECT @@version, @@global.local_infile, @@global.autocommit, @@global.max_allowed_packet, \
        (SELECT ID FROM information_schema.COLLATIONS WHERE COLLATION_NAME = @@global.collation_server)";
    let greeting = ask::row(conn, sql).await?;
    let (version, local_files, autocommit) = (greeting.text(0)?, greeting.flag(1)?, greeting.flag(2)?);
    let (max_packet, collation) = (greeting.maybe_number(3)?, greeting.maybe_number(4)?);
    let is_mariadb = is_mariadb(version);
    Ok(Offer {
        defaults: defaults(conn, is_mariadb).await?,
        rights: rights(conn).await?,
        local_files,
        query_attributes: !is_mariadb && at_least(version, (8, 0, 23)),
        extended_metadata: is_mariadb && at_least(version, (10, 5, 2)),
        collation: collation.unwrap_or(UTF8MB4),
        max_packet: max_packet.unwrap_or(0),
        autocommit,
    })
}

/// A fingerprint of what variables of new sessions begin with. SET GLOBAL changes it, and connections from before are no good
/// for sessions from behind.
async fn defaults(conn: &mut Conn, is_mariadb: bool) -> Result<Option<Defaults>, AskError> {
    let sql = match is_mariadb {
        true => {
            "SELECT BIT_XOR(CRC32(CONCAT_WS('=', VARIABLE_NAME, GLOBAL_VALUE))) \
             FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_SCOPE = 'SESSION'"
        }
        // Those that are no session's are few, and change seldom; but for positions, and what changes with a server's role.
        false => {
            "SELECT BIT_XOR(CRC32(CONCAT_WS('=', VARIABLE_NAME, VARIABLE_VALUE))) \
             FROM performance_schema.global_variables \
             WHERE VARIABLE_NAME NOT LIKE 'gtid%' AND VARIABLE_NAME NOT LIKE '%read\\_only'"
        }
    };
    let asked = Instant::now();
    match ask::row(conn, sql).await {
        Ok(row) => Ok(row.maybe_number(0)?.map(|value: u64| Defaults { fingerprint: value.max(1), asked })),
        // An old server has no such table.
        Err(AskError::Refused(error)) => {
            tracing::debug!(error = error.message, "defaults of sessions not readable");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A fingerprint of how many statements about accounts and databases the server has counted. Connections from before one keep
/// the rights of before.
async fn rights(conn: &mut Conn) -> Result<u64, AskError> {
    match pairs(conn, COUNT_RIGHTS).await {
        Ok(counters) if counters.is_empty() => Ok(0),
        Ok(counters) => {
            let mut hasher = DefaultHasher::new();
            counters.hash(&mut hasher);
            Ok(hasher.finish().max(1))
        }
        Err(AskError::Refused(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Names, and what they stand for.
pub(crate) async fn pairs(conn: &mut Conn, sql: &str) -> Result<Vec<(String, String)>, AskError> {
    let mut pairs = Vec::new();
    for row in ask::rows(conn, sql).await? {
        pairs.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
    }
    Ok(pairs)
}

/// How often what changes rarely is looked at: it costs a server about a millisecond.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

async fn observe(conn: &mut Conn, offer: Offer, heartbeat: Option<&str>) -> Result<Observation, AskError> {
    let begun = Instant::now();
    let asked = now();
    let sql = format!("SELECT @@version, @@server_id, CAST(@@read_only AS CHAR), {MICROSECONDS}");
    let basics = ask::row(conn, &sql).await?;
    let (version, server_id, read_only) = (basics.text(0)?.to_owned(), basics.number(1)?, basics.read_only(2)?);
    // It was asked, and answered, about in the middle.
    let clock = basics.number::<i64>(3)?.saturating_sub((asked + now()) / 2);
    let heartbeat = match heartbeat {
        Some(table) => heartbeat::age(conn, table).await?,
        None => None,
    };
    let family = if is_mariadb(&version) { Family::Mariadb } else { Family::Mysql };
    let Positions { uuid, position, history } = positions(conn, family).await?;
    let replication = replication(conn).await?;
    let membership = match (&replication.group, replication.wsrep) {
        (Some(group), _) => Some(cluster::group_member(conn, group).await?),
        (None, true) => Some(cluster::galera_member(conn).await?),
        (None, false) => None,
    };
    // Members of a Galera cluster number their transactions each by itself.
    let (position, history) =
        if replication.wsrep { (Position::Nothing, History::Unknown) } else { (position, history) };
    let mut channels = channels(conn, family, &version).await?;
    if family == Family::Mysql && !channels.is_empty() {
        refine_lag(conn, &mut channels).await?;
    }
    Ok(Observation {
        family,
        version,
        offer,
        identity: Identity { uuid, server_id },
        read_only,
        channels,
        clock,
        heartbeat,
        membership,
        begun,
        position,
        history,
        gtids: replication.gtids,
        in_order: replication.in_order,
    })
}

/// What a server has, and under which name.
struct Positions {
    uuid: Option<String>,
    position: Position,
    history: History,
}

async fn positions(conn: &mut Conn, family: Family) -> Result<Positions, AskError> {
    let sql = match family {
        Family::Mariadb => {
            "SELECT NULL, @@gtid_current_pos, CONCAT_WS(',', NULLIF(@@gtid_binlog_state, ''), NULLIF(@@gtid_slave_pos, ''))"
        }
        Family::Mysql => "SELECT @@server_uuid, @@global.gtid_executed, @@global.gtid_executed",
    };
    let row = ask::row(conn, sql).await?;
    let (uuid, position, history) = (row.maybe_text(0)?, row.maybe_text(1)?, row.maybe_text(2)?);
    // Without a position, the server counts as having nothing.
    let unreadable = |error| tracing::debug!(%error, "position not readable");
    let position = Position::parse(family, position.unwrap_or_default());
    let history = History::parse(family, history.unwrap_or_default());
    Ok(Positions {
        uuid: uuid.map(str::to_owned),
        position: position.map_err(unreadable).unwrap_or_default(),
        history: history.map_err(unreadable).unwrap_or_default(),
    })
}

/// How a server writes and applies its log.
#[derive(Debug, PartialEq, Eq)]
struct Replication {
    gtids: bool,
    in_order: bool,
    /// The name of the group that it belongs to.
    group: Option<String>,
    /// Whether it is a member of a Galera cluster.
    wsrep: bool,
}

async fn replication(conn: &mut Conn) -> Result<Replication, AskError> {
    let sql = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin','gtid_mode','replica_parallel_workers',\
        'slave_parallel_workers','replica_preserve_commit_order','slave_preserve_commit_order',\
        'group_replication_group_name','wsrep_on')";
    let rows = pairs(conn, sql).await?;
    let values = rows.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str())).collect();
    Ok(replication_of(&values))
}

/// MariaDB has no `gtid_mode`, as it always has GTIDs, and commits each domain in order. MySQL does with one worker, or
/// with `replica_preserve_commit_order`, which is on by default since 8.0.27.
fn replication_of(values: &HashMap<String, &str>) -> Replication {
    let value = |name: &str| values.get(name).copied();
    let either = |name: &str| value(&format!("replica_{name}")).or_else(|| value(&format!("slave_{name}")));
    let is_mysql = value("gtid_mode").is_some();
    let is_on = |text: Option<&str>| text.and_then(flag) == Some(true);
    let one_by_one = either("parallel_workers").is_none_or(|workers| matches!(workers, "0" | "1"));
    Replication {
        gtids: is_on(value("log_bin")) && (!is_mysql || is_on(value("gtid_mode"))),
        in_order: !is_mysql || one_by_one || is_on(either("preserve_commit_order")),
        group: value("group_replication_group_name").filter(|name| !name.is_empty()).map(str::to_owned),
        wsrep: is_on(value("wsrep_on")),
    }
}

async fn channels(conn: &mut Conn, family: Family, version: &str) -> Result<Vec<Channel>, AskError> {
    let sql = match family {
        Family::Mariadb => "SHOW ALL SLAVES STATUS",
        Family::Mysql if at_least(version, (8, 0, 22)) => "SHOW REPLICA STATUS",
        Family::Mysql => "SHOW SLAVE STATUS",
    };
    Ok(ask::rows(conn, sql).await?.iter().map(|row| channel(&Status::new(row))).collect())
}

/// MySQL 8 knows the commit time of the transaction that it applies or has applied last: lag in microseconds instead of
/// whole seconds. Where performance_schema is off or not readable, the seconds stay.
async fn refine_lag(conn: &mut Conn, channels: &mut [Channel]) -> Result<(), AskError> {
    let sql = "SELECT CHANNEL_NAME, \
        MAX(IF(APPLYING_TRANSACTION <> '', TIMESTAMPDIFF(MICROSECOND, APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP, NOW(6)), 0)) \
        FROM performance_schema.replication_applier_status_by_worker GROUP BY CHANNEL_NAME";
    let rows = match ask::rows(conn, sql).await {
        Ok(rows) => rows,
        Err(AskError::Refused(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    for row in rows {
        let (name, micros) = (row.text(0)?, row.maybe_number::<i64>(1)?);
        let Some(channel) = channels.iter_mut().find(|channel| channel.name == name) else { continue };
        // It refines what the server says; it never makes a replica look better than a whole second less.
        if let (Some(lag), Some(micros)) = (channel.lag, micros.and_then(|micros| u64::try_from(micros).ok())) {
            let fine = Duration::from_micros(micros);
            channel.lag = Some(if lag.is_zero() {
                fine.min(Duration::from_secs(1))
            } else {
                fine.max(lag.saturating_sub(Duration::from_secs(1)))
            });
        }
    }
    Ok(())
}

pub(crate) fn is_mariadb(version: &str) -> bool {
    version.to_ascii_lowercase().contains("mariadb")
}

fn at_least(version: &str, wanted: (u32, u32, u32)) -> bool {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= wanted
}

/// Whatever a server gives its sessions to begin with, a probe sees all rows and leaves no transaction open.
const UNLIMITED: &str = "SET @@session.sql_select_limit=18446744073709551615,@@session.sql_big_selects=1,\
    @@session.autocommit=1,@@session.completion_type=0,@@session.group_concat_max_len=1048576,@@session.sql_mode=''";
/// `utf8mb4_general_ci`
const UTF8MB4: u16 = 45;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gtids_and_order_are_known_by_variables() {
        let of = |pairs: &[(&str, &'static str)]| {
            let replication = replication_of(&pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect());
            (replication.gtids, replication.in_order)
        };
        assert_eq!(of(&[("log_bin", "ON"), ("slave_parallel_workers", "4")]), (true, true), "MariaDB");
        assert_eq!(of(&[("log_bin", "OFF")]), (false, true));
        let mysql = [("log_bin", "ON"), ("gtid_mode", "ON"), ("replica_parallel_workers", "4")];
        assert_eq!(of(&[mysql.as_slice(), &[("replica_preserve_commit_order", "ON")]].concat()), (true, true));
        assert_eq!(of(&[mysql.as_slice(), &[("replica_preserve_commit_order", "OFF")]].concat()), (true, false));
        assert_eq!(
            of(&[("log_bin", "ON"), ("gtid_mode", "OFF_PERMISSIVE"), ("slave_parallel_workers", "0")]),
            (false, true)
        );
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(at_least("9.7.4", (8, 0, 22)));
        assert!(at_least("8.0.22-debug", (8, 0, 22)));
        assert!(!at_least("8.0.3", (8, 0, 22)));
        assert!(!at_least("5.7.44-log", (8, 0, 22)));
    }
}
