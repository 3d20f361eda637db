//! What is known of a statement, once and for all of its executions.

mod change;
mod found_rows;
mod last_insert_id;
mod lasting;
mod verb;

pub use change::Change;
pub use found_rows::{FoundRows, Rule as FoundRowsRule};
pub use last_insert_id::{Inserts, LastInsertId, may_state};
pub use lasting::Lasting;
pub use verb::Verb;

use crate::classify::judge;
use crate::digest::{Digest, Normaliser, normalise};
use crate::lexer::{LexMode, Lexer, Token};
use crate::reason::Because;
use crate::substitute::tells_connections;
use bitflags::bitflags;
use std::ops::BitOr;

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
    /// What a statement asks for that a connection which others use as well may not know.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Asks: u16 {
        /// LAST_INSERT_ID().
        const LAST_INSERT_ID = 1;
        /// What the session knows better than a connection: CONNECTION_ID(), ROW_COUNT() and the like.
        const OWN_VALUES = 1 << 1;
        /// How many warnings or errors there are.
        const CONDITION_COUNTS = 1 << 2;
        /// One of several statements, or one in the body of a program, asks for warnings or errors.
        const CONDITIONS = 1 << 3;
        /// Several statements, of which a later one asks for what a connection knows only if the session's values were on it before
        /// all: FOUND_ROWS() after what leaves it, `@@last_gtid`.
        const ONE_BY_ONE = 1 << 4;
        /// ROW_COUNT(), also in GET DIAGNOSTICS.
        const ROW_COUNT = 1 << 5;
        /// FOUND_ROWS()
        const FOUND_ROWS = 1 << 6;
        /// Which user locks there are; or it takes or releases some.
        const LOCKS = 1 << 7;
    }
}

bitflags! {
    /// What a statement leaves in the session, besides what servers report by themselves.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Leaves: u32 {
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
        /// SET ROLE.
        const ROLE = 1 << 13;
        /// Draws from a sequence, which LASTVAL() then knows.
        const SEQUENCE = 1 << 14;
        /// Says READ ONLY or READ WRITE of transactions: it must never reach a connection whose guard rests on that.
        const ACCESS_MODE = 1 << 15;
        /// Looks at, or sets, what the server reports of the session: SHOW VARIABLES and `session_track_*`.
        const TRACKING = 1 << 16;
        /// May set variables without MariaDB's reporting it: `SET @@name`, and what routines and texts do.
        const UNREPORTED = 1 << 17;
        /// LOCK INSTANCE FOR BACKUP, BACKUP STAGE START and the like.
        const BACKUP_LOCK = 1 << 18;
        /// UNLOCK INSTANCE, BACKUP STAGE END, BACKUP UNLOCK.
        const BACKUP_UNLOCK = 1 << 19;
        /// MariaDB's SET STATEMENT … FOR: servers report what it sets, but not that it is set back.
        const SCOPED_VARIABLES = 1 << 20;
        /// Leaves out rows, which FOUND_ROWS() counts.
        const SKIPS_ROWS = 1 << 21;
        /// Runs statements that its text does not show: CALL, EXECUTE, compound statements.
        const RUNS_OTHERS = 1 << 22;
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

/// A statement without its literals: all that anybody has to know of it, so that nobody else looks at its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Hash of the normalised text.
    pub digest: Digest,
    shown: Box<str>,
    /// What it does.
    pub verb: Verb,
    /// What it is.
    pub class: Class,
    /// What it asks for.
    pub asks: Asks,
    /// What it leaves behind.
    pub leaves: Leaves,
    /// Whether it uses a table.
    pub tables: Tables,
    /// What it makes of LAST_INSERT_ID().
    pub last_insert_id: LastInsertId,
    /// What it changes of accounts or databases.
    pub change: Option<Change>,
    /// Whether it leaves what only a disconnect ends.
    pub lasting: Lasting,
    /// Sessions that begin after it may have other defaults.
    pub sets_global: bool,
    /// It chooses the default database.
    pub chooses_database: bool,
    /// Which connections it shows, if it is about those of a server.
    pub processes: Option<Processes>,
    /// See [`Statement::found_rows`].
    found_rows: [FoundRows; 2],
}

/// What a statement shows of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processes {
    /// All of them, as SHOW PROCESSLIST does.
    List {
        /// FULL: statements are not cut.
        full: bool,
    },
    /// Some, in tables or functions.
    Ids,
}

/// What was judged of a statement by its tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged {
    pub(crate) class: Class,
    pub(crate) effects: Effects,
    pub(crate) tables: Tables,
}

/// What a statement asks for and leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effects {
    /// What it asks for.
    pub asks: Asks,
    /// What it leaves behind.
    pub leaves: Leaves,
}

