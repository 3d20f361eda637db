//! Why a statement went where it went: one type for log, metric, admin and offline explanation.

use crate::facts::Pins;
use std::fmt;

/// Why a statement is not a proven read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Because {
    /// INSERT, UPDATE, DELETE, REPLACE, LOAD, CALL, …
    ChangesData,
    /// CREATE, ALTER, DROP, GRANT, …
    ChangesSchema,
    /// FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
    LocksRows,
    /// LOCK TABLES, GET_LOCK, …
    TakesLock,
    /// SELECT … INTO.
    IntoTarget,
    /// `:=` or SET of a user variable.
    AssignsVariable,
    /// A function that is not built in, or one with side effects.
    UnknownFunction,
    /// NEXTVAL and the like.
    Sequence,
    /// LAST_INSERT_ID(), which the primary's connection knows.
    LastInsertId,
    /// What is asked for differs from server to server.
    ServerLocal,
    /// Several statements in one.
    SeveralStatements,
    /// A comment whose content servers execute.
    ExecutableComment,
    /// SET GLOBAL, FLUSH, RESET, …
    Administers,
    /// The session's character set or mode cannot be read byte by byte.
    UnsafeCharset,
    /// It is too long to be looked at as a whole.
    TooLong,
    /// The second parser found a write in what looked like a read.
    SecondOpinion,
    /// A server refused it as a read before.
    Learned,
    /// Nothing proves that it only reads.
    Unproven,
}

impl Because {
    const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::ChangesData => ("changes_data", "changes data"),
            Self::ChangesSchema => ("changes_schema", "changes the schema or accounts"),
            Self::LocksRows => ("locks_rows", "locks the rows it reads"),
            Self::TakesLock => ("takes_lock", "takes a lock"),
            Self::IntoTarget => ("into_target", "writes its result with INTO"),
            Self::AssignsVariable => ("assigns_variable", "assigns a user variable"),
            Self::UnknownFunction => ("unknown_function", "calls a function that is not known to only read"),
            Self::Sequence => ("sequence", "uses a sequence"),
            Self::LastInsertId => ("last_insert_id", "asks for the last insert id"),
            Self::ServerLocal => ("server_local", "asks for what differs from server to server"),
            Self::SeveralStatements => ("several_statements", "several statements in one"),
            Self::ExecutableComment => ("executable_comment", "has a comment that servers execute"),
            Self::Administers => ("administers", "administers the server"),
            Self::UnsafeCharset => ("unsafe_charset", "the session's character set or sql_mode cannot be proven"),
            Self::TooLong => ("too_long", "it is too long to be looked at as a whole"),
            Self::SecondOpinion => ("second_opinion", "the second parser found a write in it"),
            Self::Learned => ("learned", "a replica refused it as a write before"),
            Self::Unproven => ("unproven", "nothing proves that it only reads"),
        }
    }
}

/// Why a statement went where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A read, on a fit replica.
    Read,
    /// A read, on the primary, as no replica is fit.
    NoFitReplica,
    /// A read, on the primary, as every fit replica failed it.
    ReplicasFailed,
    /// A read, on the primary, as no replica has what the session must see, nor will have it in time.
    Behind,
    /// A read, on the primary, as the replica that waited for what the session must see did not get it in time.
    WaitedInVain,
    /// A read, on the primary, as the position of a write is not known.
    PositionUnknown,
    /// A read, on the primary, as the session has read there, or on a server that is gone: no replica is known to be as
    /// far.
    ReadOnPrimary,
    /// A write, or not a proven read.
    Write(Because),
    /// Session state.
    Session,
    /// The start of a transaction, or part of one.
    Transaction,
    /// The start of a READ ONLY transaction, or part of one.
    ReadOnlyTransaction,
    /// The session holds its connection.
    Pinned(Pins),
    /// `pool.mode: session` holds the connection.
    SessionPool,
    /// Autocommit is off, so anything opens a transaction.
    AutocommitOff,
    /// SERIALIZABLE reads take locks.
    Serializable,
    /// Asks for what the statement before left behind.
    Diagnostics,
    /// A hint in the statement said so.
    Hint,
    /// A rule of the configuration said so.
    Rule(std::sync::Arc<str>),
    /// `routing.mode: observe`: reads stay on the primary; a replica would have taken this one.
    Observe,
    /// `routing.mode: ramp`: this read is not in the share yet.
    Ramp,
    /// Splitfin answered.
    Own,
}

