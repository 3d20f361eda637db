//! One server process with its own data directory and port.

use crate::error::Error;
use crate::network::Network;
use crate::programs::{Family, Programs, is_root, tail};
use crate::wait::{eventually, free_port};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder};
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// `server_id`.
    pub id: u32,
    /// Whether it refuses writes of ordinary accounts.
    pub read_only: bool,
    /// Whether it writes down every statement; off for measuring.
    pub general_log: bool,
    /// More arguments.
    pub extra: Vec<String>,
    /// Programs that the server runs: a folder of its own gets copies. Such a server does not run as root.
    pub scripts: Vec<PathBuf>,
    /// A process in whose network namespace it runs, at [`Network::THERE`].
    pub inside: Option<u32>,
    /// Where its data directory is made, if not where the system has temporary files.
    pub disk: Option<PathBuf>,
}

/// One server process.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    options: ServerOptions,
    directory: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Server {
    /// Starts a server and waits until it answers.
    pub async fn start(programs: &Programs, options: ServerOptions) -> Result<Self, Error> {
        let mut server = Self::launch(programs, options)?;
        server.begun().await?;
        Ok(server)
    }

    /// Starts a server, which answers some time later: see [`Server::begun`]. Several can so begin at once.
    pub(crate) fn launch(programs: &Programs, options: ServerOptions) -> Result<Self, Error> {
        let disk = options.disk.clone().unwrap_or_else(std::env::temp_dir);
        let directory =
            tempfile::Builder::new().prefix("splitfin-").tempdir_in(disk).map_err(Error::io("a data directory"))?;
        let port = free_port()?;
        let mut server = Self { programs: programs.clone(), options, directory, port, child: None };
        server.fill()?;
        server.spawn()?;
        Ok(server)
    }

    /// Waits until a server that was launched answers.
    pub(crate) async fn begun(&mut self) -> Result<(), Error> {
        let Err(error) = self.answers().await else { return Ok(()) };
        // Somebody else may have taken the port meanwhile: once more, on another one.
        if !error.to_string().to_ascii_lowercase().contains("in use") {
            return Err(error);
        }
        self.port = free_port()?;
        self.restart().await
    }

    /// Data as after the installation.
    fn fill(&self) -> Result<(), Error> {
        std::fs::create_dir_all(self.path("tmp")).map_err(Error::io("a folder for temporary tables"))?;
        let template = self.programs.template()?;
        let copied = Command::new("cp").arg("-r").arg(template.join("data")).arg(self.directory.path()).status();
        if !copied.map_err(Error::io("cp"))?.success() {
            return Err(Error::Failed { what: "copying a data directory".into(), log: String::new() });
        }
        if self.options.scripts.is_empty() {
            return Ok(());
        }
        std::fs::create_dir_all(self.path("bin")).map_err(Error::io("scripts"))?;
        for script in &self.options.scripts {
            let name = script.file_name().unwrap_or_default();
            std::fs::copy(script, self.path("bin").join(name)).map_err(Error::io("scripts"))?;
        }
        if is_root() {
            // What serves the data to a new member gives up the rights of root.
            let status = Command::new("chown").args(["-R", NOBODY]).arg(self.directory.path()).status();
            if !status.map_err(Error::io("chown"))?.success() {
                return Err(Error::Failed { what: "giving a data directory away".into(), log: String::new() });
            }
        }
        Ok(())
    }

    /// Ends the process, throws all data away, and starts again as a new server at the old address.
    pub async fn reseed(&mut self) -> Result<(), Error> {
        self.kill();
        std::fs::remove_dir_all(self.path("data")).map_err(Error::io("removing data"))?;
        self.fill()?;
        self.restart().await
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its address: 127.0.0.1, unless it runs in a network of its own.
    pub const fn ip(&self) -> Ipv4Addr {
        match self.options.inside {
            Some(_) => Network::THERE,
            None => Ipv4Addr::LOCALHOST,
        }
    }

    /// Where it finds servers that are not in its network.
    pub(crate) const fn others(&self) -> Ipv4Addr {
        match self.options.inside {
            Some(_) => Network::HERE,
            None => Ipv4Addr::LOCALHOST,
        }
    }

    /// `127.0.0.1:PORT`, or what [`Server::ip`] says.
    pub fn address(&self) -> String {
        format!("{}:{}", self.ip(), self.port)
    }

    /// MySQL or MariaDB.
    pub const fn family(&self) -> Family {
        self.programs.family()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the process (again) and waits until it answers.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        self.spawn()?;
        self.answers().await
    }

    fn spawn(&mut self) -> Result<(), Error> {
        let log = File::create(self.path("error.log")).map_err(Error::io("error.log"))?;
        let mut command = self.programs.command(self.options.inside);
        if !self.options.scripts.is_empty() {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        }
        command.args(self.arguments()).stdout(log.try_clone().map_err(Error::io("error.log"))?).stderr(log);
        self.child = Some(command.spawn().map_err(Error::io("starting a server"))?);
        Ok(())
    }

    async fn answers(&mut self) -> Result<(), Error> {
        let limit = Duration::from_secs(60);
        let error_log = self.path("error.log");
        let (ip, port) = (self.ip(), self.port);
        let child = &mut self.child;
        eventually("the server answers", limit, async || {
            if let Some(Ok(Some(status))) = child.as_mut().map(Child::try_wait) {
                let log = std::fs::read_to_string(&error_log).unwrap_or_default();
                return Ok(Err(Error::Failed { what: format!("the server ({status})"), log: tail(&log) }));
            }
            match connect(ip, port, "root", "").await {
                Ok(_) => Ok(Ok(())),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?
    }

    fn arguments(&self) -> Vec<String> {
        let ServerOptions { id, read_only, general_log, extra, scripts, .. } = &self.options;
        let mut arguments = self.programs.base_arguments();
        let at = |name: &str| self.path(name).display().to_string();
        arguments.extend([
            format!("--datadir={}", at("data")),
            format!("--socket={}", at("socket")),
            format!("--pid-file={}", at("pid")),
            format!("--port={}", self.port),
            format!("--server-id={id}"),
            format!("--read-only={}", u8::from(*read_only)),
            format!("--general-log={}", u8::from(*general_log)),
            format!("--general-log-file={}", at("general.log")),
            format!("--report-host={}", self.ip()),
            format!("--report-port={}", self.port),
            format!("--bind-address={}", self.ip()),
            "--skip-name-resolve".into(),
            "--log-bin=binlog".into(),
            // Rows, so that a replica's log of statements shows what clients ran there, not what was replicated.
            "--binlog-format=ROW".into(),
            "--log-bin-trust-function-creators=1".into(),
            "--innodb-buffer-pool-size=64M".into(),
            "--max-connections=1200".into(),
            // A process that is killed loses nothing that it has written: that takes a machine that dies.
            "--innodb-flush-method=nosync".into(),
        ]);
        if self.options.disk.is_none() {
            // A MariaDB that starts removes all that looks like a temporary table there, whoever's it is.
            arguments.push(format!("--tmpdir={}", at("tmp")));
        }
        arguments.extend(match self.family() {
            Family::Mariadb => {
                vec!["--gtid-strict-mode=1".into(), "--log-slave-updates=1".into(), "--slave-net-timeout=10".into()]
            }
            Family::Mysql => vec![
                "--gtid-mode=ON".into(),
                "--enforce-gtid-consistency=ON".into(),
                "--mysqlx=OFF".into(),
                "--log-replica-updates=1".into(),
                "--replica-net-timeout=10".into(),
                "--local-infile=1".into(),
                // Memory for what nobody looks at takes time to be cleared.
                "--innodb-log-buffer-size=4M".into(),
                "--performance-schema-digests-size=200".into(),
                "--performance-schema-events-statements-history-long-size=100".into(),
                "--performance-schema-events-stages-history-long-size=100".into(),
                "--performance-schema-events-transactions-history-long-size=100".into(),
                "--performance-schema-events-waits-history-long-size=100".into(),
            ],
        });
        // A server that is killed must find again what it had; one that is only measured need not.
        let durable = u8::from(*general_log);
        arguments.extend([format!("--innodb-flush-log-at-trx-commit={durable}"), format!("--sync-binlog={durable}")]);
        if !scripts.is_empty() && is_root() {
            arguments.push(format!("--user={NOBODY}"));
        }
        arguments.extend_from_slice(extra);
        arguments
    }

    /// A connection as root. Where there is none to be had, the server's own log may say why.
    pub async fn root(&self) -> Result<Conn, Error> {
        connect(self.ip(), self.port, "root", "").await.map_err(|error| {
            let log = std::fs::read_to_string(self.path("error.log")).unwrap_or_default();
            Error::Failed { what: error.to_string(), log: tail(&log) }
        })
    }

    /// Runs statements as root.
    pub async fn run(&self, statements: &[&str]) -> Result<(), Error> {
        let mut conn = self.root().await?;
        for statement in statements {
            conn.query_drop(*statement).await?;
        }
        Ok(())
    }

    /// Ends the process at once, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Stops the process without ending it: connections stay open, nothing answers.
    pub fn pause(&self) -> Result<(), Error> {
        self.signal("-STOP")
    }

    /// Lets a paused process go on.
    pub fn resume(&self) -> Result<(), Error> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> Result<(), Error> {
        let Some(pid) = self.pid() else { return Ok(()) };
        let status = Command::new("kill").args([signal, &pid.to_string()]).status().map_err(Error::io("kill"))?;
        match status.success() {
            true => Ok(()),
            false => Err(Error::Failed { what: format!("kill {signal} {pid}"), log: String::new() }),
        }
    }

    /// Whether a statement that holds `marker` was executed here.
    pub fn executed(&self, marker: &str) -> Result<bool, Error> {
        Ok(self.count_executed(marker)? > 0)
    }

    /// How many statements that hold `marker` were executed here. Preparations do not count.
    pub fn count_executed(&self, marker: &str) -> Result<usize, Error> {
        let log = std::fs::read(self.path("general.log")).map_err(Error::io("general.log"))?;
        let log = String::from_utf8_lossy(&log);
        Ok(log.lines().filter(|line| line.contains(marker) && !line.contains("Prepare\t")).count())
    }

    /// The directory with the server's files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) const fn set_read_only(&mut self, read_only: bool) {
        self.options.read_only = read_only;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.resume();
        self.kill();
    }
}

/// An account without rights, where one has to run as somebody else than root.
const NOBODY: &str = "nobody";

pub(crate) async fn connect(ip: Ipv4Addr, port: u16, user: &str, password: &str) -> Result<Conn, Error> {
    let builder = OptsBuilder::default()
        .ip_or_hostname(ip.to_string())
        .tcp_port(port)
        .user(Some(user))
        .pass(Some(password))
        .prefer_socket(false)
        .max_allowed_packet(Some(1 << 26))
        .wait_timeout(Some(28_800));
    let opened = tokio::time::timeout(Duration::from_secs(10), Conn::new(builder)).await;
    match opened {
        Ok(conn) => Ok(conn?),
        Err(_) => Err(Error::Deadline(Duration::from_secs(10), "connecting".into())),
    }
}
