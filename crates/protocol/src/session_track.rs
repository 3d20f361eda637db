//! Session-track entries: what an OK packet says has changed in the session.
//!
//! ```text
//! lenenc total | { u8 type | lenenc length | data } …
//! ```
//! Source: `session_tracker.cc` of MySQL and of MariaDB. Unknown types are passed over, as their length is known.

use crate::wire::{Malformed, Reader, WriteExt};
use std::collections::HashMap;

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
    /// `block` is the data after the total length.
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
            // The servers write one byte; their manual shows a length before it. The last byte holds either way.
            2 => Change::State(data.last() == Some(&b'1')),
            3 => {
                inner.u8("GTID encoding")?;
                Change::Gtids(inner.lenenc_bytes("tracked GTIDs")?)
            }
            4 => Change::TransactionCharacteristics(inner.lenenc_bytes("transaction characteristics")?),
            TRANSACTION_STATE => Change::TransactionState(inner.lenenc_bytes("transaction state")?),
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

/// The same changes in less: of what changed several times, the last. Commits that follow each other become one range.
pub fn compact(block: &[u8]) -> Vec<u8> {
    let mut changes = Changes::new(block);
    let mut kept: Vec<(Change<'_>, u8, Vec<u8>)> = Vec::new();
    let mut last: HashMap<(u8, &[u8]), usize> = HashMap::new();
    while !changes.reader.is_empty() {
        // A block that cannot be read further ends here, as it does for all who read it.
        let Ok((change, kind, data)) = changes.entry() else { break };
        let name = match change {
            Change::Variable { name, .. } => name,
            Change::Gtids(gtids) => gtids.split(|byte| *byte == b':').next().unwrap_or_default(),
            Change::Unknown(_) => continue,
            _ => &[],
        };
        let at = last.get(&(kind, name)).copied();
        let merged = match (change, at.and_then(|at| kept.get_mut(at))) {
            (Change::Gtids(gtids), Some((.., before))) => match continued(before, gtids) {
                Some(range) => {
                    *before = range;
                    true
                }
                None => false,
            },
            // That something changed stays true.
            (Change::State(false), Some(_)) => true,
            (_, Some(before)) => {
                *before = (change, kind, data.to_vec());
                true
            }
            (_, None) => false,
        };
        if !merged {
            last.insert((kind, name), kept.len());
            kept.push((change, kind, data.to_vec()));
        }
    }
    let mut out = Vec::with_capacity(block.len() / 2);
    for (_, kind, data) in kept {
        out.push(kind);
        out.put_lenenc_bytes(&data);
    }
    out
}

/// The data of a GTID entry, `before`, with the commit after its last one added: `uuid:7` or `uuid:5-7`, and `uuid:8`.
fn continued(before: &[u8], gtids: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(before);
    let encoding = reader.u8("GTID encoding").ok()?;
    let known = std::str::from_utf8(reader.lenenc_bytes("tracked GTIDs").ok()?).ok()?;
    let (source, range) = known.split_once(':')?;
    let (_, next) = std::str::from_utf8(gtids).ok()?.split_once(':')?;
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (next, end) = next.split_once('-').unwrap_or((next, next));
    if last.parse::<u64>().ok()?.checked_add(1)? != next.parse().ok()? {
        return None;
    }
    let _: u64 = end.parse().ok()?;
    let mut data = vec![encoding];
    data.put_lenenc_bytes(format!("{source}:{first}-{end}").as_bytes());
    Some(data)
}

/// The transaction state that a client was told last; see [`Change::TransactionState`].
pub type ToldState = [u8; 8];

/// No transaction.
pub const NO_TRANSACTION: ToldState = *b"________";

/// Copies the entries that the session's client gets to see into a block of its own (without the total length). The flag
/// says whether the client is told of a change at all, which can be without any entry: MySQL does that where an explicit
/// transaction begins, even inside another one.
pub fn filter(block: &[u8], tracking: &Tracking, told: &mut ToldState) -> Result<(Vec<u8>, bool), Malformed> {
    let mut changes = Changes::new(block);
    let (mut kept, mut begins) = (Vec::new(), false);
    while !changes.reader.is_empty() {
        let (change, kind, data) = changes.entry()?;
        let mut shown = tracking.shows(&change).then(|| data.to_vec());
        if let (Change::TransactionState(state), TransactionTracking::Explicit) = (change, tracking.transaction) {
            shown = explicit(state, told).then(|| [&[8], &told[..]].concat());
        }
        if let Change::TransactionCharacteristics(text) = change {
            let starts = text.windows(START.len()).any(|window| window == START);
            begins |= tracking.transaction == TransactionTracking::Explicit && starts;
        }
        if let Some(data) = shown {
            kept.push(kind);
            kept.put_lenenc_bytes(&data);
        }
    }
    let flag = (begins && told[0] == b'T') || !kept.is_empty();
    Ok((kept, flag))
}

/// The type of the entry that tells a transaction's state.
const TRANSACTION_STATE: u8 = 5;

/// An entry that tells a transaction's state.
pub(crate) fn transaction_state(state: &ToldState) -> Vec<u8> {
    let mut entry = vec![TRANSACTION_STATE];
    entry.put_lenenc_bytes(&[&[8], &state[..]].concat());
    entry
}

const START: &[u8] = b"START TRANSACTION";

/// Whether a client is told of this state that is only told of explicit transactions: when one begins or ends, or
/// follows on another that began with a snapshot. What statements do inside is not told.
fn explicit(state: &[u8], told: &mut ToldState) -> bool {
    const BEGUN: &[u8] = b"T_______";
    let state = match state.first_chunk() {
        Some(state) if state[0] == b'T' => state,
        _ => &NO_TRANSACTION,
    };
    let news = state[0] != told[0] || (state == BEGUN && told != BEGUN);
    if news {
        *told = *state;
    }
    news
}

/// How much a client is told of its transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransactionTracking {
    /// Nothing: MariaDB, with `session_track_transaction_info` off.
    #[default]
    Nothing,
    /// Where an explicit one begins and ends: MySQL, with that variable off (seen in 9.7).
    Explicit,
    /// [`Change::TransactionState`]
    State,
    /// [`Change::TransactionState`] and [`Change::TransactionCharacteristics`]
    Characteristics,
}

