//! Connecting to a server.

use crate::stream::Stream;
use socket2::{SockRef, TcpKeepalive};
use splitfin_protocol::proxy;
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UnixStream};

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum DialError {
    /// The system said no.
    #[error("cannot connect to {address}: {source}")]
    Io {
        /// Where to.
        address: String,
        /// The system's words.
        source: io::Error,
    },
    /// No answer in time.
    #[error("cannot connect to {address}: no answer within {limit:?}")]
    Timeout {
        /// Where to.
        address: String,
        /// How long was waited.
        limit: Duration,
    },
}

/// Connects to `host:port`, or to the unix socket `unix:PATH`, within `limit`. A server that is to know for whom, hears it
/// in a PROXY header first.
pub async fn dial(address: &str, client: Option<IpAddr>, limit: Duration) -> Result<Stream, DialError> {
    let failed = |source| DialError::Io { address: address.to_owned(), source };
    match tokio::time::timeout(limit, connect(address, client)).await {
        Ok(result) => result.map_err(failed),
        Err(_) => Err(DialError::Timeout { address: address.to_owned(), limit }),
    }
}

async fn connect(address: &str, client: Option<IpAddr>) -> io::Result<Stream> {
    if let Some(path) = address.strip_prefix("unix:") {
        return Ok(Stream::Unix(UnixStream::connect(path.trim()).await?));
    }
    let mut tcp = TcpStream::connect(address).await?;
    tune(&tcp)?;
    if let Some(client) = client {
        // Connections are shared between sessions from one address, whatever their ports were.
        tcp.write_all(&proxy::encode((client, 0).into(), tcp.peer_addr()?)).await?;
    }
    Ok(Stream::Tcp(tcp))
}

/// No delay for small packets, and probes that find a peer whose machine is gone.
pub(crate) fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(10));
    SockRef::from(tcp).set_tcp_keepalive(&keepalive)
}
