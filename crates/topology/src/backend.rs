//! A server as the operator named it.

use std::fmt;

/// Number of a backend, stable while the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u16);

impl BackendId {
    /// As an index into per-backend tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for BackendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the configuration says of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSpec {
    /// The operator's name for it; in logs, metrics and hints.
    pub name: String,
    /// `host:port`, or the path of a unix socket.
    pub address: String,
    /// Share of the reads, relative to the other replicas. 0 takes none.
    pub weight: u32,
}
