//! The statements of a text that has several.

use crate::lexer::{LexMode, Lexer, Token};
use crate::lower::lower;
use crate::substitute::is_program;

/// The only statement of a text, and the semicolons and comments after it; nothing, if there are several.
pub(crate) fn only(text: &[u8], mode: LexMode) -> Option<(&[u8], &[u8])> {
    let mut lexer = Lexer::new(text, mode);
    let mut end = None;
    while let Some(token) = lexer.next() {
        match (token, end) {
            (Token::Punct(b';'), None) => end = Some(lexer.position() - 1),
            (Token::Punct(b';'), Some(_)) | (_, None) => {}
            (_, Some(_)) => return None,
        }
    }
    Some(text.split_at(end.unwrap_or(text.len())))
}

/// The first statement of a text, and the text after its semicolon, where more statements are. Nothing, if it is the only
/// one, if it is empty, or if its end is not certain: semicolons also stand in the bodies of stored programs.
pub fn first_of_several(text: &[u8], mode: LexMode) -> Option<(&[u8], &[u8])> {
    let mut lexer = Lexer::new(text, mode);
    let mut ending = Ending::default();
    loop {
        match lexer.next()? {
            Token::Punct(b';') => break,
            Token::Unterminated | Token::Executable => return None,
            token => ending.take(token),
        }
    }
    let after = text.get(lexer.position()..)?;
    let first = text.get(..lexer.position() - 1)?;
    // Comments are none, but servers answer them.
    let has_more = !matches!(Lexer::new(after, mode).next(), None | Some(Token::Punct(b';')));
    (has_more && ending.is_certain()).then_some((first, after))
}

/// Whether a text may have several statements; cheap, and without regard to what is a literal.
pub fn may_be_several(text: &[u8]) -> bool {
    memchr::memchr(b';', text).is_some()
}

/// How many statements a text has at least.
pub fn count(text: &[u8], mode: LexMode) -> usize {
    let (mut rest, mut count) = (text, 1);
    while let Some((_, after)) = first_of_several(rest, mode) {
        (rest, count) = (after, count + 1);
    }
    count
}

/// Whether a statement ends at its first semicolon, by the tokens up to there.
#[derive(Debug, Default)]
struct Ending<'a> {
    first: Option<Token<'a>>,
    second: Option<Token<'a>>,
    /// How many there are.
    count: usize,
    /// One after the first is `begin`.
    begins: bool,
    /// One after the first says that a program is stored.
    is_program: bool,
}

impl<'a> Ending<'a> {
    fn take(&mut self, token: Token<'a>) {
        self.count += 1;
        match self.count {
            1 => self.first = Some(token),
            2 => self.second = Some(token),
            _ => {}
        }
        if self.count > 1
            && let Token::Word(word) = token
        {
            self.begins |= token.is_word("begin");
            self.is_program |= is_program(&lower(word));
        }
    }

    fn is_certain(&self) -> bool {
        const WITH_BODY: [&str; 8] = ["if", "case", "loop", "while", "repeat", "for", "declare", "begin"];
        let Some(first) = self.first else { return false };
        let is_any = |words: &[&str]| words.iter().any(|word| first.is_word(word));
        match (first, self.second) {
            (Token::Word(_) | Token::Quoted(_), Some(Token::Punct(b':'))) => false,
            // It starts a transaction.
            _ if first.is_word("begin") => {
                self.count == 1 || (self.count == 2 && self.second.is_some_and(|work| work.is_word("work")))
            }
            _ if is_any(&WITH_BODY) => false,
            _ if is_any(&["create", "alter"]) => !self.is_program,
            _ => !self.begins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Option<(String, String)> {
        let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        first_of_several(text.as_bytes(), LexMode::default()).map(|(first, rest)| (text_of(first), text_of(rest)))
    }

    #[test]
    fn a_statement_ends_at_its_semicolon() {
        for (text, statement, after) in [
            ("SELECT 1; SHOW WARNINGS", "SELECT 1", " SHOW WARNINGS"),
            ("SELECT ';' /* ; */; SELECT 2; SELECT 3", "SELECT ';' /* ; */", " SELECT 2; SELECT 3"),
            ("BEGIN; SELECT 1", "BEGIN", " SELECT 1"),
            ("begin work;COMMIT", "begin work", "COMMIT"),
            ("CREATE TABLE t (a INT); SELECT 1", "CREATE TABLE t (a INT)", " SELECT 1"),
            ("SET @a:=1; SELECT 1;", "SET @a:=1", " SELECT 1;"),
            ("SELECT 1; BEGIN NOT ATOMIC SELECT 1; END", "SELECT 1", " BEGIN NOT ATOMIC SELECT 1; END"),
        ] {
            assert_eq!(first(text), Some((statement.to_owned(), after.to_owned())), "{text}");
        }
    }

    #[test]
    fn statements_are_counted() {
        for (text, expected) in
            [("SELECT 1", 1), ("SELECT 1; DO 2;", 2), ("DO 1; DO 2; IF 1 THEN DO 3; END IF; DO 4", 3)]
        {
            assert_eq!(count(text.as_bytes(), LexMode::default()), expected, "{text}");
        }
    }

    #[test]
    fn a_statement_alone_may_have_semicolons_after_it() {
        fn only(text: &str) -> Option<(&[u8], &[u8])> {
            super::only(text.as_bytes(), LexMode::default())
        }
        for tail in ["", ";", ";;", "; -- done"] {
            let text = format!("SELECT ';'{tail}");
            let parts = only(&text).map(|(statement, after)| (statement.to_vec(), after.to_vec()));
            assert_eq!(parts, Some((b"SELECT ';'".to_vec(), tail.as_bytes().to_vec())), "{text}");
        }
        assert_eq!(only("SELECT 1; SELECT 2"), None);
        assert_eq!(only(""), Some((b"".as_slice(), b"".as_slice())));
    }

    #[test]
    fn what_is_not_certain_stays_in_one_piece() {
        for text in [
            "",
            "SELECT 1",
            "SELECT 1;",
            "SELECT 1; -- no more",
            "SELECT 1;; SELECT 2",
            "; SELECT 1",
            "SELECT 'open; SELECT 1",
            "/*!50000 SELECT 1 */; SELECT 2",
            "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END",
            "SET STATEMENT max_statement_time=1 FOR BEGIN NOT ATOMIC SELECT 1; END",
            "IF 1 THEN SELECT 1; END IF",
            "x: LOOP SELECT 1; END LOOP",
            "`x`: WHILE 1 DO SELECT 1; END WHILE",
            "CREATE PROCEDURE p() BEGIN SELECT 1; END",
            "CREATE OR REPLACE DEFINER=a@b TRIGGER t BEFORE INSERT ON x FOR EACH ROW IF 1 THEN SET @a=1; END IF",
            "ALTER EVENT e DO BEGIN SELECT 1; END",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost(text in "(SELECT|BEGIN|IF|[;:'`\"/*#-]|\\PC){0,20}") {
            if let Some((first, after)) = first_of_several(text.as_bytes(), LexMode::default()) {
                proptest::prop_assert_eq!([first, after].join(&b';'), text.as_bytes().to_vec());
            }
        }
    }
}
