//! Puts values that Splitfin knows into statements that ask for them.
//!
//! `CONNECTION_ID()` of a shared connection is nobody's id, and `ROW_COUNT()` is of whatever ran there last. A session's
//! own values go into the text instead, as expressions of the same type, and a column that took its name from the
//! function keeps the name: `SELECT CONNECTION_ID()` becomes ``SELECT CAST(1000000007 AS UNSIGNED) AS `CONNECTION_ID()` ``.

use crate::lexer::{LexMode, Lexer, Placed, Token};

/// What a session knows better than the connection that happens to serve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// `CONNECTION_ID()` and `@@pseudo_thread_id`: the id of the session's greeting.
    pub connection_id: u32,
    /// `ROW_COUNT()`; nothing, if only the connection knows.
    pub row_count: Option<i64>,
    /// `FOUND_ROWS()`; nothing, if only the connection knows.
    pub found_rows: Option<u64>,
    /// MariaDB's `@@last_gtid`; nothing, if only the connection knows.
    pub last_gtid: Option<&'a str>,
    /// Whether the servers are MySQL's.
    pub mysql: bool,
    /// `@@warning_count` and `@@error_count`; nothing, if only the connection knows.
    pub conditions: Option<(u64, u64)>,
}

/// `text` with the known values put in; nothing, if it asks for none of them, or if it is stored for later (a view, a
/// routine, a statement prepared as text). Of several statements, those after the first ask for what the first has left,
/// which only the connection knows.
pub fn substitute(text: &[u8], mode: LexMode, known: &Known<'_>) -> Option<Vec<u8>> {
    let pieces = pieces(text, mode);
    let keeps_ids = pieces.iter().filter_map(Placed::word).any(|word| tells_connections(&word));
    let mut edits = Edits::default();
    let after = Known { row_count: None, found_rows: None, last_gtid: None, conditions: None, ..*known };
    for (at, statement) in pieces.split(|piece| piece.token == Token::Punct(b';')).enumerate() {
        let words = || statement.iter().filter_map(Placed::word);
        if words().next().is_some_and(|first| matches!(first.as_str(), "create" | "alter"))
            && words().any(|word| is_program(&word))
        {
            // What follows may be its body.
            break;
        }
        if words().next().is_some_and(|word| is_run_now(&word)) {
            let known = if at == 0 { known } else { &after };
            Walk { text, pieces: statement, known, keeps_ids, edits: &mut edits }.run();
        }
    }
    edits.apply(text)
}

/// Whether this is stored, with a body that may have semicolons in it.
pub(crate) fn is_program(word: &str) -> bool {
    matches!(word, "procedure" | "function" | "trigger" | "event" | "package")
}

/// A count of conditions, of the type and length that these variables have.
pub(crate) fn count(conditions: u64) -> String {
    format!("(CAST(IF(1,'{conditions:020}',NULL) AS UNSIGNED)+0)")
}

/// Statements whose expressions are evaluated when they run, not later.
fn is_run_now(first: &str) -> bool {
    matches!(
        first,
        "select"
            | "insert"
            | "replace"
            | "update"
            | "delete"
            | "set"
            | "do"
            | "call"
            | "with"
            | "values"
            | "explain"
            | "desc"
            | "describe"
            | "analyze"
            | "show"
            | "execute"
            | "kill"
            | "table"
    )
}

/// `text` with numbers that are ids of sessions replaced by what gives those of their connections, for a statement that looks at
/// lists of connections. Nothing, if there are none.
pub fn put_threads(text: &[u8], mode: LexMode, thread: impl Fn(u64) -> Option<String>) -> Option<Vec<u8>> {
    let mut edits = Edits::default();
    for piece in Lexer::new(text, mode).placed() {
        if let Some(thread) = piece.number(text).and_then(&thread) {
            edits.replaces = true;
            edits.list.push((piece.start, piece.end, thread.into_bytes()));
        }
    }
    edits.apply(text)
}

