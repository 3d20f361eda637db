//! Texts of any length, read in pieces, with memory that does not grow with them.
//!
//! Long statements are long because of their literals: rows to insert, lists to look up. Those are read, and not kept. What
//! is left is judged as any statement; if too much is left, the text is a write that may have done anything.

use crate::classify::{judge, judge_beginning};
use crate::digest::Normaliser;
use crate::lexer::{LexMode, Lexer, Token};
use crate::statement::Statement;

/// A text that is read piece by piece: its reader has others to serve in between.
#[derive(Debug)]
pub struct LongText<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) mode: LexMode,
    lexer: Lexer<'a>,
    kept: Vec<Token<'a>>,
    normaliser: Normaliser,
    normalised: Vec<u8>,
}

impl<'a> LongText<'a> {
    /// Texts from this length on, in bytes, are read like this.
    pub const FROM: usize = 64 * 1024;

    /// Nothing of it is read yet.
    pub fn new(text: &'a [u8], mode: LexMode) -> Self {
        let (normaliser, normalised) = (Normaliser::default(), Vec::new());
        Self { text, mode, lexer: Lexer::new(text, mode), kept: Vec::new(), normaliser, normalised }
    }

    /// Reads on for `bytes`, or a little more. True at the end.
    pub fn read_on(&mut self, bytes: usize) -> bool {
        let until = self.lexer.position().saturating_add(bytes);
        while self.lexer.position() < until {
            let found = self.lexer.skip_blanks(until);
            if found.is_none() && self.lexer.position() >= until {
                return false;
            }
            match found.or_else(|| self.lexer.next()) {
                Some(token) if !self.is_too_much() => self.keep(token),
                Some(_) | None => return true,
            }
        }
        false
    }

    /// Whether more is left than is judged.
    pub(crate) fn is_too_much(&self) -> bool {
        self.kept.len() >= MOST_TOKENS
    }

    /// What it is, as far as was read.
    pub(crate) fn judge(&self) -> Statement {
        match self.is_too_much() {
            true => {
                let first = self.kept.get(..BEGINNING).unwrap_or(&self.kept);
                Statement::of_beginning(&self.normalised, first, judge_beginning(first))
            }
            false => Statement::of_tokens(&self.normalised, &self.kept, judge(self.text, &self.kept, self.mode)),
        }
    }

    /// The routing hint, if there was one so far.
    pub(crate) const fn hint(&self) -> Option<&'a [u8]> {
        self.lexer.hint()
    }

    fn keep(&mut self, token: Token<'a>) {
        if self.normalised.len() < LONGEST_NORMALISED {
            self.normaliser.push(token, &mut self.normalised);
        }
        let token = if is_literal(&token) { Token::Number } else { token };
        if token == Token::Number {
            self.end_with_separator();
            if self.kept.last() == Some(&Token::Number) {
                return;
            }
        }
        self.kept.push(token);
        if token == Token::Punct(b')') && self.kept.ends_with(&TWO_ROWS) {
            self.kept.truncate(self.kept.len() - TWO_ROWS.len() / 2);
        }
    }

    /// Takes off what separates a literal from the one before, and its sign.
    fn end_with_separator(&mut self) {
        const COMMA: Token<'_> = Token::Punct(b',');
        if let [.., before, Token::Punct(b'-' | b'+')] = *self.kept.as_slice()
            && matches!(before, Token::Punct(b',' | b'(' | b'='))
        {
            self.kept.pop();
        }
        if self.kept.ends_with(&[Token::Number, COMMA]) {
            self.kept.pop();
        }
    }
}

/// Whether it is a literal: all of them are the same here.
pub(crate) fn is_literal(token: &Token<'_>) -> bool {
    match token {
        Token::Text | Token::Number | Token::Placeholder => true,
        Token::Word(word) => [&b"null"[..], b"default", b"true", b"false"].iter().any(|w| word.eq_ignore_ascii_case(w)),
        _ => false,
    }
}

