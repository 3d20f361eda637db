//! Why a backend could not be used.

use splitfin_protocol::exchange::Violation;
use splitfin_protocol::handshake::connect::ConnectError;
use splitfin_transport::{DialError, FrameError};
use std::io;
use std::time::Duration;
use thiserror::Error;

/// Why a backend could not be used.
#[derive(Debug, Error)]
pub enum BackendError {
    /// There is no connection to be had.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The server did not let the account in, or cannot be a backend.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection broke.
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    /// The connection broke, or the server sent too much.
    #[error("connection lost: {0}")]
    Frame(#[from] FrameError),
    /// The server sent what no server should send.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// The password could not be encrypted for the server.
    #[error(transparent)]
    Rsa(#[from] splitfin_transport::RsaError),
    /// A statement of Splitfin's own failed.
    #[error("`{statement}` failed: error {code}: {message}")]
    Refused {
        /// Which.
        statement: String,
        /// Error number.
        code: u16,
        /// SQLSTATE.
        state: [u8; 5],
        /// The server's words.
        message: String,
    },
    /// The login took too long.
    #[error("login not finished within {0:?}")]
    LoginTimeout(Duration),
    /// It is a replica that may lack a change of accounts or databases that the session must see.
    #[error("the replica may lack changes of accounts or databases that the session must see")]
    OldRights,
    /// All connections that are allowed are in use.
    #[error("all {limit} connections to the backend are in use, and none came free within {waited:?}")]
    Exhausted {
        /// How many there may be.
        limit: usize,
        /// How long was waited.
        waited: Duration,
    },
}

impl BackendError {
    /// What the server said when it refused a login, if it did: error number, SQLSTATE, text.
    pub fn refusal(&self) -> Option<(u16, &str, &str)> {
        match self {
            Self::Connect(ConnectError::Refused { code, state, message }) => Some((*code, state, message)),
            _ => None,
        }
    }

    /// Whether the server itself is in trouble, rather than this account or this statement.
    pub fn is_servers_fault(&self) -> bool {
        !matches!(self, Self::Exhausted { .. } | Self::Refused { .. } | Self::OldRights)
            && self.refusal().is_none_or(|(code, ..)| !ACCOUNTS_FAULT.contains(&code))
    }
}

/// Access denied, also to the database or without a password; no such database; an expired password; a locked account, in
/// MySQL, for failed logins, and in MariaDB.
const ACCOUNTS_FAULT: [u16; 8] = [1044, 1045, 1049, 1698, 1862, 3118, 3955, 4151];
