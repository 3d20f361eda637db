//! Protocol::HandshakeResponse41 and SSLRequest, the first packets of a client.
//!
//! ```text
//! u32 caps | u32 max packet | u8 collation | 19 × 00 | u32 MariaDB caps   <- an SSLRequest ends here
//!   | user NUL | auth data | database NUL | plugin NUL | attributes
//! ```

use crate::capability::Capabilities;
use crate::compress::{Algorithm, DEFAULT_ZSTD_LEVEL};
use crate::wire::{Malformed, Reader, WriteExt};
use zeroize::Zeroizing;

/// Bytes of an SSLRequest.
pub const SSL_REQUEST: usize = 32;

/// Who a client says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// What the client can do, whether the server offered it or not.
    pub capabilities: Capabilities,
    /// The longest packet the client wants to see. Servers do not look at it.
    pub max_packet: u32,
    /// Low byte of the collation's id.
    pub collation: u8,
    /// Account name.
    pub user: String,
    /// The plugin's first answer to the greeting's nonce.
    pub auth: Zeroizing<Vec<u8>>,
    /// The database to start in.
    pub database: Option<String>,
    /// The plugin that `auth` is of.
    pub plugin: Option<String>,
    /// Connection attributes, in the order they came.
    pub attributes: Vec<(String, String)>,
    /// Level of zstd compression; there if that was agreed.
    pub zstd_level: Option<u8>,
}

/// Whether `payload` is an SSLRequest: the front of a login that asks for TLS and ends there.
pub fn is_ssl_request(payload: &[u8]) -> bool {
    payload.len() == SSL_REQUEST
        && Reader::new(payload)
            .u32("capabilities")
            .is_ok_and(|bits| Capabilities::of(bits, 0).contains(Capabilities::SSL))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Login {
    /// Reads a login. `offered` is what the greeting offered: only flags that both sides have decide about fields.
    pub fn parse(payload: &[u8], offered: Capabilities) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let bits = reader.u32("capabilities")?;
        if !Capabilities::of(bits, 0).contains(Capabilities::PROTOCOL_41) {
            return Err(Malformed::Invalid { field: "capabilities (PROTOCOL_41 is missing)", value: u64::from(bits) });
        }
        let max_packet = reader.u32("max packet")?;
        let collation = reader.u8("collation")?;
        reader.bytes(19, "filler")?;
        let capabilities = Capabilities::of(bits, reader.u32("MariaDB capabilities")?);
        let user = text(reader.nul_bytes("user")?);
        let agreed = capabilities & offered;
        let auth = if agreed.contains(Capabilities::PLUGIN_AUTH_LENENC) {
            reader.lenenc_bytes("authentication data")?
        } else if agreed.contains(Capabilities::SECURE_CONNECTION) {
            let length = reader.u8("authentication data's length")?;
            reader.bytes(usize::from(length), "authentication data")?
        } else {
            reader.nul_bytes("authentication data")?
        };
        // Of some plugins it is the password itself.
        let auth = Zeroizing::new(auth.to_vec());
        // After this point peers leave fields out at the end although their flags announce them; servers bear it.
        let database = match agreed.contains(Capabilities::CONNECT_WITH_DB) && !reader.is_empty() {
            true => Some(text(reader.nul_bytes_or_rest())).filter(|name| !name.is_empty()),
            false => None,
        };
        let plugin = match agreed.contains(Capabilities::PLUGIN_AUTH) && !reader.is_empty() {
            true => Some(text(reader.nul_bytes_or_rest())),
            false => None,
        };
        let attributes = match agreed.contains(Capabilities::CONNECT_ATTRS) && !reader.is_empty() {
            true => parse_attributes(&mut reader)?,
            false => Vec::new(),
        };
        // Some clients write four bytes, of which the first counts.
        let zstd_level = match agreed.contains(Capabilities::ZSTD_COMPRESSION) && !reader.is_empty() {
            true => Some(reader.u8("zstd level")?),
            false => None,
        };
        Ok(Self { capabilities, max_packet, collation, user, auth, database, plugin, attributes, zstd_level })
    }

    /// The SSLRequest that goes before this login.
    pub fn encode_ssl_request(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SSL_REQUEST);
        self.encode_front(&mut out);
        out
    }

    fn encode_front(&self, out: &mut Vec<u8>) {
        out.put_u32(self.capabilities.low());
        out.put_u32(self.max_packet);
        out.push(self.collation);
        out.extend_from_slice(&[0; 19]);
        out.put_u32(self.capabilities.high());
    }

    /// The payload. The capabilities decide which fields are written.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        self.encode_front(&mut out);
        out.put_nul_bytes(self.user.as_bytes());
        if self.capabilities.contains(Capabilities::PLUGIN_AUTH_LENENC) {
            out.put_lenenc_bytes(&self.auth);
        } else {
            out.push(self.auth.len() as u8);
            out.extend_from_slice(&self.auth);
        }
        if self.capabilities.contains(Capabilities::CONNECT_WITH_DB) {
            out.put_nul_bytes(self.database.as_deref().unwrap_or_default().as_bytes());
        }
        if self.capabilities.contains(Capabilities::PLUGIN_AUTH) {
            out.put_nul_bytes(self.plugin.as_deref().unwrap_or_default().as_bytes());
        }
        if self.capabilities.contains(Capabilities::CONNECT_ATTRS) {
            let mut block = Vec::new();
            for (key, value) in &self.attributes {
                block.put_lenenc_bytes(key.as_bytes());
                block.put_lenenc_bytes(value.as_bytes());
            }
            out.put_lenenc_bytes(&block);
        }
        if self.capabilities.contains(Capabilities::ZSTD_COMPRESSION) {
            out.push(self.zstd_level.unwrap_or(DEFAULT_ZSTD_LEVEL));
        }
        out
    }

    /// How to compress after the login, by what was agreed: zlib first, as servers choose.
    pub fn compression(&self, agreed: Capabilities) -> Option<Algorithm> {
        if agreed.contains(Capabilities::COMPRESS) {
            return Some(Algorithm::Zlib);
        }
        let zstd = agreed.contains(Capabilities::ZSTD_COMPRESSION);
        zstd.then(|| Algorithm::Zstd(self.zstd_level.unwrap_or(DEFAULT_ZSTD_LEVEL)))
    }
}

