use super::*;
use crate::status::Status;

const NONCE: [u8; 20] = *b"abcdefghijklmnopqrst";

fn greeting(plugin: Plugin, tls: bool) -> Greeting {
    let mut capabilities = Capabilities::OFFERED;
    capabilities.set(Capabilities::SSL, tls);
    Greeting {
        version: "9.7.4".into(),
        connection_id: 1,
        nonce: NONCE,
        capabilities,
        collation: 45,
        status: Status::AUTOCOMMIT,
        plugin: plugin.name().into(),
    }
}

fn login(plugin: &str, auth: Vec<u8>) -> Vec<u8> {
    login_with(plugin, auth, Capabilities::OFFERED).encode()
}

fn login_with(plugin: &str, auth: Vec<u8>, capabilities: Capabilities) -> Login {
    Login {
        capabilities,
        max_packet: 1 << 24,
        collation: 45,
        user: "app".into(),
        auth: auth.into(),
        database: None,
        plugin: Some(plugin.into()),
        attributes: vec![],
        zstd_level: None,
    }
}

fn password(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    Some(Zeroizing::new(text.as_bytes().to_vec()))
}

fn secret() -> Secret {
    Secret::Clear(Zeroizing::new(b"secret".to_vec()))
}

fn accept(plugin: Plugin, secure: bool) -> Accept {
    Accept::new(&greeting(plugin, false), plugin, secure, false)
}

fn fast_success() -> Step {
    Step::Accepted(secret(), Some(vec![1, caching_sha2::FAST_AUTH_SUCCESS]))
}

#[test]
fn native_is_decided_by_one_packet() {
    for (typed, step) in [("secret", Step::Accepted(secret(), None)), ("wrong", Step::Refused)] {
        let mut accept = accept(Plugin::Native, false);
        let packet = login(auth::NATIVE, native::scramble(typed.as_bytes(), &NONCE));
        assert_eq!(accept.handle(&packet), Ok(Step::LookUp));
        assert_eq!(accept.with_known(Known::Password(password("secret")), [1; 16]), step);
    }
}

#[test]
fn caching_sha2_takes_the_fast_path_with_the_right_scramble() {
    let mut accept = accept(Plugin::CachingSha2, false);
    let packet = login(auth::CACHING_SHA2, caching_sha2::scramble(b"secret", &NONCE));
    accept.handle(&packet).unwrap();
    assert_eq!(accept.with_known(Known::Password(password("secret")), [1; 16]), fast_success());
}

#[test]
fn a_client_may_use_the_plugin_that_was_not_greeted() {
    let mut accept = accept(Plugin::Native, false);
    accept.handle(&login(auth::CACHING_SHA2, caching_sha2::scramble(b"secret", &NONCE))).unwrap();
    assert_eq!(accept.with_known(Known::Password(password("secret")), [1; 16]), fast_success());
}

#[test]
fn a_client_that_cannot_do_the_greeted_plugin_is_switched_to_its_own() {
    let mut accept = accept(Plugin::Native, false);
    accept.handle(&login(auth::CACHING_SHA2, vec![])).unwrap();
    let Step::Send(packet) = accept.with_known(Known::Password(password("secret")), [1; 16]) else {
        panic!("no switch")
    };
    assert_eq!(AuthSwitch::parse(&packet).unwrap().plugin, auth::CACHING_SHA2);
    assert_eq!(accept.handle(&caching_sha2::scramble(b"secret", &NONCE)), Ok(fast_success()));
}

#[test]
fn an_unknown_plugin_is_switched_to_the_greeted_one() {
    let mut accept = accept(Plugin::CachingSha2, false);
    accept.handle(&login(auth::ED25519, vec![])).unwrap();
    let Step::Send(packet) = accept.with_known(Known::Password(password("secret")), [1; 16]) else {
        panic!("no switch")
    };
    let switch = AuthSwitch::parse(&packet).unwrap();
    assert_eq!((switch.plugin, switch.data), (auth::CACHING_SHA2, &NONCE[..]));
    assert_eq!(accept.handle(&caching_sha2::scramble(b"secret", &NONCE)), Ok(fast_success()));
}

#[test]
fn full_authentication_over_a_secure_channel_takes_the_clear_password() {
    for (typed, step) in
        [(&b"secret\0"[..], Step::Accepted(secret(), None)), (b"other\0", Step::Refused), (b"", Step::Refused)]
    {
        let mut accept = accept(Plugin::CachingSha2, true);
        accept.handle(&login(auth::CACHING_SHA2, vec![9; 32])).unwrap();
        let full = Step::Send(vec![1, caching_sha2::PERFORM_FULL_AUTHENTICATION]);
        assert_eq!(accept.with_known(Known::Password(password("secret")), [1; 16]), full);
        assert_eq!(accept.handle(typed), Ok(step));
    }
}

