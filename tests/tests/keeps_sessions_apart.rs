//! Promise: statement-level pooling is invisible. What a session sets it finds again, and nobody else does.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::{Cluster, Family, PATIENCE, Stage, Told, eventually, story};

/// One connection to each backend: every statement gets the connection that the other session just used.
const TIGHT: &str = "pool: { max_connections: 1 }\nworkers: 1";

story! {
    variables_and_databases_follow_their_session, async |family| -> Told {
        let stage = Stage::with(family, TIGHT).await?;
        stage.table().await?;
        stage.cluster.primary.run(&["CREATE DATABASE other", "CREATE TABLE other.t (a INT)", "INSERT INTO other.t VALUES (7)"]).await?;
        stage.cluster.caught_up().await?;
        let mut one = stage.client().await?;
        let mut two = stage.client().await?;
        one.query_drop("SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+03:00', group_concat_max_len = 5").await?;
        one.query_drop("SET NAMES latin1 COLLATE latin1_bin").await?;
        two.query_drop("USE other").await?;
        two.query_drop("SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci").await?;
        for _ in 0..10 {
            let row: Option<(String, String, u32, String)> =
                one.query_first("SELECT @@sql_mode, @@time_zone, @@group_concat_max_len, @@collation_connection").await?;
            assert_eq!(row, Some(("ANSI_QUOTES".into(), "+03:00".into(), 5, "latin1_bin".into())));
            let item: Option<String> = one.query_first("SELECT \"item\" FROM \"orders\" WHERE id = 1").await?;
            assert_eq!(item.as_deref(), Some("apple"), "the session's own quoting");
            let row: Option<(String, String, String)> = two.query_first("SELECT @@time_zone, DATABASE(), @@collation_connection").await?;
            assert_eq!(row, Some(("SYSTEM".into(), "other".into(), "utf8mb4_unicode_ci".into())));
            let a: Option<i32> = two.query_first("SELECT a FROM t").await?;
            assert_eq!(a, Some(7));
            let quoted: Option<String> = two.query_first("SELECT \"text\"").await?;
            assert_eq!(quoted.as_deref(), Some("text"));
        }
        one.query_drop("SET SESSION sql_mode = DEFAULT").await?;
        let quoted: Option<String> = one.query_first("SELECT \"text\"").await?;
        assert_eq!(quoted.as_deref(), Some("text"), "back to the default");
        Ok(())
    }
}

story! {
    roles_follow_their_session_and_nobody_else, async |family| -> Told {
        let stage = Stage::with(family, TIGHT).await?;
        stage.table().await?;
        stage.cluster.primary.run(&["CREATE ROLE teller", "GRANT teller TO app@'%'"]).await?;
        stage.cluster.caught_up().await?;
        let role = async |client: &mut mysql_async::Conn| {
            let role: Option<Option<String>> = client.query_first("SELECT CURRENT_ROLE()").await?;
            Ok::<_, mysql_async::Error>(role.flatten().unwrap_or_default())
        };
        let mut one = stage.client().await?;
        let mut two = stage.client().await?;
        one.query_drop("SET ROLE teller").await?;
        for _ in 0..5 {
            assert!(role(&mut one).await?.contains("teller"));
            assert_ne!(Stage::last_route(&mut one).await?.1, "pinned", "it holds no connection");
            assert!(!role(&mut two).await?.contains("teller"));
            two.query_drop("INSERT INTO orders (item) VALUES ('other')").await?;
            one.query_drop("UPDATE orders SET amount = 1 WHERE id = 1").await?;
        }
        // Servers keep roles through a reset, and so does the session, alone.
        one.reset().await?;
        assert!(role(&mut one).await?.contains("teller"));
        one.disconnect().await?;
        let mut three = stage.client().await?;
        for client in [&mut two, &mut three] {
            client.query_drop("DO 1").await?;
            assert!(!role(client).await?.contains("teller"));
            let primary: Option<Option<String>> = client.query_first("/* splitfin: primary */ SELECT CURRENT_ROLE()").await?;
            assert!(!primary.flatten().unwrap_or_default().contains("teller"));
        }
        Ok(())
    }
}

