//! What a statement is, which servers may run it, and why.
//!
//! [`lexer`] cuts SQL into tokens without knowing its grammar; [`digest`] is a statement without its literals;
//! [`classify`] proves that a statement only reads, and calls everything else a write; [`Statements`] remembers the
//! answers; [`route()`] decides from a statement, a session's [`Facts`] and a snapshot. The router says who *may* serve;
//! who *does* is up to the pools, which know the load.

pub mod classify;
pub mod conditions;
pub mod consistency;
pub mod digest;
mod facts;
mod hint;
mod holdings;
mod kill;
pub mod lexer;
mod long_text;
mod lower;
mod offset;
mod parts;
mod read_only;
mod reason;
mod route;
mod rules;
mod scoped;
mod statement;
mod statements;
mod substitute;

pub use digest::Digest;
pub use facts::{Facts, Pins};
pub use hint::{Hint, HintError, MaxLag, Unreadable};
pub use holdings::Holdings;
pub use kill::{Kill, KillText};
pub use lexer::LexMode;
pub use long_text::LongText;
pub use offset::offset;
pub use parts::{count as count_statements, first_of_several, may_be_several};
pub use read_only::sets_read_only;
pub use reason::{Because, LABELS, Misses, Reason};
pub use route::{Access, Decision, Mode, Refusal, Settings, route};
pub use rules::{Action, Matcher, Rule, Scope, within};
pub use scoped::{ToldModes, scoped_modes};
pub use statement::{
    Asks, Change, Class, Effects, FoundRows, FoundRowsRule, Inserts, LastInsertId, Lasting, Leaves, Own, Processes,
    Statement, Tables, Verb, may_state,
};
pub use statements::{Lookup, Statements};
pub use substitute::{Known, put_threads, substitute, tells_connections};
