//! SET, and what statements leave behind by their first words.

use super::{read, word};
use crate::lexer::Token;
use crate::lower::lower;
use crate::reason::Because;
use crate::statement::{Class, Leaves};

/// Session variables that both families report when they change, as Splitfin asks them to. Connections are handed from
/// one session to another by the values of these; setting any other one pins the session.
pub const TRACKED_VARIABLES: [&str; 32] = [
    "autocommit",
    "auto_increment_increment",
    "auto_increment_offset",
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
    "completion_type",
    "default_week_format",
    "div_precision_increment",
    "foreign_key_checks",
    "group_concat_max_len",
    "innodb_lock_wait_timeout",
    "interactive_timeout",
    "join_buffer_size",
    "lc_messages",
    "lc_time_names",
    "lock_wait_timeout",
    "max_join_size",
    "max_sort_length",
    "net_read_timeout",
    "net_write_timeout",
    "optimizer_switch",
    "sort_buffer_size",
    "sql_auto_is_null",
    "sql_big_selects",
    "sql_mode",
    "sql_safe_updates",
    "sql_select_limit",
    "time_zone",
    "unique_checks",
    "wait_timeout",
];

/// The names of tracked variables that differ between versions.
pub const TRACKED_UNDER_TWO_NAMES: [&str; 4] =
    ["tx_isolation", "transaction_isolation", "tx_read_only", "transaction_read_only"];

/// Of these, those whose defaults belong to a server, not to a session's look: which numbers it may give out, how much memory
/// it has, what its version's optimizer can do.
pub const DEFAULT_OF_SERVER: [&str; 5] =
    ["auto_increment_increment", "auto_increment_offset", "join_buffer_size", "optimizer_switch", "sort_buffer_size"];

/// Whether it is known by value. What clients set of tracking is read back.
pub(super) fn is_tracked(name: &str) -> bool {
    TRACKED_VARIABLES.contains(&name) || TRACKED_UNDER_TWO_NAMES.contains(&name) || name.starts_with("session_track_")
}

