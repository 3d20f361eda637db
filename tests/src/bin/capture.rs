//! Records what real servers say, as golden bytes for the protocol's tests: greeting, and the replies to one command
//! after another, once for each set of capabilities.
//!
//! `cargo run -p splitfin-tests --bin capture` starts the servers and writes `crates/protocol/golden/*.txt`.

use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_tests::raw::RawClient;
use splitfin_tests::{Cluster, Family, Told};
use std::fmt::Write as _;

/// A command's byte, its arguments, and what it shows.
type Asked = (CommandByte, Vec<u8>, &'static str);

fn commands() -> Vec<Asked> {
    let sql = |text: &'static str| (CommandByte::Query, text.as_bytes().to_vec(), text);
    let execute =
        |flags: u8, note| (CommandByte::StmtExecute, [&1u32.to_le_bytes()[..], &[flags, 1, 0, 0, 0]].concat(), note);
    vec![
        (CommandByte::Ping, vec![], "COM_PING"),
        (CommandByte::InitDb, b"shop".to_vec(), "COM_INIT_DB shop"),
        (CommandByte::InitDb, b"nowhere".to_vec(), "COM_INIT_DB nowhere"),
        sql("CREATE TABLE golden (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(20))"),
        sql("INSERT INTO golden (a) VALUES ('x'), (NULL), ('')"),
        sql("SELECT * FROM golden"),
        sql("SELECT * FROM golden WHERE id < 0"),
        sql("SELECT a FROM golden WHERE id = 3"),
        sql("UPDATE golden SET a = 'y' WHERE id = 1"),
        sql("SELECT * FROM missing"),
        sql("SELECT 1/0"),
        sql("SHOW WARNINGS"),
        sql("BEGIN"),
        sql("SELECT id FROM golden WHERE id = 1"),
        sql("COMMIT"),
        sql("SET NAMES latin1"),
        sql("SET NAMES utf8mb4"),
        sql("SET autocommit = 0"),
        sql("SET autocommit = 1"),
        sql("USE shop"),
        sql("SELECT 1; SELECT 2, 3; DO 0"),
        sql("SELECT 1; SELECT * FROM missing; SELECT 3"),
        sql("CREATE PROCEDURE golden_two() BEGIN SELECT 1; SELECT a FROM golden; END"),
        sql("CALL golden_two()"),
        (CommandByte::StmtPrepare, b"SELECT id, a FROM golden WHERE id > 0".to_vec(), "prepare without parameters"),
        execute(0, "execute"),
        execute(1, "execute with a cursor"),
        (CommandByte::StmtFetch, [1u32.to_le_bytes(), 2u32.to_le_bytes()].concat(), "fetch 2"),
        (CommandByte::StmtFetch, [1u32.to_le_bytes(), 9u32.to_le_bytes()].concat(), "fetch the rest"),
        (CommandByte::StmtReset, 1u32.to_le_bytes().to_vec(), "COM_STMT_RESET"),
        (CommandByte::StmtPrepare, b"SELECT ?, ?, a FROM golden".to_vec(), "prepare with parameters"),
        (CommandByte::StmtPrepare, b"DO ?".to_vec(), "prepare without columns"),
        (CommandByte::StmtPrepare, b"SELEKT".to_vec(), "prepare with an error"),
        (CommandByte::FieldList, b"golden\0".to_vec(), "COM_FIELD_LIST"),
        (CommandByte::SetOption, vec![1, 0], "COM_SET_OPTION"),
        (CommandByte::ResetConnection, vec![], "COM_RESET_CONNECTION"),
        sql("DROP PROCEDURE shop.golden_two"),
        sql("DROP TABLE shop.golden"),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn record(port: u16, wanted: Capabilities) -> Result<String, Box<dyn std::error::Error>> {
    let (mut client, greeting) = RawClient::log_in(port, "root", "", None, wanted)?;
    let mut out = format!("# capabilities {:08x}\ngreeting {}\n", wanted.bits(), hex(&greeting));
    let mut last_statement = 0u32;
    for (command, argument, note) in commands() {
        let mut argument = argument;
        if matches!(command, CommandByte::StmtExecute | CommandByte::StmtFetch | CommandByte::StmtReset) {
            argument[..4].copy_from_slice(&last_statement.to_le_bytes());
        }
        client.send(0, &[&[command as u8], &argument[..]].concat())?;
        let (outcome, reply) = client.reply(command)?;
        if let (Some(prepared), 0) = (outcome.prepared, last_statement) {
            last_statement = prepared.statement;
        }
        let _ = writeln!(out, "{:02x} {} # {note}", command as u8, hex(&reply));
    }
    Ok(out)
}

async fn capture() -> Told {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/protocol/golden");
    let shapes = [
        ("classic", Capabilities::empty()),
        ("classic-tracking", Capabilities::SESSION_TRACK),
        ("deprecate-eof", Capabilities::DEPRECATE_EOF),
        ("modern", Capabilities::DEPRECATE_EOF | Capabilities::SESSION_TRACK),
    ];
    for family in Family::ALL {
        let cluster = Cluster::start(family, 0).await?;
        let version = cluster.primary.root().await?.server_version();
        for (name, wanted) in shapes {
            let text = record(cluster.primary.port(), wanted)?;
            let file = format!("{}-{}.{}.{}-{name}.txt", family.name(), version.0, version.1, version.2);
            std::fs::write(folder.join(file), text)?;
        }
    }
    Ok(())
}

fn main() {
    splitfin_tests::block_on(capture());
}
