//! Promise: who has no account gets nothing, whatever is sent: no login out of what was overheard, no statement before
//! the encryption, no guessing at speed, no name of an account, no address that a client gives itself.

#![allow(clippy::print_stdout, reason = "how the attacks went is what one runs this for")]

use mysql_async::prelude::Queryable as _;
use splitfin_protocol::frame::HEADER;
use splitfin_protocol::packet::Greeting;
use splitfin_protocol::{Capabilities, proxy};
use splitfin_tests::raw::{Broken, RawClient};
use splitfin_tests::{Cluster, Family, PASSWORD, PATIENCE, Stage, Told, block_on, eventually, story};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const DATABASE: &str = "auth: { mode: database }";
const MODERN: Capabilities = Capabilities::DEPRECATE_EOF;

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Broken> + Send + 'static) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(move || work().map_err(|error| error.to_string())).await;
    done.map_err(|error| error.to_string())?
}

/// Reads until an error or an OK comes, or the end. Gives the number of the error, 0 for the OK.
fn verdict(client: &mut RawClient) -> Option<u16> {
    loop {
        let (_, frame) = client.packet().ok()?;
        match frame[HEADER..] {
            [0xFF, low, high, ..] => return Some(u16::from_le_bytes([low, high])),
            [0, ..] => return Some(0),
            _ => {}
        }
    }
}

story! {
    what_was_overheard_lets_nobody_in, async |family| -> Told {
        let stage = Stage::with(family, DATABASE).await?;
        let port = stage.port;
        let replayed = blocking(move || {
            // With nothing known of the account, and again with what the first login has left.
            let mut replayed = 0;
            for _ in 0..2 {
                let (overheard, _) = RawClient::log_in(port, "app", PASSWORD, None, MODERN)?;
                for _ in 0..10 {
                    let (mut thief, _) = RawClient::connect(port, MODERN)?;
                    for (at, packet) in overheard.sent().iter().enumerate() {
                        // The answer in between makes no difference to who only repeats.
                        let _ = thief.send(1 + 2 * at as u8, packet);
                    }
                    // It has nothing more to say.
                    let _ = thief.half_close();
                    let verdict = verdict(&mut thief);
                    assert!(!matches!(verdict, Some(0)), "let in");
                    replayed += 1;
                }
            }
            Ok(replayed)
        })
        .await?;
        println!("{replayed} replayed logins, none let in");
        stage.client().await?.query_drop("SELECT 1").await?;
        Ok(())
    }
}

/// A login that asks for TLS, and what follows in the same write.
fn ssl_request(greeting: &[u8], more: &[u8]) -> Result<Vec<u8>, Broken> {
    let greeting = Greeting::parse(&greeting[HEADER..])?;
    assert!(greeting.capabilities.contains(Capabilities::SSL));
    let flags =
        Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::SSL | Capabilities::PLUGIN_AUTH;
    let payload = [&flags.low().to_le_bytes()[..], &(1_u32 << 24).to_le_bytes(), &[45], &[0; 23]].concat();
    Ok([&[payload.len() as u8, 0, 0, 1][..], &payload, more].concat())
}

story! {
    nothing_before_the_encryption_counts, async |family| -> Told {
        let stage = Stage::with(family, "").await?;
        stage.table().await?;
        let port = stage.port;
        blocking(move || {
            // What a session that is let in would send in the clear: its login, and a statement after it.
            let (overheard, _) = RawClient::log_in(port, "app", PASSWORD, Some("shop"), MODERN)?;
            let login = &overheard.sent()[0];
            let statement = b"\x03INSERT INTO shop.orders (item, amount) VALUES ('smuggled', 1)";
            for sequence in [1_u8, 2] {
                let mut smuggled = vec![login.len() as u8, (login.len() >> 8) as u8, 0, sequence];
                smuggled.extend_from_slice(login);
                smuggled.extend([statement.len() as u8, 0, 0, 0]);
                smuggled.extend_from_slice(statement);
                let (mut client, greeting) = RawClient::connect(port, MODERN)?;
                client.send_bytes(&ssl_request(&greeting, &smuggled)?)?;
                // What comes in place of a TLS handshake ends it: an alert, or nothing.
                let mut said = Vec::new();
                while let Ok((_, frame)) = client.packet() {
                    said.extend(frame);
                }
                assert!(!said.windows(2).any(|pair| pair == [0xFF, 0x15]), "{said:?}");
            }
            Ok(())
        })
        .await?;
        for server in stage.cluster.servers() {
            assert!(!server.executed("smuggled")?);
        }
        Ok(())
    }
}

