//! Replies as servers write them, in the shape of any set of capabilities. Written apart from the code under test;
//! `golden` holds the same kinds of replies as real servers sent them.

use crate::frame::write_packet;
use crate::packet::{Eof, OkPacket};
use crate::status::Status;
use crate::wire::WriteExt;
use crate::{Capabilities, CommandByte};

/// One kind of reply.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Ok(Status),
    OkWithChanges,
    Error,
    EofHeaded,
    Text,
    Rows { columns: usize, rows: Vec<Vec<u8>>, end: Status },
    RowsThenError { columns: usize, rows: usize },
    CursorOpened { columns: usize },
    RowsOnly { rows: usize, end: Status },
    Prepared { parameters: u16, columns: u16 },
    LocalInfile,
    Chain(Vec<Self>),
}

/// Writes replies for one set of capabilities.
pub(crate) struct Script {
    capabilities: Capabilities,
    sequence: u8,
    out: Vec<u8>,
}

const NORMAL: Status = Status::AUTOCOMMIT;

impl Script {
    pub(crate) fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, sequence: 1, out: Vec::new() }
    }

    pub(crate) fn encode(mut self, reply: &Reply) -> Vec<u8> {
        self.write(reply);
        self.out
    }

    fn packet(&mut self, payload: &[u8]) {
        self.sequence = write_packet(&mut self.out, self.sequence, payload);
    }

    fn deprecate_eof(&self) -> bool {
        self.capabilities.contains(Capabilities::DEPRECATE_EOF)
    }

    fn end(&mut self, status: Status) {
        let payload = match self.deprecate_eof() {
            true => OkPacket { status, ..OkPacket::default() }.encode(0xFE, self.capabilities),
            false => Eof { warnings: 0, status }.encode(),
        };
        self.packet(&payload);
    }

    fn definitions(&mut self, count: usize) {
        for _ in 0..count {
            self.packet(b"\x03def a definition");
        }
    }

    fn columns(&mut self, count: usize) {
        let mut payload = Vec::new();
        payload.put_lenenc(count as u64);
        self.packet(&payload);
        self.definitions(count);
    }

    fn classic_eof(&mut self) {
        if !self.deprecate_eof() {
            self.packet(&Eof { warnings: 0, status: NORMAL }.encode());
        }
    }

    fn error(&mut self) {
        self.packet(b"\xff\x25\x05#70100Query execution was interrupted");
    }

    fn write(&mut self, reply: &Reply) {
        match reply {
            Reply::Ok(status) => {
                let ok = OkPacket { affected_rows: 3, last_insert_id: 300, status: *status, ..OkPacket::default() };
                self.packet(&ok.encode(0, self.capabilities));
            }
            Reply::OkWithChanges => {
                let changes = [1, 5, 4, b's', b'h', b'o', b'p'];
                let status = NORMAL | Status::SESSION_STATE_CHANGED;
                let ok = OkPacket { status, info: b"info", changes: &changes, ..OkPacket::default() };
                self.packet(&ok.encode(0, self.capabilities));
            }
            Reply::Error => self.error(),
            Reply::EofHeaded => self.end(NORMAL),
            Reply::Text => self.packet(b"Uptime: 5  Threads: 1"),
            Reply::Rows { columns, rows, end } => {
                self.columns(*columns);
                self.classic_eof();
                rows.iter().for_each(|row| self.packet(row));
                self.end(*end);
            }
            Reply::RowsThenError { columns, rows } => {
                self.columns(*columns);
                self.classic_eof();
                (0..*rows).for_each(|_| self.packet(b"\x01x"));
                self.error();
            }
            Reply::CursorOpened { columns } => {
                self.columns(*columns);
                self.end(NORMAL | Status::CURSOR_EXISTS);
            }
            Reply::RowsOnly { rows, end } => {
                (0..*rows).for_each(|_| self.packet(b"\x00\x00row"));
                self.end(*end);
            }
            Reply::Prepared { parameters, columns } => {
                let mut payload = vec![0];
                payload.put_u32(7);
                payload.put_u16(*columns);
                payload.put_u16(*parameters);
                payload.extend_from_slice(&[0, 0, 0]);
                self.packet(&payload);
                for count in [*parameters, *columns] {
                    self.definitions(usize::from(count));
                    if count > 0 {
                        self.classic_eof();
                    }
                }
            }
            Reply::LocalInfile => self.packet(b"\xfb/tmp/data.csv"),
            Reply::Chain(replies) => replies.iter().for_each(|reply| self.write(reply)),
        }
    }
}

/// Every command with every kind of reply that servers give to it.
pub(crate) fn replies() -> Vec<(CommandByte, Reply)> {
    let more = NORMAL | Status::MORE_RESULTS;
    let rows = |columns, count, end| Reply::Rows { columns, rows: vec![vec![1, b'x']; count], end };
    let mut table = Vec::new();
    let shared = [
        Reply::Ok(NORMAL),
        Reply::Ok(NORMAL | Status::IN_TRANS),
        Reply::OkWithChanges,
        Reply::Error,
        rows(1, 0, NORMAL),
        rows(1, 1, NORMAL),
        rows(3, 3, Status::IN_TRANS),
        rows(300, 1, NORMAL),
        Reply::RowsThenError { columns: 1, rows: 0 },
        Reply::RowsThenError { columns: 2, rows: 3 },
        Reply::Chain(vec![rows(1, 2, more), Reply::Ok(NORMAL)]),
        Reply::Chain(vec![Reply::Ok(more), rows(2, 1, more), rows(1, 0, NORMAL)]),
        Reply::Chain(vec![rows(1, 1, more), Reply::Error]),
        Reply::Chain(vec![rows(1, 1, more | Status::PS_OUT_PARAMS), rows(1, 1, more), Reply::Ok(NORMAL)]),
    ];
    for command in [CommandByte::Query, CommandByte::StmtExecute, CommandByte::StmtBulkExecute] {
        table.extend(shared.iter().map(|reply| (command, reply.clone())));
    }
    table.push((CommandByte::Query, Reply::LocalInfile));
    table.push((CommandByte::Query, Reply::Chain(vec![rows(1, 1, more), Reply::LocalInfile])));
    table.push((CommandByte::StmtExecute, Reply::CursorOpened { columns: 3 }));
    for (parameters, columns) in [(0, 0), (0, 2), (2, 0), (1, 1), (3, 300)] {
        table.push((CommandByte::StmtPrepare, Reply::Prepared { parameters, columns }));
    }
    table.push((CommandByte::StmtPrepare, Reply::Error));
    for command in [CommandByte::StmtFetch, CommandByte::FieldList] {
        for rows in [0, 1, 3] {
            table.push((command, Reply::RowsOnly { rows, end: NORMAL | Status::CURSOR_EXISTS }));
            table.push((command, Reply::RowsOnly { rows, end: NORMAL | Status::LAST_ROW_SENT }));
        }
        table.push((command, Reply::Error));
    }
    table.push((CommandByte::Statistics, Reply::Text));
    for command in [CommandByte::SetOption, CommandByte::Debug, CommandByte::Shutdown] {
        table.push((command, Reply::EofHeaded));
        table.push((command, Reply::Error));
    }
    let status_only = [
        CommandByte::InitDb,
        CommandByte::Ping,
        CommandByte::ResetConnection,
        CommandByte::StmtReset,
        CommandByte::ProcessKill,
        CommandByte::Refresh,
    ];
    for command in status_only {
        table.extend([Reply::Ok(NORMAL), Reply::OkWithChanges, Reply::Error].map(|reply| (command, reply)));
    }
    table
}
