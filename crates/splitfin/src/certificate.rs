//! The certificate that clients see: from files, or made on the first start and kept.

use crate::config::Listen;
use anyhow::{Context as _, Result};
use splitfin_transport::tls::{self, ClientAuthority, ServerTls};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// TLS for one endpoint, if it is to have it.
pub(crate) fn server_tls(listen: &Listen, state_dir: &Path) -> Result<Option<ServerTls>> {
    if !listen.tls {
        return Ok(None);
    }
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let ca = listen.client_ca.as_deref().map(read).transpose()?;
    let clients = ca.as_deref().map(|ca| ClientAuthority { ca, optional: listen.client_cert_optional });
    let (chain, key) = match &listen.certificate {
        Some((chain, key)) => (read(chain)?, read(key)?),
        None => generated(state_dir)?,
    };
    let tls = ServerTls::new(&chain, &key, clients, listen.tls_minimum)
        .with_context(|| format!("TLS of {}", listen.endpoint))?;
    Ok(Some(tls))
}

/// The generated certificate. Clients that were told to trust it should find it again after a restart.
fn generated(state_dir: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let (chain_path, key_path) = (state_dir.join("cert.pem"), state_dir.join("key.pem"));
    if let (Ok(chain), Ok(key)) = (fs::read(&chain_path), fs::read(&key_path)) {
        return Ok((chain, key));
    }
    let made =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "splitfin".to_owned(), "127.0.0.1".to_owned()])
            .context("cannot make a certificate")?;
    let (chain, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir).with_context(|| {
        format!("cannot make {}: set state_dir, or give each listener a cert and a key", state_dir.display())
    })?;
    write_private(&key_path, &key)?;
    write_private(&chain_path, &chain)?;
    let fingerprint = readable(&tls::fingerprint(&chain)?);
    tracing::info!(path = %chain_path.display(), fingerprint, "made a certificate for clients");
    Ok((chain, key))
}

/// Where the certificate of an endpoint is, and its fingerprint.
pub(crate) fn describe(listen: &Listen, state_dir: &Path) -> Result<String> {
    let own = state_dir.join("cert.pem");
    let path = listen.certificate.as_ref().map_or(&own, |(chain, _)| chain);
    let pem = fs::read(path).with_context(|| {
        format!("cannot read {}: a certificate that is not configured is made at the first start", path.display())
    })?;
    let fingerprint = readable(&tls::fingerprint(&pem)?);
    Ok(format!("{}: {} sha256:{fingerprint}\n", listen.endpoint, path.display()))
}

/// Throws the generated certificate away and makes another one. A Splitfin that runs takes it at its next reload.
pub(crate) fn renew(state_dir: &Path) -> Result<()> {
    for name in ["cert.pem", "key.pem"] {
        let path = state_dir.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    generated(state_dir).map(drop)
}

/// As `openssl x509 -fingerprint` writes it.
fn readable(fingerprint: &[u8]) -> String {
    fingerprint.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_transport::Endpoint;
    use splitfin_transport::tls::TlsVersion;
    use std::os::unix::fs::PermissionsExt as _;

    fn listen(certificate: Option<(std::path::PathBuf, std::path::PathBuf)>) -> Listen {
        Listen {
            endpoint: Endpoint::Tcp("127.0.0.1:0".parse().unwrap()),
            tls: true,
            tls_required: false,
            compression: true,
            certificate,
            client_ca: None,
            client_cert_optional: false,
            tls_minimum: TlsVersion::default(),
            mode: 0o777,
            proxies: crate::admission::Networks::default(),
            networks: crate::admission::Networks::default(),
        }
    }

    #[test]
    fn a_generated_certificate_is_kept_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert!(server_tls(&listen(None), &state).unwrap().is_some());
        let first = fs::read(state.join("cert.pem")).unwrap();
        assert!(server_tls(&listen(None), &state).unwrap().is_some());
        assert_eq!(fs::read(state.join("cert.pem")).unwrap(), first);
        let mode = fs::metadata(state.join("key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_generated_certificate_can_be_renewed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(describe(&listen(None), folder.path()).unwrap_err().to_string().contains("first start"));
        generated(folder.path()).unwrap();
        let before = describe(&listen(None), folder.path()).unwrap();
        assert!(before.contains("sha256:") && before.matches(':').count() > 31, "{before}");
        renew(folder.path()).unwrap();
        assert_ne!(describe(&listen(None), folder.path()).unwrap(), before);
        assert!(server_tls(&listen(None), folder.path()).unwrap().is_some());
    }

    #[test]
    fn a_certificate_from_files_is_used_and_a_wrong_one_says_which() {
        let folder = tempfile::tempdir().unwrap();
        generated(folder.path()).unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let elsewhere = folder.path().join("elsewhere");
        assert!(server_tls(&listen(Some((cert.clone(), key.clone()))), &elsewhere).unwrap().is_some());
        assert!(!elsewhere.exists(), "nothing is generated beside it");
        let swapped = server_tls(&listen(Some((key, cert))), &elsewhere).unwrap_err();
        assert!(format!("{swapped:#}").contains("certificate"), "{swapped:#}");
        let missing = folder.path().join("missing.pem");
        let error = server_tls(&listen(Some((missing.clone(), missing))), &elsewhere).unwrap_err();
        assert!(format!("{error:#}").contains("missing.pem"), "{error:#}");
    }
}
