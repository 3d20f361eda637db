//! Promise: clients cannot take the file descriptors that connections to servers and the admin endpoint need.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::service::{Service, program};
use splitfin_tests::{Cluster, Family, PASSWORD, PATIENCE, block_on, eventually, http};
use std::process::Command;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

fn to(endpoint: u16) -> mysql_async::OptsBuilder {
    let options = mysql_async::OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(endpoint);
    let options = options.user(Some("app")).pass(Some(PASSWORD)).prefer_socket(false);
    options.max_allowed_packet(Some(1 << 24)).wait_timeout(Some(100))
}

/// Whether a client that says nothing is greeted; else it is sent away with error 1040.
async fn is_greeted(socket: &mut TcpStream) -> Result<bool, Box<dyn std::error::Error>> {
    let mut packet = [0; 512];
    let read = tokio::time::timeout(PATIENCE, socket.read(&mut packet)).await??;
    match packet.get(4..read) {
        Some([10, ..]) => Ok(true),
        Some([0xFF, 0x10, 0x04, ..]) => Ok(false),
        other => Err(format!("{other:?}").into()),
    }
}

#[test]
fn many_clients_that_say_nothing_leave_it_room_to_work() {
    block_on(async {
        let cluster = Cluster::start(Family::Mariadb, 0).await?;
        let (folder, endpoint) = (tempfile::tempdir()?, splitfin_testkit::free_port()?);
        let admin = splitfin_testkit::free_port()?;
        let path = folder.path().join("splitfin.yaml");
        let text = format!(
            "listen: [{{ address: \"127.0.0.1:{endpoint}\" }}]
backends: [{{ name: master, address: \"{}\" }}]
monitor: {{ user: monitor, password: secret, interval: 100ms, timeout: 2s }}
limits: {{ login_timeout: 60s }}
admin: {{ http: \"127.0.0.1:{admin}\" }}
state_dir: \"{}\"
workers: 2
",
            cluster.primary.address(),
            folder.path().display(),
        );
        std::fs::write(&path, text)?;
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -Sn 64 && ulimit -Hn 192 && exec \"$0\" run \"$1\""]).arg(program()).arg(&path);
        let service = Service::start(command, folder.path())?;
        let mut client = eventually("it serves", PATIENCE, async || {
            mysql_async::Conn::new(to(endpoint)).await.map_err(|error| error.to_string())
        })
        .await?;
        assert!(service.log().contains("are more than there may be file descriptors"), "{}", service.log());
        let (mut silent, mut greeted) = (Vec::new(), 0);
        for _ in 0..200 {
            let mut socket = TcpStream::connect(("127.0.0.1", endpoint)).await?;
            greeted += u32::from(is_greeted(&mut socket).await?);
            silent.push(socket);
        }
        // With 64, half of them reserved, there would be next to nothing; the last 32 of 192 are for others.
        assert!((64..160).contains(&greeted), "{greeted} of 200: {}", service.log());
        for _ in 0..3 {
            client.query_drop("BEGIN").await?;
            client.query_drop("COMMIT").await?;
        }
        assert_eq!(http(([127, 0, 0, 1], admin).into(), "GET", "/readyz", "").await?.0, 200);
        let refused =
            mysql_async::Conn::new(to(endpoint)).await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("Too many connections"), "{refused}");
        assert_eq!(service.log().matches("client sent away").count(), 1, "{}", service.log());
        drop(silent);
        eventually("there is room again", PATIENCE, async || {
            mysql_async::Conn::new(to(endpoint)).await.map(drop).map_err(|error| error.to_string())
        })
        .await?;
        Ok(())
    });
}
