//! One authenticated socket to a backend, with the knowledge of what has been done to it.

use crate::error::BackendError;
use crate::query::{Rows, query, read_reply};
use crate::state::{Preamble, State, Values, Wanted};
use splitfin_protocol::exchange::Outcome;
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::{Capabilities, CommandByte};
use splitfin_transport::Framed;
use std::collections::HashMap;
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
    /// The statement that makes the server report changes; a reset forgets them.
    track: String,
    prepared: HashMap<Rc<StatementKey>, Prepared>,
    uses: u64,
    /// Replies to commands that were sent in front of a statement and were not read yet.
    owed: Vec<Owed>,
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
    pub(crate) fn new(framed: Framed, capabilities: Capabilities, id: u32, state: State, track: String) -> Self {
        Self { framed, capabilities, id, state, track, prepared: HashMap::new(), uses: 0, owed: Vec::new() }
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
        self.owed.is_empty() && self.framed.is_quiet()
    }

    /// Whether the connection refuses writes, as those of replicas do.
    pub const fn is_guarded(&self) -> bool {
        self.state.guard
    }

    /// Whether a connection that was kept can serve this next.
    pub fn is_fit_for(&self, wanted: &Wanted) -> bool {
        self.is_usable() && self.state.can_become(wanted)
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

    /// The value that a variable had right after login.
    pub fn fresh_value(&self, name: &str) -> Option<&str> {
        self.state.fresh.get(name).map(|value| &**value)
    }

    /// Writes what makes the connection as `wanted`, the statement `wait` that ends when the server has got somewhere,
    /// and `command` behind them, in one write. The replies to the former have to be read by
    /// [`Connection::settle_preamble`] in front of the reply to the latter.
    ///
    /// `command` runs even if the preamble fails. That is fit for reads, whose reply is then dropped; for anything else
    /// use [`Connection::apply`] and [`Connection::wait_for`] first.
    pub async fn send(&mut self, wanted: &Wanted, wait: Option<&str>, command: &[u8]) -> Result<(), BackendError> {
        if self.state.matches(wanted) && wait.is_none() {
            return Ok(self.framed.write(command).await?);
        }
        let guards = self.state.guard != wanted.guard;
        let mut preamble = Preamble::default();
        self.state.become_wanted(wanted, &mut preamble);
        if guards && !command.is_empty() {
            // Nothing runs on a replica before its connection is known to refuse writes.
            self.framed.write(&preamble.bytes).await?;
            self.owed.extend(std::mem::take(&mut preamble).commands.into_iter().map(Owed::State));
            self.settle_preamble().await?;
            preamble.bytes.clear();
        }
        self.owed.extend(std::mem::take(&mut preamble.commands).into_iter().map(Owed::State));
        if let Some(wait) = wait {
            preamble.push(CommandByte::Query, wait.as_bytes());
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
            let (outcome, rows) = read_reply(&mut self.framed, command, self.capabilities).await?;
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

    /// Makes the connection as `wanted`, and waits until it is.
    pub async fn apply(&mut self, wanted: &Wanted) -> Result<(), BackendError> {
        if self.state.matches(wanted) {
            return Ok(());
        }
        self.send(wanted, None, &[]).await?;
        self.settle_preamble().await.map(drop)
    }

    /// Runs a statement that ends when the server has got somewhere, and waits for its end.
    pub async fn wait_for(&mut self, wait: &str) -> Result<Arrival, BackendError> {
        let mut packet = Preamble::default();
        packet.push(CommandByte::Query, wait.as_bytes());
        self.owed.push(Owed::Wait);
        self.framed.write(&packet.bytes).await?;
        self.settle_preamble().await
    }

    /// Runs a statement of Splitfin's own and gives its first value.
    pub async fn first_value(&mut self, sql: &str) -> Result<Option<String>, BackendError> {
        let (_, rows) = query(&mut self.framed, self.capabilities, sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// Sends a command without arguments that is answered by one packet, and reads the answer.
    pub async fn simple(&mut self, command: CommandByte) -> Result<Outcome, BackendError> {
        let mut packet = Vec::new();
        write_packet(&mut packet, 0, &[command as u8]);
        self.framed.write(&packet).await?;
        Ok(read_reply(&mut self.framed, command, self.capabilities).await?.0)
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
        self.state.guard = false;
        let track = self.track.clone();
        query(&mut self.framed, self.capabilities, &track).await?;
        // MySQL goes back to its global character set, not to that of the login: the difference is set by value.
        let fresh = Rc::clone(&self.state.fresh);
        let charset =
            ["character_set_client", "character_set_connection", "character_set_results", "collation_connection"];
        let values = fresh.iter().filter(|(name, _)| charset.contains(&&***name));
        self.state.values = Rc::new(values.map(|(name, _)| (name.clone(), Box::default())).collect());
        let wanted = Wanted {
            database: self.state.database.clone(),
            multi_statements: self.state.multi_statements,
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
