//! The same script on a server and through Splitfin, and every packet of the replies compared.

mod render;
mod script;
mod talker;

pub use script::{Script, Step};
pub use talker::{Talker, Variant};

use crate::raw::Broken;
use crate::{Family, Stage};
use mysql_async::prelude::Queryable as _;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;

/// What a script gave, step by step.
type Transcript = Vec<String>;

/// Makes the server's connection ids so large that no value in a script looks like one.
pub async fn spend_ids(stage: &Stage) -> Result<(), Broken> {
    for _ in 0..LARGER_THAN_VALUES {
        drop(tokio::net::TcpStream::connect(("127.0.0.1", stage.cluster.primary.port())).await?);
    }
    Ok(())
}

/// Years are the largest small numbers in scripts.
const LARGER_THAN_VALUES: usize = 2200;

/// Runs `script` on the primary and through Splitfin, each from an empty database on, and tells the differences. With
/// SPLITFIN_TRANSCRIPT set it tells everything.
pub async fn compare(stage: &Stage, script: &Script, variant: Variant) -> Result<Vec<String>, Broken> {
    let direct = run(stage, script, variant, stage.cluster.primary.port()).await?;
    let through = run(stage, script, variant, stage.port).await?;
    let tell_all = std::env::var_os("SPLITFIN_TRANSCRIPT").is_some();
    let mut differences = Vec::new();
    for (at, step) in script.steps.iter().enumerate() {
        let (direct, through) = (&direct[at], &through[at]);
        if tell_all {
            differences.push(format!("{step}\n{direct}    --\n{through}"));
        } else if direct != through {
            differences.push(format!("{step}\n{}", side_by_side(direct, through)));
        }
    }
    Ok(differences)
}

fn side_by_side(direct: &str, through: &str) -> String {
    let mut text = String::new();
    let (left, right): (Vec<_>, Vec<_>) = (direct.lines().collect(), through.lines().collect());
    for at in 0..left.len().max(right.len()) {
        let (one, other) = (left.get(at), right.get(at));
        if one == other {
            continue;
        }
        for (mark, line) in [("server  ", one), ("splitfin", other)] {
            let _ = writeln!(text, "    {mark} {}", line.unwrap_or(&"(nothing)"));
        }
    }
    text
}

async fn run(stage: &Stage, script: &Script, variant: Variant, port: u16) -> Result<Transcript, Broken> {
    set_up(stage).await?;
    let mut talkers: BTreeMap<char, Talker> = BTreeMap::new();
    let mut transcript = Vec::new();
    for step in &script.steps {
        if let Entry::Vacant(place) = talkers.entry(step.session) {
            place.insert(Talker::open_with_an_id(port, variant).await?);
        }
        let others = talkers.iter().map(|(name, talker)| (*name, talker.id())).collect();
        let Some(talker) = talkers.get_mut(&step.session) else { continue };
        let told = talker.step(step, &others).await;
        match told {
            Ok(told) => transcript.push(told),
            Err(error) => {
                // A peer that is gone shows in several ways.
                let text = error.to_string();
                let gone = text.contains("os error") || text.contains("closed");
                let why = if gone { "the peer is gone".to_owned() } else { text };
                transcript.push(format!("the connection broke: {why}\n"));
                talkers.remove(&step.session);
            }
        }
    }
    for (_, talker) in talkers {
        talker.quit().await;
    }
    Ok(transcript)
}

/// The databases as every script finds them.
async fn set_up(stage: &Stage) -> Result<(), Broken> {
    let primary = &stage.cluster.primary;
    let mut statements = vec![
        "DROP DATABASE IF EXISTS shop",
        "DROP DATABASE IF EXISTS store",
        "CREATE DATABASE shop",
        "CREATE DATABASE store CHARACTER SET latin1",
        "CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, item VARCHAR(50), amount INT, UNIQUE (item))",
        "INSERT INTO shop.orders (item, amount) VALUES ('apple', 1), ('pear', 2), ('plum', 3)",
        "CREATE TABLE shop.blank (id INT PRIMARY KEY, note TEXT)",
        "CREATE TABLE store.names (id INT PRIMARY KEY, name VARCHAR(20))",
        "INSERT INTO store.names VALUES (1, 'one'), (2, 'two')",
        "CREATE PROCEDURE shop.two() BEGIN SELECT 1; SELECT item FROM shop.orders ORDER BY id; END",
        "CREATE PROCEDURE shop.add_one(IN what VARCHAR(50), OUT now_there INT) BEGIN INSERT INTO shop.orders (item, amount) VALUES (what, 1); SELECT COUNT(*) INTO now_there FROM shop.orders; END",
        "CREATE PROCEDURE shop.strict() SET SESSION sql_mode = 'STRICT_ALL_TABLES'",
        "CREATE PROCEDURE shop.fail() BEGIN SELECT 'before'; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END",
        "CREATE PROCEDURE shop.warn() SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'careful', MYSQL_ERRNO = 1000",
        "CREATE PROCEDURE shop.temporary() CREATE TEMPORARY TABLE shop.made (id INT)",
        "CREATE PROCEDURE shop.remember() SET @remembered = 'yes'",
        "CREATE FUNCTION shop.twice(n INT) RETURNS INT DETERMINISTIC NO SQL RETURN n * 2",
        "CREATE FUNCTION shop.bump() RETURNS INT MODIFIES SQL DATA BEGIN UPDATE shop.orders SET amount = amount + 1 WHERE id = 1; RETURN 1; END",
        "CREATE VIEW shop.cheap AS SELECT * FROM shop.orders WHERE amount < 3",
    ];
    match stage.cluster.family() {
        Family::Mariadb => statements.push("CREATE SEQUENCE shop.numbers"),
        Family::Mysql => query_attributes(stage).await?,
    }
    primary.run(&statements).await?;
    stage.cluster.caught_up().await?;
    Ok(())
}

/// Makes query attributes readable, on every server.
async fn query_attributes(stage: &Stage) -> Result<(), Broken> {
    for server in stage.cluster.servers() {
        let installed: Option<u32> = server.root().await?.query_first("SELECT COUNT(*) FROM mysql.component").await?;
        if installed == Some(0) {
            server.run(&["SET sql_log_bin = 0", "INSTALL COMPONENT 'file://component_query_attributes'"]).await?;
        }
    }
    Ok(())
}