/// The end of a row of literals, and another one.
const TWO_ROWS: [Token<'static>; 8] = {
    const ROW: [Token<'static>; 4] = [Token::Punct(b','), Token::Punct(b'('), Token::Number, Token::Punct(b')')];
    [ROW[0], ROW[1], ROW[2], ROW[3], ROW[0], ROW[1], ROW[2], ROW[3]]
};
/// Tokens that are kept at most: some 3 MiB.
const MOST_TOKENS: usize = 100_000;
/// Tokens that tell what a statement is for.
const BEGINNING: usize = 64;
/// Bytes of the normalised text that are kept, about.
const LONGEST_NORMALISED: usize = 17 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Because, Class, Leaves, Statements};
    use std::rc::Rc;

    fn statement(text: &str) -> Rc<Statement> {
        let mut long = LongText::new(text.as_bytes(), LexMode::default());
        while !long.read_on(1000) {}
        Statements::new(1 << 16).look_up_long(long).statement
    }

    fn judged(text: &str) -> (Class, Leaves) {
        let statement = statement(text);
        (statement.class, statement.leaves)
    }

    #[test]
    fn blanks_are_read_in_pieces_too() {
        for blank in [" ", "/* nothing */", "-- nothing\n", "\n"] {
            let text = format!("SELECT{}1", blank.repeat(100_000 / blank.len()));
            let mut long = LongText::new(text.as_bytes(), LexMode::default());
            let mut pieces = 1;
            while !long.read_on(1000) {
                pieces += 1;
            }
            assert!(pieces > 90, "{pieces} for {blank:?}");
            assert_eq!(judged(&text).0, Class::Read, "{blank:?}");
        }
    }

    #[test]
    fn literals_are_not_kept() {
        for (first, more) in [
            ("INSERT INTO t VALUES (1,'a',NULL)", ",(2, -7.5 , 'it''s')"),
            ("SELECT a FROM t WHERE a IN (1", ", 17"),
            ("INSERT INTO t VALUES (?,?)", ", (?, ?)"),
        ] {
            let text = format!("{first}{}", more.repeat(50_000));
            let mut long = LongText::new(text.as_bytes(), LexMode::default());
            while !long.read_on(64 * 1024) {}
            assert!(long.kept.len() < 30, "{first}: {}", long.kept.len());
            assert!(long.normalised.len() < LONGEST_NORMALISED + 100);
        }
    }

    #[test]
    fn a_long_statement_is_what_a_short_one_is() {
        for (first, more, last) in [
            ("SELECT a FROM t WHERE a IN (1", ", 2", ")"),
            ("SELECT a FROM t WHERE a IN (1", ", -2, 'x'", ") FOR UPDATE"),
            ("INSERT INTO t VALUES (1, NULL)", ", (2, 'b')", ", (3, CONNECTION_ID())"),
            ("INSERT INTO t VALUES (1, NULL)", ", (2, NOW())", ", (3, @a := 4)"),
            ("INSERT INTO t VALUES (1)", ", (-2)", "; SET @x = 1; SET sql_notes = 0"),
            ("INSERT INTO t VALUES (1)", ", (2)", ", (GET_LOCK('a', 1), LAST_INSERT_ID())"),
            ("SET @a = CONCAT('a'", ", 'b'", ")"),
            ("SELECT 1", ", 2", " INTO @a, @b"),
            ("CALL p(1", ", 2", ", @out)"),
            ("SELECT 1", ", 2", " UNION SELECT 3 LIMIT 1 OFFSET 2"),
            ("SELECT 'a", "a", ""),
            ("BEGIN NOT ATOMIC SELECT 1", ", 2", "; SHOW WARNINGS; END"),
        ] {
            let short = format!("{first}{}{last}", more.repeat(3));
            let long = format!("{first}{}{last}", more.repeat(2_000));
            let expected = Statement::of_text(short.as_bytes(), LexMode::default());
            for text in [&long, &short] {
                let found = statement(text);
                assert_eq!((found.class, found.verb), (expected.class, expected.verb), "{short}");
                assert_eq!((found.asks, found.leaves), (expected.asks, expected.leaves), "{short}");
                assert_eq!(found.last_insert_id, expected.last_insert_id, "{short}");
                assert_eq!(found.found_rows(true), expected.found_rows(true), "{short}");
            }
        }
    }

    #[test]
    fn a_table_that_is_described_is_the_same_in_a_long_text() {
        for (text, is_read) in [
            ("DESC orders", true),
            ("DESC shop.orders item", true),
            ("DESC shop.orders 'it%'", true),
            ("DESC datab ? 22 ! -", false),
            ("DESC a, 1, 2", false),
            ("DESC a b c d e", false),
            ("EXPLAIN FORMAT=JSON SELECT 1", true),
            ("EXPLAIN FORMAT='json' '' SELECT 1", true),
        ] {
            let short = Statement::of_text(text.as_bytes(), LexMode::default()).class == Class::Read;
            assert_eq!((short, judged(text).0 == Class::Read), (is_read, is_read), "{text}");
        }
    }

    #[test]
    fn what_is_too_much_is_a_write_that_may_have_done_anything() {
        for (first, more) in
            [("SELECT 1", "+a"), ("", "("), ("SELECT 1", ";SELECT a"), ("SELECT ", "a("), ("SELECT 1", ",a(")]
        {
            let (class, leaves) = judged(&format!("{first}{}", more.repeat(200_000)));
            let because = if more == "a(" || more == ",a(" { Because::UnknownFunction } else { Because::TooLong };
            assert_eq!(class, Class::Write(because), "{more}");
            assert!(leaves.contains(Leaves::UNTRACKED_VARIABLE | Leaves::UNREPORTED | Leaves::RUNS_OTHERS));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_proof_holds_for_a_long_text_as_for_a_short_one(
            text in "(SELECT|INTO|@a|:=|,|\\(|\\)|-|1|'x'|NULL|t|FOR|UPDATE|LIMIT|OFFSET|;|f|\\.| ){0,40}"
        ) {
            let (short, effects) = crate::classify::classify(text.as_bytes(), LexMode::default());
            let leaves = effects.leaves;
            let (long, more) = judged(&text);
            // It may see less of a proof, never more.
            proptest::prop_assert!(long != Class::Read || short == Class::Read, "{short:?} {long:?}");
            proptest::prop_assert!(more.contains(leaves - Leaves::SKIPS_ROWS), "{leaves:?} {more:?}");
        }
    }
}
