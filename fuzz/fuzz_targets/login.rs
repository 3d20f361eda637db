//! Any packets as either side of a login: nothing panics, and nobody gets in without the password. Half of the time the
//! beginning is a good one, so that the other side's later packets are looked at.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_protocol::auth::Secret;
use splitfin_protocol::handshake::accept::{Accept, Known, Plugin, Step};
use splitfin_protocol::handshake::connect::{Connect, Credentials, TlsWish};
use splitfin_protocol::packet::Greeting;
use splitfin_protocol::{Capabilities, Status};

const NONCE: [u8; 20] = *b"abcdefghijklmnopqrst";

fn known() -> Known {
    Known::Password(Some(b"a password that no fuzzer finds: 8c1f9e".to_vec().into()))
}

fn greeting(plugin: &str) -> Greeting {
    Greeting {
        version: "9.7.4".into(),
        connection_id: 1,
        nonce: NONCE,
        capabilities: Capabilities::OFFERED | Capabilities::SSL,
        collation: 45,
        status: Status::AUTOCOMMIT,
        plugin: plugin.into(),
    }
}

/// The client's packets, to a server.
fn knock<'a>(mut accept: Accept, packets: impl Iterator<Item = &'a Vec<u8>>) {
    let answer = |accept: &mut Accept, mut step: Step| {
        if step == Step::LookUp {
            step = accept.with_known(known(), [1; 16]);
        }
        if let Step::Decrypt(_) = step {
            step = accept.decrypted(None);
        }
        assert!(!matches!(step, Step::Accepted(..)));
    };
    if accept.login().is_some() {
        answer(&mut accept, Step::LookUp);
    }
    for packet in packets {
        let Ok(step) = accept.handle(packet) else { break };
        answer(&mut accept, step);
    }
}

/// The server's packets, to a client.
fn open<'a>(secure: bool, packets: impl Iterator<Item = &'a Vec<u8>>) {
    let credentials = Credentials {
        user: "app".into(),
        password: Secret::Clear(b"secret".to_vec().into()),
        database: None,
        collation: 45,
        capabilities: Capabilities::empty(),
        attributes: vec![],
        random: [7; 32],
    };
    let mut connect = Connect::new(credentials, TlsWish::Disabled, secure);
    for packet in packets {
        if connect.handle(packet).is_err() {
            break;
        }
    }
}

fuzz_target!(|packets: Vec<Vec<u8>>| {
    knock(Accept::new(&greeting(Plugin::CachingSha2.name()), Plugin::CachingSha2, false, false), packets.iter());
    open(false, packets.iter());
    let Some((first, rest)) = packets.split_first() else { return };
    if let Ok(accept) = Accept::change_user(first, Capabilities::all(), NONCE, first.len() % 2 == 0) {
        knock(accept, rest.iter());
    }
    for plugin in ["mysql_native_password", "caching_sha2_password", "client_ed25519", "parsec", "sha256_password"] {
        let good = greeting(plugin).encode();
        for secure in [false, true] {
            open(secure, std::iter::once(&good).chain(&packets));
        }
    }
});
