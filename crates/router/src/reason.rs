//! Why a statement went where it went: one type for log, metric, admin and offline explanation. A reason is a row of one of
//! the two tables; all that depends on it is a column there.

use crate::facts::Pins;
use std::fmt;
use std::sync::Arc;

/// What a read on the primary misses that a replica would have to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misses {
    /// No replica is fit, or none answers.
    Fitness,
    /// None is as far as the session must see.
    Freshness,
    /// Nobody knows how far that is.
    Certainty,
    /// The configuration does not let it go there yet.
    Permission,
}

macro_rules! because {
    ($($(#[$doc:meta])* $name:ident = $label:literal, $text:literal;)*) => {
        /// Why a statement is not a proven read.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Because { $($(#[$doc])* $name,)* }

        impl Because {
            const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        const BECAUSE: &[Because] = &[$(Because::$name),*];
    };
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $(($inner:ty))? = $label:literal, $text:literal, $misses:expr;)*) => {
        /// Why a statement went where it went.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Reason { $($(#[$doc])* $name $(($inner))?,)* }

        /// The rows, by number.
        enum Row { $($name,)* }

        const ROWS: &[&str] = &[$($label),*];

        impl Reason {
            const fn row(&self) -> usize {
                match self { $(Self::$name { .. } => Row::$name as usize,)* }
            }

            const fn text(&self) -> &'static str {
                match self { $(Self::$name { .. } => $text,)* }
            }

            /// What it misses, if it is a read on the primary that belongs on a replica.
            pub const fn misses(&self) -> Option<Misses> {
                match self { $(Self::$name { .. } => $misses,)* }
            }
        }
    };
}

because! {
        /// INSERT, UPDATE, DELETE, REPLACE, LOAD, CALL, …
        ChangesData = "changes_data", "changes data";
        /// CREATE, ALTER, DROP, GRANT, …
        ChangesSchema = "changes_schema", "changes the schema or accounts";
        /// FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
        LocksRows = "locks_rows", "locks the rows it reads";
        /// LOCK TABLES, GET_LOCK, …
        TakesLock = "takes_lock", "takes a lock";
        /// SELECT … INTO.
        IntoTarget = "into_target", "writes its result with INTO";
        /// `:=` or SET of a user variable.
        AssignsVariable = "assigns_variable", "assigns a user variable";
        /// A function that is not built in, or one with side effects.
        UnknownFunction = "unknown_function", "calls a function that is not known to only read";
        /// NEXTVAL and the like.
        Sequence = "sequence", "uses a sequence";
        /// LAST_INSERT_ID(), which the primary's connection knows.
        LastInsertId = "last_insert_id", "asks for the last insert id";
        /// What is asked for differs from server to server.
        ServerLocal = "server_local", "asks for what differs from server to server";
        /// Several statements in one.
        SeveralStatements = "several_statements", "several statements in one";
        /// A comment whose content servers execute.
        ExecutableComment = "executable_comment", "has a comment that servers execute";
        /// SET GLOBAL, FLUSH, RESET, …
        Administers = "administers", "administers the server";
        /// The session's character set or mode cannot be read byte by byte.
        UnsafeCharset = "unsafe_charset", "the session's character set or sql_mode cannot be proven";
        /// It is too long to be looked at as a whole.
        TooLong = "too_long", "it is too long to be looked at as a whole";
        /// The second parser found a write in what looked like a read.
        SecondOpinion = "second_opinion", "the second parser found a write in it";
        /// A server refused it as a read before.
        Learned = "learned", "a replica refused it as a write before";
        /// Nothing proves that it only reads.
        Unproven = "unproven", "nothing proves that it only reads";
}

