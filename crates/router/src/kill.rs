//! `KILL`: what it asks for.
//!
//! MySQL: `KILL [CONNECTION | QUERY] expression`. MariaDB: `KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] {expression |
//! USER name}`.

use crate::lexer::{LexMode, Lexer, Token};

/// Which connection shall end, and how much of it.
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
        let mut lexer = Lexer::new(text, mode);
        let (mut query_only, mut start, mut end) = (false, None, 0);
        let mut words = 0;
        while let Some(token) = lexer.next() {
            match token {
                Token::Executable | Token::Punct(b';') => continue,
                _ if start.is_some() => {}
                Token::Word(word) => {
                    words += 1;
                    match word.to_ascii_lowercase().as_slice() {
                        b"kill" if words == 1 => continue,
                        b"hard" | b"soft" | b"connection" => continue,
                        b"query" => {
                            query_only = true;
                            continue;
                        }
                        b"user" | b"id" => return Self::Other,
                        _ => start = Some(lexer.position() - word.len()),
                    }
                }
                Token::Number => start = Some(number_start(text, lexer.position())),
                // Strings begin somewhere behind the words.
                _ => start = Some(behind_words(text, mode)),
            }
            end = lexer.position();
        }
        let Some(expression) = start.and_then(|start| text.get(start..end)).map(<[u8]>::trim_ascii) else {
            return Self::Other;
        };
        let plain = std::str::from_utf8(expression).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        match plain.and_then(|digits| digits.parse().ok()) {
            Some(id) => Self::Plain(Kill { id, query_only }),
            None if expression == b"?" => Self::Parameter { query_only },
            None => Self::Computed { expression, query_only },
        }
    }
}

/// Where the number begins that ends here.
pub(crate) fn number_start(text: &[u8], end: usize) -> usize {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$');
    text[..end].iter().rposition(|byte| !part(byte)).map_or(0, |at| at + 1)
}

/// Where the words end that say what to kill.
fn behind_words(text: &[u8], mode: LexMode) -> usize {
    let mut lexer = Lexer::new(text, mode);
    let mut end = 0;
    while let Some(Token::Executable | Token::Word(_)) = lexer.next() {
        end = lexer.position();
    }
    end
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
