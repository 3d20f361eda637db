//! Looks names up, and knows for how long the answer holds.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The addresses of a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) addresses: BTreeSet<SocketAddr>,
    /// How long it holds, where that is known.
    pub(crate) lifetime: Option<Duration>,
}

/// Looks up `name:port` at these DNS servers, or as the machine is set up.
///
/// Servers and files are read anew each time: a resolver that was made once would go on with what they were then, and
/// would answer out of its own cache.
pub(crate) async fn look_up(name: &str, resolver: &[SocketAddr]) -> io::Result<Answer> {
    match tokio::time::timeout(LONGEST, find(name, resolver)).await {
        Ok(answer) => answer,
        Err(_) => Err(io::Error::other(format!("no answer within {LONGEST:?}"))),
    }
}

async fn find(name: &str, resolver: &[SocketAddr]) -> io::Result<Answer> {
    let (host, port) = split(name).ok_or_else(|| io::Error::other(format!("`{name}` has no port")))?;
    match by_dns(host, port, resolver).await {
        // What the machine finds in other ways (mDNS, LDAP, modules of NSS) has no lifetime.
        Err(error) if resolver.is_empty() => match tokio::net::lookup_host(name).await {
            Ok(found) => Ok(Answer { addresses: found.collect(), lifetime: None }),
            Err(_) => Err(io::Error::other(error)),
        },
        answer => answer.map_err(io::Error::other),
    }
}

async fn by_dns(host: &str, port: u16, resolver: &[SocketAddr]) -> Result<Answer, NetError> {
    let mut builder = match resolver {
        [] => TokioResolver::builder_tokio()?,
        servers => {
            let servers = servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    builder.options_mut().cache_size = 0;
    let found = builder.build()?.lookup_ip(host).await?;
    Ok(Answer {
        addresses: found.iter().map(|address| SocketAddr::new(address, port)).collect(),
        lifetime: Some(found.valid_until().saturating_duration_since(Instant::now())),
    })
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    server.connections.iter_mut().for_each(|connection| connection.port = address.port());
    server
}

fn split(name: &str) -> Option<(&str, u16)> {
    let (host, port) = name.rsplit_once(':')?;
    Some((host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()?))
}

/// When to look again: what holds shorter than `interval` is looked up sooner, but not all the time.
pub(crate) fn next_look(lifetime: Option<Duration>, interval: Duration) -> Duration {
    lifetime.map_or(interval, |lifetime| lifetime.max(SHORTEST).min(interval))
}

/// Time for an answer: what the machine asks (LDAP, modules of NSS) may have no limit itself.
const LONGEST: Duration = Duration::from_secs(30);
/// Answers that hold for no time at all are common.
const SHORTEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_answers_are_asked_for_sooner() {
        let [second, minute, hour] = [1, 60, 3600].map(Duration::from_secs);
        for (lifetime, interval, expected) in [
            (None, minute, minute),
            (Some(hour), minute, minute),
            (Some(Duration::ZERO), minute, second),
            (Some(2 * second), minute, 2 * second),
            (Some(Duration::ZERO), second / 5, second / 5),
        ] {
            assert_eq!(next_look(lifetime, interval), expected, "{lifetime:?} {interval:?}");
        }
    }

    #[test]
    fn addresses_need_no_server() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (name, address) in [("127.0.0.5:33", "127.0.0.5:33"), ("[::1]:33", "[::1]:33")] {
            let found = runtime.block_on(look_up(name, &[])).unwrap();
            assert_eq!(found.addresses, BTreeSet::from([address.parse().unwrap()]));
        }
    }
}
