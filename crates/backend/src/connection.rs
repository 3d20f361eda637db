//! One authenticated socket to a backend, with the knowledge of what has been done to it.

use crate::catalogue::Catalogue;
use crate::era::Era;
use crate::error::BackendError;
use crate::login::CHARSET;
use crate::query::{Answer, Rows, query, query_all, read_reply};
use crate::question::{ALL_ROWS, ROLLBACK, neutral, select, select_from_tables};
use crate::state::{Preamble, RESULTS, State, Values, Wanted};
use crate::{question, tracking, user_variables};
use splitfin_protocol::exchange::{Outcome, ServerError};
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_transport::Framed;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// What makes two prepared statements the same to a server: the text, and what the session was like when it was
/// prepared.
#[derive(Debug, PartialEq, Eq)]
pub struct StatementKey {
    /// SQL text.
    pub sql: Box<[u8]>,
    /// Default database.
    pub database: Option<Rc<str>>,
    /// Session variables.
    pub values: Values,
}

impl Hash for StatementKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sql.hash(state);
        self.database.hash(state);
    }
}

#[derive(Debug, Clone, Copy)]
struct Prepared {
    id: u32,
    last_used: u64,
}

/// One authenticated socket to a backend.
#[derive(Debug)]
pub struct Connection {
    framed: Framed,
    capabilities: Capabilities,
    id: u32,
    state: State,
    family: Family,
    /// The server reports what the client wants, not what Splitfin needs; and whether that goes for positions too.
    reports_for_client: Option<bool>,
    prepared: HashMap<Rc<StatementKey>, Prepared>,
    uses: u64,
    /// Replies to commands that were sent in front of a statement and were not read yet.
    owed: Vec<Owed>,
    /// What the server says to every statement but the one that sets a new password.
    sandbox: Option<ServerError>,
    era: Era,
    /// Which changes of accounts and databases it has; see [`crate::rights`].
    rights: u64,
    /// It serves the session that has it, and nobody behind that.
    spent: bool,
    /// It may have warnings or errors to show, of whatever statement.
    has_conditions: bool,
    /// A transaction may be open that the server's status does not show.
    may_hide_transaction: bool,
}

/// What differs between MySQL and MariaDB in how a session begins.
#[derive(Debug, Default)]
pub(crate) struct Family {
    /// What a reset makes of the character set, where that is not what the login said.
    pub(crate) after_reset: Values,
    /// The server reports variables whichever way they are set.
    pub(crate) reports_all: bool,
    /// Number and name of the collation that the login chose.
    pub(crate) login_collation: (Option<u16>, Option<Box<str>>),
    pub(crate) catalogue: Rc<Catalogue>,
    /// A reset is as good as a login.
    pub(crate) resets_as_login: bool,
}

/// A reply that comes in front of a statement's.
#[derive(Debug, Clone, Copy)]
enum Owed {
    /// To a command that makes the connection as wanted.
    State(CommandByte),
    /// To a wait for a position.
    Wait,
}

/// Whether the server got to the position that was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It did, or nothing was waited for.
    There,
    /// Not in time.
    NotInTime,
}

impl Connection {
    pub(crate) fn new(framed: Framed, capabilities: Capabilities, id: u32, state: State, family: Family) -> Self {
        let (prepared, owed) = (HashMap::new(), Vec::new());
        Self {
            framed,
            capabilities,
            id,
            state,
            family,
            reports_for_client: None,
            prepared,
            uses: 0,
            owed,
            sandbox: None,
            era: Era::default(),
            rights: 0,
            spent: false,
            has_conditions: true,
            may_hide_transaction: false,
        }
    }

    /// What is known of its server.
    pub(crate) const fn catalogue(&self) -> &Rc<Catalogue> {
        &self.family.catalogue
    }

    /// Something was done to it that no reset undoes: the next to have it would notice.
    pub const fn spend(&mut self) {
        self.spent = true;
    }

    /// Notes whether a transaction may be open that the server's status does not show.
    pub const fn note_hidden_transaction(&mut self, may_be: bool) {
        self.may_hide_transaction = may_be;
    }

    /// Ends a transaction that the server's status does not show, if there may be one. Without that, no one else gets the
    /// connection.
    pub async fn end_hidden_transaction(&mut self) -> Result<(), BackendError> {
        if self.may_hide_transaction {
            self.run(ROLLBACK).await?;
            self.may_hide_transaction = false;
        }
        Ok(())
    }

