//! What a statement is, from its tokens alone: rules that must *prove* that it only reads.
//!
//! The first word picks the rule. A read must get through `read::prove`, which looks at every token; anything it does
//! not know ends the proof. What is proven is shown to a second parser (`second`), which can only say no.

mod read;
mod second;
mod session;
mod tables;
mod words;

pub use session::{DEFAULT_OF_SERVER, TRACKED_UNDER_TWO_NAMES, TRACKED_VARIABLES};
pub use tables::tables;

use crate::lexer::{LexMode, Lexer, Token};
use crate::lower::lower;
use crate::offset::skips_rows;
use crate::reason::Because;
use crate::statement::{Class, Effects, Own, Tables};

/// What `text` is, and what it leaves behind.
pub fn classify(text: &[u8], mode: LexMode) -> (Class, Effects) {
    let tokens: Vec<Token<'_>> = Lexer::new(text, mode).collect();
    let (class, effects, _) = judge(text, &tokens, mode);
    (class, effects)
}

/// What a text with these tokens is, what it leaves behind, and whether it uses a table.
pub(crate) fn judge(text: &[u8], tokens: &[Token<'_>], mode: LexMode) -> (Class, Effects, Tables) {
    let (class, effects) = classify_tokens(tokens);
    let tables = tables::of_tokens(tokens, mode);
    match class {
        Class::Read if !second::agrees(text, tokens) => (Class::Write(Because::SecondOpinion), effects, tables),
        class => (class, effects, tables),
    }
}

/// What a text is of which only the beginning was looked at: a write, which may have done anything.
pub(crate) fn judge_beginning(tokens: &[Token<'_>]) -> (Class, Effects) {
    let class = match classify_one(tokens.get(..BEGINNING).unwrap_or(tokens)) {
        Class::Write(Because::Unproven) => Class::Write(Because::TooLong),
        write @ Class::Write(_) => write,
        _ => Class::Write(Because::TooLong),
    };
    (class, Effects::UNTRACKED_VARIABLE | Effects::UNREPORTED | Effects::RUNS_OTHERS | Effects::USER_VARIABLE)
}

/// Tokens that tell what a statement is for.
const BEGINNING: usize = 64;

fn classify_tokens(tokens: &[Token<'_>]) -> (Class, Effects) {
    let tokens = without_trailing_semicolons(tokens);
    if tokens.contains(&Token::Unterminated) {
        return (Class::Write(Because::Unproven), Effects::empty());
    }
    if let Some(several) = several_statements(tokens) {
        return several;
    }
    let effects = effects(tokens);
    if tokens.contains(&Token::Executable) {
        // `/*!40101 SET NAMES utf8 */` and its like still leave behind what they leave behind.
        let inner: Vec<_> = tokens.iter().copied().filter(|token| *token != Token::Executable).collect();
        let class = match classify_one(&inner) {
            Class::Read => Class::Write(Because::ExecutableComment),
            other => other,
        };
        return (class, of_class(class, effects) | session::effects(&inner));
    }
    let class = classify_one(tokens);
    (class, of_class(class, effects) | session::effects(tokens))
}

/// What is proven to read inserts nothing, whatever its columns are called.
fn of_class(class: Class, effects: Effects) -> Effects {
    match class {
        Class::Write(_) => effects,
        _ => effects - (Effects::INSERTS | Effects::LOADS),
    }
}

fn without_trailing_semicolons<'t, 'a>(mut tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    while let [rest @ .., Token::Punct(b';')] = tokens {
        tokens = rest;
    }
    tokens
}

/// Several statements in one text: a write, with everything that any of them leaves behind, unless all of them ask for
/// what the statement before left. A read-only batch would be safe on a replica, but the semicolons of a stored program's
/// body look the same.
fn several_statements(tokens: &[Token<'_>]) -> Option<(Class, Effects)> {
    tokens.contains(&Token::Punct(b';')).then(|| {
        let parts = || tokens.split(|token| *token == Token::Punct(b';'));
        let (mut effects, mut only_ask) = (Effects::empty(), true);
        for (class, left) in parts().map(classify_tokens) {
            effects |= left;
            only_ask &= class == Class::Diagnostics;
        }
        if only_ask {
            return (Class::Diagnostics, effects);
        }
        if effects.contains(Effects::SCOPED_VARIABLES) {
            // What is reported may be of either.
            effects = (effects - Effects::SCOPED_VARIABLES) | Effects::UNREPORTED;
        }
        effects.set(Effects::ASKS_CONDITIONS, asks_conditions(tokens));
        effects.set(Effects::ONE_BY_ONE, asks_for_earlier(parts()));
        (Class::Write(Because::SeveralStatements), effects)
    })
}

/// Whether a statement behind the first asks for what none of those in front of it has set.
fn asks_for_earlier<'t, 'a: 't>(parts: impl Iterator<Item = &'t [Token<'a>]>) -> bool {
    // Nearly every statement counts rows; of those that find some, SELECT is certain.
    let (mut counted, mut found) = (false, false);
    for (at, part) in parts.enumerate() {
        let asks = |names: &[&str]| {
            part.iter().any(|token| match token {
                Token::Word(word) => names.contains(&lower(word).as_str()),
                Token::SystemVariable(name) => names.contains(&lower(name).rsplit('.').next().unwrap_or_default()),
                _ => false,
            })
        };
        let asks_for_earlier =
            asks(&["last_gtid"]) || (!counted && asks(&["row_count"])) || (!found && asks(&["found_rows"]));
        if at > 0 && asks_for_earlier {
            return true;
        }
        counted |= part.first().is_some_and(|first| !first.is_word("get"));
        found |= part.first().is_some_and(|first| first.is_word("select"));
    }
    false
}

fn asks_conditions(tokens: &[Token<'_>]) -> bool {
    tokens.windows(2).any(|pair| {
        let what = |words: &[&str]| words.iter().any(|word| pair[1].is_word(word));
        (pair[0].is_word("show") && what(&["warnings", "errors", "count"]))
            || (pair[0].is_word("get") && what(&["diagnostics", "current", "stacked"]))
    })
}

fn word<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a [u8]> {
    match tokens.get(at) {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    }
}

fn classify_one(tokens: &[Token<'_>]) -> Class {
    let start = tokens.iter().position(|token| *token != Token::Punct(b'(')).unwrap_or(tokens.len());
    let Some(first) = word(tokens, start) else {
        return Class::Write(Because::Unproven);
    };
    let inner = &tokens[start..];
    let next = |keyword: &str| inner.get(1).is_some_and(|token| token.is_word(keyword));
    match lower(first).as_str() {
        "select" | "with" | "table" | "values" => read::class(tokens),
        "show" => show(inner),
        "explain" | "desc" | "describe" => explain(&inner[1..]),
        "analyze" => analyze(&inner[1..]),
        "help" | "checksum" => read::class(&inner[1..]),
        "do" => match read::class(&inner[1..]) {
            Class::Write(Because::Unproven) => Class::Write(Because::ChangesData),
            class => class,
        },
        "set" => session::set(inner),
        "use" => Class::Session,
        "begin" if next("not") => Class::Write(Because::ChangesData),
        "begin" => Class::Begin { read_only: None },
        "start" if next("transaction") => Class::Begin { read_only: read::access(inner) },
        "commit" | "rollback" | "savepoint" => Class::Session,
        "release" if next("savepoint") => Class::Session,
        "get" => Class::Diagnostics,
        "kill" => Class::Kill,
        "insert" | "update" | "delete" | "replace" | "load" | "call" | "import" | "execute" | "prepare"
        | "deallocate" => Class::Write(because_of_functions(tokens, Because::ChangesData)),
        "create" | "alter" | "drop" | "rename" | "truncate" | "grant" | "revoke" => {
            Class::Write(Because::ChangesSchema)
        }
        "lock" | "unlock" | "backup" | "xa" | "handler" => Class::Write(Because::TakesLock),
        "flush" | "reset" | "purge" | "shutdown" | "install" | "uninstall" | "cache" | "clone" | "optimize"
        | "repair" | "check" | "change" | "stop" | "binlog" | "start" => Class::Write(Because::Administers),
        _ => Class::Write(Because::Unproven),
    }
}

fn because_of_functions(tokens: &[Token<'_>], otherwise: Because) -> Because {
    match effects(tokens).contains(Effects::USER_LOCK) {
        true => Because::TakesLock,
        false => otherwise,
    }
}

/// Replication and server state differ from server to server; the schema does not.
fn show(tokens: &[Token<'_>]) -> Class {
    const SAME_EVERYWHERE: [&str; 19] = [
        "tables",
        "columns",
        "fields",
        "index",
        "indexes",
        "keys",
        "create",
        "databases",
        "schemas",
        "grants",
        "collation",
        "charset",
        "triggers",
        "events",
        "privileges",
        "procedure",
        "function",
        "character",
        "package",
    ];
    let mut at = 1;
    while word(tokens, at).is_some_and(|word| matches!(lower(word).as_str(), "full" | "extended" | "session" | "local"))
    {
        at += 1;
    }
    let Some(what) = word(tokens, at).map(lower) else { return Class::Write(Because::ServerLocal) };
    match what.as_str() {
        "splitfin" => match word(tokens, at + 1).map(lower).as_deref() {
            Some("route") => Class::Own(Own::ShowRoute),
            Some("position") => Class::Own(Own::ShowPosition),
            _ => Class::Write(Because::ServerLocal),
        },
        "warnings" | "errors" | "count" => Class::Diagnostics,
        // A replica's connections differ from the primary's in what guards them.
        "variables" => Class::Session,
        "table" if tokens.get(at + 1).is_some_and(|token| token.is_word("status")) => read::class(&tokens[1..]),
        what if SAME_EVERYWHERE.contains(&what) => match read::class(&tokens[at + 1..]) {
            Class::Read => Class::Read,
            _ => Class::Write(Because::ServerLocal),
        },
        _ => Class::Write(Because::ServerLocal),
    }
}

/// Behind EXPLAIN: a table to describe, or a statement, which EXPLAIN ANALYZE runs.
fn explain(tokens: &[Token<'_>]) -> Class {
    let mut rest = tokens;
    loop {
        rest = match rest {
            [Token::Word(format), Token::Punct(b'='), _, rest @ ..] if format.eq_ignore_ascii_case(b"format") => rest,
            [Token::Word(word), more @ ..]
                if matches!(lower(word).as_str(), "analyze" | "extended" | "partitions") && !more.is_empty() =>
            {
                more
            }
            _ => break,
        };
    }
    match rest {
        [Token::Word(word), ..] => match lower(word).as_str() {
            "select" | "with" | "table" | "values" => read::class(rest),
            "insert" | "update" | "delete" | "replace" => Class::Write(Because::ChangesData),
            "for" => Class::Write(Because::ServerLocal),
            _ if rest.len() <= 4 => read::class(rest),
            _ => Class::Write(Because::Unproven),
        },
        [Token::Punct(b'(') | Token::Quoted(_), ..] => read::class(rest),
        _ => Class::Write(Because::Unproven),
    }
}

/// `ANALYZE TABLE` writes; MariaDB's `ANALYZE [FORMAT=JSON] statement` runs the statement.
fn analyze(tokens: &[Token<'_>]) -> Class {
    match tokens {
        [Token::Word(format), Token::Punct(b'='), _, rest @ ..] if format.eq_ignore_ascii_case(b"format") => {
            analyze(rest)
        }
        [Token::Word(word), ..] if matches!(lower(word).as_str(), "select" | "with") => read::class(tokens),
        [Token::Word(word), ..] if matches!(lower(word).as_str(), "table" | "local" | "no_write_to_binlog") => {
            Class::Write(Because::Administers)
        }
        _ => Class::Write(Because::ChangesData),
    }
}

/// What functions and assignments anywhere in the statement leave behind.
fn effects(tokens: &[Token<'_>]) -> Effects {
    let mut effects = Effects::empty();
    effects.set(Effects::SKIPS_ROWS, skips_rows(tokens));
    let has_limit = tokens.iter().any(|token| token.is_word("limit"));
    // CREATE OR REPLACE, triggers, rights.
    let names_statements = ["create", "alter", "grant", "revoke"]
        .iter()
        .any(|first| tokens.first().is_some_and(|token| token.is_word(first)));
    for (at, token) in tokens.iter().enumerate() {
        match token {
            // In SET, UPDATE and routines `:=` also assigns system variables, columns and local variables.
            Token::Assign if follows_user_variable(&tokens[..at]) => effects |= Effects::USER_VARIABLE,
            // GET DIAGNOSTICS, OUT parameters, columns of a file.
            Token::UserVariable(_) if ["get", "call", "load"].iter().any(|first| tokens[0].is_word(first)) => {
                effects |= Effects::USER_VARIABLE;
            }
            Token::SystemVariable(name) => {
                let name = lower(name);
                if matches!(name.rsplit('.').next(), Some("last_gtid" | "pseudo_thread_id")) {
                    effects |= Effects::OWN_VALUES;
                }
                if matches!(name.rsplit('.').next(), Some("warning_count" | "error_count")) {
                    effects |= Effects::CONDITION_COUNTS;
                }
                if name.contains("session_track_") {
                    effects |= Effects::TRACKING;
                }
                if matches!(name.rsplit('.').next(), Some("last_insert_id" | "identity")) {
                    effects |= Effects::LAST_INSERT_ID;
                }
            }
            Token::Word(word) => {
                let called = tokens.get(at + 1) == Some(&Token::Punct(b'('));
                effects |= match lower(word).as_str() {
                    "into" if into_variable(&tokens[at + 1..]) => Effects::USER_VARIABLE,
                    "sql_calc_found_rows" => Effects::CALC_FOUND_ROWS,
                    // MariaDB counts the rows of a union in front of its limit.
                    "union" | "except" | "intersect" if has_limit => Effects::CALC_FOUND_ROWS,
                    "get_lock"
                    | "service_get_read_locks"
                    | "service_get_write_locks"
                    | "version_tokens_lock_shared"
                    | "version_tokens_lock_exclusive"
                        if called =>
                    {
                        Effects::USER_LOCK
                    }
                    "variables" if tokens[0].is_word("show") => Effects::TRACKING,
                    "session_variables" => Effects::TRACKING,
                    name if name.starts_with("session_track_") => Effects::TRACKING,
                    "connection_id" | "row_count" | "found_rows" if called => Effects::OWN_VALUES,
                    "release_all_locks" if called => Effects::USER_UNLOCK,
                    "last_insert_id" if called => Effects::LAST_INSERT_ID,
                    "last_insert_id" | "identity" if tokens[0].is_word("set") => Effects::LAST_INSERT_ID,
                    "insert" | "replace" if !called && !names_statements => Effects::INSERTS,
                    "load" => Effects::INSERTS | Effects::LOADS,
                    "select" if tokens[0].is_word("create") => Effects::INSERTS,
                    "nextval" | "setval" => Effects::SEQUENCE,
                    "next" if tokens.get(at + 1).is_some_and(|token| token.is_word("value")) => Effects::SEQUENCE,
                    _ => Effects::empty(),
                };
            }
            _ => {}
        }
    }
    effects
}

fn follows_user_variable(before: &[Token<'_>]) -> bool {
    let last = before.iter().rev().find(|token| **token != Token::Executable);
    matches!(last, Some(Token::UserVariable(_)))
}

fn into_variable(tokens: &[Token<'_>]) -> bool {
    matches!(tokens.first(), Some(Token::UserVariable(_)))
}

#[cfg(test)]
mod tests;
