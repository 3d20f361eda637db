//! Promise: a new session has the rights of now, as on a server: never one that was revoked, a role that was dropped, an account
//! that was made again, or what a database was like before; on any worker, whoever made the change and however.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error};
use splitfin_tests::{Cluster, Family, PATIENCE, Stage, Told, eventually, story};
use std::time::Duration;

const DATABASE: &str = "auth: { mode: database }\nlog: { routes: off }\nlimits: { failed_logins: 0 }\nworkers: 2";
const STATIC: &str = "auth: { mode: static, users: [{ name: app, password: secret }, { name: boss, password: pw }, \
    { name: u, password: pw }] }\nlog: { routes: off }\nlimits: { failed_logins: 0 }\nworkers: 2";

/// How a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Through,
    Prepared,
    Routine,
    Direct,
}

const WAYS: [Way; 4] = [Way::Through, Way::Prepared, Way::Routine, Way::Direct];

/// Sessions that try it after each change.
const MANY: usize = 50;

async fn begin(family: Family, auth: &str) -> Result<Stage, Box<dyn std::error::Error>> {
    let cluster = Cluster::start(family, 2).await?;
    let accounts = [
        "CREATE USER boss IDENTIFIED BY 'pw'",
        "GRANT ALL ON *.* TO boss WITH GRANT OPTION",
        "CREATE USER u IDENTIFIED BY 'pw'",
        "GRANT SELECT ON *.* TO u",
        "CREATE DATABASE d CHARACTER SET latin1",
        "CREATE TABLE d.t (a INT)",
    ];
    cluster.primary.run(&accounts).await?;
    cluster.caught_up().await?;
    Stage::in_front_of(cluster, auth).await
}

/// A session of an account on a database.
async fn enter(stage: &Stage, user: &str, database: &str) -> Result<Conn, Error> {
    Conn::new(stage.options().user(Some(user)).pass(Some("pw")).db_name(Some(database))).await
}

/// Four sessions side by side, twice: connections of both workers to all servers are at rest then.
async fn warm(stage: &Stage, database: &str) -> Told {
    for _ in 0..2 {
        let mut sessions = Vec::new();
        for _ in 0..4 {
            sessions.push(enter(stage, "u", database).await?);
        }
        for session in &mut sessions {
            // What is denied warms as well.
            for sql in ["SELECT COUNT(*) FROM d.t", "BEGIN", "SELECT COUNT(*) FROM d.t"] {
                let _ = session.query_drop(sql).await;
            }
        }
        for session in &mut sessions {
            let _ = session.query_drop("ROLLBACK").await;
            let _ = session.query_drop("SELECT COUNT(*) FROM d.t").await;
        }
        for session in sessions {
            session.disconnect().await?;
        }
    }
    Ok(())
}

async fn change(stage: &Stage, way: Way, sql: &str) -> Told {
    match way {
        Way::Direct => stage.cluster.primary.run(&[sql]).await?,
        Way::Through => enter(stage, "boss", "shop").await?.query_drop(sql).await?,
        Way::Prepared => enter(stage, "boss", "shop").await?.exec_drop(sql, ()).await?,
        Way::Routine => {
            let mut boss = enter(stage, "boss", "shop").await?;
            boss.query_drop("DROP PROCEDURE IF EXISTS way").await?;
            boss.query_drop(format!("CREATE PROCEDURE way() BEGIN {sql}; END")).await?;
            boss.query_drop("CALL way()").await?;
        }
    }
    Ok(())
}

/// How many of so many new sessions may do this, and what the others were told.
async fn may(stage: &Stage, database: &str, sql: &str) -> Result<(usize, String), Box<dyn std::error::Error>> {
    let (mut count, mut refusal) = (0, String::new());
    for _ in 0..MANY {
        let tried = async {
            let mut session = enter(stage, "u", database).await?;
            let done = session.query_drop(sql).await;
            session.disconnect().await?;
            done
        };
        match tried.await {
            Ok(()) => count += 1,
            Err(error) => refusal = error.to_string(),
        }
    }
    Ok((count, refusal))
}

