//! Remembers what statements are, by their normalised text. One for each worker; no locks.

use crate::classify::judge;
use crate::digest::{Digest, normalise};
use crate::lexer::{LexMode, Lexer, Token};
use crate::long_text::LongText;
use crate::reason::Because;
use crate::statement::{Class, Statement};
use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use std::rc::Rc;

/// A statement, and what is particular to one text of it.
#[derive(Debug, Clone)]
pub struct Lookup<'a> {
    /// What is the same for all texts of this digest.
    pub statement: Rc<Statement>,
    /// The content of a routing hint, unread.
    pub hint: Option<&'a [u8]>,
}

/// Statements by normalised text, the most recently used ones.
#[derive(Debug)]
pub struct Statements {
    known: Cache<Box<[u8]>, Rc<Statement>, Size>,
    /// Digests that a replica refused as writes, and when, by the caller's count of times.
    learned: Cache<Digest, u64>,
    time: u64,
    scratch: Vec<u8>,
}

impl Statements {
    /// Remembers statements that take up to `bytes` together.
    pub fn new(bytes: usize) -> Self {
        let known = Cache::with_weighter(bytes / USUAL, bytes as u64, Size);
        Self { known, learned: Cache::new(LEARNED), time: 0, scratch: Vec::with_capacity(1024) }
    }

    /// What `text` is in a session with this `mode`.
    pub fn look_up<'a>(&mut self, text: &'a [u8], mode: LexMode) -> Lookup<'a> {
        let hint = normalise(text, mode, &mut self.scratch);
        let judged = |normalised: &[u8]| {
            let tokens: Vec<Token<'_>> = Lexer::new(text, mode).collect();
            Statement::of_tokens(normalised, &tokens, judge(text, &tokens, mode))
        };
        if mode.unprovable {
            let statement = unprovable(self.as_learned(judged(&self.scratch)));
            return Lookup { statement: Rc::new(statement), hint };
        }
        if let Some(statement) = self.known.get(self.scratch.as_slice()) {
            return Lookup { statement: Rc::clone(statement), hint };
        }
        let statement = Rc::new(self.as_learned(judged(&self.scratch)));
        if self.scratch.len() <= LONGEST {
            self.known.insert(self.scratch.as_slice().into(), Rc::clone(&statement));
        }
        Lookup { statement, hint }
    }

    /// What a long text is, of which all was read. It is not remembered.
    pub fn look_up_long<'a>(&self, text: LongText<'a>) -> Lookup<'a> {
        let statement = self.as_learned(text.judge());
        let statement = if text.mode.unprovable { unprovable(statement) } else { statement };
        Lookup { statement: Rc::new(statement), hint: text.hint() }
    }

    /// A replica refused this statement as a write: from now on it is one.
    pub fn learn_write(&mut self, digest: Digest) {
        self.learned.insert(digest, self.time);
        self.known.retain(|_, statement| statement.digest != digest);
    }

    /// Time goes on: what was learned sixty calls of this ago is forgotten, as views and functions change.
    pub fn age(&mut self) {
        self.time += 1;
        let time = self.time;
        self.learned.retain(|_, learned| *learned + KEPT > time);
        self.known.retain(|_, statement| statement.class != Class::Write(Because::Learned));
    }

    fn as_learned(&self, statement: Statement) -> Statement {
        match statement.class {
            Class::Read if self.learned.peek(&statement.digest).is_some() => {
                statement.taken_for(Class::Write(Because::Learned))
            }
            _ => statement,
        }
    }
}

/// What a statement takes in memory, about.
#[derive(Debug, Clone)]
struct Size;

impl Weighter<Box<[u8]>, Rc<Statement>> for Size {
    fn weight(&self, normalised: &Box<[u8]>, statement: &Rc<Statement>) -> u64 {
        (normalised.len() + statement.shown().len() + OVERHEAD) as u64
    }
}

fn unprovable(statement: Statement) -> Statement {
    match statement.class {
        Class::Read | Class::Session => statement.taken_for(Class::Write(Because::UnsafeCharset)),
        _ => statement,
    }
}

/// For so many calls of [`Statements::age`] a statement stays what it was learned to be.
const KEPT: u64 = 60;
/// Normalised texts above this length are classified each time, so that a few of them cannot fill the memory.
const LONGEST: usize = 16 * 1024;
/// Bytes that a statement takes besides its text.
const OVERHEAD: usize = 256;
/// Bytes that most statements take.
const USUAL: usize = 1024;
/// Digests that are remembered as learned writes.
const LEARNED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: usize = 64 * 1024;

    #[test]
    fn long_statements_take_no_more_memory_than_short_ones() {
        let mut statements = Statements::new(MEMORY);
        for number in 0..100 {
            let text = format!("SELECT {}c{number} FROM t", "column_of_some_length, ".repeat(600));
            statements.look_up(text.as_bytes(), LexMode::default());
            assert!(statements.known.weight() <= MEMORY as u64);
        }
        assert!(!statements.known.is_empty(), "those that fit are remembered");
    }

    #[test]
    fn the_same_digest_is_classified_once() {
        let mut statements = Statements::new(MEMORY);
        let first = statements.look_up(b"SELECT * FROM t WHERE id = 1", LexMode::default()).statement;
        let second = statements.look_up(b"select * from t where id = 2", LexMode::default()).statement;
        assert!(Rc::ptr_eq(&first, &second));
        assert_eq!(first.class, Class::Read);
    }

    #[test]
    fn a_refused_read_is_a_write_from_then_on() {
        let mut statements = Statements::new(MEMORY);
        let sql = b"SELECT 1 FROM v";
        let digest = statements.look_up(sql, LexMode::default()).statement.digest;
        statements.learn_write(digest);
        let class = |statements: &mut Statements| statements.look_up(sql, LexMode::default()).statement.class;
        assert_eq!(class(&mut statements), Class::Write(Because::Learned));
        (0..KEPT - 1).for_each(|_| statements.age());
        assert_eq!(class(&mut statements), Class::Write(Because::Learned));
        statements.age();
        assert_eq!(class(&mut statements), Class::Read);
    }

    #[test]
    fn nothing_is_proven_in_a_charset_that_cannot_be_read() {
        let mut statements = Statements::new(MEMORY);
        let mode = LexMode { unprovable: true, ..LexMode::default() };
        let class = |statements: &mut Statements, mode| statements.look_up(b"SELECT 1", mode).statement.class;
        assert_eq!(class(&mut statements, mode), Class::Write(Because::UnsafeCharset));
        assert_eq!(class(&mut statements, LexMode::default()), Class::Read);
    }
}
