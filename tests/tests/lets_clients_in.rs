//! Promise: clients log in as they would on the server, with every plugin, with and without TLS, and wrong ones do not.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, SslOpts};
use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_tests::raw::RawClient;
use splitfin_tests::{Family, PASSWORD, Stage, Told, story};

fn code(error: &Error) -> u16 {
    match error {
        Error::Server(error) => error.code,
        _ => 0,
    }
}

async fn login(options: mysql_async::OptsBuilder) -> Result<String, Error> {
    let mut conn = Conn::new(options).await?;
    let user: Option<String> = conn.query_first("SELECT USER()").await?;
    Ok(user.unwrap_or_default())
}

story! {
    right_passwords_enter_and_wrong_ones_do_not, async |family| -> Told {
        let stage = Stage::start(family).await?;
        assert!(login(stage.options()).await?.starts_with("app@"));
        let tls = SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true);
        assert!(login(stage.options().ssl_opts(Some(tls.clone()))).await?.starts_with("app@"));

        // Unknown users and wrong passwords get the same answer, but for the name in it.
        let wrong = login(stage.options().pass(Some("wrong"))).await.unwrap_err();
        let unknown = login(stage.options().user(Some("nobody"))).await.unwrap_err();
        assert_eq!((code(&wrong), code(&unknown)), (1045, 1045));
        assert_eq!(wrong.to_string(), unknown.to_string().replace("nobody", "app"));
        assert_eq!(code(&login(stage.options().pass(Some("wrong")).ssl_opts(Some(tls))).await.unwrap_err()), 1045);
        assert_eq!(code(&login(stage.options().pass(None::<String>)).await.unwrap_err()), 1045);
        Ok(())
    }
}

story! {
    databases_are_checked_as_the_server_checks_them, async |family| -> Told {
        let stage = Stage::start(family).await?;
        let direct = |name: &'static str| stage.options().tcp_port(stage.cluster.primary.port()).db_name(Some(name));
        for name in ["nowhere", "no such db"] {
            let through = login(stage.options().db_name(Some(name))).await.unwrap_err();
            let expected = login(direct(name)).await.unwrap_err();
            assert_eq!(code(&through), 1049);
            assert_eq!(through.to_string(), expected.to_string());
        }
        let mut conn = Conn::new(stage.options().db_name(None::<String>)).await?;
        let database: Option<Option<String>> = conn.query_first("SELECT DATABASE()").await?;
        assert_eq!(database, Some(None));
        assert_eq!(code(&conn.query_drop("USE nowhere").await.unwrap_err()), 1049);
        conn.query_drop("USE shop").await?;
        let database: Option<Option<String>> = conn.query_first("SELECT DATABASE()").await?;
        assert_eq!(database, Some(Some("shop".into())));
        Ok(())
    }
}

story! {
    a_unix_socket_is_an_endpoint_too, async |family| -> Told {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("mysql.sock");
        let listen = format!("listen: [{{ address: \"127.0.0.1:0\" }}, {{ unix: \"{}\" }}]", path.display());
        let stage = Stage::with(family, &listen).await?;
        let socket = || stage.options().prefer_socket(true).socket(Some(path.display().to_string()));
        assert!(login(socket()).await?.starts_with("app@"));
        assert_eq!(code(&login(socket().pass(Some("wrong"))).await.unwrap_err()), 1045);
        Ok(())
    }
}

story! {
    a_listener_can_require_tls, async |family| -> Told {
        let stage = Stage::with(family, "listen: [{ address: \"127.0.0.1:0\", tls: { mode: required } }]").await?;
        let refused = login(stage.options()).await.unwrap_err();
        assert_eq!(code(&refused), 3159, "{refused}");
        let tls = SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true);
        assert!(login(stage.options().ssl_opts(Some(tls))).await?.starts_with("app@"));
        Ok(())
    }
}

story! {
    accounts_of_other_plugins_work_on_the_backends, async |family| -> Told {
        let cluster = splitfin_tests::Cluster::start(family, 2).await?;
        let create = match family {
            Family::Mariadb => vec!["INSTALL SONAME 'auth_ed25519'", "CREATE USER other@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')"],
            Family::Mysql => vec!["CREATE USER other@'%' IDENTIFIED WITH sha256_password BY 'secret'"],
        };
        if family == Family::Mariadb {
            for replica in &cluster.replicas {
                replica.run(&["INSTALL SONAME 'auth_ed25519'"]).await?;
            }
        }
        cluster.primary.run(&create).await?;
        cluster.primary.run(&["GRANT ALL ON *.* TO other@'%'"]).await?;
        cluster.caught_up().await?;
        let users = "auth: { mode: static, users: [{ name: app, password: secret }, { name: other, password: secret }] }";
        let stage = Stage::in_front_of(cluster, users).await?;
        assert!(login(stage.options().user(Some("other"))).await?.starts_with("other@"));
        Ok(())
    }
}

story! {
    passwords_reach_backends_without_tls, async |family| -> Told {
        let cluster = splitfin_tests::Cluster::start(family, 2).await?;
        // An account that no server has seen yet: MySQL asks for full authentication, which is RSA without TLS.
        cluster.primary.run(&["CREATE USER cold@'%' IDENTIFIED BY 'a longer secret than its nonce'", "GRANT ALL ON *.* TO cold@'%'"]).await?;
        cluster.caught_up().await?;
        let users = "auth: { mode: static, users: [{ name: app, password: secret }, { name: cold, password: a longer secret than its nonce }] } # plain";
        let stage = Stage::in_front_of(cluster, users).await?;
        let options = || stage.options().user(Some("cold")).pass(Some("a longer secret than its nonce"));
        for _ in 0..3 {
            assert!(login(options()).await?.starts_with("cold@"));
        }
        Ok(())
    }
}

