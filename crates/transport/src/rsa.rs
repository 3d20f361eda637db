//! RSA for caching_sha2_password without TLS: the server's key pair, and encryption for a server's key.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use base64::Engine as _;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error;
use zeroize::Zeroizing;

/// Something about a key is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RsaError {
    /// The key cannot be read or made.
    #[error("RSA key: {0}")]
    Key(&'static str),
    /// The operation failed.
    #[error("RSA: encryption failed")]
    Encryption,
}

/// A key pair that clients encrypt their password for.
#[derive(Debug)]
pub struct RsaKey {
    private: OaepPrivateDecryptingKey,
    public_pem: Vec<u8>,
}

impl RsaKey {
    /// Makes a new pair of 2048 bits. Takes about a tenth of a second.
    pub fn generate() -> Result<Self, RsaError> {
        let private =
            PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(|_| RsaError::Key("generation failed"))?;
        let der: PublicKeyX509Der<'_> =
            private.public_key().as_der().map_err(|_| RsaError::Key("no public key in it"))?;
        let public_pem = pem("PUBLIC KEY", der.as_ref());
        let private = OaepPrivateDecryptingKey::new(private).map_err(|_| RsaError::Key("not fit for OAEP"))?;
        Ok(Self { private, public_pem })
    }

    /// The public key as clients get it.
    pub fn public_pem(&self) -> &[u8] {
        &self.public_pem
    }

    /// What a client encrypted; `None` if it was not for this key. Takes about a quarter of a millisecond.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut room = Zeroizing::new(vec![0; self.private.min_output_size()]);
        let clear = self.private.decrypt(&OAEP_SHA1_MGF1SHA1, ciphertext, &mut room, None).ok()?;
        Some(Zeroizing::new(clear.to_vec()))
    }
}

/// Encrypts `clear` for the server that sent `pem`.
pub fn encrypt_for(pem: &[u8], clear: &[u8]) -> Result<Vec<u8>, RsaError> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| RsaError::Key("the server's key is no PEM"))?;
    let key = PublicEncryptingKey::from_der(der.as_ref()).map_err(|_| RsaError::Key("the server's key is not RSA"))?;
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| RsaError::Key("the server's key is not fit for OAEP"))?;
    let mut room = vec![0; key.ciphertext_size()];
    let ciphertext = key.encrypt(&OAEP_SHA1_MGF1SHA1, clear, &mut room, None).map_err(|_| RsaError::Encryption)?;
    Ok(ciphertext.to_vec())
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_for_a_key_it_decrypts() {
        let key = RsaKey::generate().unwrap();
        let ciphertext = encrypt_for(key.public_pem(), b"secret\0").unwrap();
        assert_eq!(ciphertext.len(), 256);
        assert_eq!(&**key.decrypt(&ciphertext).unwrap(), b"secret\0");
        assert_eq!(key.decrypt(&ciphertext[1..]), None);
        assert!(RsaKey::generate().unwrap().decrypt(&ciphertext).is_none());
        assert!(encrypt_for(b"no key", b"x").is_err());
    }
}
