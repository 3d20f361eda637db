//! A statement without its literals: what is the same for all executions of the same query.

use crate::lexer::{LexMode, Lexer, Token};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// Hash of a statement's normalised text. Stable over restarts and versions (XXH3, 64 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub u64);

impl Digest {
    /// The digest of a normalised text.
    pub fn of(normalised: &[u8]) -> Self {
        Self(xxh3_64(normalised))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Writes the normalised text of `text` into `out`, which is emptied first, and returns the routing hint in it.
///
/// Words are lower case, tokens are separated by one blank, literals and placeholders are `?`, lists of them are `?, …`
/// whatever their length. Comments are gone; executable ones leave `/*!` behind, as they are code.
pub fn normalise<'a>(text: &'a [u8], mode: LexMode, out: &mut Vec<u8>) -> Option<&'a [u8]> {
    out.clear();
    let mut lexer = Lexer::new(text, mode);
    let mut normaliser = Normaliser::default();
    for token in lexer.by_ref() {
        normaliser.push(token, out);
    }
    lexer.hint()
}

/// Writes a normalised text token by token.
#[derive(Debug)]
pub(crate) struct Normaliser {
    /// Length of the text after the last literal, to see whether only a comma stands between two of them.
    literal_end: usize,
    in_list: bool,
}

impl Default for Normaliser {
    fn default() -> Self {
        Self { literal_end: usize::MAX, in_list: false }
    }
}

impl Normaliser {
    /// Appends the next token to `out`.
    pub(crate) fn push(&mut self, token: Token<'_>, out: &mut Vec<u8>) {
        let is_literal = matches!(token, Token::Text | Token::Number | Token::Placeholder);
        if is_literal && out.len() == self.literal_end.wrapping_add(2) && out.ends_with(b" ,") {
            out.truncate(self.literal_end);
            if !self.in_list {
                out.extend_from_slice(b", ...");
                self.in_list = true;
            }
            self.literal_end = out.len();
            return;
        }
        if !out.is_empty() {
            out.push(b' ');
        }
        match token {
            Token::Word(word) => push_lower(out, word),
            Token::Quoted(name) => out.extend_from_slice(name),
            Token::Text | Token::Number | Token::Placeholder => {
                out.push(b'?');
                self.literal_end = out.len();
                self.in_list = false;
            }
            Token::UserVariable(name) => {
                out.push(b'@');
                push_lower(out, name);
            }
            Token::SystemVariable(name) => {
                out.extend_from_slice(b"@@");
                push_lower(out, name);
            }
            Token::Assign => out.extend_from_slice(b":="),
            Token::Punct(byte) => out.push(byte),
            Token::Executable => out.extend_from_slice(b"/*!"),
            Token::Unterminated => out.extend_from_slice(b"<unterminated>"),
        }
    }
}

fn push_lower(out: &mut Vec<u8>, word: &[u8]) {
    let start = out.len();
    out.extend_from_slice(word);
    out[start..].make_ascii_lowercase();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sql: &str) -> String {
        let mut out = Vec::new();
        normalise(sql.as_bytes(), LexMode::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn literals_case_blanks_and_comments_do_not_matter() {
        let expected = "select * from t where a = ? and b = ?";
        for sql in [
            "SELECT * FROM t WHERE a=1 AND b='x'",
            "select  *\nfrom T where A = 0x1F and b = \"y\" -- why",
            "/* app */ SELECT * FROM t WHERE a = ? AND b = ?",
        ] {
            assert_eq!(text(sql), expected);
        }
    }

    #[test]
    fn lists_of_literals_are_one_list() {
        let lists =
            ["(1,2)", "(1, 2, 3)", "(?,?,?,?,?)"].map(|list| text(&format!("SELECT a FROM t WHERE b IN {list}")));
        assert!(lists.iter().all(|list| list == "select a from t where b in ( ?, ... )"), "{lists:?}");
        assert_eq!(text("SELECT f(1), 2"), "select f ( ? ) , ?");
        assert_eq!(text("VALUES (1,2),(3,4)"), "values ( ?, ... ) , ( ?, ... )");
    }

    #[test]
    fn different_statements_stay_different() {
        let different =
            ["SELECT a", "SELECT `a`", "SELECT 'a'", "SELECT @a", "SELECT @@a", "SELECT a /*! b */"].map(text);
        for (index, one) in different.iter().enumerate() {
            assert!(different[index + 1..].iter().all(|other| other != one), "{one}");
        }
    }

    #[test]
    fn the_digest_is_stable() {
        assert_eq!(Digest::of(b"select ?").to_string(), Digest::of(b"select ?").to_string());
        assert_eq!(Digest::of(b"").to_string(), "2d06800538d394c2");
    }
}