story! {
    warnings_outlast_a_commit_as_on_the_server_and_hold_nothing, async |family| -> Told {
        let stage = Stage::with(family, TIGHT).await?;
        stage.table().await?;
        // MySQL forgets them at any other statement, MariaDB at one that uses a table.
        let kept = usize::from(family == Family::Mariadb);
        let mut one = stage.client().await?;
        let mut two = stage.client().await?;
        let warnings = async |client: &mut mysql_async::Conn| client.query::<(String, u16, String), _>("SHOW WARNINGS").await;
        for _ in 0..3 {
            one.query_drop("BEGIN").await?;
            one.query_drop("INSERT IGNORE INTO orders (id, item) VALUES (1, 'there already')").await?;
            assert_eq!(warnings(&mut one).await?.len(), 1);
            one.query_drop("COMMIT").await?;
            // The one connection to the primary is free for others, who see none of it.
            two.query_drop("BEGIN").await?;
            assert_eq!(warnings(&mut two).await?, []);
            two.query_drop("UPDATE orders SET amount = 1 WHERE id = 1").await?;
            two.query_drop("COMMIT").await?;
            let shown = warnings(&mut one).await?;
            assert_eq!(shown.len(), kept, "{shown:?}");
            assert!(shown.iter().all(|(level, code, _)| level == "Warning" && *code == 1062), "{shown:?}");
            assert_ne!(Stage::last_route(&mut one).await?.1, "pinned");
            let rows: Vec<String> = one.query("SELECT item FROM orders").await?;
            assert_eq!((rows.len(), warnings(&mut one).await?.len()), (3, 0));
        }
        Ok(())
    }
}