/// Where servers tell the ids of their connections: an id next to that must be the server's, too.
pub fn tells_connections(word: &str) -> bool {
    matches!(
        word,
        "processlist"
            | "is_used_lock"
            | "threads"
            | "innodb_trx"
            | "innodb_locks"
            | "metadata_locks"
            | "data_locks"
            | "metadata_lock_info"
            | "events_statements_current"
            | "status_by_thread"
            | "user_variables_by_thread"
            | "sys"
    )
}

fn pieces(text: &[u8], mode: LexMode) -> Vec<Placed<'_>> {
    Lexer::new(text, mode).placed().collect()
}

/// What is to be changed, in the order of the text.
#[derive(Debug, Default)]
struct Edits {
    /// From, to, and what comes there.
    list: Vec<(usize, usize, Vec<u8>)>,
    /// Something was replaced; names alone are not worth it.
    replaces: bool,
}

impl Edits {
    fn apply(mut self, text: &[u8]) -> Option<Vec<u8>> {
        if !self.replaces {
            return None;
        }
        self.list.sort_by_key(|(start, ..)| *start);
        let mut out = Vec::with_capacity(text.len() + 64);
        let mut at = 0;
        for (start, end, new) in self.list {
            out.extend_from_slice(text.get(at..start)?);
            out.extend_from_slice(&new);
            at = end;
        }
        out.extend_from_slice(text.get(at..)?);
        Some(out)
    }
}

/// One level of parentheses.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Inside the list after SELECT.
    in_list: bool,
    /// First and last piece of the list's current item.
    item: Option<(usize, usize)>,
    /// Something in the item was replaced.
    replaced: bool,
    /// Something was replaced between these parentheses.
    any: bool,
}

struct Walk<'a, 'e> {
    text: &'a [u8],
    pieces: &'a [Placed<'a>],
    known: &'a Known<'a>,
    keeps_ids: bool,
    edits: &'e mut Edits,
}

impl Walk<'_, '_> {
    fn run(mut self) {
        let mut levels = vec![Level::default()];
        for at in 0..self.pieces.len() {
            let replaced = self.replace(at);
            let Some(level) = levels.last_mut() else { return };
            level.replaced |= replaced;
            level.any |= replaced;
            let word = self.pieces[at].word().unwrap_or_default();
            match self.pieces[at].token {
                Token::Punct(b'(') => {
                    level.extend(at);
                    levels.push(Level::default());
                }
                Token::Punct(b')') => {
                    self.name(level);
                    let inner = *level;
                    levels.pop();
                    let Some(level) = levels.last_mut() else { return };
                    level.replaced |= inner.any;
                    level.any |= inner.any;
                    level.extend(at);
                }
                Token::Punct(b',') => self.name(level),
                _ if word == "select" => *level = Level { in_list: true, any: level.any, ..Level::default() },
                _ if level.in_list && ends_list(&word) => {
                    self.name(level);
                    level.in_list = false;
                }
                _ if level.item.is_none() && is_modifier(&word) => {}
                _ => level.extend(at),
            }
        }
        while let Some(mut level) = levels.pop() {
            self.name(&mut level);
        }
    }

