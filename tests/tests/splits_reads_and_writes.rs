//! Promise: writes run on the primary, reads run on a healthy replica, and no write ever runs on a replica.

use mysql_async::prelude::Queryable as _;
use splitfin_tests::{Family, PATIENCE, Stage, Told, eventually, story};

/// Replicas are waited for, however busy the machine is: what they do not have in time is read on the primary.
const PATIENT: &str = "consistency: { wait: 8s }";

story! {
    reads_and_writes_part, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;

        let sql = "SELECT id, item FROM orders /* r1 */ WHERE amount > 0 AND 'read-marker' = 'read-marker'";
        let mut count = 0;
        let reads = eventually("both replicas have read", PATIENCE, async || {
            for _ in 0..20 {
                let rows: Vec<(i32, String)> = client.query(sql).await.map_err(|error| error.to_string())?;
                assert_eq!(rows.len(), 3);
                count += 1;
            }
            match stage.ran("read-marker").map_err(|error| error.to_string())? {
                reads if reads[1] > 5 && reads[2] > 5 => Ok(reads),
                reads => Err(format!("{reads:?}")),
            }
        })
        .await?;
        assert_eq!((reads[0], reads[1] + reads[2]), (0, count), "no read on the primary");
        for _ in 0..5 {
            client.query_drop("INSERT INTO orders (item, amount) VALUES ('write-marker', 4)").await?;
        }
        let writes = stage.ran("INSERT INTO orders")?;
        assert_eq!(writes, [5, 0, 0]);
        Ok(())
    }
}

story! {
    a_client_can_ask_why, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("SELECT * FROM orders").await?;
        let (backend, reason) = Stage::last_route(&mut client).await?;
        assert!(backend.starts_with("slave-"), "{backend}");
        assert_eq!(reason, "read");
        client.query_drop("SELECT * FROM orders FOR UPDATE").await?;
        assert_eq!(Stage::last_route(&mut client).await?, ("master".to_owned(), "locks_rows".to_owned()));
        client.query_drop("/* splitfin: primary */ SELECT * FROM orders").await?;
        assert_eq!(Stage::last_route(&mut client).await?, ("master".to_owned(), "hint".to_owned()));
        Ok(())
    }
}

story! {
    transactions_stay_on_the_primary, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;

        client.query_drop("BEGIN").await?;
        client.query_drop("SELECT 'in-transaction' FROM orders").await?;
        client.query_drop("UPDATE orders SET amount = 10 WHERE id = 1").await?;
        let seen: Option<i32> = client.query_first("SELECT amount FROM orders WHERE id = 1 AND 'in-transaction' = 'in-transaction'").await?;
        assert_eq!(seen, Some(10), "the transaction sees its own change");
        client.query_drop("ROLLBACK").await?;
        assert_eq!(stage.ran("in-transaction")?, [2, 0, 0]);

        client.query_drop("SELECT 'behind-transaction' FROM orders").await?;
        assert_eq!(stage.ran("behind-transaction")?[0], 0, "reads are free again");

        client.query_drop("SET autocommit = 0").await?;
        client.query_drop("SELECT 'autocommit-off' FROM orders").await?;
        client.query_drop("COMMIT").await?;
        client.query_drop("SET autocommit = 1").await?;
        assert_eq!(stage.ran("autocommit-off")?, [1, 0, 0]);

        client.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE").await?;
        client.query_drop("SELECT 'serializable' FROM orders").await?;
        assert_eq!(stage.ran("'serializable'")?, [1, 0, 0]);
        Ok(())
    }
}

story! {
    read_only_transactions_stay_on_one_replica, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.query_drop("START TRANSACTION READ ONLY").await?;
        for _ in 0..6 {
            client.query_drop("SELECT 'read-only-transaction' FROM orders").await?;
        }
        client.query_drop("SET @a = 'fine'").await?;
        client.query_drop("COMMIT").await?;
        let a: Option<String> = client.query_first("SELECT @a").await?;
        assert_eq!(a.as_deref(), Some("fine"), "its value goes along");
        let mut ran = stage.ran("read-only-transaction")?;
        assert_eq!(ran[0], 0);
        ran.sort_unstable();
        assert_eq!(ran, [0, 0, 6]);
        Ok(())
    }
}

