//! Where the servers' programs are, and data directories that are ready to start.

use crate::error::Error;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// MySQL or MariaDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// MariaDB, of the distribution.
    Mariadb,
    /// MySQL.
    Mysql,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mariadb, Self::Mysql];

    /// In lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
        }
    }
}

/// The programs of one family.
#[derive(Debug, Clone)]
pub struct Programs {
    family: Family,
    server: Vec<String>,
    /// Where they were unpacked, if that is not a place of the system.
    unpacked: Option<PathBuf>,
}

/// Accounts that every server has. They are made before replication starts, and not written to the binary log.
const ACCOUNTS: &str = "
SET SESSION sql_log_bin = 0;
CREATE USER 'root'@'%' IDENTIFIED BY '';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
CREATE USER 'repl'@'%' IDENTIFIED BY 'repl';
GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%';
CREATE USER 'monitor'@'%' IDENTIFIED BY 'secret';
GRANT {monitor} ON *.* TO 'monitor'@'%';
CREATE USER 'app'@'%' IDENTIFIED BY 'secret';
GRANT ALL ON *.* TO 'app'@'%';
CREATE DATABASE shop;
";

impl Programs {
    /// Finds the programs: where `SPLITFIN_MARIADBD` or `SPLITFIN_MYSQLD` point, or where `tools/servers.sh` put them.
    pub fn locate(family: Family) -> Result<Self, Error> {
        let variable = match family {
            Family::Mariadb => "SPLITFIN_MARIADBD",
            Family::Mysql => "SPLITFIN_MYSQLD",
        };
        if let Ok(path) = std::env::var(variable) {
            return Ok(Self { family, server: vec![path], unpacked: None });
        }
        let found = match family {
            Family::Mariadb => ["/usr/sbin/mariadbd", "/usr/libexec/mariadbd"]
                .iter()
                .find(|path| Path::new(path).exists())
                .map(|path| vec![(*path).to_owned()]),
            Family::Mysql => unpacked(&prefix(), "usr/sbin/mysqld"),
        };
        let server = found.ok_or_else(|| {
            Error::Missing(format!("no {} server found: run tools/servers.sh, or set {variable}", family.name()))
        })?;
        let unpacked = (family == Family::Mysql).then(prefix);
        Ok(Self { family, server, unpacked })
    }

    /// A MariaDB that is newer than the distribution's, where `tools/servers.sh` has fetched one.
    pub fn newer_mariadb() -> Option<Self> {
        let prefix = servers().join("mariadb-new");
        let server = unpacked(&prefix, "usr/sbin/mariadbd")?;
        Some(Self { family: Family::Mariadb, server, unpacked: Some(prefix) })
    }

    /// Which family.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The family's command line client, where it was unpacked with the server.
    pub fn client(&self) -> Option<Command> {
        self.tool("mysql")
    }

    /// A program that was unpacked with the server.
    pub fn tool(&self, name: &str) -> Option<Command> {
        let client = prefix().join("usr/bin").join(name);
        let [loader, rest @ ..] = self.server.as_slice() else { return None };
        let arguments = rest.strip_suffix(&[rest.last()?.clone()])?;
        if self.family != Family::Mysql || arguments.is_empty() || !client.exists() {
            return None;
        }
        let mut command = Command::new(loader);
        command.args(arguments).arg(client).stdin(Stdio::null());
        Some(command)
    }

    /// The server program with the arguments that every server has.
    /// The server, to be run here or in the network namespace of a process.
    pub(crate) fn command(&self, inside: Option<u32>) -> Command {
        let mut command = match inside {
            None => Command::new(&self.server[0]),
            Some(pid) => {
                let mut enter = Command::new("nsenter");
                enter.arg(format!("--target={pid}")).args(["--net", "--"]).arg(&self.server[0]);
                enter
            }
        };
        // --no-defaults has to be the first argument of the server itself.
        command.args(&self.server[1..]).arg("--no-defaults").stdin(Stdio::null());
        if is_root() {
            command.arg("--user=root");
        }
        command
    }

    /// A directory with an initialised server and the accounts, made once and copied for each server.
    pub(crate) fn template(&self) -> Result<PathBuf, Error> {
        let version = self.version()?;
        let place = cache().join("templates").join(format!("{}-{version}-3", self.family.name()));
        if place.join(".complete").exists() {
            return Ok(place);
        }
        let parent = cache().join("templates");
        std::fs::create_dir_all(&parent).map_err(Error::io(parent.display().to_string()))?;
        // Made apart and renamed, so that two processes can do it at once.
        let work = tempfile::tempdir_in(&parent).map_err(Error::io("a working directory"))?;
        self.initialise(work.path())?;
        std::fs::write(work.path().join(".complete"), "").map_err(Error::io("template"))?;
        let made = work.keep();
        if std::fs::rename(&made, &place).is_err() {
            // Somebody else was faster.
            std::fs::remove_dir_all(&made).map_err(Error::io("template"))?;
        }
        Ok(place)
    }

