//! Promise: what holds a connection ends, and then the session is free again. And however sessions take turns on few
//! connections, none finds anything of another.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Value, from_value};
use splitfin_tests::{Family, PATIENCE, Stage, Told, story};
use std::io::Write as _;
use std::time::{Duration, Instant};

story! {
    every_pin_ends_with_its_reason, async |family| -> Told {
        let stage = Stage::with(family, "workers: 1").await?;
        stage.table().await?;
        let mut cases = vec![
            ("CREATE TEMPORARY TABLE tmp (id INT)", "DROP TEMPORARY TABLE tmp"),
            ("CREATE TEMPORARY TABLE orders (id INT)", "DROP TABLE orders"),
            ("PREPARE s FROM 'SELECT 1'", "DEALLOCATE PREPARE s"),
            ("SELECT GET_LOCK('a', 1), GET_LOCK('b', 1)", "SELECT RELEASE_LOCK('a'), RELEASE_LOCK('b')"),
            ("DO GET_LOCK('c', 1)", "DO RELEASE_ALL_LOCKS()"),
            ("HANDLER orders OPEN", "HANDLER orders CLOSE"),
            ("LOCK TABLES orders READ", "UNLOCK TABLES"),
            ("FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"),
            ("XA START 'x'", "XA END 'x'; XA ROLLBACK 'x'"),
            ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "BEGIN; COMMIT"),
            ("SELECT 1 / 0", "DO 1"),
            ("SELECT SQL_CALC_FOUND_ROWS item FROM orders LIMIT 1", "DO 1"),
        ];
        match family {
            Family::Mariadb => cases.push(("BACKUP STAGE START", "BACKUP STAGE END")),
            Family::Mysql => cases.push(("LOCK INSTANCE FOR BACKUP", "UNLOCK INSTANCE")),
        }
        for (begin, end) in cases {
            let mut client = stage.client().await?;
            client.query_drop(begin).await?;
            client.query_drop("SELECT 1 FROM information_schema.tables LIMIT 1").await.ok();
            client.query_drop(end).await?;
            let (backend, reason) = Stage::read_route(&mut client, "SELECT item FROM shop.orders").await?;
            assert!(backend.starts_with("slave") && reason == "read", "{begin}, {end}: {backend}, {reason}");
            client.disconnect().await?;
        }
        Ok(())
    }
}

story! {
    user_variables_go_along_with_their_values, async |family| -> Told {
        let stage = Stage::with(family, "pool: { max_connections: 1 }\nworkers: 1").await?;
        stage.table().await?;
        let mut one = stage.client().await?;
        let mut two = stage.client().await?;
        one.query_drop("SET @n = 5, @d = 1.50, @f = 1e3, @t = 'über', @`odd name` = _latin1'x'").await?;
        two.query_drop("SELECT MAX(id), COUNT(*) INTO @n, @t FROM orders").await?;
        // On a slow machine a replica may be too late for some of the reads: the values must be right wherever they run.
        let started = Instant::now();
        let mut on_replicas = 0;
        while on_replicas < 5 {
            let row: Option<(i64, String, f64, String, String)> =
                one.query_first("SELECT @n, CAST(@d AS CHAR), @f, @t, CHARSET(@`odd name`)").await?;
            assert_eq!(row, Some((5, "1.50".into(), 1000.0, "über".into(), "latin1".into())));
            let (backend, reason) = Stage::last_route(&mut one).await?;
            on_replicas += usize::from(backend.starts_with("slave"));
            assert!(started.elapsed() < PATIENCE, "reads keep running on {backend}: {reason}");
            let row: Option<(i64, i64, Option<f64>)> = two.query_first("SELECT @n, @t, @f").await?;
            assert_eq!(row, Some((3, 3, None)));
        }
        one.query_drop("START TRANSACTION READ ONLY").await?;
        one.query_drop("SELECT amount INTO @n FROM orders WHERE id = 2").await?;
        one.query_drop("COMMIT").await?;
        one.query_drop("UPDATE orders SET amount = @n + 10 WHERE id = 1").await?;
        let amount: Option<i32> = one.query_first("SELECT amount FROM orders WHERE id = 1").await?;
        assert_eq!(amount, Some(12));
        Ok(())
    }
}

/// What one session believes to be true of itself.
struct Belief {
    client: Conn,
    id: usize,
    sql_mode: &'static str,
    time_zone: String,
    wait_timeout: u32,
    database: &'static str,
    variable: Option<u64>,
    table: bool,
    lock: bool,
    transaction: bool,
    /// Its last warning is still to be seen, as far as anybody can tell.
    warned: bool,
    family: Family,
}

/// xorshift64*: what is done next follows from the seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit
    }
}

const SESSIONS: usize = 50;
const MODES: [&str; 3] = ["ANSI_QUOTES", "NO_ZERO_DATE", "PIPES_AS_CONCAT"];

