//! Ids of connections in result sets: what servers say of their own connections becomes what it is of sessions.
//!
//! Columns are found by where they come from, which their definitions tell: `information_schema.PROCESSLIST.ID` and the like,
//! whatever they are called in the statement. What is computed from them is not known to be an id.

use crate::capability::Capabilities;
use crate::wire::{Malformed, Reader, WriteExt};
use std::collections::HashMap;
use std::rc::Rc;

/// What is to be done to the rows of one reply.
#[derive(Debug, Clone)]
pub struct ThreadIds {
    /// The session's id, by the server's id of the connection that it uses.
    pub sessions: Rc<HashMap<u64, u64>>,
    /// Rows that come after the server's, as texts: of sessions that are elsewhere. They are for a SHOW PROCESSLIST, whose
    /// columns come from no table.
    pub more: Option<Vec<Vec<Option<String>>>>,
    /// Rows are binary: a prepared statement's.
    pub binary: bool,
    /// What was agreed with the server.
    pub capabilities: Capabilities,
}

/// One column: its type, and whether it holds ids. Source of the types: `enum_field_types` in `field_types.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    kind: u8,
    is_id: bool,
}

/// [`ThreadIds`] at work: the columns so far.
#[derive(Debug, Clone)]
pub(crate) struct Rewriting {
    ids: ThreadIds,
    columns: Vec<Column>,
}

impl Rewriting {
    pub(crate) const fn new(ids: ThreadIds) -> Self {
        Self { ids, columns: Vec::new() }
    }

    /// Another result begins.
    pub(crate) fn begin(&mut self) {
        self.columns.clear();
    }

    /// Takes a column definition in. One that cannot be read is no id's.
    pub(crate) fn definition(&mut self, payload: &[u8]) {
        let shown = self.ids.more.is_some() && self.columns.is_empty();
        let column = column(payload, self.ids.capabilities, shown);
        self.columns.push(column.unwrap_or(Column { kind: TEXT, is_id: false }));
    }

    /// The row with the sessions' ids; nothing, if that is how it came.
    pub(crate) fn row(&self, payload: &[u8]) -> Option<Vec<u8>> {
        if !self.columns.iter().any(|column| column.is_id) {
            return None;
        }
        let rewritten = if self.ids.binary { self.binary(payload) } else { self.text(payload) };
        rewritten.ok().filter(|row| row != payload)
    }

    /// The rows that come after the server's, once.
    pub(crate) fn more(&mut self) -> Vec<Vec<u8>> {
        let rows = self.ids.more.take().unwrap_or_default();
        rows.iter().map(|row| if self.ids.binary { self.encode_binary(row) } else { encode_text(row) }).collect()
    }

    fn session(&self, thread: u64) -> Option<u64> {
        self.ids.sessions.get(&thread).copied()
    }

    fn text(&self, payload: &[u8]) -> Result<Vec<u8>, Malformed> {
        let (mut reader, mut out) = (Reader::new(payload), Vec::with_capacity(payload.len() + 8));
        for column in &self.columns {
            if reader.peek() == Some(NULL) {
                out.push(reader.u8("NULL")?);
                continue;
            }
            let value = reader.lenenc_bytes("value")?;
            let digits = std::str::from_utf8(value).ok().filter(|_| column.is_id);
            match digits.and_then(|digits| self.session(digits.parse().ok()?)) {
                Some(session) => out.put_lenenc_bytes(session.to_string().as_bytes()),
                None => out.put_lenenc_bytes(value),
            }
        }
        reader.finish("row")?;
        Ok(out)
    }

    /// `0x00 | null bitmap (n + 9) / 8 | values`
    fn binary(&self, payload: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut reader = Reader::new(payload);
        let mut out = vec![reader.u8("row header")?];
        let nulls = reader.bytes((self.columns.len() + 9) / 8, "null bitmap")?;
        out.extend_from_slice(nulls);
        for (at, column) in self.columns.iter().enumerate() {
            if nulls.get((at + 2) / 8).is_some_and(|byte| byte & (1 << ((at + 2) % 8)) != 0) {
                continue;
            }
            match (column.kind, column.is_id) {
                (8, true) => {
                    let thread = reader.u64("value")?;
                    out.extend_from_slice(&self.session(thread).unwrap_or(thread).to_le_bytes());
                }
                (3, true) => {
                    let thread = reader.u32("value")?;
                    let session = self.session(thread.into()).and_then(|session| session.try_into().ok());
                    out.put_u32(session.unwrap_or(thread));
                }
                (kind, _) => match fixed(kind) {
                    Some(length) => out.extend_from_slice(reader.bytes(length, "value")?),
                    None => out.put_lenenc_bytes(reader.lenenc_bytes("value")?),
                },
            }
        }
        reader.finish("row")?;
        Ok(out)
    }

    fn encode_binary(&self, row: &[Option<String>]) -> Vec<u8> {
        let mut nulls = vec![0; (self.columns.len() + 9) / 8];
        let mut values = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let Some(value) = row.get(at).and_then(Option::as_deref) else {
                nulls[(at + 2) / 8] |= 1 << ((at + 2) % 8);
                continue;
            };
            let number = value.parse::<u64>().unwrap_or_default();
            match (column.kind, fixed(column.kind)) {
                (4, _) => values.extend_from_slice(&value.parse::<f32>().unwrap_or_default().to_le_bytes()),
                (5, _) => values.extend_from_slice(&value.parse::<f64>().unwrap_or_default().to_le_bytes()),
                (_, Some(length)) => values.extend_from_slice(number.to_le_bytes().get(..length).unwrap_or_default()),
                (_, None) => values.put_lenenc_bytes(value.as_bytes()),
            }
        }
        [&[0], &nulls[..], &values].concat()
    }
}

