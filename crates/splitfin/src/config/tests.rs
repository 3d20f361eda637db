use super::*;

const SMALL: &str = "
listen: [{ address: 127.0.0.1:6033 }]
backends:
  - { name: master, address: 127.0.0.1:33061 }
  - { name: slave-1, address: 127.0.0.1:33062 }
monitor: { user: monitor, password: secret }
auth: { mode: static, users: [{ name: app, password: secret }] }
";

fn error(text: &str) -> String {
    Config::parse("f.yaml", text).unwrap_err().to_string()
}

#[test]
fn ten_lines_are_enough() {
    let config = Config::parse("f.yaml", SMALL).unwrap();
    assert_eq!(config.backends.len(), 2);
    assert_eq!(config.thresholds.lag_max, Duration::from_secs(5));
    assert_eq!(config.primary, PrimaryChoice::Auto);
    assert!(config.listen[0].tls);
}

#[test]
fn the_reference_and_its_variants_are_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        // Secrets come from the environment in the examples; here they only have to be asked for.
        let text = text.replace("${MONITOR_PASSWORD}", "x").replace("password_env: APP_PASSWORD", "password: x");
        Config::parse(&path.display().to_string(), &text).unwrap();
        seen += 1;
    }
    assert!(seen >= 3);
}

#[test]
fn an_unknown_key_is_found_and_the_likely_one_named() {
    let text = SMALL.replace("monitor: {", "monitr: {");
    let error = error(&text);
    assert!(error.starts_with("f.yaml:6:1: "), "{error}");
    assert!(error.ends_with("did you mean `monitor`?"), "{error}");
}

#[test]
fn a_wrong_unit_is_found_and_the_right_one_named() {
    let text = SMALL.replace("password: secret }\nauth", "password: secret, interval: 1 }\nauth");
    let error = error(&text);
    assert!(error.starts_with("f.yaml:6:"), "{error}");
    assert!(error.contains("did you mean `1s` or `1ms`?"), "{error}");
}

#[test]
fn errors_never_show_passwords() {
    for text in [
        SMALL.replace("auth:", "auht:"),
        SMALL.replace("127.0.0.1:6033", "nowhere"),
        SMALL.replace("mode: static", "mode: statik"),
    ] {
        assert!(!error(&text).contains("secret"), "{}", error(&text));
    }
}

#[test]
fn values_that_make_no_sense_say_why() {
    for (from, to, expected) in [
        ("127.0.0.1:6033", "localhost", "`localhost` is no address"),
        ("127.0.0.1:33062", "127.0.0.1:33061", "`127.0.0.1:33061` is there twice"),
        ("slave-1", "master", "`master` is there twice"),
        ("127.0.0.1:33062", "db2", "`db2` has no port: write db2:3306"),
        ("password: secret }]", "password_env: SPLITFIN_NOT_SET }]", "`SPLITFIN_NOT_SET` is not set"),
        ("password: secret }]", "password: a, password_env: B }]", "more than one way"),
        ("monitor: {", "topology: { primary: gone }\nmonitor: {", "there is no backend `gone`"),
        ("monitor: {", "routing: { mode: ramp 101% }\nmonitor: {", "write `ramp 25%`"),
        ("monitor: {", "routing: { rules: [{ action: replica, note: x }] }\nmonitor: {", "`replica` is unknown"),
        ("monitor: {", "workers: 0\nmonitor: {", "must be at least 1"),
        (
            "password: secret }\n",
            "password: secret, lag: { max: 1s, resume: 2s } }\n",
            "`resume` must not be above `max`",
        ),
        ("mode: static", "mode: database", "users are listed with `mode: static` only"),
        ("users: [{ name: app, password: secret }]", "users: []", "at least one user is needed"),
        ("monitor: {", "pool: { max_share: 0% }\nmonitor: {", "must be at least 1%"),
        ("monitor: {", "pool: { max_share: 120% }\nmonitor: {", "`120%` is no share: write 50%"),
        ("monitor: {", "limits: { memory: 1000 }\nmonitor: {", "must be at least 1048576 bytes"),
        ("monitor: {", "failover: { primary_read_cap: half }\nmonitor: {", "`half` is no share: write 50%"),
        ("monitor: {", "failover: { promote: automatic }\nmonitor: {", "an account that may change servers is needed"),
        ("address: 127.0.0.1:33062", "dns: slaves", "`slaves` has no port: write slaves:3306"),
        (
            "monitor: {",
            "discovery: { resolver: [consul] }\nmonitor: {",
            "discovery.resolver[0]: `consul` is no address",
        ),
        (
            "address: 127.0.0.1:33062",
            "address: 127.0.0.1:33062, tls: { fingerprint: ab }",
            "`ab` is no fingerprint: write the 64",
        ),
        ("address: 127.0.0.1:6033", "unix: /y, mode: rw", "`rw` is no mode"),
        (
            "address: 127.0.0.1:6033",
            "address: 127.0.0.1:6033, tls: { client_cert: optional }",
            "listen[0].tls.client_cert: needs a `client_ca`",
        ),
        (
            "auth: {",
            "auth: { certificates: [{ cert: /nowhere/c.pem, key: /nowhere/k.pem }],",
            "auth.certificates[0]: cannot read /nowhere/c.pem",
        ),
        ("auth: {", "auth: { certificates: [{ cert: /nowhere/c.pem }],", "missing field `key`"),
        ("address: 127.0.0.1:6033", "address: 127.0.0.1:6033, mode: '0660'", "only a unix socket has one"),
        ("secret }\nauth", "secret, heartbeat: { table: beat } }\nauth", "write splitfin.heartbeat"),
        ("monitor: {", "pool: { lanes: 4 }\nmonitor: {", "not supported yet"),
        ("monitor: {", "consistency: { scope: mine }\nmonitor: {", "unknown variant `mine`"),
        ("monitor: {", "consistency: { wait: 1m }\nmonitor: {", "consistency.wait: at most 10s"),
        ("monitor: {", "consistency: { max_waiting: 0 }\nmonitor: {", "must be at least 1"),
        ("monitor: {", "routing: { rules: [{ note: x }] }\nmonitor: {", "an `action`, a `consistency`, or both"),
    ] {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL);
        assert!(error(&text).contains(expected), "{}", error(&text));
    }
}