/// What a session wants to be told: the values of its `session_track_*` variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tracking {
    /// Names of variables, lower case; `*` among them for all.
    pub variables: Vec<Box<[u8]>>,
    /// [`Change::Schema`]
    pub schema: bool,
    /// [`Change::State`]
    pub state: bool,
    /// [`Change::Gtids`]
    pub gtids: bool,
    /// Transactions.
    pub transaction: TransactionTracking,
}

impl Tracking {
    /// From the variables' values, by name.
    pub fn from_settings<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Self {
        let on = |name| value(name).is_some_and(|value| value == "ON" || value == "1");
        let list = value("session_track_system_variables").unwrap_or_default();
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        // Only MySQL has it.
        let gtids = value("session_track_gtids");
        let transaction = match value("session_track_transaction_info") {
            Some("CHARACTERISTICS") => TransactionTracking::Characteristics,
            Some("STATE") => TransactionTracking::State,
            _ if gtids.is_some() => TransactionTracking::Explicit,
            _ => TransactionTracking::Nothing,
        };
        Self {
            variables: names.map(|name| name.to_ascii_lowercase().into_bytes().into()).collect(),
            schema: on("session_track_schema"),
            state: on("session_track_state_change"),
            gtids: gtids.is_some_and(|value| value != "OFF"),
            transaction,
        }
    }

    /// For replies of a server that was told itself what the client wants.
    pub fn everything() -> Self {
        let (variables, schema, state, gtids) = (vec![(*b"*").into()], true, true, true);
        Self { variables, schema, state, gtids, transaction: TransactionTracking::Characteristics }
    }

    /// Whether the session's client gets to see `change`. What Splitfin had reported for itself stays its own, and so
    /// does the wish of a server that clients go elsewhere.
    pub fn shows(&self, change: &Change<'_>) -> bool {
        match change {
            Change::Variable { name: b"redirect_url", .. } => false,
            Change::Variable { name, .. } => self.variables.iter().any(|known| **known == **name || **known == *b"*"),
            Change::Schema(_) => self.schema,
            Change::State(_) => self.state,
            Change::Gtids(_) => self.gtids,
            Change::TransactionState(_) => {
                matches!(self.transaction, TransactionTracking::State | TransactionTracking::Characteristics)
            }
            Change::TransactionCharacteristics(_) => self.transaction == TransactionTracking::Characteristics,
            Change::Unknown(_) => false,
        }
    }
}

