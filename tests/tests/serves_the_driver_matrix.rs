//! Promise: no driver can tell Splitfin from the server. Programs in `drivers/` do what applications do with each driver;
//! each runs on the primary and through Splitfin, and says the same both times. A driver that is not installed is an
//! error; `tools/drivers.sh` installs them all, `SPLITFIN_WITHOUT` names those to leave out (`go,perl`), and
//! `SPLITFIN_DRIVER` one to run alone.

use splitfin_tests::drivers::{self, client, dump, output};
use splitfin_tests::{APP, Cluster, Family, PASSWORD, Stage, Told, story};
use std::io::Write as _;
use std::process::Command;

/// The connections of a driver's pool read what one of them wrote, as they do on one server.
/// As it is by default: every driver logs in to an account of the servers.
const QUIET: &str = "log: { routes: off, level: error }\nconsistency: { scope: user }\nauth: { mode: database }\nlimits: { failed_logins: 0 }";

async fn stage_of(family: Family) -> Result<Stage, Box<dyn std::error::Error>> {
    let cluster = Cluster::start(family, 2).await?;
    let table = if family == Family::Mariadb { "global_priv" } else { "user" };
    cluster.primary.run(&[&format!("GRANT SELECT ON mysql.{table} TO monitor")]).await?;
    cluster.caught_up().await?;
    Stage::in_front_of(cluster, QUIET).await
}

async fn compare(family: Family, names: &[&str]) -> Told {
    let without = std::env::var("SPLITFIN_WITHOUT").unwrap_or_default();
    let only = std::env::var("SPLITFIN_DRIVER").ok();
    let stage = stage_of(family).await?;
    let mut differences = String::new();
    for driver in drivers::all() {
        let wanted = only.as_deref().is_none_or(|only| only == driver.name);
        if !names.contains(&driver.name) || !wanted || without.split(',').any(|left_out| left_out == driver.name) {
            continue;
        }
        if let Err(error) = driver.compare(&stage).await {
            differences += &format!("{error}\n");
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.into()) }
}

const OF_PYTHON: [&str; 6] =
    ["pymysql", "mysqlclient", "connector-python", "connector-python-pure", "aiomysql", "asyncmy"];
const MAPPERS: [&str; 3] = ["sqlalchemy", "django", "sea-orm"];
const SCRIPTING: [&str; 5] = ["mysqli", "pdo", "perl", "ruby", "node"];
const COMPILED: [&str; 5] = ["connector-j-mariadb", "connector-j-mysql", "go", "sqlx", "mysql_async"];

#[test]
fn every_driver_is_in_a_story() {
    let told = [OF_PYTHON.as_slice(), &MAPPERS, &SCRIPTING, &COMPILED].concat();
    let left_out: Vec<_> = drivers::all().into_iter().filter(|driver| !told.contains(&driver.name)).collect();
    assert!(left_out.is_empty() && told.len() == drivers::all().len(), "{left_out:?}");
}

story! {
    drivers_of_python_see_no_difference, async |family| -> Told { compare(family, &OF_PYTHON).await }
}

story! {
    mappers_see_no_difference, async |family| -> Told { compare(family, &MAPPERS).await }
}

story! {
    drivers_of_scripting_languages_see_no_difference, async |family| -> Told { compare(family, &SCRIPTING).await }
}

story! {
    drivers_of_compiled_languages_see_no_difference, async |family| -> Told { compare(family, &COMPILED).await }
}

/// What a person types, with all kinds of output.
const TYPED: &str = "
SELECT * FROM items;
SELECT name, amount FROM items WHERE id = 2\\G
SHOW TABLES; SHOW CREATE TABLE items; DESCRIBE types;
BEGIN; UPDATE items SET amount = 9 WHERE id = 1; SELECT amount FROM items WHERE id = 1; ROLLBACK;
SELECT amount FROM items WHERE id = 1;
SELECT 1 / 0; SHOW WARNINGS; warnings; SELECT 1 / 0; nowarning;
CALL two_results(); SET @c = 3; CALL double_it(2, @b, @c); SELECT @b, @c;
USE mysql
SELECT DATABASE();
USE shop
delimiter //
CREATE PROCEDURE typed() BEGIN SELECT 'typed'; END//
delimiter ;
CALL typed(); DROP PROCEDURE typed;
SELEC 1;
SELECT * FROM nowhere;
INSERT INTO items (name) VALUES ('apple');
PREPARE s FROM 'SELECT ? + 1'; SET @x = 41; EXECUTE s USING @x; DEALLOCATE PREPARE s;
CREATE TEMPORARY TABLE t (id INT); INSERT INTO t VALUES (1), (2); SELECT SUM(id) FROM t; DROP TEMPORARY TABLE t;
SET NAMES latin1; SELECT @@character_set_client; charset utf8mb4
SELECT @@character_set_results, 'größe';
EXPLAIN SELECT * FROM items WHERE id = 1;
";

