//! Where a reply ends, whatever its shape.
//!
//! The same first byte means different things in different places: 0x00 is OK, PREPARE_OK, a binary row, or a text row
//! that starts with an empty string; 0xFE is the end of a result set, or a text row whose first value is longer than
//! 16 MiB; 0xFB is a LOCAL INFILE request or NULL. This file alone decides which, from the command, the place in the
//! reply, and the length of the packet's first frame.
//!
//! ```text
//!          ┌──────────────── OK or end of rows with MORE_RESULTS ────────────────┐
//!          v                                                                      │
//! Start ──count──> Definitions ──(EOF)──> Rows ──end──────────────────────────> Done
//!   ├── OK, ERR ────────────────────────────────────────────────────────────────> Done
//!   ├── FB ──> ClientSpeaks ──(client's empty frame)──> Start
//!   └── PREPARE_OK ──> Prepared definitions ────────────────────────────────────> Done
//! ```
//! An error ends the reply from anywhere. The same machine reads replies with and without DEPRECATE_EOF.

use crate::capability::Capabilities;
use crate::command::{CommandByte, ReplyShape};
use crate::frame::FrameHeader;
use crate::packet::{ErrPacket, OkPacket, PrepareOk};
use crate::session_track::compact;
use crate::status::Status;
use crate::wire::{Malformed, Reader};
use thiserror::Error;

/// A reply that no server should send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// A packet that cannot be read.
    #[error("reply: {0}")]
    Malformed(#[from] Malformed),
    /// A packet that has no place here.
    #[error("reply: packet {header:#04x} is not allowed {place}")]
    Misplaced {
        /// Its first byte.
        header: u8,
        /// Where it came.
        place: &'static str,
    },
    /// More bytes after the end of the reply.
    #[error("reply: a packet came after the end of the reply")]
    AfterEnd,
}

/// An error that the server answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// Error number.
    pub code: u16,
    /// SQLSTATE.
    pub state: [u8; 5],
    /// The text, made printable.
    pub message: String,
}

/// What a reply said, folded over all its results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Status of the last OK or EOF; `None` while there was none. An error carries no status.
    pub status: Option<Status>,
    /// Rows changed, by the last OK.
    pub affected_rows: u64,
    /// The number that the last OK's text begins with: how many rows an UPDATE has matched.
    pub matched_rows: Option<u64>,
    /// The last generated id that is not 0.
    pub last_insert_id: u64,
    /// The most warnings that a result had. The next one does not always end them.
    pub warnings: u16,
    /// Rows that were sent.
    pub rows: u64,
    /// Rows of the last result that had any columns.
    pub last_rows: Option<u64>,
    /// Whether the last result had columns.
    pub ends_with_rows: bool,
    /// The error that ended the reply.
    pub error: Option<ServerError>,
    /// Session-track entries of all OK packets, in order; of many, the last of each ([`compact`]).
    pub changes: Vec<u8>,
    /// How many OK packets had some.
    pub changed: usize,
    /// What COM_STMT_PREPARE gave.
    pub prepared: Option<PrepareOk>,
    /// Fingerprint of the columns of a prepared statement's first result; 0 while there were none.
    pub columns: u64,
}

/// What one frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// More of the packet before it.
    Continuation,
    /// The number of columns, or PREPARE_OK, or bare text: passed on as it is.
    Header,
    /// The first packet of a prepare reply.
    Prepared,
    /// A parameter or column definition. `closes` says which group of definitions ends with it.
    Definition {
        /// The group that is complete now.
        closes: Option<Group>,
    },
    /// The EOF between definitions and rows, which only replies without DEPRECATE_EOF have.
    DefinitionsEnd,
    /// A row.
    Row,
    /// OK: a statement without rows is done.
    Ok(OkPacket<'a>),
    /// The end of rows, in whichever form it came.
    RowsEnd(OkPacket<'a>),
    /// ERR: the reply is over.
    Error,
    /// The client has to send a file now; see [`Exchange::client_is_done`].
    LocalInfile,
}

/// A group of definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Parameters of a prepared statement.
    Parameters,
    /// Columns of a prepared statement.
    PreparedColumns,
    /// Columns of a result set.
    ResultColumns,
}