#[test]
fn certificates_for_servers_are_tried_and_none_is_for_the_same_clients_as_another() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), made.cert.pem()).unwrap();
        std::fs::write(folder.path().join(format!("{name}-key.pem")), made.signing_key.serialize_pem()).unwrap();
    };
    make("one");
    make("two");
    let path = folder.path().display();
    let entry =
        |cert: &str, key: &str, more: &str| format!("{{ cert: {path}/{cert}.pem, key: {path}/{key}.pem{more} }}");
    let with =
        |entries: &[String]| SMALL.replace("auth: {", &format!("auth: {{ certificates: [{}],", entries.join(",")));
    let (own, any) = (entry("one", "one-key", ""), entry("two", "two-key", ", for: any_client"));
    let config = Config::parse("f.yaml", &with(&[own.clone(), any.clone()])).unwrap();
    assert_eq!(config.certificates.iter().map(|certificate| certificate.for_any).collect::<Vec<_>>(), [false, true]);
    assert!(config.backends.iter().all(|backend| backend.tls.certificates == config.certificates));
    assert!(!format!("{config:?}").contains("KEY"));
    for (entries, expected) in [
        (vec![entry("one", "two-key", "")], "one.pem and its key"),
        (vec![entry("one-key", "one", "")], "no certificate in it"),
        (vec![any.clone(), any], "another one is for the same clients"),
        (vec![own.clone(), own], "another one is for the same clients"),
    ] {
        assert!(error(&with(&entries)).contains(expected), "{}", error(&with(&entries)));
    }
}

#[test]
fn consistency_has_defaults_that_go_with_the_monitor() {
    let config = Config::parse("f.yaml", SMALL).unwrap();
    assert_eq!(config.routing.scope, splitfin_router::Scope::Session);
    assert_eq!(config.consistency_wait, Duration::from_millis(50));
    assert_eq!(config.consistency_sticky, Duration::from_secs(8), "lag.max, and two probes that count");
    let text = SMALL.replace(
        "monitor: {",
        "consistency: { scope: user, sticky: 3s }\nrouting: { rules: [{ match: { user: reports }, consistency: off, note: late is fine }] }\nmonitor: {",
    );
    let config = Config::parse("f.yaml", &text).unwrap();
    assert_eq!(
        (config.routing.scope, config.consistency_sticky),
        (splitfin_router::Scope::User, Duration::from_secs(3))
    );
    assert_eq!(config.routing.rules[0].scope, Some(splitfin_router::Scope::Off));
}
