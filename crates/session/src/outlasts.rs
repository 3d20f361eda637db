//! What a disconnect ends and COM_RESET_CONNECTION does not. Where one of these holds, a connection is closed when its session
//! is through with it.
//!
//! Each kind of holding was tried on MariaDB 10.11 and MySQL 9.7: made, then reset or closed, then looked for by the same and
//! by another session. What is not listed was the same behind both: transactions that are not prepared, locks of every kind
//! (user, table, metadata, backup, instance), HANDLER, temporary tables and sequences, LASTVAL(), prepared statements, user
//! and session variables, packages, GTID_NEXT and its like, one-shot characteristics, warnings, counts.
//!
//! | What | MariaDB | MySQL | Here |
//! |---|---|---|---|
//! | XA, prepared | the reset loses it: XA COMMIT is answered with OK and writes nothing | fine if it was detached; with `xa_detach_on_prepare=OFF` the server crashes later | [`may_be_xa`] |
//! | BINLOG: the format that the next one is read by | stays | stays | [`LASTING`] |
//! | SET SESSION AUTHORIZATION | stays (12.0) | | [`LASTING`] |
//! | SET RESOURCE GROUP | | stays | [`LASTING`] |
//! | performance_schema.threads: whether it is instrumented | | stays | [`LASTING`] |
//! | SHOW PROFILES: the statements of before | stay | | [`LASTING`] |
//! | optimizer_trace: the statement of before | | stays | [`LASTING`] |
//! | Roles, the default database | stay | stay | by value: `backend::state` |
//! | FOUND_ROWS() | | stays | by value: `found_rows` |
//! | What init_connect did | is gone | is gone | `backend::renewal` |
//! | MAX_STATEMENT_TIME of the account | is gone | | `backend::renewal` |
//! | `wait_timeout` of interactive clients | becomes that of others | | `backend::renewal` |

use crate::job::{Job, Kind};
use splitfin_protocol::CommandByte;
use splitfin_router::{Because, Class, Effects, Pins};
use std::borrow::Cow;

/// Words that begin statements, and words that they have to have somewhere behind.
const LASTING: [(&str, &str); 8] = [
    ("binlog", ""),
    ("set", "resource group"),
    ("set", "session authorization"),
    ("set", "profiling"),
    ("set", "optimizer_trace"),
    ("update", "performance_schema"),
    ("call", "ps_setup"),
    ("call", "ps_trace"),
];

/// Whether a statement leaves on its connection what only a disconnect ends. `text` gives the statement as the client said it:
/// what it prepares or runs as a text is in there.
pub(crate) fn outlasts_reset<'t>(job: &Job<'_>, text: impl FnOnce() -> Cow<'t, [u8]>) -> bool {
    if matches!(job.kind, Kind::Prepare { .. }) || matches!(job.statement.class, Class::Read | Class::Diagnostics) {
        return false;
    }
    let known = &job.statement.text;
    let leaves = |(first, then): &(&str, &str)| known.starts_with(first) && known.contains(then);
    if LASTING.iter().any(leaves) {
        return true;
    }
    let hides = job.effects().contains(Effects::TEXT_PREPARE)
        || (job.effects().contains(Effects::UNREPORTED) && job.command == CommandByte::Query)
        || job.statement.class == Class::Write(Because::SeveralStatements);
    hides && {
        let text = String::from_utf8_lossy(&text()).to_ascii_lowercase();
        LASTING.iter().any(|(first, then)| text.contains(first) && text.contains(then))
    }
}

/// The pins behind a statement, as far as XA is concerned. Both families show an XA transaction as an open one for exactly as
/// long as it is the session's: MySQL to XA PREPARE, which detaches it, MariaDB to its end. What routines and texts open may
/// be one.
pub(crate) fn may_be_xa(pins: Pins, effects: Effects, in_transaction: bool) -> Pins {
    let began = effects.intersects(Effects::XA_START | Effects::UNREPORTED);
    let mut pins = pins;
    pins.set(Pins::XA, in_transaction && (began || pins.contains(Pins::XA)));
    pins
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_router::classify::classify;
    use splitfin_router::{LexMode, Statement};
    use std::rc::Rc;

    fn outlasts(text: &str) -> bool {
        let (class, effects) = classify(text.as_bytes(), LexMode::default());
        let mut statement = Statement::of_command(&text.to_ascii_lowercase(), class);
        statement.effects = effects;
        let (kind, statement) = (Kind::Plain, Rc::new(statement));
        let job = Job { command: CommandByte::Query, packet: &[], statement, hint: None, kind, and_rest: None };
        outlasts_reset(&job, || text.as_bytes().into())
    }

    #[test]
    fn what_only_a_disconnect_ends_is_known_by_its_text() {
        for text in [
            "BINLOG 'abc'",
            "SET RESOURCE GROUP rg",
            "SET SESSION AUTHORIZATION root",
            "SET profiling=1",
            "SET SESSION optimizer_trace='enabled=on'",
            "UPDATE performance_schema.threads SET INSTRUMENTED='NO'",
            "CALL sys.ps_setup_disable_thread(1)",
            "SELECT 1; BINLOG 'abc'",
            "PREPARE s FROM 'SET RESOURCE GROUP rg'",
            "EXECUTE IMMEDIATE 'BINLOG ''abc'''",
        ] {
            assert!(outlasts(text), "{text}");
        }
        for text in ["SELECT 'binlog'", "SET sql_mode=''", "UPDATE threads SET a=1", "CALL p()", "SHOW BINLOG EVENTS"] {
            assert!(!outlasts(text), "{text}");
        }
    }

    #[test]
    fn xa_holds_as_long_as_the_server_says_that_a_transaction_is_open() {
        let none = Effects::empty();
        assert_eq!(may_be_xa(Pins::empty(), Effects::XA_START, true), Pins::XA);
        assert_eq!(may_be_xa(Pins::XA, none, true), Pins::XA);
        assert_eq!(may_be_xa(Pins::XA, Effects::XA_END, true), Pins::XA, "it was refused, or was another one");
        assert_eq!(may_be_xa(Pins::XA, none, false), Pins::empty());
        assert_eq!(may_be_xa(Pins::empty(), Effects::XA_START, false), Pins::empty(), "it was refused");
        assert_eq!(may_be_xa(Pins::empty(), none, true), Pins::empty());
        assert_eq!(may_be_xa(Pins::empty(), Effects::UNREPORTED, true), Pins::XA, "a routine may have begun it");
    }
}
