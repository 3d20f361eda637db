//! A primary and its replicas.

use crate::disk::Disk;
use crate::error::Error;
use crate::network::Network;
use crate::programs::{Family, Programs};
use crate::server::{Server, ServerOptions};
use crate::wait::eventually;
use mysql_async::prelude::Queryable as _;
use std::net::Ipv4Addr;
use std::time::Duration;

/// An account that may do everything in every database.
pub const APP: &str = "app";
/// An account for probes.
pub const MONITOR: &str = "monitor";
/// The password of both.
pub const PASSWORD: &str = "secret";

/// How the servers replicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// Each replica follows the primary.
    Async,
    /// As members of a Galera cluster.
    Galera,
    /// As members of a group (Group Replication).
    Group,
}

/// A primary and its replicas, with GTID replication.
#[derive(Debug)]
pub struct Cluster {
    /// How they replicate.
    pub(crate) replication: Replication,
    /// Takes writes.
    pub primary: Server,
    /// Follow it.
    pub replicas: Vec<Server>,
}

impl Cluster {
    /// Starts a primary and `replicas` replicas that write down every statement.
    pub async fn start(family: Family, replicas: u32) -> Result<Self, Error> {
        Self::start_with(family, replicas, true).await
    }

    /// The same, and the first replica runs in a network of its own.
    pub async fn start_around(network: &Network, family: Family, replicas: u32) -> Result<Self, Error> {
        let inside = Some(network.pid());
        Self::start_in(ServerOptions { inside, ..ServerOptions::default() }, family, replicas, true).await
    }

    /// The same, with more arguments for each server.
    pub async fn start_saying(family: Family, replicas: u32, arguments: &[&str]) -> Result<Self, Error> {
        let extra = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self::start_in(ServerOptions { extra, ..ServerOptions::default() }, family, replicas, true).await
    }

    /// One server alone, of other programs than the usual ones.
    pub async fn of(programs: &Programs, arguments: &[&str]) -> Result<Self, Error> {
        let extra = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let options = ServerOptions { id: 1, general_log: true, extra, ..ServerOptions::default() };
        let primary = Server::start(programs, options).await?;
        Ok(Self { replication: Replication::Async, primary, replicas: vec![] })
    }

    /// The same, and the first replica has a disk of its own.
    pub async fn start_on(disk: &Disk, family: Family, replicas: u32) -> Result<Self, Error> {
        let disk = Some(disk.path().to_owned());
        Self::start_in(ServerOptions { disk, ..ServerOptions::default() }, family, replicas, true).await
    }

    /// Starts a primary and `replicas` replicas.
    pub async fn start_with(family: Family, replicas: u32, general_log: bool) -> Result<Self, Error> {
        Self::start_in(ServerOptions::default(), family, replicas, general_log).await
    }

    async fn start_in(first: ServerOptions, family: Family, replicas: u32, general_log: bool) -> Result<Self, Error> {
        let programs = Programs::locate(family)?;
        let options = |id| ServerOptions { id, read_only: id > 1, general_log, ..ServerOptions::default() };
        let listens = first.inside.map(|_| format!("--bind-address={},{}", Ipv4Addr::LOCALHOST, Network::HERE));
        let extra = first.extra.iter().cloned();
        let primary = ServerOptions { extra: extra.clone().chain(listens).collect(), ..options(1) };
        // All of them begin at once, and are waited for together.
        let primary = Server::launch(&programs, primary)?;
        let mut cluster = Self { replication: Replication::Async, primary, replicas: vec![] };
        for id in 0..replicas {
            let place = if id == 0 { first.clone() } else { ServerOptions::default() };
            let extra = extra.clone().collect();
            let replica = ServerOptions { inside: place.inside, disk: place.disk, extra, ..options(id + 2) };
            cluster.replicas.push(Server::launch(&programs, replica)?);
        }
        cluster.primary.begun().await?;
        for replica in &mut cluster.replicas {
            replica.begun().await?;
        }
        for replica in &cluster.replicas {
            cluster.follow(replica, &cluster.primary).await?;
        }
        cluster.caught_up().await?;
        Ok(cluster)
    }

    /// How the servers replicate.
    pub const fn replication(&self) -> Replication {
        self.replication
    }

    /// MySQL or MariaDB.
    pub const fn family(&self) -> Family {
        self.primary.family()
    }

    /// Makes `replica` replicate from `source`.
    pub async fn follow(&self, replica: &Server, source: &Server) -> Result<(), Error> {
        self.follow_port(replica, source.port()).await
    }

    /// Makes `replica` replicate from what is behind a port.
    pub async fn follow_port(&self, replica: &Server, port: u16) -> Result<(), Error> {
        let host = replica.others();
        let statements = match self.family() {
            Family::Mariadb => [
                "STOP SLAVE".to_owned(),
                format!(
                    "CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, MASTER_USER='repl', MASTER_PASSWORD='repl', MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos"
                ),
                "START SLAVE".to_owned(),
            ],
            Family::Mysql => [
                "STOP REPLICA".to_owned(),
                format!(
                    "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, SOURCE_USER='repl', SOURCE_PASSWORD='repl', SOURCE_CONNECT_RETRY=1, SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1"
                ),
                "START REPLICA".to_owned(),
            ],
        };
        replica.run(&statements.each_ref().map(String::as_str)).await
    }

