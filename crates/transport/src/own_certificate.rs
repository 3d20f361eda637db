//! Certificates that servers are shown, and whose a certificate is.

use crate::tls::{TlsError, certificates, fingerprint_of};
use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::Arc;

/// Whose a certificate is, and who says so: subject and issuer, as they are written in it (DER).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNames {
    subject: Box<[u8]>,
    issuer: Box<[u8]>,
}

impl CertificateNames {
    /// Nothing, if it is no certificate.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let read = webpki::EndEntityCert::try_from(certificate).ok()?;
        Some(Self { subject: read.subject().into(), issuer: read.issuer().into() })
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub struct OwnCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    names: CertificateNames,
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnCertificate").field(&self.fingerprint()).finish()
    }
}

/// The same certificates; a key fits only one.
impl PartialEq for OwnCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.chain == other.chain
    }
}

impl Eq for OwnCertificate {}

impl OwnCertificate {
    /// From a chain and its key in PEM.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain, "certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| TlsError::Pem { what: "key", source })?;
        let names = CertificateNames::of(&chain[0]).ok_or(TlsError::Empty { what: "certificate" })?;
        let own = Self { chain, key: Arc::new(key), names };
        // Whether they fit together is found out now, not at the first connection.
        own.show(crate::tls::trusting_nobody()?)?;
        Ok(own)
    }

    /// Whose it is.
    pub const fn names(&self) -> &CertificateNames {
        &self.names
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint_of(&self.chain[0])
    }

    fn show(&self, builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> Result<ClientConfig, TlsError> {
        Ok(builder.with_client_auth_cert(self.chain.clone(), self.key.clone_key())?)
    }
}

/// The last step of a configuration: with a certificate to show, or without.
pub(crate) fn showing(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    own: Option<&OwnCertificate>,
) -> Result<ClientConfig, TlsError> {
    match own {
        Some(own) => own.show(builder),
        None => Ok(builder.with_no_client_auth()),
    }
}
