//! TLS in both directions, over rustls with aws-lc-rs.

use crate::own_certificate::{OwnCertificate, showing};
use crate::stream::Surplus;
use ::aws_lc_rs::digest::{SHA256, digest};
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::io;
use std::sync::Arc;
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Certificates or keys that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A PEM text cannot be read.
    #[error("{what}: {source}")]
    Pem {
        /// Which.
        what: &'static str,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// There is no certificate in it.
    #[error("{what}: no certificate in it")]
    Empty {
        /// Which.
        what: &'static str,
    },
    /// They do not fit together.
    #[error("{0}")]
    Config(#[from] rustls::Error),
    /// The certificate authority for clients cannot be used.
    #[error("client CA: {0}")]
    ClientCa(#[from] rustls::client::VerifierBuilderError),
}

/// A version of TLS. Older ones are not spoken at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2
    #[default]
    Tls12,
    /// 1.3
    Tls13,
}

impl TlsVersion {
    /// This one and those after it.
    fn and_later(self) -> &'static [&'static SupportedProtocolVersion] {
        static ALL: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
        match self {
            Self::Tls12 => &ALL,
            Self::Tls13 => ALL.split_at(1).0,
        }
    }
}

/// SHA-256 of the first certificate of a PEM text.
pub fn fingerprint(pem: &[u8]) -> Result<[u8; 32], TlsError> {
    Ok(fingerprint_of(&certificates(pem, "certificate")?[0]))
}

pub(crate) fn fingerprint_of(certificate: &CertificateDer<'_>) -> [u8; 32] {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, certificate).as_ref());
    fingerprint
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

pub(crate) fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|source| TlsError::Pem { what, source })?;
    match read.is_empty() {
        true => Err(TlsError::Empty { what }),
        false => Ok(read),
    }
}

fn roots(pem: &[u8], what: &'static str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, what)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// Whose certificates clients may, or must, show.
#[derive(Debug, Clone, Copy)]
pub struct ClientAuthority<'a> {
    /// The certificate authority, in PEM.
    pub ca: &'a [u8],
    /// Clients without a certificate may come in, too.
    pub optional: bool,
}

/// TLS towards clients.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
    fingerprint: [u8; 32],
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerTls")
    }
}

impl ServerTls {
    /// From a certificate chain and its key in PEM.
    pub fn new(
        chain: &[u8],
        key: &[u8],
        clients: Option<ClientAuthority<'_>>,
        minimum: TlsVersion,
    ) -> Result<Self, TlsError> {
        let chain = certificates(chain, "certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| TlsError::Pem { what: "key", source })?;
        let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(minimum.and_later())?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(ClientAuthority { ca, optional }) => {
                let roots = Arc::new(roots(ca, "client CA")?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                let verifier = if optional { verifier.allow_unauthenticated() } else { verifier };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| match error {
                    rustls::server::VerifierBuilderError::NoRootAnchors => TlsError::Empty { what: "client CA" },
                    _ => TlsError::Config(rustls::Error::General("client CA: revocation list".into())),
                })?)
            }
        };
        let fingerprint = fingerprint_of(&chain[0]);
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key)?)), fingerprint })
    }

    /// SHA-256 of the certificate that clients see.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    pub(crate) const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

/// TLS towards backends.
#[derive(Clone)]
pub struct ClientTls {
    connector: TlsConnector,
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientTls")
    }
}

impl ClientTls {
    /// Accepts servers whose certificate is signed by `ca` (PEM) for the name that is connected to. If they ask, they are
    /// shown `own`.
    pub fn verifying(ca: &[u8], minimum: TlsVersion, own: Option<&OwnCertificate>) -> Result<Self, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(minimum.and_later())?;
        let config = showing(builder.with_root_certificates(roots(ca, "CA")?), own)?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Accepts any certificate: servers make their own by default, which nothing vouches for. It keeps listeners out,
    /// not impostors.
    pub fn opportunistic(minimum: TlsVersion, own: Option<&OwnCertificate>) -> Result<Self, TlsError> {
        Self::by_fingerprint(None, minimum, own)
    }

    /// Accepts one certificate, whoever has signed it and for whichever name: the one with this SHA-256.
    pub fn pinned(fingerprint: [u8; 32], minimum: TlsVersion, own: Option<&OwnCertificate>) -> Result<Self, TlsError> {
        Self::by_fingerprint(Some(fingerprint), minimum, own)
    }

    fn by_fingerprint(
        fingerprint: Option<[u8; 32]>,
        minimum: TlsVersion,
        own: Option<&OwnCertificate>,
    ) -> Result<Self, TlsError> {
        let config = showing(trusting(fingerprint, minimum)?, own)?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    pub(crate) async fn connect(
        &self,
        host: &str,
        surplus: Surplus,
    ) -> io::Result<tokio_rustls::client::TlsStream<Surplus>> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("`{host}` is no host name")))?;
        self.connector.connect(name, surplus).await
    }
}

fn trusting(
    fingerprint: Option<[u8; 32]>,
    minimum: TlsVersion,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let provider = provider();
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(minimum.and_later())?;
    let verifier = Arc::new(ByFingerprint { provider, fingerprint });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
}

/// To try a certificate and its key with.
pub(crate) fn trusting_nobody() -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    trusting(Some([0; 32]), TlsVersion::default())
}

/// Looks at nothing but the fingerprint, and not at that if there is none.
#[derive(Debug)]
struct ByFingerprint {
    provider: Arc<CryptoProvider>,
    fingerprint: Option<[u8; 32]>,
}

impl ServerCertVerifier for ByFingerprint {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.fingerprint {
            Some(wanted) if fingerprint_of(certificate) != wanted => {
                Err(rustls::Error::General("the certificate is not the one with the configured fingerprint".into()))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
