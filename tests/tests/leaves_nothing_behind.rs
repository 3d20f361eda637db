//! Promise: a connection that goes back has nothing of its session left. After each give-back the servers themselves are
//! asked for transactions, locks of every kind and temporary tables.

use mysql_async::prelude::Queryable as _;
use splitfin_testkit::Server;
use splitfin_tests::{Cluster, Family, PATIENCE, Stage, Told, eventually, story};

/// What a session does, statement by statement, and is free after.
const GIVEN_BACK: &[&str] = &[
    "SET autocommit=0; SELECT plain('x')",
    "SET autocommit=0; SELECT plain('x'); SET autocommit=1",
    "SET autocommit=0; DO plain('x')",
    "SET autocommit=0; SELECT nothing_of(1); SELECT 1",
    "SET autocommit=0; SELECT plain('x'), nothing_of(1); SHOW WARNINGS; SELECT 1",
    "SET autocommit=0; SELECT COUNT(*) FROM performance_schema.threads",
    "SET autocommit=0; SHOW VARIABLES LIKE 'sql_mode'",
    "SET autocommit=0; SET @x = plain('x'); DO 0",
    "SET autocommit=0; SHOW TABLES; COMMIT",
    "SET autocommit=0; SELECT COUNT(*) FROM information_schema.TABLES; COMMIT",
    "SET autocommit=0; SELECT item FROM orders; COMMIT",
    "SET autocommit=0; INSERT INTO orders (item) VALUES ('x'); ROLLBACK; SELECT 1",
    "SET autocommit=0; CALL looks(); ROLLBACK",
    "SET autocommit=0; PREPARE s FROM 'SELECT plain(?)'; EXECUTE s USING @a; DEALLOCATE PREPARE s",
    "SET completion_type=1; START TRANSACTION READ ONLY; SELECT item FROM orders; COMMIT AND NO CHAIN",
    "SET completion_type=1; START TRANSACTION READ ONLY; SELECT item FROM orders; DO GET_LOCK('a', 0); DO RELEASE_LOCK('a'); COMMIT AND NO CHAIN",
    "SET completion_type=1; BEGIN; INSERT INTO orders (item) VALUES ('y'); COMMIT; ROLLBACK AND NO CHAIN",
    "BEGIN; INSERT INTO orders (id, item) VALUES (1, 'twice'); ROLLBACK",
    "BEGIN; SELECT item FROM orders FOR UPDATE; COMMIT",
    "SELECT item FROM orders FOR UPDATE",
    "LOCK TABLES orders WRITE; UNLOCK TABLES",
    "FLUSH TABLES WITH READ LOCK; UNLOCK TABLES",
    "SELECT GET_LOCK('one', 0), GET_LOCK('two', 0); DO RELEASE_LOCK('one'); DO RELEASE_LOCK('two')",
    "SELECT GET_LOCK('three', 0), nothing_of(1); DO RELEASE_ALL_LOCKS()",
    "HANDLER orders OPEN; HANDLER orders READ FIRST; HANDLER orders CLOSE",
    "CREATE TEMPORARY TABLE tmp (i INT) ENGINE=MyISAM; INSERT INTO tmp VALUES (1); DROP TEMPORARY TABLE tmp",
    "XA START 'a'; INSERT INTO orders (item) VALUES ('xa'); XA END 'a'; XA PREPARE 'a'; XA ROLLBACK 'a'",
    "XA START 'b'; SELECT plain('x'); XA END 'b'; XA COMMIT 'b' ONE PHASE",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT item FROM orders; COMMIT",
    "SET autocommit=0; SAVEPOINT s; RELEASE SAVEPOINT s; COMMIT",
];

/// The same, of one family.
const GIVEN_BACK_BY_MARIADB: &[&str] = &[
    "BACKUP STAGE START; BACKUP STAGE END",
    "BACKUP LOCK orders; BACKUP UNLOCK",
    "SET autocommit=0; SELECT NEXTVAL(numbers); COMMIT",
    "SET STATEMENT autocommit=0 FOR SELECT plain('x')",
    "EXECUTE IMMEDIATE 'SET autocommit=0'; SELECT plain('x')",
];

/// The same, of the other.
const GIVEN_BACK_BY_MYSQL: &[&str] = &["LOCK INSTANCE FOR BACKUP; UNLOCK INSTANCE"];

/// What a session still has when it leaves.
const LEFT_WITH: &[&str] = &[
    "BEGIN; INSERT INTO orders (item) VALUES ('open')",
    "SET autocommit=0; SELECT item FROM orders FOR UPDATE",
    "SET autocommit=0; SELECT plain('x')",
    "LOCK TABLES orders WRITE",
    "FLUSH TABLES WITH READ LOCK",
    "SELECT GET_LOCK('left', 0)",
    "HANDLER orders OPEN",
    "CREATE TEMPORARY TABLE tmp (i INT) ENGINE=MyISAM; INSERT INTO tmp VALUES (1)",
    "XA START 'c'; INSERT INTO orders (item) VALUES ('xa')",
    "XA START 'd'; INSERT INTO orders (item) VALUES ('xa'); XA END 'd'",
    "START TRANSACTION READ ONLY; SELECT item FROM orders",
];