impl Belief {
    async fn new(stage: &Stage, id: usize) -> Result<Self, mysql_async::Error> {
        let mut client = stage.client().await?;
        client.query_drop("SET SESSION sql_mode = 'NO_ZERO_DATE', time_zone = '+00:00', wait_timeout = 1000").await?;
        Ok(Self {
            client,
            id,
            sql_mode: "NO_ZERO_DATE",
            time_zone: "+00:00".into(),
            wait_timeout: 1000,
            database: "shop",
            variable: None,
            table: false,
            lock: false,
            transaction: false,
            warned: false,
            family: stage.cluster.family(),
        })
    }

    async fn act(&mut self, dice: &mut Dice) -> Result<(), Box<dyn std::error::Error>> {
        let id = self.id;
        let act = dice.below(19);
        // What uses no table leaves warnings to MariaDB's sessions.
        let keeps = self.family == Family::Mariadb && matches!(act, 0..=4 | 7 | 8 | 10 | 14);
        self.warned &= keeps;
        match act {
            0 => {
                self.sql_mode = MODES[dice.below(3) as usize];
                self.client.query_drop(format!("SET SESSION sql_mode = '{}'", self.sql_mode)).await?;
            }
            1 => {
                self.time_zone = format!("+{:02}:00", dice.below(12));
                self.client.query_drop(format!("SET @@time_zone = '{}'", self.time_zone)).await?;
            }
            2 => {
                self.wait_timeout = 1000 + dice.below(1000) as u32;
                self.client.query_drop(format!("SET wait_timeout = {}", self.wait_timeout)).await?;
            }
            3 => {
                self.database = ["shop", "store"][dice.below(2) as usize];
                self.client.query_drop(format!("USE {}", self.database)).await?;
            }
            4 => {
                let value = dice.below(1 << 40);
                self.variable = Some(value);
                self.client.query_drop(format!("SET @mine = {value}")).await?;
            }
            5 if !self.table && !self.transaction => {
                self.client.query_drop(format!("CREATE TEMPORARY TABLE shop.own (id INT) SELECT {id} AS id")).await?;
                self.table = true;
            }
            6 if self.table && !self.transaction => {
                self.client.query_drop("DROP TEMPORARY TABLE shop.own").await?;
                self.table = false;
            }
            7 if !self.lock => {
                self.client.query_drop(format!("DO GET_LOCK('lock {id}', 0)")).await?;
                self.lock = true;
            }
            8 if self.lock => {
                self.client.query_drop(format!("DO RELEASE_LOCK('lock {id}')")).await?;
                self.lock = false;
            }
            9 if !self.transaction => {
                self.client.query_drop("BEGIN").await?;
                self.client.query_drop(format!("UPDATE shop.owned SET n = n + 1 WHERE id = {id}")).await?;
                self.transaction = true;
            }
            12 if !self.transaction => {
                // It begins on a replica, and goes on on the primary as soon as a lock is wanted.
                self.client.query_drop("START TRANSACTION READ ONLY").await?;
                self.client.query_drop("SELECT COUNT(*) FROM shop.owned").await?;
                self.transaction = true;
            }
            10 if self.transaction => {
                self.client.query_drop(["COMMIT", "ROLLBACK"][dice.below(2) as usize]).await?;
                self.transaction = false;
            }
            11 if !self.transaction => {
                self.client.reset().await?;
                let fresh = "SET SESSION sql_mode = 'NO_ZERO_DATE', time_zone = '+00:00', wait_timeout = 1000";
                self.client.query_drop(fresh).await?;
                self.sql_mode = "NO_ZERO_DATE";
                self.time_zone = "+00:00".into();
                self.wait_timeout = 1000;
                (self.variable, self.table, self.lock) = (None, false, false);
            }
            13 => {
                self.client.query_drop(format!("SELECT CAST('w{id}' AS SIGNED)")).await?;
                self.warned = true;
                self.show_warnings(dice).await?;
            }
            14 => self.show_warnings(dice).await?,
            15 if !self.transaction => {
                let update = format!("UPDATE shop.owned SET n = n + 1 WHERE id IN ({id}, -1)");
                let rows = self.last_of_several(&format!("{update}; SELECT ROW_COUNT()")).await?;
                assert_eq!(rows, [["1"]], "session {id}");
            }
            16 => {
                let found = 1 + dice.below(SESSIONS as u64);
                self.client.query_drop(format!("SELECT n FROM shop.owned WHERE id < {found}")).await?;
                let rows = self.last_of_several(&format!("USE {}; SELECT FOUND_ROWS()", self.database)).await?;
                assert_eq!(rows, [[found.to_string()]], "session {id}");
            }
            _ => self.check().await?,
        }
        Ok(())
    }

    /// The rows of the last statement of a text that has any.
    async fn last_of_several(&mut self, text: &str) -> Result<Vec<Vec<String>>, Box<dyn std::error::Error>> {
        let mut results = self.client.query_iter(text).await?;
        let mut last = Vec::new();
        while !results.is_empty() {
            let rows: Vec<mysql_async::Row> = results.collect().await?;
            if !rows.is_empty() {
                last = rows.into_iter().map(|row| row.unwrap().into_iter().map(from_value).collect()).collect();
            }
        }
        Ok(last)
    }