#[test]
fn full_authentication_without_tls_goes_through_rsa() {
    let mut accept = accept(Plugin::CachingSha2, false);
    accept.handle(&login(auth::CACHING_SHA2, vec![9; 32])).unwrap();
    accept.with_known(Known::Password(password("secret")), [1; 16]);
    assert_eq!(accept.handle(&[caching_sha2::REQUEST_PUBLIC_KEY]), Ok(Step::SendPublicKey));
    assert_eq!(accept.handle(b"ciphertext"), Ok(Step::Decrypt(b"ciphertext".to_vec())));
    assert_eq!(accept.decrypted(Some(caching_sha2::mask(b"secret", &NONCE))), Step::Accepted(secret(), None));
}

#[test]
fn clear_text_without_tls_is_never_read_as_a_password() {
    let mut accept = accept(Plugin::CachingSha2, false);
    accept.handle(&login(auth::CACHING_SHA2, vec![9; 32])).unwrap();
    accept.with_known(Known::Password(password("secret")), [1; 16]);
    assert!(matches!(accept.handle(b"secret\0"), Ok(Step::Decrypt(_))));
    assert_eq!(accept.decrypted(None), Step::Refused);
}

#[test]
fn an_unknown_user_sees_the_same_packets_as_a_wrong_password() {
    for plugin in [Plugin::Native, Plugin::CachingSha2] {
        let steps = |found: Option<Zeroizing<Vec<u8>>>| {
            let mut accept = accept(plugin, true);
            let answer = match plugin {
                Plugin::Native => native::scramble(b"guess", &NONCE),
                Plugin::CachingSha2 => caching_sha2::scramble(b"guess", &NONCE),
            };
            accept.handle(&login(plugin.name(), answer)).unwrap();
            let first = accept.with_known(Known::Password(found), [1; 16]);
            (format!("{first:?}"), format!("{:?}", accept.handle(b"guess\0")))
        };
        assert_eq!(steps(None), steps(password("secret")));
    }
}

#[test]
fn an_unknown_user_cannot_log_in_with_the_decoy() {
    let mut accept = accept(Plugin::Native, false);
    accept.handle(&login(auth::NATIVE, native::scramble(&[1; 16], &NONCE))).unwrap();
    assert_eq!(accept.with_known(Known::Password(None), [1; 16]), Step::Refused);
}

#[test]
fn tls_starts_once_and_only_where_it_was_offered() {
    let request = login_with(auth::NATIVE, vec![], Capabilities::OFFERED | Capabilities::SSL).encode_ssl_request();
    let mut offered = Accept::new(&greeting(Plugin::Native, true), Plugin::Native, false, true);
    assert_eq!(offered.handle(&request), Ok(Step::StartTls));
    assert_eq!(offered.handle(&request), Err(LoginError::TlsNotOffered));
    assert_eq!(accept(Plugin::Native, false).handle(&request), Err(LoginError::TlsNotOffered));
    let mut required = Accept::new(&greeting(Plugin::Native, true), Plugin::Native, false, true);
    assert_eq!(required.handle(&login(auth::NATIVE, vec![])), Err(LoginError::TlsRequired));
}

#[test]
fn change_user_always_switches_to_a_new_nonce() {
    let body = b"app\0\x02xyshop\0\x2d\0caching_sha2_password\0";
    let mut accept = Accept::change_user(body, Capabilities::OFFERED, NONCE, false).unwrap();
    assert_eq!(accept.login().unwrap().database.as_deref(), Some("shop"));
    let Step::Send(packet) = accept.with_known(Known::Password(password("secret")), [1; 16]) else {
        panic!("no switch")
    };
    assert_eq!(AuthSwitch::parse(&packet).unwrap().plugin, auth::CACHING_SHA2);
    assert_eq!(accept.handle(&caching_sha2::scramble(b"secret", &NONCE)), Ok(fast_success()));
}

#[test]
fn a_finished_login_accepts_nothing_more() {
    let mut accept = accept(Plugin::Native, false);
    accept.handle(&login(auth::NATIVE, native::scramble(b"secret", &NONCE))).unwrap();
    accept.with_known(Known::Password(password("secret")), [1; 16]);
    assert_eq!(accept.handle(b"more"), Ok(Step::Refused));
    assert_eq!(accept.decrypted(password("secret")), Step::Refused);
}

fn elsewhere(last: Option<&str>, stored: &[&str]) -> Known {
    let stored = stored.iter().map(|text| native::stored(text).unwrap()).collect();
    Known::Elsewhere { last: last.map(|text| Zeroizing::new(text.as_bytes().to_vec())), stored, complete: false }
}