impl Reason {
    /// A short name that never changes: metric label and log field.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::NoFitReplica => "no_fit_replica",
            Self::ReplicasFailed => "replicas_failed",
            Self::Behind => "replicas_behind",
            Self::WaitedInVain => "waited_in_vain",
            Self::PositionUnknown => "position_unknown",
            Self::ReadOnPrimary => "read_on_primary",
            Self::Write(because) => because.text().0,
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::ReadOnlyTransaction => "read_only_transaction",
            Self::Pinned(_) => "pinned",
            Self::SessionPool => "session_pool",
            Self::AutocommitOff => "autocommit_off",
            Self::Serializable => "serializable",
            Self::Diagnostics => "diagnostics",
            Self::Hint => "hint",
            Self::Rule(_) => "rule",
            Self::Observe => "observe",
            Self::Ramp => "ramp",
            Self::Own => "own",
        }
    }
}

/// All labels of [`Reason`], in the order of [`Reason::index`].
pub const LABELS: [&str; 38] = [
    "read",
    "no_fit_replica",
    "replicas_failed",
    "session",
    "transaction",
    "read_only_transaction",
    "pinned",
    "session_pool",
    "autocommit_off",
    "serializable",
    "diagnostics",
    "hint",
    "rule",
    "observe",
    "ramp",
    "own",
    "replicas_behind",
    "waited_in_vain",
    "position_unknown",
    "read_on_primary",
    "changes_data",
    "changes_schema",
    "locks_rows",
    "takes_lock",
    "into_target",
    "assigns_variable",
    "unknown_function",
    "sequence",
    "last_insert_id",
    "server_local",
    "several_statements",
    "executable_comment",
    "administers",
    "unsafe_charset",
    "too_long",
    "second_opinion",
    "learned",
    "unproven",
];

impl Reason {
    /// Place of the label in [`LABELS`], for tables of counters.
    pub const fn index(&self) -> usize {
        match self {
            Self::Read => 0,
            Self::NoFitReplica => 1,
            Self::ReplicasFailed => 2,
            Self::Session => 3,
            Self::Transaction => 4,
            Self::ReadOnlyTransaction => 5,
            Self::Pinned(_) => 6,
            Self::SessionPool => 7,
            Self::AutocommitOff => 8,
            Self::Serializable => 9,
            Self::Diagnostics => 10,
            Self::Hint => 11,
            Self::Rule(_) => 12,
            Self::Observe => 13,
            Self::Ramp => 14,
            Self::Own => 15,
            Self::Behind => 16,
            Self::WaitedInVain => 17,
            Self::PositionUnknown => 18,
            Self::ReadOnPrimary => 19,
            Self::Write(because) => WRITES + *because as usize,
        }
    }
}

/// Where the labels of [`Because`] start in [`LABELS`].
const WRITES: usize = 20;

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().1)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("only reads"),
            Self::NoFitReplica => f.write_str("only reads, but no replica is fit"),
            Self::ReplicasFailed => f.write_str("only reads, but every fit replica failed it"),
            Self::Behind => f.write_str("only reads, but no replica has what the session must see"),
            Self::WaitedInVain => {
                f.write_str("only reads, but a replica did not get what the session must see in time")
            }
            Self::PositionUnknown => f.write_str("only reads, but the position of a write before it is not known"),
            Self::ReadOnPrimary => {
                f.write_str("only reads, but no replica is known to be as far as the session has read before")
            }
            Self::Write(because) => because.fmt(f),
            Self::Session => f.write_str("session state"),
            Self::Transaction => f.write_str("in a transaction"),
            Self::ReadOnlyTransaction => f.write_str("in a READ ONLY transaction"),
            Self::Pinned(pins) => write!(f, "the session holds its connection: {pins}"),
            Self::SessionPool => f.write_str("pool.mode is session"),
            Self::AutocommitOff => f.write_str("autocommit is off"),
            Self::Serializable => f.write_str("SERIALIZABLE reads take locks"),
            Self::Diagnostics => f.write_str("asks for what the statement before left behind"),
            Self::Hint => f.write_str("a hint says so"),
            Self::Rule(note) => write!(f, "rule: {note}"),
            Self::Observe => f.write_str("routing.mode is observe; a replica would have taken it"),
            Self::Ramp => f.write_str("routing.mode is ramp; not in the share yet"),
            Self::Own => f.write_str("answered by Splitfin"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_label_agree() {
        let writes = [
            Because::ChangesData,
            Because::LocksRows,
            Because::LastInsertId,
            Because::TooLong,
            Because::SecondOpinion,
            Because::Learned,
            Because::Unproven,
        ];
        let others = [
            Reason::Read,
            Reason::Session,
            Reason::Pinned(Pins::CURSOR),
            Reason::Rule("x".into()),
            Reason::Own,
            Reason::Behind,
            Reason::WaitedInVain,
            Reason::PositionUnknown,
            Reason::ReadOnPrimary,
        ];
        for reason in writes.map(Reason::Write).into_iter().chain(others) {
            assert_eq!(LABELS[reason.index()], reason.label());
        }
    }
}
