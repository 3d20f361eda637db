//! What a disconnect ends and COM_RESET_CONNECTION does not. Where one of these holds, a connection is closed when its session
//! is through with it.
//!
//! Each kind of holding was tried on MariaDB 10.11 and MySQL 9.7: made, then reset or closed, then looked for by the same and
//! by another session. What is not listed was the same after both: transactions that are not prepared, locks of every kind
//! (user, table, metadata, backup, instance), HANDLER, temporary tables and sequences, LASTVAL(), prepared statements, user
//! and session variables, packages, GTID_NEXT and its like, one-shot characteristics, warnings, counts.
//!
//! | What | MariaDB | MySQL | Here |
//! |---|---|---|---|
//! | XA, prepared | the reset loses it: XA COMMIT is answered with OK and writes nothing | fine if it was detached; with `xa_detach_on_prepare=OFF` the server crashes later | [`may_be_xa`] |
//! | BINLOG: the format that the next one is read by | stays | stays | [`Lasting`] |
//! | SET SESSION AUTHORIZATION | stays (12.0) | | [`Lasting`] |
//! | SET RESOURCE GROUP | | stays | [`Lasting`] |
//! | performance_schema.threads: whether it is instrumented | | stays | [`Lasting`] |
//! | SHOW PROFILES: the statements of before | stay | | [`Lasting`] |
//! | optimizer_trace: the statement of before | | stays | [`Lasting`] |
//! | Roles, the default database | stay | stay | by value: `backend::state` |
//! | FOUND_ROWS() | | stays | by value: `found_rows` |
//! | What init_connect did | is gone | is gone | `backend::renewal` |
//! | MAX_STATEMENT_TIME of the account | is gone | | `backend::renewal` |
//! | `wait_timeout` of interactive clients | becomes that of others | | `backend::renewal` |

use crate::job::{Job, Kind};
use splitfin_protocol::CommandByte;
use splitfin_router::{Because, Class, Lasting, Leaves, Pins, Statement};
use std::borrow::Cow;

/// Whether a statement leaves on its connection what only a disconnect ends. `text` gives the statement as the client said it:
/// what it prepares or runs as a text is in there.
pub(crate) fn outlasts_reset<'t>(job: &Job<'_>, text: impl FnOnce() -> Cow<'t, [u8]>) -> bool {
    match job.statement.lasting {
        _ if matches!(job.kind, Kind::Prepare { .. }) => false,
        Lasting::No => false,
        Lasting::Yes => true,
        // Of an execution, the text was looked at when it was prepared.
        Lasting::Hidden if job.command != CommandByte::Query && !prepares_or_runs_several(&job.statement) => false,
        Lasting::Hidden => Lasting::hides_in(&text()),
    }
}

/// Whether an execution may have run what its text contains.
fn prepares_or_runs_several(statement: &Statement) -> bool {
    statement.leaves.contains(Leaves::TEXT_PREPARE) || statement.class == Class::Write(Because::SeveralStatements)
}

/// The pins after a statement, as far as XA is concerned. Both families show an XA transaction as an open one for exactly as
/// long as it is the session's: MySQL to XA PREPARE, which detaches it, MariaDB to its end. What routines and texts open may
/// be one.
pub(crate) fn may_be_xa(pins: Pins, leaves: Leaves, in_transaction: bool) -> Pins {
    let began = leaves.intersects(Leaves::XA_START | Leaves::UNREPORTED);
    let mut pins = pins;
    pins.set(Pins::XA, in_transaction && (began || pins.contains(Pins::XA)));
    pins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xa_holds_as_long_as_the_server_says_that_a_transaction_is_open() {
        let none = Leaves::empty();
        assert_eq!(may_be_xa(Pins::empty(), Leaves::XA_START, true), Pins::XA);
        assert_eq!(may_be_xa(Pins::XA, none, true), Pins::XA);
        assert_eq!(may_be_xa(Pins::XA, Leaves::XA_END, true), Pins::XA, "it was refused, or was another one");
        assert_eq!(may_be_xa(Pins::XA, none, false), Pins::empty());
        assert_eq!(may_be_xa(Pins::empty(), Leaves::XA_START, false), Pins::empty(), "it was refused");
        assert_eq!(may_be_xa(Pins::empty(), none, true), Pins::empty());
        assert_eq!(may_be_xa(Pins::empty(), Leaves::UNREPORTED, true), Pins::XA, "a routine may have begun it");
    }
}