pub(super) fn parse_attributes(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>, Malformed> {
    let mut block = Reader::new(reader.lenenc_bytes("connection attributes")?);
    let mut attributes = Vec::new();
    while !block.is_empty() {
        let key = text(block.lenenc_bytes("attribute's name")?);
        attributes.push((key, text(block.lenenc_bytes("attribute's value")?)));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn login() -> Login {
        Login {
            capabilities: Capabilities::OFFERED,
            max_packet: 1 << 24,
            collation: 45,
            user: "app".into(),
            auth: vec![9; 20].into(),
            database: Some("shop".into()),
            plugin: Some(crate::auth::NATIVE.into()),
            attributes: vec![("_client_name".into(), "libmysql".into())],
            zstd_level: None,
        }
    }

    #[test]
    fn the_level_of_zstd_comes_last() {
        let mut login = login();
        login.capabilities |= Capabilities::ZSTD_COMPRESSION;
        login.zstd_level = Some(7);
        let offered = Capabilities::OFFERED | Capabilities::COMPRESSION;
        let mut bytes = login.encode();
        assert_eq!(Login::parse(&bytes, offered).unwrap().zstd_level, Some(7));
        bytes.extend_from_slice(&[0; 3]);
        let read = Login::parse(&bytes, offered).unwrap();
        assert_eq!(
            read.compression(read.capabilities & offered),
            Some(Algorithm::Zstd(7)),
            "MariaDB's clients write four"
        );
        assert_eq!(read.compression(Capabilities::COMPRESSION), Some(Algorithm::Zlib), "as servers choose");
    }

    #[test]
    fn a_login_reads_back_with_every_set_of_optional_fields() {
        let optional = [
            Capabilities::CONNECT_WITH_DB,
            Capabilities::PLUGIN_AUTH,
            Capabilities::CONNECT_ATTRS,
            Capabilities::PLUGIN_AUTH_LENENC,
        ];
        for bits in 0..16 {
            let mut login = login();
            for (index, flag) in optional.into_iter().enumerate() {
                login.capabilities.set(flag, bits >> index & 1 == 1);
            }
            let has = |flag| login.capabilities.contains(flag);
            let expected = Login {
                database: login.database.clone().filter(|_| has(Capabilities::CONNECT_WITH_DB)),
                plugin: login.plugin.clone().filter(|_| has(Capabilities::PLUGIN_AUTH)),
                attributes: if has(Capabilities::CONNECT_ATTRS) { login.attributes.clone() } else { vec![] },
                ..login.clone()
            };
            assert_eq!(Login::parse(&login.encode(), Capabilities::OFFERED), Ok(expected));
        }
    }

    #[test]
    fn a_login_without_the_fields_it_announced_is_accepted() {
        let short = Login { database: None, ..login() };
        let mut bytes = Login { capabilities: Capabilities::OFFERED - Capabilities::CONNECT_ATTRS, ..short }.encode();
        bytes.truncate(bytes.len() - crate::auth::NATIVE.len() - 2);
        assert_eq!(Login::parse(&bytes, Capabilities::OFFERED).unwrap().plugin, None);
    }

    #[test]
    fn an_ssl_request_is_told_from_a_login() {
        let mut login = login();
        assert!(!is_ssl_request(&login.encode_ssl_request()));
        login.capabilities |= Capabilities::SSL;
        assert!(is_ssl_request(&login.encode_ssl_request()));
        assert!(!is_ssl_request(&login.encode()));
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            let _ = Login::parse(&bytes, Capabilities::all());
        }
    }
}
