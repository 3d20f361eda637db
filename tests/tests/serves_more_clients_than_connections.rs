//! Promise: more clients than connections wait for each other in order, the servers see no logins because of it, and clients
//! that do not read what they asked for keep nobody waiting.

use mysql_async::prelude::Queryable as _;
use splitfin_protocol::Capabilities;
use splitfin_tests::raw::RawClient;
use splitfin_tests::{PASSWORD, PATIENCE, Stage, Told, eventually, story};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many connections a server has taken so far.
async fn connections(stage: &Stage) -> Result<u64, Box<dyn std::error::Error>> {
    let mut all = 0;
    for server in stage.cluster.servers() {
        let row: Option<(String, u64)> =
            server.root().await?.query_first("SHOW GLOBAL STATUS LIKE 'Connections'").await?;
        all += row.map_or(0, |(_, count)| count);
    }
    Ok(all)
}

story! {
    servers_see_no_logins_when_connections_are_short, async |family| -> Told {
        let pool = "workers: 2\nlog: { routes: off }\npool: { max_connections: 6 }\nmonitor: { user: monitor, password: secret, interval: 5s, timeout: 2s }";
        let stage = Stage::with(family, pool).await?;
        stage.table().await?;
        let mut clients = Vec::new();
        for _ in 0..60 {
            clients.push(stage.client().await?);
        }
        let ask = async |mut clients: Vec<mysql_async::Conn>, rounds: usize| -> Result<Vec<mysql_async::Conn>, String> {
            let mut tasks = JoinSet::new();
            for mut client in clients.drain(..) {
                tasks.spawn(async move {
                    for _ in 0..rounds {
                        let item: Option<String> = client.query_first("SELECT item FROM orders WHERE id = 2").await?;
                        assert_eq!(item.as_deref(), Some("pear"));
                    }
                    mysql_async::Result::Ok(client)
                });
            }
            let ended = tasks.join_all().await;
            ended.into_iter().map(|client| client.map_err(|error| error.to_string())).collect()
        };
        // What is opened once is opened now.
        clients = ask(clients, 10).await?;
        let before = connections(&stage).await?;
        clients = ask(clients, 100).await?;
        // Each question above is a connection of its own, and probes have theirs.
        let more = connections(&stage).await? - before;
        assert!(more < 30, "{more} logins while 60 clients asked 6000 questions");
        assert_eq!(clients.len(), 60);
        Ok(())
    }
}

story! {
    who_does_not_read_keeps_nobody_waiting, async |family| -> Told {
        let limits = "log: { routes: off }\npool: { max_connections: 4, checkout_timeout: 2s }\nlimits: { write_timeout: 3s }\nfailover: { primary_read_cap: 50% }";
        let stage = Stage::with(family, limits).await?;
        stage.table().await?;
        let mut other = stage.client().await?;
        let port = stage.port;
        let slow = tokio::task::spawn_blocking(move || {
            let mut slow = Vec::new();
            for _ in 0..24 {
                let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, None, Capabilities::DEPRECATE_EOF)
                    .map_err(|error| error.to_string())?;
                let query = "SELECT REPEAT('x', 1000000) FROM information_schema.COLLATIONS";
                client.send(0, &[b"\x03", query.as_bytes()].concat()).map_err(|error| error.to_string())?;
                slow.push(client);
            }
            Ok::<_, String>(slow)
        })
        .await??;
        // Whatever happens to a read of somebody else, it happens within the time that there is for it.
        for _ in 0..5 {
            let begun = Instant::now();
            let answered: Result<Option<u32>, _> = other.query_first("SELECT 40 + 2").await;
            assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
            match answered {
                Ok(answer) => assert_eq!(answer, Some(42)),
                Err(error) => assert!(error.to_string().contains("1040"), "{error}"),
            }
        }
        // They are sent away, though they are still there.
        eventually("there are connections again", PATIENCE, async || {
            let in_time = tokio::time::timeout(Duration::from_millis(500), other.query_first::<u32, _>("SELECT 40 + 2"));
            match in_time.await {
                Ok(Ok(Some(42))) => Ok(()),
                answer => Err(format!("{answer:?}")),
            }
        })
        .await?;
        drop(slow);
        Ok(())
    }
}

story! {
    one_account_leaves_room_for_others, async |family| -> Told {
        let limits = "workers: 2\nauth: { mode: database }\nlog: { routes: off }\npool: { max_connections: 5, max_share: 80%, checkout_timeout: 1s }";
        let stage = Stage::with(family, limits).await?;
        stage.table().await?;
        let make = ["CREATE USER other@'%' IDENTIFIED BY 'pw'", "GRANT ALL ON shop.* TO other@'%'"];
        stage.cluster.primary.run(&make).await?;
        // Holds a connection to the primary until it is dropped.
        let hold = async |user: &'static str, password: &'static str| -> Result<mysql_async::Conn, mysql_async::Error> {
            let mut client = mysql_async::Conn::new(stage.options().user(Some(user)).pass(Some(password))).await?;
            client.query_drop("BEGIN").await?;
            client.query_drop("INSERT INTO orders (item) VALUES ('fig')").await?;
            Ok(client)
        };
        let mut alone = Vec::new();
        for _ in 0..5 {
            alone.push(hold("app", PASSWORD).await?);
        }
        assert!(hold("app", PASSWORD).await.is_err_and(|error| error.to_string().contains("1040")));
        // Alone it may have all; the first that it gives back is the other's.
        let (other, ended) = tokio::join!(hold("other", "pw"), async {
            alone.pop().ok_or("none")?.disconnect().await.map_err(|error| error.to_string())
        });
        ended?;
        let mut other = other?;
        other.query_drop("COMMIT").await?;
        for _ in 0..3 {
            let more = hold("app", PASSWORD).await.map_err(|error| error.to_string());
            assert!(more.as_ref().is_err_and(|error| error.contains("1040")), "4 of 5: {more:?}");
            let begun = Instant::now();
            other.query_drop("INSERT INTO orders (item) VALUES ('kiwi')").await?;
            assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        }
        // What it has left is still its own.
        alone.pop().ok_or("none")?.disconnect().await?;
        alone.push(hold("app", PASSWORD).await?);
        Ok(())
    }
}
