//! EOF_Packet: `FE | u16 warnings | u16 status`. The order is the reverse of an OK packet's.

use crate::status::Status;
use crate::wire::WriteExt;

/// The end of column definitions or rows, for clients without DEPRECATE_EOF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eof {
    /// Warning count.
    pub warnings: u16,
    /// Status flags.
    pub status: Status,
}

impl Eof {
    /// The payload, always five bytes.
    pub fn encode(self) -> Vec<u8> {
        let mut out = vec![0xFE];
        out.put_u16(self.warnings);
        out.put_u16((self.status - Status::SESSION_STATE_CHANGED).bits());
        out
    }
}
