//! What a session looks like to its client.

use crate::count::Count;
use crate::found_rows::{Before, Found, found_rows};
use splitfin_backend::{AtLogin, BackendError, Began, Lease, Values, Wanted};
use splitfin_protocol::session_track::{Change, Changes, NO_TRANSACTION, ToldState, Tracking};
use splitfin_protocol::{CommandByte, Outcome, Status};
use splitfin_router::{Asks, Class, Known, Leaves, LexMode, Statement, Verb};
use std::rc::Rc;

/// What a session looks like to its client, by value.
#[derive(Debug)]
pub(crate) struct State {
    /// Variables that differ from what they were when the session began.
    pub(crate) values: Values,
    /// User variables that are not NULL, and expressions that give their values.
    pub(crate) user_variables: Values,
    pub(crate) database: Option<Rc<str>>,
    pub(crate) multi_statements: bool,
    /// Status flags that outlast a statement.
    pub(crate) status: Status,
    /// What LAST_INSERT_ID() gives.
    pub(crate) last_insert_id: Count<u64>,
    /// What ROW_COUNT() gives.
    pub(crate) row_count: Count<i64>,
    /// What FOUND_ROWS() gives.
    pub(crate) found_rows: Count<u64>,
    /// What it gave before the statement that may have left it at that.
    found_before: Before,
    /// What MariaDB's `@@last_gtid` gives.
    last_gtid: Box<str>,
    /// What variables were when the session began, and when that was.
    fresh: Values,
    pub(crate) began: Option<Began>,
    /// The changes of accounts and databases that it has to see: no connection from before one serves it.
    pub(crate) rights: u64,
    /// Those of its login.
    pub(crate) at_login: AtLogin,
    /// The active roles, as SET ROLE takes them. A reset leaves them.
    pub(crate) role: Rc<str>,
    /// What a reset makes of the character set.
    after_reset: Values,
    /// Whether the servers are MySQL's.
    pub(crate) mysql: bool,
    pub(crate) lex: LexMode,
    /// Which changes the client is told.
    pub(crate) tracking: Rc<Tracking>,
    /// The transaction state that the client was told last.
    pub(crate) told: ToldState,
    /// Session-track entries that the client was not told yet.
    pub(crate) pending: Vec<u8>,
    pub(crate) serializable: bool,
    pub(crate) read_only: bool,
}

/// What a reply's session-track entries said, besides values and database.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    /// Something changed.
    pub(crate) state_changed: bool,
    /// Variables changed.
    pub(crate) variables: bool,
    /// The database changed. Routines of another one report that too, as they come and go.
    pub(crate) database: bool,
    /// A character set changed, and with it collations that are not reported.
    pub(crate) charset_changed: bool,
    /// Whether a transaction is open or announced, if that was said.
    pub(crate) transaction_announced: Option<bool>,
}

impl State {
    pub(crate) fn new(database: Option<Rc<str>>, multi_statements: bool) -> Self {
        Self {
            values: Values::default(),
            user_variables: Values::default(),
            database,
            multi_statements,
            status: Status::AUTOCOMMIT,
            last_insert_id: Count::Known(0),
            row_count: Count::Known(0),
            found_rows: Count::Known(0),
            found_before: Before::Gone,
            last_gtid: Box::default(),
            fresh: Values::default(),
            began: None,
            rights: 0,
            at_login: AtLogin::default(),
            role: Rc::from(""),
            after_reset: Values::default(),
            mysql: false,
            lex: LexMode::default(),
            tracking: Rc::default(),
            told: NO_TRANSACTION,
            pending: Vec::new(),
            serializable: false,
            read_only: false,
        }
    }

    /// Learns what a fresh connection of this account is like.
    pub(crate) fn learn_fresh(&mut self, lease: &Lease) {
        self.fresh = Rc::clone(lease.own_values());
        self.began = Some(lease.began());
        self.rights = self.rights.max(lease.rights());
        if self.role.is_empty() {
            self.role = lease.own_role().cloned().unwrap_or_else(|| Rc::clone(&self.role));
        }
        self.after_reset = Rc::clone(lease.values_after_reset());
        // Only they have this variable.
        self.mysql = self.fresh.contains_key("session_track_gtids");
        self.update_derived();
        self.status = self.fresh_status();
    }

    /// Status flags of a session in which nothing has happened.
    fn fresh_status(&self) -> Status {
        let mut status = Status::empty();
        status.set(Status::AUTOCOMMIT, self.value("autocommit").is_none_or(|value| value != "OFF" && value != "0"));
        status
    }

    /// What a connection must be like for this session.
    pub(crate) fn wanted(&self, guard: bool) -> Wanted {
        Wanted {
            fresh: Rc::clone(&self.fresh),
            values: Rc::clone(&self.values),
            user_variables: Rc::clone(&self.user_variables),
            database: self.database.clone(),
            multi_statements: self.multi_statements,
            guard,
            last_insert_id: None,
            role: (!self.role.is_empty()).then(|| Rc::clone(&self.role)),
        }
    }

