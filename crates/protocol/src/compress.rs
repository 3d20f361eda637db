//! The compressed protocol: packets of packets.
//!
//! ```text
//! u24 length of the body | u8 sequence id | u24 length of the content | body
//! ```
//! The content is a piece of the byte stream that would be sent without compression: a frame may begin in one and end in
//! another. A content length of 0 says that the body is the content as it is. It begins after the OK of the login.
//! Source: `net_serv.cc` of MySQL and MariaDB. Sequence ids count both directions of one command together.

use flate2::{Compress, Decompress, FlushCompress, FlushDecompress, Status};
use thiserror::Error;

/// How contents are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// zlib (CLIENT_COMPRESS).
    Zlib,
    /// zstd (CLIENT_ZSTD_COMPRESSION_ALGORITHM) at a level from 1 to 22; MySQL only.
    Zstd(u8),
}

/// A packet that cannot be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CompressError {
    /// The body is no compressed data, or not of the announced length.
    #[error("compressed packet: a body of {length} bytes does not unpack to {announced}")]
    Corrupt {
        /// Bytes of the body.
        length: usize,
        /// What its header says of the content.
        announced: usize,
    },
}

/// Bytes of a compressed packet's header.
pub const HEADER: usize = 7;
/// The longest body and the longest content.
const MOST: usize = 0xFF_FFFF;
/// Contents that are shorter are sent as they are, as servers and clients do.
const LEAST: usize = 50;
/// Contents are cut here: as much as a peer has to hold at once.
const PIECE: usize = 1 << 20;
/// zstd's level where none was said, as in MySQL.
pub const DEFAULT_ZSTD_LEVEL: u8 = 3;

