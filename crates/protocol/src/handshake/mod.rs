//! Logins as state machines, one for each side: packets in, the next step out.

pub mod accept;
pub mod connect;

pub use accept::Accept;
pub use connect::Connect;