/// What servers of both families track for clients that set nothing, transactions aside.
pub fn tracked_by_default() -> Tracking {
    Tracking::from_settings(|name| match name {
        "session_track_schema" => Some("ON"),
        "session_track_system_variables" => {
            Some("autocommit,character_set_client,character_set_connection,character_set_results,time_zone")
        }
        _ => None,
    })
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
    fn many_changes_become_the_last_of_each() {
        let entry = |kind: u8, data: &[u8]| {
            let mut entry = vec![kind];
            entry.put_lenenc_bytes(data);
            entry
        };
        let gtid = |text: &str| entry(3, &[&[0, text.len() as u8], text.as_bytes()].concat());
        let variable = |value: &str| entry(0, &[b"\x01a".as_slice(), &[value.len() as u8], value.as_bytes()].concat());
        let all = [
            variable("1"),
            gtid("u:7"),
            entry(2, b"1"),
            gtid("u:8"),
            variable("2"),
            gtid("v:1"),
            gtid("u:9-11"),
            entry(2, b"0"),
            gtid("u:20"),
            variable("3"),
            entry(77, b"what"),
        ]
        .concat();
        let compacted = compact(&all);
        let changes: Result<Vec<_>, _> = Changes::new(&compacted).collect();
        let expected = [
            Change::Variable { name: b"a", value: b"3" },
            Change::Gtids(b"u:7-11"),
            Change::State(true),
            Change::Gtids(b"v:1"),
            Change::Gtids(b"u:20"),
        ];
        assert_eq!(changes.unwrap(), expected);
        assert_eq!(compact(&compacted), compacted);
        assert_eq!(compact(&[all.clone(), vec![0, 200]].concat()), compacted, "what cannot be read is left out");
    }

    #[test]
    fn clients_see_only_what_servers_track_by_default() {
        let block = block();
        let (kept, _) = filter(&block, &tracked_by_default(), &mut NO_TRANSACTION.clone()).unwrap();
        let changes: Result<Vec<_>, _> = Changes::new(&kept).collect();
        assert_eq!(
            changes.unwrap(),
            [Change::Variable { name: b"character_set_client", value: b"latin1" }, Change::Schema(b"shop")]
        );
    }

    #[test]
    fn mysql_tells_where_explicit_transactions_begin_and_end() {
        let tracking = Tracking { transaction: TransactionTracking::Explicit, ..tracked_by_default() };
        let mut last = NO_TRANSACTION;
        let mut told = |state: &[u8; 8]| {
            let block = [&[5, 9, 8][..], state].concat();
            let (kept, _) = filter(&block, &tracking, &mut last).unwrap();
            (!kept.is_empty()).then(|| String::from_utf8_lossy(&kept[3..]).into_owned())
        };
        assert_eq!(told(b"I_R_____"), None);
        assert_eq!(told(b"T_______").as_deref(), Some("T_______"));
        assert_eq!(told(b"T_R___S_"), None);
        assert_eq!(told(b"T_______"), None, "COMMIT AND CHAIN");
        assert_eq!(told(b"________").as_deref(), Some("________"));
        assert_eq!(told(b"T_R_____").as_deref(), Some("T_R_____"), "WITH CONSISTENT SNAPSHOT");
        assert_eq!(told(b"T_______").as_deref(), Some("T_______"), "COMMIT AND CHAIN");
        assert_eq!(told(b"I_R_____").as_deref(), Some("________"));
    }

    #[test]
    fn a_client_sees_what_it_asked_for_and_no_redirection() {
        let settings = [("session_track_system_variables", "Sql_Mode, wait_timeout"), ("session_track_gtids", "OFF")];
        let tracking =
            Tracking::from_settings(|name| settings.iter().find(|(known, _)| *known == name).map(|(_, v)| *v));
        let shows = |name: &'static [u8]| tracking.shows(&Change::Variable { name, value: b"" });
        assert!(shows(b"sql_mode") && shows(b"wait_timeout") && !shows(b"autocommit"));
        assert!(!tracking.shows(&Change::Gtids(b"")) && !tracking.shows(&Change::Schema(b"")));
        let all = Tracking::from_settings(|_| Some("*"));
        assert!(all.shows(&Change::Variable { name: b"statement_id", value: b"" }));
        assert!(!all.shows(&Change::Variable { name: b"redirect_url", value: b"" }));
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
