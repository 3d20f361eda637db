//! Who is measured: each a process on a port of its own, in front of the same server.

use crate::Arguments;
use anyhow::{Context as _, Result, bail};
use splitfin_testkit::{Cluster, Server, free_port};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One of them.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    /// None for a direct connection.
    child: Option<Child>,
}

impl Contender {
    /// CPU time that it has used, with its children, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let Some(child) = &self.child else { return 0.0 };
        let of = |pid: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields: Vec<&str> =
                stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
            let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
            // utime and stime, in hundredths of a second on Linux.
            (ticks(11) + ticks(12)) / 100.0
        };
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap_or_default();
        of(child.id()) + children.split_whitespace().filter_map(|pid| pid.parse().ok()).map(of).sum::<f64>()
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // SIGTERM lets nginx and HAProxy end their workers.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Contenders {
    all: Vec<Contender>,
    _files: TempDir,
}

impl Contenders {
    /// In front of `target`; Splitfin in front of the whole cluster. What is not installed is left out.
    pub(crate) fn start(arguments: &Arguments, cluster: &Cluster, target: &Server) -> Result<Self> {
        let files = tempfile::tempdir()?;
        let mut all = vec![Contender { name: "direct", port: target.port(), child: None }];
        all.push(relay(files.path(), target.port())?);
        all.extend(haproxy(files.path(), target.port())?);
        all.extend(nginx(files.path(), target.port())?);
        all.push(splitfin(arguments, files.path(), cluster, &arguments.pool, "")?);
        for contender in &all {
            listening(contender)?;
        }
        Ok(Self { all, _files: files })
    }

    pub(crate) fn all(&self) -> &[Contender] {
        &self.all
    }
}

pub(crate) fn listening(contender: &Contender) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", contender.port)).is_err() {
        if Instant::now() > deadline {
            bail!("{} does not listen on {}", contender.name, contender.port);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn spawn(name: &'static str, port: u16, command: &mut Command) -> Result<Contender> {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn();
    Ok(Contender { name, port, child: Some(child.with_context(|| format!("cannot start {name}"))?) })
}

fn relay(files: &Path, target: u16) -> Result<Contender> {
    let program = files.join("relay");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("relay.c");
    let compiled = Command::new("cc").args(["-O2", "-pthread", "-o"]).arg(&program).arg(source).status();
    if !compiled.context("cannot run cc: apt-get install gcc")?.success() {
        bail!("cc failed");
    }
    let port = free_port()?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    spawn("floor", port, Command::new(program).args([port.to_string(), target.to_string(), threads.to_string()]))
}

fn installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

fn haproxy(files: &Path, target: u16) -> Result<Option<Contender>> {
    if !installed("haproxy") {
        return Ok(None);
    }
    let port = free_port()?;
    let config = files.join("haproxy.cfg");
    std::fs::write(
        &config,
        format!(
            "global\n  maxconn 4096\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
             listen mysql\n  bind 127.0.0.1:{port}\n  server db 127.0.0.1:{target}\n"
        ),
    )?;
    Ok(Some(spawn("haproxy", port, Command::new("/usr/sbin/haproxy").arg("-db").arg("-f").arg(config))?))
}

fn nginx(files: &Path, target: u16) -> Result<Option<Contender>> {
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    if !installed("nginx") || !Path::new(module).exists() {
        return Ok(None);
    }
    let port = free_port()?;
    let config = files.join("nginx.conf");
    let pid = files.join("nginx.pid");
    std::fs::write(
        &config,
        format!(
            "load_module {module};\ndaemon off;\nworker_processes auto;\npid {};\nerror_log /dev/null;\n\
             events {{ worker_connections 8192; }}\n\
             stream {{ server {{ listen 127.0.0.1:{port}; tcp_nodelay on; proxy_pass 127.0.0.1:{target}; proxy_timeout 1h; }} }}\n",
            pid.display()
        ),
    )?;
    Ok(Some(spawn("nginx", port, Command::new("/usr/sbin/nginx").arg("-c").arg(config))?))
}

pub(crate) fn splitfin(
    arguments: &Arguments,
    files: &Path,
    cluster: &Cluster,
    pool: &str,
    more: &str,
) -> Result<Contender> {
    let port = free_port()?;
    let config = files.join("splitfin.yaml");
    let connections = arguments.max_connections;
    let (master, slave) = (cluster.primary.address(), cluster.replicas[0].address());
    std::fs::write(
        &config,
        format!(
            "listen: [{{ address: \"127.0.0.1:{port}\", tls: {{ mode: disabled }} }}]\n\
             backends: [{{ name: master, address: \"{master}\", tls: {{ mode: disabled }} }}, {{ name: slave-1, address: \"{slave}\", tls: {{ mode: disabled }} }}]\n\
             monitor: {{ user: monitor, password: secret, lag: {{ max: 1h, resume: 1h }} }}\n\
             auth: {{ mode: static, users: [{{ name: app, password: secret }}] }}\n\
             pool: {{ mode: {pool}, max_connections: {connections} }}\n\
             state_dir: \"{}\"\n{more}",
            files.display()
        ),
    )?;
    let path = &arguments.splitfin;
    if !path.exists() {
        bail!("{} does not exist: cargo build --release -p splitfin", path.display());
    }
    spawn("splitfin", port, Command::new(path).arg("run").arg(config))
}