fn encode_text(row: &[Option<String>]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in row {
        match value {
            Some(value) => out.put_lenenc_bytes(value.as_bytes()),
            None => out.push(NULL),
        }
    }
    out
}

fn column(payload: &[u8], capabilities: Capabilities, shown: bool) -> Result<Column, Malformed> {
    let mut reader = Reader::new(payload);
    for name in ["catalog", "schema", "table"] {
        reader.lenenc_bytes(name)?;
    }
    let table = reader.lenenc_bytes("original table")?.to_ascii_lowercase();
    let name = reader.lenenc_bytes("name")?;
    let original = reader.lenenc_bytes("original name")?.to_ascii_lowercase();
    if capabilities.contains(Capabilities::EXTENDED_METADATA) {
        reader.lenenc_bytes("extended type")?;
    }
    reader.u8("length of the fixed part")?;
    reader.u16("collation")?;
    reader.u32("column length")?;
    let kind = reader.u8("column type")?;
    let is_id = match (&*table, &*original) {
        (b"processlist", b"id" | b"conn_id") | (b"threads", b"processlist_id") => true,
        (b"innodb_trx", b"trx_mysql_thread_id") | (b"session", b"conn_id") => true,
        (b"", b"") => shown && name.eq_ignore_ascii_case(b"id"),
        _ => false,
    };
    Ok(Column { kind, is_id })
}

/// How long a binary value of this type is, where all of them are the same. The others say it themselves, dates in one byte,
/// which a short length-encoded number is too.
const fn fixed(kind: u8) -> Option<usize> {
    match kind {
        1 => Some(1),
        2 | 13 => Some(2),
        3 | 4 | 9 => Some(4),
        5 | 8 => Some(8),
        6 => Some(0),
        _ => None,
    }
}

/// NULL in a row of texts.
const NULL: u8 = 0xFB;
/// VAR_STRING
const TEXT: u8 = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(table: &str, name: &str, original: &str, kind: u8) -> Vec<u8> {
        let mut out = Vec::new();
        for text in ["def", "information_schema", "p", table, name, original] {
            out.put_lenenc_bytes(text.as_bytes());
        }
        out.push(0x0C);
        out.put_u16(63);
        out.put_u32(21);
        out.push(kind);
        out.extend_from_slice(&[0; 5]);
        out
    }

    fn rewriting(binary: bool, columns: &[Vec<u8>], more: Option<Vec<Vec<Option<String>>>>) -> Rewriting {
        let sessions = Rc::new(HashMap::from([(12, 1_000_000_007)]));
        let ids = ThreadIds { sessions, more, binary, capabilities: Capabilities::empty() };
        let mut rewriting = Rewriting::new(ids);
        columns.iter().for_each(|column| rewriting.definition(column));
        rewriting
    }

    fn columns() -> Vec<Vec<u8>> {
        vec![
            definition("PROCESSLIST", "u", "USER", 253),
            definition("PROCESSLIST", "x", "ID", 8),
            definition("orders", "id", "id", 8),
        ]
    }

    #[test]
    fn ids_are_found_by_where_they_come_from() {
        let text = rewriting(false, &columns(), None);
        assert_eq!(text.row(b"\x03app\x0212\x0212").as_deref(), Some(&b"\x03app\x0a1000000007\x0212"[..]));
        assert_eq!(text.row(b"\x03app\x0213\x0212"), None, "no session's");
        assert_eq!(text.row(b"\xFB\xFB\xFB"), None);
        let row = |id: u64| [&[0, 0, 3, b'a', b'p', b'p'][..], &id.to_le_bytes(), &12u64.to_le_bytes()].concat();
        let binary = rewriting(true, &columns(), None);
        assert_eq!(binary.row(&row(12)), Some(row(1_000_000_007)));
        assert_eq!(binary.row(&row(13)), None);
        assert_eq!(rewriting(false, &[definition("", "Id", "", 8)], None).row(b"\x0212"), None, "any expression");
    }

    #[test]
    fn what_a_list_lacks_comes_after_it() {
        let more = vec![vec![Some("1000000009".to_owned()), None]];
        let shown = [definition("", "Id", "", 8), definition("", "Info", "", 253)];
        let mut text = rewriting(false, &shown, Some(more.clone()));
        assert_eq!(text.row(b"\x0212\xFB").as_deref(), Some(&b"\x0a1000000007\xFB"[..]));
        assert_eq!(text.more(), [b"\x0a1000000009\xFB".to_vec()]);
        assert!(text.more().is_empty(), "once");
        let mut binary = rewriting(true, &shown, Some(more));
        assert_eq!(binary.more(), [[&[0, 0b1000][..], &1_000_000_009u64.to_le_bytes()].concat()]);
    }

    proptest::proptest! {
        #[test]
        fn no_row_and_no_definition_panics(definitions: Vec<Vec<u8>>, row: Vec<u8>, binary: bool) {
            let all = [definitions, columns()].concat();
            let _ = rewriting(binary, &all, None).row(&row);
        }
    }
}