/// What [`Exchange::frame`] makes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// The frame's whole payload is needed to tell.
    Incomplete,
    /// What the frame is.
    Part(Part<'a>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Definitions { left: u64 },
    DefinitionsEnd,
    Rows,
    PreparedParameters { left: u16 },
    PreparedParametersEnd,
    PreparedColumns { left: u16 },
    PreparedColumnsEnd,
    ClientSpeaks,
    Done,
}

/// The reply to one command, followed frame by frame.
#[derive(Debug, Clone)]
pub struct Exchange {
    shape: ReplyShape,
    deprecate_eof: bool,
    place: Place,
    continued: bool,
    /// A result has ended already.
    after_first: bool,
    /// At this length, what changed is made shorter.
    compact_at: usize,
    /// Another result follows on these rows, whatever their end says.
    more_after_rows: bool,
    outcome: Outcome,
}

impl Exchange {
    /// Follows the reply to `command` on a connection that agreed to `capabilities`.
    pub fn new(command: CommandByte, capabilities: Capabilities) -> Self {
        let shape = command.reply_shape();
        let place = match shape {
            ReplyShape::Nothing => Place::Done,
            ReplyShape::RowsOnly => Place::Rows,
            _ => Place::Start,
        };
        Self {
            shape,
            deprecate_eof: capabilities.contains(Capabilities::DEPRECATE_EOF),
            place,
            continued: false,
            after_first: false,
            compact_at: MANY_CHANGES,
            more_after_rows: false,
            outcome: Outcome::default(),
        }
    }

    /// Whether the last packet of the reply was seen, all its frames included.
    pub fn is_done(&self) -> bool {
        self.place == Place::Done && !self.continued
    }

    /// Whether the server waits for the client's file.
    pub fn client_speaks(&self) -> bool {
        self.place == Place::ClientSpeaks
    }

    /// The client's file has ended with an empty frame: the server answers.
    pub fn client_is_done(&mut self) {
        if self.place == Place::ClientSpeaks {
            self.place = Place::Start;
        }
    }

    /// What the reply has said so far.
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What the reply said.
    pub fn into_outcome(self) -> Outcome {
        self.outcome
    }