async fn privileges(family: Family, auth: &str) -> Told {
    let stage = begin(family, auth).await?;
    for way in WAYS {
        warm(&stage, "d").await?;
        change(&stage, way, "GRANT INSERT ON d.* TO u").await?;
        let (count, refusal) = may(&stage, "d", "INSERT INTO t VALUES (1)").await?;
        assert_eq!(count, MANY, "{way:?}: it was granted: {refusal}");
        change(&stage, way, "REVOKE INSERT ON d.* FROM u").await?;
        let (count, _) = may(&stage, "d", "INSERT INTO t VALUES (2)").await?;
        assert_eq!(count, 0, "{way:?}: it was revoked");
        // Of all databases; and reads, which replicas serve.
        warm(&stage, "d").await?;
        change(&stage, way, "REVOKE SELECT ON *.* FROM u").await?;
        let (count, _) = may(&stage, "information_schema", "SELECT COUNT(*) FROM d.t").await?;
        assert_eq!(count, 0, "{way:?}: it was revoked");
        change(&stage, way, "GRANT SELECT ON *.* TO u").await?;
        let (count, refusal) = may(&stage, "d", "SELECT COUNT(*) FROM d.t").await?;
        assert_eq!(count, MANY, "{way:?}: it was granted again: {refusal}");
    }
    // By hand, and with the word that makes it hold.
    warm(&stage, "d").await?;
    let by_hand = match family {
        Family::Mariadb => "UPDATE mysql.global_priv SET Priv = JSON_SET(Priv, '$.access', 0) WHERE User = 'u'",
        Family::Mysql => "UPDATE mysql.user SET Select_priv = 'N' WHERE User = 'u'",
    };
    stage.cluster.primary.run(&[by_hand, "FLUSH PRIVILEGES"]).await?;
    let (count, _) = may(&stage, "information_schema", "SELECT COUNT(*) FROM d.t").await?;
    assert_eq!(count, 0, "by hand");
    Ok(())
}

story! {
    a_new_session_has_the_privileges_of_now, async |family| -> Told { privileges(family, DATABASE).await }
}

story! {
    a_new_session_has_the_privileges_of_now_with_a_list_of_users, async |family| -> Told { privileges(family, STATIC).await }
}

async fn accounts(family: Family, auth: &str) -> Told {
    let stage = begin(family, auth).await?;
    let (make, all) = match family {
        Family::Mariadb => ("CREATE OR REPLACE ROLE r", "SET DEFAULT ROLE r FOR u"),
        Family::Mysql => ("CREATE ROLE IF NOT EXISTS r", "SET DEFAULT ROLE r TO u"),
    };
    for way in [Way::Through, Way::Direct] {
        // A role.
        for sql in [make, "GRANT INSERT ON d.* TO r", "GRANT r TO u"] {
            change(&stage, way, sql).await?;
        }
        // MariaDB counts it nowhere: made elsewhere, it holds for sessions whose connections are new.
        change(&stage, Way::Through, all).await?;
        let (count, refusal) = may(&stage, "d", "INSERT INTO t VALUES (3)").await?;
        assert_eq!(count, MANY, "{way:?}: by a role: {refusal}");
        warm(&stage, "d").await?;
        change(&stage, way, "DROP ROLE r").await?;
        let (count, _) = may(&stage, "d", "INSERT INTO t VALUES (4)").await?;
        assert_eq!(count, 0, "{way:?}: its role was dropped");
        // An account that is dropped and made again, with less.
        warm(&stage, "d").await?;
        for sql in ["DROP USER u", "CREATE USER u IDENTIFIED BY 'pw'", "GRANT SELECT ON d.* TO u"] {
            change(&stage, way, sql).await?;
        }
        let (count, refusal) = may(&stage, "d", "SELECT COUNT(*) FROM d.t").await?;
        assert_eq!(count, MANY, "{way:?}: made again: {refusal}");
        let (count, _) = may(&stage, "d", "SELECT COUNT(*) FROM shop.nothing").await?;
        assert_eq!(count, 0, "{way:?}: the old one could");
        let (count, refusal) = may(&stage, "mysql", "DO 1").await?;
        assert_eq!((count, refusal.contains("1044")), (0, true), "{way:?}: {refusal}");
        // A locked one, and one that is gone.
        warm(&stage, "d").await?;
        change(&stage, way, "ALTER USER u ACCOUNT LOCK").await?;
        let (count, refusal) = may(&stage, "d", "DO 1").await?;
        assert_eq!(count, 0, "{way:?}: locked: {refusal}");
        change(&stage, way, "ALTER USER u ACCOUNT UNLOCK").await?;
        warm(&stage, "d").await?;
        change(&stage, way, "DROP USER u").await?;
        let (count, refusal) = may(&stage, "d", "DO 1").await?;
        assert_eq!((count, refusal.contains("1045")), (0, true), "{way:?}: {refusal}");
        for sql in ["CREATE USER u IDENTIFIED BY 'pw'", "GRANT SELECT ON *.* TO u"] {
            change(&stage, way, sql).await?;
        }
        let (count, refusal) = may(&stage, "d", "SELECT COUNT(*) FROM d.t").await?;
        assert_eq!(count, MANY, "{way:?}: {refusal}");
    }
    Ok(())
}

