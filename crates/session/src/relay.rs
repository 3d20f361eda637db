//! Moves a reply from a backend to the client until it is over.

use crate::cancel::{Progress, until};
use crate::error::SessionError;
use splitfin_backend::{BackendError, Lease};
use splitfin_protocol::exchange::{Exchange, Outcome, ServerError};
use splitfin_protocol::frame::{FrameHeader, HEADER};
use splitfin_protocol::reshape::Reshape;
use splitfin_protocol::session_track::ToldState;
use splitfin_transport::Framed;
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// A reply that came to its end.
#[derive(Debug)]
pub(crate) struct Relayed {
    pub(crate) outcome: Outcome,
    /// Bytes that the client got.
    pub(crate) bytes: u64,
    /// The transaction state that it was told last.
    pub(crate) told: ToldState,
    /// Session-track entries that it was not told, as there was no OK.
    pub(crate) pending: Vec<u8>,
    /// The sequence id after the last packet that it got.
    pub(crate) next_sequence: u8,
}

/// A reply that did not.
#[derive(Debug)]
pub(crate) enum RelayError {
    /// The backend failed before the client got a byte: another one may try.
    BeforeFirstByte(BackendError),
    /// The backend failed when the client had part of the reply.
    Midway(BackendError),
    /// The server refused in a way that was to be caught; the client knows nothing of it.
    Caught(ServerError),
    /// The client failed or left.
    Client(SessionError),
}

/// `ER_PARSE_ERROR`
pub(crate) const PARSE_ERROR: u16 = 1064;

/// `ER_SERVER_SHUTDOWN`
pub(crate) const SHUTDOWN: u16 = 1053;

/// Errors that say "not on this server": read-only server, read-only transaction, read-only engine.
const WRITE_REFUSALS: [u16; 3] = [1290, 1792, 1836];

/// Which errors in place of a reply are kept from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Catch {
    /// Another server may do what it wants.
    pub(crate) refusals: Refusals,
    /// The text cannot be parsed, which the server must say of the client's own text.
    pub(crate) unparsed: bool,
    /// The server shuts down, and another one can answer.
    pub(crate) leaving: bool,
    /// The statement may have the client send a file. A server that asks for one otherwise does not get it.
    pub(crate) sends_file: bool,
}

/// Which refusals are kept from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Refusals {
    /// None.
    #[default]
    Nothing,
    /// That a replica's connection refuses to write.
    Writes,
    /// That the server is not the primary any more.
    Deposed,
}

impl Catch {
    fn catches(self, error: &ServerError) -> bool {
        self.refusals.contain(error)
            || (self.unparsed && error.code == PARSE_ERROR)
            || (self.leaving && error.code == SHUTDOWN)
    }
}

impl Refusals {
    fn contain(self, error: &ServerError) -> bool {
        match self {
            Self::Nothing => false,
            Self::Writes => WRITE_REFUSALS.contains(&error.code),
            Self::Deposed => is_deposed(error),
        }
    }
}

/// Whether a server says that it takes no writes, or takes no part in its cluster. Error 1290 also says that other options
/// forbid something.
pub(crate) fn is_deposed(error: &ServerError) -> bool {
    match error.code {
        1290 => error.message.contains("read-only"),
        1047 => error.message.contains("WSREP"),
        1836 | 1874 => true,
        _ => false,
    }
}

