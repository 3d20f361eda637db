//! The paths of a query, each as something that can be called again and again.

use splitfin_protocol::exchange::Exchange;
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::packet::OkPacket;
use splitfin_protocol::reshape::{ClientShape, Reshape};
use splitfin_protocol::{Capabilities, CommandByte, Status};
use splitfin_router::classify::classify;
use splitfin_router::digest::normalise;
use splitfin_router::lexer::Lexer;
use splitfin_router::{Facts, LexMode, Settings, Statements, route};
use splitfin_topology::{BackendId, BackendSpec, BackendView, Role, Snapshot};
use std::hint::black_box;
use std::time::Duration;

/// The statement of sysbench's point select.
pub const POINT: &[u8] = b"SELECT c FROM sbtest1 WHERE id=5021";
/// A join of three tables with grouping.
pub const JOIN: &[u8] =
    b"SELECT o.id, o.total, c.name, COUNT(i.id) AS items, SUM(i.price * i.quantity) AS amount FROM orders o \
    JOIN customers c ON c.id = o.customer_id LEFT JOIN items i ON i.order_id = o.id WHERE o.created_at >= '2026-01-01' AND o.state IN \
    ('paid', 'sent', 'done') AND c.country = 'NL' GROUP BY o.id, o.total, c.name HAVING COUNT(i.id) > 2 ORDER BY amount DESC LIMIT 20";

/// What can be measured, and how it is called.
pub const PATHS: [(&str, &str); 6] = [
    ("lexer", "lexer"),
    ("digest", "digest text"),
    ("classify", "classify (first sight, second opinion included)"),
    ("route", "look up + route (cached digest)"),
    ("first", "look up + route (first sight)"),
    ("exchange", "follow and reshape a reply of 1 row"),
];

/// One path over one statement, ready to be called.
pub fn path(name: &str, sql: &'static [u8]) -> Box<dyn FnMut()> {
    let mode = LexMode::default();
    match name {
        "lexer" => Box::new(move || {
            let _ = black_box(Lexer::new(black_box(sql), mode).count());
        }),
        "digest" => {
            let mut text = Vec::new();
            Box::new(move || {
                let _ = black_box(normalise(black_box(sql), mode, &mut text));
            })
        }
        "classify" => Box::new(move || {
            let _ = black_box(classify(black_box(sql), mode));
        }),
        "route" => {
            let (mut statements, snapshot, settings) = (Statements::new(1 << 20), snapshot(), Settings::default());
            Box::new(move || look_up_and_route(&mut statements, sql, &snapshot, &settings))
        }
        "first" => {
            let (snapshot, settings) = (snapshot(), Settings::default());
            Box::new(move || look_up_and_route(&mut Statements::new(1 << 16), sql, &snapshot, &settings))
        }
        _ => follow_reply(),
    }
}

fn look_up_and_route(statements: &mut Statements, sql: &[u8], snapshot: &Snapshot, settings: &Settings) {
    let statement = statements.look_up(black_box(sql), LexMode::default()).statement;
    let facts = Facts::fresh("app");
    let _ = black_box(route(&facts, &statement, None, snapshot, settings));
}

fn follow_reply() -> Box<dyn FnMut()> {
    let mut reply = Vec::new();
    let end = OkPacket { status: Status::AUTOCOMMIT, ..OkPacket::default() };
    let end = end.encode(0xFE, Capabilities::TOWARDS_BACKENDS);
    let mut sequence = 1;
    for payload in [&[1u8][..], &[b'd'; 50], &[b'r'; 121], &end] {
        sequence = write_packet(&mut reply, sequence, payload);
    }
    let client = ClientShape {
        capabilities: Capabilities::TOWARDS_BACKENDS,
        status: Status::AUTOCOMMIT,
        statement: None,
        tracking: std::rc::Rc::new(splitfin_protocol::session_track::tracked_by_default()),
        told: splitfin_protocol::session_track::NO_TRANSACTION,
        shift: 0,
        more: false,
        results: 0,
        scoped: None,
        columns: 0,
        mysql: true,
        no_warnings: false,
        ids: None,
        pending: Vec::new(),
    };
    let mut out = Vec::new();
    Box::new(move || {
        let exchange = Exchange::new(CommandByte::Query, Capabilities::TOWARDS_BACKENDS);
        let _ = black_box(Reshape::new(exchange, client.clone()).advance(black_box(&reply), &mut out));
    })
}

fn snapshot() -> Snapshot {
    let view = |id: u16| BackendView {
        id: BackendId(id),
        spec: BackendSpec { name: id.to_string(), address: String::new(), weight: 1 },
        role: if id == 0 { Role::Primary } else { Role::Replica },
        fit: Ok(()),
        read_only: false,
        share: 100,
        after: None,
        clock: None,
        identity: None,
        lag: Some(Duration::ZERO),
        version: None,
        offer: None,
        progress: Default::default(),
    };
    Snapshot {
        epoch: 1,
        backends: (0..3).map(view).collect(),
        primary: Some(BackendId(0)),
        last_primary: None,
        resort: None,
        replaceable: true,
        family: None,
    }
}
