//! A reply in the backends' shape, reshaped for a client, must be what a server would have sent that client.

use super::*;
use crate::CommandByte;
use crate::session_track::tracked_by_default;

pub(crate) mod script;
use script::{Reply, Script, replies};

const SHAPES: [Capabilities; 4] = [
    Capabilities::empty(),
    Capabilities::DEPRECATE_EOF,
    Capabilities::SESSION_TRACK,
    Capabilities::DEPRECATE_EOF.union(Capabilities::SESSION_TRACK),
];

fn shape(capabilities: Capabilities) -> ClientShape {
    ClientShape {
        capabilities,
        status: Status::AUTOCOMMIT,
        statement: None,
        tracking: Rc::new(tracked_by_default()),
        told: NO_TRANSACTION,
        shift: 0,
        more: false,
        results: 0,
        scoped: None,
        columns: 0,
        mysql: false,
        no_warnings: false,
        ids: None,
        pending: Vec::new(),
    }
}

/// Feeds `bytes` in two pieces, as a driver would, and returns what the client gets.
fn reshape(command: CommandByte, client: ClientShape, bytes: &[u8], cut: usize) -> (Vec<u8>, Reshape) {
    let mut reshape = Reshape::new(Exchange::new(command, Capabilities::TOWARDS_BACKENDS), client);
    let (mut sent, mut at) = (Vec::new(), 0);
    for visible in [cut, bytes.len()] {
        let mut out = Vec::new();
        let progress = reshape.advance(&bytes[at..visible], &mut out).unwrap();
        match progress.rewritten {
            true => sent.extend_from_slice(&out),
            false => sent.extend_from_slice(&bytes[at..at + progress.consumed]),
        }
        at += progress.consumed;
        let over = reshape.is_done() || reshape.client_speaks();
        assert_eq!(progress.need == 0, over);
        if visible == bytes.len() {
            assert!(over && at == bytes.len(), "stopped at {at} of {}", bytes.len());
        }
        if over {
            break;
        }
    }
    (sent, reshape)
}

/// The status between definitions and rows follows how much of the rows is there already.
fn without_middle_status(bytes: &[u8]) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    let (mut at, mut after_definition) = (0, false);
    while let Some(header) = FrameHeader::parse(&bytes[at..]) {
        let payload = &bytes[at + HEADER..at + HEADER + header.length];
        if after_definition && payload.len() == 5 {
            masked[at + HEADER + 3..at + HEADER + 5].fill(0);
        }
        after_definition = payload.starts_with(b"\x03def");
        at += HEADER + header.length;
    }
    masked
}

#[test]
fn the_status_before_rows_is_that_of_their_end() {
    let rows = Reply::Rows { columns: 1, rows: vec![vec![1, b'x']], end: Status::IN_TRANS };
    let from_server = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&rows);
    let (sent, _) = reshape(CommandByte::Query, shape(Capabilities::empty()), &from_server, from_server.len());
    let eof = Eof { warnings: 0, status: Status::IN_TRANS }.encode();
    assert_eq!(sent.windows(eof.len()).filter(|window| *window == eof).count(), 2);
}

#[test]
fn every_client_gets_the_reply_that_a_server_would_send_it() {
    for capabilities in SHAPES {
        for (command, reply) in replies() {
            let from_server = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&reply);
            let expected = Script::new(capabilities).encode(&reply);
            for cut in 0..from_server.len() {
                let (sent, _) = reshape(command, shape(capabilities), &from_server, cut);
                let context = format!("{command:?} {reply:?} {capabilities:?} cut at {cut}");
                assert_eq!(without_middle_status(&sent), without_middle_status(&expected), "{context}");
            }
        }
    }
}

#[test]
fn a_reply_can_be_part_of_a_longer_one() {
    let rows = |end| Reply::Rows { columns: 1, rows: vec![vec![1, b'x']; 3], end };
    let (normal, more) = (Status::AUTOCOMMIT, Status::AUTOCOMMIT | Status::MORE_RESULTS);
    for capabilities in SHAPES {
        for (first, second) in
            [(Reply::Ok(normal), Reply::Ok(more)), (rows(normal), rows(more)), (Reply::Error, Reply::Error)]
        {
            let alone = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&first);
            let (sent, after) =
                reshape(CommandByte::Query, ClientShape { more: true, ..shape(capabilities) }, &alone, 0);
            assert_eq!(without_middle_status(&sent), without_middle_status(&Script::new(capabilities).encode(&second)));
            // The next one goes on from there.
            let shift = after.next_sequence() - 1;
            let next = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&Reply::Ok(normal));
            let (next, _) = reshape(CommandByte::Query, ClientShape { shift, ..shape(capabilities) }, &next, 0);
            let packets = sent.iter().chain(&next).copied().collect::<Vec<_>>();
            let mut at = 0;
            for sequence in 1u8.. {
                let Some(header) = FrameHeader::parse(&packets[at..]) else { break };
                assert_eq!(header.sequence, sequence);
                at += HEADER + header.length;
            }
        }
    }
}

