//! What the end-to-end tests share: a stage with real servers and a Splitfin in front of them.

pub mod authority;
pub mod checker;
pub mod differential;
pub mod drivers;
pub mod forward;
pub mod history;
pub mod honest;
pub mod hostile;
pub mod load;
pub mod raw;
pub mod service;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder};
use splitfin::{Config, Running};
pub use splitfin_testkit::{APP, Cluster, Family, PASSWORD, eventually};
use std::time::Duration;
use tempfile::TempDir;

/// Long enough for a slow machine; a test that needs it all has found something.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a story on both families: `story! { name, |stage| { … } }` becomes `name::mariadb` and `name::mysql`.
#[macro_export]
macro_rules! story {
    ($(#[$doc:meta])* $name:ident, $story:expr) => {
        $(#[$doc])*
        mod $name {
            #[allow(unused_imports, reason = "each story uses what it needs of its file")]
            use super::*;

            #[test]
            fn mariadb() {
                $crate::block_on($story($crate::Family::Mariadb));
            }

            #[test]
            fn mysql() {
                $crate::block_on($story($crate::Family::Mysql));
            }
        }
    };
}

/// Runs a story to its end. A missing server is an error, never a skipped test.
pub fn block_on(story: impl Future<Output = Result<(), Box<dyn std::error::Error>>>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    if let Err(error) = runtime.block_on(story) {
        panic!("{error}");
    }
}

/// Runs a story in namespaces of its own, in which it may make links and mounts: the test `name` of the calling file is
/// started once more, in there.
#[track_caller]
pub fn in_a_world_of_its_own(name: &str, story: impl Future<Output = Told>) {
    const INSIDE: &str = "SPLITFIN_TEST_WORLD";
    if std::env::var_os(INSIDE).is_some() {
        return block_on(story);
    }
    // Each file is a module of one program.
    let file = std::path::Path::new(std::panic::Location::caller().file());
    let name = format!("{}::{name}", file.file_stem().unwrap_or_default().display());
    let mut again = std::process::Command::new("unshare");
    // Who is not root is it in there.
    if !splitfin_testkit::is_root() {
        again.arg("--map-root-user");
    }
    again.args(["--net", "--mount", "--kill-child", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    again.arg(std::env::current_exe().expect("this program")).args(["--exact", &name, "--nocapture"]);
    let output = again.env(INSIDE, "1").output().expect("unshare");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// How a story ends.
pub type Told = Result<(), Box<dyn std::error::Error>>;

/// A primary, two replicas, and a Splitfin in front of them.
#[derive(Debug)]
pub struct Stage {
    /// The servers.
    pub cluster: Cluster,
    /// What is tested.
    pub splitfin: Running,
    /// Its port.
    pub port: u16,
    state: TempDir,
}

impl Stage {
    /// With the default configuration.
    pub async fn start(family: Family) -> Result<Self, Box<dyn std::error::Error>> {
        Self::with(family, "").await
    }

    /// With more lines of configuration.
    pub async fn with(family: Family, more: &str) -> Result<Self, Box<dyn std::error::Error>> {
        Self::in_front_of(Cluster::start(family, 2).await?, more).await
    }

    /// In front of servers that run already.
    pub async fn in_front_of(cluster: Cluster, more: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let listed = cluster.replicas.len();
        Self::listing(cluster, listed, more).await
    }

    /// In front of servers that run already, of which only the primary and so many replicas are in the configuration.
    pub async fn listing(cluster: Cluster, listed: usize, more: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let state = tempfile::tempdir()?;
        let text = config(&cluster, listed, state.path(), more);
        let stage = Self::configured(cluster, state, &text).await?;
        stage.until_usable(listed).await?;
        Ok(stage)
    }

    async fn configured(cluster: Cluster, state: TempDir, text: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let config = Config::parse("story", text)?;
        splitfin::start_logging(&config.log);
        let splitfin = splitfin::run(config).await?;
        let port = match &splitfin.endpoints()[0] {
            splitfin::Endpoint::Tcp(address) => address.port(),
            splitfin::Endpoint::Unix(_) => 0,
        };
        Ok(Self { cluster, splitfin, port, state })
    }

    /// In front of servers of which some replicas are reached at other addresses than their own.
    pub async fn with_addresses(
        cluster: Cluster,
        addresses: &[(usize, String)],
        more: &str,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let state = tempfile::tempdir()?;
        let mut text = config(&cluster, cluster.replicas.len(), state.path(), more);
        for (replica, address) in addresses {
            text = text.replace(&cluster.replicas[*replica].address(), address);
        }
        let stage = Self::configured(cluster, state, &text).await?;
        stage.until_usable(stage.cluster.replicas.len()).await?;
        Ok(stage)
    }

    /// In front of servers of which the primary is reached at another address than its own.
    pub async fn with_primary_at(
        cluster: Cluster,
        address: &str,
        more: &str,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let state = tempfile::tempdir()?;
        let text = config(&cluster, cluster.replicas.len(), state.path(), more);
        let text = text.replace(&cluster.primary.address(), address);
        let stage = Self::configured(cluster, state, &text).await?;
        stage.until_usable(stage.cluster.replicas.len()).await?;
        Ok(stage)
    }

    /// Goes on with another configuration.
    pub fn reload(&mut self, listed: usize, more: &str) -> Result<splitfin::Reloaded, Box<dyn std::error::Error>> {
        let text = config(&self.cluster, listed, self.state.path(), more);
        Ok(self.splitfin.reload(Config::parse("story", &text)?)?)
    }

    /// Asks the admin endpoint, and gives status and body.
    pub async fn admin(&self, method: &str, path: &str) -> Result<(u16, String), Box<dyn std::error::Error>> {
        let address = self.splitfin.admin().ok_or("no admin endpoint")?;
        http(address, method, path, "").await
    }

    /// Waits until there is a primary and this many replicas take reads.
    pub async fn until_usable(&self, replicas: usize) -> Result<(), Box<dyn std::error::Error>> {
        eventually("a primary and its replicas", PATIENCE, async || {
            let snapshot = self.splitfin.snapshot();
            let fit = snapshot.fit_replicas().count();
            match snapshot.primary.is_some() && fit == replicas {
                true => Ok(()),
                false => Err(format!("primary {:?}, {fit} replicas fit: {:?}", snapshot.primary, snapshot.backends)),
            }
        })
        .await?;
        Ok(())
    }

    /// Waits until the server with this name is the primary.
    pub async fn until_primary(&self, name: &str) -> Told {
        eventually(&format!("{name} is the primary"), PATIENCE, async || {
            let snapshot = self.splitfin.snapshot();
            let primary = snapshot.primary.and_then(|id| snapshot.backend(id)).map(|view| view.spec.name.clone());
            if primary.as_deref() == Some(name) { Ok(()) } else { Err(format!("{primary:?}")) }
        })
        .await?;
        Ok(())
    }

    /// Waits until there is no primary.
    pub async fn until_primary_is_missed(&self) -> Told {
        eventually("the primary is missed", PATIENCE, async || match self.splitfin.snapshot().primary {
            None => Ok(()),
            Some(id) => Err(format!("{id}")),
        })
        .await?;
        Ok(())
    }

    /// A client of Splitfin.
    pub async fn client(&self) -> Result<Conn, mysql_async::Error> {
        Conn::new(self.options()).await
    }

    /// How clients connect.
    pub fn options(&self) -> OptsBuilder {
        OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port)
            .user(Some(APP))
            .pass(Some(PASSWORD))
            .db_name(Some("shop"))
            .prefer_socket(false)
            .max_allowed_packet(Some(1 << 26))
            .wait_timeout(Some(28_800))
    }

    /// Makes a table with a few rows, and waits until the replicas have it.
    pub async fn table(&self) -> Result<(), Box<dyn std::error::Error>> {
        let statements = [
            "CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, item VARCHAR(50), amount INT)",
            "INSERT INTO shop.orders (item, amount) VALUES ('apple', 1), ('pear', 2), ('plum', 3)",
        ];
        self.cluster.primary.run(&statements).await?;
        self.cluster.caught_up().await?;
        Ok(())
    }

    /// Where statements that hold `marker` ran: how many on the primary, and on each replica.
    pub fn ran(&self, marker: &str) -> Result<Vec<usize>, splitfin_testkit::Error> {
        self.cluster.servers().map(|server| server.count_executed(marker)).collect()
    }

    /// Reads, and says where and why there. A replica that is late for the read on a slow machine is given more time.
    pub async fn read_route(client: &mut Conn, sql: &str) -> Result<(String, String), splitfin_testkit::Error> {
        eventually(sql, PATIENCE, async || {
            client.query_drop(sql).await.map_err(|error| error.to_string())?;
            let route = Self::last_route(client).await.map_err(|error| error.to_string())?;
            if route.1 == "replicas_behind" { Err(format!("{route:?}")) } else { Ok(route) }
        })
        .await
    }

    /// The last decision about this client's statements: backend and reason.
    pub async fn last_route(client: &mut Conn) -> Result<(String, String), mysql_async::Error> {
        let row: Option<mysql_async::Row> = client.query_first("SHOW SPLITFIN ROUTE").await?;
        let text = |name| row.as_ref().and_then(|row| row.get::<String, _>(name)).unwrap_or_default();
        Ok((text("Backend"), text("Reason")))
    }
}

/// Resident memory of this process, in bytes: Splitfin runs inside it.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kib: Option<u64> = line.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    kib.unwrap_or(0) * 1024
}

/// In the configuration of a story: no TLS towards the servers.
pub const PLAIN: &str = "# plain";

/// In the configuration of a story: servers are told where clients are.
pub const INTRODUCE: &str = "# introduce";
/// In the configuration of a story: compressed connections to the servers.
pub const ZLIB: &str = "# zlib";
/// The same, with zstd.
pub const ZSTD: &str = "# zstd";

/// Asks by HTTP, and gives status and body.
pub async fn http(
    address: std::net::SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
) -> Result<(u16, String), Box<dyn std::error::Error>> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await??;
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no status")?;
    Ok((status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned()))
}

fn config(cluster: &Cluster, listed: usize, state: &std::path::Path, more: &str) -> String {
    let mut backends = format!("  - {{ name: master, address: \"{}\" }}\n", cluster.primary.address());
    for (index, replica) in cluster.replicas.iter().enumerate().take(listed) {
        backends.push_str(&format!("  - {{ name: slave-{}, address: \"{}\" }}\n", index + 1, replica.address()));
    }
    if more.contains(INTRODUCE) {
        backends = backends.replace(" }", ", proxy_protocol: true }");
    }
    if more.contains(PLAIN) {
        backends = backends.replace(" }", ", tls: { mode: disabled } }");
    }
    for (mark, key) in [(ZLIB, "zlib"), (ZSTD, "zstd")] {
        if more.contains(mark) {
            backends = backends.replace(" }", &format!(", compression: {key} }}"));
        }
    }
    let monitor = match more.contains("monitor:") {
        true => "",
        false => "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 2s }\n",
    };
    let listen = if more.contains("listen:") { "" } else { "listen: [{ address: \"127.0.0.1:0\" }]\n" };
    let auth =
        if more.contains("auth:") { "" } else { "auth: { mode: static, users: [{ name: app, password: secret }] }\n" };
    format!(
        "{listen}backends:\n{backends}{monitor}{auth}state_dir: \"{}\"\n{}{}\n{more}\n",
        state.display(),
        if more.contains("admin:") { "" } else { "admin: { http: \"127.0.0.1:0\" }\n" },
        if more.contains("log:") { "" } else { "log: { routes_per_second: 0 }\n" },
    )
}
