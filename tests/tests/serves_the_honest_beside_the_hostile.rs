//! Promise: hostile clients of all kinds cost honest ones nothing but a moment: no error, no wrong answer, and at most 250 ms
//! more for 999 of 1000 statements. Splitfin takes at most 64 MiB more meanwhile, and afterwards nothing of them is left, in
//! Splitfin or on the servers.
//!
//! `make hostile` has two minutes of it, and compares times as well; the ordinary run is short, and its times say nothing.
//! `SPLITFIN_HOSTILE_ONLY=kills,savepoints` takes some kinds alone (`tests/src/hostile.rs` has their names).

#![allow(clippy::print_stdout, reason = "how the attacks went is what one runs this for")]

use mysql_async::OptsBuilder;
use mysql_async::prelude::Queryable as _;
use splitfin_testkit::Server;
use splitfin_tests::honest::{Honest, Seen};
use splitfin_tests::hostile::{ACCOUNTS, FORGED, Hostile, Report};
use splitfin_tests::service::{Service, Usage, program};
use splitfin_tests::{APP, Cluster, PASSWORD, PATIENCE, Told, eventually, http, story};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

type Failed = Box<dyn std::error::Error>;

story! {
    twenty_and_more_of_all_kinds, async |family| -> Told {
        let scene = Scene::set(family).await?;
        let (seconds, is_full) = duration();
        let before = scene.taken().await?;

        let honest = Honest::start(&scene.options(), HONEST);
        let begun = honest.all_in().await?;
        let alone = scene.watch(seconds / 4).await?;
        let mut calm = honest.seen();
        let hostile = Hostile::start(scene.port, family);
        println!("{}: {HONEST} honest clients, {} hostile, for {seconds:?}", family.name(), hostile.count());
        let most = scene.watch(seconds).await?;
        let mut beside = honest.seen();
        let reports = hostile.end().await?;
        let after = honest.end().await?;

        print(&reports, &mut calm, &mut beside);
        for (when, taken) in [("before all clients", before), ("calm", alone), ("beside the hostile", most)] {
            println!("{when}: at most {} MiB, {taken:?}", taken.usage.resident >> 20);
        }
        for seen in [&begun, &calm, &beside, &after] {
            assert_eq!(seen.wrong.len(), 0, "{:#?}", seen.wrong);
        }
        let idle: Vec<_> = reports.iter().filter(|report| report.acts == 0).collect();
        assert_eq!(idle.len(), 0, "did nothing: {idle:#?}");
        let more = most.usage.resident.saturating_sub(alone.usage.resident);
        assert!(more <= 64 << 20, "{} MiB more", more >> 20);
        assert!(most.connections <= POOLED && most.prepared <= PREPARED, "{most:?}");
        scene.until_nothing_is_left(before).await?;
        scene.said_what_is_true()?;
        if is_full {
            let [calm, beside] = [&mut calm, &mut beside].map(|seen| seen.statements.permille(999));
            assert!(beside <= calm + Duration::from_millis(250), "{calm:?}, and beside the hostile {beside:?}");
        }
        Ok(())
    }
}

fn print(reports: &[Report], calm: &mut Seen, beside: &mut Seen) {
    for Report { name, acts, last } in reports {
        let last: String = last.chars().filter(|c| !c.is_control()).take(100).collect();
        println!("  {name}: {acts}, {last}");
    }
    for (when, seen) in [("calm", calm), ("beside the hostile", beside)] {
        println!("{when}: statements {}", seen.statements.describe());
        println!("{when}: logins {}", seen.logins.describe());
    }
}

/// How long it goes on, and whether that is what times are compared for.
fn duration() -> (Duration, bool) {
    let told = std::env::var("SPLITFIN_HOSTILE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    (Duration::from_secs(told.unwrap_or(15)), told.is_some())
}

/// Servers, and Splitfin as a process of its own in front of them.
struct Scene {
    cluster: Cluster,
    service: Service,
    port: u16,
    admin: u16,
    _folder: TempDir,
}

/// What Splitfin and its clients take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken {
    usage: Usage,
    /// Of clients' accounts, on the server that has most.
    connections: u64,
    /// Statements, on the server that has most.
    prepared: u64,
}

