//! Promise: what is no MySQL client does no harm: no panic, no growth, a line in the log, and everybody else is served.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::{Family, PATIENCE, Stage, block_on, eventually, resident};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends bytes after the greeting, and reads until Splitfin closes or says nothing more for a moment.
async fn throw(port: u16, bytes: &[u8], then_close: bool) -> std::io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.write_all(bytes).await?;
    if then_close {
        socket.shutdown().await?;
    }
    let mut answer = Vec::new();
    // A client that is waited for gets no end; what came until then is enough.
    let _ = tokio::time::timeout(Duration::from_millis(200), socket.read_to_end(&mut answer)).await;
    Ok(answer)
}

#[test]
fn garbage_harms_nobody() {
    block_on(async {
        let stage = Stage::with(Family::Mariadb, "limits: { login_timeout: 2s, clients: 300 }").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("SELECT 1 FROM orders").await?;
        let garbage: [&[u8]; 9] = [
            b"",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            &[0xFF; 600],
            &[0; 600],
            // A length header of almost 16 MiB, and chains of them that announce more than a gigabyte.
            b"\xff\xff\xff\x01",
            &[0xFF, 0xFF, 0xFF, 1, 0, 0, 0, 0],
            // A login that ends in the middle of its fields.
            b"\x22\x00\x00\x01\x85\xa2\x1e\x00\x00\x00\x00\x40\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00ap",
            b"\x01\x00\x00\x01\x01",
        ];
        for bytes in garbage {
            for then_close in [false, true] {
                throw(stage.port, bytes, then_close).await?;
            }
        }
        let before = resident();
        for _ in 0..40 {
            for bytes in garbage {
                throw(stage.port, bytes, true).await?;
            }
        }
        let grown = resident().saturating_sub(before) / 1024;
        assert!(grown < 4096, "grew by {grown} KiB");
        client.query_drop("SELECT 1 FROM orders").await?;
        eventually("the sockets are gone", PATIENCE, async || match stage.splitfin.clients() {
            1 => Ok(()),
            more => Err(format!("{more} clients")),
        })
        .await?;
        Ok(())
    });
}

#[test]
fn a_flood_of_logins_is_bounded_and_over_when_it_is_over() {
    block_on(async {
        let stage = Stage::with(Family::Mariadb, "limits: { login_timeout: 2s, clients: 200 }").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        let mut silent = Vec::new();
        let mut sent_away = 0;
        for _ in 0..400 {
            let mut socket = TcpStream::connect(("127.0.0.1", stage.port)).await?;
            let mut first = [0; 7];
            socket.read_exact(&mut first).await?;
            sent_away += u32::from(first[4] == 0xFF);
            silent.push(socket);
        }
        assert!(sent_away >= 200, "{sent_away} were told that there are too many");
        client.query_drop("SELECT 1 FROM orders").await?;
        eventually("silent clients are sent away", PATIENCE, async || match stage.splitfin.clients() {
            1 => Ok(()),
            more => Err(format!("{more} clients")),
        })
        .await?;
        stage.client().await?.query_drop("SELECT 1 FROM orders").await?;
        Ok(())
    });
}

#[test]
fn commands_that_make_no_sense_are_answered_as_servers_answer() {
    block_on(async {
        let stage = Stage::start(Family::Mariadb).await?;
        let mut client = stage.client().await?;
        let mut direct = stage.cluster.primary.root().await?;
        for sql in ["", "-- nothing", "SELEKT 1", "SELECT", "'", "KILL", "KILL USER nobody", "KILL QUERY ID 5"] {
            let outcome = |result: Result<(), mysql_async::Error>| result.map_err(|error| error.to_string());
            assert_eq!(outcome(client.query_drop(sql).await), outcome(direct.query_drop(sql).await), "{sql}");
        }
        client.query_drop("SELECT 1").await?;
        let length: Option<u64> = client.query_first(format!("SELECT LENGTH('{}')", "x".repeat(15 << 20))).await?;
        assert_eq!(length, Some(15 << 20));
        Ok(())
    });
}
