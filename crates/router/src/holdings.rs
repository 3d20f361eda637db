//! What a session has on its connection by name, so that it is known when the last of it is gone and the connection is
//! free again: temporary tables, statements prepared as text, open HANDLERs, user locks.

use crate::facts::Pins;
use crate::lexer::{LexMode, Lexer, Placed, Token};
use std::collections::BTreeSet;

/// Things of one kind.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Things {
    named: BTreeSet<String>,
    /// There is one whose name is not known: it stays until all of the session goes.
    nameless: bool,
}

impl Things {
    fn is_any(&self) -> bool {
        self.nameless || !self.named.is_empty()
    }

    fn make(&mut self, name: Option<String>) {
        match name {
            Some(name) => drop(self.named.insert(name)),
            None => self.nameless = true,
        }
    }
}

/// What one session has on its connection.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Holdings {
    tables: Things,
    prepared: Things,
    handlers: Things,
    locks: Things,
}

impl Holdings {
    /// The pins that this is about.
    pub const PINS: Pins = Pins::TEMPORARY_TABLE.union(Pins::TEXT_PREPARE).union(Pins::HANDLER).union(Pins::USER_LOCK);

    /// The pins that are still there for something.
    pub fn pins(&self) -> Pins {
        let mut pins = Pins::empty();
        pins.set(Pins::TEMPORARY_TABLE, self.tables.is_any());
        pins.set(Pins::TEXT_PREPARE, self.prepared.is_any());
        pins.set(Pins::HANDLER, self.handlers.is_any());
        pins.set(Pins::USER_LOCK, self.locks.is_any());
        pins
    }

    /// Takes over what a statement did. One that failed may have made things, but drops none for certain.
    pub fn note(&mut self, text: &[u8], mode: LexMode, database: Option<&str>, failed: bool) {
        let code = Lexer::new(text, mode).placed().filter(|piece| piece.token != Token::Executable);
        let pieces: Vec<Placed<'_>> = code.collect();
        let statements: Vec<_> = pieces.split(|piece| piece.token == Token::Punct(b';')).collect();
        // One of several may have been done before the failure.
        let alone = statements.len() == 1;
        for statement in statements {
            self.note_one(&Words { pieces: statement, text, database }, failed, alone);
        }
    }

    /// What a session's statement may have assigned: its user variables, each name once, in lower case.
    pub fn user_variables(text: &[u8], mode: LexMode) -> BTreeSet<Box<str>> {
        let name = |token| match token {
            Token::UserVariable(name) => Some(variable_name(name)),
            _ => None,
        };
        Lexer::new(text, mode).filter_map(name).collect()
    }

    fn note_one(&mut self, words: &Words<'_>, failed: bool, alone: bool) {
        for at in words.calls("get_lock") {
            self.locks.make(words.literal(at));
        }
        if matches!(words.word(0).as_str(), "deallocate" | "drop") && words.is(1, "prepare") {
            // It fails only if there is none.
            self.prepared.named.remove(&words.name(2).map(|name| name.to_lowercase()).unwrap_or_default());
        }
        if failed && alone {
            return;
        }
        if words.is(0, "create") && words.any("temporary") {
            let at = words.after(&["table", "sequence"]);
            self.tables.make(at.and_then(|at| words.table(words.skip_if_exists(at))));
        }
        if words.is(0, "prepare") {
            self.prepared.make(words.name(1).map(|name| name.to_lowercase()));
        }
        if words.is(0, "handler") && words.any("open") {
            self.handlers.make(words.last_name());
        }
        if failed {
            return;
        }
        match (words.word(0).as_str(), words.word(1).as_str()) {
            ("drop", "table" | "temporary") => {
                let at = words.after(&["table", "sequence"]).map(|at| words.skip_if_exists(at));
                for name in at.map(|at| words.tables(at)).unwrap_or_default() {
                    self.tables.named.remove(&name);
                }
            }
            ("alter" | "rename", _) if words.any("rename") && !self.tables.named.is_empty() => {
                self.tables.nameless = true;
            }
            ("handler", _) if words.any("close") => {
                self.handlers.named.remove(&words.name(1).unwrap_or_default());
            }
            _ if !words.calls("release_all_locks").is_empty() => self.locks = Things::default(),
            _ => {}
        }
    }