    /// Takes the next frame. `payload` is what is there of it, which may be only its front.
    pub fn frame<'a>(&mut self, header: FrameHeader, payload: &'a [u8]) -> Result<Seen<'a>, Violation> {
        if self.continued {
            self.continued = header.continues();
            return Ok(Seen::Part(Part::Continuation));
        }
        let Some(&first) = payload.first() else {
            return match header.length {
                0 => self.empty(),
                _ => Ok(Seen::Incomplete),
            };
        };
        if payload.len() < header.length && self.decides(first, header) {
            return Ok(Seen::Incomplete);
        }
        let part = self.part(first, header, payload)?;
        self.continued = header.continues();
        Ok(Seen::Part(part))
    }

    /// An empty packet is a row of a result without columns at most; nothing else is ever empty.
    fn empty(&self) -> Result<Seen<'static>, Violation> {
        match self.place {
            Place::Rows if self.shape == ReplyShape::Results => Ok(Seen::Part(Part::Row)),
            _ => Err(Malformed::Truncated { field: "reply" }.into()),
        }
    }

    /// Whether the whole payload is needed: for all packets but rows.
    const fn decides(&self, first: u8, header: FrameHeader) -> bool {
        match self.place {
            Place::Rows => first == 0xFF || (first == 0xFE && !header.continues()),
            _ => true,
        }
    }

    fn part<'a>(&mut self, first: u8, header: FrameHeader, payload: &'a [u8]) -> Result<Part<'a>, Violation> {
        if first == 0xFF && !matches!(self.place, Place::Done | Place::ClientSpeaks) {
            return self.error(payload);
        }
        match self.place {
            Place::Start => self.start(first, payload),
            Place::Definitions { left } => {
                if self.shape == ReplyShape::BinaryResults && !self.after_first {
                    self.outcome.columns = fingerprint(self.outcome.columns, payload);
                }
                Ok(self.definition(left))
            }
            Place::DefinitionsEnd => self.definitions_end(payload),
            Place::Rows if first == 0xFE && !header.continues() => self.rows_end(payload),
            Place::Rows => {
                self.outcome.rows += 1;
                self.outcome.last_rows = self.outcome.last_rows.map(|rows| rows + 1);
                Ok(Part::Row)
            }
            Place::PreparedParameters { left } => Ok(self.prepared_parameter(left)),
            Place::PreparedColumns { left } => Ok(self.prepared_column(left)),
            Place::PreparedParametersEnd => {
                self.place = self.after_parameters();
                Ok(Part::DefinitionsEnd)
            }
            Place::PreparedColumnsEnd => {
                self.place = Place::Done;
                Ok(Part::DefinitionsEnd)
            }
            Place::ClientSpeaks => Err(Violation::Misplaced { header: first, place: "while the client sends a file" }),
            Place::Done => Err(Violation::AfterEnd),
        }
    }

    fn start<'a>(&mut self, first: u8, payload: &'a [u8]) -> Result<Part<'a>, Violation> {
        match (self.shape, first) {
            (ReplyShape::Text, _) => {
                self.place = Place::Done;
                Ok(Part::Header)
            }
            (ReplyShape::Prepared, 0x00) => self.prepared(payload),
            (ReplyShape::Status, 0xFE) => {
                let ok = parse_end(payload)?;
                self.settle(&ok, false);
                Ok(Part::RowsEnd(ok))
            }
            (ReplyShape::Status | ReplyShape::Results | ReplyShape::BinaryResults, 0x00) => {
                let ok = OkPacket::parse(payload)?;
                self.settle(&ok, true);
                Ok(Part::Ok(ok))
            }
            (ReplyShape::Results, 0xFB) => {
                self.place = Place::ClientSpeaks;
                Ok(Part::LocalInfile)
            }
            (ReplyShape::Results | ReplyShape::BinaryResults, 0x01..=0xFD) => {
                let mut reader = Reader::new(payload);
                let left = reader.lenenc("column count")?;
                reader.finish("column count")?;
                self.place = Place::Definitions { left };
                self.outcome.last_rows = Some(0);
                Ok(Part::Header)
            }
            _ => Err(Violation::Misplaced { header: first, place: "at the start of a reply" }),
        }
    }

    const fn definition(&mut self, left: u64) -> Part<'static> {
        if left > 1 {
            self.place = Place::Definitions { left: left - 1 };
            return Part::Definition { closes: None };
        }
        self.place = if self.deprecate_eof { Place::Rows } else { Place::DefinitionsEnd };
        Part::Definition { closes: Some(Group::ResultColumns) }
    }

    fn definitions_end(&mut self, payload: &[u8]) -> Result<Part<'static>, Violation> {
        let end = parse_end(payload)?;
        self.place = Place::Rows;
        if end.status.contains(Status::CURSOR_EXISTS) && self.shape == ReplyShape::BinaryResults {
            self.settle(&end, false);
        }
        // The result with OUT parameters says only here that another one follows; see Protocol_binary::send_out_parameters.
        self.more_after_rows = end.status.contains(Status::PS_OUT_PARAMS | Status::MORE_RESULTS);
        Ok(Part::DefinitionsEnd)
    }

    fn rows_end<'a>(&mut self, payload: &'a [u8]) -> Result<Part<'a>, Violation> {
        let end = parse_end(payload)?;
        self.settle(&end, false);
        if std::mem::take(&mut self.more_after_rows) {
            self.place = Place::Start;
        }
        Ok(Part::RowsEnd(end))
    }

    fn prepared(&mut self, payload: &[u8]) -> Result<Part<'static>, Violation> {
        let prepared = PrepareOk::parse(payload)?;
        self.outcome.prepared = Some(prepared);
        self.outcome.warnings = prepared.warnings;
        self.place = match prepared.parameters {
            0 => self.after_parameters(),
            left => Place::PreparedParameters { left },
        };
        Ok(Part::Prepared)
    }

    fn after_parameters(&self) -> Place {
        match self.outcome.prepared.map_or(0, |prepared| prepared.columns) {
            0 => Place::Done,
            left => Place::PreparedColumns { left },
        }
    }

    fn prepared_parameter(&mut self, left: u16) -> Part<'static> {
        if left > 1 {
            self.place = Place::PreparedParameters { left: left - 1 };
            return Part::Definition { closes: None };
        }
        self.place = if self.deprecate_eof { self.after_parameters() } else { Place::PreparedParametersEnd };
        Part::Definition { closes: Some(Group::Parameters) }
    }

    const fn prepared_column(&mut self, left: u16) -> Part<'static> {
        if left > 1 {
            self.place = Place::PreparedColumns { left: left - 1 };
            return Part::Definition { closes: None };
        }
        self.place = if self.deprecate_eof { Place::Done } else { Place::PreparedColumnsEnd };
        Part::Definition { closes: Some(Group::PreparedColumns) }
    }

    fn error(&mut self, payload: &[u8]) -> Result<Part<'static>, Violation> {
        let err = ErrPacket::parse(payload)?;
        let message = String::from_utf8_lossy(&err.message).into_owned();
        self.outcome.error = Some(ServerError { code: err.code, state: err.state, message });
        self.place = Place::Done;
        Ok(Part::Error)
    }

    /// A procedure's reply may have any number of results, each of which tells what it changed.
    fn add_changes(&mut self, changes: &[u8]) {
        self.outcome.changes.extend_from_slice(changes);
        self.outcome.changed += usize::from(!changes.is_empty());
        if self.outcome.changes.len() > self.compact_at {
            self.outcome.changes = compact(&self.outcome.changes);
            self.compact_at = MANY_CHANGES.max(2 * self.outcome.changes.len());
        }
    }

    fn settle(&mut self, ok: &OkPacket<'_>, changed: bool) {
        self.outcome.status = Some(ok.status);
        self.outcome.warnings = self.outcome.warnings.max(ok.warnings);
        self.add_changes(ok.changes);
        self.outcome.ends_with_rows = !changed;
        self.after_first = true;
        if changed {
            self.outcome.affected_rows = ok.affected_rows;
            self.outcome.matched_rows = first_number(ok.info);
        }
        if ok.last_insert_id != 0 {
            self.outcome.last_insert_id = ok.last_insert_id;
        }
        let more = ok.status.contains(Status::MORE_RESULTS) && self.shape != ReplyShape::Status;
        self.place = if more { Place::Start } else { Place::Done };
    }
}

