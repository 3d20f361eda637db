//! Endpoints for clients.

use crate::stream::Stream;
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Where clients connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// An address of this machine.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Who connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// From this address.
    Tcp(SocketAddr),
    /// Over a unix socket.
    Unix,
}

impl Peer {
    /// The address, if there is one.
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// A bound endpoint.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket; its file is removed with the listener.
    Unix(UnixListener, PathBuf),
}

/// An accepted socket on its way to the worker that will serve it.
#[derive(Debug)]
pub enum Accepted {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// A unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl Listener {
    /// Binds `endpoint`.
    pub fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(address) => {
                let socket = Socket::new(Domain::for_address(*address), Type::STREAM, Some(Protocol::TCP))?;
                socket.set_reuse_address(true)?;
                socket.set_nonblocking(true)?;
                socket.bind(&(*address).into())?;
                socket.listen(BACKLOG)?;
                Ok(Self::Tcp(TcpListener::from_std(socket.into())?))
            }
            Endpoint::Unix(path) => {
                // A socket that nobody listens on any more is in the way; a living one must stay.
                if path.exists() && std::os::unix::net::UnixStream::connect(path).is_err() {
                    std::fs::remove_file(path)?;
                }
                Ok(Self::Unix(UnixListener::bind(path)?, path.clone()))
            }
        }
    }

    /// Where it is bound; the port is known even if 0 was asked for.
    pub fn endpoint(&self) -> io::Result<Endpoint> {
        match self {
            Self::Tcp(listener) => Ok(Endpoint::Tcp(listener.local_addr()?)),
            Self::Unix(_, path) => Ok(Endpoint::Unix(path.clone())),
        }
    }

    /// Waits for a client. The socket leaves this runtime, so that any worker can take it.
    pub async fn accept(&self) -> io::Result<(Accepted, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (tcp, address) = listener.accept().await?;
                Ok((Accepted::Tcp(tcp.into_std()?), Peer::Tcp(address)))
            }
            Self::Unix(listener, _) => {
                let (unix, _) = listener.accept().await?;
                Ok((Accepted::Unix(unix.into_std()?), Peer::Unix))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Accepted {
    /// Joins the runtime of the calling worker.
    pub fn into_stream(self) -> io::Result<Stream> {
        match self {
            Self::Tcp(tcp) => {
                let tcp = TcpStream::from_std(tcp)?;
                crate::dial::tune(&tcp)?;
                Ok(Stream::Tcp(tcp))
            }
            Self::Unix(unix) => Ok(Stream::Unix(UnixStream::from_std(unix)?)),
        }
    }
}

/// Connections that the system keeps while the acceptor is busy.
const BACKLOG: i32 = 4096;
