//! Promise: servers are added, removed and drained, and the configuration changes, without a restart and without an error
//! for anybody.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::forward::Forward;
use splitfin_tests::load::Load;
use splitfin_tests::service::{Service, program};
use splitfin_tests::{Cluster, Family, PATIENCE, Stage, Told, eventually, http, story};
use std::process::Command;

const QUIET: &str =
    "log: { routes: off }\nmonitor: { user: monitor, password: secret, interval: 100ms, timeout: 2s, slow_start: 0s }";

/// Waits until a replica has executed more statements that hold `marker`.
async fn until_it_reads(stage: &Stage, replica: usize, marker: &str) -> Told {
    let before = stage.cluster.replicas[replica].count_executed(marker)?;
    eventually("it takes reads", PATIENCE, async || {
        let now = stage.cluster.replicas[replica].count_executed(marker).map_err(|error| error.to_string())?;
        if now > before { Ok(()) } else { Err(format!("{now}")) }
    })
    .await?;
    Ok(())
}

const READ: &str = "SELECT MAX(token) FROM ledger";

story! {
    a_slave_is_added_and_removed_by_reload, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        let mut stage = Stage::listing(cluster, 1, QUIET).await?;
        let load = Load::start(&stage, 64).await?;
        load.more_writes(100).await?;
        assert_eq!(stage.reload(2, QUIET)?.added, ["slave-2"]);
        stage.until_usable(2).await?;
        until_it_reads(&stage, 1, READ).await?;
        assert_eq!(stage.reload(1, QUIET)?.removed, ["slave-2"]);
        stage.until_usable(1).await?;
        // Its connections are closed as they come to rest.
        let connected = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER IN ('app', 'monitor')";
        let gone = stage.cluster.replicas[1].root().await?;
        let gone = tokio::sync::Mutex::new(gone);
        eventually("nobody is connected", PATIENCE, async || {
            let count: Option<u32> = gone.lock().await.query_first(connected).await.map_err(|error| error.to_string())?;
            if count == Some(0) { Ok(()) } else { Err(format!("{count:?}")) }
        })
        .await?;
        assert_eq!(stage.reload(2, QUIET)?.added, ["slave-2"]);
        stage.until_usable(2).await?;
        until_it_reads(&stage, 1, READ).await?;
        let ledger = load.end().await?;
        assert_eq!(ledger.errors(), Default::default());
        assert_eq!(ledger.compare(&stage.cluster.primary).await?, [0; 0]);
        assert_eq!(ledger.reads()[2], 0, "no stale read");
        Ok(())
    }
}

