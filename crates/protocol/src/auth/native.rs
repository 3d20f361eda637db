//! mysql_native_password: `SHA1(pw) XOR SHA1(nonce || SHA1(SHA1(pw)))`.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, digest};

fn sha1(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// A client's answer to `nonce`. The answer to an empty password is empty.
pub fn scramble(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let mut answer = sha1(&[password]);
    let stored = digest(&SHA1_FOR_LEGACY_USE_ONLY, &answer);
    super::xor(&mut answer, &sha1(&[nonce, stored.as_ref()]));
    answer
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
}
