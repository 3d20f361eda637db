//! Promise: the program does what its operator says: checks, explains, serves, reports, and ends politely.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::{Family, PATIENCE, Stage, Told, block_on, eventually, story};
use std::process::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The program itself, built by the test run.
fn program() -> std::path::PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    test.parent().and_then(std::path::Path::parent).expect("target/debug").join("splitfin")
}

fn splitfin(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program()).args(arguments).output().expect("the program was built");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

const FILE: &str = "
listen: [{ address: 127.0.0.1:0 }]
backends: [{ name: master, address: \"127.0.0.1:1\" }, { name: slave-1, address: \"127.0.0.1:2\" }]
monitor: { user: monitor, password: secret }
auth: { mode: static, users: [{ name: app, password: secret }] }
";

#[test]
fn check_and_route_answer_without_servers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("splitfin.yaml");
    std::fs::write(&path, FILE).expect("a file");
    let file = path.display().to_string();
    let (code, text) = splitfin(&["check", &file]);
    assert_eq!((code, text.contains("good (2 backends, 1 endpoints)")), (Some(0), true), "{text}");
    let (code, text) = splitfin(&["route", &file, "SELECT * FROM t WHERE id = 5"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("class      read") && text.contains("slave-1    may serve it"), "{text}");
    assert!(text.contains("sees       what its session wrote and read before"), "{text}");
    let (_, text) = splitfin(&["route", &file, "SELECT f(5)"]);
    assert!(text.contains("not known to only read") && text.contains("master     may serve it"), "{text}");

    std::fs::write(&path, FILE.replace("backends", "backend")).expect("a file");
    let (code, text) = splitfin(&["check", &file]);
    assert_eq!(code, Some(78));
    assert!(text.contains(":3:1: ") && text.contains("did you mean `backends`?"), "{text}");
}

/// The program as a service: it logs in JSON, and SIGTERM ends it politely.
#[test]
fn the_program_serves_logs_and_ends_on_sigterm() {
    block_on(async {
        let cluster = splitfin_tests::Cluster::start(Family::Mariadb, 1).await?;
        let folder = tempfile::tempdir()?;
        let (path, port) = (folder.path().join("splitfin.yaml"), splitfin_testkit::free_port()?);
        let text = format!(
            "listen: [{{ address: \"127.0.0.1:{port}\" }}]
backends: [{{ name: master, address: \"{}\" }}, {{ name: slave-1, address: \"{}\" }}]
monitor: {{ user: monitor, password_file: \"{}/pass\", interval: 100ms, timeout: 2s }}
auth: {{ mode: static, users: [{{ name: app, password_env: SPLITFIN_STORY_PASSWORD }}] }}
log: {{ format: json }}
state_dir: \"{}\"
",
            cluster.primary.address(),
            cluster.replicas[0].address(),
            folder.path().display(),
            folder.path().display(),
        );
        std::fs::write(&path, text)?;
        std::fs::write(folder.path().join("pass"), "secret\n")?;
        std::fs::set_permissions(folder.path().join("pass"), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut child = Command::new(program())
            .arg("run")
            .arg(&path)
            .env("SPLITFIN_STORY_PASSWORD", "secret")
            .stdout(log)
            .spawn()?;
        let options = || {
            mysql_async::OptsBuilder::default()
                .ip_or_hostname("127.0.0.1")
                .tcp_port(port)
                .user(Some("app"))
                .pass(Some("secret"))
                .prefer_socket(false)
        };
        let mut client = eventually("it serves", PATIENCE, async || {
            let conn = mysql_async::Conn::new(options()).await;
            conn.map_err(|error| error.to_string())
        })
        .await?;
        client.query_drop("SELECT 42").await?;
        Command::new("kill").arg(child.id().to_string()).status()?;
        let status = tokio::task::spawn_blocking(move || child.wait()).await??;
        assert!(status.success(), "{status}");
        let log = std::fs::read_to_string(folder.path().join("log"))?;
        let line = log.lines().find(|line| line.contains("select ?")).expect("a line for the statement");
        for expected in
            ["\"reason\":\"read\"", "\"backend\":\"slave-1\"", "\"user\":\"app\"", "\"target\":\"splitfin::route\""]
        {
            assert!(line.contains(expected), "{expected} is not in {line}");
        }
        assert!(log.contains("all sessions have ended") && !log.contains("secret\""), "{log}");
        assert!(log.contains("others can read or change this file"), "that of the password has mode 644: {log}");
        Ok(())
    });
}

async fn get(stage: &Stage, path: &str) -> std::io::Result<String> {
    let address = stage.splitfin.admin().expect("an admin endpoint");
    let mut socket = tokio::net::TcpStream::connect(address).await?;
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut text = String::new();
    socket.read_to_string(&mut text).await?;
    Ok(text)
}

#[test]
fn figures_and_health_can_be_asked_for() {
    block_on(async {
        let mut stage = Stage::start(Family::Mariadb).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        for _ in 0..5 {
            client.query_drop("SELECT * FROM orders").await?;
        }
        client.query_drop("INSERT INTO orders (item) VALUES ('x')").await?;
        assert!(get(&stage, "/healthz").await?.contains("200 OK"));
        assert!(get(&stage, "/readyz").await?.contains("ready"));
        let metrics = get(&stage, "/metrics").await?;
        for expected in [
            "splitfin_clients 1",
            "splitfin_statements_total{backend=\"master\",reason=\"changes_data\"} 1",
            "splitfin_backend_usable{backend=\"slave-1\",role=\"replica\"} 1",
            "splitfin_backend_lag_seconds{backend=\"slave-2\"} 0",
            "splitfin_statement_time_seconds_count{backend=\"master\"} 1",
        ] {
            assert!(metrics.contains(expected), "{expected} is not in {metrics}");
        }
        assert!(get(&stage, "/api/v1/backends").await?.contains("\"role\":\"primary\""));
        stage.cluster.primary.kill();
        stage.cluster.replicas.iter_mut().for_each(splitfin_testkit::Server::kill);
        eventually("nobody is ready", PATIENCE, async || match get(&stage, "/readyz").await {
            Ok(answer) if answer.contains("503") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        Ok(())
    });
}

/// Says something to the admin endpoint, and gives what it answers until it closes the connection.
async fn say(stage: &Stage, what: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut socket = tokio::net::TcpStream::connect(stage.splitfin.admin().ok_or("an admin endpoint")?).await?;
    socket.write_all(what.as_bytes()).await?;
    let mut text = Vec::new();
    tokio::time::timeout(PATIENCE, socket.read_to_end(&mut text)).await??;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn only_programs_on_this_machine_change_something() {
    block_on(async {
        let stage = Stage::start(Family::Mariadb).await?;
        let ask =
            async |method, path, headers| say(&stage, &format!("{method} {path} HTTP/1.1\r\n{headers}\r\n\r\n")).await;
        let drain = "/api/v1/backends/slave-1/drain";
        for (headers, why) in [
            ("Host: evil.example", "ask for `localhost`"),
            ("X: no host", ""),
            ("Host: localhost\r\nX-Forwarded-For: 192.0.2.1", "not through a proxy"),
            ("Host: localhost\r\nForwarded: for=192.0.2.1", "not through a proxy"),
            ("Host: localhost\r\nSec-Fetch-Site: cross-site", "not from a web page"),
            ("Host: localhost\r\nOrigin: http://evil.example", "not from a web page"),
        ] {
            for (method, path) in
                [("PUT", drain), ("DELETE", drain), ("PUT", "/api/v1/reload"), ("GET", "/api/v1/learned")]
            {
                let answer = ask(method, path, headers).await?;
                assert!(answer.contains(" 403 ") && answer.contains(why), "{method} {path} {headers}: {answer}");
            }
        }
        stage.until_usable(2).await?;
        assert!(ask("PUT", drain, "Host: localhost").await?.contains("slave-1: drained"));
        stage.until_usable(1).await?;
        assert!(ask("GET", "/api/v1/learned", "Host: 127.0.0.1").await?.ends_with("[]"));
        // Figures are for everybody who gets here.
        assert!(ask("GET", "/metrics", "Host: monitoring.example\r\nVia: proxy").await?.contains("splitfin_clients 0"));
        Ok(())
    });
}

#[test]
fn half_requests_keep_nobody_from_asking() {
    block_on(async {
        let stage = Stage::start(Family::Mariadb).await?;
        let address = stage.splitfin.admin().ok_or("an admin endpoint")?;
        let mut halves = Vec::new();
        for _ in 0..200 {
            let mut socket = tokio::net::TcpStream::connect(address).await?;
            // The oldest are closed meanwhile.
            let _ = socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").await;
            halves.push(socket);
        }
        assert!(get(&stage, "/healthz").await?.contains("200 OK"));
        for mut half in halves {
            let mut answer = Vec::new();
            let ended = tokio::time::timeout(PATIENCE, half.read_to_end(&mut answer)).await?;
            assert!(ended.is_err() || !String::from_utf8_lossy(&answer).contains("200"), "{answer:?}");
        }
        Ok(())
    });
}

story! {
    draining_lets_running_work_finish, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut idle = stage.client().await?;
        let mut slow = stage.client().await?;
        let mut in_transaction = stage.client().await?;
        in_transaction.query_drop("BEGIN").await?;
        in_transaction.query_drop("INSERT INTO orders (item) VALUES ('last')").await?;
        let running = tokio::spawn(async move { slow.query_first::<u32, _>("SELECT SLEEP(1) + 7").await });
        let reads = || stage.ran("SLEEP(1)").map(|ran| ran.iter().sum::<usize>()).map_err(|error| error.to_string());
        eventually("the slow statement runs", PATIENCE, async || match reads()? {
            0 => Err("not yet".to_owned()),
            _ => Ok(()),
        }).await?;

        let Stage { splitfin, cluster, port, .. } = stage;
        let draining = tokio::spawn(splitfin.drain());
        let told = eventually("the idle client is sent away", PATIENCE, async || match idle.query_drop("SELECT 1").await {
            Ok(()) => Err("still served".to_owned()),
            Err(told) => Ok(told),
        }).await?;
        assert!(told.to_string().contains("1053") || !matches!(told, mysql_async::Error::Server(_)), "{told}");
        assert_eq!(running.await??, Some(7), "the running statement finished");
        in_transaction.query_drop("COMMIT").await?;
        draining.await?;
        assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err(), "nobody listens any more");
        let saved: Option<u32> = cluster.primary.root().await?.query_first("SELECT COUNT(*) FROM shop.orders WHERE item = 'last'").await?;
        assert_eq!(saved, Some(1));
        Ok(())
    }
}

story! {
    observe_changes_nothing_and_says_what_would_be, async |family| -> Told {
        let stage = Stage::with(family, "routing: { mode: observe }").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("SELECT * FROM orders").await?;
        assert_eq!(Stage::last_route(&mut client).await?, ("master".into(), "observe".into()));
        Ok(())
    }
}

story! {
    rules_decide_first, async |family| -> Told {
        let rules = "routing:\n  rules:\n    - { match: { regex: 'from orders' }, action: backend=slave-2, note: orders }\n    - { match: { user: app, regex: 'forbidden' }, action: reject, note: not here }";
        let stage = Stage::with(family, rules).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("SELECT * FROM orders").await?;
        assert_eq!(Stage::last_route(&mut client).await?, ("slave-2".into(), "rule".into()));
        let error = client.query_drop("SELECT 1 AS forbidden").await.unwrap_err();
        assert!(error.to_string().contains("not here"), "{error}");
        client.query_drop("SELECT 1").await?;
        Ok(())
    }
}
