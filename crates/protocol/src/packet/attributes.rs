//! Query attributes: named values before the text of a COM_QUERY, where both peers agreed to `QUERY_ATTRIBUTES`.
//!
//! ```text
//! lenenc count | lenenc sets = 1 | [ null bitmap (count+7)/8 | u8 1 | count × ( u16 type, lenenc name ) | values ] | text
//! ```
//! Source: MySQL, `parse_packet` in `sql/protocol_classic.cc`, and the manual's page on COM_QUERY.

use crate::wire::{Malformed, Reader, WriteExt};

/// No attributes: what goes before a text of our own.
pub const NO_ATTRIBUTES: [u8; 2] = [0, 1];

/// A COM_QUERY's attributes, as they came, and its text.
pub fn split(body: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(body);
    let count = reader.lenenc("number of query attributes")?;
    match reader.lenenc("number of sets of query attributes")? {
        1 => {}
        value => return Err(Malformed::Invalid { field: "number of sets of query attributes", value }),
    }
    if count > 0 {
        let count = usize::try_from(count).ok().filter(|count| *count <= body.len());
        let count = count.ok_or(Malformed::Truncated { field: "query attributes" })?;
        skip(&mut reader, count)?;
    }
    let text = reader.rest();
    Ok((body.get(..body.len() - text.len()).unwrap_or_default(), text))
}

fn skip(reader: &mut Reader<'_>, count: usize) -> Result<(), Malformed> {
    let nulls = reader.bytes(count.div_ceil(8), "null bitmap")?;
    match reader.u8("types follow")? {
        1 => {}
        value => return Err(Malformed::Invalid { field: "types follow", value: value.into() }),
    }
    let mut types = Vec::with_capacity(count);
    for _ in 0..count {
        types.push(reader.u16("attribute's type")?);
        reader.lenenc_bytes("attribute's name")?;
    }
    for (index, kind) in types.into_iter().enumerate() {
        let is_null = nulls.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        if !is_null {
            skip_value(reader, kind.to_le_bytes()[0])?;
        }
    }
    Ok(())
}

/// Reads over one value of the binary protocol (`enum_field_types` of MySQL).
fn skip_value(reader: &mut Reader<'_>, kind: u8) -> Result<(), Malformed> {
    let length = match kind {
        NULL => 0,
        TINY => 1,
        SHORT | YEAR => 2,
        LONG | INT24 | FLOAT => 4,
        LONGLONG | DOUBLE => 8,
        TIMESTAMP | DATE | TIME | DATETIME => usize::from(reader.u8("length of a time")?),
        _ => return reader.lenenc_bytes("attribute's value").map(drop),
    };
    reader.bytes(length, "attribute's value").map(drop)
}

/// Types that follow the count of a COM_STMT_EXECUTE: two bytes each, and with query attributes each one's name.
pub(crate) fn types<'a>(reader: &mut Reader<'a>, count: usize, named: bool) -> Result<&'a [u8], Malformed> {
    if !named {
        return reader.bytes(count.saturating_mul(2), "parameter types");
    }
    let after = reader.unread();
    for _ in 0..count {
        reader.u16("parameter's type")?;
        reader.lenenc_bytes("parameter's name")?;
    }
    let rest = reader.unread().len();
    Ok(after.get(..after.len() - rest).unwrap_or_default())
}

/// The payload of a COM_QUERY. `attributes` are as [`split`] gave them; empty where they were not agreed to.
pub fn encode_query(attributes: &[u8], text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + attributes.len() + text.len());
    out.push(crate::CommandByte::Query as u8);
    out.extend_from_slice(attributes);
    out.extend_from_slice(text);
    out
}

/// The attributes of one COM_QUERY, from names and texts.
pub fn encode(attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_lenenc(attributes.len() as u64);
    out.put_lenenc(1);
    if attributes.is_empty() {
        return out;
    }
    out.resize(out.len() + attributes.len().div_ceil(8), 0);
    out.push(1);
    for (name, _) in attributes {
        out.put_u16(VAR_STRING.into());
        out.put_lenenc_bytes(name.as_bytes());
    }
    for (_, value) in attributes {
        out.put_lenenc_bytes(value.as_bytes());
    }
    out
}

const TINY: u8 = 1;
const SHORT: u8 = 2;
const LONG: u8 = 3;
const FLOAT: u8 = 4;
const DOUBLE: u8 = 5;
const NULL: u8 = 6;
const TIMESTAMP: u8 = 7;
const LONGLONG: u8 = 8;
const INT24: u8 = 9;
const DATE: u8 = 10;
const TIME: u8 = 11;
const DATETIME: u8 = 12;
const YEAR: u8 = 13;
const VAR_STRING: u8 = 0xFD;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_without_attributes_follows_two_bytes() {
        assert_eq!(split(b"\0\x01SELECT 1"), Ok((&[0, 1][..], &b"SELECT 1"[..])));
        assert_eq!(
            split(b"\0\x02SELECT 1"),
            Err(Malformed::Invalid { field: "number of sets of query attributes", value: 2 })
        );
    }

    #[test]
    fn values_of_every_type_are_read_over() {
        let values: [(u8, &[u8]); 9] = [
            (TINY, &[1]),
            (YEAR, &[1, 2]),
            (INT24, &[1, 2, 3, 4]),
            (DOUBLE, &[0; 8]),
            (NULL, &[]),
            (DATE, &[4, 1, 2, 3, 4]),
            (TIME, &[0]),
            (0xF6, b"\x031.5"),
            (VAR_STRING, b"\x02ab"),
        ];
        let mut body = vec![values.len() as u8 + 1, 1, 0, 0b10, 1];
        for (kind, _) in values.iter().chain([&(LONGLONG, &[][..])]) {
            body.extend_from_slice(&[*kind, 0, 1, b'n']);
        }
        for (_, value) in values {
            body.extend_from_slice(value);
        }
        let length = body.len();
        body.extend_from_slice(b"SELECT 2");
        assert_eq!(split(&body), Ok((&body[..length], &b"SELECT 2"[..])));
        for end in 0..length {
            assert!(split(&body[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(attributes: Vec<(String, String)>, text: Vec<u8>) {
            let pairs: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
            let head = encode(&pairs);
            let payload = encode_query(&head, &text);
            prop_assert_eq!(split(&payload[1..]), Ok((&head[..], &text[..])));
        }

        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            let _ = split(&bytes);
        }
    }
}