impl BitOr for Effects {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self { asks: self.asks | other.asks, leaves: self.leaves | other.leaves }
    }
}

impl From<Leaves> for Effects {
    fn from(leaves: Leaves) -> Self {
        Self { leaves, ..Self::default() }
    }
}

/// How much of a normalised text is shown, in bytes.
const SHOWN: usize = 1024;

impl Statement {
    /// A command that is not SQL, under its name.
    pub fn of_command(name: &str, class: Class) -> Self {
        Self {
            digest: Digest::of(name.as_bytes()),
            shown: name.into(),
            verb: Verb::Other,
            class,
            asks: Asks::empty(),
            leaves: Leaves::empty(),
            tables: Tables::Unused,
            last_insert_id: LastInsertId::default(),
            change: None,
            lasting: Lasting::No,
            sets_global: false,
            chooses_database: false,
            processes: None,
            found_rows: [FoundRows::KEPT; 2],
        }
    }

    /// What `text` is. [`Statements`](crate::Statements) remembers it.
    pub fn of_text(text: &[u8], mode: LexMode) -> Self {
        let mut normalised = Vec::new();
        normalise(text, mode, &mut normalised);
        let tokens: Vec<Token<'_>> = Lexer::new(text, mode).collect();
        Self::of_tokens(&normalised, &tokens, judge(text, &tokens, mode))
    }

    /// A text with these tokens.
    pub(crate) fn of_tokens(normalised: &[u8], tokens: &[Token<'_>], judged: Judged) -> Self {
        // What an executable comment contains is code like any other.
        let code = tokens.iter().filter(|token| **token != Token::Executable);
        let mut text = Vec::with_capacity(normalised.len());
        let mut normaliser = Normaliser::default();
        code.for_each(|token| normaliser.push(*token, &mut text));
        let text = String::from_utf8_lossy(&text);
        let text = text.trim_end_matches([' ', ';']);
        let Judged { class, effects: Effects { leaves, .. }, .. } = judged;
        let last_insert_id = match class {
            // What is proven to read inserts nothing, whatever its columns are called.
            Class::Read | Class::Diagnostics => LastInsertId { inserts: None, ..LastInsertId::of(text) },
            _ => LastInsertId::of(text),
        };
        Self {
            verb: if class == Class::Write(Because::SeveralStatements) { Verb::Several } else { Verb::of(text) },
            last_insert_id,
            change: Change::of(class, text),
            lasting: Lasting::of(class, leaves, text),
            sets_global: sets_global(class, text),
            chooses_database: text.split(" ; ").any(|part| part.starts_with("use ")),
            processes: Processes::of(text),
            found_rows: [false, true].map(|mysql| FoundRows::of(text, mysql)),
            ..Self::unseen(normalised, judged)
        }
    }

    /// A text of which only the beginning was looked at.
    pub(crate) fn of_beginning(normalised: &[u8], first: &[Token<'_>], judged: Judged) -> Self {
        Self {
            last_insert_id: LastInsertId::UNKNOWN,
            found_rows: [FoundRows::UNKNOWN; 2],
            lasting: Lasting::Hidden,
            ..Self::of_tokens(normalised, first, judged)
        }
    }

    fn unseen(normalised: &[u8], judged: Judged) -> Self {
        let Judged { class, effects: Effects { asks, leaves }, tables } = judged;
        let shown = normalised.get(..SHOWN).unwrap_or(normalised);
        Self {
            digest: Digest::of(normalised),
            shown: String::from_utf8_lossy(shown).into(),
            asks,
            leaves,
            tables,
            ..Self::of_command("", class)
        }
    }

    /// The normalised text, cut after 1024 bytes: for people to read, not to be looked at for what it is.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// What FOUND_ROWS() is after it.
    pub const fn found_rows(&self, mysql: bool) -> FoundRows {
        self.found_rows[mysql as usize]
    }

    /// The same statement, taken for something else.
    #[must_use]
    pub fn taken_for(&self, class: Class) -> Self {
        Self { class, ..self.clone() }
    }
}

fn sets_global(class: Class, text: &str) -> bool {
    match class {
        Class::Write(Because::Administers) => text.starts_with("set "),
        Class::Write(Because::SeveralStatements) => {
            ["set global", "set persist", "set @@global", "set @@persist"].iter().any(|words| text.contains(words))
        }
        _ => false,
    }
}

impl Processes {
    fn of(text: &str) -> Option<Self> {
        match text {
            "show processlist" => return Some(Self::List { full: false }),
            "show full processlist" => return Some(Self::List { full: true }),
            _ => {}
        }
        let mut words = text.split([' ', '.', '`', '(', ')', ',']);
        words.any(|word| tells_connections(&word.to_ascii_lowercase())).then_some(Self::Ids)
    }
}
