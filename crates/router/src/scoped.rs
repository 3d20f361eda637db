//! What MariaDB's `SET STATEMENT … FOR` makes of `sql_mode`, for its statement alone.

use crate::lexer::{LexMode, Lexer, Token};

/// What of `sql_mode` the status flags of a reply tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ToldModes {
    /// ANSI_QUOTES
    pub ansi_quotes: bool,
    /// NO_BACKSLASH_ESCAPES
    pub no_backslash_escapes: bool,
}

/// The modes under which `text` runs, if it is a SET STATEMENT that sets them as a string.
pub fn scoped_modes(text: &[u8], mode: LexMode) -> Option<ToldModes> {
    let mut pieces = Lexer::new(text, mode).placed();
    if !pieces.next()?.token.is_word("set") || !pieces.next()?.token.is_word("statement") {
        return None;
    }
    loop {
        match pieces.next()?.token {
            token if token.is_word("for") => return None,
            token if token.is_word("sql_mode") => {}
            _ => continue,
        }
        if pieces.next()?.token != Token::Punct(b'=') {
            continue;
        }
        let value = pieces.next()?;
        let ends = pieces.next()?.token;
        if value.token == Token::Text && (ends == Token::Punct(b',') || ends.is_word("for")) {
            return Some(told(&String::from_utf8_lossy(value.of(text))));
        }
        return None;
    }
}

fn told(literal: &str) -> ToldModes {
    // Sets of modes, in `sys_vars.cc` (`expand_sql_mode`).
    const WITH_ANSI_QUOTES: [&str; 7] = ["ANSI_QUOTES", "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];
    let value = literal.trim_matches(['\'', '"']);
    let has = |names: &[&str]| value.split(',').any(|mode| names.iter().any(|name| name.eq_ignore_ascii_case(mode)));
    ToldModes { ansi_quotes: has(&WITH_ANSI_QUOTES), no_backslash_escapes: has(&["NO_BACKSLASH_ESCAPES"]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_out_of_the_text() {
        let told = |ansi_quotes, no_backslash_escapes| Some(ToldModes { ansi_quotes, no_backslash_escapes });
        for (text, expected) in [
            ("SET STATEMENT sql_mode='ANSI_QUOTES' FOR SELECT 1", told(true, false)),
            ("set statement sql_mode = 'strict_all_tables,no_backslash_escapes', a=1 for SELECT 1", told(false, true)),
            ("SET STATEMENT max_statement_time=1,sql_mode='ANSI' FOR SELECT 1", told(true, false)),
            ("SET STATEMENT sql_mode='' FOR SELECT 1", told(false, false)),
            ("SET STATEMENT sql_mode=CONCAT('ANSI','') FOR SELECT 1", None),
            ("SET STATEMENT max_statement_time=1 FOR SELECT sql_mode='ANSI' FROM t", None),
            ("SET sql_mode='ANSI'", None),
            ("SET STATEMENT sql_mode", None),
            ("", None),
        ] {
            assert_eq!(scoped_modes(text.as_bytes(), LexMode::default()), expected, "{text}");
        }
    }
}
