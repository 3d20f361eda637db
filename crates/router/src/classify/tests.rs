//! The verdict table, row by row.

use super::*;

fn class(sql: &str) -> Class {
    classify(sql.as_bytes(), LexMode::default()).0
}

fn leaves(sql: &str) -> Leaves {
    classify(sql.as_bytes(), LexMode::default()).1.leaves
}

fn asks(sql: &str) -> Asks {
    classify(sql.as_bytes(), LexMode::default()).1.asks
}

#[track_caller]
fn all_are(expected: impl Fn(Class) -> bool, statements: &[&str]) {
    for sql in statements {
        let class = class(sql);
        assert!(expected(class), "{sql}: {class:?}");
    }
}

const fn is_write(class: Class) -> bool {
    matches!(class, Class::Write(_))
}

#[test]
fn reads_are_proven() {
    all_are(
        |class| class == Class::Read,
        &[
            "SELECT 1",
            "select * from t where id = 5",
            "SELECT a, b FROM t1 JOIN t2 USING (id) WHERE t1.c IN (1,2,3) ORDER BY a LIMIT 10, 5",
            "(SELECT a FROM t) UNION ALL (SELECT b FROM u)",
            "SELECT COUNT(*), MAX(a), GROUP_CONCAT(DISTINCT b ORDER BY c SEPARATOR ',') FROM t GROUP BY d HAVING COUNT(*) > 1",
            "SELECT IF(a, 'x', 'y'), COALESCE(b, 0), REPLACE(c, 'x', 'y'), INSERT(d, 1, 2, 'z') FROM t",
            "SELECT * FROM t WHERE a LIKE 'for update'",
            "SELECT `into`, `for` FROM `update`",
            "SELECT t.update, t.`delete` FROM t",
            "WITH c AS (SELECT 1) SELECT * FROM c",
            "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n FROM c",
            "SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) FROM t",
            "SELECT * FROM t USE INDEX FOR ORDER BY (i) WHERE a = 1",
            "SELECT SUBSTRING(a FROM 1 FOR 2), CAST(b AS DECIMAL(10,2)), CONVERT(c USING utf8mb4) FROM t",
            "SELECT @@session.sql_mode, @@time_zone",
            "SELECT @@version, @@version_comment, @@server_id, @@hostname",
            "SELECT @a",
            "SELECT DATABASE(), USER(), CURRENT_USER(), VERSION(), NOW(), UUID(), RAND()",
            "SELECT SLEEP(1)",
            "SELECT MATCH (a) AGAINST ('x' IN BOOLEAN MODE) FROM t",
            "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a INT PATH '$')) AS j",
            "SELECT a->'$.x', b->>'$.y' FROM t",
            "SELECT /*+ MAX_EXECUTION_TIME(1000) */ * FROM t",
            "SELECT SQL_NO_CACHE * FROM t",
            "SELECT * FROM information_schema.tables",
            "SELECT 1;",
            "SELECT 1 ; -- end",
            "TABLE t",
            "VALUES ROW(1, 2)",
            "SHOW TABLES",
            "SHOW FULL TABLES FROM shop LIKE 'a%'",
            "SHOW COLUMNS FROM t",
            "SHOW CREATE TABLE t",
            "SHOW INDEX FROM t",
            "SHOW DATABASES",
            "SHOW GRANTS",
            "SHOW TABLE STATUS",
            "DESC t",
            "DESCRIBE t a",
            "EXPLAIN SELECT * FROM t",
            "EXPLAIN FORMAT=JSON SELECT 1",
            "EXPLAIN EXTENDED SELECT 1",
            "EXPLAIN ANALYZE SELECT * FROM t",
            "ANALYZE SELECT * FROM t",
            "ANALYZE FORMAT=JSON SELECT 1",
            "SET STATEMENT max_statement_time=1 FOR SELECT * FROM t",
            "CHECKSUM TABLE t",
            "HELP 'select'",
        ],
    );
}

