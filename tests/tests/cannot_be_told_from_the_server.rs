//! Promise: no client can tell Splitfin from the server. The same scripts run on a server and through Splitfin, and
//! every packet that comes back is compared.

use splitfin_protocol::Capabilities;
use splitfin_tests::differential::{Script, Variant, compare, spend_ids};
use splitfin_tests::{Family, Stage, Told, ZLIB, ZSTD};

const SCRIPTS: [(&str, &str); 8] = [
    ("session_state", include_str!("../scripts/session_state.sql")),
    ("pins", include_str!("../scripts/pins.sql")),
    ("warnings", include_str!("../scripts/warnings.sql")),
    ("transactions", include_str!("../scripts/transactions.sql")),
    ("prepared", include_str!("../scripts/prepared.sql")),
    ("protocol", include_str!("../scripts/protocol.sql")),
    ("ids", include_str!("../scripts/ids.sql")),
    ("own_questions", include_str!("../scripts/own_questions.sql")),
];

/// What the issue of a topic is worth: no script is shorter.
const LEAST_STEPS: usize = 300;

async fn told_alike(family: Family, more: &str, topics: &[&str], variants: &[Variant]) -> Told {
    let stage = Stage::with(family, more).await?;
    spend_ids(&stage).await?;
    let mut told = String::new();
    let mut count = 0;
    for (topic, text) in scripts(topics)? {
        let script = Script::parse(&topic, &text, family)?;
        let is_whole = SCRIPTS.iter().any(|(known, _)| *known == topic);
        assert!(!is_whole || script.steps.len() >= LEAST_STEPS, "{topic} has {} steps", script.steps.len());
        for variant in variants {
            let differences = compare(&stage, &script, *variant).await?;
            count += differences.len();
            for difference in differences {
                told += &format!("{topic} {variant:?}\n  {difference}");
            }
        }
    }
    match count {
        0 => Ok(()),
        _ => Err(format!("{count} differences\n{told}").into()),
    }
}

/// All scripts, or, while looking for the cause of a difference, `SPLITFIN_TOPIC=pins` or `SPLITFIN_SCRIPT=/some/file`.
fn scripts(topics: &[&str]) -> Result<Vec<(String, String)>, std::io::Error> {
    if let Ok(path) = std::env::var("SPLITFIN_SCRIPT") {
        return Ok(vec![(path.clone(), std::fs::read_to_string(path)?)]);
    }
    let only = std::env::var("SPLITFIN_TOPIC").ok();
    let wanted = |topic: &str| match &only {
        Some(only) => topic == only,
        None => topics.is_empty() || topics.contains(&topic),
    };
    let chosen = SCRIPTS.into_iter().filter(|(topic, _)| wanted(topic));
    Ok(chosen.map(|(topic, text)| (topic.to_owned(), text.to_owned())).collect())
}

fn run(family: Family, more: &str, variants: &[Variant]) {
    splitfin_tests::block_on(told_alike(family, more, &[], variants));
}

/// Thousands of statements need no line each.
const QUIET: &str = "log: { routes: off, level: error }";
const HELD: &str = "pool: { mode: session }\nlog: { routes: off, level: error }";
const TEXT: Variant = Variant { prepared: false, classic: false, tls: false, compression: Capabilities::empty() };
const PREPARED: Variant = Variant { prepared: true, ..TEXT };
/// As PyMySQL and PHP talk, with TLS.
const CLASSIC: Variant = Variant { classic: true, tls: true, ..TEXT };

#[test]
fn as_text_mariadb() {
    run(Family::Mariadb, QUIET, &[TEXT, CLASSIC]);
}

#[test]
fn as_text_mysql() {
    run(Family::Mysql, QUIET, &[TEXT, CLASSIC]);
}

#[test]
fn as_prepared_mariadb() {
    run(Family::Mariadb, QUIET, &[PREPARED, Variant { prepared: true, ..CLASSIC }]);
}

#[test]
fn as_prepared_mysql() {
    run(Family::Mysql, QUIET, &[PREPARED, Variant { prepared: true, ..CLASSIC }]);
}

#[test]
fn with_pool_mode_session_mariadb() {
    run(Family::Mariadb, HELD, &[TEXT, Variant { prepared: true, ..CLASSIC }]);
}

#[test]
fn with_pool_mode_session_mysql() {
    run(Family::Mysql, HELD, &[TEXT, Variant { prepared: true, ..CLASSIC }]);
}

const SQUEEZED: Variant = Variant { compression: Capabilities::COMPRESS, ..TEXT };

#[test]
fn compressed_mariadb() {
    let more = format!("{QUIET}\n{ZLIB}");
    run(
        Family::Mariadb,
        &more,
        &[SQUEEZED, Variant { prepared: true, compression: Capabilities::COMPRESS, ..CLASSIC }],
    );
}

#[test]
fn compressed_mysql() {
    let more = format!("{QUIET}\n{ZSTD}");
    let zstd = Variant { compression: Capabilities::ZSTD_COMPRESSION, ..TEXT };
    run(Family::Mysql, &more, &[zstd, Variant { prepared: true, compression: Capabilities::COMPRESS, ..CLASSIC }]);
}
