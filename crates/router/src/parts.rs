//! The statements of a text that has several.

use crate::lexer::{LexMode, Lexer, Token};
use crate::substitute::is_program;

/// The only statement of a text, and the semicolons and comments behind it; nothing, if there are several.
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

/// The first statement of a text, and the text behind its semicolon, where more statements are. Nothing, if it is the only
/// one, if it is empty, or if its end is not certain: semicolons also stand in the bodies of stored programs.
pub fn first_of_several(text: &[u8], mode: LexMode) -> Option<(&[u8], &[u8])> {
    let mut lexer = Lexer::new(text, mode);
    let mut tokens = Vec::new();
    loop {
        match lexer.next()? {
            Token::Punct(b';') => break,
            Token::Unterminated | Token::Executable => return None,
            token => tokens.push(token),
        }
    }
    let behind = text.get(lexer.position()..)?;
    let first = text.get(..lexer.position() - 1)?;
    // Comments are none, but servers answer them.
    let has_more = !matches!(Lexer::new(behind, mode).next(), None | Some(Token::Punct(b';')));
    (has_more && ends_at_semicolon(&tokens)).then_some((first, behind))
}

/// How many statements a text has at least.
pub fn count(text: &[u8], mode: LexMode) -> usize {
    let (mut rest, mut count) = (text, 1);
    while let Some((_, behind)) = first_of_several(rest, mode) {
        (rest, count) = (behind, count + 1);
    }
    count
}

/// Whether a statement that begins with these tokens, up to a semicolon, ends there.
fn ends_at_semicolon(tokens: &[Token<'_>]) -> bool {
    const WITH_BODY: [&str; 8] = ["if", "case", "loop", "while", "repeat", "for", "declare", "begin"];
    let is_any = |token: &Token<'_>, words: &[&str]| words.iter().any(|word| token.is_word(word));
    let is_of_program = |token: &Token<'_>| match token {
        Token::Word(word) => is_program(&String::from_utf8_lossy(word).to_ascii_lowercase()),
        _ => false,
    };
    let [first, rest @ ..] = tokens else { return false };
    match (first, rest) {
        (Token::Word(_) | Token::Quoted(_), [Token::Punct(b':'), ..]) => false,
        // It starts a transaction.
        (first, []) if first.is_word("begin") => true,
        (first, [work]) if first.is_word("begin") => work.is_word("work"),
        (first, _) if is_any(first, &WITH_BODY) => false,
        (first, _) if is_any(first, &["create", "alter"]) => !rest.iter().any(is_of_program),
        _ => !rest.iter().any(|token| token.is_word("begin")),
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
        for (text, statement, behind) in [
            ("SELECT 1; SHOW WARNINGS", "SELECT 1", " SHOW WARNINGS"),
            ("SELECT ';' /* ; */; SELECT 2; SELECT 3", "SELECT ';' /* ; */", " SELECT 2; SELECT 3"),
            ("BEGIN; SELECT 1", "BEGIN", " SELECT 1"),
            ("begin work;COMMIT", "begin work", "COMMIT"),
            ("CREATE TABLE t (a INT); SELECT 1", "CREATE TABLE t (a INT)", " SELECT 1"),
            ("SET @a:=1; SELECT 1;", "SET @a:=1", " SELECT 1;"),
            ("SELECT 1; BEGIN NOT ATOMIC SELECT 1; END", "SELECT 1", " BEGIN NOT ATOMIC SELECT 1; END"),
        ] {
            assert_eq!(first(text), Some((statement.to_owned(), behind.to_owned())), "{text}");
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
    fn a_statement_alone_may_have_semicolons_behind_it() {
        fn only(text: &str) -> Option<(&[u8], &[u8])> {
            super::only(text.as_bytes(), LexMode::default())
        }
        for tail in ["", ";", ";;", "; -- done"] {
            let text = format!("SELECT ';'{tail}");
            let parts = only(&text).map(|(statement, behind)| (statement.to_vec(), behind.to_vec()));
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
            if let Some((first, behind)) = first_of_several(text.as_bytes(), LexMode::default()) {
                proptest::prop_assert_eq!([first, behind].join(&b';'), text.as_bytes().to_vec());
            }
        }
    }
}
