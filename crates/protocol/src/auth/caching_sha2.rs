//! caching_sha2_password: the fast scramble, and the password hidden for RSA.

use aws_lc_rs::digest::{Context, SHA256};
use zeroize::Zeroizing;

/// AuthMoreData: the scramble was right, OK follows.
pub const FAST_AUTH_SUCCESS: u8 = 3;
/// AuthMoreData: send the password itself.
pub const PERFORM_FULL_AUTHENTICATION: u8 = 4;
/// A client's wish for the RSA key.
pub const REQUEST_PUBLIC_KEY: u8 = 2;

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// A client's first answer: `SHA256(pw) XOR SHA256(SHA256(SHA256(pw)) || nonce)`, digest before nonce.
pub fn scramble(password: &[u8], nonce: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let mut answer = sha256(&[password]);
    let stored = sha256(&[&answer]);
    super::xor(&mut answer, &sha256(&[&stored, nonce]));
    answer
}

/// Whether `answer` proves `password`. Clients answer for an empty password with nothing or with one NUL.
pub fn verify(password: &[u8], nonce: &[u8], answer: &[u8]) -> bool {
    let answer = if answer == [0] { &[][..] } else { answer };
    super::equal(&scramble(password, nonce), answer)
}

/// The password with its NUL, masked with the nonce, as it goes into RSA encryption.
pub fn mask(password: &[u8], nonce: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut masked = Zeroizing::new(password.to_vec());
    masked.push(0);
    super::xor(&mut masked, nonce);
    masked
}

/// The password out of what RSA decryption gave. `None` if no NUL ends it: it was not made for this nonce.
pub fn unmask(mut decrypted: Zeroizing<Vec<u8>>, nonce: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    super::xor(&mut decrypted, nonce);
    clear_text(&decrypted)
}

/// The password out of the packet of a client that sends it in clear, NUL-terminated.
pub fn clear_text(packet: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (0, password) = packet.split_last()? else { return None };
    Some(Zeroizing::new(password.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_and_only_it_verifies() {
        let nonce = [b'n'; 20];
        let answer = scramble(b"secret", &nonce);
        assert_eq!(answer.len(), 32);
        assert!(verify(b"secret", &nonce, &answer));
        assert!(!verify(b"other", &nonce, &answer));
        assert!(verify(b"", &nonce, &[0]));
        assert!(!verify(b"secret", &nonce, &[0]));
    }

    #[test]
    fn a_masked_password_comes_back_with_its_nonce_only() {
        let nonce = *b"12345678901234567890";
        let masked = mask(b"a password longer than its nonce", &nonce);
        assert_eq!(&**unmask(masked.clone(), &nonce).unwrap(), b"a password longer than its nonce");
        assert!(unmask(masked, b"09876543210987654321").is_none());
    }
}