story! {
    a_read_only_transaction_goes_on_on_the_primary_when_it_must, async |family| -> Told {
        let stage = Stage::with(family, PATIENT).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        // Nothing that could write, or lock, or end the transaction reaches the replica where it began.
        for (sql, reason) in [
            ("UPDATE orders SET amount = 0 WHERE 'moved'", "changes_data"),
            ("CREATE TABLE moved (id INT)", "changes_schema"),
            ("ANALYZE NO_WRITE_TO_BINLOG TABLE orders /* moved */", "administers"),
            ("SELECT GET_LOCK('moved', 0)", "takes_lock"),
            ("SET SESSION TRANSACTION READ WRITE /* moved */", "read_only_transaction"),
            ("COMMIT; START TRANSACTION READ WRITE; DELETE FROM orders WHERE item = 'moved'", "several_statements"),
        ] {
            client.query_drop("START TRANSACTION READ ONLY").await?;
            client.query_drop("SELECT 'before-it-moves' FROM orders").await?;
            assert_ne!(Stage::last_route(&mut client).await?.0, "master");
            let ran = client.query_drop(sql).await;
            assert_eq!(ran.is_err(), sql.starts_with("UPDATE"), "{sql}: {ran:?}");
            assert_eq!(Stage::last_route(&mut client).await?, ("master".into(), reason.into()), "{sql}");
            client.query_drop("SELECT 'behind-it' FROM orders").await?;
            client.query_drop("ROLLBACK").await?;
            client.query_drop("DO RELEASE_ALL_LOCKS()").await?;
        }
        let ran = stage.ran("moved")?;
        assert!(ran[0] >= 6, "{ran:?}");
        // What was created there is replicated.
        assert!(ran[1..].iter().all(|count| *count <= 1), "{ran:?}");
        let before = stage.ran("before-it-moves")?;
        assert_eq!((before[0], before[1] + before[2]), (0, 6));
        Ok(())
    }
}

story! {
    a_read_only_transaction_with_many_savepoints_ends_where_it_is, async |family| -> Told {
        let mut stage = Stage::with(family, PATIENT).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        // What is only prepared ends nothing: the savepoint is set again on the primary.
        client.query_drop("START TRANSACTION READ ONLY").await?;
        client.query_drop("SAVEPOINT kept").await?;
        let commit = client.prep("COMMIT").await?;
        client.query_drop("SELECT GET_LOCK('moves', 0)").await?;
        assert_eq!(Stage::last_route(&mut client).await?.0, "master");
        client.query_drop("ROLLBACK TO kept").await?;
        client.exec_drop(&commit, ()).await?;
        // This one holds a connection to the primary.
        let mut client = stage.client().await?;
        stage.cluster.primary.kill();
        stage.until_primary_is_missed().await?;
        // More than is kept to be set again elsewhere.
        let savepoint = format!("SAVEPOINT wordy /* {} */", "x".repeat(20_000));
        for end in ["COMMIT", "ROLLBACK", "ROLLBACK AND CHAIN", "COMMIT AND CHAIN", "COMMIT WORK"] {
            client.query_drop("START TRANSACTION READ ONLY").await?;
            client.query_drop("SELECT item FROM orders").await?;
            client.query_drop(&savepoint).await?;
            client.query_drop(end).await.map_err(|error| format!("{end}: {error}"))?;
            // Chained, it goes on with room for savepoints.
            client.query_drop("SELECT item FROM orders").await.map_err(|error| format!("after {end}: {error}"))?;
            assert_ne!(Stage::last_route(&mut client).await?.0, "master");
            client.query_drop("ROLLBACK").await?;
        }
        Ok(())
    }
}

