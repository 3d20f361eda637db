//! The table: every command × every reply it can have × what the connection agreed to, whole and cut at every byte.

use super::*;
use crate::frame::{MAX_PAYLOAD, write_packet};
use crate::reshape::tests::script::{Reply, Script, replies};

fn follow(exchange: &mut Exchange, bytes: &[u8], cut: usize) -> usize {
    let mut at = 0;
    let mut visible = cut.min(bytes.len());
    loop {
        let rest = &bytes[at..visible];
        let Some(header) = FrameHeader::parse(rest) else {
            if visible == bytes.len() {
                return at;
            }
            visible = bytes.len();
            continue;
        };
        let payload = &rest[4..rest.len().min(4 + header.length)];
        match exchange.frame(header, payload).unwrap() {
            Seen::Incomplete => {
                assert!(visible < bytes.len(), "the whole packet was there");
                visible = bytes.len();
            }
            Seen::Part(_) => at = (at + 4 + header.length).min(bytes.len()),
        }
        if at > visible {
            visible = bytes.len();
        }
        if exchange.is_done() || exchange.client_speaks() {
            return at;
        }
    }
}

#[test]
fn every_reply_to_every_command_ends_where_it_ends() {
    for capabilities in [Capabilities::empty(), Capabilities::DEPRECATE_EOF, Capabilities::TOWARDS_BACKENDS] {
        for (command, reply) in replies() {
            let bytes = Script::new(capabilities).encode(&reply);
            for cut in 0..=bytes.len() {
                let mut exchange = Exchange::new(command, capabilities);
                let mut with_next = bytes.clone();
                write_packet(&mut with_next, 9, b"next");
                let end = follow(&mut exchange, &with_next, cut);
                assert_eq!(end, bytes.len(), "{command:?} {reply:?} {capabilities:?} cut at {cut}");
                assert!(exchange.is_done() || exchange.client_speaks());
            }
        }
    }
}

#[test]
fn commands_without_a_reply_are_done_at_once() {
    for command in [CommandByte::Quit, CommandByte::StmtClose, CommandByte::StmtSendLongData] {
        assert!(Exchange::new(command, Capabilities::empty()).is_done());
    }
}

fn rows_of(value: &[u8], capabilities: Capabilities) -> (usize, Outcome) {
    let mut row = Vec::new();
    crate::wire::WriteExt::put_lenenc_bytes(&mut row, value);
    let reply = Reply::Rows { columns: 1, rows: vec![row], end: Status::AUTOCOMMIT };
    let bytes = Script::new(capabilities).encode(&reply);
    let mut exchange = Exchange::new(CommandByte::Query, capabilities);
    let end = follow(&mut exchange, &bytes, bytes.len());
    assert_eq!(end, bytes.len());
    (bytes.len(), exchange.into_outcome())
}

#[test]
fn rows_and_values_around_16_mib_are_not_ends() {
    for capabilities in [Capabilities::empty(), Capabilities::TOWARDS_BACKENDS] {
        // The value's length prefix takes part of the row, so these straddle every boundary.
        for length in [MAX_PAYLOAD - 5, MAX_PAYLOAD - 4, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD - 9] {
            let (_, outcome) = rows_of(&vec![0xFE; length], capabilities);
            assert_eq!((outcome.rows, outcome.error), (1, None), "{length}");
        }
    }
}

#[test]
fn a_row_that_starts_like_another_packet_is_a_row() {
    for first in [&b""[..], b"\xfb", b"\x00"] {
        let (_, outcome) = rows_of(first, Capabilities::TOWARDS_BACKENDS);
        assert_eq!(outcome.rows, 1);
    }
}

#[test]
fn a_long_terminator_is_still_a_terminator() {
    let changes = [&[3u8, 0xFC, 0x10, 0x27][..], &vec![b'x'; 10_000]].concat();
    let mut end = Vec::new();
    let ok = OkPacket { status: Status::SESSION_STATE_CHANGED, changes: &changes, ..OkPacket::default() };
    write_packet(&mut end, 5, &ok.encode(0xFE, Capabilities::SESSION_TRACK));
    let mut exchange = Exchange::new(CommandByte::StmtFetch, Capabilities::TOWARDS_BACKENDS);
    assert_eq!(follow(&mut exchange, &end, end.len()), end.len());
    assert_eq!(exchange.outcome().changes, changes);
}

#[test]
fn errors_end_the_reply_and_say_nothing_of_the_transaction() {
    let reply = Reply::RowsThenError { columns: 2, rows: 3 };
    let bytes = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&reply);
    let mut exchange = Exchange::new(CommandByte::Query, Capabilities::TOWARDS_BACKENDS);
    follow(&mut exchange, &bytes, bytes.len());
    let outcome = exchange.into_outcome();
    assert_eq!((outcome.status, outcome.rows), (None, 3));
    assert_eq!(outcome.error.unwrap().code, 1317);
}

#[test]
fn a_packet_out_of_place_is_a_violation() {
    let mut exchange = Exchange::new(CommandByte::Ping, Capabilities::empty());
    let header = FrameHeader { length: 3, sequence: 1 };
    assert!(matches!(exchange.frame(header, b"abc"), Err(Violation::Misplaced { .. })));
    let mut done = Exchange::new(CommandByte::Quit, Capabilities::empty());
    assert_eq!(done.frame(header, b"abc"), Err(Violation::AfterEnd));
}

proptest::proptest! {
    #[test]
    fn no_input_panics(command in 0u8..=255, capabilities: u64, frames: Vec<Vec<u8>>) {
        let Some(command) = CommandByte::from_byte(command) else { return Ok(()) };
        let mut exchange = Exchange::new(command, Capabilities::from_bits_retain(capabilities));
        for frame in frames {
            if exchange.frame(FrameHeader { length: frame.len(), sequence: 0 }, &frame).is_err() {
                break;
            }
        }
    }
}
