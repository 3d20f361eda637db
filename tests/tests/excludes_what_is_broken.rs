//! Promise: a slave that is down, hung, late or broken in any other way gets no reads, and no statement fails for it, while
//! 64 clients write and read, and check what they read.

use mysql_async::prelude::Queryable as _;
use splitfin_testkit::{Disk, Network};
use splitfin_tests::forward::{self, Forward};
use splitfin_tests::load::Load;
use splitfin_tests::{Cluster, Family, PATIENCE, Stage, Told, eventually, in_a_world_of_its_own, story};
use std::time::Duration;

const CONFIG: &str = "log: { routes: off }
monitor: { user: monitor, password: secret, interval: 100ms, timeout: 1s, lag: { max: 2s, resume: 1s }, slow_start: 0s }";

/// Lets something be done to the first slave, and be undone. Meanwhile no statement may fail.
async fn survives(
    mut stage: Stage,
    what: &str,
    harm: impl AsyncFnOnce(&mut Cluster) -> Told,
    heal: impl AsyncFnOnce(&mut Cluster) -> Told,
) -> Told {
    let load = Load::start(&stage, 64).await?;
    load.more_writes(200).await?;
    harm(&mut stage.cluster).await?;
    stage.until_usable(1).await.map_err(|error| format!("{what}: {error}"))?;
    load.more_writes(200).await?;
    load.more_reads(200).await?;
    heal(&mut stage.cluster).await?;
    stage.until_usable(2).await.map_err(|error| format!("{what}, healed: {error}"))?;
    load.more_writes(200).await?;
    let ledger = load.end().await?;
    assert_eq!(ledger.errors(), Default::default(), "{what}");
    assert_eq!(ledger.reads()[2], 0, "{what}: no stale read");
    assert_eq!(ledger.compare(&stage.cluster.primary).await?, [0; 0], "{what}");
    Ok(())
}

const fn start_replica(family: Family) -> &'static str {
    match family {
        Family::Mariadb => "START SLAVE",
        Family::Mysql => "START REPLICA",
    }
}

story! {
    killed, async |family| -> Told {
        let stage = Stage::with(family, CONFIG).await?;
        survives(stage, "kill -9", async |cluster| {
            cluster.replicas[0].kill();
            Ok(())
        }, async |cluster| Ok(cluster.replicas[0].restart().await?)).await
    }
}

story! {
    hung_although_it_accepts_connections, async |family| -> Told {
        let stage = Stage::with(family, CONFIG).await?;
        survives(stage, "SIGSTOP", async |cluster| Ok(cluster.replicas[0].pause()?), async |cluster| {
            Ok(cluster.replicas[0].resume()?)
        })
        .await
    }
}

story! {
    without_receiver, async |family| -> Told {
        let stage = Stage::with(family, CONFIG).await?;
        survives(stage, "IO thread", async |cluster| Ok(cluster.receive(0, false).await?), async |cluster| {
            Ok(cluster.receive(0, true).await?)
        })
        .await
    }
}

story! {
    without_applier, async |family| -> Told {
        let stage = Stage::with(family, CONFIG).await?;
        survives(stage, "SQL thread", async |cluster| Ok(cluster.apply(0, false).await?), async |cluster| {
            Ok(cluster.apply(0, true).await?)
        })
        .await
    }
}

story! {
    stopped_by_an_error, async |family| -> Told {
        let stage = Stage::with(family, CONFIG).await?;
        survives(stage, "SQL error", async |cluster| {
            cluster.primary.run(&["CREATE TABLE shop.victim (id INT PRIMARY KEY)"]).await?;
            cluster.caught_up().await?;
            cluster.replicas[0].run(&["SET sql_log_bin = 0", "DROP TABLE shop.victim"]).await?;
            cluster.primary.run(&["INSERT INTO shop.victim VALUES (1)"]).await?;
            Ok(())
        }, async |cluster| {
            let start = start_replica(cluster.family());
            cluster.replicas[0].run(&["SET sql_log_bin = 0", "CREATE TABLE shop.victim (id INT PRIMARY KEY)", start]).await?;
            Ok(())
        })
        .await
    }
}

story! {
    late_on_purpose, async |family| -> Told {
        let stage = Stage::with(family, CONFIG).await?;
        survives(stage, "delay", async |cluster| Ok(cluster.delay(0, Duration::from_secs(60)).await?), async |cluster| {
            Ok(cluster.delay(0, Duration::ZERO).await?)
        })
        .await
    }
}

