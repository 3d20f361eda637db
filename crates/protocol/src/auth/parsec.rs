//! parsec of MariaDB (from 11.6 on): an Ed25519 signature of both nonces, with a key that PBKDF2 makes of the password.
//!
//! ```text
//! server: switch to parsec, 32 bytes of nonce      client: an empty packet
//! server: 0x01 | 'P' | u8 factor | salt            client: 32 bytes of nonce | 64 bytes of signature
//! ```
//! The signature is over the server's nonce and the client's; the key comes from 1024 << factor rounds of HMAC-SHA-512.
//! Source: "Authentication Plugin - PARSEC" in MariaDB's documentation.

use crate::wire::{Malformed, Reader};
use aws_lc_rs::pbkdf2;
use aws_lc_rs::signature::Ed25519KeyPair;
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Bytes of each nonce.
pub const NONCE: usize = 32;
/// Bytes of an answer.
pub const ANSWER: usize = NONCE + 64;

/// What the server says of the account's key.
#[derive(Debug, PartialEq, Eq)]
pub struct Salt<'a> {
    rounds: NonZeroU32,
    salt: &'a [u8],
}

impl<'a> Salt<'a> {
    /// Reads what follows the empty packet.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        // Servers put a byte before what could be taken for something else, and of more.
        let mut reader = Reader::new(payload.strip_prefix(&[1]).unwrap_or(payload));
        let kind = reader.u8("kind of key derivation")?;
        if kind != b'P' {
            return Err(Malformed::Invalid { field: "kind of key derivation", value: kind.into() });
        }
        let factor = reader.u8("rounds of key derivation")?;
        let rounds = (factor <= MOST_ROUNDS).then(|| NonZeroU32::new(1024 << factor)).flatten();
        let invalid = || Malformed::Invalid { field: "rounds of key derivation", value: factor.into() };
        Ok(Self { rounds: rounds.ok_or_else(invalid)?, salt: reader.rest() })
    }

    /// A client's answer, with a nonce of its own.
    pub fn answer(&self, password: &[u8], server: &[u8], client: &[u8; NONCE]) -> Vec<u8> {
        let mut seed = Zeroizing::new([0; 32]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, self.rounds, self.salt, password, &mut *seed);
        let mut answer = client.to_vec();
        match Ed25519KeyPair::from_seed_unchecked(&*seed) {
            Ok(pair) => answer.extend_from_slice(pair.sign(&[server, client].concat()).as_ref()),
            // 32 bytes are a seed, whatever they are.
            Err(_) => answer.resize(ANSWER, 0),
        }
        answer
    }
}

/// 262,144 rounds take a quarter of a second; no server asks for more than 8,192 by default.
const MOST_ROUNDS: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, KeyPair, UnparsedPublicKey};

    #[test]
    fn the_answer_is_a_signature_of_both_nonces() {
        let salt = Salt::parse(b"P\x00eighteen-byte-salt").unwrap();
        assert_eq!(Salt::parse(b"\x01P\x00eighteen-byte-salt").unwrap(), salt);
        assert_eq!(salt.rounds.get(), 1024);
        let (server, client) = ([1; NONCE], [2; NONCE]);
        let answer = salt.answer(b"secret", &server, &client);
        assert_eq!((answer.len(), &answer[..NONCE]), (ANSWER, &client[..]));
        let mut seed = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, salt.rounds, b"eighteen-byte-salt", b"secret", &mut seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let key = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
        key.verify(&[server, client].concat(), &answer[NONCE..]).unwrap();
        assert_ne!(salt.answer(b"wrong", &server, &client), answer);
    }

    #[test]
    fn what_is_no_salt_is_refused() {
        for payload in [&b""[..], b"P", b"X\x00salt", b"P\x09salt"] {
            assert!(Salt::parse(payload).is_err(), "{payload:?}");
        }
    }
}