impl Scene {
    async fn set(family: splitfin_tests::Family) -> Result<Self, Failed> {
        let cluster = Cluster::start_with(family, 2, false).await?;
        Honest::prepare(&cluster, HONEST).await?;
        Hostile::prepare(&cluster).await?;
        let (folder, port, admin) =
            (tempfile::tempdir()?, splitfin_testkit::free_port()?, splitfin_testkit::free_port()?);
        let path = folder.path().join("splitfin.yaml");
        let servers = cluster.servers().enumerate();
        let backends = servers
            .map(|(number, server)| format!("  - {{ name: server-{number}, address: \"{}\" }}\n", server.address()));
        let text = format!(
            "listen: [{{ address: \"127.0.0.1:{port}\" }}]
backends:
{}monitor: {{ user: monitor, password: secret, timeout: 2s }}
admin: {{ http: \"127.0.0.1:{admin}\" }}
state_dir: \"{}\"
limits: {{ write_timeout: 5s }}
# What is left over shows the sooner.
pool: {{ idle_timeout: 3s, max_connections: {POOLED} }}
",
            backends.collect::<String>(),
            folder.path().display(),
        );
        std::fs::write(&path, text)?;
        let mut command = Command::new(program());
        command.arg("run").arg(&path);
        let service = Service::start(command, folder.path())?;
        let scene = Self { cluster, service, port, admin, _folder: folder };
        scene.until_usable().await?;
        Ok(scene)
    }

    /// Waits until all servers serve, and until nobody is connected to them any more.
    async fn until_usable(&self) -> Told {
        eventually("it serves", PATIENCE, async || {
            let mut conn = mysql_async::Conn::new(self.options()).await.map_err(|error| error.to_string())?;
            conn.query_drop("SELECT 1").await.map_err(|error| error.to_string())?;
            let fit = self.figures("splitfin_backend_usable").await?;
            if fit.len() == 3 && fit.iter().all(|fit| *fit == 1) { Ok(()) } else { Err(format!("{fit:?}")) }
        })
        .await?;
        eventually("its connections are closed", PATIENCE, async || match self.taken().await {
            Ok(Taken { connections: 0, .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        Ok(())
    }

    fn options(&self) -> OptsBuilder {
        let options = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(self.port).prefer_socket(false);
        let options = options.user(Some(APP)).pass(Some(PASSWORD)).db_name(Some("shop"));
        options.max_allowed_packet(Some(1 << 24)).wait_timeout(Some(28_800))
    }

    /// The values of a metric.
    async fn figures(&self, name: &str) -> Result<Vec<u64>, String> {
        let asked = http(([127, 0, 0, 1], self.admin).into(), "GET", "/metrics", "").await;
        let (_, text) = asked.map_err(|error| error.to_string())?;
        let lines = text.lines().filter(|line| line.starts_with(name));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect())
    }

    async fn taken(&self) -> Result<Taken, Failed> {
        let mut taken = Taken { usage: self.service.usage()?, connections: 0, prepared: 0 };
        for server in self.cluster.servers() {
            let asked = tokio::time::timeout(PATIENCE, held(server)).await;
            let [connections, prepared] = asked.map_err(|_| format!("{} says nothing", server.address()))??;
            taken.connections = taken.connections.max(connections);
            taken.prepared = taken.prepared.max(prepared);
        }
        Ok(taken)
    }

    /// Looks on for so long, and gives the most that was taken of each.
    async fn watch(&self, time: Duration) -> Result<Taken, Failed> {
        let until = Instant::now() + time;
        let mut most = self.taken().await?;
        let mut servers_at = Instant::now();
        let mut course = [0; COURSE];
        while Instant::now() < until {
            let usage = self.service.usage()?;
            most.usage.resident = most.usage.resident.max(usage.resident);
            let left = until.saturating_duration_since(Instant::now()).as_secs_f64() / time.as_secs_f64();
            let part = ((1.0 - left) * COURSE as f64) as usize;
            course[part.min(COURSE - 1)] = usage.resident.max(course[part.min(COURSE - 1)]);
            most.usage.threads = most.usage.threads.max(usage.threads);
            most.usage.descriptors = most.usage.descriptors.max(usage.descriptors);
            // Servers have better things to do.
            if servers_at.elapsed() > Duration::from_secs(1) {
                let now = self.taken().await?;
                most.connections = most.connections.max(now.connections);
                most.prepared = most.prepared.max(now.prepared);
                servers_at = Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("MiB in the course of {time:?}: {:?}", course.map(|bytes| bytes >> 20));
        Ok(most)
    }

    /// Waits until everything is as it was before the first client.
    async fn until_nothing_is_left(&self, before: Taken) -> Told {
        let is_as_before = |now: Taken| {
            // Probes come and go.
            let most_descriptors = before.usage.descriptors.map(|count| count + 4);
            let of_the_process = now.usage.descriptors <= most_descriptors && now.usage.threads <= before.usage.threads;
            of_the_process && now.connections == 0 && now.prepared <= before.prepared
        };
        eventually("nothing is left", PATIENCE, async || {
            let now = self.taken().await.map_err(|error| error.to_string())?;
            let clients = self.figures("splitfin_clients").await?;
            if is_as_before(now) && clients == [0] {
                Ok(())
            } else {
                Err(format!("{now:?}, {clients:?} clients; before {before:?}"))
            }
        })
        .await?;
        Ok(())
    }

    /// No line of the log is somebody else's, and nothing broke that mended itself.
    fn said_what_is_true(&self) -> Told {
        let log = self.service.log();
        let forged: Vec<_> = log.lines().filter(|line| line.starts_with(FORGED)).collect();
        assert_eq!(forged.len(), 0, "{forged:?}");
        assert!(!log.contains("\x1b[2J") && !log.contains("\x1b[31m"), "a client colours the log");
        let broken: Vec<_> = log.lines().filter(|line| line.contains("panicked")).collect();
        assert_eq!(broken.len(), 0, "{broken:#?}");
        Ok(())
    }
}

/// Connections of clients' accounts, and prepared statements of all, on one server.
async fn held(server: &Server) -> Result<[u64; 2], Failed> {
    let mut root = server.root().await?;
    let accounts = ACCOUNTS.iter().chain(&[APP]).map(|account| format!("'{account}'")).collect::<Vec<_>>().join(",");
    let sql = format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER IN ({accounts})");
    let connections: Option<u64> = root.query_first(sql).await?;
    let prepared: Option<(String, u64)> = root.query_first("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'").await?;
    root.disconnect().await?;
    Ok([connections.unwrap_or_default(), prepared.map_or(0, |(_, count)| count)])
}

/// Parts of the time of which the most is shown: what grows, shows.
const COURSE: usize = 20;
/// Honest clients.
const HONEST: u32 = 64;
/// `pool.max_connections`: the default.
const POOLED: u64 = 100;
/// Far below what a server has for everybody (`max_prepared_stmt_count`, 16,382): two for each connection, and those of one
/// hostile session.
const PREPARED: u64 = 1000;
