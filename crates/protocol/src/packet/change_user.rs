//! COM_CHANGE_USER: `user NUL | u8 length, auth | database NUL | u16 collation | plugin NUL | attributes`.

use crate::capability::Capabilities;
use crate::packet::login::parse_attributes;
use crate::wire::{Malformed, Reader};

/// Somebody else wants to go on in this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeUser {
    /// Account name.
    pub user: String,
    /// The database to start in.
    pub database: Option<String>,
    /// Collation id; 0 when left out.
    pub collation: u16,
    /// The plugin that the client would like to use.
    pub plugin: Option<String>,
    /// Connection attributes, in the order they came.
    pub attributes: Vec<(String, String)>,
}

impl ChangeUser {
    /// Reads what stands after the command byte. The authentication data is passed over: the answer is always a
    /// switch with a new nonce, as some clients scramble with the old one and others send nothing.
    pub fn parse(body: &[u8], agreed: Capabilities) -> Result<Self, Malformed> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut reader = Reader::new(body);
        let user = text(reader.nul_bytes("user")?);
        let length = reader.u8("authentication data's length")?;
        reader.bytes(usize::from(length), "authentication data")?;
        let database = Some(text(reader.nul_bytes_or_rest())).filter(|name| !name.is_empty());
        let collation = if reader.is_empty() { 0 } else { reader.u16("collation")? };
        let plugin = match agreed.contains(Capabilities::PLUGIN_AUTH) && !reader.is_empty() {
            true => Some(text(reader.nul_bytes_or_rest())),
            false => None,
        };
        let attributes = match agreed.contains(Capabilities::CONNECT_ATTRS) && !reader.is_empty() {
            true => parse_attributes(&mut reader)?,
            false => Vec::new(),
        };
        Ok(Self { user, database, collation, plugin, attributes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_may_be_missing() {
        let short = ChangeUser::parse(b"app\0\x02xy", Capabilities::OFFERED).unwrap();
        assert_eq!((short.user.as_str(), short.database, short.plugin), ("app", None, None));
        let full = ChangeUser::parse(b"app\0\0shop\0\x2d\0caching_sha2_password\0", Capabilities::OFFERED).unwrap();
        assert_eq!((full.database.as_deref(), full.collation), (Some("shop"), 45));
        assert_eq!(full.plugin.as_deref(), Some("caching_sha2_password"));
        let body = b"app\0\0shop\0\x2d\0plugin\0\x04\x01a\x01b";
        let said = ChangeUser::parse(body, Capabilities::OFFERED | Capabilities::CONNECT_ATTRS).unwrap();
        assert_eq!(said.attributes, [("a".to_owned(), "b".to_owned())]);
    }
}
