//! What can go wrong with a server.

use std::io;
use thiserror::Error;

/// What can go wrong with a server.
#[derive(Debug, Error)]
pub enum Error {
    /// The programs are not there.
    #[error("{0}")]
    Missing(String),
    /// A program or a file.
    #[error("{what}: {source}")]
    Io {
        /// Which.
        what: String,
        /// The system's words.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("{what} failed: {log}")]
    Failed {
        /// Which.
        what: String,
        /// The end of what it said.
        log: String,
    },
    /// A statement failed, or the connection.
    #[error(transparent)]
    Mysql(#[from] mysql_async::Error),
    /// Something did not become true.
    #[error("not within {0:?}: {1}")]
    Deadline(std::time::Duration, String),
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
