//! COM_STMT_PREPARE_OK: `00 | u32 statement id | u16 columns | u16 parameters | 00 | u16 warnings`.

use crate::wire::{Malformed, Reader};

/// Where the statement id stands in the payload.
pub const ID_AT: std::ops::Range<usize> = 1..5;

/// A statement was prepared; definitions of parameters, then of columns follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareOk {
    /// The server's id.
    pub statement: u32,
    /// Columns of the result.
    pub columns: u16,
    /// Parameters to bind.
    pub parameters: u16,
    /// Warnings while preparing.
    pub warnings: u16,
}

impl PrepareOk {
    /// Reads the payload, header byte included.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        reader.u8("PREPARE_OK header")?;
        let statement = reader.u32("statement id")?;
        let columns = reader.u16("columns")?;
        let parameters = reader.u16("parameters")?;
        reader.u8("filler")?;
        let warnings = reader.u16("warnings")?;
        Ok(Self { statement, columns, parameters, warnings })
    }
}