story! {
    a_connection_that_goes_back_has_nothing_left, async |family| -> Told {
        let stage = stage(family).await?;
        let of_family = if family == Family::Mariadb { GIVEN_BACK_BY_MARIADB } else { GIVEN_BACK_BY_MYSQL };
        for course in GIVEN_BACK.iter().chain(of_family) {
            let client = take(&stage, course).await?;
            nothing_is_left(&stage, course).await?;
            client.disconnect().await?;
        }
        Ok(())
    }
}

story! {
    nor_has_one_whose_session_has_left, async |family| -> Told {
        let stage = stage(family).await?;
        for course in LEFT_WITH {
            take(&stage, course).await?.disconnect().await?;
            nothing_is_left(&stage, course).await?;
            // Cut off in the middle of a packet's way.
            drop(take(&stage, course).await?);
            nothing_is_left(&stage, course).await?;
        }
        Ok(())
    }
}

/// Servers that tell what each of their connections has.
async fn stage(family: Family) -> Result<Stage, Box<dyn std::error::Error>> {
    let telling = [
        "--performance-schema=ON",
        "--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON",
        "--performance-schema-instrument=transaction=ON",
        "--performance-schema-consumer-events-transactions-current=ON",
    ];
    let stage = Stage::in_front_of(Cluster::start_saying(family, 1, &telling).await?, "").await?;
    stage.table().await?;
    let mut makes = vec![
        "CREATE FUNCTION shop.plain(s VARCHAR(20)) RETURNS VARCHAR(50) DETERMINISTIC NO SQL RETURN CONCAT('hello ', s)",
        "CREATE PROCEDURE shop.looks() SELECT COUNT(*) FROM shop.orders",
    ];
    if family == Family::Mariadb {
        makes.push("CREATE SEQUENCE shop.numbers");
    }
    stage.cluster.primary.run(&makes).await?;
    stage.cluster.caught_up().await?;
    Ok(stage)
}

/// A session that has taken this course. Some of its statements fail.
async fn take(stage: &Stage, course: &str) -> Result<mysql_async::Conn, Box<dyn std::error::Error>> {
    let mut client = stage.client().await?;
    for statement in course.split("; ") {
        match client.query_drop(statement).await {
            Ok(()) | Err(mysql_async::Error::Server(_)) => {}
            Err(error) => return Err(format!("{course}: {statement}: {error}").into()),
        }
    }
    Ok(client)
}

async fn nothing_is_left(stage: &Stage, course: &str) -> Told {
    eventually(course, PATIENCE, async || {
        let mut left = Vec::new();
        for server in stage.cluster.servers() {
            left.extend(left_on(server).await.map_err(|error| error.to_string())?);
        }
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await?;
    Ok(())
}

/// What connections of clients' account have on a server. Statements that they keep prepared are meant to stay.
async fn left_on(server: &Server) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let of_clients = "JOIN performance_schema.threads t USING (THREAD_ID) WHERE t.PROCESSLIST_USER = 'app'";
    // MySQL goes on showing a transaction that was prepared as a part of a distributed one when that is over: INNODB_TRX tells.
    let asked = [
        format!(
            "SELECT CONCAT_WS(' ', 'lock', OBJECT_TYPE, OBJECT_SCHEMA, OBJECT_NAME, LOCK_TYPE) FROM \
             (SELECT *, OWNER_THREAD_ID AS THREAD_ID FROM performance_schema.metadata_locks) l {of_clients} \
             AND LOCK_STATUS = 'GRANTED'"
        ),
        format!(
            "SELECT CONCAT_WS(' ', 'transaction', ACCESS_MODE) FROM performance_schema.events_transactions_current \
             {of_clients} AND STATE = 'ACTIVE' AND COALESCE(XA_STATE, '') <> 'PREPARED'"
        ),
        "SELECT CONCAT('open transaction of ', USER) FROM information_schema.INNODB_TRX \
         JOIN information_schema.PROCESSLIST p ON p.ID = trx_mysql_thread_id WHERE USER = 'app'"
            .to_owned(),
    ];
    let mut root = server.root().await?;
    let mut left = Vec::new();
    for sql in asked {
        left.extend(root.query::<String, _>(sql).await?);
    }
    for entry in std::fs::read_dir(server.directory().join("tmp"))? {
        left.push(format!("temporary table {:?}", entry?.file_name()));
    }
    Ok(left)
}
