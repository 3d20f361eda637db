//! Turns a server's reply into the reply that the client agreed to.
//!
//! Every backend connection speaks one shape (DEPRECATE_EOF and SESSION_TRACK). For clients that asked for another one,
//! terminators and OK packets are rewritten, an EOF is put in after column definitions, and sequence ids are shifted.
//! Rows are never looked into, and what needs no change is not copied.

use crate::capability::Capabilities;
use crate::exchange::{Exchange, Group, Part, Seen, Violation};
use crate::frame::{FrameHeader, HEADER, write_packet};
use crate::packet::{Eof, OkPacket, prepare_ok};
use crate::session_track::{
    Change, NO_TRANSACTION, ToldState, Tracking, TransactionTracking, filter, transaction_state,
};
use crate::status::Status;
use crate::thread_ids::{Rewriting, ThreadIds};
use std::rc::Rc;

/// How far [`Reshape::advance`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that are done with. They are to be sent as they are if `rewritten` is false.
    pub consumed: usize,
    /// The bytes to send are in `out`, instead of those consumed.
    pub rewritten: bool,
    /// Bytes that must be there after the consumed ones before it can go on. 0 when the reply is over.
    pub need: usize,
}

/// What the client is like, and what its reply is about.
#[derive(Debug, Clone)]
pub struct ClientShape {
    /// What it agreed to.
    pub capabilities: Capabilities,
    /// The session's lasting status, for the EOF after column definitions.
    pub status: Status,
    /// What the statement makes of the status while it runs: some flags, and which of them are set.
    pub scoped: Option<(Status, Status)>,
    /// The id to put into PREPARE_OK.
    pub statement: Option<u32>,
    /// Which changes of its session it is told.
    pub tracking: Rc<Tracking>,
    /// The transaction state that it was told last.
    pub told: ToldState,
    /// Its servers are MySQL's: the end of rows that are OUT parameters does not say so.
    pub mysql: bool,
    /// The warnings that an OK tells of are somebody else's: a command that is no statement leaves those that there are.
    pub no_warnings: bool,
    /// Session-track entries that it was not told yet: the next OK has them.
    pub pending: Vec<u8>,
    /// Ids of connections in it become those of sessions.
    pub ids: Option<ThreadIds>,
    /// What to add to each sequence id.
    pub shift: u8,
    /// Another reply follows, to the next statement of the same text.
    pub more: bool,
    /// How many results the reply has at least, if it has no error: those before the last say that there are more.
    pub results: usize,
    /// The columns that it knows the statement to have; see [`crate::exchange::Outcome::columns`]. 0 for none.
    pub columns: u64,
}

/// The reply to one command on its way to the client.
#[derive(Debug)]
pub struct Reshape {
    exchange: Exchange,
    client: ClientShape,
    /// Payload bytes of the current frame that were not there yet when its kind was clear.
    body_left: usize,
    /// For the client's `ids`.
    rewriting: Option<Rewriting>,
    /// Column definitions are complete; whether an EOF follows depends on the next packet.
    owes_eof: bool,
    /// The client was told that these rows are OUT parameters.
    out_params: bool,
    /// The sequence id after the last packet that the client gets.
    next_sequence: u8,
    /// Results that are over.
    results: usize,
}

impl Reshape {
    /// Starts before the reply's first byte.
    pub fn new(exchange: Exchange, mut client: ClientShape) -> Self {
        let rewriting = client.ids.take().map(Rewriting::new);
        Self {
            exchange,
            client,
            body_left: 0,
            rewriting,
            owes_eof: false,
            out_params: false,
            next_sequence: 0,
            results: 0,
        }
    }

    /// The reply so far.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The sequence id of what the client gets next.
    pub const fn next_sequence(&self) -> u8 {
        self.next_sequence
    }

