//! Statements of Splitfin's own on a connection: sent, and read to the end.

use crate::error::BackendError;
use splitfin_protocol::exchange::{Exchange, Outcome, Part, Seen, Violation};
use splitfin_protocol::frame::{FrameHeader, HEADER, write_packet};
use splitfin_protocol::packet::attributes::{NO_ATTRIBUTES, encode_query};
use splitfin_protocol::{Capabilities, CommandByte, Malformed, Reader};
use splitfin_transport::Framed;

/// Rows of text; NULL is `None`.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) rows: Rows,
    /// The first column's collation id: for a text, that of `character_set_results`.
    pub(crate) collation: Option<u16>,
    /// Types and flags of the columns.
    pub(crate) kinds: Vec<(u8, u16)>,
}

impl Answer {
    /// The first value of the first row.
    pub(crate) fn first_value(self) -> Option<String> {
        self.rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten()
    }
}

/// Reads the reply to `command` to its end; rows of text are kept.
pub(crate) async fn read_reply(
    framed: &mut Framed,
    command: CommandByte,
    capabilities: Capabilities,
) -> Result<Answer, BackendError> {
    let mut exchange = Exchange::new(command, capabilities);
    let (mut rows, mut collation, mut kinds) = (Vec::new(), None, Vec::new());
    while !exchange.is_done() {
        // Own statements have short replies, so whole packets are waited for.
        let (length, ..) = framed.packet(LONGEST_REPLY).await?;
        let packet = framed.input().get(..length).unwrap_or_default();
        let Some(header) = FrameHeader::parse(packet) else { continue };
        let payload = packet.get(HEADER..).unwrap_or_default();
        match exchange.frame(header, payload)? {
            Seen::Part(Part::Row) => rows.push(text_row(payload)),
            Seen::Part(Part::Definition { .. }) => {
                let (of_column, kind, flags) = kind_of(payload, capabilities).map_err(Violation::from)?;
                collation = collation.or(Some(of_column));
                kinds.push((kind, flags));
            }
            _ => {}
        }
        framed.consume(length);
    }
    Ok(Answer { outcome: exchange.into_outcome(), rows, collation, kinds })
}

/// Collation id, type and flags in a column definition.
fn kind_of(payload: &[u8], capabilities: Capabilities) -> Result<(u16, u8, u16), Malformed> {
    let mut reader = Reader::new(payload);
    for name in ["catalog", "schema", "table", "original table", "name", "original name"] {
        reader.lenenc_bytes(name)?;
    }
    if capabilities.contains(Capabilities::EXTENDED_METADATA) {
        reader.lenenc_bytes("extended type")?;
    }
    reader.u8("length of the fixed part")?;
    let collation = reader.u16("collation")?;
    reader.u32("column length")?;
    Ok((collation, reader.u8("column type")?, reader.u16("column flags")?))
}

/// Some answers come in the session's character set. If that is UTF-16 or the like, they are read as far as they are ASCII.
fn text_row(payload: &[u8]) -> Vec<Option<String>> {
    let mut reader = Reader::new(payload);
    let mut row = Vec::new();
    while !reader.is_empty() {
        if reader.peek() == Some(0xFB) {
            let _ = reader.u8("NULL");
            row.push(None);
            continue;
        }
        match reader.lenenc_bytes("value") {
            Ok(value) => row.push(Some(String::from_utf8_lossy(value).replace('\0', ""))),
            Err(_) => break,
        }
    }
    row
}

/// The payload of a COM_QUERY of Splitfin's own.
pub(crate) fn query_payload(capabilities: Capabilities, sql: &str) -> Vec<u8> {
    let attributes: &[u8] = match capabilities.contains(Capabilities::QUERY_ATTRIBUTES) {
        true => &NO_ATTRIBUTES,
        false => &[],
    };
    encode_query(attributes, sql.as_bytes())
}

/// Runs one statement. An error of the server is an error.
pub(crate) async fn query(framed: &mut Framed, capabilities: Capabilities, sql: &str) -> Result<Answer, BackendError> {
    let [answer] = query_all(framed, capabilities, [sql]).await?;
    Ok(answer)
}

/// Runs several statements, sent in one write. The first error of the server is the error.
pub(crate) async fn query_all<const N: usize>(
    framed: &mut Framed,
    capabilities: Capabilities,
    statements: [&str; N],
) -> Result<[Answer; N], BackendError> {
    let mut packets = Vec::new();
    for sql in statements {
        write_packet(&mut packets, 0, &query_payload(capabilities, sql));
    }
    framed.write(&packets).await?;
    let mut answers = [const { None }; N];
    let mut refused = None;
    for (answer, sql) in answers.iter_mut().zip(statements) {
        let mut read = read_reply(framed, CommandByte::Query, capabilities).await?;
        if let (Some(error), None) = (read.outcome.error.take(), &refused) {
            refused = Some(BackendError::Refused {
                statement: sql.to_owned(),
                code: error.code,
                state: error.state,
                message: error.message,
            });
        }
        *answer = Some(read);
    }
    match refused {
        Some(error) => Err(error),
        None => Ok(answers.map(Option::unwrap_or_default)),
    }
}

/// Own statements ask for little.
const LONGEST_REPLY: usize = 1 << 20;
