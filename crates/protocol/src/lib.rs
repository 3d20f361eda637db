//! The MySQL and MariaDB wire protocol: bytes to meaning and back.
//!
//! Nothing here touches a socket, a clock or a log. Bytes come in as slices, bytes go out into a `Vec<u8>`, randomness
//! is an argument. No input can make this crate panic: every read goes through [`wire::Reader`], whose failures name
//! the field that was missing.
//!
//! Where to look: [`frame`] for packet boundaries, [`packet`] for one packet per file, [`handshake`] for both sides of a
//! login as state machines, [`exchange`] for where a reply ends and [`reshape`] for turning a server's reply into what
//! the client at the other end asked for.

pub mod auth;
pub mod capability;
pub mod command;
pub mod compress;
pub mod exchange;
pub mod frame;
#[cfg(test)]
mod golden_tests;
pub mod handshake;
pub mod packet;
pub mod proxy;
pub mod reshape;
pub mod session_track;
pub mod status;
pub mod thread_ids;
pub mod wire;

pub use capability::Capabilities;
pub use command::{Command, CommandByte};
pub use exchange::{Exchange, Outcome};
pub use status::Status;
pub use wire::{Malformed, Reader};
