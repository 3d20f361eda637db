//! Authentication plugins: what a password becomes on the wire.
//!
//! Each file is one plugin and holds both sides where both are used: the answer of a client, and its verification.

pub mod caching_sha2;
pub mod ed25519;
pub mod native;
pub mod parsec;

use zeroize::Zeroizing;

/// MariaDB's default plugin, and MySQL's before 8.0.
pub const NATIVE: &str = "mysql_native_password";
/// MySQL's default plugin from 8.0 on.
pub const CACHING_SHA2: &str = "caching_sha2_password";
/// MySQL's plugin with full authentication only.
pub const SHA256: &str = "sha256_password";
/// MariaDB's Ed25519 plugin.
pub const ED25519: &str = "client_ed25519";
/// MariaDB's newer plugin with Ed25519.
pub const PARSEC: &str = "parsec";
/// MariaDB's plugin that asks questions (PAM). The first is for the password.
pub const DIALOG: &str = "dialog";
/// The password as it is; accepted on secure channels only.
pub const CLEAR: &str = "mysql_clear_password";

/// A password, as far as it is known.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// In clear.
    Clear(Zeroizing<Vec<u8>>),
    /// Its SHA-1: enough for mysql_native_password.
    Half(native::Half),
}

impl Secret {
    /// The password itself, if it is known.
    pub fn clear(&self) -> Option<&[u8]> {
        match self {
            Self::Clear(password) => Some(password),
            Self::Half(_) => None,
        }
    }

    /// What servers keep of it for mysql_native_password.
    pub fn native_stored(&self) -> Vec<u8> {
        match self {
            Self::Clear(password) => native::keep(&native::half(password)),
            Self::Half(half) => native::keep(half.as_slice()),
        }
    }

    /// The answer of mysql_native_password.
    pub fn native(&self, nonce: &[u8]) -> Vec<u8> {
        match self {
            Self::Clear(password) => native::scramble(password, nonce),
            Self::Half(half) => native::scramble_half(half.as_slice(), nonce),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Clear(_) => "Clear",
            Self::Half(_) => "Half",
        })
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// Makes a nonce of random bytes fit for a greeting: printable, and never `$`, a blank or NUL. Clients mishandle those.
pub fn printable_nonce<const N: usize>(random: [u8; N]) -> [u8; N] {
    // '%'..='~': 90 values, so 20 bytes hold 129 bits.
    random.map(|byte| b'%' + byte % 90)
}

fn xor(into: &mut [u8], mask: &[u8]) {
    for (byte, mask) in into.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}