    /// Whether SHOW WARNINGS may show something on it, whoever's that is.
    pub const fn has_conditions(&self) -> bool {
        self.has_conditions
    }

    /// Notes whether it may, behind a statement.
    pub const fn note_conditions(&mut self, some: bool) {
        self.has_conditions = some;
    }

    pub(crate) const fn era(&self) -> Era {
        self.era
    }

    /// Which changes of accounts and databases it has.
    pub const fn rights(&self) -> u64 {
        self.rights
    }

    pub(crate) const fn set_rights(&mut self, rights: u64) {
        self.rights = rights;
    }

    pub(crate) const fn set_era(&mut self, era: Era) {
        self.era = era;
    }

    /// A connection of an account whose password has expired. Nothing can be learned of it or set on it, so it serves one
    /// session as it is, and nobody else.
    pub(crate) fn sandboxed(
        framed: Framed,
        capabilities: Capabilities,
        id: u32,
        state: State,
        why: ServerError,
    ) -> Self {
        Self { sandbox: Some(why), ..Self::new(framed, capabilities, id, state, Family::default()) }
    }

    /// What the server says to statements, because the password has expired; nothing on any other connection.
    pub const fn sandbox(&self) -> Option<&ServerError> {
        self.sandbox.as_ref()
    }

    fn is_as_wanted(&self, wanted: &Wanted) -> bool {
        self.sandbox.is_some() || self.state.matches(wanted)
    }

    /// The server's id of this connection.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// What was agreed with the server.
    pub const fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// The socket and what was read from it.
    pub const fn framed(&mut self) -> &mut Framed {
        &mut self.framed
    }

    /// Whether the connection can be handed to anybody.
    pub(crate) fn is_usable(&self) -> bool {
        self.sandbox.is_none()
            && !self.spent
            && !self.may_hide_transaction
            && self.owed.is_empty()
            && self.reports_for_client.is_none()
            && self.framed.is_quiet()
    }

    /// Whether the connection refuses writes, as those of replicas do.
    pub const fn is_guarded(&self) -> bool {
        self.state.guard
    }

    /// Whether a connection that was kept can serve this next.
    pub fn is_fit_for(&self, wanted: &Wanted) -> bool {
        self.is_usable() && self.can_become(wanted)
    }

    /// Whether it can be brought to `wanted`, by a reset if need be.
    pub(crate) fn can_become(&self, wanted: &Wanted) -> bool {
        self.state.can_become(wanted) && (self.is_resettable() || !self.state.has_variables_beside(wanted))
    }

    /// Whether a reset leaves it as a new one would be, as far as it itself can tell.
    pub fn is_resettable(&self) -> bool {
        self.family.resets_as_login && self.is_usable()
    }

    /// Tells the server that this is the end, if that can be said without waiting: it counts and logs connections that just
    /// go away as aborted.
    pub(crate) fn quit(mut self: Box<Self>) {
        if !self.framed.is_quiet() || !self.owed.is_empty() {
            return;
        }
        let mut packet = Vec::new();
        write_packet(&mut packet, 0, &[CommandByte::Quit as u8]);
        let mut writing = std::pin::pin!(self.framed.write(&packet));
        // A socket that takes nothing now is closed all the same.
        let _ = writing.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    }

    pub(crate) fn rest(&mut self) {
        self.framed.rest();
    }

    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    /// Takes over what a reply reported of this connection's state.
    pub fn note(&mut self, values: &Values, database: Option<&Rc<str>>) {
        self.state.values = Rc::clone(values);
        self.state.database = database.cloned();
    }

    /// What variables were right after login.
    pub const fn own_values(&self) -> &Values {
        &self.state.own
    }

    /// Writes what makes the connection as `wanted`, the statement `wait` that ends when the server has got somewhere,
    /// and `command` behind them, in one write. The replies to the former have to be read by
    /// [`Connection::settle_preamble`] in front of the reply to the latter.
    ///
    /// `command` runs even if the preamble fails. That is fit for reads, whose reply is then dropped; for anything else
    /// use [`Connection::apply`] and [`Connection::wait_for`] first.
    pub async fn send(&mut self, wanted: &Wanted, wait: Option<&str>, command: &[u8]) -> Result<(), BackendError> {
        if self.is_as_wanted(wanted) && wait.is_none() {
            return Ok(self.framed.write(command).await?);
        }
        let guards = self.state.guard != wanted.guard;
        let mut preamble = Preamble::new(self.capabilities);
        self.state.become_wanted(wanted, &mut preamble);
        if guards && !command.is_empty() {
            // Nothing runs on a replica before its connection is known to refuse writes.
            self.framed.write(&preamble.bytes).await?;
            self.owed.extend(preamble.commands.drain(..).map(Owed::State));
            self.settle_preamble().await?;
            preamble.bytes.clear();
        }
        self.owed.extend(preamble.commands.drain(..).map(Owed::State));
        if let Some(wait) = wait {
            preamble.push_query(wait);
            self.owed.push(Owed::Wait);
        }
        preamble.bytes.extend_from_slice(command);
        Ok(self.framed.write(&preamble.bytes).await?)
    }