story! {
    new_sessions_begin_with_what_is_the_default_now, async |family| -> Told {
        let stage = Stage::with(family, TIGHT).await?;
        stage.table().await?;
        let seen = async |client: &mut mysql_async::Conn| {
            let ask = "SELECT @@sort_buffer_size, @@group_concat_max_len, @@max_error_count";
            client.query_first::<(u64, u64, u64), _>(ask).await.map(Option::unwrap_or_default)
        };
        let mut old = stage.client().await?;
        let before = seen(&mut old).await?;
        // Through Splitfin: from the next session on.
        old.query_drop("SET GLOBAL sort_buffer_size = 400000, group_concat_max_len = 5000, max_error_count = 7").await?;
        let mut new = stage.client().await?;
        for _ in 0..3 {
            assert_eq!(seen(&mut new).await?, (400_000, 5000, 7));
            assert_eq!(seen(&mut old).await?.1, before.1, "a session keeps what it began with");
            let rows: Vec<String> = new.query("SELECT item FROM orders").await?;
            assert_eq!(rows.len(), 3);
        }
        // On the server itself: as soon as a probe has noticed.
        stage.cluster.primary.run(&["SET GLOBAL group_concat_max_len = 6000"]).await?;
        eventually("the new default", PATIENCE, async || {
            let mut newest = stage.client().await.map_err(|error| error.to_string())?;
            let found = seen(&mut newest).await.map_err(|error| error.to_string())?;
            if found.1 == 6000 { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await?;
        assert_eq!((seen(&mut old).await?.1, seen(&mut new).await?.1), (before.1, 5000));
        Ok(())
    }
}

story! {
    state_that_cannot_be_moved_holds_its_connection, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1").await?;
        stage.table().await?;
        for (set, ask, expected, label) in [
            ("CREATE TEMPORARY TABLE tmp AS SELECT 6 AS x", "SELECT x FROM tmp", "6", "pinned"),
            ("PREPARE s FROM 'SELECT 8'", "EXECUTE s", "8", "pinned"),
            ("DO GET_LOCK('story', 1)", "SELECT IS_FREE_LOCK('story')", "0", "pinned"),
            ("LOCK TABLES orders READ", "SELECT COUNT(*) FROM orders", "3", "pinned"),
        ] {
            let mut holder = stage.client().await?;
            let mut other = stage.client().await?;
            holder.query_drop(set).await?;
            for _ in 0..3 {
                other.query_drop("/* splitfin: primary */ SELECT COUNT(*) FROM orders").await?;
                let value: Option<String> = holder.query_first(ask).await?;
                assert_eq!(value.as_deref(), Some(expected), "{set}");
                assert_eq!(Stage::last_route(&mut holder).await?, ("master".into(), label.into()), "{set}");
            }
            holder.disconnect().await?;
            other.disconnect().await?;
        }
        let mut unpinned = stage.client().await?;
        unpinned.query_drop("LOCK TABLES orders READ").await?;
        unpinned.query_drop("UNLOCK TABLES").await?;
        let (_, reason) = Stage::read_route(&mut unpinned, "SELECT 1 FROM orders").await?;
        assert_eq!(reason, "read", "the pin ends with its reason");
        Ok(())
    }
}

story! {
    what_a_procedure_changes_stays_in_its_session, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1").await?;
        stage.table().await?;
        stage.cluster.primary.run(&["CREATE PROCEDURE shop.p(IN value INT) BEGIN SET @hidden = value; INSERT IGNORE INTO shop.orders (id) VALUES (1); END"]).await?;
        let mut other = stage.client().await?;
        for prepared in [false, true] {
            let mut client = stage.client().await?;
            match prepared {
                false => client.query_drop("CALL p(5)").await?,
                true => client.exec_drop("CALL p(?)", (5,)).await?,
            }
            client.query_drop("SELECT 1 FROM orders FOR UPDATE").await?;
            let theirs: Option<Option<i32>> = other.query_first("SELECT @hidden").await?;
            assert_eq!(theirs, Some(None), "prepared: {prepared}");
            let ours: Option<Option<i32>> = client.query_first("SELECT @hidden").await?;
            assert_eq!(ours, Some(Some(5)), "prepared: {prepared}");
            client.disconnect().await?;
        }
        Ok(())
    }
}

story! {
    a_session_looks_the_same_on_servers_that_are_set_differently, async |family| -> Told {
        let cluster = Cluster::start(family, 2).await?;
        for replica in &cluster.replicas {
            replica.run(&[
                "SET GLOBAL group_concat_max_len = 7", "SET GLOBAL time_zone = '+09:00'", "SET GLOBAL sql_mode = 'ANSI_QUOTES'",
                "SET GLOBAL auto_increment_offset = 5", "SET GLOBAL max_error_count = 8",
            ]).await?;
        }
        let stage = Stage::in_front_of(cluster, "workers: 1").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        for _ in 0..4 {
            let row: Option<(u32, String, String)> =
                client.query_first("SELECT @@group_concat_max_len, @@time_zone, \"text\" FROM orders LIMIT 1").await?;
            let (longest, zone, text) = row.unwrap();
            assert!(longest > 7 && zone == "SYSTEM" && text == "text", "{longest} {zone} {text}: as on the primary");
            assert!(Stage::last_route(&mut client).await?.0.starts_with("slave"));
        }
        // Which numbers a server gives out, and all that is not known by value, is the primary's to say.
        for (sql, expected) in [("SELECT @@auto_increment_offset FROM orders LIMIT 1", 1), ("SELECT @@max_error_count > 8", 1)] {
            let answer: Option<u32> = client.query_first(sql).await?;
            assert_eq!(answer, Some(expected), "{sql}");
            assert_eq!(Stage::last_route(&mut client).await?, ("master".into(), "server_local".into()));
        }
        Ok(())
    }
}

story! {
    nothing_is_left_for_the_next_session, async |family| -> Told {
        let stage = Stage::with(family, TIGHT).await?;
        stage.table().await?;
        let mut first = stage.client().await?;
        first.query_drop("SET @a = 5, SESSION sql_mode = 'ANSI'").await?;
        first.query_drop("CREATE TEMPORARY TABLE tmp (x INT)").await?;
        first.query_drop("BEGIN").await?;
        first.query_drop("UPDATE orders SET amount = 100").await?;
        first.disconnect().await?;

        let mut second = stage.client().await?;
        let row: Option<(Option<i32>, String)> = second.query_first("SELECT @a, @@sql_mode FROM orders LIMIT 1 FOR UPDATE").await?;
        let (a, mode) = row.unwrap();
        assert_eq!(a, None);
        assert!(!mode.contains("ANSI"), "{mode}");
        assert!(second.query_drop("INSERT INTO tmp VALUES (1)").await.is_err());
        let rolled_back: Option<i32> = second.query_first("SELECT amount FROM orders WHERE id = 1 FOR UPDATE").await?;
        assert_eq!(rolled_back, Some(1));
        Ok(())
    }
}

story! {
    warnings_and_ids_are_those_of_the_statement_before, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        let mut noise = stage.client().await?;
        client.query_drop("INSERT IGNORE INTO orders (id, item) VALUES (1, 'again')").await?;
        noise.query_drop("SELECT 1 FROM orders FOR UPDATE").await?;
        let warnings: Vec<(String, u16, String)> = client.query("SHOW WARNINGS").await?;
        assert_eq!(warnings.first().map(|row| row.1), Some(1062), "{warnings:?}");

        assert!(client.query_drop("SELECT * FROM nowhere FOR UPDATE").await.is_err());
        noise.query_drop("SELECT 1 FROM orders FOR UPDATE").await?;
        let errors: Vec<(String, u16, String)> = client.query("SHOW ERRORS").await?;
        assert_eq!(errors.first().map(|row| row.1), Some(1146), "{errors:?}");

        client.query_drop("INSERT INTO orders (item) VALUES ('mine')").await?;
        noise.query_drop("INSERT INTO orders (item) VALUES ('theirs')").await?;
        let id: Option<u64> = client.query_first("SELECT LAST_INSERT_ID()").await?;
        assert_eq!(id, Some(4));
        client.query_drop("INSERT INTO orders (item, amount) VALUES ('child', LAST_INSERT_ID())").await?;
        let parent: Option<u64> = client.query_first("SELECT amount FROM orders WHERE item = 'child' FOR UPDATE").await?;
        assert_eq!(parent, Some(4));
        client.query_drop("SELECT SQL_CALC_FOUND_ROWS * FROM orders LIMIT 1").await?;
        noise.query_drop("SELECT 1 FROM orders FOR UPDATE").await?;
        let found: Option<u64> = client.query_first("SELECT FOUND_ROWS()").await?;
        assert_eq!(found, Some(6));
        Ok(())
    }
}