fn connected(mut command: Command, port: u16) -> Command {
    command.args(["-h127.0.0.1", &format!("-P{port}"), &format!("-u{APP}"), &format!("-p{PASSWORD}")]);
    command
}

/// Runs a program with something to read, and gives what it said, errors included.
async fn fed(mut command: Command, input: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut file = tempfile::tempfile()?;
    file.write_all(input.as_bytes())?;
    std::io::Seek::rewind(&mut file)?;
    command.stdin(file);
    let output = output(command).await?;
    Ok(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

story! {
    command_line_clients_see_no_difference, async |family| -> Told {
        let stage = stage_of(family).await?;
        for of in Family::ALL {
            // MySQL's client has no mysql_native_password any more.
            if (of, family) == (Family::Mysql, Family::Mariadb) {
                continue;
            }
            for more in [&["--force", "-t", "-vvv"][..], &["--force", "--batch", "--show-warnings"], &["--force", "-X", "--compress"]] {
                let mut said = vec![];
                for port in [stage.cluster.primary.port(), stage.port] {
                    drivers::set_up(&stage).await?;
                    let mut command = connected(client(of), port);
                    command.args(more).arg("shop");
                    let text = fed(command, TYPED).await?;
                    // How long it took is nobody's business.
                    said.push(text.lines().map(|line| line.split(" (0.").next().unwrap_or(line).to_owned()).collect::<Vec<_>>());
                }
                let differing = said[0].iter().zip(&said[1]).find(|(direct, through)| direct != through);
                assert_eq!(differing, None, "{of:?} {more:?}");
                assert!(said[0].len() == said[1].len() && said[0].len() > 50, "{of:?} {more:?}: {said:#?}");
            }
        }
        Ok(())
    }
}

story! {
    dumps_are_the_same_and_can_be_restored, async |family| -> Told {
        let stage = stage_of(family).await?;
        drivers::set_up(&stage).await?;
        let fill = "INSERT INTO shop.types (tiny, big, price, ratio, born, seen, name, bytes, kind, doc, bits) \
            SELECT 1, id, 1.5, 0.25, '2020-02-29', '2020-01-02 03:04:05', CONCAT('größe ', id), UNHEX('00FF27'), 'y', '[1]', 5 FROM shop.items";
        stage.cluster.primary.run(&[
            fill,
            "USE shop",
            "CREATE VIEW cheap AS SELECT * FROM items WHERE amount < 3",
            "CREATE TRIGGER watch BEFORE UPDATE ON items FOR EACH ROW SET NEW.amount = NEW.amount",
        ]).await?;
        stage.cluster.caught_up().await?;
        for more in [&["--single-transaction", "--quick", "--hex-blob"][..], &["--lock-tables", "--hex-blob"]] {
            let mut dumps = vec![];
            for port in [stage.cluster.primary.port(), stage.port] {
                let mut command = connected(dump(family), port);
                command.args(more).args(["--skip-dump-date", "--routines", "--triggers"]);
                if family == Family::Mysql {
                    // Its replicas' positions differ from moment to moment; the account needs no PROCESS privilege.
                    command.args(["--set-gtid-purged=OFF", "--no-tablespaces"]);
                }
                command.arg("shop");
                let output = output(command).await?;
                assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
                dumps.push(String::from_utf8(output.stdout)?);
            }
            assert_eq!(dumps[0], dumps[1], "{more:?}");
            assert!(dumps[0].contains("größe 3") && dumps[0].contains("two_results"), "{}", dumps[0]);
            stage.cluster.primary.run(&["DROP DATABASE IF EXISTS copy", "CREATE DATABASE copy"]).await?;
            let mut restore = connected(client(family), stage.port);
            restore.arg("copy");
            let said = fed(restore, &dumps[1].replace("`shop`.", "`copy`.")).await?;
            assert!(!said.contains("ERROR"), "{more:?}: {said}");
            let (of_shop, of_copy) = (rows_of(&stage, more, "shop").await?, rows_of(&stage, more, "copy").await?);
            assert_eq!(of_shop, of_copy, "{more:?}");
            assert!(of_copy.contains("größe 3"));
        }
        Ok(())
    }
}

/// A dump of nothing but the rows.
async fn rows_of(stage: &Stage, more: &[&str], database: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut command = connected(dump(stage.cluster.family()), stage.port);
    command.args(more).args(["--skip-dump-date", "--skip-comments", "--no-create-info", "--skip-triggers"]);
    if stage.cluster.family() == Family::Mysql {
        command.args(["--set-gtid-purged=OFF", "--no-tablespaces"]);
    }
    command.arg(database);
    let output = output(command).await?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}
