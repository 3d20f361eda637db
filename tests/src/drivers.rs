//! Programs that do with a driver what applications do and say what they see, run on a server and through Splitfin.

use crate::{APP, Family, PASSWORD, Stage};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A program that is given HOST PORT USER PASSWORD DATABASE after its own arguments.
#[derive(Debug, Clone)]
pub struct Driver {
    /// What it is called in reports, and in `SPLITFIN_WITHOUT`.
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
    /// The only family that it can log in to.
    only: Option<Family>,
    /// A file that cannot be had everywhere, without which it is not tried.
    needs: Option<PathBuf>,
}

fn here(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("drivers").join(path).display().to_string()
}

/// A program of this workspace.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    test.parent().and_then(Path::parent).expect("target/debug").join(name)
}

/// Where `tools/drivers.sh` puts what is not among Debian's packages.
fn fetched(path: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_default();
    cache.join("splitfin/drivers").join(path)
}

/// MySQL's Connector/J: `SPLITFIN_CONNECTOR_J`, or what was fetched.
fn connector_j() -> PathBuf {
    std::env::var_os("SPLITFIN_CONNECTOR_J").map_or_else(|| fetched("java/mysql-connector-j.jar"), PathBuf::from)
}

/// All of them.
pub fn all() -> Vec<Driver> {
    let run = |name, program: &str, arguments: &[&str]| Driver {
        name,
        program: program.into(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        environment: vec![],
        only: None,
        needs: None,
    };
    let of_python = |name, file: &str, more: &[&str]| {
        let file = here(&format!("python/{file}"));
        let arguments = [&[&*file], more].concat();
        Driver { program: fetched("python/bin/python"), ..run(name, "", &arguments) }
    };
    let of_rust = |name, program: &str| Driver { program: built(program), ..run(name, "", &[]) };
    let java = |name, of: &str, classes: &Path| {
        let classes = classes.display().to_string();
        run(name, "java", &["-Dfile.encoding=UTF-8", "-cp", &classes, &here("java/Matrix.java"), of])
    };
    let of_mariadb = java("connector-j-mariadb", "mariadb", Path::new("/usr/share/java/mariadb-java-client.jar"));
    let of_mysql = java("connector-j-mysql", "mysql", &connector_j());
    let go = vec![("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")];
    let node = vec![("NODE_PATH", "/usr/share/nodejs")];
    vec![
        of_python("pymysql", "dbapi.py", &["pymysql"]),
        of_python("mysqlclient", "dbapi.py", &["mysqlclient"]),
        of_python("connector-python", "dbapi.py", &["connector"]),
        of_python("connector-python-pure", "dbapi.py", &["connector-pure"]),
        of_python("aiomysql", "asyncio_drivers.py", &["aiomysql"]),
        of_python("asyncmy", "asyncio_drivers.py", &["asyncmy"]),
        of_python("sqlalchemy", "orm_sqlalchemy.py", &[]),
        of_python("django", "orm_django.py", &[]),
        // Version 2.7 sends executions that MySQL 9.7 refuses as malformed.
        Driver { only: Some(Family::Mariadb), ..of_mariadb },
        Driver { needs: Some(connector_j()), ..of_mysql },
        Driver { environment: go, ..run("go", "go", &["run", &here("go/main.go")]) },
        run("mysqli", "php", &["-d", "mysqli.allow_local_infile=On", &here("php/mysqli.php")]),
        run("pdo", "php", &[&here("php/pdo.php")]),
        run("perl", "perl", &[&here("perl/dbi.pl")]),
        run("ruby", "ruby", &[&here("ruby/mysql2.rb")]),
        // It has no caching_sha2_password.
        Driver { environment: node, only: Some(Family::Mariadb), ..run("node", "node", &[&here("node/mysql.js")]) },
        of_rust("sqlx", "matrix_sqlx"),
        of_rust("mysql_async", "matrix_mysql_async"),
        of_rust("sea-orm", "matrix_sea_orm"),
    ]
}

impl Driver {
    /// Runs it against what listens on `port`, and gives what it said.
    pub async fn run(&self, port: u16) -> Result<String, Box<dyn std::error::Error>> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(["127.0.0.1", &port.to_string(), APP, PASSWORD, "shop"]);
        command.envs(self.environment.iter().copied()).env("PYTHONHASHSEED", "0").env("LC_ALL", "C.UTF-8");
        let output = output(command).await.map_err(|error| format!("{}: {error}; run tools/drivers.sh", self.name))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(said),
            false => {
                let error = String::from_utf8_lossy(&output.stderr);
                Err(format!("{} on port {port}: {}\n{said}\n{error}", self.name, output.status).into())
            }
        }
    }

    /// Runs it on the primary and through Splitfin, each from the same tables on. Both must say the same.
    pub async fn compare(&self, stage: &Stage) -> Result<(), Box<dyn std::error::Error>> {
        if self.only.is_some_and(|only| only != stage.cluster.family()) {
            return Ok(());
        }
        if let Some(missing) = self.needs.as_deref().filter(|path| !path.exists()) {
            use std::io::Write as _;
            writeln!(std::io::stderr(), "{}: there is no {}: not tried", self.name, missing.display())?;
            return Ok(());
        }
        set_up(stage).await?;
        let direct = self.run(stage.cluster.primary.port()).await?;
        set_up(stage).await?;
        let through = self.run(stage.port).await?;
        let lines = direct.lines().zip(through.lines());
        let differing = lines.enumerate().find(|(_, (direct, through))| direct != through);
        match differing {
            Some((line, (direct, through))) => Err(format!(
                "{} sees a difference in line {}:\n  server   {direct}\n  splitfin {through}",
                self.name,
                line + 1
            )
            .into()),
            None if direct.lines().count() != through.lines().count() => {
                Err(format!("{}: one says more:\n{direct}\n--\n{through}", self.name).into())
            }
            None if direct.lines().count() < LEAST_LINES => Err(format!("{} says little: {direct}", self.name).into()),
            None => Ok(()),
        }
    }
}

