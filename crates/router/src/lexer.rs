//! Cuts SQL text into tokens: one pass, no allocation, no grammar.
//!
//! It follows the session's `sql_mode` where that moves the end of a token: with ANSI_QUOTES `"x"` is an identifier,
//! with NO_BACKSLASH_ESCAPES a backslash in a string is an ordinary byte. Whatever it cannot read becomes
//! [`Token::Unterminated`], which no rule accepts as part of a read.

use memchr::{memchr, memchr2};

/// What of the session decides where tokens end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LexMode {
    /// `"x"` is an identifier.
    pub ansi_quotes: bool,
    /// A backslash does not escape.
    pub no_backslash_escapes: bool,
    /// The session's character set or mode makes byte-wise reading unsafe (big5, gbk, sjis, … have trail bytes that
    /// look like quotes' escapes; `sql_mode=ORACLE` has another grammar): nothing is proven for such sessions.
    pub unprovable: bool,
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// A keyword or an unquoted identifier.
    Word(&'a [u8]),
    /// A quoted identifier, quotes included.
    Quoted(&'a [u8]),
    /// A string literal, quotes and introducer excluded.
    Text,
    /// A number, also hexadecimal or binary.
    Number,
    /// `?`
    Placeholder,
    /// `@name`, the name without the sign.
    UserVariable(&'a [u8]),
    /// `@@name`, the name without the signs; a scope such as `session.` is part of it.
    SystemVariable(&'a [u8]),
    /// `:=`
    Assign,
    /// Any other byte.
    Punct(u8),
    /// The start of a comment whose content servers execute. The content follows as tokens.
    Executable,
    /// A string, identifier or comment without an end.
    Unterminated,
}

impl Token<'_> {
    /// Whether it is this keyword, in any case. `keyword` must be lower case.
    pub fn is_word(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword.as_bytes()))
    }
}

/// A token, and where it stands in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed<'a> {
    pub(crate) token: Token<'a>,
    /// Its first byte, an introducer included.
    pub(crate) start: usize,
    /// After its last byte.
    pub(crate) end: usize,
}

impl Placed<'_> {
    /// A word, in lower case.
    pub(crate) fn word(&self) -> Option<String> {
        match self.token {
            Token::Word(word) => Some(String::from_utf8_lossy(word).to_ascii_lowercase()),
            _ => None,
        }
    }

    /// What it is in its text.
    pub(crate) fn of<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// The number that it is in its text, if it is one without a sign, point or exponent.
    pub(crate) fn number(&self, text: &[u8]) -> Option<u64> {
        match self.token {
            Token::Number => std::str::from_utf8(self.of(text)).ok()?.parse().ok(),
            _ => None,
        }
    }
}

/// Reads tokens from the front of a text.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the last token began.
    start: usize,
    mode: LexMode,
    /// Executable comments that are open.
    executable: u32,
    hint: Option<&'a [u8]>,
}

impl<'a> Lexer<'a> {
    /// Starts at the first byte of `text`.
    pub const fn new(text: &'a [u8], mode: LexMode) -> Self {
        Self { text, at: 0, start: 0, mode, executable: 0, hint: None }
    }