story! {
    cut_off_from_its_source_without_noticing, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        let network = Forward::start(([127, 0, 0, 1], 0).into(), cluster.primary.port()).await?;
        cluster.follow_port(&cluster.replicas[0], network.address().port()).await?;
        let stage = Stage::in_front_of(cluster, CONFIG).await?;
        // It still says that it receives and that it is not late: only what it lacks shows.
        survives(stage, "cut from its source", async |_| {
            network.set(forward::Network::Cut);
            Ok(())
        }, async |_| {
            network.set(forward::Network::Up);
            Ok(())
        })
        .await
    }
}

story! {
    cut_off_from_splitfin, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        let network = Forward::start(([127, 0, 0, 1], 0).into(), cluster.replicas[0].port()).await?;
        let stage = Stage::with_addresses(cluster, &[(0, network.address().to_string())], CONFIG).await?;
        survives(stage, "cut from Splitfin", async |_| {
            network.set(forward::Network::Cut);
            Ok(())
        }, async |_| {
            network.set(forward::Network::Up);
            Ok(())
        })
        .await
    }
}

/// A server that is unplugged, with all that is under way: neither Splitfin nor its source can tell from a packet.
async fn unplugged(family: Family) -> Told {
    let network = Network::new().await?;
    let cluster = Cluster::start_around(&network, family, 2).await?;
    let stage = Stage::in_front_of(cluster, CONFIG).await?;
    survives(stage, "unplugged", async |_| Ok(network.cut()?), async |_| Ok(network.mend()?)).await
}

#[test]
fn unplugged_mariadb() {
    in_a_world_of_its_own("unplugged_mariadb", unplugged(Family::Mariadb));
}

#[test]
fn unplugged_mysql() {
    in_a_world_of_its_own("unplugged_mysql", unplugged(Family::Mysql));
}

story! {
    following_somebody_else, async |family| -> Told {
        let stage = Stage::with(family, CONFIG).await?;
        // One more server with what the master has, which is none of ours.
        let stranger = Cluster::start(family, 0).await?;
        stage.cluster.follow(&stranger.primary, &stage.cluster.primary).await?;
        let port = stranger.primary.port();
        survives(stage, "wrong source", async |cluster| Ok(cluster.follow_port(&cluster.replicas[0], port).await?), async |cluster| {
            Ok(cluster.follow(&cluster.replicas[0], &cluster.primary).await?)
        })
        .await
    }
}

story! {
    no_replica_at_all, async |family| -> Told {
        let stage = Stage::with(family, CONFIG).await?;
        survives(stage, "detached", async |cluster| Ok(cluster.detach(0).await?), async |cluster| {
            Ok(cluster.follow(&cluster.replicas[0], &cluster.primary).await?)
        })
        .await
    }
}

/// Where there is no room, servers wait for somebody to make some, and say that they replicate.
async fn out_of_space(family: Family) -> Told {
    let disk = Disk::new(1024)?;
    let stage = Stage::in_front_of(Cluster::start_on(&disk, family, 2).await?, CONFIG).await?;
    survives(
        stage,
        "no space",
        async |_| Ok(disk.fill()?),
        async |cluster| {
            // They would look only once a minute.
            disk.free()?;
            Ok(cluster.replicas[0].restart().await?)
        },
    )
    .await
}

#[test]
fn out_of_space_mariadb() {
    in_a_world_of_its_own("out_of_space_mariadb", out_of_space(Family::Mariadb));
}

#[test]
fn out_of_space_mysql() {
    in_a_world_of_its_own("out_of_space_mysql", out_of_space(Family::Mysql));
}

