//! How a session can end, and what its client is told.

use splitfin_backend::BackendError;
use splitfin_protocol::exchange::Violation;
use splitfin_protocol::handshake::accept::LoginError;
use splitfin_protocol::packet::ErrPacket;
use splitfin_router::Refusal;
use splitfin_transport::FrameError;
use std::io;
use std::time::Duration;
use thiserror::Error;

/// Why a session ended, other than by the client's own wish.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The client's socket failed, or it closed inside a packet.
    #[error("client: {0}")]
    Client(#[from] FrameError),
    /// The client's socket failed.
    #[error("client: {0}")]
    Io(#[from] io::Error),
    /// The client left while its statement ran.
    #[error("client left while its statement ran")]
    ClientGone,
    /// The client's login made no sense.
    #[error("{0}")]
    Login(#[from] LoginError),
    /// The client's login did not come to an end in time.
    #[error("login not finished within {0:?}")]
    LoginTimeout(Duration),
    /// It was the oldest silent one of too many logins.
    #[error("more logins at a time than limits.logins: this one was the oldest of those that said least")]
    CrowdedOut,
    /// The account or its password is wrong.
    #[error("access denied for `{user}`")]
    AccessDenied {
        /// Who tried.
        user: String,
    },
    /// Too many logins from its address have failed.
    #[error("too many failed logins from {address}")]
    Braked {
        /// Where from.
        address: std::net::IpAddr,
    },
    /// A backend did not let the client in.
    #[error("login refused by the backend: error {code}: {message}")]
    RefusedByBackend {
        /// Error number.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// Silent inside of a command.
    #[error("a command did not go on for {0:?} (limits.read_timeout)")]
    Stalled(Duration),
    /// Others have what all may have.
    #[error(
        "the commands and prepared statements of all clients together may take {most} bytes (limits.memory), and there is no \
             room for this one's: try again later"
    )]
    NoMemory {
        /// Bytes for all.
        most: usize,
    },
    /// Silent for too long.
    #[error("idle for more than {0:?}")]
    Idle(Duration),
    /// Somebody of the same account said KILL.
    #[error("killed")]
    Killed,
    /// Splitfin is shutting down.
    #[error("shutting down")]
    Draining,
    /// The connection that held the session's transaction or state is lost, and the session with it.
    #[error("the connection that the session held is lost: {0}")]
    HeldConnectionLost(String),
    /// A backend's reply broke off when part of it was sent already.
    #[error("reply broke off: {0}")]
    ReplyBrokeOff(String),
}

/// Whose doing the end of a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Something was lost that should not have been.
    Servers,
    /// Whoever connects can bring it about: a failed login, a handshake or a packet that makes no sense.
    Client,
    /// The client left, without a word.
    Left,
    /// A rule of the operator's or an account's.
    Rule,
}

impl SessionError {
    /// Whose doing it is.
    pub fn cause(&self) -> Cause {
        match self {
            Self::HeldConnectionLost(_) | Self::ReplyBrokeOff(_) => Cause::Servers,
            Self::Idle(_) | Self::Killed | Self::Draining => Cause::Rule,
            Self::ClientGone | Self::Client(FrameError::Closed | FrameError::ClosedInside) => Cause::Left,
            Self::Io(error) | Self::Client(FrameError::Io(error)) if is_farewell(error) => Cause::Left,
            Self::Client(_) | Self::Io(_) | Self::Login(_) | Self::LoginTimeout(_) | Self::CrowdedOut => Cause::Client,
            Self::Stalled(_) | Self::NoMemory { .. } => Cause::Client,
            Self::AccessDenied { .. } | Self::Braked { .. } | Self::RefusedByBackend { .. } => Cause::Client,
        }
    }
}

