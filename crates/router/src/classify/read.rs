//! The proof that a statement only reads.

use super::session::{DEFAULT_OF_SERVER, is_tracked};
use super::words::{is_builtin, is_keyword_before_parenthesis};
use crate::lexer::Token;
use crate::lower::lower;
use crate::reason::Because;
use crate::statement::Class;

/// The class of a statement whose first word could be that of a read.
pub(super) fn class(tokens: &[Token<'_>]) -> Class {
    match prove(tokens) {
        Ok(()) => Class::Read,
        Err(Failure::Diagnostics) => Class::Diagnostics,
        Err(Failure::Write(because)) => Class::Write(because),
    }
}

/// Why the proof failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Diagnostics,
    Write(Because),
}

/// Looks at every token; the first that could be part of a write ends the proof.
fn prove(tokens: &[Token<'_>]) -> Result<(), Failure> {
    let mut failure = None;
    for at in 0..tokens.len() {
        match step(tokens, at) {
            Ok(()) => {}
            // `SELECT @@warning_count` needs the last connection even where something else is wrong with it too.
            Err(Failure::Diagnostics) => return Err(Failure::Diagnostics),
            Err(write) => failure = failure.or(Some(write)),
        }
    }
    failure.map_or(Ok(()), Err)
}

fn step(tokens: &[Token<'_>], at: usize) -> Result<(), Failure> {
    let next = tokens.get(at + 1);
    let called = next == Some(&Token::Punct(b'('));
    let qualified = at > 0 && tokens.get(at - 1) == Some(&Token::Punct(b'.'));
    match tokens.get(at) {
        Some(Token::Word(word)) => self::word(tokens, at, &lower(word), called, qualified),
        Some(Token::Quoted(name)) => quoted(tokens, at, name, called),
        Some(Token::SystemVariable(name)) => system_variable(&lower(name)),
        Some(Token::Assign) => write(Because::AssignsVariable),
        Some(Token::Executable) => write(Because::ExecutableComment),
        Some(Token::Unterminated) => write(Because::Unproven),
        _ => Ok(()),
    }
}

const fn write(because: Because) -> Result<(), Failure> {
    Err(Failure::Write(because))
}

fn word(tokens: &[Token<'_>], at: usize, word: &str, called: bool, qualified: bool) -> Result<(), Failure> {
    let next_is = |keyword: &str| tokens.get(at + 1).is_some_and(|token| token.is_word(keyword));
    if qualified {
        // After a dot every word is a name; called, it is a stored function; some names are sequences'.
        return match word {
            "nextval" | "currval" => write(Because::Sequence),
            _ if called => write(Because::UnknownFunction),
            _ => Ok(()),
        };
    }
    match word {
        "into" => write(Because::IntoTarget),
        "for" if next_is("update") || next_is("share") => write(Because::LocksRows),
        "lock" => write(Because::LocksRows),
        "next" | "previous" if next_is("value") => write(Because::Sequence),
        "insert" | "replace" if called => Ok(()),
        "update" | "delete" | "insert" | "replace" | "call" | "load" | "alter" | "create" | "drop" | "grant"
        | "revoke" | "rename" | "kill" | "procedure" | "execute" | "declare" | "handler" | "set" => {
            match at > 0 && is_harmless(word, tokens, at) {
                true => Ok(()),
                false => write(Because::Unproven),
            }
        }
        "sql_calc_found_rows" => write(Because::ServerLocal),
        "mysql" | "performance_schema" | "sys" if is_schema(tokens, at) => write(Because::ServerLocal),
        "information_schema" if is_schema(tokens, at) => information_schema(tokens.get(at + 2)),
        "processlist" | "innodb_trx" | "innodb_locks" => write(Because::ServerLocal),
        _ if called => function(tokens, at, word),
        _ => Ok(()),
    }
}

/// Reserved words that stand in reads too: SHOW CREATE, SHOW PROCEDURE STATUS, character sets.
fn is_harmless(word: &str, tokens: &[Token<'_>], at: usize) -> bool {
    let after = tokens.get(at - 1);
    match word {
        "set" => after.is_some_and(|token| token.is_word("character")),
        _ => false,
    }
}

fn is_schema(tokens: &[Token<'_>], at: usize) -> bool {
    tokens.get(at + 1) == Some(&Token::Punct(b'.'))
}

fn information_schema(table: Option<&Token<'_>>) -> Result<(), Failure> {
    let name = match table {
        Some(Token::Word(name)) => lower(name),
        Some(Token::Quoted(name)) => lower(name.get(1..name.len() - 1).unwrap_or_default()),
        _ => return Ok(()),
    };
    let local = [
        "processlist",
        "innodb_",
        "session_status",
        "session_variables",
        "global_status",
        "global_variables",
        "profiling",
        "optimizer_trace",
        "user_statistics",
        "client_statistics",
        "metadata_lock",
    ];
    match local.iter().any(|prefix| name.starts_with(prefix)) {
        true => write(Because::ServerLocal),
        false => Ok(()),
    }
}

fn quoted(tokens: &[Token<'_>], at: usize, name: &[u8], called: bool) -> Result<(), Failure> {
    if called && !names_columns(tokens, at) {
        return write(Because::UnknownFunction);
    }
    let inner = lower(name.get(1..name.len() - 1).unwrap_or_default());
    match inner.as_str() {
        "mysql" | "performance_schema" | "sys" if is_schema(tokens, at) => write(Because::ServerLocal),
        "information_schema" if is_schema(tokens, at) => information_schema(tokens.get(at + 2)),
        _ => Ok(()),
    }
}

fn system_variable(name: &str) -> Result<(), Failure> {
    let plain = name.rsplit('.').next().unwrap_or(name).trim_matches('`');
    match plain {
        "warning_count" | "error_count" | "in_transaction" => Err(Failure::Diagnostics),
        "last_insert_id" | "identity" => write(Because::LastInsertId),
        // The guard of replica connections shows in these; the primary's connections have none.
        "tx_read_only" | "transaction_read_only" | "read_only" | "super_read_only" | "innodb_read_only" => {
            write(Because::ServerLocal)
        }
        // Who asks for these wants to know which server it is, or how far.
        "hostname" | "port" | "server_id" | "server_uuid" | "gtid_executed" | "gtid_current_pos" | "gtid_slave_pos"
        | "gtid_binlog_pos" => Ok(()),
        // The same on all servers, or the session's own wherever it goes.
        "version"
        | "version_comment"
        | "license"
        | "protocol_version"
        | "lower_case_table_names"
        | "last_gtid"
        | "pseudo_thread_id" => Ok(()),
        _ if name.starts_with("global.") => write(Because::ServerLocal),
        _ if is_tracked(plain) && !DEFAULT_OF_SERVER.contains(&plain) => Ok(()),
        // A session begins with the primary's value, and replicas have others.
        _ => write(Because::ServerLocal),
    }
}

fn function(tokens: &[Token<'_>], at: usize, word: &str) -> Result<(), Failure> {
    match word {
        // The session's own values are put in before a server sees the statement.
        "row_count" | "found_rows" | "connection_id" => Ok(()),
        "last_insert_id" => write(Because::LastInsertId),
        "get_lock" | "release_lock" | "release_all_locks" | "is_free_lock" | "is_used_lock" => {
            write(Because::TakesLock)
        }
        "nextval" | "setval" | "lastval" => write(Because::Sequence),
        "load_file" | "master_gtid_wait" | "wait_for_executed_gtid_set" | "master_pos_wait" | "source_pos_wait" => {
            write(Because::ServerLocal)
        }
        _ if is_builtin(word) || is_keyword_before_parenthesis(word) || names_columns(tokens, at) => Ok(()),
        _ => write(Because::UnknownFunction),
    }
}

/// `name (a, b) AS (` of a common table expression: a list of columns, not a call.
fn names_columns(tokens: &[Token<'_>], at: usize) -> bool {
    let after = at.checked_sub(1).and_then(|at| tokens.get(at));
    let in_with =
        after.is_some_and(|token| token.is_word("with") || token.is_word("recursive") || *token == Token::Punct(b','));
    if !in_with {
        return false;
    }
    let columns = tokens.get(at + 2..).unwrap_or_default();
    let is_name = |token: &Token<'_>| matches!(token, Token::Word(_) | Token::Quoted(_) | Token::Punct(b','));
    // It ends at the first other token: no token is looked at for more than one name.
    let end = columns.iter().position(|token| !is_name(token)).unwrap_or(columns.len());
    match columns.get(end..).unwrap_or_default() {
        [Token::Punct(b')'), as_word, Token::Punct(b'('), ..] => as_word.is_word("as"),
        _ => false,
    }
}

/// READ ONLY or READ WRITE of START TRANSACTION.
pub(super) fn access(tokens: &[Token<'_>]) -> Option<bool> {
    let pair = tokens.windows(2).find(|pair| pair[0].is_word("read"))?;
    Some(pair[1].is_word("only"))
}