/// Ends all connections of clients on all servers.
async fn kill_all(stage: &Stage) -> Told {
    for server in stage.cluster.servers() {
        let mut root = server.root().await?;
        let ids: Vec<u64> = root.query("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'app'").await?;
        for id in ids {
            root.query_drop(format!("KILL {id}")).await?;
        }
    }
    Ok(())
}

story! {
    what_only_a_lost_connection_knew_is_an_error_when_it_is_asked_for, async |family| -> Told {
        let stage = Stage::with(family, TIGHT).await?;
        stage.table().await?;
        // A warning of each holds the connection.
        let counts = "SELECT SQL_CALC_FOUND_ROWS CAST('x' AS SIGNED) FROM orders LIMIT 1";
        let gives_id = "SELECT LAST_INSERT_ID(77), CAST('x' AS SIGNED)";
        for (statement, ask) in [
            (counts, "SELECT FOUND_ROWS()"),
            (counts, "SELECT FOUND_ROWS(), 1 FROM orders"),
            (counts, "SET @rows = FOUND_ROWS()"),
            (gives_id, "SELECT LAST_INSERT_ID()"),
            (gives_id, "INSERT INTO orders (amount) VALUES (LAST_INSERT_ID())"),
        ] {
            let mut client = stage.client().await?;
            client.query_drop("SET @mark = 'kept'").await?;
            client.query_drop(statement).await?;
            kill_all(&stage).await?;
            for _ in 0..2 {
                let error = client.query_drop(ask).await.unwrap_err().to_string();
                assert!(error.contains("() would give was lost"), "{ask}: {error}");
            }
            // What follows gives it anew, in the same session.
            client.query_drop("SELECT LAST_INSERT_ID(5)").await?;
            let _: Vec<i64> = client.query("SELECT id FROM orders LIMIT 2").await?;
            let anew: Option<(u64, u64, String)> =
                client.query_first("SELECT FOUND_ROWS(), LAST_INSERT_ID(), @mark").await?;
            assert_eq!(anew, Some((2, 5, "kept".to_owned())), "{ask}");
        }
        Ok(())
    }
}

