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
use crate::long_text::is_literal;
use crate::lower::lower;
use crate::offset::skips_rows;
use crate::reason::Because;
use crate::statement::{Asks, Class, Effects, Judged, Leaves, Own, Tables};

/// What `text` is, and what it leaves behind.
pub fn classify(text: &[u8], mode: LexMode) -> (Class, Effects) {
    let tokens: Vec<Token<'_>> = Lexer::new(text, mode).collect();
    let Judged { class, effects, .. } = judge(text, &tokens, mode);
    (class, effects)
}

/// What a text with these tokens is.
pub(crate) fn judge(text: &[u8], tokens: &[Token<'_>], mode: LexMode) -> Judged {
    let (class, effects) = classify_tokens(tokens);
    let tables = tables::of_tokens(tokens, mode);
    let class = match class {
        Class::Read if !second::agrees(text, tokens) => Class::Write(Because::SecondOpinion),
        class => class,
    };
    Judged { class, effects, tables }
}

/// What a text is of which only these first tokens were looked at: a write, which may have done anything.
pub(crate) fn judge_beginning(first: &[Token<'_>]) -> Judged {
    let class = match classify_one(first) {
        Class::Write(Because::Unproven) => Class::Write(Because::TooLong),
        write @ Class::Write(_) => write,
        _ => Class::Write(Because::TooLong),
    };
    let leaves = Leaves::UNTRACKED_VARIABLE | Leaves::UNREPORTED | Leaves::RUNS_OTHERS | Leaves::USER_VARIABLE;
    Judged { class, effects: leaves.into(), tables: Tables::Unknown }
}

fn classify_tokens(tokens: &[Token<'_>]) -> (Class, Effects) {
    let tokens = without_trailing_semicolons(tokens);
    if tokens.contains(&Token::Unterminated) {
        return (Class::Write(Because::Unproven), Effects::default());
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
        return (class, effects | session::leaves(&inner).into());
    }
    (classify_one(tokens), effects | session::leaves(tokens).into())
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
        let (mut effects, mut only_ask) = (Effects::default(), true);
        for (class, left) in parts().map(classify_tokens) {
            effects = effects | left;
            only_ask &= class == Class::Diagnostics;
        }
        if only_ask {
            return (Class::Diagnostics, effects);
        }
        if effects.leaves.contains(Leaves::SCOPED_VARIABLES) {
            // What is reported may be of either.
            effects.leaves = (effects.leaves - Leaves::SCOPED_VARIABLES) | Leaves::UNREPORTED;
        }
        effects.asks.set(Asks::CONDITIONS, asks_conditions(tokens));
        effects.asks.set(Asks::ONE_BY_ONE, asks_for_earlier(parts()));
        (Class::Write(Because::SeveralStatements), effects)
    })
}

/// Whether a statement after the first asks for what none of those before it has set.
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
    match effects(tokens).leaves.contains(Leaves::USER_LOCK) {
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

/// After EXPLAIN: a table to describe, or a statement, which EXPLAIN ANALYZE runs.
fn explain(tokens: &[Token<'_>]) -> Class {
    let mut rest = tokens;
    loop {
        rest = match rest {
            [Token::Word(format), Token::Punct(b'='), rest @ ..] if format.eq_ignore_ascii_case(b"format") => {
                after_value(rest)
            }
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
            _ if is_described(rest) => read::class(rest),
            _ => Class::Write(Because::Unproven),
        },
        [Token::Punct(b'(') | Token::Quoted(_), ..] => read::class(rest),
        _ => Class::Write(Because::Unproven),
    }
}

/// What follows a value. Literals in a row are one, as they are in long texts.
fn after_value<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let literals = tokens.iter().take_while(|token| is_literal(token)).count();
    tokens.get(literals.max(1)..).unwrap_or_default()
}

/// Whether it names a table to describe, and at most a column of it or a pattern. A long text shows no more of literals at the
/// end than that there are some.
fn is_described(tokens: &[Token<'_>]) -> bool {
    let literals = tokens.iter().rev().take_while(|token| is_literal(token)).count();
    let (names, most) = (&tokens[..tokens.len() - literals], if literals > 0 { 3 } else { 4 });
    let is_name = |token: &Token<'_>| match token {
        Token::Word(_) => !is_literal(token),
        Token::Quoted(_) | Token::Punct(b'.') => true,
        _ => false,
    };
    names.len() <= most && names.iter().all(is_name)
}

/// `ANALYZE TABLE` writes; MariaDB's `ANALYZE [FORMAT=JSON] statement` runs the statement.
fn analyze(tokens: &[Token<'_>]) -> Class {
    match tokens {
        [Token::Word(format), Token::Punct(b'='), rest @ ..] if format.eq_ignore_ascii_case(b"format") => {
            analyze(after_value(rest))
        }
        [Token::Word(word), ..] if matches!(lower(word).as_str(), "select" | "with") => read::class(tokens),
        [Token::Word(word), ..] if matches!(lower(word).as_str(), "table" | "local" | "no_write_to_binlog") => {
            Class::Write(Because::Administers)
        }
        _ => Class::Write(Because::ChangesData),
    }
}

/// What functions and assignments anywhere in the statement ask for and leave behind.
fn effects(tokens: &[Token<'_>]) -> Effects {
    let mut effects = Effects::default();
    effects.leaves.set(Leaves::SKIPS_ROWS, skips_rows(tokens));
    let has_limit = tokens.iter().any(|token| token.is_word("limit"));
    for (at, token) in tokens.iter().enumerate() {
        match token {
            // In SET, UPDATE and routines `:=` also assigns system variables, columns and local variables.
            Token::Assign if follows_user_variable(&tokens[..at]) => effects.leaves |= Leaves::USER_VARIABLE,
            // GET DIAGNOSTICS, OUT parameters, columns of a file.
            Token::UserVariable(_) if ["get", "call", "load"].iter().any(|first| tokens[0].is_word(first)) => {
                effects.leaves |= Leaves::USER_VARIABLE;
            }
            Token::SystemVariable(name) => effects = effects | of_variable(&lower(name)),
            Token::Word(word) => {
                let word = lower(word);
                effects.asks |= asked_by(&word, &tokens[at..], tokens[0].is_word("set"));
                effects.leaves |= match word.as_str() {
                    "into" if into_variable(&tokens[at + 1..]) => Leaves::USER_VARIABLE,
                    // MariaDB counts the rows of a union before its limit.
                    "union" | "except" | "intersect" if has_limit => Leaves::CALC_FOUND_ROWS,
                    "variables" if tokens[0].is_word("show") => Leaves::TRACKING,
                    word => left_by(word, &tokens[at..]),
                };
            }
            _ => {}
        }
    }
    effects
}

/// What a system variable that a statement names makes of it.
fn of_variable(name: &str) -> Effects {
    let asks = match name.rsplit('.').next().unwrap_or_default() {
        "last_gtid" | "pseudo_thread_id" => Asks::OWN_VALUES,
        "warning_count" | "error_count" => Asks::CONDITION_COUNTS,
        "last_insert_id" | "identity" => Asks::LAST_INSERT_ID,
        _ => Asks::empty(),
    };
    let leaves = if name.contains("session_track_") { Leaves::TRACKING } else { Leaves::empty() };
    Effects { asks, leaves }
}

/// What a word, with which `tokens` begin, asks for.
fn asked_by(word: &str, tokens: &[Token<'_>], is_set: bool) -> Asks {
    let is_called = tokens.get(1) == Some(&Token::Punct(b'('));
    let own = if is_called { Asks::OWN_VALUES } else { Asks::empty() };
    match word {
        "connection_id" => own,
        "row_count" => own | Asks::ROW_COUNT,
        "found_rows" => own | Asks::FOUND_ROWS,
        "last_insert_id" if is_called => Asks::LAST_INSERT_ID,
        "last_insert_id" | "identity" if is_set => Asks::LAST_INSERT_ID,
        word if is_called && word.contains("_lock") => Asks::LOCKS,
        _ => Asks::empty(),
    }
}

/// What a word, with which `tokens` begin, leaves behind.
fn left_by(word: &str, tokens: &[Token<'_>]) -> Leaves {
    let is_called = tokens.get(1) == Some(&Token::Punct(b'('));
    match word {
        "sql_calc_found_rows" => Leaves::CALC_FOUND_ROWS,
        "get_lock"
        | "service_get_read_locks"
        | "service_get_write_locks"
        | "version_tokens_lock_shared"
        | "version_tokens_lock_exclusive"
            if is_called =>
        {
            Leaves::USER_LOCK
        }
        "release_all_locks" if is_called => Leaves::USER_UNLOCK,
        "session_variables" => Leaves::TRACKING,
        "nextval" | "setval" => Leaves::SEQUENCE,
        "next" if tokens.get(1).is_some_and(|token| token.is_word("value")) => Leaves::SEQUENCE,
        name if name.starts_with("session_track_") => Leaves::TRACKING,
        _ => Leaves::empty(),
    }
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
