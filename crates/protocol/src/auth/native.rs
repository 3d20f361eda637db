//! mysql_native_password: `SHA1(pw) XOR SHA1(nonce || SHA1(SHA1(pw)))`.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use zeroize::Zeroizing;

fn sha1(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// `SHA1(pw)`: who has this can answer for the password.
pub type Half = Zeroizing<[u8; 20]>;

/// A client's answer to `nonce`. The answer to an empty password is empty.
pub fn scramble(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    match password.is_empty() {
        true => Vec::new(),
        false => scramble_half(&sha1(&[password]), nonce),
    }
}

/// The same for somebody who knows `SHA1(pw)` only.
pub fn scramble_half(half: &[u8], nonce: &[u8]) -> Vec<u8> {
    let mut answer = half.to_vec();
    let stored = digest(&SHA1_FOR_LEGACY_USE_ONLY, half);
    super::xor(&mut answer, &sha1(&[nonce, stored.as_ref()]));
    answer
}

/// Of no password that anybody knows.
pub(crate) fn nobodys() -> Half {
    Zeroizing::new([0; 20])
}

/// `SHA1(pw)`
pub(crate) fn half(password: &[u8]) -> Vec<u8> {
    sha1(&[password])
}

/// `SHA1(SHA1(pw))` of `SHA1(pw)`
pub(crate) fn keep(half: &[u8]) -> Vec<u8> {
    sha1(&[half])
}

/// A byte of 1, and `SHA256(stored || nonce || fingerprint)` in hexadecimal digits.
pub(crate) fn sign(stored: &[u8], nonce: &[u8], fingerprint: &[u8; 32]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for part in [stored, nonce, fingerprint] {
        context.update(part);
    }
    let digits =
        context.finish().as_ref().iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect::<Vec<_>>();
    [&[1], digits.as_slice()].concat()
}

/// What servers keep, `SHA1(SHA1(pw))`, as they write it: an asterisk and forty hexadecimal digits.
pub fn stored(text: &str) -> Option<[u8; 20]> {
    let digits = text.strip_prefix('*').filter(|digits| digits.len() == 40 && digits.is_ascii())?;
    let mut stored = [0; 20];
    for (at, byte) in stored.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(stored)
}

/// `SHA1(pw)` out of a client's answer, if that proves the password that `stored` was made of.
pub fn verify_stored(stored: &[u8; 20], nonce: &[u8], answer: &[u8]) -> Option<Half> {
    let mut half = Zeroizing::new(<[u8; 20]>::try_from(answer).ok()?);
    super::xor(half.as_mut_slice(), &sha1(&[nonce, stored]));
    let again = digest(&SHA1_FOR_LEGACY_USE_ONLY, half.as_slice());
    super::equal(again.as_ref(), stored).then_some(half)
}

/// Whether `answer` proves `password`.
pub fn verify(password: &[u8], nonce: &[u8], answer: &[u8]) -> bool {
    super::equal(&scramble(password, nonce), answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_and_only_it_verifies() {
        let nonce = [b'n'; 20];
        let answer = scramble(b"secret", &nonce);
        assert!(verify(b"secret", &nonce, &answer));
        assert!(!verify(b"secret ", &nonce, &answer));
        assert!(!verify(b"secret", &[b'm'; 20], &answer));
        assert!(!verify(b"", &nonce, &answer));
        assert!(!verify(b"secret", &nonce, b""));
        assert!(verify(b"", &nonce, b""));
    }

    // SELECT PASSWORD('secret') on MariaDB 10.11.
    #[test]
    fn what_servers_keep_is_enough_to_verify_and_to_answer() {
        let stored = stored("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7").unwrap();
        let nonce = [b'n'; 20];
        let half = verify_stored(&stored, &nonce, &scramble(b"secret", &nonce)).unwrap();
        let other = [b'o'; 20];
        assert_eq!(scramble_half(half.as_slice(), &other), scramble(b"secret", &other));
        assert!(verify_stored(&stored, &nonce, &scramble(b"Secret", &nonce)).is_none());
        assert!(verify_stored(&stored, &nonce, b"short").is_none());
        assert_eq!(
            (super::stored("invalid"), super::stored("*zz"), super::stored(&"*é".repeat(20))),
            (None, None, None)
        );
    }
}
