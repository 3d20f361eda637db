//! One server, with what has to be said to it, in the words of its family.

use super::{Means, NotPromoted};
use crate::ask::{self, Answer, AskError, flag};
use crate::probe::{Target, is_mariadb};
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use splitfin_topology::{Family, History};
use std::time::{Duration, Instant};

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A server that plays a part.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The operator's name for it.
    pub name: String,
    /// How it is reached; the account is not used.
    pub target: Target,
}

pub(super) type Step<T> = Result<T, NotPromoted>;

/// What a replica has got from its source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) name: String,
    /// What it has, and what it has received and not applied yet.
    pub(super) history: History,
    /// What it has received, in the server's words.
    pub(super) to_apply: String,
    /// Its source still sends.
    pub(super) hears_its_source: bool,
}

/// A connection to a server, for changing it.
#[derive(Debug)]
pub(super) struct Remote {
    name: String,
    conn: Conn,
    family: Family,
    limit: Duration,
}

/// Keeps others from changing the same server, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _conn: Conn,
}

impl Remote {
    pub(super) async fn connect(candidate: &Candidate, means: &Means) -> Step<Self> {
        let Account { user, password } = means.account.clone();
        let target = Target { user, password, ..candidate.target.clone() };
        let failed = |error: String| step_failed(&candidate.name, "connecting", error);
        let limit = target.timeout.max(SHORTEST_LIMIT);
        let open = async {
            let mut conn = Conn::new(target.options()).await?;
            let version = ask::row(&mut conn, "SELECT @@version").await?.text(0)?.to_owned();
            Ok::<_, AskError>((conn, version))
        };
        let (conn, version) = match tokio::time::timeout(limit, open).await {
            Ok(opened) => opened.map_err(|error| failed(error.to_string()))?,
            Err(_) => return Err(failed(format!("no answer within {limit:?}"))),
        };
        let family = if is_mariadb(&version) { Family::Mariadb } else { Family::Mysql };
        let mut remote = Self { name: candidate.name.clone(), conn, family, limit: means.patience + limit };
        // What waits for somebody's lock gives up in time.
        let seconds = means.patience.as_secs().max(1);
        remote.run("setting a time limit", &[&format!("SET SESSION lock_wait_timeout = {seconds}")]).await?;
        Ok(remote)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn family(&self) -> Family {
        self.family
    }

    /// Several instances of Splitfin must not change servers at once.
    pub(super) async fn lock(&self) -> Step<Lock> {
        let options = self.conn.opts().clone();
        let lock = async {
            let mut conn = Conn::new(options).await?;
            let got: Option<i64> =
                ask::row(&mut conn, "SELECT GET_LOCK('splitfin.promotion', 0)").await?.maybe_number(0)?;
            Ok((conn, got))
        };
        match self.in_time("locking", lock).await? {
            (conn, Some(1)) => Ok(Lock { _conn: conn }),
            _ => Err(NotPromoted::Unsafe(format!("somebody else is changing {} already", self.name))),
        }
    }

    fn failed(&self, step: &'static str, error: impl ToString) -> NotPromoted {
        step_failed(&self.name, step, error.to_string())
    }

    /// The answer to a question, for which no server has all the time in the world.
    async fn in_time<T>(&self, step: &'static str, asked: impl Future<Output = Result<T, AskError>>) -> Step<T> {
        in_time(&self.name, step, self.limit, asked).await
    }

    async fn rows(&mut self, step: &'static str, sql: &str) -> Step<Vec<Answer>> {
        in_time(&self.name, step, self.limit, ask::rows(&mut self.conn, sql)).await
    }

    async fn run(&mut self, step: &'static str, statements: &[&str]) -> Step<()> {
        for sql in statements {
            match tokio::time::timeout(self.limit, self.conn.query_drop(*sql)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(self.failed(step, error)),
                Err(_) => return Err(self.failed(step, format!("no answer within {:?}", self.limit))),
            }
        }
        Ok(())
    }

    async fn text(&mut self, step: &'static str, sql: &str) -> Step<String> {
        let rows = self.rows(step, sql).await?;
        let Some(row) = rows.first() else { return Ok(String::new()) };
        let text = row.maybe_text(0).map_err(|error| self.failed(step, error))?;
        Ok(text.unwrap_or_default().replace('\n', ""))
    }

    /// Refuses writes, or takes them again.
    pub(super) async fn refuse_writes(&mut self, refuse: bool) -> Step<()> {
        let sql = match (self.family, refuse) {
            (Family::Mysql, true) => "SET GLOBAL super_read_only = 1",
            (Family::Mariadb, true) => "SET GLOBAL read_only = 1",
            // In MySQL this ends super_read_only too.
            (_, false) => "SET GLOBAL read_only = 0",
        };
        self.run("setting read_only", &[sql]).await
    }

    /// Ends all connections but those of replication and of this account: some accounts write to a read-only server.
    pub(super) async fn end_connections(&mut self) -> Step<()> {
        let sql = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER <> SUBSTRING_INDEX(USER(), '@', 1) \
            AND USER NOT IN ('system user', 'event_scheduler') AND COMMAND NOT LIKE 'Binlog Dump%' \
            AND COMMAND NOT IN ('Daemon', 'Slave_IO', 'Slave_SQL', 'Slave_worker')";
        let ids = self.numbers(sql).await?;
        for id in &ids {
            match self.run("ending connections", &[&format!("KILL CONNECTION {id}")]).await {
                Ok(()) => {}
                // It has ended by itself.
                Err(NotPromoted::Step { error, .. }) if error.contains("1094") => {}
                Err(error) => return Err(error),
            }
        }
        // One that is about to commit does that first.
        let started = Instant::now();
        while self.numbers(sql).await?.iter().any(|id| ids.contains(id)) {
            if started.elapsed() > self.limit {
                return Err(self.failed("ending connections", "some do not end"));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    async fn numbers(&mut self, sql: &str) -> Step<Vec<u64>> {
        let step = "listing connections";
        let rows = self.rows(step, sql).await?;
        rows.iter().map(|row| row.number(0).map_err(|error| self.failed(step, error))).collect()
    }

    pub(super) async fn position(&mut self) -> Step<String> {
        let sql = match self.family {
            Family::Mariadb => "SELECT @@gtid_binlog_pos",
            Family::Mysql => "SELECT @@global.gtid_executed",
        };
        self.text("asking for its position", sql).await
    }

    /// Whether what it writes has GTIDs, and comes to its replicas.
    pub(super) async fn can_write_positions(&mut self) -> Step<bool> {
        let sql = match self.family {
            Family::Mariadb => "SELECT IF(@@log_bin, 'yes', '')",
            Family::Mysql => "SELECT IF(@@log_bin AND @@global.gtid_mode = 'ON', 'yes', '')",
        };
        Ok(!self.text("asking for its log", sql).await?.is_empty())
    }

    /// Waits until it has applied up to a position.
    pub(super) async fn wait_for(&mut self, position: &str, patience: Duration) -> Step<()> {
        if position.is_empty() {
            return Ok(());
        }
        let seconds = patience.as_secs_f64();
        let sql = match self.family {
            Family::Mariadb => format!("SELECT CAST(MASTER_GTID_WAIT('{position}', {seconds}) AS CHAR)"),
            Family::Mysql => format!("SELECT CAST(WAIT_FOR_EXECUTED_GTID_SET('{position}', {seconds}) AS CHAR)"),
        };
        match self.text("catching up", &sql).await?.as_str() {
            "0" => Ok(()),
            _ => Err(self.failed("catching up", format!("not there within {patience:?}"))),
        }
    }

    /// What it has received so far. It does not receive anything more.
    pub(super) async fn received(&mut self) -> Step<Received> {
        let sql = match self.family {
            Family::Mariadb => "SHOW ALL SLAVES STATUS",
            Family::Mysql => "SHOW REPLICA STATUS",
        };
        let rows = self.rows("asking for its state", sql).await?;
        let [row] = rows.as_slice() else {
            return Err(NotPromoted::Unsafe(match rows.len() {
                0 => format!("{} replicates from nobody (clusters choose their writer themselves)", self.name),
                several => format!("{} has {several} sources", self.name),
            }));
        };
        let text = |name: &str| row.named(&[name]).unwrap_or_default().replace('\n', "");
        let (running, to_apply, own) = match self.family {
            Family::Mariadb => {
                let sql = "SELECT CONCAT_WS(',', NULLIF(@@gtid_binlog_state, ''), NULLIF(@@gtid_slave_pos, ''))";
                (text("Slave_IO_Running"), text("Gtid_IO_Pos"), self.text("asking for its position", sql).await?)
            }
            Family::Mysql => {
                let own = self.position().await?;
                (text("Replica_IO_Running"), text("Retrieved_Gtid_Set"), own)
            }
        };
        // An unknown word counts as a source that lives: no other server is promoted alongside it.
        let hears_its_source = flag(&running).unwrap_or(running != "Connecting" && running != "Preparing");
        let all = [own.as_str(), to_apply.as_str()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        let history =
            History::parse(self.family, &all.join(",")).map_err(|error| self.failed("its position", error))?;
        Ok(Received { name: self.name.clone(), history, to_apply, hears_its_source })
    }

    /// Applies what it has received.
    pub(super) async fn apply_all(&mut self, received: &Received, patience: Duration) -> Step<()> {
        let (stop, start) = match self.family {
            Family::Mariadb => ("STOP SLAVE IO_THREAD", "START SLAVE SQL_THREAD"),
            Family::Mysql => ("STOP REPLICA IO_THREAD", "START REPLICA SQL_THREAD"),
        };
        self.run("applying what it has received", &[stop, start]).await?;
        self.wait_for(&received.to_apply, patience).await
    }

    pub(super) async fn stop_replication(&mut self) -> Step<()> {
        let sql = self.replication("STOP");
        self.run("stopping replication", &[&sql]).await
    }

    pub(super) async fn start_replication(&mut self) -> Step<()> {
        let sql = self.replication("START");
        self.run("starting replication", &[&sql]).await
    }

    fn replication(&self, verb: &str) -> String {
        match self.family {
            Family::Mariadb => format!("{verb} SLAVE"),
            Family::Mysql => format!("{verb} REPLICA"),
        }
    }

    /// Forgets its source, and takes writes.
    pub(super) async fn become_source(&mut self) -> Step<()> {
        let reset = match self.family {
            Family::Mariadb => "RESET SLAVE ALL",
            Family::Mysql => "RESET REPLICA ALL",
        };
        self.run("taking over", &[reset, "SET GLOBAL read_only = 0"]).await
    }

    /// Where its replicas find it: as it says itself, or as it was reached.
    pub(super) async fn reported_address(&mut self) -> Step<(String, u16)> {
        let sql = "SELECT CONCAT_WS(':', @@report_host, @@report_port)";
        let said = self.text("asking for its address", sql).await?;
        let said = said.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let said = said.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok().filter(|port| *port != 0)?)));
        let opts = self.conn.opts();
        Ok(said.unwrap_or_else(|| (opts.ip_or_hostname().to_owned(), opts.tcp_port())))
    }

    /// Replicates from `address`, and takes no writes of others.
    pub(super) async fn follow(&mut self, (host, port): &(String, u16), account: Option<&Account>) -> Step<()> {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let host = quoted(host);
        let login = |user: &str, password: &str| {
            account.map_or_else(String::new, |account| {
                format!(", {user}={}, {password}={}", quoted(&account.user), quoted(&account.password))
            })
        };
        let change = match self.family {
            Family::Mariadb => format!(
                "CHANGE MASTER TO MASTER_HOST={host}, MASTER_PORT={port}{}, MASTER_USE_GTID=slave_pos",
                login("MASTER_USER", "MASTER_PASSWORD")
            ),
            Family::Mysql => format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST={host}, SOURCE_PORT={port}{}, SOURCE_AUTO_POSITION=1, \
                 GET_SOURCE_PUBLIC_KEY=1",
                login("SOURCE_USER", "SOURCE_PASSWORD")
            ),
        };
        self.refuse_writes(true).await?;
        self.stop_replication().await?;
        if self.family == Family::Mariadb {
            // A server that was the primary starts after what it has written itself.
            let own = self.text("asking for its position", "SELECT @@gtid_current_pos").await?;
            let set = format!("SET GLOBAL gtid_slave_pos = {}", quoted(&own));
            self.run("noting its position", &[&set]).await?;
        }
        self.run("following the new primary", &[&change]).await?;
        self.start_replication().await
    }
}

async fn in_time<T>(
    server: &str,
    step: &'static str,
    limit: Duration,
    asked: impl Future<Output = Result<T, AskError>>,
) -> Step<T> {
    match tokio::time::timeout(limit, asked).await {
        Ok(answered) => answered.map_err(|error| step_failed(server, step, error.to_string())),
        Err(_) => Err(step_failed(server, step, format!("no answer within {limit:?}"))),
    }
}

fn step_failed(server: &str, step: &'static str, error: String) -> NotPromoted {
    NotPromoted::Step { server: server.to_owned(), step, error }
}

/// How often it looks whether connections have ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Changing servers is rare: this is given more time than a probe.
const SHORTEST_LIMIT: Duration = Duration::from_secs(2);
