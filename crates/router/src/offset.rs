//! Rows that a query leaves out before those that it gives: FOUND_ROWS() counts them.

use crate::lexer::{LexMode, Lexer, Placed, Token};

/// Whether a query of the statement leaves rows out, as `LIMIT 10 OFFSET 5`, `LIMIT 5, 10` or `OFFSET 5 ROWS`.
pub(crate) fn skips_rows(tokens: &[Token<'_>]) -> bool {
    let is_amount = |token: &Token<'_>| matches!(token, Token::Number | Token::Placeholder | Token::Word(_));
    tokens.iter().enumerate().any(|(at, token)| {
        let after = &tokens[at + 1..];
        match after {
            [amount, ..] if token.is_word("offset") => is_amount(amount),
            [_, Token::Punct(b','), ..] => token.is_word("limit"),
            _ => false,
        }
    })
}

/// How many rows the query that a text is leaves out, if the text ends with that, as a number.
pub fn offset(text: &[u8], mode: LexMode) -> Option<u64> {
    let mut pieces: Vec<Placed<'_>> = Lexer::new(text, mode).placed().collect();
    while matches!(pieces.last().map(|piece| piece.token), Some(Token::Punct(b';' | b')'))) {
        pieces.pop();
    }
    let number = |at: usize| pieces.get(at)?.number(text);
    let opened = pieces.iter().take_while(|piece| piece.token == Token::Punct(b'(')).count();
    let closed = text.iter().rev().take_while(|byte| b" \t\r\n;)".contains(byte)).filter(|byte| **byte == b')').count();
    let limit = pieces.len().checked_sub(4)?;
    let has_word = |at: usize, word: &str| pieces.get(at).is_some_and(|piece| piece.token.is_word(word));
    if !has_word(limit, "limit") || closed > opened {
        return None;
    }
    match pieces[limit + 2].token {
        Token::Punct(b',') => number(limit + 1),
        token if token.is_word("offset") => number(limit + 3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_from_the_end_of_a_query() {
        for (text, skips, expected) in [
            ("SELECT id FROM t LIMIT 10 OFFSET 20", true, Some(20)),
            ("SELECT id FROM t ORDER BY a LIMIT 20, 10;", true, Some(20)),
            ("(SELECT id FROM t LIMIT 1 OFFSET 3) ", true, Some(3)),
            ("SELECT id FROM t LIMIT ? OFFSET ?", true, None),
            ("SELECT id FROM t LIMIT ?, ?", true, None),
            ("SELECT id FROM t LIMIT 1 OFFSET 2 FOR UPDATE", true, None),
            ("SELECT id FROM t OFFSET 5 ROWS FETCH FIRST 1 ROW ONLY", true, None),
            ("SELECT * FROM (SELECT id FROM t LIMIT 1 OFFSET 1)", true, None),
            ("SELECT a FROM (SELECT id FROM t LIMIT 1 OFFSET 1) AS d LIMIT 2", true, None),
            ("SELECT id FROM t LIMIT 10", false, None),
            ("SELECT `offset` FROM t WHERE a = 1", false, None),
            ("SELECT 1", false, None),
            ("", false, None),
        ] {
            let tokens: Vec<_> = Lexer::new(text.as_bytes(), LexMode::default()).collect();
            assert_eq!(skips_rows(&tokens), skips, "{text}");
            assert_eq!(offset(text.as_bytes(), LexMode::default()), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "(SELECT|LIMIT|OFFSET|[0-9]|[(),;'`? ]|\\PC){0,20}") {
            let _ = offset(text.as_bytes(), LexMode::default());
        }
    }
}