    /// Back to what a reset makes of a session; the database stays.
    pub(crate) fn reset(&mut self) {
        self.values = Values::default();
        self.user_variables = Values::default();
        for (name, value) in &*Rc::clone(&self.after_reset) {
            self.set_value(name, value);
        }
        self.last_insert_id = Count::Known(0);
        (self.row_count, self.found_rows) = (Count::Known(0), Count::Known(0));
        self.told = NO_TRANSACTION;
        self.pending.clear();
        self.update_derived();
        self.status = self.fresh_status();
    }

    /// What the next statement may ask of this one.
    /// `skipped`: the rows that the query left out in front, if that is certain.
    pub(crate) fn note_counts(
        &mut self,
        outcome: &Outcome,
        statement: &Statement,
        command: CommandByte,
        skipped: Option<u64>,
    ) {
        let keeps_rows = statement.class == Class::Diagnostics && statement.verb == Verb::Get;
        self.row_count = match (outcome.error.is_some() || outcome.ends_with_rows, command) {
            (true, _) => Count::Known(-1),
            // It fails with a warning.
            _ if keeps_rows && outcome.warnings > 0 => Count::Known(-1),
            _ if keeps_rows => self.row_count,
            // The reply has the sum, but the last row counts.
            (false, CommandByte::StmtBulkExecute) => Count::OnConnection,
            (false, _) => Count::Known(i64::try_from(outcome.affected_rows).unwrap_or(-1)),
        };
        match found_rows(statement.found_rows(self.mysql), outcome) {
            Found::Kept => {}
            Found::Rows(_) if statement.leaves.contains(Leaves::CALC_FOUND_ROWS) => {
                (self.found_rows, self.found_before) = (Count::OnConnection, Before::Gone);
            }
            Found::Rows(rows) if statement.leaves.contains(Leaves::SKIPS_ROWS) => {
                // Of a query that gives none, nothing tells how many there were to be left out.
                let all = skipped.filter(|_| rows > 0).map(|skipped| skipped.saturating_add(rows));
                (self.found_rows, self.found_before) = (all.map_or(Count::OnConnection, Count::Known), Before::Gone);
            }
            Found::Rows(rows) => self.found_rows = Count::Known(rows),
            Found::Unknown => self.found_before = Before::of(self.found_rows.leave_to_connection()),
            // Whether it is 0 now does not help who does not know what it was.
            Found::NoneOrKept if self.found_rows == Count::Lost => {}
            Found::NoneOrKept => {
                let before = self.found_rows.leave_to_connection();
                self.found_before = before.map_or(Before::Gone, Before::UnlessNone);
            }
        }
    }

    /// Asks the connection that ran the last statement for what only it knows of it. If the server refuses to tell, it stays
    /// there. Without a connection it is lost.
    ///
    /// # Errors
    /// The connection failed.
    pub(crate) async fn learn_counts(&mut self, lease: Option<&mut Lease>) -> Result<(), BackendError> {
        if !self.counts_unknown() {
            return Ok(());
        }
        let Some(lease) = lease else {
            self.lose_counts();
            return Ok(());
        };
        let Some([rows, found]) = lease.ask(["ROW_COUNT()", "FOUND_ROWS()"]).await? else { return Ok(()) };
        self.row_count.learn(rows.and_then(|rows| rows.parse().ok()));
        let before = std::mem::take(&mut self.found_before);
        self.found_rows.learn(found.and_then(|rows| rows.parse().ok()).map(|found| before.and_now(found)));
        Ok(())
    }

    /// The connection that knew them is lost.
    pub(crate) fn lose_counts(&mut self) {
        self.row_count.lose();
        self.found_rows.lose();
        self.found_before = Before::Gone;
    }

    /// Whether only the connection that ran the last statement knows how many rows that was.
    pub(crate) fn counts_unknown(&self) -> bool {
        self.row_count == Count::OnConnection || self.found_rows == Count::OnConnection
    }