story! {
    a_user_that_the_backend_refuses_gets_the_backends_words, async |family| -> Told {
        let users = "auth: { mode: static, users: [{ name: app, password: secret }, { name: ghost, password: secret }] }";
        let stage = Stage::with(family, users).await?;
        let refused = login(stage.options().user(Some("ghost"))).await.unwrap_err();
        assert_eq!(code(&refused), 1045, "{refused}");
        Ok(())
    }
}

story! {
    an_expired_password_gives_the_sandbox_of_the_server, async |family| -> Told {
        let auth = "auth: { mode: static, users: [{ name: app, password: secret }, { name: late, password: secret }] }";
        let stage = Stage::with(family, auth).await?;
        stage.table().await?;
        stage.cluster.primary.run(&["CREATE USER late IDENTIFIED BY 'secret'", "GRANT ALL ON shop.* TO late"]).await?;
        // In the sandbox an account does not tell whether it has to use TLS.
        stage.cluster.primary.run(&["GRANT SELECT ON mysql.user TO monitor"]).await?;
        let renew = match family {
            Family::Mariadb => "SET PASSWORD = PASSWORD('secret')",
            Family::Mysql => "ALTER USER USER() IDENTIFIED BY 'secret'",
        };
        let statements = ["SELECT 1", "DELETE FROM orders", renew, "SELECT COUNT(*) FROM orders", "SELEC"];
        let mut told = vec![];
        for port in [stage.cluster.primary.port(), stage.port] {
            stage.cluster.primary.run(&["ALTER USER late IDENTIFIED BY 'secret' PASSWORD EXPIRE"]).await?;
            stage.cluster.caught_up().await?;
            told.push(tokio::task::spawn_blocking(move || ask_all(port, "late", &statements)).await??);
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0][0].as_ref().map(|(code, _)| *code), Some(1820));
        assert_eq!((&told[0][2], &told[0][3]), (&None, &None));
        Ok(())
    }
}

/// The errors that a client gets which says that it knows of expired passwords.
fn ask_all(port: u16, user: &str, statements: &[&str]) -> Result<Vec<Option<(u16, String)>>, String> {
    let shape = Capabilities::CAN_HANDLE_EXPIRED_PASSWORDS;
    let client = RawClient::log_in(port, user, PASSWORD, Some("shop"), shape);
    let (mut client, _) = client.map_err(|error| error.to_string())?;
    let mut said = vec![];
    for sql in statements {
        let (outcome, _) = client.ask(CommandByte::Query, sql.as_bytes()).map_err(|error| format!("{sql}: {error}"))?;
        said.push(outcome.error.map(|error| (error.code, error.message)));
    }
    Ok(said)
}

/// Servers see which program it is. MariaDB shows that only with `performance_schema`, which is off there.
#[test]
fn what_a_client_says_of_itself_reaches_the_servers() {
    splitfin_tests::block_on(async {
        let stage = Stage::start(Family::Mysql).await?;
        let asked = "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_account_connect_attrs \
            WHERE ATTR_NAME IN ('program_name', '_client_name', 'os_user') ORDER BY PROCESSLIST_ID DESC, ATTR_NAME LIMIT 3";
        let mut said = vec![];
        for port in [stage.cluster.primary.port(), stage.port] {
            let mut command = splitfin_tests::drivers::client(Family::Mysql);
            command.args([
                "-h127.0.0.1",
                &format!("-P{port}"),
                "-uapp",
                &format!("-p{PASSWORD}"),
                "-N",
                "-B",
                "-e",
                asked,
            ]);
            let output = splitfin_tests::drivers::output(command).await?;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            said.push(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        assert!(said[0].contains("program_name\tmysql") && said[0] == said[1], "{said:#?}");
        Ok(())
    });
}

story! {
    only_so_many_and_only_from_where_they_may, async |family| -> Told {
        let more = "limits: { clients_per_user: 3, clients_per_address: 5 }\n\
            listen: [{ address: \"127.0.0.1:0\", allow: [127.0.0.0/8] }, { address: \"127.0.0.1:0\", deny: [127.0.0.1] }]";
        let stage = Stage::with(family, more).await?;
        let mut there = vec![];
        for _ in 0..3 {
            there.push(stage.client().await?);
        }
        let refused = stage.client().await.unwrap_err();
        assert_eq!(code(&refused), 1226, "{refused}");
        // The one that was refused may still count when the first silent ones come, which are sent away then.
        let mut silent = vec![];
        splitfin_tests::eventually("five from one address are enough", splitfin_tests::PATIENCE, async || {
            match stage.client().await {
                Err(error) if code(&error) == 1040 => Ok(()),
                other => {
                    silent.push(std::net::TcpStream::connect(("127.0.0.1", stage.port)).map_err(|error| error.to_string())?);
                    Err(format!("{other:?}"))
                }
            }
        })
        .await?;
        assert!(silent.len() >= 2);
        drop(silent);
        there.pop();
        splitfin_tests::eventually("there is room again", splitfin_tests::PATIENCE, async || {
            stage.client().await.map(drop).map_err(|error| error.to_string())
        })
        .await?;
        let splitfin::Endpoint::Tcp(closed) = &stage.splitfin.endpoints()[1] else { return Err("a port".into()) };
        let refused = Conn::new(stage.options().tcp_port(closed.port())).await.unwrap_err();
        assert_eq!(code(&refused), 1130, "{refused}");
        Ok(())
    }
}
