//! `KILL`: what it asks for.
//!
//! MySQL: `KILL [CONNECTION | QUERY] expression`. MariaDB: `KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] {expression |
//! USER name}`.

use crate::lexer::{LexMode, Lexer, Placed, Token};
use std::ops::Range;

/// Which connection must end, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// The connection's id: a session's, which `CONNECTION_ID()` gives, or a server's own.
    pub id: u64,
    /// Only what it runs; else the connection ends.
    pub query_only: bool,
}

/// What a KILL says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillText<'a> {
    /// A number.
    Plain(Kill),
    /// The one parameter of a prepared statement.
    Parameter {
        /// See [`Kill::query_only`].
        query_only: bool,
    },
    /// An expression, which a server has to evaluate.
    Computed {
        /// Its text.
        expression: &'a [u8],
        /// See [`Kill::query_only`].
        query_only: bool,
    },
    /// `KILL USER`, `KILL QUERY ID`, or nothing that makes sense: for a server to answer.
    Other,
}

impl<'a> KillText<'a> {
    /// Reads a statement whose class is [`crate::Class::Kill`].
    pub fn parse(text: &'a [u8], mode: LexMode) -> Self {
        let (mut query_only, mut words) = (false, 0);
        let mut expression: Option<Range<usize>> = None;
        for Placed { token, start, end } in Lexer::new(text, mode).placed() {
            match (&mut expression, token) {
                (_, Token::Executable | Token::Punct(b';')) => {}
                (Some(expression), _) => expression.end = end,
                (None, Token::Word(word)) => {
                    words += 1;
                    match word.to_ascii_lowercase().as_slice() {
                        b"kill" if words == 1 => {}
                        b"hard" | b"soft" | b"connection" => {}
                        b"query" => query_only = true,
                        b"user" | b"id" => return Self::Other,
                        _ => expression = Some(start..end),
                    }
                }
                (None, _) => expression = Some(start..end),
            }
        }
        let Some(expression) = expression.and_then(|range| text.get(range)) else { return Self::Other };
        let plain = std::str::from_utf8(expression).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        match plain.and_then(|digits| digits.parse().ok()) {
            Some(id) => Self::Plain(Kill { id, query_only }),
            None if expression == b"?" => Self::Parameter { query_only },
            None => Self::Computed { expression, query_only },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> KillText<'_> {
        KillText::parse(text.as_bytes(), LexMode::default())
    }

    #[test]
    fn all_grammars_are_read() {
        for text in
            ["KILL 7", "kill connection 7;", "KILL /* it */ HARD CONNECTION 7", "KILL SOFT 7 -- now", "KILL/**/7"]
        {
            assert_eq!(parse(text), KillText::Plain(Kill { id: 7, query_only: false }), "{text}");
        }
        for text in ["KILL QUERY 7", "kill soft query\n7", "KILL /*!50000 QUERY */ 7"] {
            assert_eq!(parse(text), KillText::Plain(Kill { id: 7, query_only: true }), "{text}");
        }
    }

    #[test]
    fn expressions_are_for_a_server() {
        for (text, expected) in [
            ("KILL 3 + 4", "3 + 4"),
            ("KILL @a", "@a"),
            ("KILL 'x';", "'x'"),
            ("KILL QUERY CONNECTION_ID()", "CONNECTION_ID()"),
            ("KILL 1.5", "1.5"),
            ("KILL -1", "-1"),
            ("KILL (SELECT 5)", "(SELECT 5)"),
            ("KILL ? + 1", "? + 1"),
        ] {
            let KillText::Computed { expression, query_only } = parse(text) else { panic!("{text}") };
            assert_eq!(String::from_utf8_lossy(expression), expected);
            assert_eq!(query_only, text.contains("QUERY"));
        }
    }

    #[test]
    fn a_parameter_comes_with_the_execution() {
        assert_eq!(parse("KILL ?"), KillText::Parameter { query_only: false });
        assert_eq!(parse("KILL QUERY ?;"), KillText::Parameter { query_only: true });
    }

    #[test]
    fn what_names_no_connection_is_the_servers() {
        for text in ["KILL", "KILL QUERY", "KILL USER app", "KILL QUERY ID 7"] {
            assert_eq!(parse(text), KillText::Other, "{text}");
        }
    }
}
