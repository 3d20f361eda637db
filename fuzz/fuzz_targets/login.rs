//! Any packets as either side of a login: nothing panics, and nobody gets in without the password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_protocol::auth::Secret;
use splitfin_protocol::handshake::accept::{Accept, Known, Plugin, Step};
use splitfin_protocol::handshake::connect::{Connect, Credentials, TlsWish};
use splitfin_protocol::packet::Greeting;
use splitfin_protocol::{Capabilities, Status};

fn known() -> Known {
    Known::Password(Some(b"a password that no fuzzer finds: 8c1f9e".to_vec().into()))
}

fuzz_target!(|packets: Vec<Vec<u8>>| {
    let greeting = Greeting {
        version: "9.7.4".into(),
        connection_id: 1,
        nonce: *b"abcdefghijklmnopqrst",
        capabilities: Capabilities::OFFERED | Capabilities::SSL,
        collation: 45,
        status: Status::AUTOCOMMIT,
        plugin: Plugin::CachingSha2.name().into(),
    };
    let mut accept = Accept::new(&greeting, Plugin::CachingSha2, false, false);
    for packet in &packets {
        let Ok(mut step) = accept.handle(packet) else { break };
        if step == Step::LookUp {
            step = accept.with_known(known(), [1; 16]);
        }
        if let Step::Decrypt(_) = step {
            step = accept.decrypted(None);
        }
        assert!(!matches!(step, Step::Accepted(..)));
    }
    let credentials = Credentials {
        user: "app".into(),
        password: Secret::Clear(b"secret".to_vec().into()),
        database: None,
        collation: 45,
        capabilities: Capabilities::empty(),
        attributes: vec![],
        random: [7; 32],
    };
    let mut connect = Connect::new(credentials, TlsWish::Preferred, false);
    for packet in &packets {
        if connect.handle(packet).is_err() {
            break;
        }
    }
});