    /// The expression that tells whether the connection still has any user lock, if all their names are known.
    pub fn ask_for_locks(&self) -> Option<String> {
        if self.locks.nameless || self.locks.named.is_empty() {
            return None;
        }
        let held = self.locks.named.iter().map(|name| format!("IS_USED_LOCK({name})<=>CONNECTION_ID()"));
        Some(held.collect::<Vec<_>>().join(" OR "))
    }

    /// The server said that there is no user lock any more.
    pub fn no_locks(&mut self) {
        self.locks = Things::default();
    }
}

/// One statement's tokens.
struct Words<'a> {
    pieces: &'a [Placed<'a>],
    text: &'a [u8],
    database: Option<&'a str>,
}

impl Words<'_> {
    fn word(&self, at: usize) -> String {
        self.pieces.get(at).and_then(Placed::word).unwrap_or_default()
    }

    fn is(&self, at: usize, keyword: &str) -> bool {
        self.pieces.get(at).is_some_and(|piece| piece.token.is_word(keyword))
    }

    fn any(&self, keyword: &str) -> bool {
        self.pieces.iter().any(|piece| piece.token.is_word(keyword))
    }

    /// After the first of these words.
    fn after(&self, keywords: &[&str]) -> Option<usize> {
        let at = (0..self.pieces.len()).find(|at| keywords.iter().any(|keyword| self.is(*at, keyword)));
        at.map(|at| at + 1)
    }

    /// After `IF [NOT] EXISTS`.
    fn skip_if_exists(&self, at: usize) -> usize {
        match (self.is(at, "if"), self.is(at + 1, "not")) {
            (true, true) => at + 3,
            (true, false) => at + 2,
            _ => at,
        }
    }

    /// A plain or quoted name.
    fn name(&self, at: usize) -> Option<String> {
        match self.pieces.get(at)?.token {
            Token::Word(word) => Some(String::from_utf8_lossy(word).into_owned()),
            Token::Quoted(name) => {
                let inner = name.get(1..name.len().saturating_sub(1)).unwrap_or_default();
                Some(String::from_utf8_lossy(inner).replace("``", "`"))
            }
            _ => None,
        }
    }

    /// `[database.]table`, with the database.
    fn table(&self, at: usize) -> Option<String> {
        let first = self.name(at)?;
        let dot = self.pieces.get(at + 1).is_some_and(|piece| piece.token == Token::Punct(b'.'));
        match dot {
            true => Some(format!("{first}.{}", self.name(at + 2)?)),
            false => Some(format!("{}.{first}", self.database.unwrap_or_default())),
        }
    }

    /// Tables between commas from `at` on.
    fn tables(&self, at: usize) -> Vec<String> {
        let commas = (at..self.pieces.len()).filter(|at| self.pieces[*at].token == Token::Punct(b',')).map(|at| at + 1);
        std::iter::once(at).chain(commas).filter_map(|at| self.table(at)).collect()
    }

    /// The name that a HANDLER is opened under: the last one.
    fn last_name(&self) -> Option<String> {
        let last = self.pieces.len().checked_sub(1)?;
        match self.is(last, "open") {
            true => self.name(last.checked_sub(1)?),
            false => self.name(last),
        }
    }

    /// Where the first arguments of calls of this function stand.
    fn calls(&self, function: &str) -> Vec<usize> {
        let called = |at: usize| self.pieces.get(at + 1).is_some_and(|piece| piece.token == Token::Punct(b'('));
        (0..self.pieces.len()).filter(|at| self.is(*at, function) && called(*at)).map(|at| at + 2).collect()
    }

    /// A text literal, quotes included, if it is all of an argument.
    fn literal(&self, at: usize) -> Option<String> {
        let piece = self.pieces.get(at).filter(|piece| piece.token == Token::Text)?;
        let alone = matches!(self.pieces.get(at + 1)?.token, Token::Punct(b',' | b')'));
        alone.then(|| String::from_utf8_lossy(piece.of(self.text)).into_owned())
    }
}

