//! Which servers exist and how they are.
//!
//! Probes report [`Observation`]s, [`Monitor`] folds them into conditions and roles, and publishes an immutable
//! [`Snapshot`]. Nothing here reads a clock or a socket: observations bring what is needed.

mod backend;
mod circuit;
mod condition;
mod gtid;
mod monitor;
mod observation;
mod publish;
mod snapshot;
mod trail;

pub use backend::{BackendId, BackendSpec, MOST_BACKENDS, Trouble};
pub use condition::{Thresholds, Unfit};
pub use gtid::{History, Position, PositionError};
pub use monitor::{Event, Kind, Monitor, PrimaryChoice};
pub use observation::{
    COUNT_RIGHTS, Channel, ClusterKind, Defaults, Family, Identity, Membership, Observation, Offer, ProbeFailure,
};
pub use publish::{LocalTopology, Topology};
pub use snapshot::{BackendView, Means, Progress, Role, Snapshot};
