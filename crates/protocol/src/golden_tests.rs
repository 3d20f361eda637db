//! What real servers said, recorded by `cargo run -p splitfin-tests --bin capture`: the same commands on connections
//! with each set of capabilities. Every reply must be followed to its end, and the reply in the backends' shape must
//! become, for each other shape, what the server itself sent there.

use crate::command::CommandByte;
use crate::exchange::Exchange;
use crate::frame::{FrameHeader, HEADER};
use crate::packet::Greeting;
use crate::reshape::{ClientShape, Reshape};
use crate::session_track::{NO_TRANSACTION, Tracking, TransactionTracking, tracked_by_default};
use crate::{Capabilities, Status};
use std::rc::Rc;

struct Recording {
    capabilities: Capabilities,
    greeting: Vec<u8>,
    replies: Vec<(CommandByte, Vec<u8>, String)>,
}

const FILES: [[(&str, &str); 4]; 2] = [
    [
        ("modern", include_str!("../golden/mariadb-10.11.19-modern.txt")),
        ("classic", include_str!("../golden/mariadb-10.11.19-classic.txt")),
        ("classic-tracking", include_str!("../golden/mariadb-10.11.19-classic-tracking.txt")),
        ("deprecate-eof", include_str!("../golden/mariadb-10.11.19-deprecate-eof.txt")),
    ],
    [
        ("modern", include_str!("../golden/mysql-9.7.4-modern.txt")),
        ("classic", include_str!("../golden/mysql-9.7.4-classic.txt")),
        ("classic-tracking", include_str!("../golden/mysql-9.7.4-classic-tracking.txt")),
        ("deprecate-eof", include_str!("../golden/mysql-9.7.4-deprecate-eof.txt")),
    ],
];

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn read(text: &str) -> Recording {
    let mut lines = text.lines();
    let bits = lines.next().unwrap().rsplit(' ').next().unwrap();
    let greeting = unhex(lines.next().unwrap().strip_prefix("greeting ").unwrap());
    let replies = lines.map(|line| {
        let (front, note) = line.split_once(" # ").unwrap();
        let (command, bytes) = front.split_once(' ').unwrap();
        let command = CommandByte::from_byte(unhex(command)[0]).unwrap();
        (command, unhex(bytes), note.to_owned())
    });
    Recording {
        capabilities: Capabilities::from_bits_retain(u64::from_str_radix(bits, 16).unwrap()),
        greeting,
        replies: replies.collect(),
    }
}

fn frames(mut bytes: &[u8]) -> Vec<(FrameHeader, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some(header) = FrameHeader::parse(bytes) {
        frames.push((header, bytes[HEADER..HEADER + header.length].to_vec()));
        bytes = &bytes[HEADER + header.length..];
    }
    assert!(bytes.is_empty());
    frames
}

#[test]
fn greetings_of_real_servers_are_read() {
    for [(_, mariadb), ..] in &FILES[..1] {
        let greeting = Greeting::parse(&read(mariadb).greeting[HEADER..]).unwrap();
        assert!(greeting.is_mariadb() && greeting.version.starts_with("10.11."), "{greeting:?}");
        assert_eq!(greeting.plugin, crate::auth::NATIVE);
    }
    for [(_, mysql), ..] in &FILES[1..] {
        let greeting = Greeting::parse(&read(mysql).greeting[HEADER..]).unwrap();
        assert!(!greeting.is_mariadb() && greeting.version.starts_with("9.7."), "{greeting:?}");
        assert_eq!(greeting.plugin, crate::auth::CACHING_SHA2);
    }
    for (_, text) in FILES.as_flattened() {
        let recording = read(text);
        let greeting = Greeting::parse(&recording.greeting[HEADER..]).unwrap();
        assert!(greeting.capabilities.contains(Capabilities::REQUIRED_OF_BACKENDS));
        for end in HEADER..recording.greeting.len() {
            // Shorter is an error or the end of the plugin's name, never a panic.
            let _ = Greeting::parse(&recording.greeting[HEADER..end]);
        }
    }
}

#[test]
fn replies_of_real_servers_end_where_they_end() {
    for (name, text) in FILES.as_flattened() {
        let recording = read(text);
        for (command, bytes, note) in &recording.replies {
            let mut exchange = Exchange::new(*command, recording.capabilities);
            for (at, (header, payload)) in frames(bytes).iter().enumerate() {
                assert!(!exchange.is_done(), "{name} {note}: done in front of packet {at}");
                exchange.frame(*header, payload).unwrap();
            }
            assert!(exchange.is_done(), "{name} {note}: not done");
        }
    }
}

#[test]
fn reshaped_replies_are_what_the_server_sends_to_such_a_client() {
    for [(_, modern), others @ ..] in &FILES {
        let modern = read(modern);
        let is_mysql = !Greeting::parse(&modern.greeting[HEADER..]).unwrap().is_mariadb();
        for (name, other) in others {
            let other = read(other);
            for ((command, bytes, note), (_, expected, _)) in modern.replies.iter().zip(&other.replies) {
                // Each connection counts its statements itself.
                let id = expected.get(5..9).and_then(|id| id.first_chunk()).map(|id| u32::from_le_bytes(*id));
                let transaction = match is_mysql {
                    true => TransactionTracking::Explicit,
                    false => TransactionTracking::Nothing,
                };
                let shape = ClientShape {
                    capabilities: other.capabilities,
                    status: Status::AUTOCOMMIT,
                    tracking: Rc::new(Tracking { transaction, ..tracked_by_default() }),
                    told: if note.contains("COMMIT") { *b"T_______" } else { NO_TRANSACTION },
                    statement: id.filter(|_| *command == CommandByte::StmtPrepare),
                    shift: 0,
                    more: false,
                    results: 0,
                    scoped: None,
                    columns: 0,
                    mysql: is_mysql,
                    no_warnings: false,
                    ids: None,
                    pending: Vec::new(),
                };
                for cut in 0..=bytes.len() {
                    let mut reshape = Reshape::new(Exchange::new(*command, modern.capabilities), shape.clone());
                    let (mut sent, mut at) = (Vec::new(), 0);
                    for visible in [cut, bytes.len()] {
                        let mut out = Vec::new();
                        let progress = reshape.advance(&bytes[at..visible], &mut out).unwrap();
                        let same = &bytes[at..at + progress.consumed];
                        sent.extend_from_slice(if progress.rewritten { &out } else { same });
                        at += progress.consumed;
                    }
                    assert!(reshape.is_done(), "{name} {note}");
                    compare(&sent, expected, &format!("{name} {note}, cut at {cut}"));
                }
            }
        }
    }
}

/// Equal but for the status of the EOF after column definitions, which is sent before the statement ran: there
/// Splitfin only knows the session's lasting flags.
fn compare(sent: &[u8], expected: &[u8], what: &str) {
    let (sent, expected) = (frames(sent), frames(expected));
    assert_eq!(sent.len(), expected.len(), "{what}");
    for (at, (ours, theirs)) in sent.iter().zip(&expected).enumerate() {
        let is_eof = |payload: &[u8]| payload.len() == 5 && payload[0] == 0xFE;
        let last = at + 1 == sent.len();
        if !last && is_eof(&ours.1) && is_eof(&theirs.1) {
            assert_eq!(ours.0, theirs.0, "{what}, packet {at}");
            continue;
        }
        assert_eq!(ours, theirs, "{what}, packet {at}");
    }
}