story! {
    a_dropped_or_locked_account_is_out_at_once, async |family| -> Told { accounts(family, DATABASE).await }
}

story! {
    a_dropped_or_locked_account_is_out_at_once_with_a_list_of_users, async |family| -> Told { accounts(family, STATIC).await }
}

story! {
    a_new_session_has_its_database_as_it_is_now, async |family| -> Told {
        let stage = begin(family, DATABASE).await?;
        stage.cluster.primary.run(&["GRANT ALL ON d.* TO u", "GRANT ALL ON dx.* TO u"]).await?;
        for way in [Way::Through, Way::Direct] {
            for charset in ["utf8mb4", "latin1"] {
                warm(&stage, "d").await?;
                change(&stage, way, &format!("ALTER DATABASE d CHARACTER SET {charset}")).await?;
                for number in 0..12 {
                    let mut session = enter(&stage, "u", "d").await?;
                    let seen: Option<String> = session.query_first("SELECT @@character_set_database").await?;
                    assert_eq!(seen.as_deref(), Some(charset), "{way:?}");
                    session.query_drop(format!("CREATE OR REPLACE TABLE ct{number} (a CHAR(3))")).await.ok();
                    session.query_drop(format!("DROP TABLE IF EXISTS ct{number}")).await?;
                    session.query_drop(format!("CREATE TABLE ct{number} (a CHAR(3))")).await?;
                    let sql = format!("SELECT CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE TABLE_NAME = 'ct{number}'");
                    let made: Option<String> = stage.cluster.primary.root().await?.query_first(sql).await?;
                    assert_eq!(made.as_deref(), Some(charset), "{way:?}");
                    session.disconnect().await?;
                }
            }
            stage.cluster.primary.run(&["CREATE DATABASE dx"]).await?;
            warm(&stage, "dx").await?;
            change(&stage, way, "DROP DATABASE dx").await?;
            let (count, refusal) = may(&stage, "dx", "DO 1").await?;
            assert_eq!((count, refusal.contains("1049")), (0, true), "{way:?}: {refusal}");
        }
        // Who was there before chooses it again.
        let mut old = enter(&stage, "u", "d").await?;
        old.query_drop("SELECT 1").await?;
        warm(&stage, "d").await?;
        change(&stage, Way::Through, "ALTER DATABASE d CHARACTER SET utf8mb4").await?;
        old.query_drop("USE d").await?;
        for _ in 0..20 {
            let seen: Option<String> = old.query_first("SELECT @@character_set_database").await?;
            assert_eq!(seen.as_deref(), Some("utf8mb4"));
        }
        Ok(())
    }
}