    /// Waits until every replica has applied everything that the primary has written by now.
    pub async fn caught_up(&self) -> Result<(), Error> {
        if self.replication == Replication::Galera {
            for replica in &self.replicas {
                replica.run(&["SET STATEMENT wsrep_sync_wait=1 FOR SELECT 0"]).await?;
            }
            return Ok(());
        }
        let (position, wait) = match self.family() {
            Family::Mariadb => ("SELECT @@gtid_binlog_pos", "SELECT MASTER_GTID_WAIT('{}', 20)"),
            Family::Mysql => ("SELECT @@global.gtid_executed", "SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', 20)"),
        };
        let position: Option<String> = self.primary.root().await?.query_first(position).await?;
        let position = position.unwrap_or_default().replace('\n', "");
        if position.is_empty() {
            return Ok(());
        }
        for replica in &self.replicas {
            let done: Option<i64> = replica.root().await?.query_first(wait.replace("{}", &position)).await?;
            if done != Some(0) {
                return Err(Error::Deadline(Duration::from_secs(20), "a replica catches up".into()));
            }
        }
        Ok(())
    }

    /// Makes a replica apply everything this much later; zero ends it.
    pub async fn delay(&self, replica: usize, by: Duration) -> Result<(), Error> {
        let seconds = by.as_secs();
        let statements = match self.family() {
            Family::Mariadb => [
                "STOP SLAVE SQL_THREAD".into(),
                format!("CHANGE MASTER TO MASTER_DELAY={seconds}"),
                "START SLAVE SQL_THREAD".into(),
            ],
            Family::Mysql => [
                "STOP REPLICA SQL_THREAD".into(),
                format!("CHANGE REPLICATION SOURCE TO SOURCE_DELAY={seconds}"),
                "START REPLICA SQL_THREAD".into(),
            ],
        };
        let statements = statements.each_ref().map(|statement: &String| statement.as_str());
        match self.family() {
            // MariaDB changes the delay only while nothing of replication runs.
            Family::Mariadb => self.replicas[replica].run(&["STOP SLAVE", statements[1], "START SLAVE"]).await,
            Family::Mysql => self.replicas[replica].run(&statements).await,
        }
    }

    /// Stops or starts the thread that applies events.
    pub async fn apply(&self, replica: usize, on: bool) -> Result<(), Error> {
        self.thread(replica, "SQL_THREAD", on).await
    }

    /// Stops or starts the thread that fetches events.
    pub async fn receive(&self, replica: usize, on: bool) -> Result<(), Error> {
        self.thread(replica, "IO_THREAD", on).await
    }

    async fn thread(&self, replica: usize, thread: &str, on: bool) -> Result<(), Error> {
        let verb = if on { "START" } else { "STOP" };
        let noun = match self.family() {
            Family::Mariadb => "SLAVE",
            Family::Mysql => "REPLICA",
        };
        self.replicas[replica].run(&[&format!("{verb} {noun} {thread}")]).await
    }

    /// Makes a replica a server on its own.
    pub async fn detach(&self, replica: usize) -> Result<(), Error> {
        let statements = match self.family() {
            Family::Mariadb => ["STOP SLAVE", "RESET SLAVE ALL"],
            Family::Mysql => ["STOP REPLICA", "RESET REPLICA ALL"],
        };
        self.replicas[replica].run(&statements).await
    }

    /// Makes a replica the primary, by hand: it stops replicating and accepts writes; the others follow it.
    pub async fn promote(&mut self, replica: usize) -> Result<(), Error> {
        let reset = match self.family() {
            Family::Mariadb => ["STOP SLAVE", "RESET SLAVE ALL", "SET GLOBAL read_only = 0"],
            Family::Mysql => ["STOP REPLICA", "RESET REPLICA ALL", "SET GLOBAL read_only = 0"],
        };
        self.replicas[replica].run(&reset).await?;
        self.replicas[replica].set_read_only(false);
        for (index, other) in self.replicas.iter().enumerate() {
            if index != replica {
                self.follow(other, &self.replicas[replica]).await?;
            }
        }
        Ok(())
    }

    /// Makes a replica the primary as planned: the old primary takes no writes any more, the replica gets what is missing,
    /// and takes over; all others follow it.
    pub async fn switch_over(&mut self, replica: usize) -> Result<(), Error> {
        let refuse = match self.family() {
            Family::Mariadb => "SET GLOBAL read_only = 1",
            Family::Mysql => "SET GLOBAL super_read_only = 1",
        };
        self.primary.run(&[refuse]).await?;
        self.primary.set_read_only(true);
        self.caught_up().await?;
        self.promote(replica).await?;
        self.follow(&self.primary, &self.replicas[replica]).await
    }

    /// All servers, the primary first.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        std::iter::once(&self.primary).chain(&self.replicas)
    }

    /// Waits until a replica's server answers as root.
    pub async fn answers(&self, replica: usize) -> Result<(), Error> {
        let server = &self.replicas[replica];
        eventually("the replica answers", Duration::from_secs(30), async || {
            server.root().await.map(drop).map_err(|error| error.to_string())
        })
        .await
    }
}
