//! Frames: a 3-byte length, a sequence id, and up to 16 MiB − 1 of payload.
//!
//! ```text
//! +--------+--------+--------+--------+----------------
//! |    payload length (LE)   |  seq   | payload …
//! +--------+--------+--------+--------+----------------
//! ```
//!
//! A packet is the concatenation of frames: a frame of exactly [`MAX_PAYLOAD`] bytes continues in the next one, so a
//! packet whose length is a multiple of it ends with an empty frame.

use crate::wire::WriteExt;

/// Bytes before each frame's payload.
pub const HEADER: usize = 4;
/// The longest payload of one frame; a frame that long is continued by the next.
pub const MAX_PAYLOAD: usize = 0xFF_FFFF;

/// The header of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Payload bytes that follow.
    pub length: usize,
    /// Counts the frames of one exchange, both directions, and wraps at 255.
    pub sequence: u8,
}

impl FrameHeader {
    /// Reads the header at the front of `bytes`, if it is all there.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, sequence] = bytes.first_chunk::<HEADER>()?;
        Some(Self { length: u32::from_le_bytes([a, b, c, 0]) as usize, sequence })
    }

    /// The header as it goes onto the wire.
    pub const fn encode(self) -> [u8; HEADER] {
        let [a, b, c, _] = (self.length as u32).to_le_bytes();
        [a, b, c, self.sequence]
    }

    /// Whether the packet goes on in the next frame.
    pub const fn continues(self) -> bool {
        self.length == MAX_PAYLOAD
    }
}

/// Appends `payload` as one packet, in as many frames as it needs, and returns the sequence id after it.
pub fn write_packet(out: &mut Vec<u8>, mut sequence: u8, payload: &[u8]) -> u8 {
    let mut rest = payload;
    loop {
        let (frame, tail) = rest.split_at(rest.len().min(MAX_PAYLOAD));
        out.put_u24(frame.len() as u32);
        out.push(sequence);
        out.extend_from_slice(frame);
        sequence = sequence.wrapping_add(1);
        rest = tail;
        if frame.len() < MAX_PAYLOAD {
            return sequence;
        }
    }
}

/// Where the first packet of a buffer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// The packet is all there: its bytes with headers, and the sequence id of its last frame.
    Complete {
        /// Bytes of the packet, headers included.
        length: usize,
        /// Payload bytes of the packet, headers not counted.
        payload: usize,
        /// The sequence id of the last frame.
        last_sequence: u8,
    },
    /// More bytes are needed before the end is known.
    Incomplete {
        /// Payload bytes that the headers seen so far announce.
        announced: usize,
    },
}

/// Finds the end of the packet at the front of `bytes`.
pub fn boundary(bytes: &[u8]) -> Boundary {
    let mut at = 0;
    let mut payload = 0;
    loop {
        let Some(header) = FrameHeader::parse(bytes.get(at..).unwrap_or_default()) else {
            return Boundary::Incomplete { announced: payload };
        };
        payload += header.length;
        at += HEADER + header.length;
        if at > bytes.len() {
            return Boundary::Incomplete { announced: payload };
        }
        if !header.continues() {
            return Boundary::Complete { length: at, payload, last_sequence: header.sequence };
        }
    }
}

/// The payload of one complete packet: borrowed where it is one frame, joined where it is several.
pub fn payload(packet: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    match FrameHeader::parse(packet) {
        Some(header) if !header.continues() => packet.get(HEADER..HEADER + header.length).unwrap_or_default().into(),
        _ => {
            let mut joined = Vec::with_capacity(packet.len());
            let mut rest = packet;
            while let Some(header) = FrameHeader::parse(rest) {
                let end = (HEADER + header.length).min(rest.len());
                joined.extend_from_slice(rest.get(HEADER..end).unwrap_or_default());
                rest = rest.get(end..).unwrap_or_default();
            }
            joined.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(length: usize) -> Vec<u8> {
        let mut out = Vec::new();
        write_packet(&mut out, 0, &vec![7; length]);
        out
    }

    #[test]
    fn an_exact_multiple_ends_with_an_empty_frame() {
        for (length, frames) in
            [(0, 1), (1, 1), (MAX_PAYLOAD - 1, 1), (MAX_PAYLOAD, 2), (MAX_PAYLOAD + 1, 2), (2 * MAX_PAYLOAD, 3)]
        {
            let bytes = packet(length);
            assert_eq!(bytes.len(), length + frames * HEADER);
            let expected = Boundary::Complete { length: bytes.len(), payload: length, last_sequence: frames as u8 - 1 };
            assert_eq!(boundary(&bytes), expected);
            assert_eq!(payload(&bytes).len(), length);
        }
    }

    #[test]
    fn a_packet_cut_anywhere_is_incomplete() {
        let bytes = packet(40);
        for end in 0..bytes.len() {
            assert!(matches!(boundary(&bytes[..end]), Boundary::Incomplete { .. }), "{end}");
        }
    }

    #[test]
    fn a_following_packet_does_not_count() {
        let mut bytes = packet(3);
        bytes.extend_from_slice(&[1, 0]);
        assert_eq!(boundary(&bytes), Boundary::Complete { length: 7, payload: 3, last_sequence: 0 });
    }

    #[test]
    fn the_sequence_wraps() {
        let mut out = Vec::new();
        assert_eq!(write_packet(&mut out, 255, b"x"), 0);
    }
}