story! {
    a_replica_that_is_late_serves_no_one_whose_rights_are_newer, async |family| -> Told {
        let more = format!("{DATABASE}\nmonitor: {{ user: monitor, password: secret, interval: 100ms, timeout: 2s, lag: {{ max: 60s, resume: 50s }} }}\nconsistency: {{ scope: off }}");
        let stage = begin(family, &more).await?;
        warm(&stage, "d").await?;
        let mut old = enter(&stage, "u", "d").await?;
        for replica in 0..2 {
            stage.cluster.delay(replica, Duration::from_secs(20)).await?;
        }
        stage.until_usable(2).await?;
        for way in [Way::Through, Way::Direct] {
            change(&stage, way, "REVOKE SELECT ON *.* FROM u").await?;
            let (count, _) = may(&stage, "information_schema", "SELECT COUNT(*) FROM d.t").await?;
            assert_eq!(count, 0, "{way:?}: the replicas still have it");
            change(&stage, way, "GRANT SELECT ON *.* TO u").await?;
        }
        let (count, refusal) = may(&stage, "d", "SELECT COUNT(*) FROM d.t").await?;
        assert_eq!(count, MANY, "{refusal}");
        old.query_drop("SELECT COUNT(*) FROM d.t").await?;
        for replica in 0..2 {
            stage.cluster.delay(replica, Duration::ZERO).await?;
        }
        stage.cluster.caught_up().await?;
        let mut session = enter(&stage, "u", "d").await?;
        eventually("replicas serve again", PATIENCE, async || {
            let told = Stage::read_route(&mut session, "SELECT COUNT(*) FROM d.t").await.map_err(|error| error.to_string())?;
            if told.0.starts_with("slave") { Ok(()) } else { Err(format!("{told:?}")) }
        })
        .await?;
        Ok(())
    }
}

story! {
    logins_share_the_question, async |family| -> Told {
        let stage = begin(family, DATABASE).await?;
        warm(&stage, "d").await?;
        let asked = async || -> Result<u64, Error> {
            let row: Option<(String, u64)> =
                stage.cluster.primary.root().await.map_err(|error| Error::Other(error.to_string().into()))?
                    .query_first("SHOW GLOBAL STATUS LIKE 'Com_show_status'").await?;
            Ok(row.map_or(0, |(_, count)| count))
        };
        let before = asked().await?;
        for _ in 0..5 {
            let options = || stage.options().user(Some("u")).pass(Some("pw")).db_name(Some("d"));
            let logins: Vec<_> = (0..20).map(|_| tokio::spawn(Conn::new(options()))).collect();
            for login in logins {
                login.await??;
            }
        }
        // Probes ask as well: once a second.
        let asked = asked().await? - before;
        assert!(asked <= 110, "{asked} questions for 100 logins");
        Ok(())
    }
}

story! {
    a_change_of_the_user_is_a_login, async |family| -> Told {
        let stage = begin(family, &format!("{DATABASE}\npool: {{ mode: session }}")).await?;
        warm(&stage, "d").await?;
        let become_u = || {
            mysql_async::ChangeUserOpts::default()
                .with_user(Some("u".into()))
                .with_pass(Some("pw".into()))
                .with_db_name(Some("information_schema".into()))
        };
        let mut session = enter(&stage, "u", "d").await?;
        for (sql, may) in [("REVOKE SELECT ON *.* FROM u", false), ("GRANT SELECT ON *.* TO u", true)] {
            for way in [Way::Direct, Way::Through] {
                change(&stage, way, sql).await?;
                for _ in 0..5 {
                    session.change_user(become_u()).await?;
                    assert_eq!(session.query_drop("SELECT COUNT(*) FROM d.t").await.is_ok(), may, "{sql} {way:?}");
                }
            }
        }
        Ok(())
    }
}
