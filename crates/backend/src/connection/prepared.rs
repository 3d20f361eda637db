//! The statements that a connection has prepared.

use super::Connection;
use crate::state::Values;
use splitfin_protocol::CommandByte;
use splitfin_protocol::frame::write_packet;
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
pub(super) struct Prepared {
    id: u32,
    last_used: u64,
}

impl Connection {
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
    /// command is returned, to be sent before the next command.
    pub fn note_prepared(&mut self, key: Rc<StatementKey>, id: u32) -> Option<Vec<u8>> {
        self.uses += 1;
        let length = key.sql.len();
        self.prepared_bytes += key.sql.len();
        let replaced = self.prepared.insert(key, Prepared { id, last_used: self.uses });
        let evicted = match (replaced, self.prepared.len() > MOST_PREPARED) {
            (Some(replaced), _) => {
                self.prepared_bytes -= length;
                Some(replaced.id)
            }
            (None, true) => {
                let oldest = self.prepared.iter().min_by_key(|(_, prepared)| prepared.last_used);
                let oldest = oldest.map(|(key, _)| Rc::clone(key));
                oldest.and_then(|key| self.remove_prepared(&key))
            }
            (None, false) => None,
        };
        evicted.map(close_command)
    }

    /// Forgets statements until their texts take little memory, here and on the server, for as long as the connection is at
    /// rest: the longest first. Returns the commands that close them.
    pub fn forget_long_prepared(&mut self) -> Option<Vec<u8>> {
        if self.prepared_bytes <= MOST_KEPT {
            return None;
        }
        let mut keys: Vec<Rc<StatementKey>> = self.prepared.keys().cloned().collect();
        keys.sort_unstable_by_key(|key| key.sql.len());
        let mut commands = Vec::new();
        while self.prepared_bytes > MOST_KEPT
            && let Some(longest) = keys.pop()
        {
            commands.extend(self.forget_prepared(&longest).into_iter().flatten());
        }
        Some(commands)
    }

    /// Forgets a prepared statement and returns the command that closes it.
    pub fn forget_prepared(&mut self, key: &StatementKey) -> Option<Vec<u8>> {
        self.remove_prepared(key).map(close_command)
    }

    fn remove_prepared(&mut self, key: &StatementKey) -> Option<u32> {
        let removed = self.prepared.remove(key)?;
        self.prepared_bytes -= key.sql.len();
        Some(removed.id)
    }
}

fn close_command(id: u32) -> Vec<u8> {
    let mut packet = Vec::new();
    let [a, b, c, d] = id.to_le_bytes();
    write_packet(&mut packet, 0, &[CommandByte::StmtClose as u8, a, b, c, d]);
    packet
}

/// Bytes of all texts that stay prepared when their connection goes back.
const MOST_KEPT: usize = 128 * 1024;
/// Statements that one connection keeps prepared. Servers allow 16382 by default over all their connections.
const MOST_PREPARED: usize = 100;