story! {
    a_setting_that_only_a_lost_connection_knew_ends_its_session, async |family| -> Told {
        let stage = Stage::with(family, TIGHT).await?;
        stage.cluster.primary.run(&["CREATE PROCEDURE shop.sets() BEGIN SET time_zone = '+05:00'; DO CAST('x' AS SIGNED); END"]).await?;
        stage.cluster.caught_up().await?;
        let mut client = stage.client().await?;
        client.query_drop("CALL sets()").await?;
        kill_all(&stage).await?;
        let zone: Result<Option<String>, _> = client.query_first("SELECT @@time_zone").await;
        assert!(zone.is_err(), "{zone:?} instead of +05:00");
        Ok(())
    }
}

story! {
    warnings_of_one_session_are_not_shown_to_another, async |family| -> Told {
        let stage = Stage::with(family, TIGHT).await?;
        stage.table().await?;
        let mut warned = stage.client().await?;
        let mut other = stage.client().await?;
        warned.query_drop("INSERT IGNORE INTO orders (id, item) VALUES (1, 'again')").await?;
        // The next statement gives the connection back, with the warning still on it.
        warned.query_drop("SELECT 1 FROM orders").await?;
        let seen: Vec<(String, u16, String)> = other.query("SHOW WARNINGS").await?;
        assert!(seen.is_empty(), "{seen:?}");
        Ok(())
    }
}

story! {
    a_one_shot_isolation_level_reaches_its_transaction, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED").await?;
        client.query_drop("START TRANSACTION").await?;
        let mut writer = stage.client().await?;
        writer.query_drop("BEGIN").await?;
        writer.query_drop("UPDATE orders SET amount = 77 WHERE id = 1").await?;
        let dirty: Option<i32> = client.query_first("SELECT amount FROM orders WHERE id = 1").await?;
        assert_eq!(dirty, Some(77));
        writer.query_drop("ROLLBACK").await?;
        client.query_drop("COMMIT").await?;
        assert_eq!(Stage::read_route(&mut client, "SELECT 1 FROM orders").await?.1, "read");
        Ok(())
    }
}

story! {
    reset_and_change_user_start_again, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("SET @a = 5, SESSION sql_mode = 'ANSI_QUOTES'").await?;
        assert!(client.reset().await?);
        let row: Option<(Option<i32>, String, String)> = client.query_first("SELECT @a, \"text\", DATABASE()").await?;
        assert_eq!(row, Some((None, "text".into(), "shop".into())));
        assert_ne!(Stage::last_route(&mut client).await?.1, "pinned");

        client.query_drop("SET @a = 5").await?;
        let options = mysql_async::ChangeUserOpts::new().with_user(Some("app".into())).with_pass(Some("secret".into())).with_db_name(Some("mysql".into()));
        client.change_user(options).await?;
        let row: Option<(Option<i32>, String)> = client.query_first("SELECT @a, DATABASE()").await?;
        assert_eq!(row, Some((None, "mysql".into())));
        let wrong = mysql_async::ChangeUserOpts::new().with_user(Some("app".into())).with_pass(Some("wrong".into()));
        let error = client.change_user(wrong).await.unwrap_err();
        assert!(error.to_string().contains("1045") || error.to_string().contains("Access denied"), "{error}");
        Ok(())
    }
}