#[test]
fn writes_are_writes() {
    all_are(
        is_write,
        &[
            "INSERT INTO t VALUES (1)",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
            "REPLACE INTO t VALUES (1)",
            "INSERT INTO t SELECT * FROM u",
            "INSERT INTO t VALUES (1) RETURNING id",
            "DELETE FROM t RETURNING *",
            "LOAD DATA INFILE 'x' INTO TABLE t",
            "LOAD XML INFILE 'x' INTO TABLE t",
            "IMPORT TABLE FROM 'x'",
            "CALL p(1)",
            "DO GET_LOCK('a', 1)",
            "WITH c AS (SELECT 1) UPDATE t SET a = 1",
            "WITH c AS (SELECT 1) DELETE FROM t",
            "EXPLAIN INSERT INTO t VALUES (1)",
            "EXPLAIN ANALYZE UPDATE t SET a = 1",
            "ANALYZE UPDATE t SET a = 1",
            "ANALYZE FORMAT=JSON DELETE FROM t",
            "EXPLAIN SELECT 1 INTO @x",
            "SET STATEMENT max_statement_time=1 FOR DELETE FROM t",
            "SET STATEMENT max_statement_time=(SELECT f()) FOR SELECT 1",
            "PREPARE s FROM 'DELETE FROM t'",
            "EXECUTE s",
            "EXECUTE IMMEDIATE 'DELETE FROM t'",
            "DEALLOCATE PREPARE s",
            "BEGIN NOT ATOMIC DELETE FROM t; END",
            "IF 1 THEN SELECT 1; END IF",
        ],
    );
}

#[test]
fn locks_targets_and_assignments_are_writes() {
    let because = |expected: Because| move |class| class == Class::Write(expected);
    all_are(
        because(Because::LocksRows),
        &[
            "SELECT * FROM t FOR UPDATE",
            "SELECT * FROM t FOR SHARE",
            "SELECT * FROM t LOCK IN SHARE MODE",
            "SELECT * FROM (SELECT * FROM t FOR UPDATE) x",
            "(SELECT 1 FROM t FOR UPDATE)",
            "SELECT * FROM t FOR UPDATE SKIP LOCKED",
            "SELECT * FROM t FOR UPDATE WAIT 5",
            "SELECT * FROM t FOR /* x */ UPDATE",
            "SELECT * FROM t for\nupdate",
        ],
    );
    all_are(
        because(Because::IntoTarget),
        &[
            "SELECT * FROM t INTO OUTFILE 'x'",
            "SELECT * INTO DUMPFILE 'x' FROM t",
            "SELECT a INTO @v FROM t",
            "SELECT a FROM t INTO @v",
            "TABLE t INTO OUTFILE 'x'",
        ],
    );
    all_are(because(Because::AssignsVariable), &["SELECT @v := 1", "SELECT a, @n := @n + 1 FROM t", "SET @v = 1"]);
}

#[test]
fn functions_with_side_effects_or_unknown_ones_are_writes() {
    all_are(
        is_write,
        &[
            "SELECT f(1)",
            "SELECT shop.f(1)",
            "SELECT `f`(1)",
            "SELECT shop . f (1)",
            "SELECT * FROM t WHERE a = f(b)",
            "SELECT a.count(1)",
            "SELECT GET_LOCK('a', 1)",
            "SELECT RELEASE_LOCK('a')",
            "SELECT RELEASE_ALL_LOCKS()",
            "SELECT IS_FREE_LOCK('a')",
            "SELECT IS_USED_LOCK('a')",
            "SELECT NEXTVAL(s)",
            "SELECT NEXT VALUE FOR s",
            "SELECT s.nextval",
            "SELECT SETVAL(s, 5)",
            "SELECT LASTVAL(s)",
            "SELECT PREVIOUS VALUE FOR s",
            "SELECT LAST_INSERT_ID()",
            "SELECT LAST_INSERT_ID(5)",
            "SELECT @@last_insert_id",
            "SELECT @@identity",
            "SELECT LOAD_FILE('x')",
            "SELECT MASTER_GTID_WAIT('0-1-1')",
            "SHOW TABLES WHERE f(1)",
        ],
    );
}

#[test]
fn what_differs_between_servers_is_asked_of_the_primary() {
    all_are(
        |class| class == Class::Write(Because::ServerLocal),
        &[
            "SELECT * FROM mysql.user",
            "SELECT * FROM `mysql`.`user`",
            "SELECT * FROM performance_schema.threads",
            "SELECT * FROM sys.version",
            "SELECT * FROM information_schema.processlist",
            "SELECT * FROM INFORMATION_SCHEMA.INNODB_TRX",
            "SHOW PROCESSLIST",
            "SHOW FULL PROCESSLIST",
            "SHOW ENGINE INNODB STATUS",
            "SHOW STATUS",
            "SHOW GLOBAL STATUS",
            "SHOW GLOBAL VARIABLES",
            "SHOW MASTER STATUS",
            "SHOW BINARY LOGS",
            "SHOW BINLOG EVENTS",
            "SHOW SLAVE STATUS",
            "SHOW REPLICAS",
            "SHOW OPEN TABLES",
            "SELECT @@tx_read_only",
            "SELECT @@session.transaction_read_only",
            "SELECT @@read_only",
            "SELECT @@global.sql_mode",
            "SELECT @@max_allowed_packet",
            "SELECT @@sort_buffer_size",
            "SELECT SQL_CALC_FOUND_ROWS * FROM t",
            "EXPLAIN FOR CONNECTION 5",
        ],
    );
}