    /// The reply, when it is over, and what the client was told and not told.
    pub fn finish(self) -> (Exchange, ToldState, Vec<u8>) {
        (self.exchange, self.client.told, self.client.pending)
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

    /// Takes what it can of `input`, which starts after what was consumed before. `out` must be empty.
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
            if self.rewriting.is_some() && payload.len() < header.length {
                // Rows are looked into as a whole.
                break HEADER + header.length;
            }
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
            Part::Ok(ok) => replacement = self.reshape_ok(&self.with_more(ok), payload, self.is_followed())?,
            Part::RowsEnd(end) => {
                let mut end = self.with_more(end);
                let renewed = self.is_renewed();
                let tells = renewed && !end.status.contains(Status::METADATA_CHANGED);
                end.status.set(Status::METADATA_CHANGED, renewed || end.status.contains(Status::METADATA_CHANGED));
                let opens_cursor = end.status.contains(Status::CURSOR_EXISTS);
                if std::mem::take(&mut self.owes_eof) && !opens_cursor {
                    self.put_middle_eof(header, Some(end.status), pass);
                }
                self.put_more_rows(header, pass);
                replacement = match classic {
                    true => Some(self.classic_end(&end)?),
                    false => self.reshape_ok(&end, payload, self.is_followed())?.or_else(|| {
                        let same = || end.encode(payload.first().copied().unwrap_or(0xFE), self.client.capabilities);
                        tells.then(same)
                    }),
                };
            }
            Part::Row | Part::Error => {
                if std::mem::take(&mut self.owes_eof) {
                    self.put_middle_eof(header, end_ahead(pass.rest()), pass);
                }
                let rewriting = self.rewriting.as_ref().filter(|_| part == Part::Row);
                replacement = rewriting.and_then(|rewriting| rewriting.row(payload));
            }
            Part::Header | Part::Definition { .. } if self.rewriting.is_some() => self.note_columns(part, payload),
            Part::Header | Part::Definition { .. } | Part::Continuation | Part::LocalInfile => {}
            // Backends always agree to DEPRECATE_EOF; from here on the client's EOF is our own.
            Part::DefinitionsEnd => {
                pass.drop_frame(header);
                self.client.shift = self.client.shift.wrapping_sub(1);
                return Ok(());
            }
        }
        self.results += usize::from(matches!(part, Part::Ok(_) | Part::RowsEnd(_)));
        self.forward(header, payload, replacement, pass);
        if let (Part::Definition { closes: Some(group) }, true) = (part, classic) {
            match group {
                Group::ResultColumns => self.owes_eof = true,
                Group::Parameters | Group::PreparedColumns => {
                    let next = FrameHeader { sequence: header.sequence.wrapping_add(1), ..header };
                    self.put_eof(next, self.scoped(self.client.status), pass);
                }
            }
        }
        Ok(())
    }

    fn forward(&mut self, header: FrameHeader, payload: &[u8], replacement: Option<Vec<u8>>, pass: &mut Pass<'_, '_>) {
        let sequence = header.sequence.wrapping_add(self.client.shift);
        self.next_sequence = sequence.wrapping_add(1);
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

    /// Whether the packet that was just seen is the last one of this reply, and another reply follows.
    fn is_followed(&self) -> bool {
        self.client.more && self.exchange.is_done()
    }

    fn with_more<'p>(&self, ok: OkPacket<'p>) -> OkPacket<'p> {
        let more = if self.is_followed() { Status::MORE_RESULTS } else { Status::empty() };
        OkPacket { status: ok.status | more, ..ok }
    }

    /// Whether a prepared statement has other columns than the client knows.
    const fn is_renewed(&self) -> bool {
        self.client.columns != 0 && self.client.columns != self.exchange.outcome().columns
    }

    /// Puts the EOF that stands between definitions and rows before the frame `next`. Its status is that of the
    /// statement, which is only known here if `end`, that of the rows' end, is already.
    fn put_middle_eof(&mut self, next: FrameHeader, end: Option<Status>, pass: &mut Pass<'_, '_>) {
        let told = Status::LASTING | Status::METADATA_CHANGED | Status::MORE_RESULTS | Status::PS_OUT_PARAMS;
        let mut status = end.map_or(self.client.status, |end| end & told);
        let more = self.client.more || self.results + 1 < self.client.results;
        status.set(Status::MORE_RESULTS, status.contains(Status::MORE_RESULTS) || more);
        status.set(Status::METADATA_CHANGED, status.contains(Status::METADATA_CHANGED) || self.is_renewed());
        self.out_params = self.client.mysql && status.contains(Status::PS_OUT_PARAMS);
        self.put_eof(next, self.scoped(status), pass);
    }

    fn scoped(&self, status: Status) -> Status {
        self.client.scoped.map_or(status, |(flags, set)| (status - flags) | set)
    }

    fn note_columns(&mut self, part: Part<'_>, payload: &[u8]) {
        match (&mut self.rewriting, part) {
            (Some(rewriting), Part::Header) => rewriting.begin(),
            (Some(rewriting), _) => rewriting.definition(payload),
            (None, _) => {}
        }
    }

    /// Puts the rows that the server does not have before the end of its rows.
    fn put_more_rows(&mut self, end: FrameHeader, pass: &mut Pass<'_, '_>) {
        for row in self.rewriting.as_mut().map(Rewriting::more).unwrap_or_default() {
            pass.flush();
            write_packet(pass.out, end.sequence.wrapping_add(self.client.shift), &row);
            self.client.shift = self.client.shift.wrapping_add(1);
        }
    }

    /// Puts an EOF before the frame `next`.
    fn put_eof(&mut self, next: FrameHeader, status: Status, pass: &mut Pass<'_, '_>) {
        pass.flush();
        let eof = Eof { warnings: 0, status };
        write_packet(pass.out, next.sequence.wrapping_add(self.client.shift), &eof.encode());
        self.client.shift = self.client.shift.wrapping_add(1);
    }

    /// The end of rows as an EOF packet.
    fn classic_end(&mut self, end: &OkPacket<'_>) -> Result<Vec<u8>, Violation> {
        filter(end.changes, &self.client.tracking, &mut self.client.told)?;
        let mut status = end.status - Status::SESSION_STATE_CHANGED;
        if std::mem::take(&mut self.out_params) {
            // Servers say that only between definitions and rows; see Protocol_binary::send_out_parameters.
            status -= Status::PS_OUT_PARAMS | Status::MORE_RESULTS;
        }
        Ok(Eof { warnings: end.warnings, status }.encode())
    }

    /// Whether the client was told of a transaction that is over now. Clients that want to know everything of it hear that
    /// from the server.
    fn has_ended_transaction(&self, status: Status) -> bool {
        self.client.tracking.transaction == TransactionTracking::Explicit
            && self.client.told[0] == b'T'
            && !status.intersects(Status::IN_TRANS | Status::MORE_RESULTS)
    }

    /// The OK packet as the client may see it; `None` if that is how it came, and it was not `changed` before.
    fn reshape_ok(&mut self, ok: &OkPacket<'_>, payload: &[u8], changed: bool) -> Result<Option<Vec<u8>>, Violation> {
        let Some(&header) = payload.first() else { return Ok(None) };
        let tells = self.client.capabilities.contains(Capabilities::SESSION_TRACK);
        let pending = std::mem::take(&mut self.client.pending);
        let ended = self.has_ended_transaction(ok.status);
        let hides = self.client.no_warnings && ok.warnings > 0;
        let warnings = if hides { 0 } else { ok.warnings };
        let changed = changed || hides;
        if !ended
            && !changed
            && ok.changes.is_empty()
            && pending.is_empty()
            && !ok.status.contains(Status::SESSION_STATE_CHANGED)
        {
            return Ok(None);
        }
        let all = [&pending[..], ok.changes].concat();
        let (mut changes, flag) = filter(&all, &self.client.tracking, &mut self.client.told)?;
        // A server whose tracking was changed in the middle of a transaction does not say that it ends.
        let unsaid = ended && self.has_ended_transaction(ok.status);
        if unsaid {
            self.client.told = NO_TRANSACTION;
            changes.extend(transaction_state(&NO_TRANSACTION));
        }
        let flag = flag || unsaid;
        // MySQL also sets it for nothing, but only for clients that follow their transactions closely.
        let bare = ok.changes.is_empty() && self.client.tracking.shows(&Change::TransactionState(&[]));
        let flag = flag || bare;
        if !changed && changes == ok.changes && tells && flag == ok.status.contains(Status::SESSION_STATE_CHANGED) {
            return Ok(None);
        }
        let mut status = ok.status;
        status.set(Status::SESSION_STATE_CHANGED, flag);
        Ok(Some(OkPacket { changes: &changes, status, warnings, ..*ok }.encode(header, self.client.capabilities)))
    }
}

/// The status in the end of rows, if it is among the first packets of `input`.
fn end_ahead(input: &[u8]) -> Option<Status> {
    let mut rest = input;
    for _ in 0..LOOK_AHEAD {
        let header = FrameHeader::parse(rest)?;
        let payload = rest.get(HEADER..HEADER + header.length)?;
        match payload.first() {
            _ if header.continues() => return None,
            Some(0xFE) => return OkPacket::parse(payload).ok().map(|end| end.status),
            Some(0xFF) => return None,
            _ => rest = &rest[HEADER + header.length..],
        }
    }
    None
}

/// Rows that are looked through for their end.
const LOOK_AHEAD: usize = 64;

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