story! {
    a_role_that_a_replica_does_not_know_yet_is_active, async |family| -> Told {
        let late = "monitor: { user: monitor, password: secret, lag: { max: 1h, resume: 1h } }";
        let stage = Stage::with(family, late).await?;
        stage.table().await?;
        for replica in 0..2 {
            stage.cluster.delay(replica, std::time::Duration::from_secs(60)).await?;
        }
        let mut client = stage.client().await?;
        for sql in ["CREATE ROLE reader", "GRANT reader TO app@'%'", "SET ROLE reader"] {
            client.query_drop(sql).await?;
        }
        // Without a table, it may run on a server that lacks the writes above.
        for _ in 0..10 {
            let role: Option<String> = client.query_first("SELECT CURRENT_ROLE()").await?;
            assert!(role.as_deref().is_some_and(|role| role.contains("reader")), "{role:?}");
        }
        client.query_drop("DROP ROLE reader").await?;
        Ok(())
    }
}

story! {
    what_is_only_prepared_leaves_the_last_id_alone, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1\npool: { max_connections: 1 }").await?;
        stage.table().await?;
        let (mut one, mut other) = (stage.client().await?, stage.client().await?);
        for text in ["SELECT LAST_INSERT_ID(?)", "UPDATE orders SET amount = LAST_INSERT_ID(?) WHERE id = 1"] {
            one.query_drop("SELECT LAST_INSERT_ID(100)").await?;
            // Its user variable has the only connection reset before another session uses it: nothing of it is known then.
            other.query_drop("SET @theirs = 1").await?;
            let prepared = one.prep(text).await?;
            let id: Option<u64> = one.query_first("SELECT LAST_INSERT_ID()").await?;
            assert_eq!(id, Some(100), "{text}");
            one.exec_drop(&prepared, (200,)).await?;
            let id: Option<u64> = one.query_first("SELECT LAST_INSERT_ID()").await?;
            assert_eq!(id, Some(200), "{text}");
        }
        Ok(())
    }
}

story! {
    an_id_that_another_session_left_is_not_taken_for_ones_own, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1\npool: { max_connections: 1 }").await?;
        stage.table().await?;
        let own = "CREATE TABLE shop.own (id INT AUTO_INCREMENT PRIMARY KEY, v INT UNIQUE)";
        stage.cluster.primary.run(&["CREATE TABLE shop.plain (id INT, v INT)", own]).await?;
        let (mut one, mut other) = (stage.client().await?, stage.client().await?);
        let asked = "SELECT LAST_INSERT_ID()";
        for (number, statement) in [
            "INSERT INTO plain VALUES (1, 2); SELECT v FROM plain",
            "INSERT INTO plain SELECT 1, 2; SHOW WARNINGS; SELECT 1",
            "REPLACE INTO plain VALUES (1, 2); SELECT 5; SELECT 6",
            "SET @@lock_wait_timeout = 7",
            "SET STATEMENT lock_wait_timeout = 7 FOR SELECT 1; SELECT 2",
            "DO 1; SET @@lock_wait_timeout = 8",
            // The id of the other session, given to a row.
            "INSERT INTO own VALUES (77, 1)",
            "REPLACE INTO own SET id = 77, v = 1",
            "INSERT INTO own VALUES (76, 2), (77, 3) ON DUPLICATE KEY UPDATE v = VALUES(v) + 1",
            "BEGIN; REPLACE INTO own VALUES (77, 5); COMMIT",
        ]
        .into_iter()
        .enumerate()
        {
            if family == Family::Mysql && statement.starts_with("SET STATEMENT") {
                continue;
            }
            one.query_drop(format!("SELECT LAST_INSERT_ID({})", 100 + number)).await?;
            // It is the only connection to the primary.
            other.query_drop("/* splitfin: primary */ SELECT LAST_INSERT_ID(77)").await?;
            one.query_drop(statement).await?;
            let id: Option<u64> = one.query_first(asked).await?;
            assert_eq!(id, Some(100 + number as u64), "{statement}");
            let id: Option<u64> = other.query_first(asked).await?;
            assert_eq!(id, Some(77), "{statement}");
        }
        Ok(())
    }
}
