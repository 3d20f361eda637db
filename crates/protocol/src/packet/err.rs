//! ERR_Packet: `FF | u16 code | '#' SQLSTATE | message`. Before capabilities are agreed the SQLSTATE may be missing.

use crate::wire::{Malformed, Reader, WriteExt};

/// A statement or a login failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrPacket<'a> {
    /// Error number.
    pub code: u16,
    /// SQLSTATE; HY000 where the server sent none.
    pub state: [u8; 5],
    /// The text, in the connection's character set.
    pub message: std::borrow::Cow<'a, [u8]>,
}

impl<'a> ErrPacket<'a> {
    /// An error of our own.
    pub fn new(code: u16, state: &[u8; 5], message: &'a str) -> Self {
        Self { code, state: *state, message: message.as_bytes().into() }
    }

    /// Reads the payload, header byte included.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let header = reader.u8("ERR header")?;
        if header != 0xFF {
            return Err(Malformed::Invalid { field: "ERR header", value: u64::from(header) });
        }
        let code = reader.u16("error code")?;
        let mut state = *b"HY000";
        if reader.peek() == Some(b'#') {
            reader.u8("SQLSTATE marker")?;
            state = reader.array("SQLSTATE")?;
        }
        Ok(Self { code, state, message: reader.rest().into() })
    }

    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(9 + self.message.len());
        out.push(0xFF);
        out.put_u16(self.code);
        out.push(b'#');
        out.extend_from_slice(&self.state);
        out.extend_from_slice(&self.message);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let with = ErrPacket::new(1049, b"42000", "Unknown database 'x'");
        assert_eq!(ErrPacket::parse(&with.encode()), Ok(with));
        let without = ErrPacket::parse(b"\xff\x10\x04Too many connections").unwrap();
        assert_eq!((without.code, &without.state, &*without.message), (1040, b"HY000", &b"Too many connections"[..]));
    }
}
