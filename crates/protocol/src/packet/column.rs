//! Result sets of our own: ColumnDefinition41 and text rows.

use crate::capability::Capabilities;
use crate::frame::write_packet;
use crate::packet::{Eof, OkPacket};
use crate::status::Status;
use crate::wire::WriteExt;

/// A column that we make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its heading.
    pub name: &'a str,
    /// What its values are.
    pub kind: ColumnKind,
}

/// The type of a made-up column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// VARCHAR, utf8mb4.
    Text,
    /// BIGINT UNSIGNED.
    Number,
}

impl Column<'_> {
    fn encode(&self, capabilities: Capabilities) -> Vec<u8> {
        let (collation, length, kind, flags): (u16, u32, u8, u16) = match self.kind {
            ColumnKind::Text => (45, 1024, 0xFD, 0),
            // Binary collation; NOT_NULL, UNSIGNED and BINARY.
            ColumnKind::Number => (63, 21, 0x08, 0x00A1),
        };
        let mut out = Vec::with_capacity(32 + self.name.len());
        out.put_lenenc_bytes(b"def");
        for text in ["", "", "", self.name, ""] {
            out.put_lenenc_bytes(text.as_bytes());
        }
        if capabilities.contains(Capabilities::EXTENDED_METADATA) {
            out.put_lenenc_bytes(&[]);
        }
        out.push(0x0C);
        out.put_u16(collation);
        out.put_u32(length);
        out.push(kind);
        out.put_u16(flags);
        out.extend_from_slice(&[0, 0, 0]);
        out
    }
}

/// A small result that did not come from a server.
#[derive(Debug, Clone)]
pub struct ResultSet<'a> {
    /// Headings.
    pub columns: &'a [Column<'a>],
    /// Values as text; `None` is NULL.
    pub rows: &'a [Vec<Option<String>>],
}

impl ResultSet<'_> {
    /// Appends the packets, in text protocol, for a client that agreed to `capabilities`. The first packet
    /// has the sequence id `first`.
    pub fn encode(&self, out: &mut Vec<u8>, first: u8, capabilities: Capabilities, status: Status) {
        let deprecate_eof = capabilities.contains(Capabilities::DEPRECATE_EOF);
        let eof = Eof { warnings: 0, status }.encode();
        let mut count = Vec::new();
        count.put_lenenc(self.columns.len() as u64);
        let mut sequence = write_packet(out, first, &count);
        for column in self.columns {
            sequence = write_packet(out, sequence, &column.encode(capabilities));
        }
        if !deprecate_eof {
            sequence = write_packet(out, sequence, &eof);
        }
        for row in self.rows {
            let mut payload = Vec::new();
            for value in row {
                match value {
                    Some(text) => payload.put_lenenc_bytes(text.as_bytes()),
                    None => payload.push(0xFB),
                }
            }
            sequence = write_packet(out, sequence, &payload);
        }
        let end = match deprecate_eof {
            true => OkPacket { status, ..OkPacket::default() }.encode(0xFE, capabilities),
            false => eof,
        };
        write_packet(out, sequence, &end);
    }
}