/// SELECT PASSWORD('secret')
const STORED: &str = "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7";

#[test]
fn what_a_server_has_accepted_takes_the_fast_path_and_everything_else_is_asked_for() {
    let full = Step::Send(vec![1, caching_sha2::PERFORM_FULL_AUTHENTICATION]);
    for (last, first) in [(Some("secret"), fast_success()), (Some("old"), full.clone()), (None, full)] {
        let mut accept = accept(Plugin::CachingSha2, true);
        accept.handle(&login(auth::CACHING_SHA2, caching_sha2::scramble(b"secret", &NONCE))).unwrap();
        assert_eq!(accept.with_known(elsewhere(last, &[]), [1; 16]), first, "{last:?}");
        if last != Some("secret") {
            assert_eq!(accept.handle(b"secret\0"), Ok(Step::Prove(secret())));
        }
    }
}

#[test]
fn what_servers_keep_of_a_native_password_verifies_and_is_the_proof() {
    let native_login = |typed: &[u8]| login(auth::NATIVE, native::scramble(typed, &NONCE));
    let mut right = accept(Plugin::Native, false);
    right.handle(&native_login(b"secret")).unwrap();
    let Step::Prove(proof @ Secret::Half(_)) = right.with_known(elsewhere(None, &[STORED]), [1; 16]) else {
        panic!("not proven")
    };
    assert_eq!(proof.native(b"another nonce, of 20"), native::scramble(b"secret", b"another nonce, of 20"));
    // Whoever types something else, or has an account of another plugin, is asked for the password itself.
    for stored in [&[STORED][..], &[]] {
        let mut wrong = accept(Plugin::Native, true);
        wrong.handle(&native_login(b"wrong")).unwrap();
        let Step::Send(packet) = wrong.with_known(elsewhere(None, stored), [1; 16]) else { panic!("no switch") };
        assert_eq!(AuthSwitch::parse(&packet).unwrap().plugin, auth::CACHING_SHA2);
        let full = Step::Send(vec![1, caching_sha2::PERFORM_FULL_AUTHENTICATION]);
        assert_eq!(wrong.handle(&caching_sha2::scramble(b"wrong", &NONCE)), Ok(full));
        assert!(matches!(wrong.handle(b"wrong\0"), Ok(Step::Prove(Secret::Clear(_)))));
    }
}

#[test]
fn where_nothing_else_proves_an_account_a_wrong_answer_is_left_to_a_server_to_refuse() {
    for stored in [vec![native::stored(STORED).unwrap()], vec![]] {
        let mut wrong = accept(Plugin::Native, false);
        wrong.handle(&login(auth::NATIVE, native::scramble(b"wrong", &NONCE))).unwrap();
        let known = Known::Elsewhere { last: None, stored, complete: true };
        let Step::Prove(proof @ Secret::Half(_)) = wrong.with_known(known, [1; 16]) else { panic!("asked again") };
        assert_ne!(proof.native(&NONCE), native::scramble(b"wrong", &NONCE));
    }
}

#[test]
fn who_knows_the_password_signs_for_the_certificate() {
    let mut right = accept(Plugin::Native, false);
    right.handle(&login(auth::NATIVE, native::scramble(b"secret", &NONCE))).unwrap();
    let Step::Prove(proof) = right.with_known(elsewhere(None, &[STORED]), [1; 16]) else { panic!("not proven") };
    let signature = right.signature(&proof, &[7; 32]).unwrap();
    assert_eq!((signature[0], signature.len()), (1, 65));
    assert_eq!(Some(&signature), right.signature(&secret(), &[7; 32]).as_ref(), "whichever half of it is known");
    assert_ne!(Some(&signature), right.signature(&proof, &[8; 32]).as_ref());
    let mut other = accept(Plugin::CachingSha2, true);
    other.handle(&login(auth::CACHING_SHA2, caching_sha2::scramble(b"secret", &NONCE))).unwrap();
    other.with_known(elsewhere(Some("secret"), &[]), [1; 16]);
    assert_eq!(other.signature(&secret(), &[7; 32]), None, "its clients would not believe it");
}

#[test]
fn an_empty_password_is_proven_by_a_server_too() {
    for (plugin, name) in [(Plugin::Native, auth::NATIVE), (Plugin::CachingSha2, auth::CACHING_SHA2)] {
        let mut accept = accept(plugin, false);
        accept.handle(&login(name, vec![])).unwrap();
        let empty = Step::Prove(Secret::Clear(Zeroizing::default()));
        assert_eq!(accept.with_known(elsewhere(None, &[]), [1; 16]), empty);
    }
}
