//! The only maker of packets that do not come from a server.

use crate::error::Unserved;
use crate::state::State;
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::packet::column::{Column, ColumnKind};
use splitfin_protocol::packet::{Eof, OkPacket, ResultSet};
use splitfin_protocol::wire::WriteExt as _;
use splitfin_protocol::{Capabilities, Status};
use splitfin_transport::Framed;
use std::io;

/// OK, with nothing to say but this.
pub(crate) async fn ok(
    client: &mut Framed,
    sequence: u8,
    capabilities: Capabilities,
    status: Status,
    info: &[u8],
) -> io::Result<()> {
    let ok = OkPacket { status, info, ..OkPacket::default() };
    client.write_packet(sequence, &ok.encode(0, capabilities)).await.map(drop)
}

/// OK to COM_CHANGE_USER, which tells the database it came to.
pub(crate) async fn changed_user(
    client: &mut Framed,
    sequence: u8,
    capabilities: Capabilities,
    state: &State,
) -> io::Result<()> {
    let mut changes = Vec::new();
    if let (Some(database), true) = (&state.database, state.tracking.schema) {
        let mut name = Vec::new();
        name.put_lenenc_bytes(database.as_bytes());
        changes.push(SCHEMA);
        changes.put_lenenc_bytes(&name);
    }
    let ok = OkPacket { status: state.status, changes: &changes, ..OkPacket::default() };
    client.write_packet(sequence, &ok.encode(0, capabilities)).await.map(drop)
}

/// The type of a session-track entry.
const SCHEMA: u8 = 1;

/// The answer to COM_SET_OPTION: an EOF, or an OK that looks like one.
pub(crate) async fn eof(
    client: &mut Framed,
    sequence: u8,
    capabilities: Capabilities,
    status: Status,
) -> io::Result<()> {
    let payload = match capabilities.contains(Capabilities::DEPRECATE_EOF) {
        true => OkPacket { status, ..OkPacket::default() }.encode(0xFE, capabilities),
        false => Eof { warnings: 0, status }.encode(),
    };
    client.write_packet(sequence, &payload).await.map(drop)
}

/// An error.
pub(crate) async fn error(client: &mut Framed, sequence: u8, unserved: &Unserved) -> io::Result<()> {
    client.write_packet(sequence, &unserved.packet()).await.map(drop)
}

/// One row.
pub(crate) async fn row(
    client: &mut Framed,
    sequence: u8,
    capabilities: Capabilities,
    status: Status,
    columns: &[(&str, ColumnKind, Option<String>)],
) -> io::Result<()> {
    let headings: Vec<_> = columns.iter().map(|(name, kind, _)| Column { name, kind: *kind }).collect();
    let values = vec![columns.iter().map(|(.., value)| value.clone()).collect()];
    let mut out = Vec::new();
    ResultSet { columns: &headings, rows: &values }.encode(&mut out, sequence, capabilities, status);
    client.write(&out).await
}

/// One packet, to be written as it is.
pub(crate) fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 4);
    write_packet(&mut out, sequence, payload);
    out
}
