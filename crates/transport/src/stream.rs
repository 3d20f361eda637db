//! One byte stream, whatever it runs over.

use crate::own_certificate::CertificateNames;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

/// A connected socket, with or without TLS.
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<Surplus>>),
}

impl Stream {
    /// Whether nobody on the way can read along.
    pub const fn is_secure(&self) -> bool {
        matches!(self, Self::Unix(_) | Self::Tls(_))
    }

    /// Whether it is encrypted.
    pub const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whose certificate the peer has shown, if it did. It was verified.
    pub fn certificate_of_peer(&self) -> Option<CertificateNames> {
        match self {
            Self::Tls(tls) => CertificateNames::of(tls.get_ref().1.peer_certificates()?.first()?),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }

    /// Reads into the spare room of `into`. 0 means the peer has closed. Cancelling loses nothing.
    ///
    /// A read that does not fill the room tells tokio that the socket is empty, which saves the read that would only
    /// find that out; `try_read` does not have this.
    pub async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read_buf(into).await,
            Self::Unix(unix) => unix.read_buf(into).await,
            Self::Tls(tls) => tls.read_buf(into).await,
        }
    }

    /// Waits until a read would give something, without needing a buffer. Returns at once for TLS, which holds bytes
    /// of its own.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.readable().await,
            Self::Unix(unix) => unix.readable().await,
            Self::Tls(_) => Ok(()),
        }
    }

    /// Whether the peer is silent: it sent nothing and did not close. No system call unless the socket was woken.
    pub fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let result = match self {
            Self::Tcp(tcp) => tcp.try_read(&mut byte),
            Self::Unix(unix) => unix.try_read(&mut byte),
            Self::Tls(tls) => tls.get_ref().0.tcp.try_read(&mut byte),
        };
        matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Writes all of `bytes`.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.write_all(bytes).await,
            Self::Unix(unix) => unix.write_all(bytes).await,
            Self::Tls(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
        }
    }

    /// Writes all of `bytes` to a peer that has `limit` for each piece that it takes.
    pub async fn write_within(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = match self {
                Self::Tcp(tcp) => within(limit, tcp.write(rest)).await?,
                Self::Unix(unix) => within(limit, unix.write(rest)).await?,
                Self::Tls(tls) => within(limit, tls.write(rest)).await?,
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = rest.get(written..).unwrap_or_default();
        }
        match self {
            Self::Tls(tls) => within(limit, tls.flush()).await,
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
        }
    }

    /// Says goodbye where the protocol has a word for it, if the peer takes it at once.
    pub async fn close(&mut self) {
        // The peer may be gone already, or read nothing any more; there is nobody to tell.
        let _ = match self {
            Self::Tcp(tcp) => within(FAREWELL, tcp.shutdown()).await,
            Self::Unix(unix) => within(FAREWELL, unix.shutdown()).await,
            Self::Tls(tls) => within(FAREWELL, tls.shutdown()).await,
        };
    }
}

/// Time for a peer to take the end of its connection.
const FAREWELL: Duration = Duration::from_secs(1);

/// Work that a peer has so much time for.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A TCP stream whose first bytes were read already. They belong to the TLS engine: a client may send its ClientHello
/// right after the request for TLS. They are never read as packets.
#[derive(Debug)]
pub struct Surplus {
    pub(crate) tcp: TcpStream,
    pub(crate) first: Vec<u8>,
}

impl AsyncRead for Surplus {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let take = self.first.len().min(buf.remaining());
        buf.put_slice(&self.first[..take]);
        self.first.drain(..take);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Surplus {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
