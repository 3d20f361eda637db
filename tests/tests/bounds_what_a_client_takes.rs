//! Promise: what one client sends takes a bounded part of Splitfin's memory, however much it sends and whatever it does not
//! read; everybody else is served meanwhile.

use mysql_async::prelude::Queryable as _;
use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_tests::raw::{Broken, RawClient};
use splitfin_tests::{PASSWORD, Stage, Told, resident, story};
use std::io::{ErrorKind, Read as _};
use std::time::{Duration, Instant};

const MODERN: Capabilities = Capabilities::DEPRECATE_EOF;
const MIB: u64 = 1 << 20;

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Broken> + Send + 'static) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(move || work().map_err(|error| error.to_string())).await;
    done.map_err(|error| error.to_string())?
}

/// Commands with replies of the same length, one after the other.
fn commands(count: usize) -> Vec<u8> {
    let text = format!("SELECT '{}'", "x".repeat(200));
    let mut out = Vec::new();
    for _ in 0..count {
        out.extend_from_slice(&[(text.len() + 1) as u8, 0, 0, 0, CommandByte::Query as u8]);
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// Runs an attack; others are served during it, and memory stays within `most` more than before. Gives what it came to.
async fn beside_others<T: Send + 'static>(
    stage: &Stage,
    most: u64,
    attack: impl FnOnce(u16) -> Result<T, Broken> + Send + 'static,
) -> Result<T, Box<dyn std::error::Error>> {
    let mut other = stage.client().await?;
    other.query_drop("SELECT 1").await?;
    let (before, port) = (resident(), stage.port);
    let attack = blocking(move || attack(port));
    let mut attack = std::pin::pin!(attack);
    let mut highest = before;
    loop {
        tokio::select! {
            ended = &mut attack => {
                assert!(highest < before + most, "{} MiB more", (highest - before) / MIB);
                return Ok(ended?);
            }
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        let one: Option<u32> =
            tokio::time::timeout(Duration::from_secs(5), other.query_first("SELECT 40 + 2")).await??;
        assert_eq!(one, Some(42));
        highest = highest.max(resident());
    }
}

story! {
    commands_that_nobody_waits_for_the_replies_of, async |family| -> Told {
        let stage = Stage::with(family, "log: { routes: off }").await?;
        // Whoever reads no reply can send no more at some time.
        let stalled = beside_others(&stage, 48 * MIB, |port| {
            let (client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN)?;
            client.socket().set_write_timeout(Some(Duration::from_secs(2)))?;
            let some = commands(300);
            for _ in 0..5000 {
                match std::io::Write::write_all(&mut client.socket(), &some) {
                    Ok(()) => {}
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(true),
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(false)
        })
        .await?;
        assert!(stalled, "300 MB were taken without a reply being read");
        // Whoever reads them is served as fast as servers are.
        beside_others(&stage, 48 * MIB, |port| {
            let (client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN)?;
            let mut reader = client.socket().try_clone()?;
            reader.set_read_timeout(Some(Duration::from_secs(2)))?;
            std::thread::spawn(move || {
                let mut buffer = vec![0; 65536];
                while reader.read(&mut buffer).is_ok_and(|read| read > 0) {}
            });
            client.socket().set_write_timeout(Some(Duration::from_secs(5)))?;
            let (some, until) = (commands(300), Instant::now() + Duration::from_secs(4));
            while Instant::now() < until {
                std::io::Write::write_all(&mut client.socket(), &some)?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
}

story! {
    prepared_statements, async |family| -> Told {
        let stage = Stage::with(family, "log: { routes: off }").await?;
        let number = beside_others(&stage, 64 * MIB, |port| {
            let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN)?;
            let text = format!("SELECT 1 /* {} */", "x".repeat(1 << 20));
            for number in 0..600 {
                let (outcome, _) = client.ask(CommandByte::StmtPrepare, format!("{text} + {number}").as_bytes())?;
                if let Some(error) = outcome.error {
                    assert_eq!(error.code, 1461, "{error:?}");
                    return Ok(number);
                }
            }
            Ok(600)
        })
        .await?;
        assert!((10..20).contains(&number), "{number} statements of 1 MiB");
        // What is closed makes room.
        blocking({
            let port = stage.port;
            move || {
                let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN)?;
                let text = format!("SELECT 1 /* {} */", "x".repeat(1 << 20));
                for _ in 0..40 {
                    let (outcome, _) = client.ask(CommandByte::StmtPrepare, text.as_bytes())?;
                    let prepared = outcome.prepared.ok_or("not prepared")?;
                    client.send(0, &[&[CommandByte::StmtClose as u8][..], &prepared.statement.to_le_bytes()].concat())?;
                }
                Ok(())
            }
        })
        .await?;
        // Servers keep none of the long ones for the connection's next session.
        let root: Vec<(String, u64)> =
            stage.cluster.primary.root().await?.query("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'").await?;
        assert!(root.iter().all(|(_, count)| *count < 20), "{root:?}");
        Ok(())
    }
}

story! {
    what_becomes_much_when_it_is_unpacked, async |family| -> Told {
        let stage = Stage::with(family, "log: { routes: off }").await?;
        beside_others(&stage, 96 * MIB, |port| {
            let (client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN | Capabilities::COMPRESS)?;
            let mut contents = commands(75_000);
            contents.truncate((1 << 24) - 1);
            let mut packet = Vec::new();
            let mut codec = splitfin_protocol::compress::Codec::new(splitfin_protocol::compress::Algorithm::Zlib);
            codec.pack(&contents, &mut packet);
            assert!(packet.len() < 300_000, "{}", packet.len());
            client.socket().set_write_timeout(Some(Duration::from_secs(3)))?;
            // It is not read further than it is served.
            for _ in 0..60 {
                if std::io::Write::write_all(&mut client.socket(), &packet).is_err() {
                    break;
                }
            }
            std::thread::sleep(Duration::from_secs(2));
            Ok(())
        })
        .await?;
        Ok(())
    }
}

story! {
    long_statements, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1\nlog: { routes: off }").await?;
        stage.table().await?;
        for (first, more) in [
            ("SELECT 1", "("),
            ("SELECT 1", ";"),
            ("SELECT ", "1,"),
            ("SELECT ", "a("),
            ("SELECT 1", " UNION SELECT 1"),
            ("INSERT INTO orders (item) VALUES ('a')", ",('a long one')"),
        ] {
            // Text, what was read of it, and what is sent of it: a few times its length.
            beside_others(&stage, 96 * MIB, move |port| {
                let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, Some("shop"), MODERN)?;
                client.socket().set_read_timeout(Some(Duration::from_secs(60)))?;
                let text = format!("{first}{}", more.repeat((4 << 20) / more.len()));
                // What servers say differs: there is an answer.
                client.ask(CommandByte::Query, text.as_bytes())?;
                client.ask(CommandByte::StmtPrepare, &text.as_bytes()[..2 << 20])?;
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

story! {
    commands_are_as_long_as_servers_take_them, async |family| -> Told {
        let cluster = splitfin_tests::Cluster::start(family, 1).await?;
        for server in cluster.servers() {
            server.run(&["SET GLOBAL max_allowed_packet = 100 * 1024 * 1024"]).await?;
        }
        let stage = Stage::in_front_of(cluster, "log: { routes: off }").await?;
        let ask = |length: usize, port: u16| {
            blocking(move || {
                let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN)?;
                let text = format!("SELECT LENGTH('{}')", "x".repeat(length));
                let told = client.ask(CommandByte::Query, text.as_bytes());
                Ok(told.map(|(outcome, _)| outcome.error.map_or(0, |error| error.code)).ok())
            })
        };
        assert_eq!(ask(80 << 20, stage.port).await?, Some(0), "longer than what Splitfin took before it asked");
        for server in stage.cluster.servers() {
            server.run(&["SET GLOBAL max_allowed_packet = 4 * 1024 * 1024"]).await?;
        }
        splitfin_tests::eventually("it is seen", splitfin_tests::PATIENCE, async || {
            // The connection may be closed before the error is read.
            match ask(5 << 20, stage.port).await? {
                Some(1153) | None => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        assert_eq!(ask(3 << 20, stage.port).await?, Some(0));
        Ok(())
    }
}

/// The beginning of a command of so many bytes, of which `sent` are sent.
fn begin(client: &mut RawClient, length: usize, sent: usize) -> Result<(), Broken> {
    let [a, b, c, _] = (length as u32).to_le_bytes();
    let mut bytes = vec![a, b, c, 0, CommandByte::Query as u8];
    bytes.resize(4 + sent, b'x');
    client.send_bytes(&bytes)
}

story! {
    commands_that_do_not_end, async |family| -> Told {
        let limits = "log: { routes: off }\nlimits: { memory: 16777216, read_timeout: 2s }";
        let stage = Stage::with(family, limits).await?;
        let port = stage.port;
        // Silent inside of a command: that is no idle client.
        let ended = blocking(move || {
            let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN)?;
            begin(&mut client, 3 << 20, 1 << 20)?;
            let begun = Instant::now();
            let (_, packet) = client.packet()?;
            Ok((begun.elapsed(), packet.get(5..7).map(|code| u16::from_le_bytes([code[0], code[1]]))))
        })
        .await?;
        assert!(ended.0 > Duration::from_secs(1) && ended.0 < Duration::from_secs(20), "{ended:?}");
        assert_eq!(ended.1, Some(1159));
        // Many that go on byte for byte have all the memory, until somebody else needs it.
        let drips = tokio::task::spawn_blocking(move || {
            let mut clients = Vec::new();
            for _ in 0..8 {
                let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN).map_err(|e| e.to_string())?;
                begin(&mut client, 4 << 20, 2 << 20).map_err(|error| error.to_string())?;
                clients.push(client);
            }
            let until = Instant::now() + Duration::from_secs(60);
            while Instant::now() < until && !clients.is_empty() {
                clients.retain_mut(|client| client.send_bytes(b"x").is_ok());
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok::<_, String>(clients.len())
        });
        let length = splitfin_tests::eventually("a long statement is served", splitfin_tests::PATIENCE, async || {
            let mut client = stage.client().await.map_err(|error| error.to_string())?;
            let text = format!("SELECT LENGTH('{}')", "y".repeat(4 << 20));
            client.query_first::<usize, _>(text).await.map_err(|error| error.to_string())
        })
        .await?;
        assert_eq!(length, Some(4 << 20));
        drips.abort();
        Ok(())
    }
}

story! {
    prepared_statements_of_all_sessions, async |family| -> Told {
        let stage = Stage::with(family, "log: { routes: off }\nlimits: { memory: 8388608 }").await?;
        let port = stage.port;
        let clients = blocking(move || {
            let mut clients = Vec::new();
            for _ in 0..4 {
                let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN)?;
                let text = format!("SELECT 1 /* {} */", "x".repeat(1 << 20));
                let codes = (0..3).map(|_| {
                    let (outcome, _) = client.ask(CommandByte::StmtPrepare, text.as_bytes())?;
                    Ok(outcome.error.map_or(0, |error| error.code))
                });
                let codes: Vec<u16> = codes.collect::<Result<_, Broken>>()?;
                clients.push((client, codes));
            }
            Ok(clients)
        })
        .await?;
        let codes: Vec<u16> = clients.iter().flat_map(|(_, codes)| codes.clone()).collect();
        let refused = codes.iter().filter(|code| **code == 1461).count();
        assert!((4..8).contains(&refused) && codes.iter().all(|code| [0, 1461].contains(code)), "{codes:?}");
        // Short ones are always possible, and sessions that end make room.
        let mut other = stage.client().await?;
        let answer: Option<u32> = other.exec_first("SELECT 40 + ?", (2,)).await?;
        assert_eq!(answer, Some(42));
        drop(clients);
        splitfin_tests::eventually("there is room again", splitfin_tests::PATIENCE, async || {
            let text = format!("SELECT 42 /* {} */", "x".repeat(3 << 20));
            other.exec_first::<u32, _, _>(text, ()).await.map_err(|error| error.to_string())
        })
        .await?;
        Ok(())
    }
}

story! {
    savepoints_of_a_transaction_on_a_replica, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("START TRANSACTION READ ONLY").await?;
        let mut served = Vec::new();
        for number in 0..2000 {
            client.query_drop(format!("SAVEPOINT point_{number}")).await?;
            if number % 200 == 199 {
                let items: Vec<String> = client.query("SELECT item FROM orders").await?;
                assert_eq!(items.len(), 3);
                served.push(Stage::last_route(&mut client).await?.0);
            }
        }
        assert!(served[0] != "master" && served[9] == "master", "{served:?}");
        for number in [1999, 1000, 0] {
            client.query_drop(format!("ROLLBACK TO point_{number}")).await?;
        }
        assert!(client.query_drop("ROLLBACK TO point_1").await.is_err());
        client.query_drop("COMMIT").await?;
        // Characteristics that are set again and again are kept no more than that.
        for _ in 0..100 {
            client.query_drop("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await?;
        }
        client.query_drop("BEGIN").await?;
        client.query_drop("INSERT INTO orders (item) VALUES ('fig')").await?;
        client.query_drop("COMMIT").await?;
        Ok(())
    }
}

story! {
    time_for_a_file, async |family| -> Told {
        let stage = Stage::with(family, "limits: { write_timeout: 1s }").await?;
        stage.table().await?;
        for server in stage.cluster.servers() {
            server.run(&["SET GLOBAL local_infile = 1"]).await?;
        }
        let port = stage.port;
        let ended = blocking(move || {
            let shape = MODERN | Capabilities::LOCAL_FILES;
            let (mut client, _) = RawClient::log_in(port, "app", PASSWORD, Some("shop"), shape)?;
            let text = b"LOAD DATA LOCAL INFILE '/nowhere' INTO TABLE orders";
            client.send(0, &[&[CommandByte::Query as u8], &text[..]].concat())?;
            let (_, asked) = client.packet()?;
            assert_eq!(asked.get(4), Some(&0xFB), "{asked:?}");
            // It sends some of a packet, and no more.
            client.send_bytes(&[100, 0, 0, 2, b'1'])?;
            let begun = Instant::now();
            client.socket().set_read_timeout(Some(Duration::from_secs(15)))?;
            let read = client.socket().read(&mut [0; 100]);
            Ok((read.is_ok(), begun.elapsed()))
        })
        .await?;
        // A server waits for 30 seconds (net_read_timeout), or for ever.
        assert!(ended.0 && ended.1 < Duration::from_secs(10), "{ended:?}");
        Ok(())
    }
}
