//! An immutable view of all servers; the data plane sees nothing else.

use crate::backend::{BackendId, BackendSpec};
use crate::condition::Unfit;
use crate::observation::Family;
use std::time::Duration;

/// What a server is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes the writes.
    Primary,
    /// Takes reads, if it is fit.
    Replica,
}

/// One server in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendView {
    /// Its number; also its place in [`Snapshot::backends`].
    pub id: BackendId,
    /// As configured.
    pub spec: BackendSpec,
    /// What it is.
    pub role: Role,
    /// Whether it may serve, or why not.
    pub fit: Result<(), Unfit>,
    /// How late it is, if it is a replica that knows.
    pub lag: Option<Duration>,
    /// `@@version`, once it was seen.
    pub version: Option<String>,
    /// GTID position, as last seen.
    pub position: String,
}

/// All servers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Counts snapshots from 1.
    pub epoch: u64,
    /// All servers, by id.
    pub backends: Vec<BackendView>,
    /// The server that takes the writes. It is fit.
    pub primary: Option<BackendId>,
    /// Family of the servers, once one was seen.
    pub family: Option<Family>,
}

impl Snapshot {
    /// The server with this number.
    pub fn backend(&self, id: BackendId) -> Option<&BackendView> {
        self.backends.get(id.index())
    }

    /// The server of this name.
    pub fn by_name(&self, name: &str) -> Option<&BackendView> {
        self.backends.iter().find(|view| view.spec.name == name)
    }

    /// Replicas that may serve reads.
    pub fn fit_replicas(&self) -> impl Iterator<Item = &BackendView> {
        self.backends.iter().filter(|view| view.role == Role::Replica && view.fit.is_ok())
    }
}