story! {
    a_bad_configuration_changes_nothing_and_a_good_one_everything, async |family| -> Told {
        let mut stage = Stage::with(family, QUIET).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        let error = stage.reload(1, "routing: { mode: spilt }").unwrap_err().to_string();
        assert!(error.contains("spilt"), "{error}");
        let error = stage.reload(1, "listen: [{ address: \"127.0.0.1:0\", tls: { cert: /nowhere.pem, key: /nowhere.pem } }]").unwrap_err().to_string();
        assert!(error.contains("/nowhere.pem"), "{error}");
        stage.until_usable(2).await?;
        let rule = "routing: { rules: [{ match: { regex: orders }, action: primary, note: for the test }] }";
        let reloaded = stage.reload(2, &format!("{QUIET}\n{rule}\nworkers: 7\nlimits: {{ max_packet: 1000000 }}"))?;
        assert_eq!(reloaded.ignored, ["workers"]);
        let again = stage.reload(2, &format!("{QUIET}\n{rule}\nworkers: 7\npool: {{ mode: session }}"))?;
        assert_eq!(again.ignored, ["workers", "pool.mode"], "it is said until it holds");
        eventually("the rule holds for the session that is there", PATIENCE, async || {
            client.query_drop("SELECT * FROM orders").await.map_err(|error| error.to_string())?;
            let route = Stage::last_route(&mut client).await.map_err(|error| error.to_string())?;
            if route == ("master".to_owned(), "rule".to_owned()) { Ok(()) } else { Err(format!("{route:?}")) }
        })
        .await?;
        stage.reload(2, "auth: { mode: static, users: [{ name: app, password: another }] }")?;
        eventually("the old password is refused", PATIENCE, async || match stage.client().await {
            Err(error) if error.to_string().contains("1045") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        client.query_drop("SELECT * FROM orders").await?;
        Ok(())
    }
}

story! {
    a_drained_slave_gets_nothing_new, async |family| -> Told {
        let mut stage = Stage::with(family, QUIET).await?;
        let load = Load::start(&stage, 64).await?;
        load.more_reads(100).await?;
        let mut patient = stage.client().await?;
        patient.query_drop("START TRANSACTION READ ONLY").await?;
        patient.query_drop("SELECT COUNT(*) FROM ledger").await?;
        let (at, _) = Stage::last_route(&mut patient).await?;
        let index = if at == "slave-1" { 0 } else { 1 };
        assert_eq!(stage.admin("PUT", &format!("/api/v1/backends/{at}/drain")).await?.0, 200);
        stage.until_usable(1).await?;
        eventually("nothing new", PATIENCE, async || {
            let count = || stage.cluster.replicas[index].count_executed(READ).map_err(|error| error.to_string());
            let before = count()?;
            load.more_reads(200).await.map_err(|error| error.to_string())?;
            let after = count()?;
            if after == before { Ok(()) } else { Err(format!("{before} {after}")) }
        })
        .await?;
        // What it has open there, it may finish.
        patient.query_drop("SELECT COUNT(*) FROM ledger").await?;
        assert_eq!(Stage::last_route(&mut patient).await?.0, at);
        patient.query_drop("COMMIT").await?;
        assert_eq!(stage.admin("DELETE", &format!("/api/v1/backends/{at}/drain")).await?.0, 200);
        stage.until_usable(2).await?;
        until_it_reads(&stage, index, READ).await?;
        assert_eq!(load.end().await?.errors(), Default::default());
        assert_eq!(stage.admin("PUT", "/api/v1/backends/nobody/drain").await?.0, 404);
        let address = stage.splitfin.admin().ok_or("an admin endpoint")?;
        let (status, _) = http(address, "PUT", "/api/v1/backends/slave-1/drain", "Origin: http://elsewhere\r\n").await?;
        assert_eq!(status, 403, "not for pages");
        stage.reload(2, QUIET)?;
        Ok(())
    }
}

/// What the monitor needs to ask who replicates from a server.
async fn may_ask_for_replicas(cluster: &Cluster) -> Told {
    let right = match cluster.family() {
        Family::Mariadb => "GRANT REPLICATION MASTER ADMIN ON *.* TO monitor",
        Family::Mysql => "GRANT REPLICATION SLAVE ON *.* TO monitor",
    };
    cluster.primary.run(&[right]).await?;
    cluster.caught_up().await?;
    Ok(())
}

story! {
    one_server_leads_to_all_others, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        may_ask_for_replicas(&cluster).await?;
        let search = format!("{QUIET}\ndiscovery: {{ replicas: true, interval: 200ms }}");
        let mut stage = Stage::listing(cluster, 0, &search).await?;
        stage.until_usable(2).await?;
        let load = Load::start(&stage, 16).await?;
        for replica in 0..2 {
            until_it_reads(&stage, replica, READ).await?;
        }
        // Who is listed as well is there once.
        assert_eq!(stage.reload(1, &search)?.added, ["slave-1"]);
        stage.until_usable(2).await?;
        // One that does not replicate any more and does not answer is forgotten.
        stage.cluster.replicas[1].kill();
        eventually("it is forgotten", PATIENCE, async || {
            let names: Vec<_> = stage.splitfin.snapshot().ours().map(|view| view.spec.name.clone()).collect();
            if names.len() == 2 { Ok(()) } else { Err(format!("{names:?}")) }
        })
        .await?;
        stage.cluster.replicas[1].restart().await?;
        stage.until_usable(2).await?;
        assert_eq!(load.end().await?.errors(), Default::default());
        Ok(())
    }
}

/// A mount namespace of its own gives the program another /etc/hosts.
fn with_hosts(hosts: &std::path::Path, config: &std::path::Path) -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        "mount --bind \"$1\" /etc/hosts && exec \"$2\" run --watch \"$3\"",
        "sh",
    ]);
    command.arg(hosts).arg(program()).arg(config);
    command
}

