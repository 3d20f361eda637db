//! Probes over verified connections: the driver that probes use cannot pin a certificate, or be told which authority to
//! trust for one server alone. So it speaks to a socket of this process, in a folder that nobody else may enter, and what
//! it says goes to the server inside TLS, verified as the connections of clients are.
//!
//! The login is shifted by one packet, the request for TLS; after it bytes pass as they are.

use crate::config::{Backend, BackendTls};
use crate::wiring::client_tls;
use anyhow::{Context as _, Result, anyhow};
use splitfin_protocol::Capabilities;
use splitfin_protocol::handshake::connect::TlsWish;
use splitfin_protocol::packet::ErrPacket;
use splitfin_transport::tls::ClientTls;
use splitfin_transport::{Framed, OwnCertificate, Stream, dial};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// One for each server whose certificate is verified, or that wants to see one.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    open: Mutex<Vec<Relay>>,
}

#[derive(Debug)]
struct Relay {
    address: String,
    tls: BackendTls,
    folder: TempDir,
    /// Ends with this.
    _task: JoinSet<()>,
}

impl Relays {
    /// Where probes of a server go, if not to itself.
    pub(crate) fn path(&self, backend: &Backend) -> Result<Option<PathBuf>> {
        let (address, tls) = (&backend.spec.address, &backend.tls);
        let shows = own(tls).is_some() && tls.wish != TlsWish::Disabled && !address.starts_with("unix:");
        if tls.ca.is_none() && tls.fingerprint.is_none() && !shows {
            return Ok(None);
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(relay) = open.iter().find(|relay| relay.address == *address && relay.tls == *tls) {
            return Ok(Some(socket(relay.folder.path())));
        }
        let relay = Relay::open(address.clone(), tls.clone())?;
        let path = socket(relay.folder.path());
        open.push(relay);
        Ok(Some(path))
    }

    /// Closes those that none of these servers needs any more.
    pub(crate) fn keep<'a>(&self, servers: impl Iterator<Item = &'a Backend> + Clone) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|relay| {
            servers.clone().any(|server| server.spec.address == relay.address && server.tls == relay.tls)
        });
    }
}

/// What the monitor shows.
fn own(tls: &BackendTls) -> Option<&OwnCertificate> {
    tls.certificates.iter().find(|certificate| certificate.for_any).map(|certificate| &certificate.own)
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("probe")
}

impl Relay {
    fn open(address: String, tls: BackendTls) -> Result<Self> {
        let client = client_tls(&tls, own(&tls))?;
        // Its mode is 0700.
        let folder = tempfile::Builder::new().prefix("splitfin-").tempdir().context("a folder for probes")?;
        let listener = UnixListener::bind(socket(folder.path())).context("a socket for probes")?;
        let mut task = JoinSet::new();
        let server = address.clone();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((socket, _)) = accepted else {
                            // Without file descriptors it would fail again at once.
                            tokio::time::sleep(PAUSE).await;
                            continue;
                        };
                        connections.spawn(serve(socket, server.clone(), client.clone()));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { address, tls, folder, _task: task })
    }
}

/// After a failed accept.
const PAUSE: Duration = Duration::from_millis(50);

/// One connection of a probe. Why there is none to the server is told as a server would.
async fn serve(socket: UnixStream, address: String, tls: ClientTls) {
    let mut probe = Framed::new(Stream::Unix(socket));
    // A probe that has given up is not noticed before the server has answered.
    let Ok(login) = tokio::time::timeout(LIMIT, log_in(&mut probe, &address, &tls)).await else { return };
    let connected = match login {
        Ok(server) => server,
        Err((sequence, error)) => {
            let error = ErrPacket::new(CANNOT_CONNECT, b"08S01", &format!("{error:#}")).encode();
            // The probe may have given up.
            let _ = probe.write_packet(sequence, &error).await;
            return;
        }
    };
    // Either side may end it.
    let _ = pass(probe, connected).await;
}

/// Takes the probe through the login. The error comes with the number of the packet that tells it.
async fn log_in(probe: &mut Framed, address: &str, tls: &ClientTls) -> Result<Framed, (u8, anyhow::Error)> {
    let first = |error| (0, error);
    let server = dial(address, None, LIMIT).await.map_err(|error| first(error.into()))?;
    let mut server = Framed::new(server);
    let (greeting, _) = server.read_packet(LONGEST).await.map_err(|error| first(error.into()))?;
    probe.write_packet(0, &greeting).await.map_err(|error| first(error.into()))?;
    if greeting.first() != Some(&PROTOCOL) {
        return Err((0, anyhow!("the server sent no greeting")));
    }
    let second = |error| (2, error);
    let (mut login, _) = probe.read_packet(LONGEST).await.map_err(|error| second(error.into()))?;
    let Some(flags) = login.first_chunk::<4>() else { return Err((2, anyhow!("no login"))) };
    let flags = u32::from_le_bytes(*flags) | Capabilities::SSL.low();
    login[..4].copy_from_slice(&flags.to_le_bytes());
    let request = login.get(..SSL_REQUEST).unwrap_or(&login).to_vec();
    server.write_packet(1, &request).await.map_err(|error| second(error.into()))?;
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let mut server = server.connect_tls(tls, host).await.map_err(|error| second(error.into()))?;
    server.write_packet(2, &login).await.map_err(|error| second(error.into()))?;
    loop {
        let (said, next) = server.read_packet(LONGEST).await.map_err(|error| second(error.into()))?;
        // Of the two packets less that the probe has seen, one was sent and one is this.
        probe.write_packet(next.wrapping_sub(2), &said).await.map_err(|error| second(error.into()))?;
        match said.as_slice() {
            [0x00 | 0xFF, ..] => return Ok(server),
            // The OK follows by itself.
            [1, FAST_AUTH_SUCCESS] => {}
            _ => {
                let (answer, next) = probe.read_packet(LONGEST).await.map_err(|error| second(error.into()))?;
                server.write_packet(next, &answer).await.map_err(|error| second(error.into()))?;
            }
        }
    }
}

/// Statements and answers: their numbers begin anew with each.
async fn pass(mut probe: Framed, mut server: Framed) -> Result<()> {
    loop {
        tokio::select! {
            read = probe.fill() => {
                let bytes = ended(read?, &probe)?;
                server.write(&bytes).await?;
                probe.consume(bytes.len());
            }
            read = server.fill() => {
                let bytes = ended(read?, &server)?;
                probe.write(&bytes).await?;
                server.consume(bytes.len());
            }
        }
    }
}

fn ended(read: usize, from: &Framed) -> Result<Vec<u8>> {
    match read {
        0 => Err(anyhow!("closed")),
        _ => Ok(from.input().to_vec()),
    }
}

/// `ER_CONNECT_TO_FOREIGN_DATA_SOURCE`: one of the servers' own numbers, about another server.
const CANNOT_CONNECT: u16 = 1429;
/// The first byte of a greeting.
const PROTOCOL: u8 = 10;
/// The part of a login that asks for TLS.
const SSL_REQUEST: usize = 32;
/// caching_sha2_password: the password was known.
const FAST_AUTH_SUCCESS: u8 = 3;
const LONGEST: usize = 64 * 1024;
/// For connecting, and for the whole login; the probe has a shorter limit of its own.
const LIMIT: Duration = Duration::from_secs(10);
