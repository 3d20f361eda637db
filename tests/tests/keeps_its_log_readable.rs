//! Promise: a line of the log is a line that Splitfin wrote, whatever clients call themselves and their tables; and nobody
//! waits for who reads it.

use mysql_async::prelude::Queryable as _;
use splitfin_protocol::Capabilities;
use splitfin_tests::raw::RawClient;
use splitfin_tests::service::{Service, program};
use splitfin_tests::{Cluster, Family, PASSWORD, PATIENCE, Told, block_on, eventually, http, story};
use std::io::Read as _;
use std::path::Path;
use std::process::{ChildStdout, Command};

/// A configuration for the program.
fn file(cluster: &Cluster, folder: &Path, endpoint: u16, admin: u16) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:{endpoint}\" }}]
backends: [{{ name: master, address: \"{}\" }}]
monitor: {{ user: monitor, password: secret, interval: 100ms, timeout: 2s }}
admin: {{ http: \"127.0.0.1:{admin}\" }}
state_dir: \"{}\"
log: {{ routes: all, routes_per_second: 0 }}
",
        cluster.primary.address(),
        folder.display(),
    )
}

fn to(endpoint: u16) -> mysql_async::OptsBuilder {
    mysql_async::OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(endpoint)
        .user(Some("app"))
        .pass(Some(PASSWORD))
        .prefer_socket(false)
        .max_allowed_packet(Some(1 << 24))
        .wait_timeout(Some(100))
}

async fn client(endpoint: u16) -> Result<mysql_async::Conn, Box<dyn std::error::Error>> {
    let connected = eventually("it serves", PATIENCE, async || {
        mysql_async::Conn::new(to(endpoint)).await.map_err(|error| error.to_string())
    });
    Ok(connected.await?)
}

const FORGED: &str = "forged\n2026-01-01T00:00:00.000000Z ERROR splitfin: \u{1b}[31m\u{202e}all is lost\u{2028}";

fn shows_as_something_else(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

story! {
    nobody_else_writes_into_it, async |family| -> Told {
        let cluster = Cluster::start(family, 0).await?;
        let (folder, endpoint, admin) = (tempfile::tempdir()?, splitfin_testkit::free_port()?, splitfin_testkit::free_port()?);
        let path = folder.path().join("splitfin.yaml");
        std::fs::write(&path, file(&cluster, folder.path(), endpoint, admin))?;
        let mut command = Command::new(program());
        command.arg("run").arg(&path);
        let service = Service::start(command, folder.path())?;
        let mut honest = client(endpoint).await?;
        for _ in 0..20 {
            // However it fails: one line of it is enough.
            let _ = tokio::task::spawn_blocking(move || {
                RawClient::log_in(endpoint, FORGED, "wrong", None, Capabilities::DEPRECATE_EOF).map(drop).map_err(|error| error.to_string())
            }).await?;
        }
        honest.query_drop(format!("SELECT 1 AS `{}`", FORGED.trim_end())).await?;
        honest.query_drop(format!("/* splitfin: {FORGED} */ SELECT 2")).await?;
        honest.query_drop(format!("/* splitfin: {} */ SELECT 3 AS behind", "nonsense ".repeat(7_000))).await?;
        honest.query_drop("SELECT 4 AS the_end").await?;
        service.until_said("the_end").await?;
        let log = service.log();
        assert!(log.contains(r"forged\n2026"), "{log}");
        for line in log.lines() {
            let level = line.split_whitespace().nth(1).unwrap_or_default();
            assert!(["INFO", "WARN"].contains(&level) && line.len() < 20_000, "{line}");
            assert!(!line.contains(shows_as_something_else), "{line:?}");
        }
        let hints = log.lines().filter(|line| line.contains("routing hint ignored") && line.contains("nonsense"));
        assert_eq!(hints.count(), 1, "{log}");
        let refused = log.lines().filter(|line| line.contains("session ended") && line.contains("forged"));
        assert_eq!(refused.count(), 1, "one line for twenty of one address: {log}");
        Ok(())
    }
}

/// So much of the log that neither the pipe nor the queue holds it.
async fn talk(client: &mut mysql_async::Conn) -> Result<u32, mysql_async::Error> {
    let columns: Vec<_> = (0..14).map(|number| format!("{number} AS `{}_{number}`", "x".repeat(200))).collect();
    let text = format!("SELECT {}", columns.join(", "));
    let mut served = 0;
    while served < 2000 {
        client.query_drop(&text).await?;
        served += 1;
    }
    Ok(served)
}

/// Reads until it is said that something is missing, and stops reading again.
fn until_left_out_is_told(mut output: ChildStdout) -> std::io::Result<ChildStdout> {
    let (mut said, mut some) = (String::new(), vec![0; 1 << 16]);
    while !said.contains("lines of the log were left out") {
        match output.read(&mut some)? {
            0 => return Err(std::io::Error::other(said)),
            read => said.push_str(&String::from_utf8_lossy(&some[..read])),
        }
    }
    Ok(output)
}

#[test]
fn nobody_waits_for_who_reads_it() {
    block_on(async {
        let cluster = Cluster::start(Family::Mariadb, 0).await?;
        let (folder, endpoint) = (tempfile::tempdir()?, splitfin_testkit::free_port()?);
        let admin = splitfin_testkit::free_port()?;
        let path = folder.path().join("splitfin.yaml");
        std::fs::write(&path, file(&cluster, folder.path(), endpoint, admin))?;
        let mut command = Command::new(program());
        command.arg("run").arg(&path);
        let (mut service, output) = Service::start_unread(command)?;
        let output = output.ok_or("no output")?;
        let mut talking = client(endpoint).await?;
        assert_eq!(tokio::time::timeout(4 * PATIENCE, talk(&mut talking)).await??, 2000);
        let (_, metrics) = http(([127, 0, 0, 1], admin).into(), "GET", "/metrics", "").await?;
        let dropped = metrics.lines().find_map(|line| line.strip_prefix("splitfin_log_lines_dropped_total "));
        assert!(dropped.is_some_and(|count| count != "0"), "{metrics}");
        // Where it is read again, what is missing is said; where it is not, that is in nobody's way, to the end.
        let _output = tokio::task::spawn_blocking(move || until_left_out_is_told(output)).await??;
        assert_eq!(tokio::time::timeout(4 * PATIENCE, talk(&mut talking)).await??, 2000);
        drop(talking);
        service.signal("TERM")?;
        assert_eq!(service.ended().await?, Some(0));
        Ok(())
    });
}