    /// Which of the counts that a statement asks for was lost.
    pub(crate) fn lost_count(&self, asks: Asks) -> Option<&'static str> {
        if asks.contains(Asks::FOUND_ROWS) && self.found_rows == Count::Lost {
            return Some("FOUND_ROWS()");
        }
        (asks.contains(Asks::ROW_COUNT) && self.row_count == Count::Lost).then_some("ROW_COUNT()")
    }

    /// A command that is no statement was answered with OK: MariaDB counts that as no rows.
    pub(crate) fn note_command(&mut self) {
        if !self.mysql {
            self.row_count = Count::Known(0);
        }
    }

    /// What is put into statements that ask for it.
    pub(crate) fn known(&self, connection_id: u32) -> Known<'_> {
        let Self { row_count, found_rows, last_gtid, .. } = self;
        Known {
            connection_id,
            row_count: Some(row_count.known().unwrap_or(-1)),
            found_rows: found_rows.known(),
            last_gtid: Some(last_gtid),
            mysql: self.mysql,
            conditions: None,
        }
    }

    /// What was read from a connection, because what was reported is not enough.
    pub(crate) fn set_values(&mut self, values: Values) {
        self.values = values;
        self.update_derived();
    }

    /// Takes over what a reply said to a statement that set variables for itself alone: they are as before. Gives also what its
    /// connection counts as having, so that these are set again before anybody relies on them: with the next change, the
    /// server tells that they were set back, and that is nobody's news.
    pub(crate) fn note_scoped(&mut self, outcome: &Outcome) -> (Noted, Option<Values>) {
        let (values, status) = (Rc::clone(&self.values), self.status);
        let noted = self.note(outcome);
        let said = Rc::clone(&self.values);
        let mut unsure = (*values).clone();
        let names = said.keys().chain(values.keys()).filter(|name| said.get(*name) != values.get(*name));
        unsure.extend(names.map(|name| (name.clone(), UNSURE.into())));
        self.set_values(values);
        let of_transaction = Status::IN_TRANS | Status::IN_TRANS_READONLY;
        self.status = (self.status & of_transaction) | (status - of_transaction);
        (Noted { charset_changed: false, ..noted }, Some(Rc::new(unsure)))
    }

    /// Takes over what a reply said.
    pub(crate) fn note(&mut self, outcome: &Outcome) -> Noted {
        if let Some(status) = outcome.status {
            self.status = status & Status::LASTING;
        }
        if outcome.last_insert_id != 0 {
            self.last_insert_id = Count::Known(outcome.last_insert_id);
        }
        let mut noted = Noted::default();
        self.note_join_size(outcome);
        // A block that cannot be read further ends here; what was read holds.
        for change in Changes::new(&outcome.changes).map_while(Result::ok) {
            match change {
                // A position of MariaDB, nothing that could be set: see `consistency`.
                Change::Variable { name: b"last_gtid", value } => {
                    self.last_gtid = String::from_utf8_lossy(value).into();
                }
                Change::Variable { name, value } => {
                    noted.variables = true;
                    noted.charset_changed |= name.starts_with(b"character_set_");
                    self.set_value(&String::from_utf8_lossy(name), &String::from_utf8_lossy(value));
                }
                Change::Schema(name) => {
                    noted.database = true;
                    self.database = (!name.is_empty()).then(|| String::from_utf8_lossy(name).into());
                }
                Change::State(changed) => noted.state_changed |= changed,
                Change::TransactionCharacteristics(text) => noted.transaction_announced = Some(!text.is_empty()),
                Change::Gtids(_) | Change::TransactionState(_) | Change::Unknown(_) => {}
            }
        }
        if noted.variables {
            self.update_derived();
        }
        noted
    }

    /// A limit for joins switches `sql_big_selects`, of which servers report nothing unless it is set itself.
    /// Source: `fix_max_join_size` in `sys_vars.cc`.
    fn note_join_size(&mut self, outcome: &Outcome) {
        let mut changes = Changes::new(&outcome.changes).map_while(Result::ok);
        let limit = changes.find_map(|change| match change {
            Change::Variable { name: b"max_join_size", value } => Some(value),
            _ => None,
        });
        if let Some(limit) = limit {
            self.set_value("sql_big_selects", if limit == NO_LIMIT { "ON" } else { "OFF" });
        }
    }

    /// Sets one value; one that the session began with is no difference.
    pub(crate) fn set_value(&mut self, name: &str, value: &str) {
        let values = Rc::make_mut(&mut self.values);
        match self.fresh.get(name).is_some_and(|fresh| **fresh == *value) {
            true => drop(values.remove(name)),
            false => drop(values.insert(name.into(), value.into())),
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).or_else(|| self.fresh.get(name)).map(|value| &**value)
    }

    fn update_derived(&mut self) {
        let sql_mode = self.value("sql_mode").unwrap_or_default();
        let has = |mode: &str| sql_mode.split(',').any(|word| word.eq_ignore_ascii_case(mode));
        let charset = self.value("character_set_client").unwrap_or_default();
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
        let tracking = Tracking::from_settings(|name| self.value(name));
        if tracking != *self.tracking {
            self.tracking = Rc::new(tracking);
        }
    }
}

/// `max_join_size` while there is no limit.
const NO_LIMIT: &[u8] = b"18446744073709551615";
/// What no variable is, so that it is set whatever is wanted.
const UNSURE: &str = "\0";
