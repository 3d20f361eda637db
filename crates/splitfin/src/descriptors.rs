//! File descriptors: as many as the system gives, and the last of them are for servers and operators.

use crate::config::Config;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use splitfin_transport::Accepted;
use std::os::fd::AsRawFd as _;

/// Raises the limit of the process to what it may be, and says so where that is not enough.
pub(crate) fn raise(config: &Config) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, limit = current, "the limit of file descriptors cannot be raised to the hard one");
    }
    let needed = needed(config);
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "limits.clients, and pool.max_connections to each server, are more than there may be file descriptors: clients \
             are refused before connections to servers are; raise the hard limit (LimitNOFILE=, ulimit -Hn)"
        );
    }
}

/// Clients, connections to servers, and what else is open.
fn needed(config: &Config) -> u64 {
    let servers = (config.backends.len() + config.discovery.names.len()) as u64;
    let clients = config.clients as u64;
    let each = config.caps.connections as u64 + OF_SERVER;
    let others = (config.listen.len() + config.workers * OF_WORKER) as u64 + OF_PROCESS;
    let used = clients.saturating_add(each.saturating_mul(servers)).saturating_add(others);
    // Clients have the first nine tenths.
    used.max((clients + others).saturating_mul(10) / 9)
}

/// Up to which number descriptors are for clients. The system gives the lowest that is free, so the number of a socket tells
/// how many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForClients {
    end: Option<u64>,
}

impl ForClients {
    /// With the limit that the process has now.
    pub(crate) fn now() -> Self {
        Self { end: getrlimit(Resource::Nofile).current.map(end) }
    }

    /// Whether this socket is one of the last.
    pub(crate) fn exclude(self, socket: &Accepted) -> bool {
        let number = match socket {
            Accepted::Tcp(tcp) => tcp.as_raw_fd(),
            Accepted::Unix(unix) => unix.as_raw_fd(),
        };
        self.end.is_some_and(|end| u64::try_from(number).is_ok_and(|number| number >= end))
    }
}

/// The last tenth is not for clients, and not less than [`RESERVED`].
const fn end(limit: u64) -> u64 {
    let tenth = limit / 10;
    limit.saturating_sub(if tenth > RESERVED { tenth } else { RESERVED })
}

/// For servers, probes and the admin endpoint, at least.
const RESERVED: u64 = 32;
/// To each server, besides the pool: probes, and asking on the way to a new primary.
const OF_SERVER: u64 = 4;
/// Of each worker: its runtime.
const OF_WORKER: usize = 4;
/// Standard streams, the control plane, the admin endpoint and its connections.
const OF_PROCESS: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_not_for_clients() {
        assert_eq!([10, 64, 256, 1024, 100_000].map(end), [0, 32, 224, 922, 90_000]);
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let number = u64::try_from(socket.as_raw_fd()).unwrap();
        let socket = Accepted::Unix(socket);
        let excluded = [None, Some(number + 1), Some(number)].map(|end| ForClients { end }.exclude(&socket));
        assert_eq!(excluded, [false, false, true]);
    }
}
