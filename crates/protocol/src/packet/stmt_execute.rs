//! The body of COM_STMT_EXECUTE, behind the statement id.
//!
//! ```text
//! u8 flags | u32 iterations = 1 | null bitmap (n+7)/8 | u8 types follow | [ n × 2 bytes type ] | values
//! ```
//! Without types the server takes those of the last execution of its own statement. A statement that was prepared
//! again elsewhere has none, so the remembered types are put in.

use crate::wire::{Malformed, Reader, WriteExt};

/// The body, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StmtExecute<'a> {
    /// Cursor type and other flags.
    pub flags: u8,
    /// Null bitmap, as it came.
    pub nulls: &'a [u8],
    /// The types, where the client sent them.
    pub types: Bound<'a>,
    /// Everything behind the types.
    pub values: &'a [u8],
}

/// Whether an execution carries the types of its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound<'a> {
    /// The statement has no parameters.
    Nothing,
    /// Two bytes for each parameter.
    Types(&'a [u8]),
    /// As in the last execution.
    AsBefore,
}

/// Flags that ask for a cursor.
pub const CURSOR_FLAGS: u8 = 0x01 | 0x02 | 0x04;

impl<'a> StmtExecute<'a> {
    /// Reads the body for a statement with `parameters` parameters.
    pub fn parse(body: &'a [u8], parameters: u16) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let flags = reader.u8("execute flags")?;
        reader.u32("iterations")?;
        if parameters == 0 {
            return Ok(Self { flags, nulls: &[], types: Bound::Nothing, values: reader.rest() });
        }
        let count = usize::from(parameters);
        let nulls = reader.bytes(count.div_ceil(8), "null bitmap")?;
        let types = match reader.u8("types follow")? {
            0 => Bound::AsBefore,
            _ => Bound::Types(reader.bytes(count * 2, "parameter types")?),
        };
        Ok(Self { flags, nulls, types, values: reader.rest() })
    }

    /// The command's payload for `statement`, with `types` put in.
    pub fn encode_with_types(&self, statement: u32, types: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(11 + self.nulls.len() + types.len() + self.values.len());
        out.push(crate::CommandByte::StmtExecute as u8);
        out.put_u32(statement);
        out.push(self.flags);
        out.put_u32(1);
        out.extend_from_slice(self.nulls);
        out.push(1);
        out.extend_from_slice(types);
        out.extend_from_slice(self.values);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembered_types_are_put_in() {
        // Two parameters, none null, no types, one LONGLONG and one string value.
        let body = [0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, b'x'];
        let execute = StmtExecute::parse(&body, 2).unwrap();
        assert_eq!(execute.types, Bound::AsBefore);
        let spliced = execute.encode_with_types(9, &[8, 0, 0xFD, 0]);
        assert_eq!(spliced[..5], [0x17, 9, 0, 0, 0]);
        let again = StmtExecute::parse(&spliced[5..], 2).unwrap();
        assert_eq!(again.types, Bound::Types(&[8, 0, 0xFD, 0]));
        assert_eq!(again.values, execute.values);
    }

    #[test]
    fn a_body_cut_anywhere_is_an_error_before_the_values() {
        let body = [0, 1, 0, 0, 0, 0, 1, 8, 0, 7];
        for end in 0..9 {
            assert!(StmtExecute::parse(&body[..end], 1).is_err(), "{end}");
        }
        assert!(StmtExecute::parse(&body[..9], 1).is_ok());
    }
}