#[test]
fn schema_accounts_locks_and_administration_are_writes() {
    all_are(
        is_write,
        &[
            "CREATE TABLE t (a INT)",
            "CREATE TEMPORARY TABLE t (a INT)",
            "ALTER TABLE t ADD b INT",
            "DROP TABLE t",
            "RENAME TABLE t TO u",
            "TRUNCATE t",
            "GRANT SELECT ON *.* TO u",
            "REVOKE ALL ON *.* FROM u",
            "CREATE USER u",
            "CREATE PROCEDURE p() BEGIN SELECT 1; END",
            "LOCK TABLES t READ",
            "UNLOCK TABLES",
            "LOCK INSTANCE FOR BACKUP",
            "BACKUP STAGE START",
            "FLUSH TABLES WITH READ LOCK",
            "FLUSH PRIVILEGES",
            "RESET MASTER",
            "PURGE BINARY LOGS TO 'x'",
            "SHUTDOWN",
            "INSTALL PLUGIN p SONAME 'x'",
            "CACHE INDEX t IN c",
            "OPTIMIZE TABLE t",
            "REPAIR TABLE t",
            "CHECK TABLE t",
            "ANALYZE TABLE t",
            "ANALYZE LOCAL TABLE t",
            "CHANGE MASTER TO MASTER_HOST='x'",
            "START SLAVE",
            "STOP REPLICA",
            "BINLOG 'x'",
            "XA START 'x'",
            "XA RECOVER",
            "HANDLER t OPEN",
            "SIGNAL SQLSTATE '45000'",
            "RESIGNAL",
            "SET GLOBAL a = 1",
            "SET PERSIST a = 1",
            "SET @@global.a = 1",
            "SET PASSWORD = 'x'",
            "SET DEFAULT ROLE r TO u",
            "SET autocommit = 1, GLOBAL a = 2",
            "SET GLOBAL TRANSACTION READ ONLY",
            "SET sql_mode = f()",
            "",
            "  ",
            "-- nothing",
            "{CALL p()}",
            "SELECT 'x",
            "SELECT /* x",
        ],
    );
}

#[test]
fn session_statements_are_for_any_server() {
    all_are(
        |class| class == Class::Session,
        &[
            "SHOW VARIABLES LIKE 'a%'",
            "SHOW SESSION VARIABLES",
            "USE shop",
            "SET NAMES utf8mb4",
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci'",
            "SET CHARACTER SET latin1",
            "SET autocommit = 0",
            "SET SESSION sql_mode = 'ANSI'",
            "SET @@session.time_zone = '+00:00'",
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')),time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
            "SET ROLE r",
            "SET foo = 1",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT a",
            "ROLLBACK TO SAVEPOINT a",
            "RELEASE SAVEPOINT a",
        ],
    );
}