story! {
    a_heartbeat_tells_lag_to_the_fraction_of_a_second, async |family| -> Told {
        let heart = "log: { routes: off }\nmonitor: { user: monitor, password: secret, interval: 100ms, timeout: 1s, heartbeat: { table: splitfin.heartbeat, interval: 100ms } }";
        let cluster = Cluster::start(family, 2).await?;
        cluster.primary.run(&["GRANT ALL ON splitfin.* TO monitor"]).await?;
        cluster.caught_up().await?;
        let stage = Stage::in_front_of(cluster, heart).await?;
        let lag = |name: &str| stage.splitfin.snapshot().by_name(name).and_then(|view| view.lag);
        eventually("a fraction of a second", PATIENCE, async || match lag("slave-1") {
            Some(lag) if lag.subsec_micros() != 0 && lag < Duration::from_secs(1) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        let mut lock = stage.cluster.replicas[0].root().await?;
        lock.query_drop("FLUSH TABLES WITH READ LOCK").await?;
        eventually("it grows", PATIENCE, async || match lag("slave-1") {
            Some(lag) if lag > Duration::from_secs(1) && lag.subsec_micros() != 0 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        lock.query_drop("UNLOCK TABLES").await?;
        eventually("it shrinks", PATIENCE, async || match lag("slave-1") {
            Some(lag) if lag < Duration::from_secs(1) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        Ok(())
    }
}

story! {
    failing_statements_while_its_probes_pass, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        let network = Forward::start(([127, 0, 0, 1], 0).into(), cluster.replicas[0].port()).await?;
        // Without TLS, so that what breaks can be told from what does not.
        let plain = format!("{CONFIG}\n{}", splitfin_tests::PLAIN);
        let stage = Stage::with_addresses(cluster, &[(0, network.address().to_string())], &plain).await?;
        survives(stage, "the circuit", async |_| {
            network.set(forward::Network::BreaksAt("FROM ledger"));
            Ok(())
        }, async |_| {
            network.set(forward::Network::Up);
            Ok(())
        })
        .await
    }
}

/// A number that stands nowhere else in what a server says, and something as long that is none.
const SERVER_ID: &str = "4012345678";
const NO_NUMBER: &str = "401234567x";

story! {
    answering_probes_with_what_makes_no_sense_and_then_no_more, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        cluster.replicas[0].run(&[format!("SET GLOBAL server_id = {SERVER_ID}").as_str()]).await?;
        let network = Forward::start(([127, 0, 0, 1], 0).into(), cluster.replicas[0].port()).await?;
        let config = format!("{CONFIG}\n{}", splitfin_tests::PLAIN);
        let mut stage = Stage::with_addresses(cluster, &[(0, network.address().to_string())], &config).await?;
        stage.table().await?;
        network.set(forward::Network::Alters(SERVER_ID, NO_NUMBER));
        stage.until_usable(1).await?;
        let (_, backends) = stage.admin("GET", "/api/v1/backends").await?;
        let expected = "`@@server_id` is \\\"401234567x\\\" instead of a number";
        assert!(backends.contains("SELECT @@version, @@server_id") && backends.contains(expected), "{backends}");
        // Gone for good meanwhile: nobody takes what was seen long ago for what is.
        stage.cluster.replicas[0].kill();
        let mut client = stage.client().await?;
        for _ in 0..20 {
            client.query_drop("SELECT * FROM orders").await?;
        }
        stage.cluster.replicas[0].restart().await?;
        network.set(forward::Network::Up);
        stage.until_usable(2).await?;
        let (_, metrics) = stage.admin("GET", "/metrics").await?;
        assert!(metrics.contains("splitfin_task_restarts_total{task=\"probe\"} 0"), "{metrics}");
        Ok(())
    }
}

story! {
    being_the_only_one_and_breaking_off, async |family| -> Told {
        let cluster = Cluster::start(family, 0).await?;
        let network = Forward::start(([127, 0, 0, 1], 0).into(), cluster.primary.port()).await?;
        let config = format!("failover: {{ hold: 4s }}\n{}", splitfin_tests::PLAIN);
        let stage = Stage::with_primary_at(cluster, &network.address().to_string(), &config).await?;
        let mut root = stage.cluster.primary.root().await?;
        let mut connections = async || -> Result<u64, Box<dyn std::error::Error>> {
            let row: Option<(String, u64)> = root.query_first("SHOW GLOBAL STATUS LIKE 'Connections'").await?;
            Ok(row.ok_or("a number")?.1)
        };
        let mut client = stage.client().await?;
        network.set(forward::Network::BreaksAt("'broken'"));
        let before = connections().await?;
        let started = std::time::Instant::now();
        let answer = client.query_drop("SELECT 'broken'").await;
        assert!(answer.is_err() && started.elapsed() > Duration::from_secs(3), "{answer:?} {:?}", started.elapsed());
        // Each time over a new connection: half a second in steps that double, then once a second.
        let asked = connections().await? - before;
        assert!((4..=25).contains(&asked), "{asked}");
        // What comes back is found within the longest pause.
        let mut client = stage.client().await?;
        let waits = tokio::spawn(async move { client.query_first::<String, _>("SELECT 'broken'").await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        network.set(forward::Network::Up);
        assert_eq!(waits.await??.as_deref(), Some("broken"));
        Ok(())
    }
}
