//! Prepared statements as the client sees them. Its ids are its own; servers' ids belong to connections.

use crate::budget::{Budget, Share};
use crate::error::Unserved;
use crate::failure::Failure;
use crate::job::Job;
use crate::kill::KILL_ON_SERVER;
use splitfin_backend::{BackendError, Lease, StatementKey, Wanted};
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::packet::stmt_execute::CURSOR_FLAGS;
use splitfin_protocol::packet::{Bound, BulkExecute, StmtExecute};
use splitfin_protocol::{Capabilities, CommandByte, Exchange, Malformed};
use splitfin_router::{Hint, Statement, Verb};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// A statement that the client has prepared.
#[derive(Debug)]
pub(crate) struct ClientStatement {
    pub(crate) key: Rc<StatementKey>,
    pub(crate) statement: Rc<Statement>,
    pub(crate) hint: Option<Hint>,
    pub(crate) parameters: u16,
    /// Types of the last execution, and of how many parameters and attributes.
    pub(crate) types: Option<(usize, Box<[u8]>)>,
    /// Fingerprint of the columns that the last execution had; 0 before the first.
    pub(crate) columns: u64,
    /// The text without the session's own values, where it asks for some.
    pub(crate) original: Option<Box<[u8]>>,
}

impl ClientStatement {
    /// Whether it is a KILL.
    pub(crate) fn is_kill(&self) -> bool {
        self.statement.class == KILL_ON_SERVER && self.statement.verb == Verb::Kill
    }
}

impl ClientStatement {
    fn longest_types(&self) -> usize {
        2 * usize::from(self.parameters)
    }

    /// Whether the types of an execution may be kept. Those of attributes have names of any length: who sends long ones has to
    /// send them with each execution.
    pub(crate) fn admits_types(&self, types: &[u8]) -> bool {
        types.len() <= self.longest_types() + OVERHEAD
    }

    /// What it takes, in bytes. The text that it is prepared with may become a little longer later.
    fn size(&self) -> usize {
        OVERHEAD
            + self.longest_types()
            + self.original.as_ref().map_or(self.key.sql.len(), |original| 2 * original.len())
    }
}

/// The statements of one session.
#[derive(Debug)]
pub(crate) struct ClientStatements {
    by_id: HashMap<u32, ClientStatement>,
    /// What they take, in bytes.
    size: usize,
    share: Share,
    last_id: u32,
}

impl ClientStatements {
    /// None, to begin with.
    pub(crate) fn new(budget: &Arc<Budget>) -> Self {
        Self { by_id: HashMap::new(), size: 0, share: Share::new(budget), last_id: 0 }
    }

    /// The id that the next statement will have.
    pub(crate) const fn next_id(&mut self) -> u32 {
        // 0xFFFF_FFFF means "the last one" to MariaDB's clients.
        self.last_id = if self.last_id >= u32::MAX - 1 { 1 } else { self.last_id + 1 };
        self.last_id
    }

    /// Whether one more with a text of this length may be prepared.
    pub(crate) fn admit(&mut self, length: usize) -> Result<(), Unserved> {
        if self.by_id.len() >= MOST_STATEMENTS {
            return Err(Unserved::TooManyPrepared { most: MOST_STATEMENTS });
        }
        let size = self.size + length + OVERHEAD;
        if size > MOST_BYTES {
            return Err(Unserved::PreparedTooLong { most: MOST_BYTES });
        }
        match self.share.try_keep(size) {
            true => Ok(()),
            false => Err(Unserved::PreparedNoMemory { most: self.share.most() }),
        }
    }

    pub(crate) fn insert(&mut self, id: u32, statement: ClientStatement) {
        self.size += statement.size();
        self.by_id.insert(id, statement);
    }

