//! Replies as text, so that two of them can be compared and a difference can be read.

use crate::raw::Broken;
use splitfin_protocol::exchange::{Group, Part};
use splitfin_protocol::packet::ErrPacket;
use splitfin_protocol::session_track::{Change, Changes};
use splitfin_protocol::{Malformed, Reader, Status};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Connection ids by the name of their session.
pub(crate) type Ids = BTreeMap<char, u32>;

/// One packet.
pub(crate) fn packet(part: &Part<'_>, payload: &[u8], binary: bool, ids: &Ids) -> Result<String, Broken> {
    Ok(match part {
        Part::Ok(ok) | Part::RowsEnd(ok) => {
            let name = if matches!(part, Part::Ok(_)) { "ok" } else { "end" };
            let untold = if payload.len() == 5 { Status::SESSION_STATE_CHANGED } else { Status::empty() };
            let status = ok.status - of_the_server() - untold;
            let mut text = format!("{name} status={status:?} warnings={}", ok.warnings);
            if matches!(part, Part::Ok(_)) || ok.affected_rows + ok.last_insert_id > 0 {
                let _ = write!(text, " affected={} id={}", ok.affected_rows, ok.last_insert_id);
            }
            let _ = write!(text, " info={:?} changes={:?}", String::from_utf8_lossy(ok.info), changes(ok.changes)?);
            text
        }
        Part::Error => {
            let error = ErrPacket::parse(payload)?;
            let message = hide_statement(&hide(&String::from_utf8_lossy(&error.message), ids));
            format!("error {} {} {message}", error.code, String::from_utf8_lossy(&error.state))
        }
        Part::Header => format!("columns {}", hex(payload)),
        Part::Prepared => format!("prepared {}", hex(payload.get(5..).unwrap_or_default())),
        Part::Definition { closes } => {
            let group = match closes {
                Some(Group::Parameters) => " (last parameter)",
                Some(Group::PreparedColumns | Group::ResultColumns) => " (last column)",
                None => "",
            };
            format!("column {}{group}", definition(payload)?)
        }
        Part::DefinitionsEnd => {
            let status = payload.get(3..5).and_then(|status| status.first_chunk()).copied().unwrap_or_default();
            let status = Status::from_bits_retain(u16::from_le_bytes(status));
            format!("eof status={:?}", status - of_the_server() - Status::SESSION_STATE_CHANGED)
        }
        Part::Row if binary => format!("row {}", hide_binary(payload, ids)),
        Part::Row => format!("row {}", hide(&text_row(payload), ids)),
        Part::Continuation => format!("more {}", hex(payload)),
        Part::LocalInfile => format!("file {}", String::from_utf8_lossy(payload.get(1..).unwrap_or_default())),
    } + "\n")
}

/// How the server went about it: no index used, a bad one used, slow. And, in an EOF, that something of the session has
/// changed, of which an EOF cannot tell more.
fn of_the_server() -> Status {
    Status::from_bits_retain(0x0830)
}

/// Connection ids are the one thing that may differ.
fn hide(text: &str, ids: &Ids) -> String {
    ids.iter().fold(text.to_owned(), |text, (name, id)| {
        let (value, named) = (format!("\"{id}\""), format!("id: {id}"));
        text.replace(&value, &format!("<id of {name}>")).replace(&named, &format!("<id of {name}>"))
    })
}

/// The server's number of a statement.
fn hide_statement(text: &str) -> String {
    let Some((front, rest)) = text.split_once("The statement (") else { return text.to_owned() };
    let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    format!("{front}The statement (<id>{rest}")
}

/// As a number, as a text, and after `id: `.
fn hide_binary(payload: &[u8], ids: &Ids) -> String {
    ids.iter().fold(hex(payload), |text, (name, id)| {
        let named = format!("<id of {name}>");
        let forms =
            [id.to_string(), format!("id: {id}")].map(|form| format!("{:02x}{}", form.len(), hex(form.as_bytes())));
        let text = forms.iter().fold(text, |text, form| text.replace(form, &named));
        text.replace(&hex(&id.to_le_bytes()), &named)
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn definition(payload: &[u8]) -> Result<String, Malformed> {
    let mut reader = Reader::new(payload);
    let mut names = Vec::new();
    for field in ["catalog", "schema", "table", "original table", "name", "original name"] {
        names.push(String::from_utf8_lossy(reader.lenenc_bytes(field)?).into_owned());
    }
    Ok(format!("{names:?} {}", hex(reader.rest())))
}

fn text_row(payload: &[u8]) -> String {
    let mut reader = Reader::new(payload);
    let mut values = Vec::new();
    while !reader.is_empty() {
        if reader.peek() == Some(0xFB) {
            let _ = reader.u8("NULL");
            values.push("NULL".to_owned());
            continue;
        }
        match reader.lenenc_bytes("value") {
            Ok(value) if value.len() > 400 => values.push(format!("{} bytes", value.len())),
            Ok(value) => values.push(format!("{:?}", String::from_utf8_lossy(value))),
            Err(_) => break,
        }
    }
    values.join(", ")
}

/// In order of names: MariaDB's comes from a hash table.
fn changes(block: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut changes: Vec<String> = Changes::new(block)
        .map(|change| {
            Ok(match change? {
                Change::Variable { name: b"statement_id", .. } => "statement_id=<id>".to_owned(),
                Change::Variable { name, value } => {
                    format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
                }
                Change::Schema(name) => format!("schema {}", String::from_utf8_lossy(name)),
                Change::TransactionState(state) => format!("transaction {}", String::from_utf8_lossy(state)),
                Change::TransactionCharacteristics(text) => {
                    format!("characteristics {}", String::from_utf8_lossy(text))
                }
                Change::State(changed) => format!("state {changed}"),
                Change::Gtids(text) => format!("gtids ({} bytes)", text.len().min(1)),
                Change::Unknown(kind) => format!("unknown {kind}"),
            })
        })
        .collect::<Result<_, _>>()?;
    changes.sort();
    Ok(changes)
}
