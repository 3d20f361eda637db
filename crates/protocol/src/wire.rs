//! Integers, length-encoded values and strings as they stand in packets.

use thiserror::Error;

/// A packet that does not hold what its kind says it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The packet ended inside a field.
    #[error("packet ends inside `{field}`")]
    Truncated {
        /// The field that was being read.
        field: &'static str,
    },
    /// A field holds a value that its type does not allow.
    #[error("`{field}` holds {value:#x}, which is not allowed there")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What it held.
        value: u64,
    },
    /// Bytes were left over behind the last field.
    #[error("{count} bytes too many after `{field}`")]
    Trailing {
        /// The last field.
        field: &'static str,
        /// How many bytes were left.
        count: usize,
    },
}

/// Reads fields from the front of a payload.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `payload`.
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    /// Whether everything was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes not yet read.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// What was not read yet.
    pub const fn unread(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(Malformed::Truncated { field })?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Truncated { field })?;
        self.rest = tail;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// The next byte without taking it.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, Malformed> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// Three bytes, little-endian.
    pub fn u24(&mut self, field: &'static str) -> Result<u32, Malformed> {
        self.array::<3>(field).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A length-encoded integer. The NULL marker 0xFB and 0xFF are not integers.
    pub fn lenenc(&mut self, field: &'static str) -> Result<u64, Malformed> {
        match self.u8(field)? {
            short @ 0..=0xFA => Ok(u64::from(short)),
            0xFC => self.u16(field).map(u64::from),
            0xFD => self.u24(field).map(u64::from),
            0xFE => self.u64(field),
            value => Err(Malformed::Invalid { field, value: u64::from(value) }),
        }
    }

    /// Bytes with a length-encoded length in front.
    pub fn lenenc_bytes(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let length = self.lenenc(field)?;
        let length = usize::try_from(length).map_err(|_| Malformed::Truncated { field })?;
        self.bytes(length, field)
    }

    /// Bytes up to a NUL, which is taken too.
    pub fn nul_bytes(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let end = self.rest.iter().position(|&byte| byte == 0).ok_or(Malformed::Truncated { field })?;
        let text = self.bytes(end, field)?;
        self.bytes(1, field)?;
        Ok(text)
    }

    /// Bytes up to a NUL, or up to the end where a peer left the NUL of the last field out.
    pub fn nul_bytes_or_rest(&mut self) -> &'a [u8] {
        self.nul_bytes("text").unwrap_or_else(|_| self.rest())
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Ends the packet after `field`: nothing may be left.
    pub fn finish(self, field: &'static str) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(Malformed::Trailing { field, count }),
        }
    }
}

/// Writes fields at the end of a packet under construction.
pub trait WriteExt {
    /// Three bytes, little-endian. The highest byte of `value` is dropped.
    fn put_u24(&mut self, value: u32);
    /// Two bytes, little-endian.
    fn put_u16(&mut self, value: u16);
    /// Four bytes, little-endian.
    fn put_u32(&mut self, value: u32);
    /// A length-encoded integer in its shortest form.
    fn put_lenenc(&mut self, value: u64);
    /// Bytes with a length-encoded length in front.
    fn put_lenenc_bytes(&mut self, bytes: &[u8]);
    /// Bytes and a NUL.
    fn put_nul_bytes(&mut self, bytes: &[u8]);
}

impl WriteExt for Vec<u8> {
    fn put_u24(&mut self, value: u32) {
        let [a, b, c, _] = value.to_le_bytes();
        self.extend_from_slice(&[a, b, c]);
    }

    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_lenenc(&mut self, value: u64) {
        match value {
            0..=0xFA => self.push(value.to_le_bytes()[0]),
            0xFB..=0xFFFF => {
                self.push(0xFC);
                self.extend_from_slice(&value.to_le_bytes()[..2]);
            }
            0x1_0000..=0xFF_FFFF => {
                self.push(0xFD);
                self.extend_from_slice(&value.to_le_bytes()[..3]);
            }
            _ => {
                self.push(0xFE);
                self.extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    fn put_lenenc_bytes(&mut self, bytes: &[u8]) {
        self.put_lenenc(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }

    fn put_nul_bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
        self.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_length_encoded_integer_reads_back(value: u64) {
            let mut bytes = Vec::new();
            bytes.put_lenenc(value);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.lenenc("value"), Ok(value));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while !reader.is_empty() {
                let before = reader.remaining();
                let _ = reader.lenenc_bytes("field");
                let _ = reader.nul_bytes("field");
                if reader.remaining() == before {
                    let _ = reader.u8("field");
                }
            }
        }
    }

    #[test]
    fn lengths_use_the_shortest_form() {
        for (value, length) in [(250, 1), (251, 3), (0xFFFF, 3), (0x1_0000, 4), (0xFF_FFFF, 4), (0x100_0000, 9)] {
            let mut bytes = Vec::new();
            bytes.put_lenenc(value);
            assert_eq!(bytes.len(), length, "{value}");
        }
    }

    #[test]
    fn the_null_marker_is_not_a_number() {
        assert_eq!(Reader::new(&[0xFB]).lenenc("rows"), Err(Malformed::Invalid { field: "rows", value: 0xFB }));
        assert_eq!(Reader::new(&[0xFC, 1]).lenenc("rows"), Err(Malformed::Truncated { field: "rows" }));
    }
}
