//! A server as the operator named it.

use std::fmt;

/// Number of a backend, stable while the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u16);

/// So many backends one process may ever have: numbers are not given twice, but a backend that comes back as it was gets
/// its own again.
pub const MOST_BACKENDS: usize = 512;

impl BackendId {
    /// As an index into per-backend tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What those who use a backend notice of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It refused a write, or was told to: roles may be about to change, and all servers should be looked at.
    Role,
    /// Something went wrong: worth a look at once.
    Suspect,
    /// Statements fail one after the other.
    Failing,
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
