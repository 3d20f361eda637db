//! Something between Splitfin and a server that can be cut: a network for one address.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It arrives.
    Up,
    /// It is lost, and nobody is told: connections hang, and new ones are never answered.
    Cut,
    /// A connection breaks when a client says this.
    BreaksAt(&'static str),
    /// A server that says the first says the second instead, which is as long.
    Alters(&'static str, &'static str),
}

/// Passes connections to an address on to a server, while the network is up.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    state: watch::Sender<Network>,
    _task: JoinSet<()>,
}

impl Forward {
    /// From `from` (port 0: any) to the port `to` of 127.0.0.1.
    pub async fn start(from: SocketAddr, to: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(from).await?;
        let address = listener.local_addr()?;
        let (state, seen) = watch::channel(Network::Up);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut pairs = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                pairs.spawn(pass(client, to, Vec::new(), seen.clone()));
            }
        });
        Ok(Self { address, state, _task: task })
    }

    /// A balancer: what comes to it is passed on with a PROXY header in front that names `client`.
    pub async fn introducing(client: SocketAddr, to: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (state, seen) = watch::channel(Network::Up);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut pairs = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let header = splitfin_protocol::proxy::encode(client, address);
                pairs.spawn(pass(socket, to, header, seen.clone()));
            }
        });
        Ok(Self { address, state, _task: task })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the network.
    pub fn set(&self, state: Network) {
        self.state.send_replace(state);
    }
}

async fn pass(client: TcpStream, to: u16, first: Vec<u8>, state: watch::Receiver<Network>) {
    let mut waiting = state.clone();
    if waiting.wait_for(|state| *state != Network::Cut).await.is_err() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    if server.write_all(&first).await.is_err() {
        return;
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let state = Arc::new(state);
    let (up, down) =
        (copy(from_client, to_server, state.as_ref().clone()), copy(from_server, to_client, state.as_ref().clone()));
    // Where one side ends, the other one does too.
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

async fn copy(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut state: watch::Receiver<Network>,
) {
    let mut buffer = vec![0; 65536];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        let Ok(now) = state.wait_for(|state| *state != Network::Cut).await.map(|state| *state) else { return };
        let said = &mut buffer[..read];
        if let Network::Alters(what, into) = now {
            alter(said, what, into);
        }
        let is_said = |text: &str| said.windows(text.len()).any(|part| part == text.as_bytes());
        let breaks = matches!(now, Network::BreaksAt(text) if is_said(text));
        if breaks || to.write_all(said).await.is_err() {
            return;
        }
    }
}

fn alter(said: &mut [u8], what: &str, into: &str) {
    for at in 0..said.len() {
        if let Some(part) = said.get_mut(at..at + what.len()).filter(|part| *part == what.as_bytes()) {
            part.copy_from_slice(into.as_bytes());
        }
    }
}