/// Relays one reply. A first packet that is caught is kept from the client. `heard` gets to
/// know what the reply has said so far before the client does, whenever it has said more of the session, and says why the
/// client must not be told, if so.
pub(crate) async fn relay(
    client: &mut Framed,
    lease: &mut Lease,
    mut reshape: Reshape,
    catch: Catch,
    progress: &Progress,
    mut heard: impl FnMut(&Outcome, bool) -> io::Result<()>,
) -> Result<Relayed, RelayError> {
    let mut changed = 0;
    let mut out = Vec::new();
    let mut bytes = 0u64;
    // A client that sends more while it waits (pipelining) is not looked at again before its reply is over.
    let mut watching = client.may_read_ahead();
    // When a client that has closed its half counts as gone.
    let mut gone = None;
    let failed = |error: BackendError, bytes: u64| match bytes {
        0 => RelayError::BeforeFirstByte(error),
        _ => RelayError::Midway(error),
    };
    loop {
        out.clear();
        let input = lease.framed().input();
        let step = reshape.advance(input, &mut out).map_err(|error| failed(error.into(), bytes))?;
        if bytes == 0
            // Of several statements, the ones in front have run, also when nobody was told yet.
            && reshape.exchange().outcome().status.is_none()
            && let Some(error) = reshape.exchange().outcome().error.as_ref().filter(|error| catch.catches(error))
        {
            let error = error.clone();
            lease.framed().consume(step.consumed);
            return Err(RelayError::Caught(error));
        }
        let outcome = reshape.exchange().outcome();
        if reshape.is_done() || outcome.changed > changed {
            changed = outcome.changed;
            heard(outcome, reshape.is_done()).map_err(|error| failed(error.into(), bytes))?;
        }
        if reshape.client_speaks() && !catch.sends_file {
            return Err(failed(asks_for_file().into(), bytes));
        }
        if step.consumed > 0 {
            let ready = if step.rewritten { &out[..] } else { input.get(..step.consumed).unwrap_or_default() };
            progress.replies();
            bytes += ready.len() as u64;
            client.write(ready).await.map_err(|error| RelayError::Client(error.into()))?;
            lease.framed().consume(step.consumed);
        }
        if reshape.is_done() {
            let next_sequence = reshape.next_sequence();
            let (exchange, told, pending) = reshape.finish();
            return Ok(Relayed { outcome: exchange.into_outcome(), bytes, told, pending, next_sequence });
        }
        if reshape.client_speaks() {
            send_file(client, lease, reshape.shift()).await?;
            reshape.client_is_done();
            continue;
        }
        let read = loop {
            tokio::select! {
                biased;
                read = lease.framed().fill() => break read,
                () = until(gone) => return Err(RelayError::Client(SessionError::ClientGone)),
                read = client.fill(), if watching => match read {
                    // It may only have nothing more to say, and still listen.
                    Ok(0) => (watching, gone) = (false, Some(Instant::now() + HALF_CLOSED)),
                    Err(_) => return Err(RelayError::Client(SessionError::ClientGone)),
                    Ok(_) => watching = false,
                },
            }
        };
        match read {
            Ok(0) => return Err(failed(closed().into(), bytes)),
            // A client that is gone refuses what is written next; one that listens has its time again.
            Ok(_) => gone = gone.map(|_| Instant::now() + HALF_CLOSED),
            Err(error) => return Err(failed(error.into(), bytes)),
        }
    }
}

/// Servers answer a client that has closed its half. One that is gone looks the same, and its statement must end: a
/// server that is silent for so long works for nobody.
const HALF_CLOSED: Duration = Duration::from_millis(500);

fn asks_for_file() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the server asks the client for a file, which its statement does not send",
    )
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")
}

/// Sends the client's file frame by frame; an empty frame ends it.
async fn send_file(client: &mut Framed, lease: &mut Lease, shift: u8) -> Result<(), RelayError> {
    let lost = |error: io::Error| RelayError::Midway(error.into());
    loop {
        let header = loop {
            match FrameHeader::parse(client.input()) {
                Some(header) => break header,
                None => more_of_file(client).await?,
            }
        };
        client.consume(HEADER);
        let sequence = header.sequence.wrapping_sub(shift);
        lease.framed().write_more(&FrameHeader { sequence, ..header }.encode()).await.map_err(lost)?;
        let mut left = header.length;
        while left > 0 {
            if client.input().is_empty() {
                more_of_file(client).await?;
            }
            let take = left.min(client.input().len());
            lease.framed().write_more(&client.input()[..take]).await.map_err(lost)?;
            client.consume(take);
            left -= take;
        }
        if header.length == 0 {
            return Ok(());
        }
    }
}

async fn more_of_file(client: &mut Framed) -> Result<(), RelayError> {
    match client.fill_in_time().await {
        Ok(0) => Err(RelayError::Client(SessionError::ClientGone)),
        Ok(_) => Ok(()),
        Err(error) => Err(RelayError::Client(error.into())),
    }
}

/// Reads a reply to its end for nobody.
pub(crate) async fn swallow(lease: &mut Lease, exchange: &mut Exchange) -> Result<(), BackendError> {
    while !exchange.is_done() {
        let (length, ..) = lease.framed().packet(LONGEST_OWN_REPLY).await?;
        let packet = lease.framed().input().get(..length).unwrap_or_default();
        if let Some(header) = FrameHeader::parse(packet) {
            exchange.frame(header, packet.get(HEADER..).unwrap_or_default())?;
        }
        lease.framed().consume(length);
    }
    Ok(())
}

/// Packets of replies that nobody waits for: definitions and errors.
const LONGEST_OWN_REPLY: usize = 1 << 20;
