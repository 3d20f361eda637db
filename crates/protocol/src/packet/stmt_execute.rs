//! The body of COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE, after the statement id.
//!
//! ```text
//! execute: u8 flags | u32 iterations = 1 | [ lenenc count ] | null bitmap (n+7)/8 | u8 types follow | [ types ] | values
//! bulk:    u16 flags | [ types ] | rows of ( u8 indicator, value )
//! ```
//! A type has two bytes. The count, and a name after each type, are there where both peers agreed to
//! `QUERY_ATTRIBUTES`: attributes come after the parameters, and count as such. MySQL 9.7 reads the count for a statement
//! with parameters whether the flag announces it or not.
//!
//! Without types the server takes those of the last execution of its own statement. A statement that was prepared
//! again elsewhere has none, so the remembered types are put in.

use crate::capability::Capabilities;
use crate::packet::attributes;
use crate::wire::{Malformed, Reader, WriteExt};

/// The body, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StmtExecute<'a> {
    /// Cursor type and other flags.
    pub flags: u8,
    /// The number of parameters, as it came.
    count: &'a [u8],
    /// How many parameters and attributes there are.
    pub parameters: usize,
    /// Null bitmap, as it came.
    pub nulls: &'a [u8],
    /// The types, where the client sent them.
    pub types: Bound<'a>,
    /// Everything after the types.
    pub values: &'a [u8],
}

/// Whether an execution carries the types of its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound<'a> {
    /// The statement has no parameters.
    Nothing,
    /// Of every parameter, with its name where that was agreed to.
    Types(&'a [u8]),
    /// As in the last execution.
    AsBefore,
}

/// Flags that ask for a cursor.
pub const CURSOR_FLAGS: u8 = 0x01 | 0x02 | 0x04;
/// The client says how many parameters there are, as some may be attributes.
const PARAMETER_COUNT_AVAILABLE: u8 = 0x08;

impl<'a> StmtExecute<'a> {
    /// Reads the body for a statement with `parameters` parameters.
    pub fn parse(body: &'a [u8], parameters: u16, agreed: Capabilities) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let flags = reader.u8("execute flags")?;
        reader.u32("iterations")?;
        let named = agreed.contains(Capabilities::QUERY_ATTRIBUTES);
        let mut total = usize::from(parameters);
        let before = reader.unread();
        if named && (parameters > 0 || flags & PARAMETER_COUNT_AVAILABLE != 0) {
            let value = reader.lenenc("number of parameters")?;
            let known = usize::try_from(value).ok().filter(|total| *total <= body.len() || value == 0);
            total = known.ok_or(Malformed::Invalid { field: "number of parameters", value })?;
        }
        let count = before.get(..before.len() - reader.unread().len()).unwrap_or_default();
        if total == 0 {
            let (nulls, types) = (&[][..], Bound::Nothing);
            return Ok(Self { flags, count, parameters: 0, nulls, types, values: reader.rest() });
        }
        let nulls = reader.bytes(total.div_ceil(8), "null bitmap")?;
        let types = match reader.u8("types follow")? {
            0 => Bound::AsBefore,
            _ => Bound::Types(attributes::types(&mut reader, total, named)?),
        };
        Ok(Self { flags, count, parameters: total, nulls, types, values: reader.rest() })
    }

    /// The first parameter as an id: a number that is not negative, or a text of digits. `known` are the types of the last
    /// execution, for one that comes without any. Source of the types: `enum_field_types` in `field_types.h`.
    pub fn first_as_id(&self, known: Option<&[u8]>) -> Option<u64> {
        const UNSIGNED: u8 = 0x80;
        let types = match self.types {
            Bound::Types(types) => types,
            Bound::AsBefore => known?,
            Bound::Nothing => return None,
        };
        let [kind, sign, ..] = *types else { return None };
        if self.nulls.first()? & 1 != 0 {
            return None;
        }
        let mut values = Reader::new(self.values);
        let value = match (kind, sign & UNSIGNED != 0) {
            (1, false) => i64::from(values.u8("value").ok()?.cast_signed()),
            (1, true) => i64::from(values.u8("value").ok()?),
            (2, false) => i64::from(values.u16("value").ok()?.cast_signed()),
            (2, true) => i64::from(values.u16("value").ok()?),
            (3 | 9, false) => i64::from(values.u32("value").ok()?.cast_signed()),
            (3 | 9, true) => i64::from(values.u32("value").ok()?),
            (8, _) => values.u64("value").ok()?.cast_signed(),
            // DECIMAL, VARCHAR, the BLOBs, VAR_STRING, STRING
            (0 | 15 | 246 | 249..=254, _) => {
                let text = std::str::from_utf8(values.lenenc_bytes("value").ok()?).ok()?;
                return text.trim().parse().ok();
            }
            _ => return None,
        };
        u64::try_from(value).ok()
    }

    /// The command's payload for `statement`, with `types` put in.
    pub fn encode_with_types(&self, statement: u32, types: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(20 + self.nulls.len() + types.len() + self.values.len());
        out.push(crate::CommandByte::StmtExecute as u8);
        out.put_u32(statement);
        out.push(self.flags);
        out.put_u32(1);
        out.extend_from_slice(self.count);
        out.extend_from_slice(self.nulls);
        out.push(1);
        out.extend_from_slice(types);
        out.extend_from_slice(self.values);
        out
    }
}

/// The body of a bulk execution, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkExecute<'a> {
    flags: u16,
    /// The types, where the client sent them.
    pub types: Bound<'a>,
    rows: &'a [u8],
}

/// The types follow the flags of a bulk execution.
const SEND_TYPES: u16 = 128;

