//! Turns a server's reply into the reply that the client agreed to.
//!
//! Every backend connection speaks one shape (DEPRECATE_EOF and SESSION_TRACK). For clients that asked for another one,
//! terminators and OK packets are rewritten, an EOF is put in behind column definitions, and sequence ids are shifted.
//! Rows are never looked into, and what needs no change is not copied.

use crate::capability::Capabilities;
use crate::exchange::{Exchange, Group, Part, Seen, Violation};
use crate::frame::{FrameHeader, HEADER, write_packet};
use crate::packet::{Eof, OkPacket, prepare_ok};
use crate::session_track::{TransactionTracking, filter, visible_by_default};
use crate::status::Status;

/// How far [`Reshape::advance`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that are done with. They are to be sent as they are if `rewritten` is false.
    pub consumed: usize,
    /// The bytes to send are in `out`, instead of those consumed.
    pub rewritten: bool,
    /// Bytes that must be there behind the consumed ones before it can go on. 0 when the reply is over.
    pub need: usize,
}

/// What the client is like, and what its reply is about.
#[derive(Debug, Clone, Copy)]
pub struct ClientShape {
    /// What it agreed to.
    pub capabilities: Capabilities,
    /// The session's lasting status, for the EOF behind column definitions.
    pub status: Status,
    /// The id to put into PREPARE_OK.
    pub statement: Option<u32>,
    /// What the server would tell it of transactions.
    pub transactions: TransactionTracking,
    /// What to add to each sequence id.
    pub shift: u8,
}

/// The reply to one command on its way to the client.
#[derive(Debug)]
pub struct Reshape {
    exchange: Exchange,
    client: ClientShape,
    /// Payload bytes of the current frame that were not there yet when its kind was clear.
    body_left: usize,
    /// Column definitions are complete; whether an EOF follows depends on the next packet.
    owes_eof: bool,
}

impl Reshape {
    /// Starts in front of the reply's first byte.
    pub const fn new(exchange: Exchange, client: ClientShape) -> Self {
        Self { exchange, client, body_left: 0, owes_eof: false }
    }

    /// The reply so far.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The reply, when it is over.
    pub fn into_exchange(self) -> Exchange {
        self.exchange
    }

    /// Whether the reply's last byte was consumed.
    pub fn is_done(&self) -> bool {
        self.exchange.is_done() && self.body_left == 0
    }

    /// Whether the request for a file was consumed and the client's frames come now.
    pub fn client_speaks(&self) -> bool {
        self.exchange.client_speaks() && self.body_left == 0
    }

    /// The client's file has ended.
    pub fn client_is_done(&mut self) {
        self.exchange.client_is_done();
    }

    /// What has to be subtracted from the sequence ids of the client's frames on their way to the server.
    pub const fn shift(&self) -> u8 {
        self.client.shift
    }