    fn version(&self) -> Result<String, Error> {
        let output = Command::new(&self.server[0])
            .args(&self.server[1..])
            .args(["--no-defaults", "--version"])
            .output()
            .map_err(Error::io(self.server[0].clone()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut words = text.split_whitespace().skip_while(|word| *word != "Ver");
        Ok(words.nth(1).unwrap_or("unknown").replace(['/', ':'], "-"))
    }

    fn initialise(&self, into: &Path) -> Result<(), Error> {
        let accounts = into.join("accounts.sql");
        // MariaDB makes accounts only once it has read the grant tables it just wrote.
        let (first, monitor) = match self.family {
            Family::Mariadb => ("FLUSH PRIVILEGES;", "REPLICA MONITOR"),
            Family::Mysql => ("", "REPLICATION CLIENT"),
        };
        let more = match self.family {
            Family::Mariadb => "",
            Family::Mysql => {
                "GRANT SELECT ON performance_schema.replication_applier_status_by_worker TO 'monitor'@'%';\
                 GRANT SELECT ON performance_schema.replication_group_members TO 'monitor'@'%';\
                 GRANT SELECT ON performance_schema.replication_group_member_stats TO 'monitor'@'%';"
            }
        };
        std::fs::write(&accounts, format!("{first}{}{more}", ACCOUNTS.replace("{monitor}", monitor)))
            .map_err(Error::io("accounts.sql"))?;
        let data = into.join("data");
        let mut command = match self.family {
            Family::Mariadb => {
                let mut command = Command::new("mariadb-install-db");
                command
                    .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
                    .arg(format!("--extra-file={}", accounts.display()));
                if is_root() {
                    command.arg("--user=root");
                }
                command
            }
            Family::Mysql => {
                let mut command = self.command(None);
                command.args(self.base_arguments());
                command.arg("--initialize-insecure").arg(format!("--init-file={}", accounts.display()));
                command
            }
        };
        let output = command
            .arg(format!("--datadir={}", data.display()))
            .output()
            .map_err(Error::io("initialising a server"))?;
        if !output.status.success() {
            let log = [output.stdout, output.stderr].concat();
            return Err(Error::Failed {
                what: "initialising a server".into(),
                log: tail(&String::from_utf8_lossy(&log)),
            });
        }
        // Each copy makes an identity of its own.
        let _ = std::fs::remove_file(data.join("auto.cnf"));
        Ok(())
    }

    /// Where an unpacked MySQL finds its own files.
    pub(crate) fn base_arguments(&self) -> Vec<String> {
        if let Some(prefix) = &self.unpacked {
            let usr = prefix.join("usr");
            return vec![
                "--secure-file-priv=".to_owned(),
                format!("--basedir={}", usr.display()),
                format!("--lc-messages-dir={}/share/mysql", usr.display()),
                format!("--plugin-dir={}/lib/mysql/plugin", usr.display()),
                format!("--character-sets-dir={}/share/mysql/charsets", usr.display()),
            ];
        }
        if self.family == Family::Mariadb {
            let plugins = servers().join("mariadb/usr/lib/mysql/plugin");
            let unpacked = plugins.exists() && std::env::var_os("SPLITFIN_MARIADBD").is_none();
            return if unpacked { vec![format!("--plugin-dir={}", plugins.display())] } else { vec![] };
        }
        vec![]
    }
}

/// The provider of Galera, and the folder with the scripts that bring a new member its data: where `SPLITFIN_GALERA` and
/// `SPLITFIN_GALERA_SCRIPTS` point, or where `tools/servers.sh galera` put them.
pub(crate) fn galera() -> Result<(PathBuf, PathBuf), Error> {
    let place = |variable: &str, usual: PathBuf| {
        let path = std::env::var_os(variable).map_or(usual, PathBuf::from);
        let missing =
            || Error::Missing(format!("no {}: run tools/servers.sh galera, or set {variable}", path.display()));
        if path.exists() { Ok(path) } else { Err(missing()) }
    };
    let provider = place("SPLITFIN_GALERA", "/usr/lib/galera/libgalera_smm.so".into())?;
    let scripts = place("SPLITFIN_GALERA_SCRIPTS", servers().join("mariadb/usr/bin"))?;
    Ok((provider, scripts))
}

/// Servers want to be told if they are to run as root.
/// Whether this process may do everything.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// The last lines of a log.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(12).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache");
    std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("splitfin")
}

/// Where `tools/servers.sh` puts what it fetches.
pub fn servers() -> PathBuf {
    std::env::var_os("SPLITFIN_SERVERS").map_or_else(|| cache().join("servers"), PathBuf::from)
}

fn prefix() -> PathBuf {
    servers().join("mysql")
}

/// An unpacked server brings its own C library and is started through its own loader.
fn unpacked(prefix: &Path, program: &str) -> Option<Vec<String>> {
    let program = prefix.join(program);
    if !prefix.join(".complete").exists() {
        return None;
    }
    let at = |path: &str| prefix.join(path).display().to_string();
    let loader = ["usr/lib64/ld-linux-x86-64.so.2", "usr/lib/ld-linux-aarch64.so.1"];
    let loader = loader.iter().find(|loader| prefix.join(loader).exists())?;
    let libraries =
        ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib/mysql/private"].map(at).join(":");
    Some(vec![at(loader), "--library-path".into(), libraries, program.display().to_string()])
}
