//! client_ed25519 of MariaDB: an Ed25519 signature of the nonce, with a key that is the password itself.
//!
//! Ordinary Ed25519 hashes a 32-byte seed to get its secret scalar; this plugin hashes the password, of any length, in
//! its place (`ref10` with the password as seed). Signing libraries take seeds of 32 bytes only, so the few steps of
//! the signature are written out here, over `curve25519-dalek`.

use aws_lc_rs::digest::{Context, SHA512};
use curve25519_dalek::{EdwardsPoint, Scalar, scalar::clamp_integer};

/// Bytes of the nonce.
pub const NONCE: usize = 32;

fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    let mut context = Context::new(&SHA512);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 64];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// A client's answer: the signature of `nonce`, 64 bytes.
pub fn sign(password: &[u8], nonce: &[u8]) -> [u8; 64] {
    let hash = sha512(&[password]);
    let (secret, prefix) = hash.split_at(32);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(secret);
    let secret = Scalar::from_bytes_mod_order(clamp_integer(bytes));
    let public = EdwardsPoint::mul_base(&secret).compress();
    let blind = Scalar::from_bytes_mod_order_wide(&sha512(&[prefix, nonce]));
    let commitment = EdwardsPoint::mul_base(&blind).compress();
    let challenge = Scalar::from_bytes_mod_order_wide(&sha512(&[commitment.as_bytes(), public.as_bytes(), nonce]));
    let mut signature = [0; 64];
    let (first, second) = signature.split_at_mut(32);
    first.copy_from_slice(commitment.as_bytes());
    second.copy_from_slice((challenge * secret + blind).as_bytes());
    signature
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

    #[test]
    fn a_password_of_32_bytes_signs_like_a_seed() {
        let seed = [7u8; 32];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let nonce = [3u8; NONCE];
        let signature = sign(&seed, &nonce);
        assert_eq!(signature, pair.sign(&nonce).as_ref());
        UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref()).verify(&nonce, &signature).unwrap();
    }
}
