//! Promise: every reply shape gets through as the server sent it: large rows, several results, cursors, files, pieces.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Value};
use splitfin_tests::{Stage, Told, story};

type Bytes = Option<Vec<u8>>;

story! {
    large_rows_and_many_rows, async |family| -> Told {
        let stage = Stage::start(family).await?;
        for server in stage.cluster.servers() {
            server.run(&["SET GLOBAL max_allowed_packet = 1073741824"]).await?;
        }
        let mut client = stage.client().await?;
        for length in [1usize, 250, 65_535, 1 << 20, (1 << 24) - 10, (1 << 24) - 5, 1 << 24, 20 << 20] {
            let value: Option<Vec<u8>> = client.query_first(format!("SELECT REPEAT('r', {length})")).await?;
            let value = value.unwrap_or_default();
            assert_eq!(value.len(), length);
            assert!(value.iter().all(|byte| *byte == b'r'));
        }
        let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, REPEAT('x', i) FROM n";
        let rows: Vec<(usize, String)> = client.query(many).await?;
        assert_eq!(rows.len(), 900);
        assert!(rows.iter().all(|(i, text)| text.len() == *i));
        let prepared: Vec<(usize, String)> = client.exec(many, ()).await?;
        assert_eq!(rows, prepared);
        Ok(())
    }
}

story! {
    several_statements_and_procedures, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        stage.cluster.primary.run(&["CREATE PROCEDURE shop.two() BEGIN SELECT 1; SELECT item FROM shop.orders; END"]).await?;
        let mut client = stage.client().await?;
        let mut result = client.query_iter("SELECT 1; INSERT INTO orders (item) VALUES ('m'); SELECT item FROM orders").await?;
        let one: Vec<i32> = result.collect().await?;
        let affected = { let none: Vec<i32> = result.collect().await?; assert!(none.is_empty()); result.affected_rows() };
        let items: Vec<String> = result.collect().await?;
        assert_eq!((one, affected, items.len()), (vec![1], 1, 4));
        drop(result);
        let mut result = client.query_iter("CALL two()").await?;
        let one: Vec<i32> = result.collect().await?;
        let items: Vec<String> = result.collect().await?;
        assert_eq!((one, items.len()), (vec![1], 4));
        result.drop_result().await?;
        client.query_drop("SELECT 1 FROM orders").await?;
        Ok(())
    }
}

story! {
    files_of_the_client, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.cluster.primary.run(&["CREATE TABLE shop.orders (id INT PRIMARY KEY, item VARCHAR(50), amount INT)"]).await?;
        stage.cluster.caught_up().await?;
        let data: Vec<u8> = (1..=5000).flat_map(|i| format!("{i}\titem-{i}\t{}\n", i % 7).into_bytes()).collect();
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("orders.tsv");
        std::fs::write(&path, &data)?;
        let handler = mysql_async::WhiteListFsHandler::new([path.clone()]);
        let mut client = Conn::new(stage.options().local_infile_handler(Some(handler))).await?;
        client.query_drop(format!("LOAD DATA LOCAL INFILE '{}' IGNORE INTO TABLE orders", path.display())).await?;
        let count: Option<u32> = client.query_first("SELECT COUNT(*) FROM orders FOR UPDATE").await?;
        assert_eq!(count, Some(5000));
        Ok(())
    }
}

story! {
    parameters_of_every_kind, async |family| -> Told {
        let stage = Stage::with(family, "pool: { max_connections: 2 }\nworkers: 1").await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        let statement = client.prep("SELECT CAST(? AS CHAR), CAST(? AS CHAR), CAST(? AS CHAR)").await?;
        let values = [Value::from(5), Value::from("text"), Value::NULL, Value::from(2.5), Value::from(vec![b'l'; 70_000]), Value::from(-1i64)];
        for first in &values {
            for second in &values {
                let row: Option<(Bytes, Bytes, Bytes)> =
                    client.exec_first(&statement, (first.clone(), second.clone(), 9)).await?;
                let (one, two, three) = row.unwrap();
                assert_eq!((one.is_none(), two.is_none()), (*first == Value::NULL, *second == Value::NULL));
                assert_eq!(three.as_deref(), Some(&b"9"[..]));
            }
        }
        for round in 0..300 {
            let text = format!("SELECT {round} + ?");
            let sum: Option<i64> = client.exec_first(text, (1,)).await?;
            assert_eq!(sum, Some(round + 1));
        }
        // Longer than a packet of the client's: sent in pieces.
        let long = "y".repeat(17 << 20);
        for server in stage.cluster.servers() {
            server.run(&["SET GLOBAL max_allowed_packet = 1073741824"]).await?;
        }
        let mut fresh = Conn::new(stage.options().max_allowed_packet(Some(1 << 20))).await?;
        let length = fresh.exec_first::<u64, _, _>("SELECT LENGTH(?)", (long.as_str(),)).await;
        assert!(matches!(length, Ok(Some(n)) if n == 17 << 20) || length.is_err());
        Ok(())
    }
}

story! {
    commands_without_sql, async |family| -> Told {
        let stage = Stage::start(family).await?;
        stage.table().await?;
        let mut client = stage.client().await?;
        client.ping().await?;
        let id: Option<u32> = client.query_first("SELECT CONNECTION_ID()").await?;
        assert_eq!(id, Some(client.id()));
        assert_eq!(client.server_version().0, stage.cluster.primary.root().await?.server_version().0);
        Ok(())
    }
}