/// The class of a SET statement.
pub(super) fn set(tokens: &[Token<'_>]) -> Class {
    let rest = tokens.get(1..).unwrap_or_default();
    if rest.first().is_some_and(|token| token.is_word("statement")) {
        return set_statement(rest);
    }
    let global = rest.first().is_some_and(|token| token.is_word("global"));
    let mut class = match global && rest.get(1).is_some_and(|token| token.is_word("transaction")) {
        true => Class::Write(Because::Administers),
        false => Class::Session,
    };
    for (_, assignment) in scoped(rest) {
        class = match assignment {
            Assignment::Session | Assignment::Untracked | Assignment::Role | Assignment::OneShot => class,
            Assignment::User => strongest(class, Class::Write(Because::AssignsVariable)),
            Assignment::Global => Class::Write(Because::Administers),
        };
    }
    match (class, read::class(rest.get(1..).unwrap_or_default())) {
        // A value that is computed by something unknown may write.
        (Class::Session, Class::Write(because @ (Because::UnknownFunction | Because::TakesLock))) => {
            Class::Write(because)
        }
        (class, _) => class,
    }
}

const fn strongest(one: Class, other: Class) -> Class {
    match one {
        Class::Write(_) => one,
        _ => other,
    }
}

/// MariaDB's `SET STATEMENT a=b FOR statement`: what the statement is, if the values are plain.
fn set_statement(tokens: &[Token<'_>]) -> Class {
    let Some(at) = tokens.iter().position(|token| token.is_word("for")) else {
        return Class::Write(Because::Unproven);
    };
    let (values, statement) = tokens.split_at(at);
    match values.contains(&Token::Punct(b'(')) {
        true => Class::Write(Because::Unproven),
        false => super::classify_one(&statement[1..]),
    }
}

/// The parts between commas that stand outside of parentheses.
fn assignments<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Punct(b'(') => depth += 1,
            Token::Punct(b')') => depth = depth.saturating_sub(1),
            Token::Punct(b',') if depth == 0 => {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    parts
}

/// The parts, and what each assigns. GLOBAL and its like hold for the names after them too, up to the next such word.
fn scoped<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = (&'t [Token<'a>], Assignment)> {
    let mut global = false;
    assignments(tokens).into_iter().map(move |part| {
        let begins = |words: &[&str]| part.first().is_some_and(|token| words.iter().any(|word| token.is_word(word)));
        let names_scope = begins(&["global", "persist", "persist_only"]);
        global = names_scope || (global && !begins(&["session", "local"]));
        let is_name = matches!(part.first(), Some(Token::Word(_) | Token::Quoted(_)));
        (part, if global && is_name { Assignment::Global } else { assignment(part) })
    })
}

#[derive(Debug, Clone, Copy)]
enum Assignment {
    Session,
    Untracked,
    User,
    Global,
    Role,
    OneShot,
}

fn assignment(tokens: &[Token<'_>]) -> Assignment {
    match tokens {
        [Token::UserVariable(_), ..] => Assignment::User,
        [Token::SystemVariable(name), ..] => {
            let name = lower(name);
            match name.split_once('.') {
                Some(("global" | "persist" | "persist_only", _)) => Assignment::Global,
                Some(("session" | "local", name)) => variable(name),
                _ => variable(&name),
            }
        }
        [Token::Word(first), rest @ ..] => match (lower(first).as_str(), rest.first()) {
            ("names" | "charset", _) => Assignment::Session,
            ("character", Some(token)) if token.is_word("set") => Assignment::Session,
            ("global" | "persist" | "persist_only", _) => Assignment::Global,
            ("password" | "default", _) => Assignment::Global,
            ("role", _) => Assignment::Role,
            ("resource", _) => Assignment::Untracked,
            ("transaction", _) => Assignment::OneShot,
            ("session" | "local", Some(token)) if token.is_word("transaction") => Assignment::Session,
            ("session" | "local", Some(Token::Word(name))) => variable(&lower(name)),
            ("session" | "local", Some(Token::Quoted(name))) => variable(&lower(name).replace('`', "")),
            (name, _) => variable(name),
        },
        [Token::Quoted(name), ..] => variable(&lower(name).replace('`', "")),
        // After `SET TRANSACTION ISOLATION LEVEL x,` comes `READ ONLY`; nothing else has no name before it.
        _ => Assignment::Session,
    }
}

fn variable(name: &str) -> Assignment {
    // `READ WRITE` and `READ ONLY` are the second part of SET TRANSACTION.
    match is_tracked(name.trim_matches('`')) || name == "read" || name == "isolation" {
        true => Assignment::Session,
        false => Assignment::Untracked,
    }
}

/// What a statement leaves behind, by its first words.
pub(super) fn leaves(tokens: &[Token<'_>]) -> Leaves {
    let Some(first) = word(tokens, 0).map(lower) else { return Leaves::empty() };
    let is = |at: usize, keyword: &str| tokens.get(at).is_some_and(|token| token.is_word(keyword));
    let has = |keyword: &str| tokens.iter().any(|token| token.is_word(keyword));
    match first.as_str() {
        "set" if is(1, "statement") => {
            let inner = tokens.iter().position(|token| token.is_word("for")).and_then(|at| tokens.get(at + 1..));
            Leaves::SCOPED_VARIABLES | inner.map_or(Leaves::empty(), leaves)
        }
        "set" => left_by_set(tokens),
        "create" if has("temporary") => Leaves::TEMPORARY_TABLE,
        "lock" if is(1, "instance") => Leaves::BACKUP_LOCK,
        "unlock" if is(1, "instance") => Leaves::BACKUP_UNLOCK,
        "backup" if is(1, "unlock") || (is(1, "stage") && is(2, "end")) => Leaves::BACKUP_UNLOCK,
        "backup" => Leaves::BACKUP_LOCK,
        "lock" => Leaves::TABLE_LOCK,
        "unlock" => Leaves::TABLE_UNLOCK,
        "flush" if has("lock") || has("export") => Leaves::TABLE_LOCK,
        "handler" => Leaves::HANDLER,
        "call" | "execute" => Leaves::UNREPORTED | Leaves::RUNS_OTHERS,
        "begin" if is(1, "not") => Leaves::UNREPORTED | Leaves::RUNS_OTHERS,
        "prepare" => Leaves::TEXT_PREPARE,
        "xa" if is(1, "start") || is(1, "begin") => Leaves::XA_START,
        "xa" if is(1, "commit") || is(1, "rollback") => Leaves::XA_END,
        _ => Leaves::empty(),
    }
}

fn says_access_mode(tokens: &[Token<'_>]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| match token {
        Token::Word(word) if word.eq_ignore_ascii_case(b"read") => {
            tokens.get(at + 1).is_some_and(|next| next.is_word("only") || next.is_word("write"))
        }
        Token::Word(name) | Token::SystemVariable(name) | Token::Quoted(name) => lower(name).contains("read_only"),
        _ => false,
    })
}

fn left_by_set(tokens: &[Token<'_>]) -> Leaves {
    let rest = tokens.get(1..).unwrap_or_default();
    let start = if says_access_mode(rest) { Leaves::ACCESS_MODE } else { Leaves::empty() };
    scoped(rest).fold(start, |leaves, (part, assignment)| {
        let unscoped = matches!(part.first(), Some(Token::SystemVariable(name)) if !name.contains(&b'.'));
        let unreported = if unscoped { Leaves::UNREPORTED } else { Leaves::empty() };
        leaves
            | unreported
            | match assignment {
                Assignment::User => Leaves::USER_VARIABLE,
                Assignment::Untracked => Leaves::UNTRACKED_VARIABLE,
                Assignment::Role => Leaves::ROLE,
                Assignment::OneShot => Leaves::ONE_SHOT_TRANSACTION,
                Assignment::Session | Assignment::Global => Leaves::empty(),
            }
    })
}