story! {
    answers_of_dns_hold_as_long_as_they_say, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        let (folder, port) = (tempfile::tempdir()?, splitfin_testkit::free_port()?);
        let _one = Forward::start(([127, 0, 0, 2], port).into(), cluster.replicas[0].port()).await?;
        let _two = Forward::start(([127, 0, 0, 3], port).into(), cluster.replicas[1].port()).await?;
        let (hosts, dns) = (folder.path().join("hosts"), splitfin_testkit::free_port()?);
        std::fs::write(&hosts, "127.0.0.2 slaves.test\n")?;
        let dnsmasq = Service::start(dns_server(&hosts, dns), folder.path())?;
        dnsmasq.until_said("read ").await?;
        let text = |dns: u16| format!(
            "listen: [{{ address: \"127.0.0.1:0\" }}]
backends: [{{ name: master, address: \"{}\" }}, {{ name: slave, dns: \"slaves.test:{port}\" }}]
discovery: {{ interval: 1h, resolver: [\"127.0.0.1:{dns}\"] }}
monitor: {{ user: monitor, password: secret, interval: 100ms, timeout: 2s, slow_start: 0s }}
state_dir: \"{}\"",
            cluster.primary.address(),
            folder.path().display(),
        );
        let mut splitfin = splitfin::run(splitfin::Config::parse("story", &text(dns))?).await?;
        until_servers_are(&splitfin, &["master", "slave-127.0.0.2"]).await?;
        // Nobody says anything: the answer has no longer life than a second.
        std::fs::write(&hosts, "127.0.0.2 slaves.test\n127.0.0.3 slaves.test\n")?;
        dnsmasq.signal("HUP")?;
        until_servers_are(&splitfin, &["master", "slave-127.0.0.2", "slave-127.0.0.3"]).await?;
        std::fs::write(&hosts, "127.0.0.3 slaves.test\n")?;
        dnsmasq.signal("HUP")?;
        until_servers_are(&splitfin, &["master", "slave-127.0.0.3"]).await?;
        // A DNS server that is not there takes nobody away.
        drop(dnsmasq);
        splitfin.reload(splitfin::Config::parse("story", &text(splitfin_testkit::free_port()?))?)?;
        until_servers_are(&splitfin, &["master", "slave-127.0.0.3"]).await?;
        Ok(())
    }
}

/// A DNS server that answers from a file, for a second each time.
fn dns_server(hosts: &std::path::Path, port: u16) -> Command {
    let mut command = Command::new(if std::path::Path::new(DNSMASQ).exists() { DNSMASQ } else { "dnsmasq" });
    command.args(["--keep-in-foreground", "--log-facility=-", "--no-resolv", "--no-hosts", "--local-ttl=1"]);
    command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file=", "--conf-file=/dev/null"]);
    command.arg(format!("--port={port}")).arg(format!("--addn-hosts={}", hosts.display()));
    if splitfin_testkit::is_root() {
        // It would give up the rights of root, and could not read the file again.
        command.arg("--user=root");
    }
    command
}

/// Where Debian puts it: not everybody's path has it.
const DNSMASQ: &str = "/usr/sbin/dnsmasq";

async fn until_servers_are(splitfin: &splitfin::Running, expected: &[&str]) -> Told {
    eventually("other servers", PATIENCE, async || {
        let snapshot = splitfin.snapshot();
        let mut fit: Vec<_> =
            snapshot.ours().filter(|view| view.fit.is_ok()).map(|view| view.spec.name.clone()).collect();
        fit.sort();
        if fit == expected { Ok(()) } else { Err(format!("{fit:?}")) }
    })
    .await?;
    Ok(())
}

story! {
    the_addresses_of_a_name_are_servers, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        let port = splitfin_testkit::free_port()?;
        let _one = Forward::start(([127, 0, 0, 2], port).into(), cluster.replicas[0].port()).await?;
        let _two = Forward::start(([127, 0, 0, 3], port).into(), cluster.replicas[1].port()).await?;
        let folder = tempfile::tempdir()?;
        let (hosts, file) = (folder.path().join("hosts"), folder.path().join("splitfin.yaml"));
        let endpoint = splitfin_testkit::free_port()?;
        let config = |more: &str| format!(
            "listen: [{{ address: \"127.0.0.1:{endpoint}\" }}]
backends:
  - {{ name: master, address: \"{}\" }}
  - {{ name: slave, dns: \"slaves.test:{port}\" }}
discovery: {{ interval: 200ms }}
monitor: {{ user: monitor, password: secret, interval: 100ms, timeout: 2s, slow_start: 0s }}
auth: {{ mode: static, users: [{{ name: app, password: secret }}] }}
state_dir: \"{}\"
{more}
",
            cluster.primary.address(),
            folder.path().display(),
        );
        std::fs::write(&hosts, "127.0.0.2 slaves.test\n")?;
        std::fs::write(&file, config(""))?;
        let mut service = Service::start(with_hosts(&hosts, &file), folder.path())?;
        service.until_said("takes reads backend=slave-127.0.0.2").await?;
        std::fs::write(&hosts, "127.0.0.2 slaves.test\n127.0.0.3 slaves.test\n")?;
        service.until_said("takes reads backend=slave-127.0.0.3").await?;
        let options = || mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1").tcp_port(endpoint).user(Some("app")).pass(Some("secret")).prefer_socket(false);
        // A session stays with one server for a moment.
        for _ in 0..20 {
            let mut client = mysql_async::Conn::new(options()).await?;
            client.query_drop("SELECT 'by name' FROM information_schema.ENGINES LIMIT 1").await?;
        }
        let mut client = mysql_async::Conn::new(options()).await?;
        for replica in &cluster.replicas {
            assert!(replica.count_executed("by name")? > 0);
        }
        std::fs::write(&hosts, "127.0.0.3 slaves.test\n")?;
        service.until_said("a server is gone").await?;
        // A name that leads nowhere for a moment changes nothing.
        std::fs::write(&hosts, "")?;
        service.until_said("cannot be looked up").await?;
        client.query_drop("SELECT 1").await?;
        // The file is watched, and a signal does the same.
        std::fs::write(&file, config("limits: { clients: 5 }"))?;
        service.until_said("reloaded").await?;
        std::fs::write(&file, config("limits: { clients: none }"))?;
        service.until_said("nothing has changed").await?;
        std::fs::write(&file, config("limits: { clients: 6 }"))?;
        service.until_said_times("reloaded", 3).await?;
        service.signal("HUP")?;
        service.until_said_times("reloaded", 4).await?;
        service.signal("TERM")?;
        assert_eq!(service.ended().await?, Some(0), "{}", service.log());
        Ok(())
    }
}

/// A configuration for the program, with this endpoint.
fn file(cluster: &Cluster, folder: &std::path::Path, endpoint: u16) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:{endpoint}\" }}, {{ unix: \"{0}/mysql.sock\" }}]
backends: [{{ name: master, address: \"{1}\" }}, {{ name: slave-1, address: \"{2}\" }}]
monitor: {{ user: monitor, password: secret, interval: 100ms, timeout: 2s }}
auth: {{ mode: static, users: [{{ name: app, password: secret }}] }}
state_dir: \"{0}\"
log: {{ routes: off }}
",
        folder.display(),
        cluster.primary.address(),
        cluster.replicas[0].address(),
    )
}

fn to(endpoint: u16) -> mysql_async::OptsBuilder {
    mysql_async::OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(endpoint)
        .user(Some("app"))
        .pass(Some("secret"))
        .prefer_socket(false)
        .max_allowed_packet(Some(1 << 24))
        .wait_timeout(Some(100))
}

story! {
    a_new_version_takes_over_and_turns_nobody_away, async |family| -> Told {
        let cluster = Cluster::start(family, 1).await?;
        let (folder, endpoint) = (tempfile::tempdir()?, splitfin_testkit::free_port()?);
        let path = folder.path().join("splitfin.yaml");
        std::fs::write(&path, file(&cluster, folder.path(), endpoint))?;
        let run = |arguments: &[&str], log: &str| {
            let mut command = Command::new(program());
            command.arg("run").args(arguments).arg(&path);
            let log = folder.path().join(log);
            std::fs::create_dir_all(&log).and_then(|()| Service::start(command, &log))
        };
        let mut old = run(&[], "old")?;
        old.until_said("listening for clients").await?;
        let mut rival = run(&[], "rival")?;
        assert_eq!(rival.ended().await?, Some(1), "nobody shares an address by mistake: {}", rival.log());

        let mut in_transaction = mysql_async::Conn::new(to(endpoint)).await?;
        in_transaction.query_drop("BEGIN").await?;
        // Clients that come and go all the time.
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let clients: Vec<_> = (0..8).map(|_| {
            let stop = std::sync::Arc::clone(&stop);
            tokio::spawn(async move {
                let mut served = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let mut conn = mysql_async::Conn::new(to(endpoint)).await?;
                    match conn.query_drop("DO 1").await {
                        Ok(()) => served += 1,
                        // It was let in and found nothing running: it is sent on its way.
                        Err(error) if error.to_string().contains("1053") => {}
                        Err(error) => return Err(error),
                    }
                    conn.disconnect().await.ok();
                }
                Ok::<u32, mysql_async::Error>(served)
            })
        }).collect();
        let new = run(&["--take-over"], "new")?;
        new.until_said_times("listening for clients", 2).await?;
        old.signal("TERM")?;
        old.until_said("shutting down").await?;
        // What is open on the old one may end.
        in_transaction.query_drop("SELECT 1").await?;
        in_transaction.query_drop("COMMIT").await?;
        drop(in_transaction);
        assert_eq!(old.ended().await?, Some(0), "{}", old.log());
        let mut later = mysql_async::Conn::new(to(endpoint)).await?;
        later.query_drop("DO 2").await?;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for client in clients {
            assert!(client.await?? > 0);
        }
        // The unix socket is the new one's, and was not removed with the old one's.
        let socket = folder.path().join("mysql.sock");
        std::os::unix::net::UnixStream::connect(&socket)?;
        new.signal("TERM")?;
        Ok(())
    }
}

story! {
    sockets_may_come_from_whoever_starts_it, async |family| -> Told {
        let cluster = Cluster::start(family, 1).await?;
        let (folder, endpoint) = (tempfile::tempdir()?, splitfin_testkit::free_port()?);
        let path = folder.path().join("splitfin.yaml");
        std::fs::write(&path, file(&cluster, folder.path(), endpoint))?;
        // As systemd does it: the socket is there before the program is.
        let give = "import os, socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen(100)
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], [sys.argv[2], 'run', sys.argv[3]])";
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", give, &endpoint.to_string()]).arg(program()).arg(&path);
        let mut service = Service::start(command, folder.path())?;
        service.until_said("listening for clients").await?;
        mysql_async::Conn::new(to(endpoint)).await?.query_drop("DO 1").await?;
        service.signal("TERM")?;
        assert_eq!(service.ended().await?, Some(0), "{}", service.log());
        Ok(())
    }
}
