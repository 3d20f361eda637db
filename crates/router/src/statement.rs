//! What is known of a statement, once and for all of its executions.

use crate::digest::Digest;
use crate::reason::Because;
use bitflags::bitflags;

/// What has to be known to route a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It only reads: any server that is fit may run it.
    Read,
    /// It writes, or nothing proves that it does not.
    Write(Because),
    /// It changes or asks for the session's state only: the primary by preference, any server if there is none.
    Session,
    /// It starts a transaction.
    Begin {
        /// READ ONLY or READ WRITE, if either was said.
        read_only: Option<bool>,
    },
    /// It asks for what the statement before it left behind (warnings, row counts): the same connection.
    Diagnostics,
    /// It ends a session or a statement of another connection.
    Kill,
    /// Splitfin answers it.
    Own(Own),
}

/// Statements that no server sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// `SHOW SPLITFIN ROUTE`: the session's last decision.
    ShowRoute,
    /// `SHOW SPLITFIN POSITION`: what the session must see, for others to continue from.
    ShowPosition,
}

bitflags! {
    /// What a statement leaves behind in the session, beside what servers report by themselves.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Effects: u32 {
        /// Assigns user variables.
        const USER_VARIABLE = 1;
        /// Creates a temporary table.
        const TEMPORARY_TABLE = 1 << 1;
        /// LOCK TABLES, FLUSH TABLES WITH READ LOCK.
        const TABLE_LOCK = 1 << 2;
        /// UNLOCK TABLES.
        const TABLE_UNLOCK = 1 << 3;
        /// GET_LOCK and its relatives.
        const USER_LOCK = 1 << 4;
        /// RELEASE_ALL_LOCKS.
        const USER_UNLOCK = 1 << 5;
        /// HANDLER … OPEN.
        const HANDLER = 1 << 6;
        /// PREPARE as text.
        const TEXT_PREPARE = 1 << 7;
        /// XA START.
        const XA_START = 1 << 8;
        /// XA COMMIT or ROLLBACK.
        const XA_END = 1 << 9;
        /// SET TRANSACTION for the next transaction only.
        const ONE_SHOT_TRANSACTION = 1 << 10;
        /// SQL_CALC_FOUND_ROWS.
        const CALC_FOUND_ROWS = 1 << 11;
        /// Sets a variable that servers do not report.
        const UNTRACKED_VARIABLE = 1 << 12;
        /// Asks for LAST_INSERT_ID().
        const LAST_INSERT_ID = 1 << 13;
        /// SET ROLE.
        const ROLE = 1 << 14;
        /// Draws from a sequence, which LASTVAL() then knows.
        const SEQUENCE = 1 << 15;
        /// Says READ ONLY or READ WRITE of transactions: it must never reach a connection whose guard rests on that.
        const ACCESS_MODE = 1 << 16;
        /// Looks at, or sets, what the server reports of the session: SHOW VARIABLES and `session_track_*`.
        const TRACKING = 1 << 17;
        /// May set variables without MariaDB's reporting it: `SET @@name`, and what routines and texts do.
        const UNREPORTED = 1 << 18;
        /// Asks for what the session knows better than a connection: CONNECTION_ID(), ROW_COUNT() and the like.
        const OWN_VALUES = 1 << 19;
        /// LOCK INSTANCE FOR BACKUP, BACKUP STAGE START and the like.
        const BACKUP_LOCK = 1 << 20;
        /// UNLOCK INSTANCE, BACKUP STAGE END, BACKUP UNLOCK.
        const BACKUP_UNLOCK = 1 << 21;
        /// MariaDB's SET STATEMENT … FOR: servers report what it sets, but not that it is set back.
        const SCOPED_VARIABLES = 1 << 22;
        /// Asks how many warnings or errors there are.
        const CONDITION_COUNTS = 1 << 23;
        /// One of several statements, or one in the body of a program, asks for warnings or errors.
        const ASKS_CONDITIONS = 1 << 24;
        /// Several statements, of which a later one asks for what a connection knows only if the session's values were on it in
        /// front of all: FOUND_ROWS() behind what leaves it, `@@last_gtid`.
        const ONE_BY_ONE = 1 << 25;
        /// Leaves out rows, which FOUND_ROWS() counts.
        const SKIPS_ROWS = 1 << 26;
        /// Runs statements that its text does not show: CALL, EXECUTE, compound statements.
        const RUNS_OTHERS = 1 << 27;
        /// Inserts rows, for which ids may be generated.
        const INSERTS = 1 << 28;
        /// Loads rows: its reply tells no id.
        const LOADS = 1 << 29;
    }
}

/// Whether a statement uses a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// It uses one, or what counts as one.
    Used,
    /// It uses none.
    Unused,
    /// Its text does not tell.
    Unknown,
}

/// A statement without its literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Hash of `text`.
    pub digest: Digest,
    /// Normalised text, cut after 1024 bytes.
    pub text: Box<str>,
    /// What it is.
    pub class: Class,
    /// What it leaves behind.
    pub effects: Effects,
    /// Whether it uses a table.
    pub tables: Tables,
}

/// How much of the normalised text is kept for logs, in bytes.
pub(crate) const TEXT: usize = 1024;

impl Statement {
    /// How much of a text there is at most, in bytes: one of this length may go on.
    pub const LONGEST_TEXT: usize = TEXT;

    /// A command that is not SQL, under its name.
    pub fn of_command(name: &str, class: Class) -> Self {
        let (digest, effects) = (Digest::of(name.as_bytes()), Effects::empty());
        Self { digest, text: name.into(), class, effects, tables: Tables::Unused }
    }
}
