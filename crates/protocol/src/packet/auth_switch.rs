//! AuthSwitchRequest: `FE | plugin NUL | data`.

use crate::wire::{Malformed, Reader, WriteExt};

/// The server wants another plugin, or a new nonce for the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSwitch<'a> {
    /// The plugin to go on with.
    pub plugin: &'a str,
    /// Its nonce, without the NUL that servers put after nonces of 20 bytes.
    pub data: &'a [u8],
}

impl<'a> AuthSwitch<'a> {
    /// Reads the payload, header byte included.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        reader.u8("auth switch header")?;
        let name = reader.nul_bytes("plugin")?;
        let plugin = std::str::from_utf8(name).map_err(|_| Malformed::Invalid { field: "plugin", value: 0 })?;
        let data = reader.rest();
        let data = match data.split_last() {
            Some((0, nonce)) if nonce.len() == super::greeting::NONCE => nonce,
            _ => data,
        };
        Ok(Self { plugin, data })
    }

    /// The payload. The data gets its closing NUL.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0xFE];
        out.put_nul_bytes(self.plugin.as_bytes());
        out.put_nul_bytes(self.data);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_reads_back() {
        let switch = AuthSwitch { plugin: "mysql_native_password", data: &[5; 20] };
        assert_eq!(AuthSwitch::parse(&switch.encode()), Ok(switch));
        assert!(AuthSwitch::parse(&[0xFE]).is_err());
    }
}
