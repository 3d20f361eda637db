//! A stream with the bytes that were read and not yet used.

use crate::stream::{Stream, Surplus, within};
use crate::tls::{ClientTls, ServerTls};
use splitfin_protocol::compress::{Algorithm, Codec};
use splitfin_protocol::frame::{Boundary, FrameHeader, HEADER, boundary, payload, write_packet};
use std::io;
use std::time::Duration;
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

/// Why a packet could not be read.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The peer closed between two packets.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer closed inside a packet.
    #[error("the peer closed the connection inside a packet")]
    ClosedInside,
    /// The packet is longer than allowed here.
    #[error("a packet of at least {announced} bytes, where {limit} are allowed")]
    TooLong {
        /// What its headers announce so far.
        announced: usize,
        /// What is allowed.
        limit: usize,
    },
}

/// A stream and its input buffer. The buffer exists only while it holds something.
#[derive(Debug)]
pub struct Framed {
    stream: Stream,
    input: Vec<u8>,
    start: usize,
    room: usize,
    /// Bytes that wait after what was taken; see [`Framed::take_input`].
    after: usize,
    /// Time for each piece that is written, if there is a limit.
    patience: Option<Duration>,
    packed: Option<Box<Packed>>,
}

/// What a compressed connection has besides.
#[derive(Debug)]
struct Packed {
    codec: Codec,
    role: Role,
    /// Bytes that were read and not unpacked.
    input: Vec<u8>,
    /// How much of them was.
    start: usize,
    output: Vec<u8>,
}

/// Which end of a compressed connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It sends commands.
    Client,
    /// It answers them.
    Server,
}

impl Framed {
    /// Takes over a fresh stream.
    pub const fn new(stream: Stream) -> Self {
        Self { stream, input: Vec::new(), start: 0, room: FIRST_READ, after: 0, patience: None, packed: None }
    }

    /// Goes on compressed, after a login. Nothing may have been read ahead of it.
    pub fn compress(&mut self, algorithm: Algorithm, role: Role) {
        let codec = Codec::new(algorithm);
        self.packed = Some(Box::new(Packed {
            codec,
            role,
            input: self.input.split_off(self.start),
            start: 0,
            output: Vec::new(),
        }));
        self.input.clear();
        self.start = 0;
    }

    /// Gives the peer so much time to take each piece that is written, and to send what [`Framed::fill_in_time`] waits for: one
    /// that does nothing cannot keep anybody waiting.
    pub const fn limit_writes(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }

    /// The stream below.
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Bytes that were read and not consumed.
    pub fn input(&self) -> &[u8] {
        self.input.get(self.start..).unwrap_or_default()
    }