    /// Puts the value in the place of the piece at `at`, if it asks for one.
    fn replace(&mut self, at: usize) -> bool {
        let piece = self.pieces[at];
        let is = |offset: usize, byte: u8| self.pieces.get(at + offset).map(|p| p.token) == Some(Token::Punct(byte));
        let called = is(1, b'(') && is(2, b')');
        let qualified = at > 0 && self.pieces[at - 1].token == Token::Punct(b'.');
        let text = |end: usize| self.text.get(piece.start..end).map(<[u8]>::to_ascii_lowercase);
        let (end, value) = match piece.token {
            Token::Word(_) if called && !qualified => match text(piece.end).as_deref() {
                Some(b"connection_id") if !self.keeps_ids => (self.pieces[at + 2].end, Some(self.id())),
                // As many digits as the function's result can have: the length shows in the column's metadata.
                Some(b"row_count") => {
                    let rows = self.known.row_count.map(|rows| signed(rows, self.known.mysql));
                    (self.pieces[at + 2].end, rows)
                }
                Some(b"found_rows") => {
                    let mysql = self.known.mysql;
                    let rows = self.known.found_rows.map(|rows| i64::try_from(rows).unwrap_or(i64::MAX));
                    let rows = rows.map(|rows| signed(rows, mysql));
                    // MySQL warns that the function is going to be removed.
                    let rows = match mysql {
                        true => rows.map(|rows| format!("IF(FOUND_ROWS() IS NULL,{rows},{rows})")),
                        false => rows,
                    };
                    (self.pieces[at + 2].end, rows)
                }
                _ => return false,
            },
            Token::SystemVariable(_) => match text(piece.end).as_deref() {
                Some(b"@@last_gtid" | b"@@session.last_gtid") => {
                    let position = self.known.last_gtid.map(|position| position.replace(['\'', '\\'], ""));
                    (piece.end, position.map(|position| format!("IF(1,'{position}',NULL)")))
                }
                Some(b"@@warning_count" | b"@@session.warning_count") => {
                    (piece.end, self.known.conditions.map(|(warnings, _)| count(warnings)))
                }
                Some(b"@@error_count" | b"@@session.error_count") => {
                    (piece.end, self.known.conditions.map(|(_, errors)| count(errors)))
                }
                Some(b"@@pseudo_thread_id" | b"@@session.pseudo_thread_id") if !self.keeps_ids => {
                    (piece.end, Some(format!("IF(1,{},NULL)", self.id())))
                }
                _ => return false,
            },
            _ => return false,
        };
        let Some(value) = value else { return false };
        self.edits.replaces = true;
        self.edits.list.push((piece.start, end, value.into_bytes()));
        true
    }

    fn id(&self) -> String {
        format!("CAST({} AS UNSIGNED)", self.known.connection_id)
    }

    /// Ends an item of a list: if it would change its name, it gets the old one.
    fn name(&mut self, level: &mut Level) {
        let (item, replaced) = (level.item.take(), std::mem::take(&mut level.replaced));
        let Some((first, last)) = item.filter(|_| level.in_list && replaced) else { return };
        if self.has_name(first, last) {
            return;
        }
        let (start, end) = (self.pieces[first].start, self.pieces[last].end);
        let Some(name) = self.text.get(start..end) else { return };
        let mut alias = b" AS `".to_vec();
        for byte in name {
            if *byte == b'`' {
                alias.push(b'`');
            }
            alias.push(*byte);
        }
        alias.push(b'`');
        self.edits.list.push((end, end, alias));
    }

    /// Whether an item ends with an alias, with or without AS.
    fn has_name(&self, first: usize, last: usize) -> bool {
        if last == first {
            return false;
        }
        let (before, end) = (self.pieces[last - 1], self.pieces[last]);
        if before.token.is_word("as") {
            return true;
        }
        let word = end.word().unwrap_or_default();
        let could_be = match end.token {
            Token::Word(_) => !is_operand_word(&word),
            Token::Quoted(_) | Token::Text => true,
            _ => false,
        };
        could_be
            && match before.token {
                Token::Number | Token::Text | Token::Quoted(_) | Token::Placeholder | Token::Punct(b')') => true,
                Token::UserVariable(_) | Token::SystemVariable(_) => true,
                Token::Word(_) => !is_operator(&before.word().unwrap_or_default()),
                _ => false,
            }
    }
}

impl Level {
    const fn extend(&mut self, at: usize) {
        let first = match self.item {
            Some((first, _)) => first,
            None => at,
        };
        self.item = Some((first, at));
    }
}

/// A signed number with the type of a function's result, 21 digits wide, alone and in larger expressions. MariaDB takes
/// the width from the text, MySQL has one for all.
fn signed(value: i64, mysql: bool) -> String {
    match value {
        0.. if mysql => format!("CAST({value} AS SIGNED)"),
        0.. => format!("(0+CAST('{value:019}' AS SIGNED))"),
        _ => format!("(-CAST('{:020}' AS SIGNED))", value.unsigned_abs()),
    }
}