    /// The content of the first comment so far that starts with `splitfin:`, without that.
    pub const fn hint(&self) -> Option<&'a [u8]> {
        self.hint
    }

    /// The rest of the tokens, and where they stand.
    pub(crate) fn placed(mut self) -> impl Iterator<Item = Placed<'a>> {
        std::iter::from_fn(move || {
            let token = self.next()?;
            Some(Placed { token, start: self.start, end: self.at })
        })
    }

    /// How much of the text was read.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| !accept(byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Skips blanks and comments, no further than the first that ends after `until`: a text may be nothing else. `Some` is a
    /// token that a comment turned out to be.
    pub(crate) fn skip_blanks(&mut self, until: usize) -> Option<Token<'a>> {
        while self.at < until {
            match self.peek(0)? {
                b' ' | b'\t'..=b'\r' => self.at += 1,
                b'#' => self.line_comment(1),
                b'-' if self.peek(1) == Some(b'-') && self.peek(2).is_none_or(|byte| byte <= b' ') => {
                    self.line_comment(2);
                }
                b'/' if self.peek(1) == Some(b'*') => {
                    if let Some(token) = self.block_comment() {
                        return Some(token);
                    }
                }
                b'*' if self.executable > 0 && self.peek(1) == Some(b'/') => {
                    self.at += 2;
                    self.executable -= 1;
                }
                _ => return None,
            }
        }
        None
    }

    fn line_comment(&mut self, opening: usize) {
        self.at += opening;
        let rest = self.rest();
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        self.note_hint(rest.get(..length).unwrap_or_default());
        self.at += length;
    }

    fn block_comment(&mut self) -> Option<Token<'a>> {
        let executable = match (self.peek(2), self.peek(3)) {
            (Some(b'!'), _) => 3,
            (Some(b'M'), Some(b'!')) => 4,
            _ => 0,
        };
        if executable > 0 {
            self.at += executable;
            self.take_while(|byte| byte.is_ascii_digit());
            self.executable += 1;
            return Some(Token::Executable);
        }
        self.at += 2;
        let rest = self.rest();
        let Some(end) = memchr::memmem::find(rest, b"*/") else {
            self.at = self.text.len();
            return Some(Token::Unterminated);
        };
        self.note_hint(rest.get(..end).unwrap_or_default());
        self.at += end + 2;
        None
    }

    fn note_hint(&mut self, comment: &'a [u8]) {
        let comment = comment.trim_ascii();
        if self.hint.is_none() && comment.len() > 9 && comment[..9].eq_ignore_ascii_case(b"splitfin:") {
            self.hint = comment.get(9..);
        }
    }

    /// The end of a quoted thing whose opening quote was just passed: a doubled quote is part of it.
    fn quoted(&mut self, quote: u8, backslash: bool) -> bool {
        loop {
            let rest = self.rest();
            let found = if backslash { memchr2(quote, b'\\', rest) } else { memchr(quote, rest) };
            let Some(at) = found else {
                self.at = self.text.len();
                return false;
            };
            self.at += at + 1;
            if rest.get(at) == Some(&b'\\') || self.peek(0) == Some(quote) {
                // An escaped byte, or the second of a doubled quote.
                self.at += 1;
            } else {
                self.at = self.at.min(self.text.len());
                return true;
            }
        }
    }

    fn text_literal(&mut self, quote: u8) -> Token<'a> {
        self.at += 1;
        match self.quoted(quote, !self.mode.no_backslash_escapes) {
            true => Token::Text,
            false => Token::Unterminated,
        }
    }

    fn identifier(&mut self, quote: u8) -> Token<'a> {
        let start = self.at;
        self.at += 1;
        match self.quoted(quote, false) {
            true => Token::Quoted(self.text.get(start..self.at).unwrap_or_default()),
            false => Token::Unterminated,
        }
    }

    fn variable(&mut self) -> Token<'a> {
        self.at += 1;
        if self.peek(0) == Some(b'@') {
            self.at += 1;
            let name = self.take_while(|byte| is_word(byte) || byte == b'.' || byte == b'`');
            return Token::SystemVariable(name);
        }
        match self.peek(0) {
            Some(quote @ (b'\'' | b'"' | b'`')) => {
                let start = self.at;
                self.at += 1;
                match self.quoted(quote, quote != b'`' && !self.mode.no_backslash_escapes) {
                    true => Token::UserVariable(self.text.get(start..self.at).unwrap_or_default()),
                    false => Token::Unterminated,
                }
            }
            _ => Token::UserVariable(self.take_while(|byte| is_word(byte) || byte == b'.')),
        }
    }

    fn word(&mut self) -> Token<'a> {
        let word = self.take_while(is_word);
        // An introducer or a typed literal: N'…', x'…', b'…', _utf8mb4'…'.
        if self.peek(0) == Some(b'\'') && is_introducer(word) {
            return self.text_literal(b'\'');
        }
        Token::Word(word)
    }

    fn number(&mut self) -> Token<'a> {
        let digits =
            self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 || byte == b'$');
        let only_digits = digits.iter().all(u8::is_ascii_digit);
        let exponent =
            matches!(digits.last(), Some(b'e' | b'E')) && digits.iter().rev().skip(1).all(u8::is_ascii_digit);
        if exponent && matches!(self.peek(0), Some(b'+' | b'-')) {
            self.at += 1;
            self.take_while(|byte| byte.is_ascii_digit());
            return Token::Number;
        }
        if only_digits && self.peek(0) == Some(b'.') {
            self.at += 1;
            self.fraction();
            return Token::Number;
        }
        // 1abc is an identifier, 0x1F and 1e5 are numbers.
        let hex = digits.len() > 2 && digits.starts_with(b"0x") && digits[2..].iter().all(u8::is_ascii_hexdigit);
        let bits =
            digits.len() > 2 && digits.starts_with(b"0b") && digits[2..].iter().all(|bit| matches!(bit, b'0' | b'1'));
        let scientific = digits.iter().filter(|byte| byte.eq_ignore_ascii_case(&b'e')).count() == 1
            && digits.iter().all(|byte| byte.is_ascii_digit() || byte.eq_ignore_ascii_case(&b'e'));
        match only_digits || hex || bits || scientific {
            true => Token::Number,
            false => Token::Word(digits),
        }
    }

    fn fraction(&mut self) {
        self.take_while(|byte| byte.is_ascii_digit());
        if matches!(self.peek(0), Some(b'e' | b'E'))
            && (self.peek(1).is_some_and(|byte| byte.is_ascii_digit() || byte == b'+' || byte == b'-'))
        {
            self.at += 2;
            self.take_while(|byte| byte.is_ascii_digit());
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let skipped = self.skip_blanks(usize::MAX);
        self.start = self.at;
        if skipped.is_some() {
            return skipped;
        }
        Some(match self.peek(0)? {
            b'\'' => self.text_literal(b'\''),
            b'"' if self.mode.ansi_quotes => self.identifier(b'"'),
            b'"' => self.text_literal(b'"'),
            b'`' => self.identifier(b'`'),
            b'@' => self.variable(),
            b'?' => {
                self.at += 1;
                Token::Placeholder
            }
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) && !self.follows_name() => {
                self.at += 1;
                self.fraction();
                Token::Number
            }
            b':' if self.peek(1) == Some(b'=') => {
                self.at += 2;
                Token::Assign
            }
            byte if is_word(byte) => self.word(),
            byte => {
                self.at += 1;
                Token::Punct(byte)
            }
        })
    }
}

impl Lexer<'_> {
    /// Whether the byte before is part of a name: `t.1a` is a column, ` .5` a number.
    fn follows_name(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at));
        before.is_some_and(|&byte| is_word(byte) || byte == b'`' || byte == b'"')
    }
}

/// Bytes of unquoted identifiers. Everything above ASCII counts: the servers decide there by character set.
const fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

/// [`is_word`] as a table: it is asked for nearly every byte of every statement.
const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        table[byte] = value.is_ascii_alphanumeric() || value == b'_' || value == b'$' || value >= 0x80;
        byte += 1;
    }
    table
};

fn is_introducer(word: &[u8]) -> bool {
    matches!(word, b"n" | b"N" | b"x" | b"X" | b"b" | b"B") || (word.first() == Some(&b'_') && word.len() > 2)
}

#[cfg(test)]
mod tests;
