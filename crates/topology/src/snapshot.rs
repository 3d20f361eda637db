//! An immutable view of all servers; the data plane sees nothing else.

use crate::backend::{BackendId, BackendSpec};
use crate::condition::Unfit;
use crate::gtid::Position;
use crate::observation::{Family, Identity, Offer};
use std::time::{Duration, Instant};

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
    /// Whether it answered the last probe, and said that it takes no writes.
    pub read_only: bool,
    /// Its share of the reads, in hundredths of its weight: less than all of it after a time away.
    pub share: u32,
    /// How late it is, if it is a replica that knows.
    pub lag: Option<Duration>,
    /// How far its clock is ahead of Splitfin's, in microseconds.
    pub clock: Option<i64>,
    /// About how many transactions of the primary it lacks, as both were seen last.
    pub after: Option<u64>,
    /// How its replicas call it, once it was seen.
    pub identity: Option<Identity>,
    /// `@@version`, once it was seen.
    pub version: Option<String>,
    /// What its greeting offers, once that was seen.
    pub offer: Option<Offer>,
    /// How far it is in the stream of transactions.
    pub progress: Progress,
}

/// How to make sure that a server has what was committed elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Means {
    /// By waiting for a position.
    #[default]
    Position,
    /// By letting it catch up with its cluster: its positions are its own (Galera).
    Sync,
}

/// How far a server is in the stream of transactions, as last seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// What it has.
    pub position: Position,
    /// When the probe that saw this began; nothing before the first one.
    pub seen: Option<Instant>,
    /// How to make sure that it has something.
    pub means: Means,
    /// Whether other members may show what was committed before it does, though it leads them (Group Replication).
    pub shows_last: bool,
    /// Whether what it commits gets a GTID.
    pub gtids: bool,
    /// Whether it commits in the order of its source, and has one source only.
    pub in_order: bool,
    /// Transactions a second that it was seen to take in, lately at most.
    pub rate: u64,
    /// Counts how often it was away, or came back with less than it had: nothing that was known of it before holds.
    pub generation: u32,
    /// What it had when it was found to be the primary; nothing, if it never was.
    pub led_from: Position,
}

/// All servers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Counts snapshots from 1.
    pub epoch: u64,
    /// All servers, by id. Those that were removed keep their place; see [`Snapshot::ours`].
    pub backends: Vec<BackendView>,
    /// The server that takes the writes. It is fit.
    pub primary: Option<BackendId>,
    /// The one that takes them, or took them until there was none.
    pub last_primary: Option<BackendId>,
    /// While there is no primary: the read-only server that was it, or is the only one that could be. It has all that was
    /// written.
    pub resort: Option<BackendId>,
    /// Whether another server than the primary, or than `resort`, could become the primary.
    pub replaceable: bool,
    /// Family of the servers, once one was seen.
    pub family: Option<Family>,
}

impl Snapshot {
    /// The server with this number.
    pub fn backend(&self, id: BackendId) -> Option<&BackendView> {
        self.backends.get(id.index())
    }

    /// Where writes go: to the primary. Without one, and with no other server that could become it, the read-only server
    /// that was it says itself what may be written there.
    pub fn writer(&self) -> Option<BackendId> {
        self.primary.or_else(|| self.resort.filter(|_| !self.replaceable))
    }

    /// The servers that were not removed.
    pub fn ours(&self) -> impl Iterator<Item = &BackendView> {
        self.backends.iter().filter(|view| view.fit != Err(Unfit::Removed))
    }

    /// The server of this name.
    pub fn by_name(&self, name: &str) -> Option<&BackendView> {
        self.ours().find(|view| view.spec.name == name)
    }

    /// Whether connections to a server are to be closed as they come to rest: it was removed, or is drained.
    pub fn is_leaving(&self, id: BackendId) -> bool {
        self.backend(id).is_some_and(|view| matches!(view.fit, Err(Unfit::Removed | Unfit::Drained)))
    }

    /// What every server that was seen offers, and otherwise what the primary does: what clients are greeted with.
    pub fn offer(&self) -> Option<Offer> {
        let primary = self.primary.and_then(|id| self.backend(id)).and_then(|view| view.offer);
        let mut offers = primary.into_iter().chain(self.ours().filter_map(|view| view.offer));
        let first = offers.next()?;
        Some(offers.fold(first, Offer::and))
    }

    /// Replicas that may serve reads.
    pub fn fit_replicas(&self) -> impl Iterator<Item = &BackendView> {
        self.backends.iter().filter(|view| view.role == Role::Replica && view.fit.is_ok())
    }
}