fn is_modifier(word: &str) -> bool {
    matches!(word, "all" | "distinct" | "distinctrow" | "high_priority" | "straight_join") || word.starts_with("sql_")
}

fn ends_list(word: &str) -> bool {
    matches!(
        word,
        "from"
            | "into"
            | "where"
            | "union"
            | "except"
            | "intersect"
            | "minus"
            | "order"
            | "group"
            | "having"
            | "limit"
            | "for"
            | "lock"
            | "procedure"
            | "window"
    )
}

/// Words at the end of an expression.
fn is_operand_word(word: &str) -> bool {
    const UNITS: [&str; 9] = ["microsecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];
    matches!(word, "end" | "null" | "true" | "false" | "unknown" | "default") || UNITS.contains(&word)
}

/// Words after which an operand comes.
fn is_operator(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "or"
            | "xor"
            | "not"
            | "div"
            | "mod"
            | "is"
            | "in"
            | "like"
            | "regexp"
            | "rlike"
            | "between"
            | "collate"
            | "binary"
            | "interval"
            | "escape"
            | "then"
            | "else"
            | "when"
            | "case"
            | "sounds"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known<'_> = Known {
        connection_id: 1_000_000_007,
        row_count: Some(-1),
        found_rows: Some(3),
        last_gtid: Some("0-1-5"),
        mysql: false,
        conditions: Some((2, 1)),
    };

    fn put_in(text: &str) -> String {
        substitute(text.as_bytes(), LexMode::default(), &KNOWN)
            .map_or_else(|| "(as it is)".to_owned(), |text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn columns_keep_their_names() {
        const ID: &str = "CAST(1000000007 AS UNSIGNED)";
        for (text, expected) in [
            ("SELECT CONNECTION_ID()", format!("SELECT {ID} AS `CONNECTION_ID()`")),
            ("SELECT connection_id ( ), 1", format!("SELECT {ID} AS `connection_id ( )`, 1")),
            ("SELECT CONNECTION_ID() AS id", format!("SELECT {ID} AS id")),
            ("SELECT CONNECTION_ID() id FROM t", format!("SELECT {ID} id FROM t")),
            ("SELECT CONNECTION_ID() `id`", format!("SELECT {ID} `id`")),
            (
                "SELECT DISTINCT CONNECTION_ID() + x FROM t",
                format!("SELECT DISTINCT {ID} + x AS `CONNECTION_ID() + x` FROM t"),
            ),
            ("SELECT `a`, CONNECTION_ID() > `b`", format!("SELECT `a`, {ID} > `b` AS `CONNECTION_ID() > ``b```")),
            ("SELECT IF(CONNECTION_ID(), 1, 2)", format!("SELECT IF({ID}, 1, 2) AS `IF(CONNECTION_ID(), 1, 2)`")),
            ("SELECT CONNECTION_ID() IS NULL", format!("SELECT {ID} IS NULL AS `CONNECTION_ID() IS NULL`")),
            ("SELECT NOT CONNECTION_ID()", format!("SELECT NOT {ID} AS `NOT CONNECTION_ID()`")),
            ("SELECT CONNECTION_ID() /* c */, 1 -- x", format!("SELECT {ID} AS `CONNECTION_ID()` /* c */, 1 -- x")),
            (
                "SELECT a FROM (SELECT CONNECTION_ID()) t WHERE b = CONNECTION_ID()",
                format!("SELECT a FROM (SELECT {ID} AS `CONNECTION_ID()`) t WHERE b = {ID}"),
            ),
            (
                "SELECT (SELECT CONNECTION_ID()) = 1",
                format!("SELECT (SELECT {ID} AS `CONNECTION_ID()`) = 1 AS `(SELECT CONNECTION_ID()) = 1`"),
            ),
            (
                "SELECT CASE CONNECTION_ID() WHEN 1 THEN 2 END",
                format!("SELECT CASE {ID} WHEN 1 THEN 2 END AS `CASE CONNECTION_ID() WHEN 1 THEN 2 END`"),
            ),
        ] {
            assert_eq!(put_in(text), expected, "{text}");
        }
    }

    #[test]
    fn values_go_into_all_that_runs_now() {
        assert_eq!(
            put_in("INSERT INTO t VALUES (CONNECTION_ID())"),
            "INSERT INTO t VALUES (CAST(1000000007 AS UNSIGNED))"
        );
        assert_eq!(put_in("SET @n = ROW_COUNT()"), "SET @n = (-CAST('00000000000000000001' AS SIGNED))");
        assert_eq!(put_in("DO FOUND_ROWS()"), "DO (0+CAST('0000000000000000003' AS SIGNED))");
        assert_eq!(put_in("SELECT @@last_gtid AS g"), "SELECT IF(1,'0-1-5',NULL) AS g");
    }

    #[test]
    fn after_the_first_statement_the_connection_knows() {
        let id = "CAST(1000000007 AS UNSIGNED)";
        for (text, expected) in [
            ("UPDATE t SET a = 1; SELECT ROW_COUNT() r", "(as it is)".to_owned()),
            ("SELECT 1; SELECT FOUND_ROWS(), @@warning_count, @@last_gtid", "(as it is)".to_owned()),
            (
                "DO ROW_COUNT(); SELECT CONNECTION_ID() AS i, ROW_COUNT() AS r",
                format!("DO (-CAST('00000000000000000001' AS SIGNED)); SELECT {id} AS i, ROW_COUNT() AS r"),
            ),
        ] {
            assert_eq!(put_in(text), expected, "{text}");
        }
    }

    #[test]
    fn what_asks_for_nothing_and_what_is_stored_stays() {
        for text in [
            "SELECT 1",
            "SELECT 'CONNECTION_ID()', \"ROW_COUNT()\"",
            "SELECT shop.connection_id()",
            "SELECT connection_id FROM t",
            "SELECT CONNECTION_ID(1)",
            "SELECT IS_USED_LOCK('a') = CONNECTION_ID()",
            "SELECT * FROM information_schema.processlist WHERE id = CONNECTION_ID()",
            "CREATE VIEW v AS SELECT CONNECTION_ID()",
            "CREATE PROCEDURE p() SELECT ROW_COUNT()",
            "CREATE OR REPLACE PROCEDURE p() BEGIN SELECT 1; SELECT CONNECTION_ID(); END",
            "ALTER EVENT e DO BEGIN DO 1; DO CONNECTION_ID(); END",
            "PREPARE s FROM 'SELECT CONNECTION_ID()'",
            "",
        ] {
            assert_eq!(put_in(text), "(as it is)", "{text}");
        }
        let asks_connection = Known { found_rows: None, ..KNOWN };
        assert_eq!(substitute(b"SELECT FOUND_ROWS()", LexMode::default(), &asks_connection), None);
    }

    #[test]
    fn ids_of_sessions_are_those_of_their_connections_where_servers_list_them() {
        let put = |text: &str| {
            put_threads(text.as_bytes(), LexMode::default(), |id| (id == 1_000_000_007).then(|| "12".to_owned()))
                .map(|text| String::from_utf8(text).unwrap())
        };
        let list = "SELECT * FROM information_schema.processlist WHERE id";
        assert_eq!(put(&format!("{list} = 1000000007;")), Some(format!("{list} = 12;")));
        assert_eq!(put(&format!("{list} IN (1,1000000007)")), Some(format!("{list} IN (1,12)")));
        assert_eq!(put(&format!("{list} = 1000000008 AND user = '1000000007'")), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "(SELECT|CONNECTION_ID\\(\\)|ROW_COUNT\\(\\)|FROM|AS|[(),;'`@x ]|\\PC){0,20}") {
            let _ = put_in(&text);
        }
    }
}