/// A reset, or the end of a TLS connection without close_notify.
fn is_farewell(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

/// Why a statement was not served. The session goes on.
#[derive(Debug, Error)]
pub(crate) enum Unserved {
    /// Nobody may serve it.
    #[error("{0}")]
    Refusal(#[from] Refusal),
    /// Writes waited for a primary in vain.
    #[error("no primary within {waited:?}: {why}")]
    NoPrimary { waited: Duration, why: String },
    /// No server that may serve it could.
    #[error("{0}")]
    Backend(#[from] BackendError),
    /// The connection broke when the statement was on its way: it may or may not have run.
    #[error("the connection to the backend was lost while the statement ran; whether it took effect is unknown: {0}")]
    UnknownOutcome(String),
    /// The same, for COMMIT.
    #[error(
        "the connection to the backend was lost during COMMIT; whether the transaction was committed is unknown: {0}"
    )]
    UnknownCommit(String),
    /// The connection that knew it is lost, and with it what FOUND_ROWS(), ROW_COUNT() or LAST_INSERT_ID() would give.
    #[error(
        "what {0} would give was lost with the connection to the backend that ran the statement before; run that statement \
             again, or connect again"
    )]
    CountLost(&'static str),
    /// The held connection is one to a server that is not the primary any more.
    #[error("another server became the primary; what this session had open on the old one is rolled back")]
    Deposed,
    /// Too many reads run on the primary already that belong on replicas.
    #[error(
        "no replica can serve this read, and {most} such reads run on the primary already \
             (failover.primary_read_cap); waited {waited:?}"
    )]
    Crowded { most: usize, waited: Duration },
    /// The session's READ ONLY transaction is on a replica, and cannot go on on the primary.
    #[error(
        "this statement needs the primary, and a user variable of this READ ONLY transaction is of a type that cannot go \
             along: begin it with /* splitfin: primary */"
    )]
    CannotMove,
    /// The account may not come in this way: a server's words.
    #[error("{0}")]
    Denied(String),
    /// The account may have to use TLS, and its client does not.
    #[error(
        "whether this account has to use TLS is not known: use TLS, or give the account of `monitor` the right to look \
             (GRANT SELECT ON mysql.user)"
    )]
    EncryptionUnknown,
    /// As many sessions of one account as may be.
    #[error("User '{user}' has exceeded the 'clients_per_user' limit of Splitfin (current value: {most})")]
    TooManyOfUser { user: String, most: usize },
    /// Somebody said KILL before a server saw it, or it says so of itself.
    #[error("Query execution was interrupted")]
    Interrupted,
    /// The session has killed itself, on MariaDB.
    #[error("Connection was killed")]
    Killed,
    /// KILL of somebody who is not there.
    #[error("Unknown thread id: {0}")]
    UnknownThread(u64),
    /// KILL of somebody else's session.
    #[error("You are not owner of thread {0}")]
    NotOwner(u32),
    /// As many prepared statements as there may be.
    #[error("Can't create more than max_prepared_stmt_count statements (current value: {most})")]
    TooManyPrepared { most: usize },
    /// The prepared statements of a session take too much memory.
    #[error("the prepared statements of a session may have {most} bytes of text together: close some first")]
    PreparedTooLong { most: usize },
    /// The prepared statements of all sessions take too much memory.
    #[error(
        "the commands and prepared statements of all clients together may take {most} bytes (limits.memory), and there is no \
             room for one more: close some first, or try again later"
    )]
    PreparedNoMemory { most: usize },
    /// A long statement asks for what has to be put into its text.
    #[error(
        "a statement of {length} bytes asks for CONNECTION_ID(), ROW_COUNT(), FOUND_ROWS() or the number of warnings, which \
             is possible up to {most} bytes: ask in a statement of its own, and use a user variable"
    )]
    TooLongToRewrite { length: usize, most: usize },
    /// Not yet.
    #[error("{0} is not supported yet")]
    Unsupported(&'static str),
    /// No server knows it.
    #[error("Unknown command")]
    UnknownCommand,
    /// The statement id is not of this session.
    #[error("Unknown prepared statement handler ({id}) given to {command}")]
    UnknownStatement { id: u32, command: &'static str },
    /// Rows are asked for, and there is no cursor.
    #[error("The statement ({id}) has no open cursor{stop}")]
    NoCursor { id: u32, stop: &'static str },
    /// The command cannot be read.
    #[error("Malformed communication packet: {0}")]
    Malformed(#[from] splitfin_protocol::Malformed),
    /// The server sent what no server should send.
    #[error("{0}")]
    Violation(#[from] Violation),
}

/// `ER_ACCESS_DENIED_ERROR`
pub(crate) const ACCESS_DENIED: u16 = 1045;
/// `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`: what MariaDB says of accounts with some other plugins, and sooner.
const ACCESS_DENIED_OTHERWISE: u16 = 1698;

impl Unserved {
    /// Whether an account was not let in, because of its password or its way.
    pub(crate) fn is_denial(&self) -> bool {
        match self {
            Self::Denied(_) => true,
            Self::Backend(error) => {
                error.refusal().is_some_and(|(code, ..)| matches!(code, ACCESS_DENIED | ACCESS_DENIED_OTHERWISE))
            }
            _ => false,
        }
    }

    /// The packet that tells the client. Numbers of 2000 to 2999 never go to clients: they take them for their own.
    pub(crate) fn packet(&self) -> Vec<u8> {
        let own = |code: u16, state: &[u8; 5]| ErrPacket::new(code, state, &format!("Splitfin: {self}")).encode();
        match self {
            Self::Refusal(Refusal::Rejected(_)) => own(1148, b"42000"),
            Self::Refusal(Refusal::NoPrimary(_)) | Self::NoPrimary { .. } | Self::CountLost(_) => own(1105, b"HY000"),
            Self::Backend(error) => match error.refusal() {
                Some((code, state, message)) => {
                    let state = state.as_bytes().first_chunk().unwrap_or(b"HY000");
                    ErrPacket::new(code, state, message).encode()
                }
                None => match error {
                    BackendError::Refused { code, state, message, .. } => {
                        ErrPacket::new(*code, state, message).encode()
                    }
                    BackendError::Exhausted { .. } => own(1040, b"08004"),
                    _ => own(1159, b"08S01"),
                },
            },
            Self::UnknownOutcome(_) | Self::UnknownCommit(_) | Self::Deposed => own(1159, b"08S01"),
            Self::Crowded { .. } => own(1040, b"08004"),
            Self::Unsupported(_) => own(1235, b"42000"),
            Self::CannotMove => own(1792, b"25006"),
            Self::Denied(text) => ErrPacket::new(ACCESS_DENIED, b"28000", text).encode(),
            Self::EncryptionUnknown => own(ACCESS_DENIED, b"28000"),
            Self::TooManyOfUser { .. } => ErrPacket::new(1226, b"42000", &self.to_string()).encode(),
            Self::TooManyPrepared { .. } => ErrPacket::new(1461, b"42000", &self.to_string()).encode(),
            Self::PreparedTooLong { .. } | Self::PreparedNoMemory { .. } => own(1461, b"42000"),
            Self::TooLongToRewrite { .. } => own(1235, b"42000"),
            Self::Interrupted => ErrPacket::new(1317, b"70100", &self.to_string()).encode(),
            Self::Killed => ErrPacket::new(1927, b"70100", &self.to_string()).encode(),
            Self::UnknownThread(_) => ErrPacket::new(1094, b"HY000", &self.to_string()).encode(),
            Self::NotOwner(_) => ErrPacket::new(1095, b"HY000", &self.to_string()).encode(),
            Self::UnknownCommand => ErrPacket::new(1047, b"08S01", "Unknown command").encode(),
            Self::UnknownStatement { .. } => ErrPacket::new(1243, b"HY000", &self.to_string()).encode(),
            Self::NoCursor { .. } => ErrPacket::new(1421, b"HY000", &self.to_string()).encode(),
            Self::Malformed(_) => ErrPacket::new(1835, b"HY000", &self.to_string()).encode(),
            Self::Violation(_) => own(1105, b"HY000"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_without_a_word_has_left() {
        for kind in [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe] {
            assert_eq!(SessionError::from(io::Error::from(kind)).cause(), Cause::Left, "{kind}");
            assert_eq!(SessionError::from(FrameError::from(io::Error::from(kind))).cause(), Cause::Left, "{kind}");
        }
        assert_eq!(SessionError::from(FrameError::Closed).cause(), Cause::Left);
        assert_eq!(SessionError::from(io::Error::from(io::ErrorKind::InvalidData)).cause(), Cause::Client);
    }
}