    /// Takes what it can of `input`, which starts behind what was consumed before. `out` must be empty.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, Violation> {
        let mut pass = Pass { input, at: 0, copied: 0, out };
        let need = loop {
            if self.body_left > 0 {
                self.body_left -= pass.skip(self.body_left);
                if self.body_left > 0 {
                    break self.body_left.min(STREAM_CHUNK);
                }
            }
            if self.exchange.is_done() || self.exchange.client_speaks() {
                break 0;
            }
            let Some(header) = FrameHeader::parse(pass.rest()) else { break HEADER };
            let frame = pass.rest().get(HEADER..).unwrap_or_default();
            let payload = frame.get(..header.length).unwrap_or(frame);
            match self.exchange.frame(header, payload)? {
                Seen::Incomplete => break HEADER + header.length,
                Seen::Part(part) => self.pass(part, header, payload, &mut pass)?,
            }
        };
        let rewritten = pass.copied > 0 || !pass.out.is_empty();
        if rewritten {
            pass.flush();
        }
        Ok(Progress { consumed: pass.at, rewritten, need })
    }

    fn pass(
        &mut self,
        part: Part<'_>,
        header: FrameHeader,
        payload: &[u8],
        pass: &mut Pass<'_, '_>,
    ) -> Result<(), Violation> {
        let classic = !self.client.capabilities.contains(Capabilities::DEPRECATE_EOF);
        let mut replacement = None;
        match part {
            Part::Prepared => replacement = self.client.statement.and_then(|id| with_statement_id(payload, id)),
            Part::Ok(ok) => replacement = self.reshape_ok(&ok, payload)?,
            Part::RowsEnd(end) => {
                let opens_cursor = end.status.contains(Status::CURSOR_EXISTS);
                if std::mem::take(&mut self.owes_eof) && !opens_cursor {
                    self.put_eof(header, pass);
                }
                replacement = match classic {
                    true => Some(Eof { warnings: end.warnings, status: end.status }.encode()),
                    false => self.reshape_ok(&end, payload)?,
                };
            }
            Part::Row | Part::Error => {
                if std::mem::take(&mut self.owes_eof) {
                    self.put_eof(header, pass);
                }
            }
            Part::Header | Part::Definition { .. } | Part::Continuation | Part::LocalInfile => {}
            // Backends always agree to DEPRECATE_EOF; from here on the client's EOF is our own.
            Part::DefinitionsEnd => {
                pass.drop_frame(header);
                self.client.shift = self.client.shift.wrapping_sub(1);
                return Ok(());
            }
        }
        self.forward(header, payload, replacement, pass);
        if let (Part::Definition { closes: Some(group) }, true) = (part, classic) {
            match group {
                Group::ResultColumns => self.owes_eof = true,
                Group::Parameters | Group::PreparedColumns => {
                    self.put_eof(FrameHeader { sequence: header.sequence.wrapping_add(1), ..header }, pass);
                }
            }
        }
        Ok(())
    }

    fn forward(&mut self, header: FrameHeader, payload: &[u8], replacement: Option<Vec<u8>>, pass: &mut Pass<'_, '_>) {
        let sequence = header.sequence.wrapping_add(self.client.shift);
        if let Some(replacement) = replacement {
            pass.flush();
            write_packet(pass.out, sequence, &replacement);
            pass.drop_frame(header);
            return;
        }
        if self.client.shift != 0 {
            pass.flush();
            pass.out.extend_from_slice(&FrameHeader { sequence, ..header }.encode());
            pass.at += HEADER;
            pass.copied = pass.at;
        } else {
            pass.at += HEADER;
        }
        pass.at += payload.len();
        self.body_left = header.length - payload.len();
    }

    /// Puts an EOF in front of the frame `next`.
    fn put_eof(&mut self, next: FrameHeader, pass: &mut Pass<'_, '_>) {
        pass.flush();
        let eof = Eof { warnings: 0, status: self.client.status };
        write_packet(pass.out, next.sequence.wrapping_add(self.client.shift), &eof.encode());
        self.client.shift = self.client.shift.wrapping_add(1);
    }

    /// The OK packet as the client may see it; `None` if that is how it came.
    fn reshape_ok(&self, ok: &OkPacket<'_>, payload: &[u8]) -> Result<Option<Vec<u8>>, Violation> {
        let Some(&header) = payload.first() else { return Ok(None) };
        if ok.changes.is_empty() && !ok.status.contains(Status::SESSION_STATE_CHANGED) {
            return Ok(None);
        }
        let changes = filter(ok.changes, |change| visible_by_default(change, self.client.transactions))?;
        if changes.len() == ok.changes.len() && self.client.capabilities.contains(Capabilities::SESSION_TRACK) {
            return Ok(None);
        }
        Ok(Some(OkPacket { changes: &changes, ..*ok }.encode(header, self.client.capabilities)))
    }
}

fn with_statement_id(payload: &[u8], id: u32) -> Option<Vec<u8>> {
    let mut replacement = payload.to_vec();
    replacement.get_mut(prepare_ok::ID_AT)?.copy_from_slice(&id.to_le_bytes());
    Some(replacement)
}

/// One call of [`Reshape::advance`]: copying starts with the first change.
struct Pass<'i, 'o> {
    input: &'i [u8],
    at: usize,
    copied: usize,
    out: &'o mut Vec<u8>,
}

impl<'i> Pass<'i, '_> {
    fn rest(&self) -> &'i [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, wanted: usize) -> usize {
        let taken = wanted.min(self.input.len() - self.at);
        self.at += taken;
        taken
    }

    fn flush(&mut self) {
        self.out.extend_from_slice(self.input.get(self.copied..self.at).unwrap_or_default());
        self.copied = self.at;
    }

    fn drop_frame(&mut self, header: FrameHeader) {
        self.flush();
        self.at += HEADER + header.length;
        self.copied = self.at;
    }
}

/// While a long frame streams through, this much is asked for at a time.
const STREAM_CHUNK: usize = 64 * 1024;

#[cfg(test)]
pub(crate) mod tests;