/// The name of a user variable as it stands in a text, in lower case and without quotes.
pub(crate) fn variable_name(name: &[u8]) -> Box<str> {
    let name = String::from_utf8_lossy(name).to_lowercase();
    let inner = name.strip_prefix(['`', '\'', '"']).and_then(|name| name.get(..name.len().checked_sub(1)?));
    inner.unwrap_or(&name).replace("``", "`").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(statements: &[&str]) -> Pins {
        let mut holdings = Holdings::default();
        for text in statements {
            holdings.note(text.as_bytes(), LexMode::default(), Some("shop"), false);
        }
        holdings.pins()
    }

    #[test]
    fn the_last_of_a_kind_ends_its_pin() {
        for (make, part, rest) in [
            ("CREATE TEMPORARY TABLE a (id INT)", "DROP TABLE other.a", "DROP TEMPORARY TABLE IF EXISTS shop.`a`, b"),
            (
                "CREATE TEMPORARY TABLE IF NOT EXISTS a SELECT 1; CREATE TEMPORARY TABLE x.b LIKE t",
                "DROP TABLE a",
                "DROP TABLE x.b",
            ),
            ("PREPARE S FROM 'SELECT 1'", "DEALLOCATE PREPARE t", "drop prepare s"),
            ("HANDLER t OPEN AS h", "HANDLER t CLOSE", "HANDLER h CLOSE"),
            ("HANDLER shop.t OPEN", "SELECT 1", "HANDLER t CLOSE"),
            ("SELECT GET_LOCK('a', 1), GET_LOCK ( \"b\" , 1)", "SELECT RELEASE_LOCK('a')", "DO RELEASE_ALL_LOCKS()"),
        ] {
            assert!(!after(&[make]).is_empty(), "{make}");
            assert!(!after(&[make, part]).is_empty(), "{make}, {part}");
            assert_eq!(after(&[make, part, rest]), Pins::empty(), "{make}, {rest}");
        }
    }

    #[test]
    fn what_has_no_name_here_stays() {
        assert_eq!(after(&["SELECT GET_LOCK(CONCAT('a', 'b'), 1)"]), Pins::USER_LOCK);
        assert_eq!(after(&["SELECT GET_LOCK(?, 1)"]), Pins::USER_LOCK);
        assert_eq!(
            after(&["CREATE TEMPORARY TABLE a (i INT)", "ALTER TABLE a RENAME b", "DROP TABLE b"]),
            Pins::TEMPORARY_TABLE
        );
        assert_eq!(after(&["CREATE TEMPORARY TABLE A (i INT)", "DROP TABLE a"]), Pins::TEMPORARY_TABLE);
    }

    #[test]
    fn a_failure_drops_nothing() {
        let mut holdings = Holdings::default();
        holdings.note(b"PREPARE s FROM 'SELECT 1'", LexMode::default(), None, true);
        assert_eq!(holdings.pins(), Pins::empty(), "nor does it make anything");
        holdings.note(b"PREPARE s FROM 'SELECT 1'; SELEC 1", LexMode::default(), None, true);
        holdings.note(b"CREATE TEMPORARY TABLE t (i INT); SELEC 1", LexMode::default(), None, true);
        holdings.note(b"DROP TABLE t", LexMode::default(), None, true);
        holdings.note(b"DROP PREPARE s", LexMode::default(), None, true);
        holdings.note(b"SELECT GET_LOCK('a', 1), nothing", LexMode::default(), None, true);
        assert_eq!(holdings.pins(), Pins::TEMPORARY_TABLE | Pins::USER_LOCK);
    }

    #[test]
    fn user_variables_have_one_name_each() {
        let names = Holdings::user_variables(b"SET @A = 1, @`b ``c` = @a, @'d' := 2, @@e = 3", LexMode::default());
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b `c", "d"]);
    }

    #[test]
    fn locks_are_asked_for_by_name() {
        let mut holdings = Holdings::default();
        assert_eq!(holdings.ask_for_locks(), None);
        holdings.note(b"SELECT GET_LOCK('it''s', 5)", LexMode::default(), None, false);
        assert_eq!(holdings.ask_for_locks().as_deref(), Some("IS_USED_LOCK('it''s')<=>CONNECTION_ID()"));
        holdings.no_locks();
        assert_eq!(holdings.pins(), Pins::empty());
    }
}