#[test]
fn results_before_the_last_say_so_before_their_rows() {
    let more = Status::AUTOCOMMIT | Status::MORE_RESULTS;
    let rows = |end| Reply::Rows { columns: 1, rows: vec![vec![1, b'x']; LOOK_AHEAD + 1], end };
    let both = Reply::Chain(vec![rows(more), rows(Status::AUTOCOMMIT)]);
    let from_server = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&both);
    let client = ClientShape { results: 2, ..shape(Capabilities::empty()) };
    let (sent, _) = reshape(CommandByte::Query, client, &from_server, 0);
    let count = |status| {
        let eof = Eof { warnings: 0, status }.encode();
        sent.windows(eof.len()).filter(|window| *window == eof).count()
    };
    assert_eq!((count(more), count(Status::AUTOCOMMIT)), (2, 2));
}

#[test]
fn a_client_in_the_backends_shape_costs_no_copy() {
    let reply = Reply::Rows { columns: 2, rows: vec![vec![1, b'x']; 3], end: Status::AUTOCOMMIT };
    let bytes = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&reply);
    let mut reshape = Reshape::new(
        Exchange::new(CommandByte::Query, Capabilities::TOWARDS_BACKENDS),
        shape(Capabilities::TOWARDS_BACKENDS),
    );
    let mut out = Vec::new();
    let progress = reshape.advance(&bytes, &mut out).unwrap();
    assert_eq!(progress, Progress { consumed: bytes.len(), rewritten: false, need: 0 });
}

#[test]
fn the_statement_id_is_the_clients() {
    let bytes = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&Reply::Prepared { parameters: 1, columns: 2 });
    let client = ClientShape { statement: Some(0x0102_0304), ..shape(Capabilities::TOWARDS_BACKENDS) };
    let (sent, _) = reshape(CommandByte::StmtPrepare, client, &bytes, 0);
    assert_eq!(sent[5..9], [4, 3, 2, 1]);
    assert_eq!(sent[9..], bytes[9..]);
}

#[test]
fn what_splitfin_tracks_for_itself_never_reaches_a_client() {
    use crate::wire::WriteExt;
    let mut gtid = vec![0u8];
    gtid.put_lenenc_bytes(b"uuid:5");
    let mut changes = vec![3];
    changes.put_lenenc_bytes(&gtid);
    changes.extend_from_slice(&[2, 1, b'1']);
    let ok = OkPacket { status: Status::SESSION_STATE_CHANGED, changes: &changes, ..OkPacket::default() };
    let mut bytes = Vec::new();
    write_packet(&mut bytes, 1, &ok.encode(0, Capabilities::SESSION_TRACK));
    let (sent, reshape) = reshape(CommandByte::Query, shape(Capabilities::TOWARDS_BACKENDS), &bytes, 0);
    assert_eq!(sent, [7, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(reshape.exchange().outcome().changes, changes);
}

#[test]
fn a_long_row_streams_without_being_held() {
    let row = vec![b'r'; 1 << 20];
    let reply = Reply::Rows { columns: 1, rows: vec![row], end: Status::AUTOCOMMIT };
    let bytes = Script::new(Capabilities::TOWARDS_BACKENDS).encode(&reply);
    let mut reshape =
        Reshape::new(Exchange::new(CommandByte::Query, Capabilities::TOWARDS_BACKENDS), shape(Capabilities::empty()));
    let (mut at, mut most) = (0, 0);
    while !reshape.is_done() {
        let mut out = Vec::new();
        let visible = (at + 4096).min(bytes.len());
        let progress = reshape.advance(&bytes[at..visible], &mut out).unwrap();
        at += progress.consumed;
        most = most.max(visible - at);
    }
    assert!(most < 4096);
}

proptest::proptest! {
    #[test]
    fn no_input_panics_and_no_byte_is_consumed_twice(command in 0u8..=255, capabilities: u64, bytes: Vec<u8>) {
        let Some(command) = CommandByte::from_byte(command) else { return Ok(()) };
        let client = shape(Capabilities::from_bits_retain(capabilities));
        let mut reshape = Reshape::new(Exchange::new(command, Capabilities::TOWARDS_BACKENDS), client);
        let mut out = Vec::new();
        if let Ok(progress) = reshape.advance(&bytes, &mut out) {
            proptest::prop_assert!(progress.consumed <= bytes.len());
        }
    }
}
