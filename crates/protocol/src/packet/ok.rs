//! OK_Packet, also as the terminator of a result set.
//!
//! ```text
//! 00 or FE | lenenc affected rows | lenenc last insert id | u16 status | u16 warnings
//!   [ lenenc info ] [ lenenc session-track block, if the status says so ]
//! ```
//! Both families write the info with a length and leave it out when it is empty and nothing follows (`net_send_ok`).

use crate::capability::Capabilities;
use crate::status::Status;
use crate::wire::{Malformed, Reader, WriteExt};

/// A statement is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OkPacket<'a> {
    /// Rows changed, or matched with FOUND_ROWS.
    pub affected_rows: u64,
    /// First generated id.
    pub last_insert_id: u64,
    /// Status flags.
    pub status: Status,
    /// Warnings that SHOW WARNINGS would show.
    pub warnings: u16,
    /// Human-readable text; binary in the first OK of a connection.
    pub info: &'a [u8],
    /// Session-track entries without their total length.
    pub changes: &'a [u8],
}

impl<'a> OkPacket<'a> {
    /// Reads the payload, header byte included. The sender must have agreed to SESSION_TRACK.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let header = reader.u8("OK header")?;
        if header != 0x00 && header != 0xFE {
            return Err(Malformed::Invalid { field: "OK header", value: u64::from(header) });
        }
        let affected_rows = reader.lenenc("affected rows")?;
        let last_insert_id = reader.lenenc("last insert id")?;
        let status = Status::from_bits_retain(reader.u16("status")?);
        let warnings = reader.u16("warnings")?;
        let info = if reader.is_empty() { &[][..] } else { reader.lenenc_bytes("info")? };
        let changes = match status.contains(Status::SESSION_STATE_CHANGED) && !reader.is_empty() {
            true => reader.lenenc_bytes("session-track block")?,
            false => &[],
        };
        Ok(Self { affected_rows, last_insert_id, status, warnings, info, changes })
    }

    /// The payload with `header` (0x00, or 0xFE at the end of a result set), for a peer that agreed to `capabilities`.
    pub fn encode(&self, header: u8, capabilities: Capabilities) -> Vec<u8> {
        // MySQL sets the flag without any entry where a transaction follows on another.
        let changed = self.status.contains(Status::SESSION_STATE_CHANGED) || !self.changes.is_empty();
        let tracked = capabilities.contains(Capabilities::SESSION_TRACK) && changed;
        let mut status = self.status;
        status.set(Status::SESSION_STATE_CHANGED, tracked);
        let mut out = Vec::with_capacity(16 + self.info.len() + self.changes.len());
        out.push(header);
        out.put_lenenc(self.affected_rows);
        out.put_lenenc(self.last_insert_id);
        out.put_u16(status.bits());
        out.put_u16(self.warnings);
        if tracked || !self.info.is_empty() {
            out.put_lenenc_bytes(self.info);
        }
        if tracked {
            out.put_lenenc_bytes(self.changes);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_info_is_left_out_when_nothing_follows() {
        let ok = OkPacket { status: Status::AUTOCOMMIT, ..OkPacket::default() };
        assert_eq!(ok.encode(0, Capabilities::all()), [0, 0, 0, 2, 0, 0, 0]);
    }

    #[test]
    fn a_client_without_session_track_gets_neither_block_nor_flag() {
        let ok = OkPacket { status: Status::SESSION_STATE_CHANGED, changes: &[2, 1, b'1'], ..OkPacket::default() };
        assert_eq!(ok.encode(0, Capabilities::empty()), [0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(ok.encode(0, Capabilities::SESSION_TRACK), [0, 0, 0, 0, 0x40, 0, 0, 0, 3, 2, 1, b'1']);
    }

    proptest! {
        #[test]
        fn an_ok_reads_back(affected_rows: u64, last_insert_id: u64, warnings: u16, info: Vec<u8>, changes: Vec<u8>) {
            let mut status = Status::AUTOCOMMIT;
            status.set(Status::SESSION_STATE_CHANGED, !changes.is_empty());
            let ok = OkPacket { affected_rows, last_insert_id, status, warnings, info: &info, changes: &changes };
            let bytes = ok.encode(0xFE, Capabilities::all());
            prop_assert_eq!(OkPacket::parse(&bytes), Ok(ok));
        }

        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            let _ = OkPacket::parse(&bytes);
        }
    }
}
