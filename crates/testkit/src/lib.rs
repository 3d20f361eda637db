//! Throwaway MariaDB and MySQL servers in replication, to test on and to show.
//!
//! A [`Cluster`] is a primary and its replicas with GTID replication on free ports of 127.0.0.1. Its servers can be
//! stopped, killed, paused, delayed and started again, and tell which statements they executed. Everything a cluster
//! made is gone when it is dropped.

mod cluster;
mod disk;
mod error;
mod groups;
mod network;
mod programs;
mod server;
mod wait;

pub use cluster::{APP, Cluster, MONITOR, PASSWORD, Replication};
pub use disk::Disk;
pub use error::Error;
pub use mysql_async;
pub use network::Network;
pub use programs::{Family, Programs, is_root, servers};
pub use server::{Server, ServerOptions};
pub use wait::{eventually, free_port};
