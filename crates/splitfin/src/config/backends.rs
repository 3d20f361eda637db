//! Servers, and names whose addresses are servers.

use super::file::{self, Compression, File, TlsMode};
use super::{Backend, BackendTls, Certificate, Check, ConfigError, Discovery, Name};
use splitfin_protocol::Capabilities;
use splitfin_protocol::handshake::connect::TlsWish;
use splitfin_topology::{BackendSpec, MOST_BACKENDS};
use std::sync::Arc;

impl Check<'_> {
    pub(super) fn backends(
        &self,
        file: &File,
        certificates: &Arc<[Certificate]>,
    ) -> Result<(Vec<Backend>, Vec<Name>), ConfigError> {
        if file.backends.is_empty() {
            return Err(self.wrong("backends", "at least one server is needed"));
        }
        if file.backends.len() > MOST_BACKENDS {
            return Err(self.wrong("backends", format!("at most {MOST_BACKENDS} servers")));
        }
        let mut backends: Vec<Backend> = Vec::new();
        let mut names: Vec<Name> = Vec::new();
        for (at, entry) in file.backends.iter().enumerate() {
            let key = format!("backends[{at}]");
            if file.backends.iter().take(at).any(|other| other.name == entry.name) {
                return Err(self.wrong(format!("{key}.name"), format!("`{}` is there twice", entry.name)));
            }
            match (&entry.address, &entry.dns) {
                (Some(address), None) => {
                    self.has_port(&format!("{key}.address"), &address.0)?;
                    if backends.iter().any(|other| other.spec.address == address.0) {
                        let twice = format!("`{}` is there twice", address.0);
                        return Err(self.wrong(format!("{key}.address"), twice));
                    }
                    backends.push(self.backend(&key, entry, &address.0, certificates)?);
                }
                (None, Some(dns)) => {
                    self.has_port(&format!("{key}.dns"), &dns.0)?;
                    names.push(Name { dns: dns.0.clone(), like: self.backend(&key, entry, &dns.0, certificates)? });
                }
                _ => return Err(self.wrong(key, "either `address` or `dns` is needed, and not both")),
            }
        }
        Ok((backends, names))
    }

    pub(super) fn discovery(&self, file: &File, names: Vec<Name>) -> Result<Discovery, ConfigError> {
        let file::Discovery { replicas, interval, resolver } = &file.discovery;
        let resolver = resolver.iter().enumerate();
        let resolver =
            resolver.map(|(at, address)| self.socket_address(&format!("discovery.resolver[{at}]"), &address.0));
        Ok(Discovery {
            names,
            replicas: *replicas,
            interval: interval.0,
            resolver: resolver.collect::<Result<_, _>>()?,
        })
    }

    fn has_port(&self, key: &str, address: &str) -> Result<(), ConfigError> {
        let has_port =
            address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        match has_port || (address.starts_with("unix:") && key.ends_with("address")) {
            true => Ok(()),
            false => Err(self.wrong(key, format!("`{address}` has no port: write {address}:3306"))),
        }
    }

    fn backend(
        &self,
        key: &str,
        backend: &file::Backend,
        address: &str,
        certificates: &Arc<[Certificate]>,
    ) -> Result<Backend, ConfigError> {
        let file::BackendTls { mode, ca, fingerprint, min_version } = &backend.tls;
        if ca.is_some() && fingerprint.is_some() {
            return Err(self.wrong(format!("{key}.tls"), "either `ca` or `fingerprint`, and not both"));
        }
        let fingerprint = fingerprint.as_ref().map(|text| {
            parse_fingerprint(text).ok_or_else(|| {
                let text = format!("`{text}` is no fingerprint: write the 64 hexadecimal digits of its SHA-256");
                self.wrong(format!("{key}.tls.fingerprint"), text)
            })
        });
        Ok(Backend {
            spec: BackendSpec { name: backend.name.clone(), address: address.to_owned(), weight: backend.weight },
            tls: BackendTls {
                wish: match mode {
                    // Who names the certificate does not want to go without.
                    TlsMode::Preferred if fingerprint.is_some() => TlsWish::Required,
                    TlsMode::Disabled => TlsWish::Disabled,
                    TlsMode::Preferred => TlsWish::Preferred,
                    TlsMode::Required => TlsWish::Required,
                },
                ca: ca.clone(),
                fingerprint: fingerprint.transpose()?,
                minimum: (*min_version).into(),
                certificates: Arc::clone(certificates),
            },
            introduce: backend.proxy_protocol,
            compression: match backend.compression {
                Compression::Off => Capabilities::empty(),
                Compression::Zlib => Capabilities::COMPRESS,
                Compression::Zstd => Capabilities::ZSTD_COMPRESSION,
            },
        })
    }
}

/// As `openssl x509 -fingerprint -sha256` writes it, with or without what stands around the digits.
fn parse_fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits = text.rsplit(['=', ' ']).next()?.trim_start_matches("sha256:");
    let digits: Vec<u32> = digits.chars().filter(|c| *c != ':').map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok())?
}