    /// Drops `count` bytes from the front of the input.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.input.len());
        if self.start == self.input.len() {
            self.input.clear();
            self.start = 0;
        }
    }

    /// Gives the buffer back if it holds nothing. For peers that will be silent for a while.
    pub fn rest(&mut self) {
        if let Some(packed) = self.packed.as_deref_mut().filter(|packed| packed.input.len() == packed.start) {
            (packed.input, packed.start) = (Vec::new(), 0);
        }
        if self.input.is_empty() {
            self.input = Vec::new();
            self.room = FIRST_READ;
        }
    }

    /// Takes the input buffer, to read on while the `length` bytes at its front are in use; see [`Framed::restore`].
    pub fn take_input(&mut self, length: usize) -> (Vec<u8>, usize) {
        let start = std::mem::take(&mut self.start);
        self.after = self.input.len().saturating_sub(start + length);
        (std::mem::take(&mut self.input), start)
    }

    /// Whether the peer may be read from while its command runs. One that sends commands without waiting for their replies
    /// is not, once this much waits: it has to wait itself.
    pub fn may_read_ahead(&self) -> bool {
        self.after + self.input.len() < MOST_AHEAD
    }

    /// Puts a taken buffer back, with `start` bytes of it consumed; what was read meanwhile goes after it.
    pub fn restore(&mut self, mut buffer: Vec<u8>, start: usize) {
        buffer.extend_from_slice(self.input());
        self.after = 0;
        self.input = buffer;
        self.start = start;
        self.consume(0);
    }

    /// As [`Framed::fill`], for a peer that has to go on: it has as much time for that as for taking what is written.
    pub async fn fill_in_time(&mut self) -> io::Result<usize> {
        match self.patience {
            Some(limit) => within(limit, self.fill()).await,
            None => self.fill().await,
        }
    }

    /// Reads more input. 0 means the peer has closed. Cancelling loses nothing.
    pub async fn fill(&mut self) -> io::Result<usize> {
        if self.packed.is_some() {
            return self.fill_packed().await;
        }
        if self.input.capacity() == 0 {
            self.stream.readable().await?;
        }
        if self.start > 0 && self.input.len() + self.room > self.input.capacity() {
            self.input.drain(..self.start);
            self.start = 0;
        }
        self.input.reserve(self.room);
        let read = self.stream.read(&mut self.input).await?;
        if self.input.len() == self.input.capacity() {
            self.room = (self.room * 2).min(LARGEST_READ);
        }
        Ok(read)
    }

    /// Makes room for a packet of which the beginning is there. A buffer that doubles ends up to twice as long, and one that
    /// is as long as what is announced is had for four bytes: so this grows with what has come, and no further than its end.
    fn make_room(&mut self, announced: usize) {
        let length = self.input.len() - self.start;
        let is_enough = self.input.capacity() - self.start >= length + LARGEST_READ;
        if length < LARGEST_READ || is_enough {
            return;
        }
        self.input.drain(..self.start);
        self.start = 0;
        let wanted = announced.min(length * GROWTH) + HEADER + LARGEST_READ;
        self.input.reserve_exact(wanted - length);
    }

    async fn fill_packed(&mut self) -> io::Result<usize> {
        let Some(packed) = self.packed.as_deref_mut() else { return Ok(0) };
        self.input.drain(..self.start);
        self.start = 0;
        let before = self.input.len();
        loop {
            // One at a time: a few bytes may become many.
            let waiting = packed.input.get(packed.start..).unwrap_or_default();
            let taken = packed.codec.unpack_one(waiting, &mut self.input).map_err(io::Error::other)?;
            packed.start += taken;
            if self.input.len() > before {
                return Ok(self.input.len() - before);
            }
            if taken > 0 {
                continue;
            }
            packed.input.drain(..packed.start);
            packed.start = 0;
            packed.input.reserve(self.room);
            if self.stream.read(&mut packed.input).await? == 0 {
                return Ok(0);
            }
        }
    }

    /// Whether the peer is silent and open: a connection that may be used for a new command.
    pub fn is_quiet(&self) -> bool {
        let nothing_packed = self.packed.as_ref().is_none_or(|packed| packed.input.len() == packed.start);
        self.input().is_empty() && nothing_packed && self.stream.is_quiet()
    }

    /// Waits for a whole packet at the front of the input and returns its length with headers, its payload's length,
    /// and the sequence id of its last frame. It is not consumed.
    pub async fn packet(&mut self, limit: usize) -> Result<(usize, usize, u8), FrameError> {
        loop {
            if let Some(packet) = self.whole_packet(limit)? {
                return Ok(packet);
            }
            self.fill_inside().await?;
        }
    }

    /// As [`Framed::packet`], of what was read already; nothing, when there is more to come.
    pub fn whole_packet(&self, limit: usize) -> Result<Option<(usize, usize, u8)>, FrameError> {
        match boundary(self.input()) {
            Boundary::Complete { payload, .. } | Boundary::Incomplete { announced: payload } if payload > limit => {
                Err(FrameError::TooLong { announced: payload, limit })
            }
            Boundary::Complete { length, payload, last_sequence } => Ok(Some((length, payload, last_sequence))),
            Boundary::Incomplete { .. } => Ok(None),
        }
    }

    /// Reads more input of a packet that is not whole. Cancelling loses nothing.
    pub async fn fill_inside(&mut self) -> Result<(), FrameError> {
        if let Boundary::Incomplete { announced } = boundary(self.input()) {
            self.make_room(announced);
        }
        match self.fill().await? {
            0 if self.input().is_empty() => Err(FrameError::Closed),
            0 => Err(FrameError::ClosedInside),
            _ => Ok(()),
        }
    }

    /// Bytes that were read and not used yet, packed or not.
    pub fn held(&self) -> usize {
        self.input().len() + self.packed.as_ref().map_or(0, |packed| packed.input.len() - packed.start)
    }

    /// Reads one packet of a login: its payload, and the sequence id to answer with. There may be a password in it, so that
    /// it is overwritten in the buffer.
    pub async fn read_packet(&mut self, limit: usize) -> Result<(Zeroizing<Vec<u8>>, u8), FrameError> {
        let (length, _, last) = self.packet(limit).await?;
        let payload = Zeroizing::new(payload(self.input().get(..length).unwrap_or_default()).into_owned());
        self.overwrite(length);
        self.consume(length);
        Ok((payload, last.wrapping_add(1)))
    }

    /// Leaves nothing of `count` bytes at the front of the input, nor of what they were unpacked from.
    fn overwrite(&mut self, count: usize) {
        let end = (self.start + count).min(self.input.len());
        self.input.get_mut(self.start..end).unwrap_or_default().zeroize();
        if let Some(packed) = self.packed.as_deref_mut() {
            packed.input.get_mut(..packed.start).unwrap_or_default().zeroize();
        }
    }

    /// Writes `payload` as one packet and returns the sequence id after it. Nothing of it stays in memory here.
    pub async fn write_packet(&mut self, sequence: u8, payload: &[u8]) -> io::Result<u8> {
        let mut out = Zeroizing::new(Vec::with_capacity(payload.len() + HEADER));
        let next = write_packet(&mut out, sequence, payload);
        self.write(&out).await?;
        Ok(next)
    }

    /// Writes bytes that are packets already: whole ones, from this peer's commands or replies.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.packed.as_deref_mut() {
            None => send(&mut self.stream, bytes, self.patience).await,
            Some(packed) => {
                match packed.role {
                    // Each command begins a packet, whose number is 0.
                    Role::Client => commands(bytes).for_each(|(command, begins)| packed.put(command, begins)),
                    Role::Server => packed.put(bytes, false),
                }
                self.flush().await
            }
        }
    }

    /// Writes more of what a command sends after its first packet: the pieces of a file.
    pub async fn write_more(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.packed.as_deref_mut() {
            None => send(&mut self.stream, bytes, self.patience).await,
            Some(packed) => {
                packed.put(bytes, false);
                self.flush().await
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        let Some(packed) = self.packed.as_deref_mut() else { return Ok(()) };
        let written = send(&mut self.stream, &packed.output, self.patience).await;
        packed.output.clear();
        packed.output.shrink_to(LARGEST_READ);
        written
    }

    /// Closes the stream.
    pub async fn close(&mut self) {
        self.stream.close().await;
    }

    /// Goes on inside TLS, as the server. What was read already is the start of the client's TLS.
    pub async fn accept_tls(self, tls: &ServerTls) -> io::Result<Self> {
        let surplus = self.into_surplus()?;
        let stream = tls.acceptor().accept(surplus).await?;
        Ok(Self::new(Stream::Tls(Box::new(stream.into()))))
    }

    /// Goes on inside TLS, as the client of `host`.
    pub async fn connect_tls(self, tls: &ClientTls, host: &str) -> io::Result<Self> {
        let surplus = self.into_surplus()?;
        let stream = tls.connect(host, surplus).await?;
        Ok(Self::new(Stream::Tls(Box::new(stream.into()))))
    }

    fn into_surplus(mut self) -> io::Result<Surplus> {
        let first = self.input.split_off(self.start);
        match self.stream {
            Stream::Tcp(tcp) => Ok(Surplus { tcp, first }),
            Stream::Unix(_) | Stream::Tls(_) => Err(io::Error::other("TLS is for plain TCP connections")),
        }
    }
}

async fn send(stream: &mut Stream, bytes: &[u8], patience: Option<Duration>) -> io::Result<()> {
    match patience {
        Some(limit) => stream.write_within(bytes, limit).await,
        None => stream.write(bytes).await,
    }
}

impl Packed {
    fn put(&mut self, content: &[u8], begins: bool) {
        if begins {
            self.codec.begin();
        }
        self.codec.pack(content, &mut self.output);
    }
}

/// Cuts `bytes` before each frame with the sequence id 0, where a command begins. The flag says whether a piece
/// begins with one.
fn commands(bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let first = FrameHeader::parse(rest)?;
        let mut end = (HEADER + first.length).min(rest.len());
        while let Some(next) = FrameHeader::parse(&rest[end..]).filter(|next| next.sequence != 0) {
            end = (end + HEADER + next.length).min(rest.len());
        }
        // A header that is cut off stays with what is before it.
        if rest.len() - end < HEADER {
            end = rest.len();
        }
        let (command, more) = rest.split_at(end);
        rest = more;
        Some((command, first.sequence == 0))
    })
}

/// The first read of a connection; most commands and replies fit.
const FIRST_READ: usize = 16 * 1024;
/// Bytes of commands that are read while another one runs.
const MOST_AHEAD: usize = 64 * 1024;
/// Reads grow up to this while they fill the buffer: large results need fewer calls, memory stays bounded.
const LARGEST_READ: usize = 256 * 1024;
/// How many times what has come of a long packet its buffer may hold.
const GROWTH: usize = 4;

#[cfg(test)]
mod tests;