/// Packs and unpacks one connection's packets.
pub struct Codec {
    algorithm: Algorithm,
    sequence: u8,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codec").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Codec {
    /// For a connection after its login.
    pub const fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, sequence: 0, scratch: Vec::new() }
    }

    /// The next packet is the first of a command.
    pub const fn begin(&mut self) {
        self.sequence = 0;
    }

    /// Appends `content`, packed, to `out`.
    pub fn pack(&mut self, content: &[u8], out: &mut Vec<u8>) {
        for piece in content.chunks(PIECE) {
            self.scratch.clear();
            let packed = piece.len() >= LEAST && self.squeeze(piece) && self.scratch.len() < piece.len();
            let (body, announced) = if packed { (self.scratch.as_slice(), piece.len()) } else { (piece, 0) };
            put_u24(out, body.len());
            out.push(self.sequence);
            put_u24(out, announced);
            out.extend_from_slice(body);
            self.sequence = self.sequence.wrapping_add(1);
        }
    }

    /// Compresses into the scratch buffer; false if that does not work.
    fn squeeze(&mut self, piece: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Zlib => {
                let mut zlib = Compress::new(flate2::Compression::new(6), true);
                self.scratch.reserve(piece.len() + 64);
                let ended = zlib.compress_vec(piece, &mut self.scratch, FlushCompress::Finish);
                matches!(ended, Ok(Status::StreamEnd))
            }
            Algorithm::Zstd(level) => match zstd::bulk::compress(piece, i32::from(level.clamp(1, 22))) {
                Ok(packed) => {
                    self.scratch = packed;
                    true
                }
                Err(_) => false,
            },
        }
    }

    /// Takes all whole packets from the front of `input`, as [`Codec::unpack_one`].
    pub fn unpack(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, CompressError> {
        let mut taken = 0;
        loop {
            match self.unpack_one(input.get(taken..).unwrap_or_default(), out)? {
                0 => return Ok(taken),
                more => taken += more,
            }
        }
    }

    /// Takes a whole packet from the front of `input`, appends its content to `out`, and says how much was taken: 0, if it is
    /// not whole. What a header announces, 16 MiB at most, bounds what is unpacked.
    pub fn unpack_one(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, CompressError> {
        let Some((header, rest)) = input.split_first_chunk::<HEADER>() else { return Ok(0) };
        let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        let announced = usize::from(header[4]) | usize::from(header[5]) << 8 | usize::from(header[6]) << 16;
        let Some(body) = rest.get(..length) else { return Ok(0) };
        match announced {
            0 => out.extend_from_slice(body),
            _ => self.inflate(body, announced, out)?,
        }
        self.sequence = header[3].wrapping_add(1);
        Ok(HEADER + length)
    }

    fn inflate(&self, body: &[u8], announced: usize, out: &mut Vec<u8>) -> Result<(), CompressError> {
        let corrupt = CompressError::Corrupt { length: body.len(), announced };
        let content = match self.algorithm {
            Algorithm::Zlib => {
                let mut content = Vec::with_capacity(announced);
                let ended = Decompress::new(true).decompress_vec(body, &mut content, FlushDecompress::Finish);
                matches!(ended, Ok(Status::StreamEnd)).then_some(content)
            }
            Algorithm::Zstd(_) => zstd::bulk::decompress(body, announced).ok(),
        };
        match content {
            Some(content) if content.len() == announced => {
                out.extend_from_slice(&content);
                Ok(())
            }
            _ => Err(corrupt),
        }
    }
}

fn put_u24(out: &mut Vec<u8>, value: usize) {
    debug_assert!(value <= MOST, "pieces are shorter");
    out.extend_from_slice(&value.to_le_bytes()[..3]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALGORITHMS: [Algorithm; 2] = [Algorithm::Zlib, Algorithm::Zstd(3)];

    #[test]
    fn short_contents_are_sent_as_they_are() {
        let mut out = Vec::new();
        Codec::new(Algorithm::Zlib).pack(b"\x01\0\0\0\x0e", &mut out);
        assert_eq!(out, b"\x05\0\0\0\0\0\0\x01\0\0\0\x0e");
    }

    #[test]
    fn sequence_ids_follow_the_peers_and_begin_with_commands() {
        let (mut client, mut server) = (Codec::new(Algorithm::Zlib), Codec::new(Algorithm::Zlib));
        let (mut sent, mut seen) = (Vec::new(), Vec::new());
        client.pack(b"one", &mut sent);
        client.pack(b"two", &mut sent);
        server.unpack(&sent, &mut seen).unwrap();
        let mut reply = Vec::new();
        server.pack(b"answer", &mut reply);
        assert_eq!((sent[3], sent[HEADER + 3 + 3], reply[3]), (0, 1, 2));
        client.unpack(&reply, &mut seen).unwrap();
        client.begin();
        sent.clear();
        client.pack(b"three", &mut sent);
        assert_eq!(sent[3], 0);
    }

    #[test]
    fn what_does_not_unpack_is_an_error() {
        for algorithm in ALGORITHMS {
            let mut out = Vec::new();
            let mut codec = Codec::new(algorithm);
            let error = CompressError::Corrupt { length: 4, announced: 9 };
            assert_eq!(codec.unpack(b"\x04\0\0\0\x09\0\0junk", &mut out), Err(error));
            let mut packed = Vec::new();
            codec.pack(&[7; 500], &mut packed);
            packed[4] = packed[4].wrapping_add(1);
            assert!(codec.unpack(&packed, &mut out).is_err(), "another length than announced");
        }
    }

    proptest! {
        #[test]
        fn contents_come_back_however_they_arrive(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300).prop_map(|mut some| {
                // Some that can be compressed.
                if let (true, Some(first)) = (some.len() > 100, some.first().copied()) { some.fill(first); }
                some
            }), 0..6),
            cut in 1usize..64,
        ) {
            for algorithm in ALGORITHMS {
                let (mut sender, mut receiver) = (Codec::new(algorithm), Codec::new(algorithm));
                let mut wire = Vec::new();
                contents.iter().for_each(|content| sender.pack(content, &mut wire));
                let (mut waiting, mut seen) = (Vec::new(), Vec::new());
                for piece in wire.chunks(cut) {
                    waiting.extend_from_slice(piece);
                    let taken = receiver.unpack(&waiting, &mut seen).unwrap();
                    waiting.drain(..taken);
                }
                prop_assert!(waiting.is_empty());
                prop_assert_eq!(&seen, &contents.concat());
            }
        }

        #[test]
        fn what_grew_when_it_was_packed_comes_back(content in "[ -~]{50,80}") {
            // Some clients send it all the same.
            let mut sender = Codec::new(Algorithm::Zlib);
            prop_assert!(sender.squeeze(content.as_bytes()));
            let mut wire = Vec::new();
            put_u24(&mut wire, sender.scratch.len());
            wire.push(0);
            put_u24(&mut wire, content.len());
            wire.extend_from_slice(&sender.scratch);
            let mut seen = Vec::new();
            let taken = Codec::new(Algorithm::Zlib).unpack(&wire, &mut seen);
            prop_assert_eq!(taken, Ok(wire.len()));
            prop_assert_eq!(seen, content.into_bytes());
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for algorithm in ALGORITHMS {
                let _ = Codec::new(algorithm).unpack(&bytes, &mut Vec::new());
            }
        }
    }
}
