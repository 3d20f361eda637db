//! Connections to servers: how they are opened, what has been done to them, who uses them.
//!
//! Everything here belongs to one worker: no locks, no atomics on the path of a query. What workers share is in
//! [`Limits`]. A pool knows neither sessions nor SQL; it hands out a [`Lease`], which ends by [`Lease::release`] or, if
//! it is dropped, by closing the socket: a connection in an unknown state is never used again.

mod alarm;
mod asker;
mod backends;
mod catalogue;
mod connection;
mod era;
mod error;
mod lease;
mod limits;
mod login;
mod pick;
mod pools;
mod query;
pub mod question;
mod queue;
mod renewal;
mod rights;
mod state;
mod tracking;
mod usage;
mod user_variables;

pub use alarm::Alarm;
pub use asker::Certainty;
pub use backends::Backends;
pub use connection::{Arrival, Connection, StatementKey};
pub use era::{Age, Began};
pub use error::BackendError;
pub use lease::Lease;
pub use limits::{Caps, Limits, StandIn};
pub use login::{Account, Backend, BackendTls};
pub use pick::Balance;
pub use pools::{Checkout, Common, PoolStats, Pools, Settings};
pub use rights::{AtLogin, Seen};
pub use state::{DEFAULT_OF_SERVER, Values, Wanted};
pub use tracking::TRACKING_SETTINGS;
pub use usage::Usage;
