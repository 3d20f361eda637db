//! `KILL`: what it asks for.
//!
//! MySQL: `KILL [CONNECTION | QUERY] id`. MariaDB: `KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] {id | USER name}`.

use crate::lexer::{LexMode, Lexer, Token};
use thiserror::Error;

/// What a KILL asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// The session, by the id of its greeting, which `CONNECTION_ID()` gives.
    pub session: u32,
    /// Only what it runs; else the session ends.
    pub query_only: bool,
}

/// A KILL that Splitfin cannot serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KillError {
    /// `KILL USER`, `KILL QUERY ID`, or an id that is computed.
    #[error("KILL other than by a plain connection id")]
    Unsupported,
    /// A number that is no id of any session.
    #[error("Unknown thread id: {0}")]
    Unknown(u64),
}

impl Kill {
    /// Reads a statement whose class is [`crate::Class::Kill`].
    pub fn parse(text: &[u8], mode: LexMode) -> Result<Self, KillError> {
        let mut lexer = Lexer::new(text, mode);
        let mut words = Vec::new();
        let mut id = None;
        while let Some(token) = lexer.next() {
            match token {
                Token::Word(word) if id.is_none() => words.push(word.to_ascii_lowercase()),
                Token::Number if id.is_none() => id = Some(digits_before(text, lexer.position())),
                Token::Punct(b';') => {}
                _ => return Err(KillError::Unsupported),
            }
        }
        let mut words: Vec<&[u8]> = words.iter().skip(1).map(Vec::as_slice).collect();
        if matches!(words.first(), Some(&(b"hard" | b"soft"))) {
            words.remove(0);
        }
        let query_only = match words.as_slice() {
            [] | [b"connection"] => false,
            [b"query"] => true,
            _ => return Err(KillError::Unsupported),
        };
        let id = id.flatten().ok_or(KillError::Unsupported)?;
        let session = u32::try_from(id).map_err(|_| KillError::Unknown(id))?;
        Ok(Self { session, query_only })
    }
}

/// The decimal number that ends here.
fn digits_before(text: &[u8], end: usize) -> Option<u64> {
    let front = text.get(..end)?;
    let start = front.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let before = start.checked_sub(1).and_then(|at| front.get(at));
    let is_part = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'));
    std::str::from_utf8(front.get(start..)?).ok().filter(|_| !is_part)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(u32, bool), KillError> {
        Kill::parse(text.as_bytes(), LexMode::default()).map(|kill| (kill.session, kill.query_only))
    }

    #[test]
    fn all_grammars_are_read() {
        for text in
            ["KILL 7", "kill connection 7;", "KILL /* it */ HARD CONNECTION 7", "KILL SOFT 7 -- now", "KILL/**/7"]
        {
            assert_eq!(parse(text), Ok((7, false)), "{text}");
        }
        for text in ["KILL QUERY 7", "kill soft query\n7"] {
            assert_eq!(parse(text), Ok((7, true)), "{text}");
        }
    }

    #[test]
    fn what_has_no_plain_id_is_not_guessed() {
        for text in [
            "KILL",
            "KILL USER app",
            "KILL QUERY ID 7",
            "KILL 3 + 4",
            "KILL @a",
            "KILL 'x'",
            "KILL 1.5",
            "KILL 0x7",
            "KILL ?",
        ] {
            assert_eq!(parse(text), Err(KillError::Unsupported), "{text}");
        }
        assert_eq!(parse("KILL 99999999999"), Err(KillError::Unknown(99_999_999_999)));
    }
}
