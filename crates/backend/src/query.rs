//! Statements of Splitfin's own on a connection: sent, and read to the end.

use crate::error::BackendError;
use splitfin_protocol::exchange::{Exchange, Outcome, Part, Seen};
use splitfin_protocol::frame::{FrameHeader, HEADER, write_packet};
use splitfin_protocol::{Capabilities, CommandByte, Reader};
use splitfin_transport::Framed;

/// Rows of text; NULL is `None`.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// Reads the reply to `command` to its end; rows of text are kept.
pub(crate) async fn read_reply(
    framed: &mut Framed,
    command: CommandByte,
    capabilities: Capabilities,
) -> Result<(Outcome, Rows), BackendError> {
    let mut exchange = Exchange::new(command, capabilities);
    let mut rows = Vec::new();
    while !exchange.is_done() {
        // Own statements have short replies, so whole packets are waited for.
        let (length, ..) = framed.packet(LONGEST_REPLY).await?;
        let packet = framed.input().get(..length).unwrap_or_default();
        let Some(header) = FrameHeader::parse(packet) else { continue };
        let payload = packet.get(HEADER..).unwrap_or_default();
        if let Seen::Part(Part::Row) = exchange.frame(header, payload)? {
            rows.push(text_row(payload));
        }
        framed.consume(length);
    }
    Ok((exchange.into_outcome(), rows))
}

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
            Ok(value) => row.push(Some(String::from_utf8_lossy(value).into_owned())),
            Err(_) => break,
        }
    }
    row
}

/// Runs one statement. An error of the server is an error.
pub(crate) async fn query(
    framed: &mut Framed,
    capabilities: Capabilities,
    sql: &str,
) -> Result<(Outcome, Rows), BackendError> {
    let mut packet = Vec::with_capacity(sql.len() + 5);
    let payload = [&[CommandByte::Query as u8], sql.as_bytes()].concat();
    write_packet(&mut packet, 0, &payload);
    framed.write(&packet).await?;
    let (outcome, rows) = read_reply(framed, CommandByte::Query, capabilities).await?;
    match outcome.error {
        Some(error) => Err(BackendError::Refused {
            statement: sql.to_owned(),
            code: error.code,
            state: error.state,
            message: error.message,
        }),
        None => Ok((outcome, rows)),
    }
}

/// Own statements ask for little.
const LONGEST_REPLY: usize = 1 << 20;