    /// It sees its own warning, if that is there, and never that of another session, in whichever way it asks.
    async fn show_warnings(&mut self, dice: &mut Dice) -> Result<(), Box<dyn std::error::Error>> {
        let own = format!("'w{}'", self.id);
        let ways = ["SHOW WARNINGS", "COMMIT; SHOW WARNINGS", "SELECT 1 LIMIT 0; SHOW WARNINGS", "CALL told()"];
        let way = match dice.below(ways.len() as u64) as usize {
            1 if self.transaction => 0,
            way => way,
        };
        // MySQL forgets them at any other statement.
        self.warned &= way == 0 || self.family == Family::Mariadb;
        let shown = self.last_of_several(ways[way]).await?;
        let values: Vec<&str> = shown.iter().map(|row| &*row[2]).filter(|text| text.contains("'w")).collect();
        assert!(values.iter().all(|text| text.contains(&own)), "session {}: {shown:?}", self.id);
        assert!(!self.warned || values.len() == 1, "session {}, {}: {shown:?}", self.id, ways[way]);
        Ok(())
    }

    async fn check(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let id = self.id;
        self.warned = false;
        let row: Option<(String, String, u32, String, Option<u64>)> =
            self.client.query_first("SELECT @@sql_mode, @@time_zone, @@wait_timeout, DATABASE(), @mine").await?;
        let expected = (
            self.sql_mode.to_owned(),
            self.time_zone.clone(),
            self.wait_timeout,
            self.database.to_owned(),
            self.variable,
        );
        assert_eq!(row, Some(expected), "session {id}");
        let table: Result<Option<usize>, _> = self.client.query_first("SELECT id FROM shop.own").await;
        assert_eq!(table.ok().flatten(), self.table.then_some(id), "session {id}");
        let used: Option<Value> =
            self.client.exec_first("/* splitfin: primary */ SELECT IS_USED_LOCK(?)", (format!("lock {id}"),)).await?;
        assert_eq!(used != Some(Value::NULL), self.lock, "session {id}: {used:?}");
        Ok(())
    }

    /// Ends all that holds a connection.
    async fn let_go(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        if self.transaction {
            self.client.query_drop("COMMIT").await?;
        }
        if self.table {
            self.client.query_drop("DROP TEMPORARY TABLE shop.own").await?;
        }
        if self.lock {
            self.client.query_drop("DO RELEASE_ALL_LOCKS()").await?;
        }
        (self.transaction, self.table, self.lock) = (false, false, false);
        self.client.query_drop("DO 1").await?;
        self.check().await?;
        self.client.query_drop("DO 1").await?;
        self.client.query_drop("SELECT COUNT(*) FROM shop.owned").await?;
        let route: Option<mysql_async::Row> = self.client.query_first("SHOW SPLITFIN ROUTE").await?;
        let told = |name| route.as_ref().and_then(|row| row.get::<String, _>(name)).unwrap_or_default();
        assert_ne!(told("Reason"), "pinned", "session {}: {}", self.id, told("Why"));
        Ok(())
    }
}

/// How long; `SPLITFIN_RANDOM_SECONDS=600` for longer, `SPLITFIN_RANDOM_SEED` for another course.
fn knob(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

story! {
    fifty_sessions_in_any_order_stay_apart, async |family| -> Told {
        let stage = Stage::with(family, "pool: { max_connections: 60 }\nworkers: 2\nlog: { routes: off }").await?;
        stage.table().await?;
        let primary = &stage.cluster.primary;
        primary.run(&["CREATE DATABASE store", "CREATE TABLE shop.owned (id INT PRIMARY KEY, n INT)"]).await?;
        for id in 0..SESSIONS {
            primary.run(&[&*format!("INSERT INTO shop.owned VALUES ({id}, 0)")]).await?;
        }
        primary.run(&["CREATE PROCEDURE shop.told() SHOW WARNINGS", "CREATE PROCEDURE store.told() SHOW WARNINGS"]).await?;
        stage.cluster.caught_up().await?;
        let mut dice = Dice(knob("SPLITFIN_RANDOM_SEED", 7) | 1);
        let mut sessions = Vec::new();
        for id in 0..SESSIONS {
            sessions.push(Belief::new(&stage, id).await?);
        }
        let end = Instant::now() + Duration::from_secs(knob("SPLITFIN_RANDOM_SECONDS", 15));
        let mut acts = 0u64;
        while Instant::now() < end {
            let at = dice.below(SESSIONS as u64) as usize;
            sessions[at].act(&mut dice).await?;
            acts += 1;
        }
        for session in &mut sessions {
            session.let_go().await?;
        }
        writeln!(std::io::stderr(), "{family:?}: {acts} acts of {SESSIONS} sessions")?;
        Ok(())
    }
}