    /// Reads the replies to what was sent in front of a statement. An error means that the connection is not as wanted
    /// and must not be used again.
    pub async fn settle_preamble(&mut self) -> Result<Arrival, BackendError> {
        let mut arrival = Arrival::There;
        while let Some(owed) = self.owed.first().copied() {
            let command = match owed {
                Owed::State(command) => command,
                Owed::Wait => CommandByte::Query,
            };
            let Answer { outcome, rows, .. } = read_reply(&mut self.framed, command, self.capabilities).await?;
            self.owed.remove(0);
            if matches!(owed, Owed::Wait) {
                // An error is as good as not in time: the statement has a limit, or the server has no GTIDs.
                arrival = if is_zero(&rows) { Arrival::There } else { Arrival::NotInTime };
                continue;
            }
            if let Some(error) = outcome.error {
                let statement = format!("{} to restore the session's state", command.name());
                return Err(BackendError::Refused {
                    statement,
                    code: error.code,
                    state: error.state,
                    message: error.message,
                });
            }
        }
        Ok(arrival)
    }

    /// Takes away the user variables of the session that it served last, if it has some that `wanted` knows nothing of.
    /// Only a reset does that, and statements that were prepared go with them: this has to come first.
    pub async fn forget_others(&mut self, wanted: &Wanted) -> Result<(), BackendError> {
        match self.state.has_variables_beside(wanted) {
            true => self.reset().await,
            false => Ok(()),
        }
    }

    /// Makes the connection as `wanted`, and waits until it is.
    pub async fn apply(&mut self, wanted: &Wanted) -> Result<(), BackendError> {
        if self.is_as_wanted(wanted) {
            return Ok(());
        }
        self.send(wanted, None, &[]).await?;
        self.settle_preamble().await.map(drop)
    }

    /// Runs a statement that ends when the server has got somewhere, and waits for its end.
    pub async fn wait_for(&mut self, wait: &str) -> Result<Arrival, BackendError> {
        let mut packet = Preamble::new(self.capabilities);
        packet.push_query(wait);
        self.owed.push(Owed::Wait);
        self.framed.write(&packet.bytes).await?;
        self.settle_preamble().await
    }

    /// Runs a statement of Splitfin's own for what it does.
    pub async fn run(&mut self, sql: &str) -> Result<(), BackendError> {
        self.own(sql).await.map(drop)
    }

    /// A statement of Splitfin's own. One that is refused leaves an error to show, and some have warnings.
    async fn own(&mut self, sql: &str) -> Result<Answer, BackendError> {
        let answer = match sql.starts_with(question::SCOPED) {
            // With the next answer the server reports that the variables were set back, which is no news for a client.
            true => query_all(&mut self.framed, self.capabilities, [sql, "DO 0"]).await.map(|[answer, _]| answer),
            false => query(&mut self.framed, self.capabilities, sql).await,
        };
        self.has_conditions |= answer.as_ref().map_or(true, |answer| answer.outcome.warnings > 0);
        answer
    }

    /// Asks for the values of expressions, whatever the session has set. Nothing, if the server refuses: what was asked for
    /// is as unknown as before.
    pub async fn ask<const N: usize>(
        &mut self,
        expressions: [&str; N],
    ) -> Result<Option<[Option<String>; N]>, BackendError> {
        let answer = self.question(&select(expressions)).await?;
        Ok(answer.and_then(|answer| answer.rows.into_iter().next()?.try_into().ok()))
    }

