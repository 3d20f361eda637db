//! Probes: one task for each backend asks it how it is, and the answers become snapshots.
//!
//! A probe has a hard deadline, and a connection that missed one is never used again: it would answer the next question
//! with the answer to the last.

mod ask;
mod cluster;
mod heartbeat;
mod neighbours;
mod probe;
pub mod promotion;
mod rows;
mod supervise;
mod task;

pub use heartbeat::Heartbeat;
pub use neighbours::{Neighbours, neighbours};
pub use probe::{Prober, Target};
pub use supervise::{Restarts, keep};
pub use task::{Order, Wires, watch};
