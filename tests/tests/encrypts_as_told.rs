//! Promise: the configuration says who may be trusted with what, and it is kept: versions of TLS, the one certificate of a
//! server, who may open a socket.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::authority::{authority, certificate, server_arguments};
use splitfin_tests::drivers::{client, output};
use splitfin_tests::{Cluster, Family, PATIENCE, Stage, Told, block_on, eventually, story};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What the server's certificate is known by, as openssl writes it.
async fn fingerprint(cluster: &Cluster) -> Result<String, Box<dyn std::error::Error>> {
    let mut command = std::process::Command::new("openssl");
    let certificate = cluster.primary.directory().join("data/server-cert.pem");
    command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(certificate);
    let said = String::from_utf8(output(command).await?.stdout)?;
    Ok(said.trim().rsplit('=').next().unwrap_or_default().to_owned())
}

fn with_backend(cluster: &Cluster, tls: &str, state: &Path) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]
backends: [{{ name: master, address: \"{}\", tls: {tls} }}]
monitor: {{ user: monitor, password: secret, interval: 100ms, timeout: 2s }}
state_dir: \"{}\"",
        cluster.primary.address(),
        state.display()
    )
}

#[test]
fn one_certificate_of_a_server_and_no_other() {
    block_on(async {
        let cluster = Cluster::start(Family::Mysql, 0).await?;
        let state = tempfile::tempdir()?;
        let right = fingerprint(&cluster).await?;
        assert_eq!(right.len(), 95, "{right}");
        let config =
            with_backend(&cluster, &format!("{{ fingerprint: \"{right}\", min_version: \"1.3\" }}"), state.path());
        let mut splitfin = splitfin::run(splitfin::Config::parse("story", &config)?).await?;
        let splitfin::Endpoint::Tcp(address) = splitfin.endpoints()[0].clone() else { return Err("no port".into()) };
        let options = || {
            mysql_async::OptsBuilder::default()
                .ip_or_hostname("127.0.0.1")
                .tcp_port(address.port())
                .user(Some("app"))
                .pass(Some("secret"))
                .prefer_socket(false)
        };
        eventually("a primary", PATIENCE, async || match splitfin.snapshot().primary {
            Some(_) => Ok(()),
            None => Err(format!("{:?}", splitfin.snapshot().backends)),
        })
        .await?;
        let mut conn = mysql_async::Conn::new(options()).await?;
        let cipher: Option<(String, String)> = conn.query_first("SHOW SESSION STATUS LIKE 'Ssl_version'").await?;
        assert_eq!(cipher.map(|(_, version)| version), Some("TLSv1.3".to_owned()));
        // Configured otherwise, it is still the primary.
        let config = with_backend(&cluster, &format!("{{ fingerprint: \"{right}\" }}"), state.path());
        splitfin.reload(splitfin::Config::parse("story", &config)?)?;
        // Without any other server there is none for a moment, before it was probed in its new way.
        let mut conn = eventually("the primary again", PATIENCE, async || {
            mysql_async::Conn::new(options()).await.map_err(|error| error.to_string())
        })
        .await?;
        conn.query_drop("CREATE TABLE shop.one (id INT)").await?;
        // Somebody else's certificate: nothing is said to it, and it is said why.
        let wrong = right.replace(&right[..2], if &right[..2] == "00" { "11" } else { "00" });
        let config = with_backend(&cluster, &format!("{{ fingerprint: \"{wrong}\" }}"), state.path());
        splitfin.reload(splitfin::Config::parse("story", &config)?)?;
        eventually("it is not trusted", PATIENCE, async || {
            let snapshot = splitfin.snapshot();
            let why = format!("{:?}", snapshot.ours().map(|view| &view.fit).collect::<Vec<_>>());
            if snapshot.primary.is_none() && why.contains("fingerprint") { Ok(()) } else { Err(why) }
        })
        .await?;
        Ok(())
    });
}

/// Logs in with a certificate, if it has one, and gives what comes of it.
async fn logged_in_with(
    family: Family,
    port: u16,
    user: &str,
    own: Option<(&Path, &str)>,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut command = client(family);
    command.args(["-h127.0.0.1", &format!("-P{port}"), &format!("-u{user}"), "-ppw", "-NBe", "SELECT CURRENT_USER()"]);
    command.arg(if family == Family::Mysql { "--ssl-mode=REQUIRED" } else { "--ssl" });
    if let Some((folder, name)) = own {
        let file = |ending: &str| folder.join(format!("{name}{ending}.pem")).display().to_string();
        command.args([format!("--ssl-cert={}", file("")), format!("--ssl-key={}", file("-key"))]);
    }
    let answer = output(command).await?;
    let error = String::from_utf8_lossy(&answer.stderr).into_owned();
    Ok(match answer.status.success() {
        true => String::from_utf8(answer.stdout)?.trim().to_owned(),
        false => match error.find("Access denied") {
            Some(at) => error[at..].trim().to_owned(),
            None => "no TLS".to_owned(),
        },
    })
}

story! {
    accounts_that_need_a_certificate_are_let_in_with_it_alone, async |family| -> Told {
        let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
        authority(folder.path())?;
        authority(elsewhere.path())?;
        for name in ["app", "other", "splitfin"] {
            certificate(folder.path(), name, &format!("{name}.pem"), &format!("{name}-key.pem"))?;
        }
        certificate(elsewhere.path(), "app", "app.pem", "app-key.pem")?;
        let file = |name: &str| folder.path().join(name).display().to_string();
        let files = [format!("--ssl-ca={}", file("ca.pem")), format!("--ssl-cert={}", file("cert.pem")), format!("--ssl-key={}", file("key.pem"))];
        let cluster = Cluster::start_saying(family, 1, &files.each_ref().map(String::as_str)).await?;
        let accounts = [
            ("anyone", ""),
            ("tls", "REQUIRE SSL"),
            ("holder", "REQUIRE X509"),
            ("subject", "REQUIRE SUBJECT '/CN=app'"),
            ("issuer", "REQUIRE ISSUER '/CN=authority'"),
            ("named", "REQUIRE SUBJECT '/CN=app' AND ISSUER '/CN=authority'"),
        ];
        for (user, require) in accounts {
            cluster.primary.run(&[&format!("CREATE USER {user}@'%' IDENTIFIED BY 'pw' {require}")]).await?;
        }
        // What watches the servers needs one, too.
        cluster.primary.run(&["ALTER USER monitor REQUIRE X509"]).await?;
        cluster.caught_up().await?;
        let config = |more: &str| format!(
            "auth: {{ mode: database, certificates: [{{ cert: \"{splitfin}.pem\", key: \"{splitfin}-key.pem\", for: any_client }}{more}] }}\nlimits: {{ failed_logins: 0 }}\nlisten: [{{ address: \"127.0.0.1:0\", tls: {{ cert: \"{}\", key: \"{}\", client_ca: \"{}\", client_cert: optional }} }}]",
            file("cert.pem"), file("key.pem"), file("ca.pem"), splitfin = folder.path().join("splitfin").display(),
        );
        let of_app = format!(", {{ cert: \"{}\", key: \"{}\" }}", file("app.pem"), file("app-key.pem"));
        let mut stage = Stage::in_front_of(cluster, &config(&of_app)).await?;
        let shown: [Option<(&Path, &str)>; 4] =
            [None, Some((folder.path(), "app")), Some((folder.path(), "other")), Some((elsewhere.path(), "app"))];
        let mut let_in = 0;
        for (user, require) in accounts {
            for own in shown {
                let direct = logged_in_with(family, stage.cluster.primary.port(), user, own).await?;
                let through = logged_in_with(family, stage.port, user, own).await?;
                assert_eq!(direct, through, "{user} {require} {own:?}");
                let_in += usize::from(direct.starts_with(user));
            }
        }
        // No certificate, that of app, that of somebody else of the same authority: 3, 3, 2, 1, 2 and 1.
        assert_eq!(let_in, 12);
        // Without its own at hand nobody can speak for app; and a connection of somebody with a certificate is no way in for
        // somebody without.
        stage.reload(2, &config(""))?;
        eventually("app's certificate is not shown any more", PATIENCE, async || {
            let said = logged_in_with(family, stage.port, "subject", shown[1]).await.map_err(|error| error.to_string())?;
            if said.starts_with("Access denied") { Ok(()) } else { Err(said) }
        })
        .await?;
        assert!(logged_in_with(family, stage.port, "holder", shown[1]).await?.starts_with("holder"));
        assert!(logged_in_with(family, stage.port, "holder", None).await?.starts_with("Access denied"));
        Ok(())
    }
}

/// Logs in without TLS, and gives the error's number, if it is one.
async fn refused_in_clear(stage: &Stage, user: &str, password: &str) -> Option<u16> {
    let options = stage.options().user(Some(user)).pass(Some(password)).db_name(None::<String>).ssl_opts(None);
    match mysql_async::Conn::new(options).await {
        Ok(_) => None,
        Err(mysql_async::Error::Server(error)) => Some(error.code),
        Err(_) => Some(0),
    }
}

story! {
    who_has_to_use_tls_uses_it_whatever_the_monitor_may_see, async |family| -> Told {
        let folder = tempfile::tempdir()?;
        authority(folder.path())?;
        let tls = server_arguments(folder.path());
        let listed = ["anyone", "tls", "later"].map(|user| format!("{{ name: {user}, password: pw }}")).join(", ");
        for auth in ["auth: { mode: database }".to_owned(), format!("auth: {{ mode: static, users: [{listed}] }}")] {
            let cluster = Cluster::start_saying(family, 1, &tls.each_ref().map(String::as_str)).await?;
            for (user, require) in [("anyone", ""), ("tls", "REQUIRE SSL"), ("later", "")] {
                cluster.primary.run(&[&format!("CREATE USER {user}@'%' IDENTIFIED BY 'pw' {require}")]).await?;
            }
            cluster.caught_up().await?;
            // The monitor may see nothing of accounts, and connections to the servers have TLS.
            let stage = Stage::in_front_of(cluster, &format!("{auth}\nlimits: {{ failed_logins: 0 }}")).await?;
            for _ in 0..2 {
                assert_eq!(refused_in_clear(&stage, "anyone", "pw").await, None, "{auth}");
                assert_eq!(refused_in_clear(&stage, "later", "pw").await, None, "{auth}");
                assert_eq!(refused_in_clear(&stage, "tls", "pw").await, Some(1045), "{auth}");
                assert_eq!(refused_in_clear(&stage, "tls", "wrong").await, Some(1045), "{auth}");
                assert_eq!(logged_in_with(family, stage.port, "tls", None).await?, "tls@%", "{auth}");
            }
            stage.cluster.primary.run(&["ALTER USER later@'%' REQUIRE SSL"]).await?;
            assert_eq!(refused_in_clear(&stage, "later", "pw").await, Some(1045), "{auth}");
            assert_eq!(logged_in_with(family, stage.port, "later", None).await?, "later@%", "{auth}");
        }
        Ok(())
    }
}

story! {
    certificates_of_one_authority_and_no_other, async |family| -> Told {
        let (right, wrong) = (tempfile::tempdir()?, tempfile::tempdir()?);
        authority(right.path())?;
        authority(wrong.path())?;
        let file = |name: &str| right.path().join(name).display().to_string();
        let files = [format!("--ssl-ca={}", file("ca.pem")), format!("--ssl-cert={}", file("cert.pem")), format!("--ssl-key={}", file("key.pem"))];
        let cluster = Cluster::start_saying(family, 0, &files.each_ref().map(String::as_str)).await?;
        let state = tempfile::tempdir()?;
        let trusting = |folder: &tempfile::TempDir| {
            let ca = folder.path().join("ca.pem").display().to_string();
            with_backend(&cluster, &format!("{{ mode: required, ca: \"{ca}\" }}"), state.path())
        };
        let mut splitfin = splitfin::run(splitfin::Config::parse("story", &trusting(&right))?).await?;
        eventually("a primary", PATIENCE, async || match splitfin.snapshot().primary {
            Some(_) => Ok(()),
            None => Err(format!("{:?}", splitfin.snapshot().backends)),
        })
        .await?;
        splitfin.reload(splitfin::Config::parse("story", &trusting(&wrong))?)?;
        eventually("it is not trusted", PATIENCE, async || {
            let snapshot = splitfin.snapshot();
            let why = format!("{:?}", snapshot.ours().map(|view| &view.fit).collect::<Vec<_>>());
            if snapshot.primary.is_none() && why.contains("certificate") { Ok(()) } else { Err(why) }
        })
        .await?;
        Ok(())
    }
}

#[test]
fn clients_have_certificates_where_they_must_and_a_new_certificate_is_taken_over() {
    block_on(async {
        let (right, later) = (tempfile::tempdir()?, tempfile::tempdir()?);
        authority(right.path())?;
        authority(later.path())?;
        let path = |folder: &tempfile::TempDir, name: &str| folder.path().join(name).display().to_string();
        let listen = format!(
            "listen: [{{ address: \"127.0.0.1:0\", tls: {{ mode: required, cert: \"{}\", key: \"{}\", client_ca: \"{}\" }} }}]",
            path(&right, "cert.pem"),
            path(&right, "key.pem"),
            path(&right, "ca.pem"),
        );
        let mut stage = Stage::with(Family::Mysql, &listen).await?;
        let port = stage.port;
        let log_in = async |trusted: &tempfile::TempDir, own: Option<&tempfile::TempDir>| {
            let mut command = client(Family::Mysql);
            command.args(["-h127.0.0.1", &format!("-P{port}"), "-uapp", "-psecret", "-e", "SELECT 1"]);
            command.args(["--ssl-mode=VERIFY_IDENTITY", &format!("--ssl-ca={}", path(trusted, "ca.pem"))]);
            if let Some(own) = own {
                command.args([
                    format!("--ssl-cert={}", path(own, "cert.pem")),
                    format!("--ssl-key={}", path(own, "key.pem")),
                ]);
            }
            output(command).await.map(|output| output.status.success())
        };
        assert!(log_in(&right, Some(&right)).await?);
        assert!(!log_in(&right, None).await?, "without a certificate");
        assert!(!log_in(&right, Some(&later)).await?, "with that of another authority");
        // The files are replaced, and the configuration is read again.
        for name in ["cert.pem", "key.pem"] {
            std::fs::copy(later.path().join(name), right.path().join(name))?;
        }
        stage.reload(2, &listen)?;
        assert!(!log_in(&right, Some(&right)).await?, "it has another certificate now");
        Ok(())
    });
}

#[test]
fn old_versions_of_tls_are_refused_where_new_ones_are_wanted() {
    block_on(async {
        let listen = "listen: [{ address: \"127.0.0.1:0\", tls: { mode: required, min_version: \"1.3\" } }]";
        let stage = Stage::with(Family::Mysql, listen).await?;
        for (version, let_in) in [("TLSv1.2", false), ("TLSv1.3", true)] {
            let mut command = client(Family::Mysql);
            command.args(["-h127.0.0.1", &format!("-P{}", stage.port), "-uapp", "-psecret", "-e", "SELECT 1"]);
            command.args(["--ssl-mode=REQUIRED", &format!("--tls-version={version}")]);
            let answer = output(command).await?;
            let said = String::from_utf8_lossy(&answer.stderr).into_owned();
            assert_eq!(answer.status.success(), let_in, "{version}: {said}");
        }
        Ok(())
    });
}

#[test]
fn a_socket_is_opened_by_those_who_may() {
    block_on(async {
        let folder = tempfile::tempdir()?;
        let mode = |name: &str| {
            std::fs::metadata(folder.path().join(name)).map(|metadata| metadata.permissions().mode() & 0o777)
        };
        let listen = format!(
            "listen: [{{ unix: \"{0}/everybody\" }}, {{ unix: \"{0}/group\", mode: \"0660\" }}]",
            folder.path().display()
        );
        let stage = Stage::with(Family::Mariadb, &listen).await?;
        assert_eq!((mode("everybody")?, mode("group")?), (0o777, 0o660));
        let options = mysql_async::OptsBuilder::default()
            .socket(folder.path().join("group").to_str())
            .user(Some("app"))
            .pass(Some("secret"));
        mysql_async::Conn::new(options).await?.query_drop("SELECT 1").await?;
        drop(stage);
        Ok(())
    });
}
