//! Endpoints for clients.

use crate::stream::Stream;
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
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
    /// A unix socket.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Its file.
        path: PathBuf,
        /// Device and inode, if the file was made here: it is removed with the listener, unless somebody has replaced it.
        own: Option<(u64, u64)>,
    },
}

/// Sockets that listen already, given to this process by whoever started it (systemd's socket activation).
#[derive(Debug, Default)]
pub struct Inherited {
    tcp: Vec<std::net::TcpListener>,
    unix: Vec<std::os::unix::net::UnixListener>,
}

impl Inherited {
    /// Those of `LISTEN_FDS`, as `sd_listen_fds(3)` has it. To be called once, before there are threads.
    pub fn from_env() -> io::Result<Self> {
        let mut given = listenfd::ListenFd::from_env();
        let mut inherited = Self::default();
        for at in 0..given.len() {
            // A descriptor of another kind is given back, and an error says so.
            if let Ok(Some(listener)) = given.take_tcp_listener(at) {
                inherited.tcp.push(listener);
            } else if let Some(listener) = given.take_unix_listener(at)? {
                inherited.unix.push(listener);
            }
        }
        Ok(inherited)
    }

    /// The socket that listens on `endpoint`, if there is one.
    fn take(&mut self, endpoint: &Endpoint) -> io::Result<Option<Listener>> {
        match endpoint {
            Endpoint::Tcp(address) => {
                let found = self.tcp.iter().position(|tcp| tcp.local_addr().is_ok_and(|ours| ours == *address));
                let Some(tcp) = found.map(|at| self.tcp.swap_remove(at)) else { return Ok(None) };
                tcp.set_nonblocking(true)?;
                Ok(Some(Listener::Tcp(TcpListener::from_std(tcp)?)))
            }
            Endpoint::Unix(path) => {
                let is_there = |unix: &std::os::unix::net::UnixListener| {
                    unix.local_addr().is_ok_and(|ours| ours.as_pathname() == Some(path))
                };
                let found = self.unix.iter().position(is_there);
                let Some(unix) = found.map(|at| self.unix.swap_remove(at)) else { return Ok(None) };
                unix.set_nonblocking(true)?;
                let listener = UnixListener::from_std(unix)?;
                Ok(Some(Listener::Unix { listener, path: path.clone(), own: None }))
            }
        }
    }

    /// What nobody took.
    pub fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.unix.is_empty()
    }
}

/// Whether another process may listen on an endpoint already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Claim {
    /// Nobody must.
    #[default]
    Alone,
    /// The one that this process takes over from: both get clients, until that one closes its socket.
    TakeOver,
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
    /// Binds `endpoint`, or takes the socket that listens there.
    /// `mode` is what a unix socket may be opened by, as in `chmod`.
    pub fn bind(endpoint: &Endpoint, mode: u32, inherited: &mut Inherited, claim: Claim) -> io::Result<Self> {
        if let Some(listener) = inherited.take(endpoint)? {
            return Ok(listener);
        }
        match endpoint {
            Endpoint::Tcp(address) => Ok(Self::Tcp(TcpListener::from_std(bind_tcp(*address, claim)?)?)),
            Endpoint::Unix(path) => bind_unix(path, mode, claim),
        }
    }

    /// Where it is bound; the port is known even if 0 was asked for.
    pub fn endpoint(&self) -> io::Result<Endpoint> {
        match self {
            Self::Tcp(listener) => Ok(Endpoint::Tcp(listener.local_addr()?)),
            Self::Unix { path, .. } => Ok(Endpoint::Unix(path.clone())),
        }
    }

    /// Waits for a client. The socket leaves this runtime, so that any worker can take it.
    pub async fn accept(&self) -> io::Result<(Accepted, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (tcp, address) = listener.accept().await?;
                Ok((Accepted::Tcp(tcp.into_std()?), Peer::Tcp(address)))
            }
            Self::Unix { listener, .. } => {
                let (unix, _) = listener.accept().await?;
                Ok((Accepted::Unix(unix.into_std()?), Peer::Unix))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix { path, own: Some(own), .. } = self
            && file(path) == Some(*own)
        {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A socket that listens. That a successor may take over is agreed to from the beginning, as the system wants it; so
/// that two that know nothing of each other do not share an address, the first looks whether it is free.
pub fn bind_tcp(address: SocketAddr, claim: Claim) -> io::Result<std::net::TcpListener> {
    let socket = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        Ok::<_, io::Error>(socket)
    };
    if claim == Claim::Alone {
        let alone = socket()?;
        alone.bind(&address.into())?;
        alone.listen(BACKLOG)?;
    }
    let shared = socket()?;
    shared.set_reuse_port(true)?;
    shared.bind(&address.into())?;
    shared.listen(BACKLOG)?;
    Ok(shared.into())
}

fn bind_unix(path: &Path, mode: u32, claim: Claim) -> io::Result<Listener> {
    // A socket that nobody listens on any more may go; a living one must stay.
    let is_free = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type().is_socket() && std::os::unix::net::UnixStream::connect(path).is_err(),
        Err(_) => true,
    };
    if claim == Claim::Alone && !is_free {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    // Nobody connects before the mode is right, and clients find one of the two sockets at any moment.
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    // In a container every process may have the same number: one that died right here has left this.
    let _ = std::fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside)?;
    let ready = std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode))
        .and_then(|()| std::fs::rename(&beside, path));
    if let Err(error) = ready {
        // It is the first error that counts.
        let _ = std::fs::remove_file(&beside);
        return Err(error);
    }
    Ok(Listener::Unix { listener, path: path.to_owned(), own: file(path) })
}

/// Device and inode.
fn file(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
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