#[test]
fn transactions_begin() {
    all_are(
        |class| class == Class::Begin { read_only: None },
        &["BEGIN", "begin work", "START TRANSACTION", "START TRANSACTION WITH CONSISTENT SNAPSHOT"],
    );
    all_are(|class| class == Class::Begin { read_only: Some(false) }, &["START TRANSACTION READ WRITE"]);
    all_are(
        |class| class == Class::Begin { read_only: Some(true) },
        &["START TRANSACTION READ ONLY", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"],
    );
}

#[test]
fn diagnostics_belong_to_the_statement_before() {
    all_are(
        |class| class == Class::Diagnostics,
        &[
            "SHOW WARNINGS",
            "SHOW ERRORS",
            "SHOW COUNT(*) WARNINGS",
            "GET DIAGNOSTICS @n = NUMBER",
            "SELECT @@warning_count",
            "SELECT @@error_count",
            "SELECT @@in_transaction",
        ],
    );
}

#[test]
fn executable_comments_end_the_proof_for_both_families() {
    all_are(
        is_write,
        &[
            "SELECT 1 /*! INTO OUTFILE 'x' */",
            "SELECT * FROM t /*!50000 FOR UPDATE */",
            "SELECT * FROM t /*M!100000 FOR UPDATE */",
            "/*!50000 DELETE FROM t */",
            "SELECT 1 /*M!100000 ; DELETE FROM t */",
            "SELECT /*!40001 SQL_NO_CACHE */ * FROM t",
        ],
    );
    assert_eq!(class("/*!40101 SET NAMES utf8 */"), Class::Session);
    assert_eq!(class("KILL /*!50000 QUERY */ 5"), Class::Kill);
}

#[test]
fn several_statements_are_a_write_with_all_their_effects() {
    assert_eq!(class("SELECT 1; DELETE FROM t"), Class::Write(Because::SeveralStatements));
    assert_eq!(class("SELECT 1; SELECT 2"), Class::Write(Because::SeveralStatements));
    assert_eq!(leaves("SELECT 1; SET @a = 1; LOCK TABLES t READ"), Leaves::USER_VARIABLE | Leaves::TABLE_LOCK);
    assert_eq!(class("SELECT ';'"), Class::Read);
}

#[test]
fn quoting_follows_the_mode() {
    let ansi = LexMode { ansi_quotes: true, ..LexMode::default() };
    assert_eq!(classify(br#"SELECT "f"(1)"#, ansi).0, Class::Write(Because::UnknownFunction));
    let sneaky = br"SELECT 'a\' FOR UPDATE -- '";
    assert_eq!(classify(sneaky, LexMode::default()).0, Class::Read, "one string to the end");
    let ordinary = LexMode { no_backslash_escapes: true, ..LexMode::default() };
    assert_eq!(classify(sneaky, ordinary).0, Class::Write(Because::LocksRows));
}

#[test]
fn effects_are_seen() {
    for (sql, expected) in [
        ("SET @a = 1", Leaves::USER_VARIABLE),
        ("SELECT @a := 1", Leaves::USER_VARIABLE),
        ("SELECT 1 INTO @a", Leaves::USER_VARIABLE),
        ("CREATE TEMPORARY TABLE t (a INT)", Leaves::TEMPORARY_TABLE),
        ("CREATE OR REPLACE TEMPORARY TABLE t (a INT)", Leaves::TEMPORARY_TABLE),
        ("LOCK TABLES t WRITE", Leaves::TABLE_LOCK),
        ("FLUSH TABLES WITH READ LOCK", Leaves::TABLE_LOCK),
        ("UNLOCK TABLES", Leaves::TABLE_UNLOCK),
        ("SELECT GET_LOCK('a', 5)", Leaves::USER_LOCK),
        ("DO RELEASE_ALL_LOCKS()", Leaves::USER_UNLOCK),
        ("HANDLER t OPEN", Leaves::HANDLER),
        ("PREPARE s FROM 'SELECT 1'", Leaves::TEXT_PREPARE),
        ("XA START 'a'", Leaves::XA_START),
        ("XA COMMIT 'a'", Leaves::XA_END),
        ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", Leaves::ONE_SHOT_TRANSACTION),
        ("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", Leaves::empty()),
        ("SELECT SQL_CALC_FOUND_ROWS 1", Leaves::CALC_FOUND_ROWS),
        ("SET sql_log_bin = 0", Leaves::UNTRACKED_VARIABLE),
        ("SET STATEMENT sql_mode = '' FOR SELECT 1", Leaves::SCOPED_VARIABLES),
        ("SET STATEMENT sql_mode = '' FOR SELECT 1; SELECT 2", Leaves::UNREPORTED),
        (
            "SET STATEMENT max_error_count = 5 FOR CALL p()",
            Leaves::SCOPED_VARIABLES.union(Leaves::UNREPORTED | Leaves::RUNS_OTHERS),
        ),
        ("SET GLOBAL sql_mode = '', max_error_count = 2", Leaves::empty()),
        ("SET GLOBAL sql_mode = '', SESSION max_error_count = 2", Leaves::UNTRACKED_VARIABLE),
        ("SET @@global.sql_mode = '', max_error_count = 2", Leaves::UNTRACKED_VARIABLE),
        ("SET @@session.gtid_next = 'x'", Leaves::UNTRACKED_VARIABLE),
        ("SET sql_mode = 'ANSI', @@session.time_zone = 'UTC'", Leaves::empty()),
        ("SET sql_mode = 'ANSI', @@time_zone = 'UTC'", Leaves::UNREPORTED),
        ("CALL p()", Leaves::UNREPORTED | Leaves::RUNS_OTHERS),
        ("BEGIN NOT ATOMIC SET x := 1; END", Leaves::UNREPORTED | Leaves::RUNS_OTHERS),
        ("SET sql_mode := ''", Leaves::empty()),
        ("SET GLOBAL slow_launch_time := 2", Leaves::empty()),
        ("UPDATE t SET a := 1, b := 2", Leaves::empty()),
        ("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a := 1", Leaves::empty()),
        ("SET wait_timeout := 1, @a := 2", Leaves::USER_VARIABLE),
        ("UPDATE t SET a = (@a /* c */ := a)", Leaves::USER_VARIABLE),
        ("SELECT @a /*! := */ 1", Leaves::USER_VARIABLE),
        ("SHOW VARIABLES LIKE 'a'", Leaves::TRACKING),
        ("SET session_track_schema = 1", Leaves::TRACKING),
        ("SELECT @@session.session_track_schema", Leaves::TRACKING),
        ("SET SESSION TRANSACTION READ WRITE", Leaves::ACCESS_MODE),
        ("SET @@session.transaction_read_only = 0", Leaves::ACCESS_MODE),
        ("SET TRANSACTION READ WRITE", Leaves::ACCESS_MODE | Leaves::ONE_SHOT_TRANSACTION),
        ("SET ROLE r", Leaves::ROLE),
        ("INSERT INTO t VALUES (NEXTVAL(s))", Leaves::SEQUENCE),
        ("/*!40014 SET FOREIGN_KEY_CHECKS=0 */", Leaves::empty()),
        ("/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='' */", Leaves::USER_VARIABLE),
        ("SELECT 1", Leaves::empty()),
    ] {
        assert_eq!(leaves(sql), expected, "{sql}");
    }
}

#[test]
fn what_a_statement_asks_for_is_seen() {
    for (sql, expected) in [
        ("SELECT ROW_COUNT()", Asks::OWN_VALUES | Asks::ROW_COUNT),
        ("DO FOUND_ROWS ( )", Asks::OWN_VALUES | Asks::FOUND_ROWS),
        ("SELECT CONNECTION_ID(), 1", Asks::OWN_VALUES),
        ("SELECT @@session.last_gtid", Asks::OWN_VALUES),
        ("SELECT row_count FROM t", Asks::ROW_COUNT),
        ("GET DIAGNOSTICS @n = ROW_COUNT", Asks::ROW_COUNT),
        ("SELECT `row_count` FROM t", Asks::empty()),
        ("INSERT INTO t VALUES (LAST_INSERT_ID())", Asks::LAST_INSERT_ID),
        ("SELECT @@identity", Asks::LAST_INSERT_ID),
        ("SET last_insert_id = 5", Asks::LAST_INSERT_ID),
        ("SELECT last_insert_id FROM t", Asks::empty()),
        ("SELECT @@warning_count", Asks::CONDITION_COUNTS),
        ("DO RELEASE_LOCK('a')", Asks::LOCKS),
        ("SET innodb_lock_wait_timeout = 5", Asks::empty()),
        ("SELECT 1; SHOW WARNINGS", Asks::CONDITIONS),
        ("CALL p(); SELECT FOUND_ROWS()", Asks::OWN_VALUES | Asks::FOUND_ROWS | Asks::ONE_BY_ONE),
        ("SELECT 1", Asks::empty()),
    ] {
        assert_eq!(asks(sql), expected, "{sql}");
    }
}

#[test]
fn splitfins_own_statements_are_recognised() {
    assert_eq!(class("SHOW SPLITFIN ROUTE"), Class::Own(Own::ShowRoute));
    assert_eq!(class("show splitfin position"), Class::Own(Own::ShowPosition));
}

/// Whatever the second parser takes for a write must never be a read here, however it is dressed up.
#[test]
fn the_second_parser_never_finds_a_write_in_a_read() {
    let writes = [
        "DELETE FROM t",
        "UPDATE t SET a = 1",
        "INSERT INTO t VALUES (1)",
        "SELECT 1 FROM t FOR UPDATE",
        "DROP TABLE t",
    ];
    let dresses = [
        ("", ""),
        ("/* c */ ", " -- c"),
        ("(", ")"),
        ("WITH c AS (SELECT 1) ", ""),
        ("EXPLAIN ANALYZE ", ""),
        ("SELECT 1; ", ""),
    ];
    for write in writes {
        for (before, after) in dresses {
            let sql = format!("{before}{write}{after}");
            assert_ne!(class(&sql), Class::Read, "{sql}");
        }
    }
}

/// Every way in which SQL nests or chains: what comes first, what is repeated, and what closes each repetition.
const SHAPES: [(&str, &str, &str); 45] = [
    ("SELECT 1 FROM a", " JOIN a", ""),
    ("SELECT 1 FROM a", " LEFT JOIN a", ""),
    ("SELECT 1 FROM a", " NATURAL JOIN a", ""),
    ("SELECT 1 FROM a", " CROSS JOIN a", ""),
    ("SELECT 1 FROM a", " STRAIGHT_JOIN a", ""),
    ("SELECT 1 FROM a", " JOIN a ON 1", ""),
    ("SELECT 1 FROM a", " JOIN a USING (b)", ""),
    ("SELECT 1 FROM a", ",a", ""),
    ("SELECT 1 FROM ", "(a JOIN ", "a)"),
    ("SELECT 1", "+1", ""),
    ("SELECT 1", "-1", ""),
    ("SELECT 1", "*1", ""),
    ("SELECT 1", "/1", ""),
    ("SELECT 1", "%1", ""),
    ("SELECT 1", "=1", ""),
    ("SELECT 1", "<=>1", ""),
    ("SELECT 1", "<1", ""),
    ("SELECT 1", "|1", ""),
    ("SELECT 1", "^1", ""),
    ("SELECT 1", "||1", ""),
    ("SELECT 1", "&&1", ""),
    ("SELECT 1", " DIV 1", ""),
    ("SELECT 1", " MOD 1", ""),
    ("SELECT 1", " XOR 1", ""),
    ("SELECT 1", " AND 1", ""),
    ("SELECT 1", " IS NULL", ""),
    ("SELECT 1", " LIKE 1", ""),
    ("SELECT 1", " REGEXP 1", ""),
    ("SELECT 1", " BETWEEN 1 AND 2", ""),
    ("SELECT 1", " COLLATE utf8mb4_bin", ""),
    ("SELECT a", "->'$.a'", ""),
    ("SELECT a", "->>'$.a'", ""),
    ("SELECT a", ".a", ""),
    ("SELECT ", "-", "1"),
    ("SELECT ", "~", "1"),
    ("SELECT ", "NOT ", "1"),
    ("SELECT ", "BINARY ", "1"),
    ("SELECT ", "(", "1)"),
    ("SELECT ", "ABS(", "1)"),
    ("SELECT ", "CASE WHEN 1 THEN ", "1 END"),
    ("SELECT ", "(SELECT ", "1)"),
    ("SELECT 1", " UNION SELECT 1", ""),
    ("", "WITH a AS (SELECT 1) ", "SELECT 1"),
    ("SELECT 1 IN (1", ",1", ")"),
    ("SELECT 1 ", "/* a */ ", ""),
];

#[test]
fn no_shape_of_any_depth_takes_more_stack_than_a_thread_has() {
    let all = || {
        for (first, link, close) in SHAPES {
            for times in [10, 61, 1000, LONGEST / (link.len() + close.len())] {
                let sql = [first, &link.repeat(times), &close.repeat(times)].concat();
                let _ = classify(sql.as_bytes(), LexMode::default());
            }
        }
    };
    // A quarter of what workers have.
    let thread = std::thread::Builder::new().stack_size(4 << 20).spawn(all);
    assert!(thread.unwrap().join().is_ok());
}

/// What the second parser looks at.
const LONGEST: usize = 64 * 1024;

proptest::proptest! {
    #[test]
    fn no_text_panics(text: Vec<u8>) {
        let _ = classify(&text, LexMode::default());
    }

    /// Words of reads and writes in any order: whatever comes out as a read, the second parser did not object to.
    #[test]
    fn a_write_verb_among_the_words_is_never_a_read(
        before in proptest::collection::vec("(select|from|where|with|t|a|,|\\(|\\)|as|1)", 0..8),
        verb in "(update t set a|delete from t|into outfile|for update|call p)",
        after in proptest::collection::vec("(select|from|where|t|a|,|\\)|1)", 0..8),
    ) {
        let sql = format!("{} {verb} {}", before.join(" "), after.join(" "));
        proptest::prop_assert_ne!(class(&sql), Class::Read, "{}", sql);
    }
}
