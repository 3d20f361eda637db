//! What the router has to know of a session.

use bitflags::bitflags;
use std::fmt;

bitflags! {
    /// Reasons for which a session must keep its connection.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Pins: u32 {
        /// User variables were assigned.
        const USER_VARIABLE = 1;
        /// A temporary table exists.
        const TEMPORARY_TABLE = 1 << 1;
        /// Tables or the server are locked.
        const TABLE_LOCK = 1 << 2;
        /// GET_LOCK.
        const USER_LOCK = 1 << 3;
        /// HANDLER … OPEN.
        const HANDLER = 1 << 4;
        /// PREPARE as text.
        const TEXT_PREPARE = 1 << 5;
        /// XA START.
        const XA = 1 << 6;
        /// SET TRANSACTION for the next transaction.
        const ONE_SHOT_TRANSACTION = 1 << 7;
        /// Warnings, an error or row counts that the client may ask for next.
        const DIAGNOSTICS = 1 << 8;
        /// A variable was set that servers do not report.
        const UNTRACKED_VARIABLE = 1 << 9;
        /// The server refused to tell what a statement left in the session.
        const UNTOLD = 1 << 12;
        /// A cursor is open.
        const CURSOR = 1 << 10;
        /// Pieces of a parameter were sent.
        const LONG_DATA = 1 << 11;
        /// A sequence was drawn from.
        const SEQUENCE = 1 << 13;
        /// The server reported a change that nothing explains.
        const UNEXPLAINED_CHANGE = 1 << 14;
        /// LOCK INSTANCE FOR BACKUP, BACKUP STAGE or LOCK.
        const BACKUP_LOCK = 1 << 15;
        /// The account's password had expired at login: only this connection may set a new one.
        const EXPIRED_PASSWORD = 1 << 16;
    }
}

impl fmt::Display for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Pins, &str); 17] = [
            (Pins::USER_VARIABLE, "user variables"),
            (Pins::TEMPORARY_TABLE, "a temporary table"),
            (Pins::TABLE_LOCK, "table locks"),
            (Pins::USER_LOCK, "user locks"),
            (Pins::HANDLER, "an open HANDLER"),
            (Pins::TEXT_PREPARE, "a statement prepared as text"),
            (Pins::XA, "an XA transaction"),
            (Pins::ONE_SHOT_TRANSACTION, "SET TRANSACTION for the next transaction"),
            (Pins::DIAGNOSTICS, "errors or warnings that may be asked for"),
            (Pins::UNTRACKED_VARIABLE, "a variable that servers do not report"),
            (Pins::CURSOR, "an open cursor"),
            (Pins::LONG_DATA, "parameters sent in pieces"),
            (Pins::SEQUENCE, "a sequence"),
            (Pins::BACKUP_LOCK, "a backup lock"),
            (Pins::EXPIRED_PASSWORD, "an expired password"),
            (Pins::UNTOLD, "session state that the server refused to tell"),
            (Pins::UNEXPLAINED_CHANGE, "an unexplained change of session state"),
        ];
        let mut first = true;
        for (_, name) in NAMES.iter().filter(|(pin, _)| self.contains(*pin)) {
            f.write_str(if first { "" } else { ", " })?;
            f.write_str(name)?;
            first = false;
        }
        Ok(())
    }
}

/// What the router has to know of a session that holds no connection.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Account name.
    pub user: &'a str,
    /// Default database.
    pub database: Option<&'a str>,
    /// The client's address.
    pub client: Option<std::net::IpAddr>,
    /// Whether autocommit is on.
    pub autocommit: bool,
    /// Whether transactions are SERIALIZABLE.
    pub serializable: bool,
    /// Whether the session's transactions are READ ONLY from the start.
    pub read_only: bool,
    /// A number that differs from statement to statement, for `ramp`.
    pub sample: u64,
}

impl<'a> Facts<'a> {
    /// A session right after its login.
    pub const fn fresh(user: &'a str) -> Self {
        Self { user, database: None, client: None, autocommit: true, serializable: false, read_only: false, sample: 0 }
    }
}
