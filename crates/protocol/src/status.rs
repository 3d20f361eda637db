//! The status flags of OK and EOF packets.

use bitflags::bitflags;

bitflags! {
    /// Server status, from `SERVER_STATUS_*` of `mysql_com.h`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Status: u16 {
        /// A transaction is open.
        const IN_TRANS = 0x0001;
        /// Autocommit is on.
        const AUTOCOMMIT = 0x0002;
        /// Another result follows this one.
        const MORE_RESULTS = 0x0008;
        /// A cursor was opened for this statement.
        const CURSOR_EXISTS = 0x0040;
        /// The cursor has no more rows.
        const LAST_ROW_SENT = 0x0080;
        /// The default database was dropped.
        const DB_DROPPED = 0x0100;
        /// `sql_mode` has NO_BACKSLASH_ESCAPES.
        const NO_BACKSLASH_ESCAPES = 0x0200;
        /// Result metadata differ from what PREPARE said.
        const METADATA_CHANGED = 0x0400;
        /// The result is the OUT parameters of a procedure.
        const PS_OUT_PARAMS = 0x1000;
        /// The open transaction is READ ONLY.
        const IN_TRANS_READONLY = 0x2000;
        /// Session-track entries follow in this OK packet.
        const SESSION_STATE_CHANGED = 0x4000;
        /// `sql_mode` has ANSI_QUOTES (MariaDB only).
        const ANSI_QUOTES = 0x8000;
        /// Bits that need no name here are kept as they came.
        const _ = !0;
    }
}

impl Status {
    /// What lasts from one statement to the next; the rest speaks of one statement only.
    pub const LASTING: Self = Self::IN_TRANS
        .union(Self::AUTOCOMMIT)
        .union(Self::NO_BACKSLASH_ESCAPES)
        .union(Self::IN_TRANS_READONLY)
        .union(Self::ANSI_QUOTES);
}
