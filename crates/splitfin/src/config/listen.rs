//! Endpoints for clients.

use super::file::{self, ClientCertificate, TlsMode};
use super::{Check, ConfigError, Listen};
use crate::admission::Networks;
use splitfin_transport::Endpoint;
use splitfin_transport::tls::TlsVersion;

impl Check<'_> {
    pub(super) fn listen(&self, at: usize, listen: &file::Listen) -> Result<Listen, ConfigError> {
        let key = |name: &str| format!("listen[{at}].{name}");
        let endpoint = match (&listen.address, &listen.unix) {
            (Some(address), None) => Endpoint::Tcp(self.socket_address(&key("address"), &address.0)?),
            (None, Some(path)) => Endpoint::Unix(path.clone()),
            _ => return Err(self.wrong(format!("listen[{at}]"), "either `address` or `unix` is needed, and not both")),
        };
        let certificate = match (&listen.tls.cert, &listen.tls.key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            (None, None) => None,
            _ => return Err(self.wrong(key("tls"), "`cert` and `key` belong together")),
        };
        let client_cert_optional = listen.tls.client_cert == ClientCertificate::Optional;
        if client_cert_optional && listen.tls.client_ca.is_none() {
            return Err(self.wrong(key("tls.client_cert"), "needs a `client_ca` that certificates are verified with"));
        }
        let is_tcp = matches!(endpoint, Endpoint::Tcp(_));
        let mode = match &listen.mode {
            None => EVERYBODY,
            Some(_) if is_tcp => return Err(self.wrong(key("mode"), "only a unix socket has one")),
            Some(text) => u32::from_str_radix(text, 8)
                .ok()
                .filter(|mode| *mode <= 0o777)
                .ok_or_else(|| self.wrong(key("mode"), format!("`{text}` is no mode: write \"0660\"")))?,
        };
        if !is_tcp && !listen.proxy_protocol.is_empty() {
            return Err(self.wrong(key("proxy_protocol"), "clients of a unix socket have no address"));
        }
        Ok(Listen {
            endpoint,
            tls: is_tcp && listen.tls.mode != TlsMode::Disabled,
            tls_required: is_tcp && listen.tls.mode == TlsMode::Required,
            tls_minimum: listen.tls.min_version.into(),
            compression: listen.compression,
            certificate,
            client_ca: listen.tls.client_ca.clone(),
            client_cert_optional,
            mode,
            proxies: Networks {
                allow: self.networks(&key("proxy_protocol"), &listen.proxy_protocol)?,
                deny: Vec::new(),
            },
            networks: Networks {
                allow: self.networks(&key("allow"), &listen.allow)?,
                deny: self.networks(&key("deny"), &listen.deny)?,
            },
        })
    }
}

impl From<file::TlsVersion> for TlsVersion {
    fn from(version: file::TlsVersion) -> Self {
        match version {
            file::TlsVersion::Tls12 => Self::Tls12,
            file::TlsVersion::Tls13 => Self::Tls13,
        }
    }
}

/// As the servers have it: who opens the socket still needs an account.
const EVERYBODY: u32 = 0o777;