story! {
    a_transaction_after_a_read_only_one_goes_where_it_belongs, async |family| -> Told {
        let stage = Stage::with(family, PATIENT).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        for begin in ["START TRANSACTION READ WRITE", "BEGIN"] {
            client.query_drop("START TRANSACTION READ ONLY").await?;
            client.query_drop("SELECT 1 FROM orders").await?;
            assert_ne!(Stage::last_route(&mut client).await?.0, "master");
            // As on a server, it ends the transaction before it.
            client.query_drop(begin).await?;
            assert_eq!(Stage::last_route(&mut client).await?, ("master".into(), "transaction".into()));
            let inserted = client.query_drop("INSERT INTO orders (item) VALUES ('behind')").await;
            client.query_drop("COMMIT").await?;
            // MySQL's BEGIN goes on being READ ONLY then, and so it does here.
            let mut direct = stage.cluster.primary.root().await?;
            for sql in ["USE shop", "START TRANSACTION READ ONLY", begin] {
                direct.query_drop(sql).await?;
            }
            let on_server = direct.query_drop("INSERT INTO orders (item) VALUES ('on the server')").await;
            assert_eq!(inserted.is_ok(), on_server.is_ok(), "{begin}: {inserted:?} {on_server:?}");
            assert!(inserted.is_ok() || (family, begin) == (Family::Mysql, "BEGIN"));
        }
        let ran = stage.ran("'behind'")?;
        assert_eq!((ran[0] > 0, &ran[1..]), (true, &[0, 0][..]));
        client.query_drop("START TRANSACTION READ ONLY /* splitfin: primary */").await?;
        assert_eq!(Stage::last_route(&mut client).await?.0, "master", "the hint counts");
        client.query_drop("COMMIT").await?;
        Ok(())
    }
}

story! {
    hints_hold_for_prepared_statements, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        let read = client.prep("/* splitfin: primary */ SELECT 'hinted' FROM orders WHERE id = ?").await?;
        for _ in 0..6 {
            client.exec_drop(&read, (1,)).await?;
            assert_eq!(Stage::last_route(&mut client).await?, ("master".into(), "hint".into()));
        }
        assert_eq!(stage.ran("'hinted'")?, [6, 0, 0]);
        Ok(())
    }
}

story! {
    prepared_statements_part_too, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        let read = client.prep("SELECT item FROM orders WHERE amount = ? AND 'prepared-read' = 'prepared-read'").await?;
        let write = client.prep("INSERT INTO orders (item, amount) VALUES (?, ?)").await?;
        eventually("both replicas have read", PATIENCE, async || {
            for amount in (1..=3).cycle().take(12) {
                let items: Vec<String> = client.exec(&read, (amount,)).await.map_err(|error| error.to_string())?;
                assert_eq!(items.len(), 1);
            }
            match stage.ran("prepared-read").map_err(|error| error.to_string())? {
                reads if reads[1] > 0 && reads[2] > 0 => Ok(()),
                reads => Err(format!("{reads:?}")),
            }
        })
        .await?;
        client.exec_drop(&write, ("prepared-write", 9)).await?;
        assert_eq!(client.last_insert_id(), Some(4));
        client.query_drop("BEGIN").await?;
        let items: Vec<String> = client.exec(&read, (9,)).await?;
        assert_eq!(items.len(), 1, "the same statement runs inside a transaction");
        client.query_drop("COMMIT").await?;
        let reads = stage.ran("prepared-read")?;
        assert_eq!(reads[0], 1, "{reads:?}");
        assert_eq!(stage.ran("prepared-write")?, [1, 0, 0]);
        Ok(())
    }
}

story! {
    a_misjudged_write_is_corrected_and_remembered, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        // A view whose function writes looks like any table.
        stage.cluster.primary.run(&[
            "CREATE FUNCTION shop.counted() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO shop.orders (item, amount) VALUES ('counted', 0); RETURN 1; END",
            "CREATE VIEW shop.sneaky AS SELECT shop.counted() AS one",
        ]).await?;
        stage.cluster.caught_up().await?;
        let mut client = stage.client().await?;
        for _ in 0..3 {
            let one: Option<i32> = client.query_first("SELECT one FROM sneaky").await?;
            assert_eq!(one, Some(1), "the client sees only the result");
        }
        assert_eq!(Stage::last_route(&mut client).await?, ("master".to_owned(), "learned".to_owned()));
        let mut count = stage.cluster.primary.root().await?;
        let rows: Option<i32> = count.query_first("SELECT COUNT(*) FROM shop.orders WHERE item = 'counted'").await?;
        assert_eq!(rows, Some(3));
        assert!(stage.splitfin.metrics().contains("splitfin_corrected_total 1"));
        Ok(())
    }
}