/// `Rows matched: 2  Changed: 1  Warnings: 0`, in any language.
fn first_number(info: &[u8]) -> Option<u64> {
    let start = info.iter().position(u8::is_ascii_digit)?;
    let digits = info.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit());
    digits.copied().try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

/// Bytes of a column definition after its texts, their length included.
const FIXED_PART: usize = 13;
/// Bytes of changes that are kept as they came.
const MANY_CHANGES: usize = 4096;

/// Adds a column to a fingerprint: its names, and the type of a table's column. The type of an expression may follow its
/// parameters, and lengths and character sets follow the session.
fn fingerprint(columns: u64, definition: &[u8]) -> u64 {
    let mut reader = Reader::new(definition);
    let mut from_table = false;
    for field in ["catalog", "schema", "table", "original table", "name", "original name"] {
        match reader.lenenc_bytes(field) {
            Ok(name) => from_table |= field == "original table" && !name.is_empty(),
            Err(_) => return columns,
        }
    }
    // MariaDB's extended type, where that was agreed to, counts with the names.
    let (names, fixed) = definition.split_at(definition.len().saturating_sub(FIXED_PART));
    // Length of the fixed part, collation, length; then the type and its flags.
    let kind = if from_table { fixed.get(7..10).unwrap_or_default() } else { &[] };
    let mut hash = columns ^ 0x9E37_79B9_7F4A_7C15;
    for chunk in names.chunks(8).chain([kind]) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
    hash
}

/// The end of rows: an EOF packet of five bytes, or an OK packet with another header. The length tells, because even a
/// connection with DEPRECATE_EOF can see the old form (results from the query cache of MySQL 5.7).
fn parse_end(payload: &[u8]) -> Result<OkPacket<'_>, Violation> {
    if payload.len() != 5 {
        return Ok(OkPacket::parse(payload)?);
    }
    let mut reader = Reader::new(payload);
    reader.u8("EOF header")?;
    let warnings = reader.u16("warnings")?;
    let status = Status::from_bits_retain(reader.u16("status")?);
    Ok(OkPacket { warnings, status, ..OkPacket::default() })
}

#[cfg(test)]
mod tests;
