//! Session-track entries: what an OK packet says has changed in the session.
//!
//! ```text
//! lenenc total | { u8 type | lenenc length | data } …
//! ```
//! Source: `session_tracker.cc` of MySQL and of MariaDB. Unknown types are passed over, as their length is known.

use crate::wire::{Malformed, Reader, WriteExt};

/// One change of session state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// A system variable has a new value.
    Variable {
        /// Its name, lower case.
        name: &'a [u8],
        /// Its value as text. An empty text also stands for NULL.
        value: &'a [u8],
    },
    /// The default database; empty when there is none any more.
    Schema(&'a [u8]),
    /// Something of the session changed (variable, user variable, temporary table, prepared statement, database).
    State(bool),
    /// Transactions that committed (MySQL), as a GTID set in text.
    Gtids(&'a [u8]),
    /// The statements that would start the open or announced transaction again; empty for none.
    TransactionCharacteristics(&'a [u8]),
    /// Eight letters that tell what the open transaction has done.
    TransactionState(&'a [u8]),
    /// A type that is not known here.
    Unknown(u8),
}

/// The entries of one block, in order.
#[derive(Debug, Clone, Copy)]
pub struct Changes<'a> {
    reader: Reader<'a>,
}

impl<'a> Changes<'a> {
    /// `block` is the data behind the total length.
    pub const fn new(block: &'a [u8]) -> Self {
        Self { reader: Reader::new(block) }
    }

    fn entry(&mut self) -> Result<(Change<'a>, u8, &'a [u8]), Malformed> {
        let kind = self.reader.u8("session-track type")?;
        let data = self.reader.lenenc_bytes("session-track entry")?;
        let mut inner = Reader::new(data);
        let change = match kind {
            0 => Change::Variable {
                name: inner.lenenc_bytes("tracked variable's name")?,
                value: inner.lenenc_bytes("tracked variable's value")?,
            },
            1 => Change::Schema(inner.lenenc_bytes("tracked schema")?),
            // The servers write one byte; their manual shows a length in front of it. The last byte holds either way.
            2 => Change::State(data.last() == Some(&b'1')),
            3 => {
                inner.u8("GTID encoding")?;
                Change::Gtids(inner.lenenc_bytes("tracked GTIDs")?)
            }
            4 => Change::TransactionCharacteristics(inner.lenenc_bytes("transaction characteristics")?),
            5 => Change::TransactionState(inner.lenenc_bytes("transaction state")?),
            other => Change::Unknown(other),
        };
        Ok((change, kind, data))
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Result<Change<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let entry = self.entry();
        if entry.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(entry.map(|(change, ..)| change))
    }
}

/// Copies the entries that `keep` accepts, as they stand, into a block of its own (without the total length).
pub fn filter(block: &[u8], mut keep: impl FnMut(&Change<'_>) -> bool) -> Result<Vec<u8>, Malformed> {
    let mut changes = Changes::new(block);
    let mut kept = Vec::new();
    while !changes.reader.is_empty() {
        let (change, kind, data) = changes.entry()?;
        if keep(&change) {
            kept.push(kind);
            kept.put_lenenc_bytes(data);
        }
    }
    Ok(kept)
}

/// What a server tells its clients of transactions by default: nothing, or their state (MySQL 9), or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransactionTracking {
    /// [`Change::TransactionState`]
    pub state: bool,
    /// [`Change::TransactionCharacteristics`]
    pub characteristics: bool,
}

impl TransactionTracking {
    /// From the value of `session_track_transaction_info`.
    pub fn from_variable(value: &str) -> Self {
        let characteristics = value == "CHARACTERISTICS";
        Self { state: characteristics || value == "STATE", characteristics }
    }
}

/// Whether a client of a server with default settings would see `change`: the database, the five variables that both
/// families track by default, and what the server tracks of transactions. What Splitfin switched on for itself stays
/// its own.
pub fn visible_by_default(change: &Change<'_>, transactions: TransactionTracking) -> bool {
    const VARIABLES: [&[u8]; 5] =
        [b"autocommit", b"character_set_client", b"character_set_connection", b"character_set_results", b"time_zone"];
    match change {
        Change::Schema(_) => true,
        Change::Variable { name, .. } => VARIABLES.contains(name),
        Change::TransactionState(_) => transactions.state,
        Change::TransactionCharacteristics(_) => transactions.characteristics,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // MariaDB 10.11: `SET NAMES latin1` with state change tracking on.
    fn block() -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in [("character_set_client", "latin1"), ("sql_mode", "ANSI")] {
            let mut entry = Vec::new();
            entry.put_lenenc_bytes(name.as_bytes());
            entry.put_lenenc_bytes(value.as_bytes());
            block.push(0);
            block.put_lenenc_bytes(&entry);
        }
        block.extend_from_slice(&[2, 1, b'1']);
        block.extend_from_slice(&[1, 5, 4, b's', b'h', b'o', b'p']);
        block
    }

    #[test]
    fn entries_are_read_in_order() {
        let block = block();
        let changes: Result<Vec<_>, _> = Changes::new(&block).collect();
        assert_eq!(
            changes.unwrap(),
            [
                Change::Variable { name: b"character_set_client", value: b"latin1" },
                Change::Variable { name: b"sql_mode", value: b"ANSI" },
                Change::State(true),
                Change::Schema(b"shop"),
            ]
        );
    }

    #[test]
    fn clients_see_only_what_servers_track_by_default() {
        let block = block();
        let kept = filter(&block, |change| visible_by_default(change, TransactionTracking::default())).unwrap();
        let changes: Result<Vec<_>, _> = Changes::new(&kept).collect();
        assert_eq!(
            changes.unwrap(),
            [Change::Variable { name: b"character_set_client", value: b"latin1" }, Change::Schema(b"shop")]
        );
    }

    #[test]
    fn a_block_cut_anywhere_is_an_error_or_shorter() {
        let block = block();
        for end in 0..block.len() {
            let whole = Changes::new(&block[..end]).filter_map(Result::ok).count();
            assert!(whole < 4, "{end}");
        }
    }
}
