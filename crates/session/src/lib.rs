//! One client, from its first byte to its last.
//!
//! ```text
//! run ──> login ──> serve ─┬─> plan ──> (checkout) ──> execute ──> relay ──> settle ─┐
//!                          └──────────────────────────────────────────────────────────┘
//! ```
//! [`Session`] is plain straight-line code over one client socket; what outlives a command is in `binding` (which
//! connection is held, why, and what only that connection has) and `state` (what the session looks like to the client). It spawns nothing: when its
//! future is dropped, its sockets close.

mod accounts;
mod attempt;
mod binding;
mod brake;
mod budget;
mod cancel;
mod change_user;
mod conditions;
mod consistency;
mod count;
mod encryption;
mod error;
mod execute;
mod failover;
mod failure;
mod found_rows;
mod job;
mod kill;
mod last_insert_id;
mod learned;
mod login;
mod logins;
mod marks;
mod metrics;
mod opening;
mod outlasts;
mod plan;
mod prepared;
mod process_list;
mod read_only;
mod registry;
mod relay;
mod reply;
mod retries;
mod rights;
mod route_log;
mod serve;
mod settings;
mod settle;
mod shape;
mod state;
mod text;
mod worker;

pub use accounts::{Accounts, Vault};
pub use brake::{Brake, source};
pub use budget::Budget;
pub use consistency::ConsistencySettings;
pub use error::{Cause, SessionError};
pub use learned::{Learned, Lesson};
pub use logins::Logins;
pub use marks::Marks;
pub use metrics::Metrics;
pub use registry::{Registry, SessionIds};
pub use route_log::{RouteLog, RouteLogLevel};
pub use serve::{Listener, Session};
pub use settings::{Certificates, PoolMode, Settings, Users};
pub use worker::Worker;