impl<'a> BulkExecute<'a> {
    /// Reads the body for a statement with `parameters` parameters.
    pub fn parse(body: &'a [u8], parameters: u16) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let flags = reader.u16("bulk flags")?;
        let types = match flags & SEND_TYPES {
            0 => Bound::AsBefore,
            _ => Bound::Types(reader.bytes(usize::from(parameters) * 2, "parameter types")?),
        };
        Ok(Self { flags, types, rows: reader.rest() })
    }

    /// The command's payload for `statement`, with `types` put in.
    pub fn encode_with_types(&self, statement: u32, types: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(7 + types.len() + self.rows.len());
        out.push(crate::CommandByte::StmtBulkExecute as u8);
        out.put_u32(statement);
        out.put_u16(self.flags | SEND_TYPES);
        out.extend_from_slice(types);
        out.extend_from_slice(self.rows);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Capabilities = Capabilities::empty();

    #[test]
    fn remembered_types_are_put_in() {
        // Two parameters, none null, no types, one LONGLONG and one string value.
        let body = [0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, b'x'];
        let execute = StmtExecute::parse(&body, 2, PLAIN).unwrap();
        assert_eq!(execute.types, Bound::AsBefore);
        let spliced = execute.encode_with_types(9, &[8, 0, 0xFD, 0]);
        assert_eq!(spliced[..5], [0x17, 9, 0, 0, 0]);
        let again = StmtExecute::parse(&spliced[5..], 2, PLAIN).unwrap();
        assert_eq!(again.types, Bound::Types(&[8, 0, 0xFD, 0]));
        assert_eq!(again.values, execute.values);
    }

    #[test]
    fn attributes_are_parameters_with_names() {
        // One parameter and one attribute; types and names follow.
        let body = [8, 1, 0, 0, 0, 2, 0, 1, 1, 0, 0, 0xFD, 0, 1, b'a', 7, 1, b'x'];
        let execute = StmtExecute::parse(&body, 1, Capabilities::QUERY_ATTRIBUTES).unwrap();
        assert_eq!((execute.parameters, execute.values), (2, &[7, 1, b'x'][..]));
        let Bound::Types(types) = execute.types else { panic!("{execute:?}") };
        assert_eq!(types, [1, 0, 0, 0xFD, 0, 1, b'a']);
        assert_eq!(execute.encode_with_types(1, types)[5..], body);
        let unannounced = [&[0], &body[1..]].concat();
        assert_eq!(StmtExecute::parse(&unannounced, 1, Capabilities::QUERY_ATTRIBUTES).unwrap().parameters, 2);
        let none = StmtExecute::parse(&[8, 1, 0, 0, 0, 0], 0, Capabilities::QUERY_ATTRIBUTES).unwrap();
        assert_eq!((none.parameters, none.types), (0, Bound::Nothing));
    }

    #[test]
    fn an_id_is_read_whatever_type_it_comes_as() {
        let body = |types: [u8; 2], value: &[u8]| [&[0, 1, 0, 0, 0, 0, 1], &types[..], value].concat();
        for (types, value, expected) in [
            ([8, 0], &1_000_000_007u64.to_le_bytes()[..], Some(1_000_000_007)),
            ([3, 0], &1_000_000_007u32.to_le_bytes()[..], Some(1_000_000_007)),
            ([3, 0x80], &u32::MAX.to_le_bytes()[..], Some(u64::from(u32::MAX))),
            ([1, 0], &[7], Some(7)),
            ([1, 0], &[0xFF], None),
            ([0xFD, 0], b"\x0a1000000007", Some(1_000_000_007)),
            ([0xFD, 0], b"\x03abc", None),
            ([5, 0], &[0; 8], None),
            ([8, 0], &[1, 2], None),
        ] {
            let body = body(types, value);
            let execute = StmtExecute::parse(&body, 1, PLAIN).unwrap();
            assert_eq!(execute.first_as_id(None), expected, "{types:?} {value:?}");
        }
        let untyped = [0, 1, 0, 0, 0, 0, 0, 9];
        let execute = StmtExecute::parse(&untyped, 1, PLAIN).unwrap();
        assert_eq!((execute.first_as_id(Some(&[1, 0])), execute.first_as_id(None)), (Some(9), None));
        let null = [0, 1, 0, 0, 0, 1, 1, 8, 0];
        assert_eq!(StmtExecute::parse(&null, 1, PLAIN).unwrap().first_as_id(None), None);
    }

    #[test]
    fn a_body_cut_anywhere_is_an_error_before_the_values() {
        let body = [0, 1, 0, 0, 0, 0, 1, 8, 0, 7];
        for end in 0..9 {
            assert!(StmtExecute::parse(&body[..end], 1, PLAIN).is_err(), "{end}");
        }
        assert!(StmtExecute::parse(&body[..9], 1, PLAIN).is_ok());
    }

    #[test]
    fn a_bulk_execution_gets_the_types_that_it_left_out() {
        let bulk = BulkExecute::parse(&[0, 0, 0, 5, 0, 6], 1).unwrap();
        assert_eq!(bulk.types, Bound::AsBefore);
        let spliced = bulk.encode_with_types(7, &[1, 0]);
        assert_eq!(spliced, [0xFA, 7, 0, 0, 0, 128, 0, 1, 0, 0, 5, 0, 6]);
        assert_eq!(BulkExecute::parse(&spliced[5..], 1).unwrap().types, Bound::Types(&[1, 0]));
        assert!(BulkExecute::parse(&[128, 0, 1], 1).is_err());
    }

    proptest! {
        #[test]
        fn no_input_panics(body: Vec<u8>, parameters: u16, flags: u64) {
            let execute = StmtExecute::parse(&body, parameters, Capabilities::from_bits_retain(flags));
            let _ = execute.map(|execute| execute.first_as_id(Some(&[8, 0])));
            let _ = BulkExecute::parse(&body, parameters);
        }
    }
}