/// Runs a program to its end, alongside this runtime's work.
pub async fn output(mut command: Command) -> std::io::Result<Output> {
    tokio::task::spawn_blocking(move || command.output()).await.map_err(std::io::Error::other)?
}

/// The tables that every program finds.
pub async fn set_up(stage: &Stage) -> Result<(), Box<dyn std::error::Error>> {
    let mut statements = vec!["DROP DATABASE IF EXISTS shop", "CREATE DATABASE shop CHARACTER SET utf8mb4"];
    let types = "CREATE TABLE shop.types (id INT AUTO_INCREMENT PRIMARY KEY, tiny TINYINT, big BIGINT UNSIGNED, \
        price DECIMAL(20,5), ratio DOUBLE, born DATE, at TIME(3), seen DATETIME(6), stamp TIMESTAMP NULL, \
        year_of YEAR, name VARCHAR(50), bytes VARBINARY(20), body TEXT, data BLOB, kind ENUM('x','y'), \
        flags SET('p','q'), bits BIT(10), doc JSON, yes BOOLEAN)";
    statements.extend([
        types,
        "CREATE TABLE shop.items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) UNIQUE, amount INT)",
        "INSERT INTO shop.items (name, amount) VALUES ('apple', 1), ('pear', 2), ('plum', 3)",
        "CREATE PROCEDURE shop.two_results() BEGIN SELECT name FROM shop.items WHERE id < 4 ORDER BY id; SELECT COUNT(*) FROM shop.items; END",
        "CREATE PROCEDURE shop.double_it(IN a INT, OUT b INT, INOUT c INT) BEGIN SET b = a * 2; SET c = c * 2; END",
    ]);
    stage.cluster.primary.run(&statements).await?;
    stage.cluster.caught_up().await?;
    Ok(())
}

/// The command line client of a family.
pub fn client(family: Family) -> Command {
    program(family, "mariadb", "mysql")
}

/// A command line client of MariaDB from 11.4 on, which verifies certificates by default: the one that `tools/servers.sh`
/// has fetched, or the system's, if that is new enough.
pub fn verifying_client() -> Option<Command> {
    let fetched = splitfin_testkit::servers().join("mariadb-client");
    if fetched.join(".complete").exists() {
        let mut command = Command::new(fetched.join("usr/lib64/ld-linux-x86-64.so.2"));
        command.arg("--library-path").arg(fetched.join("usr/lib/x86_64-linux-gnu"));
        command.arg(fetched.join("usr/bin/mariadb")).arg("--no-defaults");
        return Some(command);
    }
    let version = Command::new("mariadb").arg("--version").output().ok()?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let is_old = ["Distrib 10.", "from 10.", "from 11.0", "from 11.1", "from 11.2", "from 11.3"];
    (!is_old.iter().any(|old| version.contains(old))).then(|| client(Family::Mariadb))
}

/// The program that writes databases down as statements.
pub fn dump(family: Family) -> Command {
    program(family, "mariadb-dump", "mysqldump")
}

fn program(family: Family, mariadb: &str, mysql: &str) -> Command {
    let mut command = match family {
        Family::Mariadb => Command::new(mariadb),
        Family::Mysql => {
            let programs = splitfin_testkit::Programs::locate(Family::Mysql).expect("MySQL is there");
            programs.tool(mysql).expect("MySQL's programs are there")
        }
    };
    command.arg("--no-defaults");
    command
}

/// A program that says less has not done its work.
const LEAST_LINES: usize = 10;
