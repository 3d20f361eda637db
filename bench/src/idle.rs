//! What idle clients cost: resident memory for each, with nothing said, with a statement run, in clear and with TLS.

use crate::{Arguments, progress};
use anyhow::{Context as _, Result, bail};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, SslOpts};
use splitfin_testkit::{APP, Cluster, PASSWORD, free_port};
use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What clients have done before they fall silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Connected,
    LoggedIn,
    RunOne,
    RunOneInTls,
}

impl Done {
    const ALL: [Self; 4] = [Self::Connected, Self::LoggedIn, Self::RunOne, Self::RunOneInTls];

    const fn words(self) -> &'static str {
        match self {
            Self::Connected => "connected, nothing said",
            Self::LoggedIn => "logged in",
            Self::RunOne => "one statement run",
            Self::RunOneInTls => "one statement run, TLS",
        }
    }

    /// Kilobytes for each that are to be enough.
    const fn goal(self) -> f64 {
        match self {
            Self::Connected | Self::LoggedIn | Self::RunOne => 5.0,
            Self::RunOneInTls => 24.0,
        }
    }
}

/// A client that says nothing any more.
enum Idle {
    Socket(#[expect(dead_code, reason = "it is open as long as it is there")] TcpStream),
    Session(Box<Conn>),
}

/// Splitfin in its default configuration, without the log of statements.
struct Splitfin {
    child: Child,
    port: u16,
    _files: TempDir,
}

impl Drop for Splitfin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Splitfin {
    fn start(arguments: &Arguments, cluster: &Cluster) -> Result<Self> {
        let (files, port) = (tempfile::tempdir()?, free_port()?);
        let config = files.path().join("splitfin.yaml");
        let (master, slave) = (cluster.primary.address(), cluster.replicas[0].address());
        let text = format!(
            "listen: [{{ address: \"127.0.0.1:{port}\" }}]\n\
             backends: [{{ name: master, address: \"{master}\" }}, {{ name: slave-1, address: \"{slave}\" }}]\n\
             monitor: {{ user: monitor, password: secret }}\nlog: {{ routes: off }}\n\
             limits: {{ clients: 20000, logins: 20000, login_timeout: 10m }}\nstate_dir: \"{}\"\n",
            files.path().display()
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(&arguments.splitfin);
        command.arg("run").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        let child = command.spawn().context("cannot start splitfin: cargo build --release --bin splitfin")?;
        Ok(Self { child, port, _files: files })
    }

    /// Resident memory, in kilobytes.
    fn resident(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes.context("no VmRSS in /proc")
    }

    /// The same, when it has not shrunk for five seconds.
    async fn at_rest(&self) -> Result<f64> {
        let (mut least, mut since) = (self.resident()?, Instant::now());
        while since.elapsed() < Duration::from_secs(5) {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.resident()?;
            if now < least - 64.0 {
                (least, since) = (now, Instant::now());
            }
        }
        Ok(least)
    }

    async fn listens(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.client(Done::RunOne).await.is_err() {
            if Instant::now() > deadline {
                bail!("splitfin serves nobody on port {}", self.port);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn client(&self, done: Done) -> Result<Idle> {
        client(self.port, done).await
    }
}

async fn client(port: u16, done: Done) -> Result<Idle> {
    if done == Done::Connected {
        return Ok(Idle::Socket(TcpStream::connect(("127.0.0.1", port)).await?));
    }
    let tls = SslOpts::default().with_danger_accept_invalid_certs(true);
    let options = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .user(Some(APP))
        .pass(Some(PASSWORD))
        .prefer_socket(false)
        .max_allowed_packet(Some(1 << 24))
        .wait_timeout(Some(28_800))
        .ssl_opts((done == Done::RunOneInTls).then_some(tls));
    let mut client = Conn::new(options).await?;
    if done != Done::LoggedIn {
        client.query_drop("SELECT 1").await?;
    }
    Ok(Idle::Session(Box::new(client)))
}

/// Opens so many clients, a few at a time.
async fn open(port: u16, done: Done, count: usize) -> Result<Vec<Idle>> {
    let (mut opened, mut opening) = (Vec::with_capacity(count), JoinSet::new());
    for _ in 0..count {
        if opening.len() >= AT_ONCE
            && let Some(client) = opening.join_next().await
        {
            opened.push(client??);
        }
        opening.spawn(client(port, done));
    }
    while let Some(client) = opening.join_next().await {
        opened.push(client??);
    }
    Ok(opened)
}

/// Opens so many idle clients of each kind, each kind at a Splitfin of its own, and gives a table.
pub(crate) async fn measure(arguments: &Arguments, cluster: &Cluster, count: usize) -> Result<String> {
    let mut out = format!(
        "Resident memory for each of {count} idle clients, in KiB\n\n| clients have | at once | at rest | goal |\n|---|---|---|---|\n"
    );
    for done in Done::ALL {
        progress(&format!("{count} clients: {}", done.words()));
        let splitfin = Splitfin::start(arguments, cluster)?;
        splitfin.listens().await?;
        // What is there once and for all is there before.
        drop(open(splitfin.port, done, 200).await?);
        let before = splitfin.at_rest().await?;
        let clients = open(splitfin.port, done, count).await?;
        let each = |now: f64| (now - before) / count as f64;
        let at_once = each(splitfin.resident()?);
        let at_rest = each(splitfin.at_rest().await?);
        writeln!(out, "| {} | {at_once:.1} | {at_rest:.1} | {} |", done.words(), done.goal())?;
        check(clients).await?;
    }
    Ok(out)
}

/// Those that were let in are still there.
async fn check(clients: Vec<Idle>) -> Result<()> {
    for client in clients.into_iter().step_by(100) {
        if let Idle::Session(mut session) = client {
            session.query_drop("SELECT 2").await.context("an idle client was not served any more")?;
        }
    }
    Ok(())
}

/// Clients that log in at a time.
const AT_ONCE: usize = 16;
