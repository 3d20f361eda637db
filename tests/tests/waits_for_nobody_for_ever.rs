//! Promise: whoever falls silent, a client, a server or a name server, is given up after a limit, and nobody else waits for it
//! any longer.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::drivers::client;
use splitfin_tests::service::Service;
use splitfin_tests::{APP, Cluster, Family, PASSWORD, PATIENCE, Stage, Told, block_on, eventually, story};
use std::io::Read as _;
use std::time::{Duration, Instant};

/// Probes that wait so long take no server for silent: only the limits of whoever asks it are left.
const TRUSTING: &str = "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 60s }";

/// Bytes that wait in the sockets of a port for their peers to take them.
fn unsent(port: u16) -> std::io::Result<u64> {
    let own = format!(":{port:04X}");
    let sockets = std::fs::read_to_string("/proc/self/net/tcp")?;
    let queued = sockets.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, queues) = (fields.next()?, fields.nth(2)?);
        let sent = queues.split(':').next().filter(|_| local.ends_with(&own))?;
        u64::from_str_radix(sent, 16).ok()
    });
    Ok(queued.sum())
}

story! {
    a_client_in_tls_that_reads_no_more_is_left_alone, async |family| -> Told {
        let mut stage = Stage::with(family, "monitor: { user: monitor, password: secret, interval: 100ms, timeout: 1s }").await?;
        stage.table().await?;
        let mut command = client(family);
        command.args(["-h127.0.0.1", &format!("-P{}", stage.port), &format!("-u{APP}"), &format!("-p{PASSWORD}"), "--quick"]);
        command.args(match family {
            Family::Mysql => ["--ssl-mode=REQUIRED", "--max-allowed-packet=64M"],
            Family::Mariadb => ["--ssl", "--max-allowed-packet=64M"],
        });
        let rows = "orders a, orders b, orders c, orders d, orders e";
        command.args(["-NBe", &format!("SELECT REPEAT('x', 1000000) FROM {rows} FOR UPDATE"), "shop"]);
        let (_reader, output) = Service::start_unread(command)?;
        let mut output = output.ok_or("no output")?;
        let mut first = [0; 10];
        let _output = tokio::task::spawn_blocking(move || output.read_exact(&mut first).map(|()| output)).await??;
        // It prints no more, so it reads no more, and what Splitfin sends stays where it is.
        let mut seen = (0, 0);
        eventually("the reply comes to a stop", PATIENCE, async || {
            let now = unsent(stage.port).map_err(|error| error.to_string())?;
            seen = if now > 0 && now == seen.0 { (now, seen.1 + 1) } else { (now, 0) };
            if seen.1 == 30 { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await?;
        assert_eq!(stage.splitfin.clients(), 1);
        // It was at work on a primary that is none any more: its connection is closed.
        stage.cluster.primary.pause()?;
        stage.until_primary_is_missed().await?;
        stage.cluster.promote(0).await?;
        stage.until_primary("slave-1").await?;
        // Time to write (60 s) is not what ends it.
        eventually("it is gone", Duration::from_secs(10), async || match stage.splitfin.clients() {
            0 => Ok(()),
            clients => Err(format!("{clients} clients")),
        })
        .await?;
        Ok(())
    }
}

story! {
    a_server_that_does_not_say_what_runs_there, async |family| -> Told {
        // It is not the time for a connection that ends it, either.
        let more = "pool: { connect_timeout: 60s, checkout_timeout: 60s }";
        let stage = Stage::with(family, &format!("{TRUSTING}\n{more}")).await?;
        stage.table().await?;
        let (mut reader, mut watcher) = (stage.client().await?, stage.client().await?);
        watcher.query_drop("SHOW PROCESSLIST").await?;
        let reads = tokio::spawn(async move { reader.query_drop("SELECT SLEEP(300), 'hangs' FROM orders").await });
        let at = eventually("it reads", PATIENCE, async || {
            let ran = stage.ran("'hangs'").map_err(|error| error.to_string())?;
            ran.iter().position(|count| *count > 0).filter(|at| *at > 0).ok_or_else(|| format!("{ran:?}"))
        })
        .await?;
        stage.cluster.replicas[at - 1].pause()?;
        let begun = Instant::now();
        let shown = tokio::time::timeout(PATIENCE, watcher.query::<mysql_async::Row, _>("SHOW PROCESSLIST")).await??;
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        let on = format!("on slave-{at}");
        let states: Vec<_> = shown.iter().filter_map(|row| row.get::<Option<String>, _>("State").flatten()).collect();
        assert!(states.contains(&on), "the session is shown without what the server would say: {states:?}");
        reads.abort();
        Ok(())
    }
}

story! {
    a_primary_that_does_not_say_what_has_changed, async |family| -> Told {
        let stage = Stage::with(family, &format!("{TRUSTING}\nlimits: {{ login_timeout: 120s }}")).await?;
        stage.table().await?;
        // The replicas have connections of this account by then.
        for _ in 0..4 {
            stage.client().await?.query_drop("SELECT item FROM orders").await?;
        }
        stage.cluster.primary.pause()?;
        let begun = Instant::now();
        // Let in or not, it is told.
        let told = tokio::time::timeout(PATIENCE, stage.client()).await;
        assert!(told.is_ok(), "a login got no answer in {:?}", begun.elapsed());
        stage.cluster.primary.resume()?;
        stage.client().await?.query_drop("SELECT item FROM orders").await?;
        Ok(())
    }
}

/// Servers have no part in it.
#[test]
fn a_name_server_that_does_not_answer() {
    block_on(async {
        let cluster = Cluster::start(Family::Mariadb, 1).await?;
        let state = tempfile::tempdir()?;
        // It takes questions, over UDP and TCP, and says nothing.
        let silent = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let resolver = silent.local_addr()?;
        let asked = tokio::net::UdpSocket::bind(resolver).await?;
        let text = format!(
            "listen: [{{ address: \"127.0.0.1:0\" }}]
backends: [{{ name: master, address: \"{}\" }}, {{ name: slave, dns: \"slaves.test:{}\" }}]
discovery: {{ interval: 200ms, resolver: [\"{resolver}\"] }}
monitor: {{ user: monitor, password: secret, interval: 100ms, timeout: 2s }}
auth: {{ mode: static, users: [{{ name: app, password: secret }}] }}
state_dir: \"{}\"",
            cluster.primary.address(),
            cluster.replicas[0].port(),
            state.path().display(),
        );
        let begun = Instant::now();
        let splitfin = splitfin::run(splitfin::Config::parse("story", &text)?).await?;
        assert!(begun.elapsed() < Duration::from_secs(20), "it starts all the same: {:?}", begun.elapsed());
        eventually("a primary", PATIENCE, async || splitfin.snapshot().primary.ok_or("none".to_owned())).await?;
        // A look-up has 30 s: whoever asks later is the next one.
        let mut question = [0; 512];
        tokio::time::timeout(2 * PATIENCE, async {
            while begun.elapsed() < Duration::from_secs(35) {
                asked.recv_from(&mut question).await?;
            }
            std::io::Result::Ok(())
        })
        .await
        .map_err(|_| "nobody asks any more: a look-up has no end")??;
        Ok(())
    });
}
