//! Promise: users and passwords are where they were, on the servers. Every account logs in as it does there, with its own
//! plugin and its own words of refusal, and a changed password needs nothing to be done here.

#![allow(clippy::print_stdout, reason = "a test that was not run says so")]

use mysql_async::prelude::Queryable as _;
use splitfin_tests::authority;
use splitfin_tests::drivers::{client, output, verifying_client};
use splitfin_tests::forward::Forward;
use splitfin_tests::{Cluster, Family, PATIENCE, Stage, Told, eventually, in_a_world_of_its_own, story};

/// Nothing but servers and a monitor.
const ACCOUNTS: &str = "auth: { mode: database }\nlimits: { failed_logins: 0 }";

/// What the command line client of a family says to a login, with what may differ left out.
async fn said(
    of: Family,
    port: u16,
    user: &str,
    password: &str,
    more: &[&str],
) -> Result<String, Box<dyn std::error::Error>> {
    let mut command = client(of);
    command.args(["-h127.0.0.1", &format!("-P{port}"), &format!("-u{user}"), &format!("-p{password}")]).args(more);
    if !more.contains(&"-e") {
        command.args(["-N", "-B", "-e", "SELECT CURRENT_USER(), DATABASE(), CURRENT_ROLE()"]);
    }
    let output = output(command).await?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines = text.lines().filter(|line| !line.contains("[Warning]") && !line.contains("WARNING"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// The accounts of a family: name, how it is made, and its password.
fn accounts(family: Family) -> Vec<(&'static str, &'static str, &'static str)> {
    match family {
        Family::Mariadb => vec![
            ("native", "IDENTIFIED BY 'pw native'", "pw native"),
            ("old", "IDENTIFIED VIA mysql_native_password USING PASSWORD('pw old')", "pw old"),
            ("ed", "IDENTIFIED VIA ed25519 USING PASSWORD('pw ed')", "pw ed"),
            (
                "either",
                "IDENTIFIED VIA ed25519 USING PASSWORD('pw either') OR mysql_native_password USING PASSWORD('pw or')",
                "pw or",
            ),
            ("nobody", "IDENTIFIED BY ''", ""),
            ("locked", "IDENTIFIED BY 'pw locked' ACCOUNT LOCK", "pw locked"),
            ("expired", "IDENTIFIED BY 'pw expired' PASSWORD EXPIRE", "pw expired"),
            ("encrypted", "IDENTIFIED BY 'pw encrypted' REQUIRE SSL", "pw encrypted"),
            ("certified", "IDENTIFIED BY 'pw certified' REQUIRE X509", "pw certified"),
            ("actor", "IDENTIFIED BY 'pw actor'", "pw actor"),
            // Who has a user of the system is nobody's here.
            ("resident", "IDENTIFIED VIA unix_socket", "x"),
        ],
        Family::Mysql => vec![
            ("sha2", "IDENTIFIED WITH caching_sha2_password BY 'pw sha2'", "pw sha2"),
            ("old", "IDENTIFIED WITH sha256_password BY 'pw old'", "pw old"),
            ("nobody", "IDENTIFIED BY ''", ""),
            ("locked", "IDENTIFIED BY 'pw locked' ACCOUNT LOCK", "pw locked"),
            ("expired", "IDENTIFIED BY 'pw expired' PASSWORD EXPIRE", "pw expired"),
            ("encrypted", "IDENTIFIED BY 'pw encrypted' REQUIRE SSL", "pw encrypted"),
            ("certified", "IDENTIFIED BY 'pw certified' REQUIRE X509", "pw certified"),
            ("actor", "IDENTIFIED BY 'pw actor'", "pw actor"),
            ("closed", "IDENTIFIED WITH mysql_no_login", "x"),
            ("resident", "IDENTIFIED WITH auth_socket", "x"),
            ("twofold", "IDENTIFIED BY 'pw before'", "pw before"),
            ("later", "IDENTIFIED BY 'pw before'", "pw now"),
        ],
    }
}

async fn with_accounts(family: Family) -> Result<Stage, Box<dyn std::error::Error>> {
    let cluster = Cluster::start(family, 2).await?;
    if family == Family::Mariadb {
        for server in cluster.servers() {
            server.run(&["INSTALL SONAME 'auth_ed25519'"]).await?;
        }
        cluster.primary.run(&["GRANT SELECT ON mysql.user TO monitor"]).await?;
    }
    if family == Family::Mysql {
        for server in cluster.servers() {
            let plugins =
                ["mysql_no_login", "auth_socket"].map(|name| format!("INSTALL PLUGIN {name} SONAME '{name}.so'"));
            server.run(&plugins.each_ref().map(String::as_str)).await?;
        }
        cluster.primary.run(&["GRANT SELECT ON mysql.user TO monitor"]).await?;
    }
    for (name, how, _) in accounts(family) {
        cluster
            .primary
            .run(&[&format!("CREATE USER {name} {how}"), &format!("GRANT SELECT ON shop.* TO {name}")])
            .await?;
    }
    let role = match family {
        Family::Mariadb => ["CREATE ROLE role", "GRANT role TO actor", "SET DEFAULT ROLE role FOR actor"],
        Family::Mysql => ["CREATE ROLE role", "GRANT role TO actor", "ALTER USER actor DEFAULT ROLE role"],
    };
    cluster.primary.run(&role).await?;
    if family == Family::Mysql {
        let both = ["twofold", "later"]
            .map(|name| format!("ALTER USER {name} IDENTIFIED BY 'pw now' RETAIN CURRENT PASSWORD"));
        cluster.primary.run(&both.each_ref().map(String::as_str)).await?;
    }
    cluster.caught_up().await?;
    // The socket is next to the server's own.
    let socket = cluster.primary.directory().join("splitfin.sock");
    let listen = format!("listen: [{{ address: \"127.0.0.1:0\" }}, {{ unix: \"{}\" }}]", socket.display());
    Stage::in_front_of(cluster, &format!("{ACCOUNTS}\n{listen}")).await
}

fn socket_of(stage: &Stage) -> std::path::PathBuf {
    stage.cluster.primary.directory().join("splitfin.sock")
}

story! {
    every_account_is_let_in_or_refused_as_on_the_server, async |family| -> Told {
        let stage = with_accounts(family).await?;
        let of = family;
        let channels: &[&[&str]] = match family {
            Family::Mariadb => &[&["--skip-ssl"], &["--ssl", "--skip-ssl-verify-server-cert"]],
            Family::Mysql => &[&["--ssl-mode=DISABLED", "--get-server-public-key"], &["--ssl-mode=REQUIRED"]],
        };
        let mut compared = 0;
        for channel in channels {
            // Test servers of MariaDB have no TLS: what they say is asked for without.
            let direct: &[&str] = if family == Family::Mariadb { &["--skip-ssl"] } else { channel };
            for (name, _, password) in accounts(family).into_iter().chain([("stranger", "", "x")]) {
                for (typed, database) in [
                    (password, None), (password, Some("shop")), (password, None), ("wrong", None), ("", None),
                    (password, Some("nowhere")), (password, Some("mysql")), (password, Some("shop")),
                ] {
                    let database: Vec<&str> = database.into_iter().collect();
                    let on_server = said(of, stage.cluster.primary.port(), name, typed, &[direct, &database].concat()).await?;
                    let here = said(of, stage.port, name, typed, &[channel, database.as_slice()].concat()).await?;
                    assert_eq!(on_server, here, "{name} {typed:?} {channel:?} {database:?}");
                    compared += 1;
                }
            }
        }
        // Over unix sockets, on both sides.
        let plain: &[&str] = if family == Family::Mariadb { &["--skip-ssl"] } else { &["--ssl-mode=DISABLED"] };
        let own = stage.cluster.primary.directory().join("socket");
        let path = |socket: &std::path::Path| ["-hlocalhost".to_owned(), format!("--socket={}", socket.display())];
        let (there, here) = (path(&own), path(&socket_of(&stage)));
        let [there, here] = [&there, &here].map(|path| path.iter().map(String::as_str).chain(plain.iter().copied()).collect::<Vec<_>>());
        for (name, _, password) in accounts(family).into_iter().chain([("stranger", "", "x")]) {
            for (typed, database) in [(password, None), ("wrong", None), ("", None), (password, Some("nowhere")), (password, Some("shop"))] {
                let database: Vec<&str> = database.into_iter().collect();
                let on_server = said(of, 0, name, typed, &[&there[..], &database].concat()).await?;
                let through = said(of, 0, name, typed, &[&here[..], &database].concat()).await?;
                // A server names where its client is: for it that is Splitfin.
                let through = through.replace("@'127.0.0.1'", "@'localhost'");
                assert_eq!(on_server, through, "{name} {typed:?} {database:?} over unix sockets");
                compared += 1;
            }
        }
        assert!(compared >= 180, "{compared}");
        Ok(())
    }
}

/// Changes an account's password three times, while sessions and logins go on.
async fn rotate(stage: &Stage, name: &str, how: &str, old: &str) -> Told {
    let options = |password: &str| stage.options().user(Some(name)).pass(Some(password)).db_name(None::<String>);
    let mut session = mysql_async::Conn::new(options(old)).await?;
    session.query_drop("SELECT 1").await?;
    for round in 0..3 {
        let new = format!("new {round}");
        stage.cluster.primary.run(&[&format!("ALTER USER {name} {}", how.replace(old, &new))]).await?;
        stage.cluster.caught_up().await?;
        mysql_async::Conn::new(options(&new)).await?.query_drop("SELECT 1").await?;
        eventually("the old one is refused", PATIENCE, async || match mysql_async::Conn::new(options(old)).await {
            Err(error) if error.to_string().contains("1045") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        // Somebody's wrong password costs nobody the right one.
        mysql_async::Conn::new(options(&new)).await?.query_drop("SELECT 1").await?;
        // Who was let in stays, even where it needs a new connection to a server.
        session.query_drop("SELECT 1").await?;
        session.query_drop("SELECT COUNT(*) FROM information_schema.TABLES FOR UPDATE").await.ok();
    }
    Ok(())
}

#[test]
fn who_is_in_without_encryption_does_not_become_an_account_that_wants_it() {
    splitfin_tests::block_on(async {
        let stage = with_accounts(Family::Mysql).await?;
        let become_encrypted = || {
            mysql_async::ChangeUserOpts::default()
                .with_user(Some("encrypted".into()))
                .with_pass(Some("pw encrypted".into()))
        };
        let tls = mysql_async::SslOpts::default().with_danger_accept_invalid_certs(true);
        for (tls, let_in) in [(None, false), (Some(tls), true)] {
            let options =
                stage.options().user(Some("sha2")).pass(Some("pw sha2")).db_name(None::<String>).ssl_opts(tls);
            let mut conn = mysql_async::Conn::new(options).await?;
            let changed = conn.change_user(become_encrypted()).await;
            assert_eq!(changed.is_ok(), let_in, "{changed:?}");
            assert!(let_in || changed.is_err_and(|error| error.to_string().contains("1045")));
        }
        Ok(())
    });
}

story! {
    a_changed_password_needs_nothing_to_be_done, async |family| -> Told {
        let stage = with_accounts(family).await?;
        // Whatever its plugin is.
        let plugins = if family == Family::Mariadb { ["old", "ed", "native"] } else { ["old", "actor", "sha2"] };
        for name in plugins {
            let (_, how, old) = accounts(family).into_iter().find(|(account, ..)| *account == name).ok_or("an account")?;
            rotate(&stage, name, how, old).await?;
        }
        let name = plugins[2];
        let options = |password: &str| stage.options().user(Some(name)).pass(Some(password)).db_name(None::<String>);
        stage.cluster.primary.run(&[&format!("ALTER USER {name} ACCOUNT LOCK")]).await?;
        stage.cluster.caught_up().await?;
        eventually("a locked account is refused", PATIENCE, async || match mysql_async::Conn::new(options("new 2")).await {
            Err(error) if error.to_string().contains("locked") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await?;
        Ok(())
    }
}

story! {
    without_a_look_at_the_account_tables_the_password_is_asked_for, async |family| -> Told {
        let cluster = Cluster::start(family, 1).await?;
        let stage = Stage::in_front_of(cluster, ACCOUNTS).await?;
        for (user, password, right) in [("app", "secret", true), ("app", "wrong", false), ("nobody", "x", false)] {
            let login = mysql_async::Conn::new(stage.options().user(Some(user)).pass(Some(password))).await;
            assert_eq!(login.is_ok(), right, "{user} {password}: {login:?}");
        }
        // A driver that knows nothing but the old plugin is not let in without: on MySQL it never was.
        Ok(())
    }
}

story! {
    wrong_passwords_fail_once_on_the_server_and_lock_nobody_out, async |family| -> Told {
        let stage = with_accounts(family).await?;
        let failures = async || -> Result<u64, Box<dyn std::error::Error>> {
            let mut total = 0;
            for server in stage.cluster.servers() {
                let sql = "SHOW GLOBAL STATUS LIKE 'Aborted_connects'";
                let row: Option<(String, u64)> = server.root().await?.query_first(sql).await?;
                total += row.map_or(0, |(_, count)| count);
            }
            Ok(total)
        };
        let name = if family == Family::Mariadb { "native" } else { "sha2" };
        let options = |password: &str| stage.options().user(Some(name)).pass(Some(password)).db_name(None::<String>);
        mysql_async::Conn::new(options(accounts(family)[0].2)).await?;
        let before = failures().await?;
        for _ in 0..5 {
            assert!(mysql_async::Conn::new(options("wrong")).await.is_err());
        }
        let failed = failures().await? - before;
        assert!(failed <= 5, "{failed}");
        mysql_async::Conn::new(options(accounts(family)[0].2)).await?.query_drop("SELECT 1").await?;
        Ok(())
    }
}

/// Needs a server that lets Splitfin speak for others.
#[test]
fn host_patterns_mean_the_client_where_servers_are_told() {
    splitfin_tests::block_on(async {
        let cluster = Cluster::start_saying(Family::Mariadb, 1, &["--proxy-protocol-networks=127.0.0.1"]).await?;
        let statements = [
            "CREATE USER near@'192.0.2.%' IDENTIFIED BY 'pw'",
            "CREATE USER far@'198.51.100.%' IDENTIFIED BY 'pw'",
            "GRANT SELECT ON shop.* TO near@'192.0.2.%', far@'198.51.100.%'",
        ];
        cluster.primary.run(&statements).await?;
        cluster.caught_up().await?;
        let balanced = "listen: [{ address: \"127.0.0.1:0\", proxy_protocol: [127.0.0.1/32] }]";
        let stage =
            Stage::in_front_of(cluster, &format!("{ACCOUNTS}\n{balanced}\n{}", splitfin_tests::INTRODUCE)).await?;
        // A balancer that speaks for somebody at 192.0.2.7.
        let balancer = Forward::introducing("192.0.2.7:4444".parse()?, stage.port).await?;
        let port = balancer.address().port();
        let of = Family::Mariadb;
        let let_in = said(of, port, "near", "pw", &[]).await?;
        assert!(let_in.starts_with("near@192.0.2.%"), "{let_in}");
        let refused = said(of, port, "far", "pw", &[]).await?;
        assert!(refused.contains("Access denied for user 'far'@'192.0.2.7'"), "{refused}");
        Ok(())
    });
}

/// MariaDB's clients from 11.4 on want to know whose certificate it is, and nobody vouches for the generated one: what
/// proves it is that Splitfin knows the password.
#[test]
fn new_clients_trust_the_generated_certificate() {
    splitfin_tests::block_on(async {
        let Some(mut right) = verifying_client() else {
            println!("there is no client of MariaDB 11.4 or newer here: not tried");
            return Ok(());
        };
        let cluster = Cluster::start(Family::Mariadb, 1).await?;
        cluster.primary.run(&["GRANT SELECT ON mysql.user TO monitor"]).await?;
        cluster.caught_up().await?;
        // To them 127.0.0.1 is this machine, which they trust.
        let elsewhere = "listen: [{ address: \"127.0.0.2:0\" }]";
        let stage = Stage::in_front_of(cluster, &format!("{ACCOUNTS}\n{elsewhere}")).await?;
        right.args([
            "-h127.0.0.2",
            &format!("-P{}", stage.port),
            "-uapp",
            "-psecret",
            "-NB",
            "-e",
            "SHOW STATUS LIKE 'Ssl_cipher'; SELECT 'in'",
        ]);
        let answer = output(right).await?;
        let said = format!("{}{}", String::from_utf8_lossy(&answer.stdout), String::from_utf8_lossy(&answer.stderr));
        assert!(said.contains("in"), "{said}");
        // Without the proof they do not: here nobody may look up what would be needed for it.
        let unproven =
            Stage::in_front_of(Cluster::start(Family::Mariadb, 0).await?, &format!("{ACCOUNTS}\n{elsewhere}")).await?;
        let mut wary = verifying_client().ok_or("a client")?;
        wary.args(["-h127.0.0.2", &format!("-P{}", unproven.port), "-uapp", "-psecret", "-e", "SELECT 1"]);
        let answer = output(wary).await?;
        let said = String::from_utf8_lossy(&answer.stderr).into_owned();
        assert!(!answer.status.success() && said.contains("certificate"), "{said}");
        Ok(())
    });
}

/// Needs a MariaDB from 11.6 on.
#[test]
fn accounts_with_parsec_log_in() {
    splitfin_tests::block_on(async {
        let Some(programs) = splitfin_testkit::Programs::newer_mariadb() else {
            println!("there is no MariaDB 11.6 or newer here: not tried");
            return Ok(());
        };
        let cluster = Cluster::of(&programs, &["--plugin-load-add=auth_parsec"]).await?;
        let statements = [
            "CREATE USER modern@'%' IDENTIFIED VIA parsec USING PASSWORD('pw modern')",
            "GRANT SELECT ON shop.* TO modern@'%'",
        ];
        cluster.primary.run(&statements).await?;
        let stage = Stage::in_front_of(cluster, ACCOUNTS).await?;
        let log_in = async |user: &str, password: &str| said(Family::Mariadb, stage.port, user, password, &[]).await;
        for _ in 0..2 {
            let right = log_in("modern", "pw modern").await?;
            assert!(right.starts_with("modern@%"), "{right}");
            let wrong = log_in("modern", "wrong").await?;
            assert!(wrong.contains("Access denied for user 'modern'@"), "{wrong}");
        }
        stage.cluster.primary.run(&["ALTER USER modern@'%' IDENTIFIED VIA parsec USING PASSWORD('pw later')"]).await?;
        assert!(log_in("modern", "pw later").await?.starts_with("modern@%"));
        eventually("the old password does not get in", PATIENCE, async || {
            let said = log_in("modern", "pw modern").await.map_err(|error| error.to_string())?;
            if said.contains("Access denied") { Ok(()) } else { Err(said) }
        })
        .await?;
        Ok(())
    });
}

/// PAM asks a program whether a password is right; its files are those of this world alone.
async fn asks_pam(arguments: &[&str]) -> Told {
    let folder = tempfile::tempdir()?;
    let check = folder.path().join("check");
    std::fs::write(&check, "#!/bin/sh\n[ \"$PAM_USER\" = pamela ] && [ \"$(tr -d '\\0')\" = 'pw pamela' ]\n")?;
    std::fs::set_permissions(&check, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let rules = tempfile::tempdir()?;
    let text =
        format!("auth required pam_exec.so expose_authtok quiet {}\naccount required pam_permit.so\n", check.display());
    std::fs::write(rules.path().join("splitfin-story"), text)?;
    let mounted = std::process::Command::new("mount").arg("--bind").arg(rules.path()).arg("/etc/pam.d").status()?;
    assert!(mounted.success());
    // The password is said to a server over TLS only.
    let certificates = tempfile::tempdir()?;
    authority::authority(certificates.path())?;
    let tls = authority::server_arguments(certificates.path());
    let arguments: Vec<&str> = arguments.iter().copied().chain(tls.iter().map(String::as_str)).collect();
    let cluster = Cluster::start_saying(Family::Mariadb, 1, &arguments).await?;
    let statements =
        ["CREATE USER pamela@'%' IDENTIFIED VIA pam USING 'splitfin-story'", "GRANT SELECT ON shop.* TO pamela@'%'"];
    cluster.primary.run(&statements).await?;
    cluster.caught_up().await?;
    let stage = Stage::in_front_of(cluster, ACCOUNTS).await?;
    for _ in 0..2 {
        let in_it = said(Family::Mariadb, stage.port, "pamela", "pw pamela", &["--ssl"]).await?;
        assert!(in_it.starts_with("pamela@%"), "{in_it}");
        let wrong = said(Family::Mariadb, stage.port, "pamela", "wrong", &["--ssl"]).await?;
        assert!(wrong.contains("Access denied for user 'pamela'@"), "{wrong}");
    }
    Ok(())
}

#[test]
fn accounts_of_pam_log_in_by_its_question() {
    let plugin = ["--plugin-load-add=auth_pam_v1"];
    in_a_world_of_its_own("accounts_of_pam_log_in_by_its_question", asks_pam(&plugin));
}

#[test]
fn accounts_of_pam_log_in_with_the_clear_password() {
    let plugin = ["--plugin-load-add=auth_pam_v1", "--pam-use-cleartext-plugin"];
    in_a_world_of_its_own("accounts_of_pam_log_in_with_the_clear_password", asks_pam(&plugin));
}
