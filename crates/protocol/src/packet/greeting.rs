//! Protocol::HandshakeV10, the first packet of a server.
//!
//! ```text
//! 0A | version NUL | u32 id | nonce 8 | 00 | u16 caps low | u8 collation | u16 status | u16 caps high
//!    | u8 nonce length | 6 × 00 | u32 MariaDB caps | nonce rest NUL | plugin NUL
//! ```

use crate::capability::Capabilities;
use crate::status::Status;
use crate::wire::{Malformed, Reader, WriteExt};

/// Length of the nonce of all plugins that a greeting may name.
pub const NONCE: usize = 20;

/// What a server says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// Version text, without the `5.5.5-` that MariaDB 10 puts in front for old replication clients.
    pub version: String,
    /// The server's id of this connection.
    pub connection_id: u32,
    /// Random bytes that the password is scrambled with.
    pub nonce: [u8; NONCE],
    /// What the server can do.
    pub capabilities: Capabilities,
    /// Low byte of the default collation's id.
    pub collation: u8,
    /// Initial status.
    pub status: Status,
    /// The plugin that the nonce is for.
    pub plugin: String,
}

impl Greeting {
    /// Whether this is a MariaDB server: the version says so, or bit 0 is clear.
    pub fn is_mariadb(&self) -> bool {
        !self.capabilities.contains(Capabilities::LONG_PASSWORD)
            || self.version.to_ascii_lowercase().contains("mariadb")
    }

    /// Reads a greeting.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let protocol = reader.u8("protocol version")?;
        if protocol != 0x0A {
            return Err(Malformed::Invalid { field: "protocol version", value: u64::from(protocol) });
        }
        let version = String::from_utf8_lossy(reader.nul_bytes("server version")?).into_owned();
        let version = version.strip_prefix("5.5.5-").map_or(version.clone(), str::to_owned);
        let connection_id = reader.u32("connection id")?;
        let first: [u8; 8] = reader.array("nonce, first part")?;
        reader.u8("filler")?;
        let low = reader.u16("capabilities, low half")?;
        let collation = reader.u8("collation")?;
        let status = Status::from_bits_retain(reader.u16("status")?);
        let high = reader.u16("capabilities, high half")?;
        let nonce_length = reader.u8("nonce length")?;
        reader.bytes(6, "filler")?;
        let mariadb = reader.u32("MariaDB capabilities")?;
        let capabilities = Capabilities::of(u32::from(low) | u32::from(high) << 16, mariadb);
        let second = reader.bytes(usize::from(nonce_length.saturating_sub(8)).max(13), "nonce, second part")?;
        let mut nonce = [0; NONCE];
        for (to, from) in nonce.iter_mut().zip(first.iter().chain(second)) {
            *to = *from;
        }
        let plugin = match capabilities.contains(Capabilities::PLUGIN_AUTH) {
            true => String::from_utf8_lossy(reader.nul_bytes_or_rest()).into_owned(),
            false => crate::auth::NATIVE.to_owned(),
        };
        Ok(Self { version, connection_id, nonce, capabilities, collation, status, plugin })
    }

    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        let (first, second) = self.nonce.split_at(8);
        let caps = self.capabilities.low();
        let mut out = vec![0x0A];
        out.put_nul_bytes(self.version.as_bytes());
        out.put_u32(self.connection_id);
        out.extend_from_slice(first);
        out.push(0);
        out.put_u16((caps & 0xFFFF) as u16);
        out.push(self.collation);
        out.put_u16(self.status.bits());
        out.put_u16((caps >> 16) as u16);
        out.push(NONCE as u8 + 1);
        out.extend_from_slice(&[0; 6]);
        out.put_u32(self.capabilities.high());
        out.put_nul_bytes(second);
        out.put_nul_bytes(self.plugin.as_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth;

    fn greeting() -> Greeting {
        Greeting {
            version: "9.7.4".into(),
            connection_id: 77,
            nonce: *b"abcdefghijklmnopqrst",
            capabilities: Capabilities::OFFERED,
            collation: 255,
            status: Status::AUTOCOMMIT,
            plugin: auth::CACHING_SHA2.into(),
        }
    }

    #[test]
    fn a_greeting_reads_back() {
        assert_eq!(Greeting::parse(&greeting().encode()), Ok(greeting()));
    }

    #[test]
    fn a_greeting_cut_anywhere_does_not_panic() {
        let bytes = greeting().encode();
        for end in 0..bytes.len() - auth::CACHING_SHA2.len() - 1 {
            assert!(Greeting::parse(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn the_prefix_for_old_replicas_is_dropped() {
        let mariadb = Greeting { version: "5.5.5-10.11.19-MariaDB".into(), ..greeting() };
        let parsed = Greeting::parse(&mariadb.encode()).unwrap();
        assert_eq!(parsed.version, "10.11.19-MariaDB");
        assert!(parsed.is_mariadb());
    }
}
