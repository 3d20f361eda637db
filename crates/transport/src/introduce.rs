//! Balancers that say for whom they speak: the PROXY header before a connection.

use crate::listen::{Accepted, Peer};
use splitfin_protocol::Malformed;
use splitfin_protocol::proxy::{Header, Progress, parse};
use std::io;
use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Why it is not known who a client is.
#[derive(Debug, Error)]
pub enum IntroductionError {
    /// The connection failed or ended.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It begins otherwise.
    #[error(transparent)]
    NoHeader(#[from] Malformed),
}

/// Reads the header that a balancer sends first, and nothing of what follows. Gives the client's address in place of
/// the balancer's, unless that speaks for itself.
pub async fn introduced(socket: Accepted, proxy: Peer) -> Result<(Accepted, Peer), IntroductionError> {
    let Accepted::Tcp(tcp) = socket else { return Ok((socket, proxy)) };
    let mut tcp = TcpStream::from_std(tcp)?;
    let mut bytes = Vec::new();
    let header = loop {
        let have = bytes.len();
        match parse(&bytes)? {
            Progress::Whole(header) => break header,
            Progress::Needs(more) => bytes.resize(have + more, 0),
        }
        tcp.read_exact(&mut bytes[have..]).await?;
    };
    let peer = match header {
        Header::Local => proxy,
        Header::Client(address) => Peer::Tcp(address),
    };
    Ok((Accepted::Tcp(tcp.into_std()?), peer))
}