reasons! {
        /// A read, on a fit replica.
        Read = "read", "only reads", None;
        /// A read, on the primary, as no replica is fit.
        NoFitReplica = "no_fit_replica", "only reads, but no replica is fit", Some(Misses::Fitness);
        /// A read, on the primary, as every fit replica failed it.
        ReplicasFailed = "replicas_failed", "only reads, but every fit replica failed it", Some(Misses::Fitness);
        /// A read, on the primary, as no replica has what the session must see, nor will have it in time.
        Behind = "replicas_behind", "only reads, but no replica has what the session must see", Some(Misses::Freshness);
        /// A read, on the primary, as the replica that waited for what the session must see did not get it in time.
        WaitedInVain = "waited_in_vain", "only reads, but a replica did not get what the session must see in time", Some(Misses::Freshness);
        /// A read, on the primary, as the position of a write is not known.
        PositionUnknown = "position_unknown", "only reads, but the position of a write before it is not known", Some(Misses::Certainty);
        /// A read, on the primary, as the session has read there, or on a server that is gone: no replica is known to be as far.
        ReadOnPrimary = "read_on_primary", "only reads, but no replica is known to be as far as the session has read before", Some(Misses::Certainty);
        /// Session state.
        Session = "session", "session state", None;
        /// The start of a transaction, or part of one.
        Transaction = "transaction", "in a transaction", None;
        /// The start of a READ ONLY transaction, or part of one.
        ReadOnlyTransaction = "read_only_transaction", "in a READ ONLY transaction", None;
        /// The session holds its connection.
        Pinned(Pins) = "pinned", "the session holds its connection", None;
        /// Autocommit is off, so anything opens a transaction.
        AutocommitOff = "autocommit_off", "autocommit is off", None;
        /// SERIALIZABLE reads take locks.
        Serializable = "serializable", "SERIALIZABLE reads take locks", None;
        /// Asks for what the statement before left.
        Diagnostics = "diagnostics", "asks for what the statement before left behind", None;
        /// A hint in the statement said so.
        Hint = "hint", "a hint says so", None;
        /// A rule of the configuration said so.
        Rule(Arc<str>) = "rule", "rule", None;
        /// `routing.mode: observe`: reads stay on the primary; a replica would have taken this one.
        Observe = "observe", "routing.mode is observe; a replica would have taken it", Some(Misses::Permission);
        /// `routing.mode: ramp`: this read is not in the share yet.
        Ramp = "ramp", "routing.mode is ramp; not in the share yet", None;
        /// Splitfin answered.
        Own = "own", "answered by Splitfin", None;
        /// A write, or not a proven read. Its label and text are those of what it contains.
        Write(Because) = "write", "writes", None;
}

/// All labels of [`Reason`], in the order of [`Reason::index`].
pub const LABELS: [&str; WRITES + BECAUSE.len()] = {
    let mut labels = [""; WRITES + BECAUSE.len()];
    let mut at = 0;
    while at < labels.len() {
        labels[at] = if at < WRITES { ROWS[at] } else { BECAUSE[at - WRITES].label() };
        at += 1;
    }
    labels
};

/// Where the labels of [`Because`] start in [`LABELS`]: in the place of the last row, which has none of its own.
const WRITES: usize = Row::Write as usize;

impl Reason {
    /// A short name that never changes: metric label and log field.
    pub const fn label(&self) -> &'static str {
        LABELS[self.index()]
    }

    /// Place of the label in [`LABELS`], for tables of counters.
    pub const fn index(&self) -> usize {
        match self {
            Self::Write(because) => WRITES + *because as usize,
            other => other.row(),
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(because) => because.fmt(f),
            Self::Pinned(pins) => write!(f, "{}: {pins}", self.text()),
            Self::Rule(note) => write!(f, "{}: {note}", self.text()),
            other => f.write_str(other.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_there_once() {
        for (at, label) in LABELS.iter().enumerate() {
            assert!(!LABELS[..at].contains(label), "{label}");
            assert!(label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{label}");
        }
        assert!(!LABELS.contains(&"write"), "writes have the labels of what they do");
        assert_eq!(Reason::Write(Because::ChangesData).label(), "changes_data");
        assert_eq!(Reason::Write(Because::Unproven).label(), "unproven");
        assert_eq!(Reason::Own.label(), "own");
    }

    #[test]
    fn reasons_with_something_in_them_tell_it() {
        let pinned = Reason::Pinned(Pins::CURSOR);
        assert_eq!((pinned.label(), LABELS[pinned.index()]), ("pinned", "pinned"));
        assert!(pinned.to_string().starts_with("the session holds its connection: "));
        assert_eq!(Reason::Rule("reports".into()).to_string(), "rule: reports");
        assert_eq!(Reason::Write(Because::Sequence).to_string(), "uses a sequence");
        assert_eq!(Reason::Read.to_string(), "only reads");
    }
}
