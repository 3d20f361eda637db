//! Why an attempt on a server did not serve the client, and whether another one may.

use crate::error::SessionError;
use splitfin_backend::BackendError;
use splitfin_protocol::exchange::ServerError;
use splitfin_topology::BackendId;
use std::io;
use std::time::Duration;

/// Why an attempt did not serve the client.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may be served elsewhere, or later.
    Retry(Cause),
    /// The server answered something of our own with an error, which is the client's answer.
    Server(ServerError),
    /// The session is over.
    Session(SessionError),
}

/// Why a statement may have to be tried again.
#[derive(Debug)]
pub(crate) enum Cause {
    /// Nothing reached the server.
    NotSent(BackendError),
    /// It was sent, and nothing of a reply reached the client.
    Sent(BackendError),
    /// A replica refused it as a write.
    RefusedAsWrite,
    /// The server takes no writes any more: it is not the primary.
    Deposed(ServerError),
    /// A replica did not get what the session must see in time, and how long it was waited for, if it was.
    NotInTime(Option<Duration>),
}

/// A failure, and the server that it was on.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) at: BackendId,
    pub(crate) failure: Failure,
}

impl Failure {
    pub(crate) const fn at(self, backend: BackendId) -> Failed {
        Failed { at: backend, failure: self }
    }

    pub(crate) const fn sent(error: BackendError) -> Self {
        Self::Retry(Cause::Sent(error))
    }

    pub(crate) const fn not_sent(error: BackendError) -> Self {
        Self::Retry(Cause::NotSent(error))
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        Self::not_sent(error)
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Retry(cause)
    }
}

/// An error for what took too long, or is given up.
pub(crate) fn timed_out() -> BackendError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}
