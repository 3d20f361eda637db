//! `splitfin demo`: one master, two slaves and Splitfin on this machine, and a tour of what it does.
//!
//! Everything is real: the servers replicate, the statements run, the slave is killed. Each step of the tour is a
//! promise, and the tour says at its end whether all were kept.

mod tour;

use crate::config::Config;
use crate::run::{Running, run};
use anyhow::{Context as _, Result};
use splitfin_testkit::{APP, Cluster, Family, MONITOR, PASSWORD};
use std::io::Write as _;
use std::net::TcpListener;
use std::process::ExitCode;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// The servers and Splitfin.
pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) splitfin: Running,
    pub(crate) port: u16,
    log: crate::config::Log,
    _state: TempDir,
}

/// Writes to the terminal. Nobody is left to tell if it is gone.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Shows everything. With `tour_only` it ends after the tour, and the exit code says whether every promise was kept.
pub async fn demo(family: Family, tour_only: bool) -> Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let shown = async {
        let mut stage = Stage::start(family).await?;
        let kept = tour::take(&mut stage).await?;
        anyhow::Ok((stage, kept))
    };
    let (stage, kept) = tokio::select! {
        shown = shown => shown?,
        _ = interrupt.recv() => return Ok(goodbye()),
        _ = terminate.recv() => return Ok(goodbye()),
    };
    if tour_only {
        return Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    stage.invite(family);
    crate::logging::start(&stage.log);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stage.splitfin.drain().await;
    Ok(goodbye())
}

fn goodbye() -> ExitCode {
    say("\nAll servers are stopped, their data is removed.");
    ExitCode::SUCCESS
}

impl Stage {
    async fn start(family: Family) -> Result<Self> {
        say(&format!("Starting one {} master and two slaves with GTID replication …", family.name()));
        let cluster = Cluster::start(family, 2).await.context("the servers did not start")?;
        for (server, name) in cluster.servers().zip(["master", "slave-1", "slave-2"]) {
            say(&format!("  {name:<8} 127.0.0.1:{}", server.port()));
        }
        let state = tempfile::tempdir()?;
        let config = Config::parse("demo", &config(&cluster, &state))?;
        let log = config.log;
        let splitfin = run(config).await?;
        let port = match splitfin.endpoints() {
            [splitfin_transport::Endpoint::Tcp(address), ..] => address.port(),
            _ => 0,
        };
        say(&format!("  Splitfin 127.0.0.1:{port}\n"));
        Ok(Self { cluster, splitfin, port, log, _state: state })
    }

    fn invite(&self, family: Family) {
        let client = family.name();
        say("Now try it yourself, in another terminal; what you type shows up here with its decision:\n");
        say(&format!("  {client} -h 127.0.0.1 -P {} -u {APP} -p{PASSWORD} shop", self.port));
        if let Some(admin) = self.splitfin.admin() {
            say(&format!("  curl http://{admin}/metrics"));
        }
        say("\nCtrl-C stops everything and cleans up.\n");
    }
}

fn config(cluster: &Cluster, state: &TempDir) -> String {
    // The usual ports if they are free, so that the demo can be talked to from habit.
    let port = |usual: u16| if TcpListener::bind(("127.0.0.1", usual)).is_ok() { usual } else { 0 };
    let addresses: Vec<String> = cluster.servers().map(splitfin_testkit::Server::address).collect();
    format!(
        "listen: [{{ address: \"127.0.0.1:{}\" }}]
backends:
  - {{ name: master, address: \"{}\" }}
  - {{ name: slave-1, address: \"{}\" }}
  - {{ name: slave-2, address: \"{}\" }}
monitor: {{ user: {MONITOR}, password: {PASSWORD}, interval: 250ms, timeout: 2s, lag: {{ max: 2s, resume: 1s }} }}
consistency: {{ wait: 1s }}
auth: {{ mode: static, users: [{{ name: {APP}, password: {PASSWORD} }}] }}
admin: {{ http: \"127.0.0.1:{}\" }}
state_dir: \"{}\"
",
        port(6033),
        addresses[0],
        addresses[1],
        addresses[2],
        port(6080),
        state.path().display(),
    )
}