    pub(crate) fn get(&self, id: u32) -> Option<&ClientStatement> {
        self.by_id.get(&self.resolve(id))
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut ClientStatement> {
        self.by_id.get_mut(&self.resolve(id))
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<ClientStatement> {
        let removed = self.by_id.remove(&id)?;
        self.size = self.size.saturating_sub(removed.size());
        self.share.try_keep(self.size);
        Some(removed)
    }

    pub(crate) fn clear(&mut self) {
        self.by_id.clear();
        self.size = 0;
        self.share.try_keep(0);
    }

    const fn resolve(&self, id: u32) -> u32 {
        if id == u32::MAX { self.last_id } else { id }
    }
}

/// Statements of one session: as many as servers allow for all of theirs together.
const MOST_STATEMENTS: usize = 16_382;
/// Bytes that the statements of one session may take.
const MOST_BYTES: usize = 16 << 20;
/// What a statement takes besides its text, about.
const OVERHEAD: usize = 512;

/// The server's id of a statement on this connection; prepares it there if it was not, with the session as it was when
/// the client prepared it.
pub(crate) async fn ensure_prepared(
    lease: &mut Lease,
    key: &Rc<StatementKey>,
    wanted: &Wanted,
) -> Result<u32, Failure> {
    if let Some(id) = lease.prepared_id(key) {
        return Ok(id);
    }
    let as_prepared = Wanted {
        values: Rc::clone(&key.values),
        database: key.database.clone(),
        last_insert_id: None,
        ..wanted.clone()
    };
    lease.apply(&as_prepared).await?;
    let mut packet = Vec::with_capacity(key.sql.len() + 5);
    write_packet(&mut packet, 0, &[&[CommandByte::StmtPrepare as u8], &*key.sql].concat());
    lease.framed().write(&packet).await.map_err(BackendError::from)?;
    let mut exchange = Exchange::new(CommandByte::StmtPrepare, lease.capabilities());
    crate::relay::swallow(lease, &mut exchange).await?;
    let outcome = exchange.into_outcome();
    if let Some(error) = outcome.error {
        return Err(Failure::Server(error));
    }
    let id = outcome.prepared.map_or(0, |prepared| prepared.statement);
    if let Some(close) = lease.note_prepared(Rc::clone(key), id) {
        lease.framed().write(&close).await.map_err(BackendError::from)?;
    }
    Ok(id)
}

/// An execution of a prepared statement, taken apart.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Execution<'a> {
    One(StmtExecute<'a>),
    /// For many rows of so many parameters (MariaDB).
    Many(BulkExecute<'a>, u16),
}

impl<'a> Execution<'a> {
    /// Reads what follows the statement id.
    pub(crate) fn parse(
        command: CommandByte,
        body: &'a [u8],
        parameters: u16,
        agreed: Capabilities,
    ) -> Result<Self, Malformed> {
        match command {
            CommandByte::StmtBulkExecute => Ok(Self::Many(BulkExecute::parse(body, parameters)?, parameters)),
            _ => StmtExecute::parse(body, parameters, agreed).map(Self::One),
        }
    }

    /// The types, and of how many parameters and attributes.
    pub(crate) fn types(&self) -> (usize, Bound<'a>) {
        match self {
            Self::One(execute) => (execute.parameters, execute.types),
            Self::Many(bulk, parameters) => (usize::from(*parameters), bulk.types),
        }
    }

    pub(crate) const fn wants_cursor(&self) -> bool {
        matches!(self, Self::One(execute) if execute.flags & CURSOR_FLAGS != 0)
    }
}

/// The packet that executes `statement` under the server's `id`: the client's own with another id, or with the types put
/// in that the server's statement may never have been told.
pub(crate) fn execute_packet(job: &Job<'_>, execution: &Execution<'_>, client: &ClientStatement, id: u32) -> Vec<u8> {
    match with_types(execution, client, id) {
        Some(payload) => {
            let mut out = Vec::new();
            write_packet(&mut out, 0, &payload);
            out
        }
        None => with_statement_id(job.packet, id),
    }
}

/// The payload with the types of the last execution, if it comes without any.
fn with_types(execution: &Execution<'_>, client: &ClientStatement, id: u32) -> Option<Vec<u8>> {
    let (count, types) = client.types.as_ref()?;
    if execution.types() != (*count, Bound::AsBefore) {
        return None;
    }
    Some(match execution {
        Execution::One(execute) => execute.encode_with_types(id, types),
        Execution::Many(bulk, _) => bulk.encode_with_types(id, types),
    })
}

/// The client's packet with another statement id, which follows the command byte in all commands that have one.
pub(crate) fn with_statement_id(packet: &[u8], id: u32) -> Vec<u8> {
    let mut out = packet.to_vec();
    if let Some(place) = out.get_mut(5..9) {
        place.copy_from_slice(&id.to_le_bytes());
    }
    out
}
