//! Whether a statement uses a table: MariaDB forgets the warnings that there are at one that does, and keeps them through
//! all others.
//!
//! Source: `mysql_execute_command` in `sql_parse.cc` of MariaDB 10.11 ("Reset warning count for each query that uses
//! tables"), and each kind tried on a server. What the text does not tell (routines, texts that are run) is not guessed.

use super::without_trailing_semicolons;
use super::words::{is_builtin, is_keyword_before_parenthesis};
use crate::lexer::{LexMode, Lexer, Token};
use crate::lower::{Lower, lower};
use crate::statement::Tables;

/// Whether `text` uses a table.
pub fn tables(text: &[u8], mode: LexMode) -> Tables {
    let tokens: Vec<Token<'_>> = Lexer::new(text, mode).collect();
    of_tokens(&tokens, mode)
}

/// Whether a text with these tokens uses a table.
pub(super) fn of_tokens(tokens: &[Token<'_>], mode: LexMode) -> Tables {
    if mode.unprovable {
        return Tables::Unknown;
    }
    let tokens = without_trailing_semicolons(tokens);
    let unclear = [Token::Unterminated, Token::Executable, Token::Punct(b';')];
    match tokens.iter().any(|token| unclear.contains(token)) {
        true => Tables::Unknown,
        false => of_statement(tokens),
    }
}

fn of_statement(tokens: &[Token<'_>]) -> Tables {
    let start = tokens.iter().position(|token| *token != Token::Punct(b'(')).unwrap_or(tokens.len());
    let inner = &tokens[start..];
    let at = |at: usize| match inner.get(at) {
        Some(Token::Word(word)) => lower(word),
        _ => lower(b""),
    };
    match (at(0).as_str(), at(1).as_str()) {
        ("select" | "values" | "do", _) => of_expressions(tokens),
        ("set", "statement") => Tables::Unknown,
        ("set", _) => of_expressions(tokens),
        ("explain" | "desc" | "describe", "select" | "values") | ("analyze", "select") => of_expressions(&inner[1..]),
        ("explain" | "desc" | "describe", _) => Tables::Unknown,
        ("with" | "table" | "insert" | "update" | "delete" | "replace" | "truncate" | "load" | "handler", _)
        | ("checksum" | "optimize" | "repair" | "check" | "analyze", _)
        | ("lock", "table" | "tables") => Tables::Used,
        ("show", _) => of_show(&inner[1..]),
        ("create" | "alter" | "drop" | "rename", _) => of_definition(inner),
        ("begin", "not") => Tables::Unknown,
        ("use" | "begin" | "start" | "commit" | "rollback" | "savepoint" | "release" | "xa" | "unlock" | "kill", _)
        | ("deallocate" | "help" | "get", _) => Tables::Unused,
        _ => Tables::Unknown,
    }
}

/// Of what is computed: FROM names a table where it belongs to a SELECT, and nothing in `TRIM('x' FROM 'xax')`.
fn of_expressions(tokens: &[Token<'_>]) -> Tables {
    let mut result = Tables::Unused;
    // For each open parenthesis, whether a SELECT is directly inside.
    let mut levels = vec![false];
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        let called = next == Some(&Token::Punct(b'('));
        let qualified = at > 0 && tokens[at - 1] == Token::Punct(b'.');
        match token {
            Token::Punct(b'(') => levels.push(false),
            Token::Punct(b')') if levels.len() > 1 => drop(levels.pop()),
            Token::Quoted(_) if called => result = Tables::Unknown,
            Token::Word(_) if qualified && called => result = Tables::Unknown,
            Token::Word(_) if qualified => {}
            Token::Word(word) => match (lower(word).as_str(), levels.last_mut()) {
                ("select", Some(level)) => *level = true,
                ("from", Some(true)) if !next.is_some_and(|token| token.is_word("dual")) => return Tables::Used,
                ("with" | "table", _) | ("nextval" | "lastval" | "setval", _) => return Tables::Used,
                ("next" | "previous", _) if next.is_some_and(|token| token.is_word("value")) => return Tables::Used,
                (word, _) if called && !is_harmless(word) => result = Tables::Unknown,
                _ => {}
            },
            _ => {}
        }
    }
    result
}

/// Whether this function, or what looks like one, brings no statement of its own.
fn is_harmless(word: &str) -> bool {
    const OF_STATE: [&str; 12] = [
        "connection_id",
        "found_rows",
        "get_lock",
        "is_free_lock",
        "is_used_lock",
        "last_insert_id",
        "load_file",
        "password",
        "release_all_locks",
        "release_lock",
        "row_count",
        "sleep",
    ];
    is_builtin(word) || is_keyword_before_parenthesis(word) || OF_STATE.contains(&word)
}

fn of_show(tokens: &[Token<'_>]) -> Tables {
    let words: Vec<Lower> = tokens
        .iter()
        .map_while(|token| match token {
            Token::Word(word) => Some(lower(word)),
            _ => None,
        })
        .filter(|word| !matches!(word.as_str(), "full" | "extended" | "session" | "local" | "global" | "all"))
        .collect();
    let word = |at: usize| words.get(at).map(Lower::as_str).unwrap_or_default();
    match (word(0), word(1)) {
        ("create", "table" | "view" | "sequence") | ("procedure" | "function" | "package", "status" | "body") => {
            Tables::Used
        }
        ("create", _) | ("engine" | "grants" | "privileges" | "processlist" | "warnings" | "errors" | "count", _) => {
            Tables::Unused
        }
        ("master" | "slave" | "slaves" | "replica" | "binary" | "binlog" | "profiles" | "splitfin", _) => {
            Tables::Unused
        }
        ("tables" | "table" | "columns" | "fields" | "index" | "indexes" | "keys" | "variables" | "status", _)
        | ("databases" | "schemas" | "engines" | "storage" | "plugins" | "collation" | "character" | "charset", _)
        | ("triggers" | "events" | "open", _) => Tables::Used,
        _ => Tables::Unknown,
    }
}

/// Of a definition: what is defined decides.
fn of_definition(tokens: &[Token<'_>]) -> Tables {
    let of_word = |token: &Token<'_>| match token {
        Token::Word(word) => match lower(word).as_str() {
            "table" | "tables" | "view" | "sequence" | "index" => Some(Tables::Used),
            "database" | "schema" | "procedure" | "function" | "event" | "user" | "role" | "server" | "package" => {
                Some(Tables::Unused)
            }
            "trigger" => Some(if tokens[0].is_word("create") { Tables::Used } else { Tables::Unused }),
            _ => None,
        },
        _ => None,
    };
    tokens.iter().skip(1).find_map(of_word).unwrap_or(Tables::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Tables {
        tables(text.as_bytes(), LexMode::default())
    }

    /// As MariaDB 10.11 does, each tried after a statement with a warning.
    #[test]
    fn statements_use_tables_or_do_not() {
        for text in [
            "SELECT 1",
            "SELECT 1 FROM DUAL",
            "(SELECT 1)",
            "VALUES (1)",
            "SELECT 1 UNION SELECT 2",
            "SELECT TRIM('x' FROM 'xax'), EXTRACT(YEAR FROM NOW())",
            "SET @a = 1",
            "SET NAMES utf8mb4",
            "DO GET_LOCK('a', 0)",
            "USE shop",
            "BEGIN",
            "START TRANSACTION READ ONLY",
            "ROLLBACK TO a",
            "COMMIT;",
            "SHOW CREATE PROCEDURE p",
            "SHOW FULL PROCESSLIST",
            "SHOW GRANTS FOR u@localhost",
            "EXPLAIN SELECT 1",
            "CREATE DATABASE d",
            "CREATE OR REPLACE PROCEDURE p() SELECT 1",
            "DROP TRIGGER tr",
            "CREATE USER u",
            "XA RECOVER",
            "UNLOCK TABLES",
        ] {
            assert_eq!(of(text), Tables::Unused, "{text}");
        }
        for text in [
            "SELECT id FROM t",
            "SELECT (SELECT COUNT(*) FROM t)",
            "SELECT * FROM (SELECT 1) d",
            "WITH c AS (SELECT 1) SELECT * FROM c",
            "SELECT NEXTVAL(s)",
            "SELECT NEXT VALUE FOR s",
            "SET @a = (SELECT COUNT(*) FROM t)",
            "DO (SELECT COUNT(*) FROM t)",
            "SELECT TRIM('x' FROM (SELECT a FROM t))",
            "SHOW TABLES",
            "SHOW GLOBAL STATUS LIKE 'x'",
            "SHOW CREATE TABLE t",
            "SHOW PROCEDURE STATUS LIKE 'p'",
            "INSERT INTO t VALUES (1)",
            "DELETE FROM t",
            "TRUNCATE TABLE t",
            "CREATE TEMPORARY TABLE t (id INT)",
            "CREATE UNIQUE INDEX i ON t (b)",
            "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = 1",
            "DROP VIEW IF EXISTS v",
            "RENAME TABLE a TO b",
            "LOCK TABLES t READ",
            "CHECKSUM TABLE t",
            "HANDLER t OPEN",
        ] {
            assert_eq!(of(text), Tables::Used, "{text}");
        }
        for text in [
            "SELECT f()",
            "SELECT shop.f()",
            "SELECT `f`()",
            "CALL p()",
            "EXECUTE s",
            "EXECUTE IMMEDIATE 'SELECT 1'",
            "PREPARE s FROM 'SELECT 1'",
            "SET STATEMENT max_statement_time=5 FOR SELECT 1",
            "BEGIN NOT ATOMIC SELECT 1; END",
            "SELECT 1; SELECT 2",
            "/*! SELECT 1 */",
            "FLUSH TABLES",
            "GRANT SELECT ON t TO u",
            "EXPLAIN t",
            "whatever this is",
            "",
        ] {
            assert_eq!(of(text), Tables::Unknown, "{text}");
        }
    }
}