story! {
    no_password_in_clear_text_without_encryption, async |family| -> Told {
        let stage = Stage::with(family, DATABASE).await?;
        let port = stage.port;
        blocking(move || {
            // As somebody in between would have it: the flag for TLS is taken out of the greeting. Whatever the client is
            // asked for then, a password as it is is not taken.
            for plugin in ["mysql_clear_password", "caching_sha2_password", "sha256_password", "dialog"] {
                let (mut client, _) = RawClient::connect(port, MODERN)?;
                let flags = Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH;
                let mut login = [&flags.low().to_le_bytes()[..], &(1_u32 << 24).to_le_bytes(), &[45], &[0; 23]].concat();
                login.extend_from_slice(b"app\0\x07secret\0");
                login.extend_from_slice(plugin.as_bytes());
                login.push(0);
                client.send(1, &login)?;
                for sequence in [3, 5, 7] {
                    // The connection may be closed already.
                    let _ = client.send(sequence, b"secret\0");
                }
                let verdict = verdict(&mut client);
                assert!(!matches!(verdict, Some(0)), "{plugin}: let in");
            }
            Ok(())
        })
        .await?;
        let required = Stage::with(family, &format!("{DATABASE}\nlisten: [{{ address: \"127.0.0.1:0\", tls: {{ mode: required }} }}]")).await?;
        let port = required.port;
        let refused = blocking(move || Ok(RawClient::log_in(port, "app", PASSWORD, None, MODERN).err().map(|error| error.to_string()))).await?;
        let refused = refused.unwrap_or_default();
        assert!(refused.contains("insecure transport") || refused.contains("3159"), "{refused}");
        Ok(())
    }
}

