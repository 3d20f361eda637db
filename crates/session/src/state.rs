//! What a session looks like to its client.

use splitfin_backend::{Lease, Values, Wanted};
use splitfin_protocol::session_track::{Change, Changes, TransactionTracking};
use splitfin_protocol::{Outcome, Status};
use splitfin_router::LexMode;
use std::rc::Rc;

/// What a session looks like to its client, by value.
#[derive(Debug)]
pub(crate) struct State {
    /// Variables that differ from those of a fresh connection.
    pub(crate) values: Values,
    pub(crate) database: Option<Rc<str>>,
    pub(crate) multi_statements: bool,
    /// Status flags that outlast a statement.
    pub(crate) status: Status,
    /// What LAST_INSERT_ID() gives.
    pub(crate) last_insert_id: u64,
    /// What `sql_mode` is on a fresh connection.
    fresh_sql_mode: Box<str>,
    fresh_charset: Box<str>,
    pub(crate) lex: LexMode,
    /// What clients of these servers are told of transactions.
    pub(crate) transactions: TransactionTracking,
    pub(crate) serializable: bool,
    pub(crate) read_only: bool,
}

/// What a reply's session-track entries said, beside values and database.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Something changed.
    pub(crate) state_changed: bool,
    /// Variables or the database changed, which explains it.
    pub(crate) explained: bool,
    /// The connection's character set changed, and with it a collation that is not reported.
    pub(crate) charset_changed: bool,
    /// Whether a transaction is open or announced, if that was said.
    pub(crate) transaction_announced: Option<bool>,
}

impl State {
    pub(crate) fn new(database: Option<Rc<str>>, multi_statements: bool) -> Self {
        Self {
            values: Values::default(),
            database,
            multi_statements,
            status: Status::AUTOCOMMIT,
            last_insert_id: 0,
            fresh_sql_mode: Box::default(),
            fresh_charset: Box::default(),
            lex: LexMode::default(),
            transactions: TransactionTracking::default(),
            serializable: false,
            read_only: false,
        }
    }

    /// Learns what a fresh connection of this account is like.
    pub(crate) fn learn_fresh(&mut self, lease: &Lease) {
        self.fresh_sql_mode = lease.fresh_value("sql_mode").unwrap_or_default().into();
        self.fresh_charset = lease.fresh_value("character_set_client").unwrap_or_default().into();
        let tracking = lease.fresh_value("session_track_transaction_info").unwrap_or_default();
        self.transactions = TransactionTracking::from_variable(tracking);
        let autocommit = lease.fresh_value("autocommit").is_none_or(|value| value != "OFF" && value != "0");
        self.status.set(Status::AUTOCOMMIT, autocommit);
        self.update_derived();
    }

    /// What a connection must be like for this session.
    pub(crate) fn wanted(&self, guard: bool, last_insert_id: bool) -> Wanted {
        Wanted {
            values: Rc::clone(&self.values),
            database: self.database.clone(),
            multi_statements: self.multi_statements,
            guard,
            last_insert_id: last_insert_id.then_some(self.last_insert_id),
        }
    }

    /// Back to what the session was right after login; the database stays.
    pub(crate) fn reset(&mut self) {
        self.values = Values::default();
        self.last_insert_id = 0;
        self.status = Status::AUTOCOMMIT;
        self.update_derived();
    }

    /// Takes over what a reply said.
    pub(crate) fn note(&mut self, outcome: &Outcome, lease: &Lease) -> Noted {
        if let Some(status) = outcome.status {
            self.status = status & Status::LASTING;
        }
        if outcome.last_insert_id != 0 {
            self.last_insert_id = outcome.last_insert_id;
        }
        let mut noted = Noted::default();
        // A block that cannot be read further ends here; what was read holds.
        for change in Changes::new(&outcome.changes).map_while(Result::ok) {
            match change {
                // A position of MariaDB, no state of the session: see `consistency`.
                Change::Variable { name: b"last_gtid", .. } => {}
                Change::Variable { name, value } => {
                    noted.explained = true;
                    noted.charset_changed |= name == b"character_set_connection";
                    self.set_value(&String::from_utf8_lossy(name), &String::from_utf8_lossy(value), lease);
                }
                Change::Schema(name) => {
                    noted.explained = true;
                    self.database = (!name.is_empty()).then(|| String::from_utf8_lossy(name).into());
                }
                Change::State(changed) => noted.state_changed |= changed,
                Change::TransactionCharacteristics(text) => noted.transaction_announced = Some(!text.is_empty()),
                Change::Gtids(_) | Change::TransactionState(_) | Change::Unknown(_) => {}
            }
        }
        if noted.explained {
            self.update_derived();
        }
        noted
    }

    /// Sets one value; one that a fresh connection has anyway is no difference.
    pub(crate) fn set_value(&mut self, name: &str, value: &str, lease: &Lease) {
        let values = Rc::make_mut(&mut self.values);
        match lease.fresh_value(name) == Some(value) {
            true => drop(values.remove(name)),
            false => drop(values.insert(name.into(), value.into())),
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| &**value)
    }

    fn update_derived(&mut self) {
        let sql_mode = self.value("sql_mode").unwrap_or(&self.fresh_sql_mode);
        let has = |mode: &str| sql_mode.split(',').any(|word| word.eq_ignore_ascii_case(mode));
        let charset = self.value("character_set_client").unwrap_or(&self.fresh_charset);
        // In these, the second byte of a character can be a backslash or a quote.
        let ambiguous = ["big5", "gbk", "sjis", "cp932", "gb18030"].contains(&charset);
        self.lex = LexMode {
            ansi_quotes: has("ANSI_QUOTES"),
            no_backslash_escapes: has("NO_BACKSLASH_ESCAPES"),
            unprovable: ambiguous || has("ORACLE"),
        };
        let isolation = self.value("transaction_isolation").or_else(|| self.value("tx_isolation"));
        self.serializable = isolation == Some("SERIALIZABLE");
        let read_only = self.value("transaction_read_only").or_else(|| self.value("tx_read_only"));
        self.read_only = read_only.is_some_and(|value| value == "ON" || value == "1");
    }
}
