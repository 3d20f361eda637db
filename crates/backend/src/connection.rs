//! One authenticated socket to a backend, with the knowledge of what has been done to it.

mod prepared;
mod questions;

pub use prepared::StatementKey;
pub(crate) use questions::{CURRENT_ROLE, role_of};

use crate::catalogue::Catalogue;
use crate::era::Era;
use crate::error::BackendError;
use crate::limits::Slot;
use crate::login::CHARSET;
use crate::query::{Answer, Rows, read_reply};
use crate::question::ROLLBACK;
use crate::state::{NO_ROLE, Preamble, Sent, State, Values, Wanted};
use crate::tracking;
use splitfin_protocol::exchange::{Outcome, ServerError};
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_transport::Framed;
use std::collections::HashMap;
use std::rc::Rc;

/// One authenticated socket to a backend.
#[derive(Debug)]
pub struct Connection {
    framed: Framed,
    /// The right to it, where it counts.
    slot: Option<Slot>,
    capabilities: Capabilities,
    id: u32,
    state: State,
    family: Family,
    /// The server reports what the client wants, not what Splitfin needs; and whether that goes for positions too.
    reports_for_client: Option<bool>,
    prepared: HashMap<Rc<StatementKey>, prepared::Prepared>,
    /// Bytes of their texts.
    prepared_bytes: usize,
    uses: u64,
    /// Replies to commands that were sent before a statement and were not read yet.
    owed: Vec<Owed>,
    /// What the server says to every statement but the one that sets a new password.
    sandbox: Option<ServerError>,
    era: Era,
    /// Which changes of accounts and databases it has; see [`crate::rights`].
    rights: u64,
    /// Must be closed, not pooled, when its session is done with it.
    spent: bool,
    /// It may have warnings or errors to show, of whatever statement.
    has_conditions: bool,
    /// A transaction may be open that the server's status does not show.
    may_hide_transaction: bool,
    /// Its account has to use TLS, if that was asked.
    requires_tls: Option<bool>,
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

/// A reply that comes before a statement's.
#[derive(Debug, Clone, Copy)]
enum Owed {
    /// To a command that makes the connection as wanted.
    State(Sent),
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
            slot: None,
            capabilities,
            id,
            state,
            family,
            reports_for_client: None,
            prepared,
            prepared_bytes: 0,
            uses: 0,
            owed,
            sandbox: None,
            era: Era::default(),
            rights: 0,
            spent: false,
            has_conditions: true,
            may_hide_transaction: false,
            requires_tls: None,
        }
    }

    /// What is known of its server.
    pub(crate) const fn catalogue(&self) -> &Rc<Catalogue> {
        &self.family.catalogue
    }

    /// It counts from now on, until it is dropped.
    pub(crate) fn set_slot(&mut self, slot: Slot) {
        self.slot = Some(slot);
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

    /// Notes whether it may, after a statement.
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
        self.state.can_become(wanted) && (self.is_resettable() || !self.state.has_other_variables(wanted))
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

    /// What LAST_INSERT_ID() gives on it, where that is known.
    pub const fn last_insert_id(&self) -> Option<u64> {
        self.state.last_insert_id
    }

    /// Notes what LAST_INSERT_ID() gives on it after a statement.
    pub const fn note_last_insert_id(&mut self, id: Option<u64>) {
        self.state.last_insert_id = id;
    }

    /// What variables were right after login.
    pub const fn own_values(&self) -> &Values {
        &self.state.own
    }

    /// Writes what makes the connection as `wanted`, the statement `wait` that ends when the server has got somewhere,
    /// and `command` after them, in one write. The replies to the former have to be read by
    /// [`Connection::settle_preamble`] before the reply to the latter.
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
        if command.len() > WORTH_A_WRITE {
            // One write less is not worth another long command in memory.
            self.framed.write(&preamble.bytes).await?;
            return Ok(self.framed.write(command).await?);
        }
        preamble.bytes.extend_from_slice(command);
        Ok(self.framed.write(&preamble.bytes).await?)
    }

    /// Reads the replies to what was sent before a statement. An error means that the connection is not as wanted
    /// and must not be used again.
    pub async fn settle_preamble(&mut self) -> Result<Arrival, BackendError> {
        let mut arrival = Arrival::There;
        while let Some(owed) = self.owed.first().copied() {
            let (command, is_role) = match owed {
                Owed::State(Sent { command, is_role }) => (command, is_role),
                Owed::Wait => (CommandByte::Query, false),
            };
            let Answer { outcome, rows, .. } = read_reply(&mut self.framed, command, self.capabilities).await?;
            self.owed.remove(0);
            if matches!(owed, Owed::Wait) {
                // An error is as good as not in time: the statement has a limit, or the server has no GTIDs.
                arrival = if is_zero(&rows) { Arrival::There } else { Arrival::NotInTime };
                continue;
            }
            if let Some(error) = outcome.error {
                // A replica may not know yet that the role was granted.
                if is_role && ROLE_IS_GONE.contains(&error.code) && !self.is_guarded() {
                    self.state.role = Some(NO_ROLE.into());
                    self.has_conditions = true;
                    continue;
                }
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
        match self.state.has_other_variables(wanted) {
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

    /// The roles of the login.
    pub const fn own_role(&self) -> Option<&Rc<str>> {
        self.state.own_role.as_ref()
    }

    /// What variables are after COM_RESET_CONNECTION, where they differ from what they were right after login.
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

    /// Sends a command without arguments that is answered by one packet, and reads the answer.
    async fn simple(&mut self, command: CommandByte) -> Result<Outcome, BackendError> {
        self.command(command, &[]).await
    }

    /// Has the server tell its status, and what it has not reported yet. Warnings and errors are left as they are, and
    /// ROW_COUNT() as it is after an error or rows.
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
        self.prepared_bytes = 0;
        self.may_hide_transaction = false;
        self.state.user_variables = Values::default();
        self.state.last_insert_id = None;
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
}

/// What both families' functions give when the server has got there.
fn is_zero(rows: &Rows) -> bool {
    rows.first().and_then(|row| row.first()).is_some_and(|value| value.as_deref() == Some("0"))
}

/// `ER_INVALID_ROLE` (MariaDB), `ER_UNKNOWN_AUTHID`, `ER_ROLE_NOT_GRANTED`
const ROLE_IS_GONE: [u16; 3] = [1959, 3523, 3530];
/// Commands from this length on, in bytes, are written as they are, after what goes before them.
const WORTH_A_WRITE: usize = 64 * 1024;
