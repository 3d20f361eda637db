//! Any bytes as a reply: nothing panics, and cutting them elsewhere changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_protocol::frame::{FrameHeader, HEADER};
use splitfin_protocol::reshape::{ClientShape, Reshape};
use splitfin_protocol::thread_ids::ThreadIds;
use splitfin_protocol::{Capabilities, CommandByte, Exchange, Status};
use std::rc::Rc;

fn reshape(command: CommandByte, client: Capabilities, pieces: &[&[u8]]) -> Option<Vec<u8>> {
    // Half of the replies are lists of connections, with ids to replace and rows to add.
    let ids = client.contains(Capabilities::DEPRECATE_EOF).then(|| ThreadIds {
        sessions: Rc::new((0..64).map(|thread| (thread, 1_000_000_000 + thread)).collect()),
        more: Some(vec![vec![Some("1000000099".to_owned()), None]]),
        binary: command == CommandByte::StmtExecute,
        capabilities: Capabilities::TOWARDS_BACKENDS,
    });
    let shape = ClientShape {
        capabilities: client,
        status: Status::AUTOCOMMIT,
        statement: Some(7),
        tracking: Default::default(),
        told: *b"T_______",
        shift: 0,
        more: client.contains(Capabilities::CONNECT_ATTRS),
        results: 2,
        scoped: Some((Status::ANSI_QUOTES, Status::NO_BACKSLASH_ESCAPES)),
        columns: 7,
        mysql: true,
        pending: Vec::new(),
        no_warnings: command == CommandByte::InitDb,
        ids,
    };
    let mut reshape = Reshape::new(Exchange::new(command, Capabilities::TOWARDS_BACKENDS), shape);
    let (mut sent, mut input) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        let mut out = Vec::new();
        let progress = reshape.advance(&input, &mut out).ok()?;
        assert!(progress.consumed <= input.len());
        let front: Vec<u8> = input.drain(..progress.consumed).collect();
        sent.extend_from_slice(if progress.rewritten { &out } else { &front });
        if progress.need == 0 {
            break;
        }
    }
    Some(sent)
}

/// The status between definitions and rows follows how much of the rows is there already, on purpose.
fn without_middle_status(reply: &[u8]) -> Vec<u8> {
    let mut reply = reply.to_vec();
    let mut at = 0;
    while let Some(header) = FrameHeader::parse(&reply[at..]) {
        let end = at + HEADER + header.length;
        if let Some(&mut [0xFE, _, _, ref mut low, ref mut high]) = reply.get_mut(at + HEADER..end) {
            (*low, *high) = (0, 0);
        }
        at = end.min(reply.len());
    }
    reply
}

fuzz_target!(|data: &[u8]| {
    let [command, capabilities, cut, rest @ ..] = data else { return };
    let Some(command) = CommandByte::from_byte(*command) else { return };
    let client = Capabilities::from_bits_retain(u64::from(*capabilities) << 20);
    let at = usize::from(*cut).min(rest.len());
    let (Some(whole), Some(cut)) = (reshape(command, client, &[rest]), reshape(command, client, &[&rest[..at], &rest[at..]])) else {
        return;
    };
    assert_eq!(without_middle_status(&whole), without_middle_status(&cut));
});