    /// A question in the words of [`crate::question`]. Nothing, if the server refuses it.
    async fn question(&mut self, sql: &str) -> Result<Option<Answer>, BackendError> {
        match self.own(sql).await {
            Ok(answer) => Ok(Some(answer)),
            Err(BackendError::Refused { statement, code, message, .. }) => {
                tracing::info!(connection = self.id, code, %message, question = %statement, "a server refused a question");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Runs a statement of Splitfin's own that has no table to select from and gives the first value of each row; NULLs are
    /// left out.
    pub async fn first_values(&mut self, sql: &str) -> Result<Vec<String>, BackendError> {
        let answer = self.own(sql).await?;
        Ok(answer.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    /// `SELECT {columns} FROM {rest}` with its values as text; NULL is `None`.
    pub async fn rows(&mut self, columns: &[&str], rest: &str) -> Result<Vec<Vec<Option<String>>>, BackendError> {
        let columns: Vec<String> = columns.iter().map(|column| neutral(column)).collect();
        let rest = format!("{} FROM {rest} {ALL_ROWS}", columns.join(","));
        Ok(self.own(&select_from_tables(&rest, self.is_mysql())).await?.rows)
    }

    /// Runs statements of Splitfin's own, sent in one write, and gives the rows of each, those of all its results.
    pub async fn all_rows<const N: usize>(
        &mut self,
        statements: [&str; N],
    ) -> Result<[Vec<Vec<Option<String>>>; N], BackendError> {
        let answers = query_all(&mut self.framed, self.capabilities, statements).await;
        self.has_conditions |=
            answers.as_ref().map_or(true, |answers| answers.iter().any(|answer| answer.outcome.warnings > 0));
        let answers = answers?;
        Ok(answers.map(|answer| answer.rows))
    }

    /// The collations of the connection and of its results; the latter is nothing if results have none. Nothing at all, if
    /// the server refuses to tell.
    pub async fn collations(&mut self) -> Result<Option<(String, Option<String>)>, BackendError> {
        let name = "@@session.collation_connection";
        let Some(answer) = self.question(&format!("SELECT {name},{} LIMIT 1", neutral(name))).await? else {
            return Ok(None);
        };
        let results = answer.collation;
        let Some(Some(connection)) = answer.rows.into_iter().next().and_then(|row| row.into_iter().nth(1)) else {
            return Ok(None);
        };
        match self.collation_name(results).await? {
            Some(results) => Ok(Some((connection, results))),
            None => Ok(None),
        }
    }

    /// The name of the collation with this number, if there is one. Nothing at all, if the server refuses to tell.
    async fn collation_name(&mut self, id: Option<u16>) -> Result<Option<Option<String>>, BackendError> {
        let known = id.and_then(|id| self.family.catalogue.collation(id));
        match (&self.family.login_collation, id) {
            ((known, name), Some(id)) if *known == Some(id) => Ok(Some(name.as_deref().map(str::to_owned))),
            _ if known.is_some() => Ok(Some(known.map(str::to_owned))),
            (_, Some(id)) => {
                let name = neutral("COLLATION_NAME");
                let rest = format!("{name} FROM information_schema.COLLATIONS WHERE ID={id} LIMIT 1");
                let answer = self.question(&select_from_tables(&rest, self.is_mysql())).await?;
                Ok(answer.map(Answer::first_value))
            }
            _ => Ok(Some(None)),
        }
    }

    /// The values of user variables, which from now on count as known here. Nothing, if one of them cannot be carried to
    /// another connection, if all of them are longer than `most` bytes, or if the server refuses to tell.
    pub async fn user_variables(
        &mut self,
        names: &BTreeSet<Box<str>>,
        most: usize,
    ) -> Result<Option<Values>, BackendError> {
        let each = || names.iter().map(|name| &**name);
        let values = match names.is_empty() {
            true => Some(Values::default()),
            false => {
                let answer = self.question(&user_variables::ask(each())).await?;
                answer.and_then(|answer| user_variables::values(each(), answer, most))
            }
        };
        if let Some(values) = &values {
            self.state.user_variables = Rc::clone(values);
        }
        Ok(values)
    }

    /// The last generated id, and which roles are active, as SET ROLE takes them: no roles, if the server has none. Nothing
    /// at all, if the server refuses to tell.
    pub async fn id_and_role(&mut self) -> Result<Option<(u64, Option<Rc<str>>)>, BackendError> {
        let has_roles = self.state.own_role.is_some();
        let role = if has_roles { CURRENT_ROLE } else { "NULL" };
        let Some([id, role]) = self.ask(["LAST_INSERT_ID()", role]).await? else { return Ok(None) };
        let Some(id) = id.and_then(|id| id.parse().ok()) else { return Ok(None) };
        if has_roles {
            self.state.role = Some(role_of(role, self.is_mysql()));
        }
        Ok(Some((id, self.state.role.clone())))
    }

    /// The roles of the login.
    pub const fn own_role(&self) -> Option<&Rc<str>> {
        self.state.own_role.as_ref()
    }

    /// What variables are behind COM_RESET_CONNECTION, where they differ from what they were right after login.
    pub fn values_after_reset(&self) -> &Values {
        &self.family.after_reset
    }

    /// Whether the server is one of MySQL's.
    const fn is_mysql(&self) -> bool {
        self.family.reports_all
    }

    /// Whether the server reports variables whichever way they are set. MariaDB is silent about `SET @@name`.
    pub const fn reports_all(&self) -> bool {
        self.family.reports_all
    }

    /// Takes `same` for its own values where they are equal, so that many connections share one map, and comparing them
    /// costs nothing.
    pub(crate) fn share_values(&mut self, same: &Values) -> bool {
        let equal = self.state.own == *same;
        if equal {
            if Rc::ptr_eq(&self.state.own, &self.state.fresh) {
                self.state.fresh = Rc::clone(same);
            }
            self.state.own = Rc::clone(same);
        }
        equal
    }

    /// From now on the server reports what the session's client set, for a statement that looks at that or changes it.
    /// [`Connection::read_back`] must follow. `may_be_in_transaction`: a server refuses to change the reports of positions
    /// then; its own status does not tell of every transaction while autocommit is off.
    pub async fn report_for_client(&mut self, may_be_in_transaction: bool) -> Result<(), BackendError> {
        let gtids = !may_be_in_transaction;
        let theirs = tracking::theirs(&self.state.values, &self.state.fresh, gtids);
        // If it refuses, the client sees what the server reports to Splitfin.
        self.reports_for_client = self.question(&theirs).await?.map(|_| gtids);
        Ok(())
    }

    /// Reads which variables differ from what they were when the session began, as the server may not have reported all
    /// that was set meanwhile, and has it report what Splitfin needs again. Nothing, if the server refuses to tell: then it
    /// has to be asked again.
    pub async fn read_back(&mut self) -> Result<Option<Values>, BackendError> {
        let Some(mut values) = self.session_values().await? else { return Ok(None) };
        if self.state.guard
            && let Some(name) = self.state.guard_variable()
        {
            self.keep(&mut values, |other| other == name);
        }
        values.retain(|name, value| self.state.usual(&self.state.fresh, name) != Some(&**value));
        if let Some(gtids) = self.reports_for_client {
            if !gtids {
                // The server was not told what the client set of positions.
                self.keep(&mut values, |name| name == tracking::GTIDS);
            }
            let theirs = values.get(tracking::VARIABLES).map_or("", |list| list);
            let ours = tracking::ours(&self.state.tracked, theirs, &self.state.own, gtids);
            if self.question(&ours).await?.is_none() {
                return Ok(None);
            }
            self.reports_for_client = None;
        } else {
            // The server was never told what the client set of tracking.
            self.keep(&mut values, tracking::is_setting);
        }
        Ok(Some(Rc::new(values)))
    }

    /// The values that all variables of which any is known have now, in the words of SHOW VARIABLES.
    async fn session_values(&mut self) -> Result<Option<BTreeMap<Box<str>, Box<str>>>, BackendError> {
        let catalogue = Rc::clone(&self.family.catalogue);
        let Some(answer) = self.question(&catalogue.ask_values()).await? else { return Ok(None) };
        let results = answer.collation;
        let Some(mut values) = catalogue.values(answer) else { return Ok(None) };
        if values.get(RESULTS).is_some_and(|charset| !charset.is_empty()) {
            match self.collation_name(results).await? {
                Some(Some(name)) => drop(values.insert(RESULTS.into(), name.into())),
                Some(None) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(values))
    }

    /// Of these variables, what the session had before counts, not what the server says.
    fn keep(&self, values: &mut BTreeMap<Box<str>, Box<str>>, these: impl Fn(&str) -> bool) {
        values.retain(|name, _| !these(name));
        let before = self.state.values.iter().filter(|(name, _)| these(name));
        values.extend(before.map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Sends a command without arguments that is answered by one packet, and reads the answer.
    async fn simple(&mut self, command: CommandByte) -> Result<Outcome, BackendError> {
        self.command(command, &[]).await
    }

    /// Has the server tell its status, and what it has not reported yet. Warnings and errors are left as they are, and
    /// ROW_COUNT() as it is behind an error or rows.
    pub async fn status(&mut self) -> Result<Outcome, BackendError> {
        // It is as it is told. A ping would say that no row was changed: see `my_ok` and `my_eof` in `sql_class.h`.
        let option = [u8::from(!self.state.multi_statements), 0];
        self.command(CommandByte::SetOption, &option).await
    }

    async fn command(&mut self, command: CommandByte, arguments: &[u8]) -> Result<Outcome, BackendError> {
        let mut packet = Vec::new();
        write_packet(&mut packet, 0, &[&[command as u8], arguments].concat());
        self.framed.write(&packet).await?;
        Ok(read_reply(&mut self.framed, command, self.capabilities).await?.outcome)
    }

    /// Resets the session on the server and has changes reported again. The database stays; prepared statements are gone.
    pub async fn reset(&mut self) -> Result<(), BackendError> {
        let outcome = self.simple(CommandByte::ResetConnection).await?;
        if let Some(error) = outcome.error {
            return Err(BackendError::Refused {
                statement: "COM_RESET_CONNECTION".into(),
                code: error.code,
                state: error.state,
                message: error.message,
            });
        }
        self.prepared.clear();
        self.may_hide_transaction = false;
        self.state.user_variables = Values::default();
        self.state.guard = false;
        self.reports_for_client = None;
        self.run(&tracking::ours(&self.state.tracked, "", &self.state.own, true)).await?;
        // MySQL goes back to its global character set, not to that of the login: the difference is set by value.
        let values = self.state.own.iter().filter(|(name, _)| CHARSET.contains(&&***name));
        self.state.values = Rc::new(values.map(|(name, _)| (name.clone(), Box::default())).collect());
        self.state.fresh = Rc::clone(&self.state.own);
        let wanted = Wanted {
            database: self.state.database.clone(),
            multi_statements: self.state.multi_statements,
            // It was not reset.
            role: self.state.role.clone(),
            ..Wanted::default()
        };
        self.apply(&wanted).await
    }

    /// The server's id of a prepared statement, if this connection has it.
    pub fn prepared_id(&mut self, key: &StatementKey) -> Option<u32> {
        self.uses += 1;
        let prepared = self.prepared.get_mut(key)?;
        prepared.last_used = self.uses;
        Some(prepared.id)
    }

    /// Whether the server has a statement with this id of its own.
    pub fn has_prepared(&self, id: u32) -> bool {
        self.prepared.values().any(|prepared| prepared.id == id)
    }

    /// Remembers a statement that was prepared on this connection. The least recently used one makes room: its closing
    /// command is returned, to be sent in front of the next command.
    pub fn note_prepared(&mut self, key: Rc<StatementKey>, id: u32) -> Option<Vec<u8>> {
        self.uses += 1;
        let replaced = self.prepared.insert(key, Prepared { id, last_used: self.uses });
        let evicted = match (replaced, self.prepared.len() > MOST_PREPARED) {
            (Some(replaced), _) => Some(replaced.id),
            (None, true) => {
                let oldest =
                    self.prepared.iter().min_by_key(|(_, prepared)| prepared.last_used).map(|(key, _)| Rc::clone(key));
                oldest.and_then(|key| self.prepared.remove(&key)).map(|prepared| prepared.id)
            }
            (None, false) => None,
        };
        evicted.map(close_command)
    }

    /// Forgets a prepared statement and returns the command that closes it.
    pub fn forget_prepared(&mut self, key: &StatementKey) -> Option<Vec<u8>> {
        self.prepared.remove(key).map(|prepared| close_command(prepared.id))
    }
}

/// The expression that gives the active roles.
pub(crate) const CURRENT_ROLE: &str = "CURRENT_ROLE()";

/// What it gave, as SET ROLE takes it: MySQL has a list of quoted names, MariaDB the name of one, or NULL.
pub(crate) fn role_of(value: Option<String>, mysql: bool) -> Rc<str> {
    match value {
        Some(names) if mysql => names.into(),
        Some(name) => format!("`{}`", name.replace('`', "``")).into(),
        None => "NONE".into(),
    }
}

/// What both families' functions give when the server has got there.
fn is_zero(rows: &Rows) -> bool {
    rows.first().and_then(|row| row.first()).is_some_and(|value| value.as_deref() == Some("0"))
}

fn close_command(id: u32) -> Vec<u8> {
    let mut packet = Vec::new();
    let [a, b, c, d] = id.to_le_bytes();
    write_packet(&mut packet, 0, &[CommandByte::StmtClose as u8, a, b, c, d]);
    packet
}

/// Statements that one connection keeps prepared. Servers allow 16382 by default over all their connections.
const MOST_PREPARED: usize = 100;