story! {
    guesses_are_slow_and_cost_nobody_else_anything, async |family| -> Told {
        let stage = Stage::with(family, &format!("{DATABASE}\nlimits: {{ failed_logins: 10, login_timeout: 6s }}")).await?;
        stage.client().await?.query_drop("SELECT 1").await?;
        let (started, lasting) = (Instant::now(), Duration::from_secs(5));
        let mut guessers = JoinSet::new();
        for guesser in 0..16 {
            let options = stage.options().user(Some("root")).pass(Some(format!("guess {guesser}"))).db_name(None::<String>);
            guessers.spawn(async move {
                let mut answered = 0;
                while started.elapsed() < lasting {
                    match mysql_async::Conn::new(options.clone()).await {
                        Err(mysql_async::Error::Server(error)) if error.code == 1045 => answered += 1,
                        Err(mysql_async::Error::Server(error)) if error.code == 1129 => {
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                        other => drop(other),
                    }
                }
                answered
            });
        }
        // Who has logged in from here before does so all the time.
        let mut longest = Duration::ZERO;
        let mut logins = 0;
        while started.elapsed() < lasting {
            let begun = Instant::now();
            stage.client().await?.query_drop("SELECT 1").await?;
            longest = longest.max(begun.elapsed());
            logins += 1;
        }
        let mut answered = 0;
        while let Some(count) = guessers.join_next().await {
            answered += count?;
        }
        println!("{answered} guesses answered in 5 s of 16 guessers; meanwhile {logins} logins of another account, the longest {longest:?}");
        // Ten are free; those that were under way at once are not known to fail yet; then there is one a second.
        let bound = 10 + 16 + 1 + started.elapsed().as_secs() as usize;
        assert!((10..=bound).contains(&answered), "{answered} of at most {bound}");
        assert!(logins > 20, "{logins}");
        Ok(())
    }
}

story! {
    guessers_lock_nobody_out_of_their_own_address, async |family| -> Told {
        let cluster = Cluster::start(family, 1).await?;
        cluster.primary.run(&["CREATE USER newcomer IDENTIFIED BY 'fresh'", "GRANT SELECT ON *.* TO newcomer"]).await?;
        cluster.caught_up().await?;
        let stage = Stage::in_front_of(cluster, &format!("{DATABASE}\nlimits: {{ failed_logins: 10, login_timeout: 6s }}")).await?;
        stage.client().await?.query_drop("SELECT 1").await?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut guessers = JoinSet::new();
        for guesser in 0..16 {
            let options = stage.options().pass(Some(format!("guess {guesser}"))).db_name(None::<String>);
            let stop = Arc::clone(&stop);
            guessers.spawn(async move {
                let mut refused = 0;
                while !stop.load(Ordering::Relaxed) {
                    refused += u32::from(mysql_async::Conn::new(options.clone()).await.is_err());
                }
                refused
            });
        }
        eventually("logins are slowed down", PATIENCE, async || {
            let metrics = stage.splitfin.metrics();
            let braked = metrics.lines().find_map(|line| line.strip_prefix("splitfin_braked_logins_total "));
            let braked = braked.and_then(|count| count.parse::<u32>().ok()).unwrap_or_default();
            if braked > 10 { Ok(()) } else { Err(format!("{braked}")) }
        })
        .await?;
        let newcomer = stage.options().user(Some("newcomer")).pass(Some("fresh")).db_name(None::<String>);
        let begun = Instant::now();
        mysql_async::Conn::new(newcomer).await?.query_drop("SELECT 1").await?;
        let first = begun.elapsed();
        let mut longest = Duration::ZERO;
        for _ in 0..20 {
            let begun = Instant::now();
            stage.client().await?.query_drop("SELECT 1").await?;
            longest = longest.max(begun.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        let refused: u32 = guessers.join_all().await.into_iter().sum();
        println!("beside 16 guessers, {refused} guesses refused: a new account's first login {first:?}, of 20 of the guessed account the longest {longest:?}");
        assert!(first < Duration::from_secs(4), "{first:?}");
        assert!(longest < Duration::from_secs(2), "{longest:?}");
        Ok(())
    }
}

story! {
    a_thousand_logins_that_do_not_go_on_are_in_nobodys_way, async |family| -> Told {
        let stage = Stage::with(family, "limits: { login_timeout: 3s, clients: 2000 }").await?;
        let mut slow = Vec::new();
        for number in 0..1000_usize {
            let mut socket = TcpStream::connect(("127.0.0.1", stage.port)).await?;
            // Half of them begin a login that they do not end.
            if number % 2 == 0 {
                socket.write_all(&[200, 0, 0, 1, 0x85]).await?;
            }
            slow.push(socket);
        }
        let mut times = Vec::new();
        for _ in 0..50 {
            let begun = Instant::now();
            stage.client().await?.query_drop("SELECT 1").await?;
            times.push(begun.elapsed());
        }
        times.sort();
        println!("beside 1000 half-open logins: 50 logins, median {:?}, longest {:?}", times[25], times[49]);
        // Whoever has not logged in by then is gone.
        let mut dripping = slow.split_off(900);
        eventually("they are sent away", PATIENCE, async || {
            for socket in &mut dripping {
                // A byte now and then does not help.
                let _ = socket.write_all(&[0]).await;
            }
            match stage.splitfin.clients() {
                0 => Ok(()),
                more => Err(format!("{more} clients")),
            }
        })
        .await?;
        Ok(())
    }
}

#[test]
fn of_too_many_logins_the_oldest_silent_one_goes() {
    block_on(async {
        let stage = Stage::with(Family::Mariadb, "limits: { logins: 20, login_timeout: 60s, clients: 60 }").await?;
        let mut silent = Vec::new();
        for _ in 0..200 {
            let mut socket = TcpStream::connect(("127.0.0.1", stage.port)).await?;
            let mut greeting = [0; 512];
            // Those that were sent away make room for this one.
            let _ = tokio::time::timeout(PATIENCE, socket.read(&mut greeting)).await?;
            silent.push(socket);
        }
        let begun = Instant::now();
        stage.client().await?.query_drop("SELECT 1").await?;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        eventually("the others are gone", PATIENCE, async || match stage.splitfin.clients() {
            most @ 0..=20 => Ok(most),
            more => Err(format!("{more} clients")),
        })
        .await?;
        let mut gone = [0; 1];
        let first = silent.first_mut().ok_or("no client")?;
        assert_eq!(tokio::time::timeout(PATIENCE, first.read(&mut gone)).await??, 0, "the oldest");
        Ok(())
    });
}

#[test]
fn a_login_that_is_too_long_is_refused_by_its_header() {
    block_on(async {
        let stage = Stage::with(Family::Mariadb, "").await?;
        for length in [70_000_usize, 0xFF_FFFE, 0xFF_FFFF] {
            let mut socket = TcpStream::connect(("127.0.0.1", stage.port)).await?;
            let mut greeting = [0; 512];
            assert!(socket.read(&mut greeting).await? > 0);
            socket.write_all(&[length as u8, (length >> 8) as u8, (length >> 16) as u8, 1]).await?;
            let mut answer = Vec::new();
            tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await??;
            assert!(String::from_utf8_lossy(&answer).contains("Bad handshake"), "{answer:?}");
        }
        Ok(())
    });
}

/// The packets of a login without the right password, as far as they do not hold chance.
fn shape_of_refusal(port: u16, user: &str) -> Result<Vec<String>, Broken> {
    let error = RawClient::log_in(port, user, "wrong", None, MODERN).err().map(|error| error.to_string());
    let (mut client, greeting) = RawClient::connect(port, MODERN)?;
    let plugin = Greeting::parse(&greeting[HEADER..])?.plugin;
    let flags = Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH;
    let mut login = [&flags.low().to_le_bytes()[..], &(1_u32 << 24).to_le_bytes(), &[45], &[0; 23]].concat();
    login.extend([user.as_bytes(), b"\0\x14", &[7; 20], plugin.as_bytes(), b"\0"].concat());
    client.send(1, &login)?;
    let mut shape = vec![error.unwrap_or_default().replace(user, "USER")];
    let (_, frame) = client.packet()?;
    shape.push(format!("{:02x} and {} bytes", frame[HEADER], frame.len()));
    Ok(shape)
}

story! {
    nobody_learns_which_accounts_there_are, async |family| -> Told {
        let cluster = Cluster::start(family, 1).await?;
        cluster.primary.run(&["CREATE USER rpl IDENTIFIED BY 'something'"]).await?;
        cluster.caught_up().await?;
        let stage = Stage::in_front_of(cluster, &format!("{DATABASE}\nlimits: {{ failed_logins: 0 }}")).await?;
        stage.client().await?.query_drop("SELECT 1").await?;
        let port = stage.port;
        let medians = blocking(move || {
            let mut medians = Vec::new();
            let mut shapes = Vec::new();
            // One that is known from a login, one that the server knows, and none.
            for user in ["app", "rpl", "nil"] {
                let mut times = Vec::new();
                for _ in 0..30 {
                    let begun = Instant::now();
                    shapes.push(shape_of_refusal(port, user)?);
                    times.push(begun.elapsed());
                }
                times.sort();
                medians.push((user, times[15]));
            }
            Ok((medians, shapes))
        })
        .await?;
        let (medians, shapes) = medians;
        // A server may take longer for one than for the other; from here they come in steps.
        println!("a refusal takes, in the middle of 30: {medians:?}");
        let errors: std::collections::BTreeSet<_> = shapes.iter().map(|shape| &shape[0]).collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let first: std::collections::BTreeSet<_> = shapes.iter().map(|shape| &shape[1]).collect();
        assert_eq!(first.len(), 1, "{first:?}");
        Ok(())
    }
}

/// What MariaDB says of accounts with other plugins is another number, and it says it sooner.
#[test]
fn accounts_with_another_plugin_are_refused_no_sooner_and_count_as_others() {
    block_on(async {
        let cluster = Cluster::start(Family::Mariadb, 0).await?;
        let statements = [
            "INSTALL SONAME 'auth_ed25519'",
            "CREATE USER resident IDENTIFIED VIA unix_socket",
            "CREATE USER modern IDENTIFIED VIA ed25519 USING PASSWORD('pw')",
        ];
        cluster.primary.run(&statements).await?;
        let stage = Stage::in_front_of(cluster, &format!("{DATABASE}\nlimits: {{ failed_logins: 6 }}")).await?;
        let port = stage.port;
        let refusals = blocking(move || {
            let mut refusals = Vec::new();
            for user in ["resident", "modern", "app", "nil", "resident", "modern"] {
                let begun = Instant::now();
                let error = RawClient::log_in(port, user, "wrong", None, MODERN).err().ok_or("let in")?;
                refusals.push((user, begun.elapsed(), error.to_string()));
            }
            Ok(refusals)
        })
        .await?;
        println!("{refusals:?}");
        for (user, time, error) in &refusals {
            assert!(error.contains("Access denied"), "{user}: {error}");
            assert!(*time >= Duration::from_millis(50), "{user}: {time:?}");
        }
        // The one after the seventh has to wait: all of them have counted.
        for _ in 0..2 {
            blocking(move || Ok(RawClient::log_in(port, "resident", "wrong", None, MODERN).is_err())).await?;
        }
        let (_, metrics) = stage.admin("GET", "/metrics").await?;
        assert!(metrics.contains("splitfin_braked_logins_total 1\n"), "{metrics}");
        Ok(())
    });
}

/// Speaks for a client, and gives what is said to its login.
async fn through_a_balancer(port: u16, header: &[u8]) -> Result<String, Broken> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_all(header).await?;
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, socket.read(&mut answer)).await??;
    let greeting = answer[..read].to_vec();
    if greeting.get(HEADER) != Some(&10) {
        return Ok(String::from_utf8_lossy(&greeting).into_owned());
    }
    let flags = Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH;
    let mut login = [&flags.low().to_le_bytes()[..], &(1_u32 << 24).to_le_bytes(), &[45], &[0; 23]].concat();
    login.extend_from_slice(b"nobody\0\x14");
    login.extend_from_slice(&[7; 20]);
    login.extend_from_slice(b"mysql_native_password\0");
    let packet = [&[login.len() as u8, 0, 0, 1][..], &login].concat();
    socket.write_all(&packet).await?;
    let mut said = Vec::new();
    loop {
        let read = tokio::time::timeout(PATIENCE, socket.read(&mut answer)).await??;
        said.extend_from_slice(&answer[..read]);
        if read == 0 || said.contains(&0xFF) {
            return Ok(String::from_utf8_lossy(&said).into_owned());
        }
        // Whatever is asked for then: it is not known.
        let sequence = said.get(3).copied().unwrap_or(2).wrapping_add(1);
        socket.write_all(&[1, 0, 0, sequence, 0]).await?;
    }
}

#[test]
fn addresses_are_believed_from_balancers_alone() {
    block_on(async {
        let listen = |networks: &str, more: &str| {
            format!("listen: [{{ address: \"127.0.0.1:0\", proxy_protocol: [{networks}]{more} }}]")
        };
        let from = |address: &str| proxy::encode(address.parse().unwrap(), "192.0.2.200:3306".parse().unwrap());
        let trusting = Stage::with(Family::Mariadb, &listen("127.0.0.0/8", ", deny: [192.0.2.66/32]")).await?;
        let said = through_a_balancer(trusting.port, &from("192.0.2.7:4444")).await?;
        assert!(said.contains("'nobody'@'192.0.2.7'"), "{said}");
        let said = through_a_balancer(trusting.port, b"PROXY TCP4 192.0.2.8 192.0.2.200 4444 3306\r\n").await?;
        assert!(said.contains("'nobody'@'192.0.2.8'"), "{said}");
        let said = through_a_balancer(trusting.port, &from("192.0.2.66:1")).await?;
        assert!(said.contains("'192.0.2.66' is not allowed"), "the client's address counts: {said}");
        for no_header in [&b"\x20\0\0\x01 and so on, without a header"[..], b"PROXY TCP4 nonsense\r\n"] {
            let said = through_a_balancer(trusting.port, no_header).await.unwrap_or_default();
            assert_eq!(said, "", "nothing is said to it");
        }
        // Who is no balancer gets nowhere with it.
        let wary = Stage::with(Family::Mariadb, &listen("192.0.2.0/24", "")).await?;
        for header in [from("10.0.0.1:1"), b"PROXY TCP4 10.0.0.1 192.0.2.200 4444 3306\r\n".to_vec()] {
            let mut socket = TcpStream::connect(("127.0.0.1", wary.port)).await?;
            socket.write_all(&header).await?;
            let mut said = Vec::new();
            // It is closed with something unread.
            let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut said)).await?;
            assert!(String::from_utf8_lossy(&said).contains("Bad handshake"), "{said:?}");
        }
        wary.client().await?.query_drop("SELECT 1").await?;
        Ok(())
    });
}
