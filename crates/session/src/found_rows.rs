//! What FOUND_ROWS() gives behind a statement, as far as its reply tells.
//!
//! Servers count in their own ways: behind an UPDATE, MySQL gives the rows that matched and MariaDB what it gave before;
//! behind a subquery, whatever that found last. Where no rule was found, the connection is asked.

use splitfin_backend::question::{ALL_ROWS, select_from_tables};
use splitfin_protocol::Outcome;
use splitfin_router::Statement;

/// What a statement makes of FOUND_ROWS().
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is as before.
    Kept,
    /// So many.
    Rows(u64),
    /// Only the connection knows.
    Unknown,
    /// None, if the connection says so; else it is as before, and what the connection says is somebody else's.
    NoneOrKept,
}

/// Behind a statement with this normalised text.
pub(crate) fn found_rows(text: &str, outcome: &Outcome, mysql: bool) -> Found {
    if is_explained(text) {
        return if outcome.error.is_some() { Found::Kept } else { Found::Unknown };
    }
    if let Some(rows) = outcome.last_rows {
        return match keeps(text, mysql) {
            true => Found::Kept,
            false if text.ends_with(')') && text.contains("procedure analyse") => Found::Unknown,
            false => Found::Rows(rows),
        };
    }
    if outcome.error.is_some() {
        return Found::Kept;
    }
    let mut words = text.split(' ');
    let first = words.next().unwrap_or_default();
    let goes_on = text.len() >= Statement::LONGEST_TEXT;
    let behind = words.clone();
    let has = |word: &str| behind.clone().any(|known| known == word);
    let has_query = || goes_on || has("select");
    match first {
        // Into a variable, from no table: it counts that only if it did so before.
        "select" if !mysql && !has("from") => Found::Unknown,
        "select" => Found::Rows(outcome.affected_rows),
        "do" if mysql => Found::Rows(1),
        "update" if has_query() || is_update_of_several(text) => Found::Unknown,
        "update" if mysql => match outcome.matched_rows {
            // It may have known before it looked: then it counts nothing.
            None | Some(0) => Found::NoneOrKept,
            Some(rows) => Found::Rows(rows),
        },
        "delete" if has_query() || !is_delete_of_one(text) => Found::Unknown,
        "insert" | "replace" if has_query() => Found::Unknown,
        "set" | "do" | "create" if !mysql && has_query() => Found::Unknown,
        _ => Found::Kept,
    }
}

/// Whether only the connection will know behind a statement with this normalised text. It may also leave the number as it
/// is there, which must not be that of another session.
pub(crate) fn will_be_asked(text: &str, mysql: bool) -> bool {
    found_rows(text, &Outcome::default(), mysql) == Found::Unknown
}

/// What it was before a statement behind which only the connection knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Before {
    /// That does not matter.
    #[default]
    Gone,
    /// So many, and still, unless the connection says that there are none.
    UnlessNone(u64),
    /// So many, and still, if the connection has the mark that [`make`] put there.
    IfMarked(u64),
}

impl Before {
    /// In front of a statement that only the connection will know of.
    pub(crate) const fn of(rows: Option<u64>) -> Self {
        match rows {
            Some(rows) if rows > LARGEST => Self::IfMarked(rows),
            _ => Self::Gone,
        }
    }

    /// The number behind it, where the connection says `found`.
    pub(crate) const fn and_now(self, found: u64) -> u64 {
        match self {
            Self::UnlessNone(rows) if found != 0 => rows,
            Self::IfMarked(rows) if found == MARK => rows,
            _ => found,
        }
    }
}

/// A statement that makes it this number on a connection, or, where that would take long, a mark in its place.
pub(crate) fn make(rows: u64, mysql: bool) -> String {
    match rows {
        0 => NONE.to_owned(),
        1..=SENT => format!("SELECT 1{} {ALL_ROWS}", " UNION ALL SELECT 1".repeat(rows as usize - 1)),
        201..=LARGEST => select_from_tables(&count_up_to(rows), mysql),
        _ => make(MARK, mysql),
    }
}

/// What to select to find so many rows, and send one.
fn count_up_to(rows: u64) -> String {
    let digits = rows.to_string().len() as u32;
    let digit = "(SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 \
                 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    let tables: Vec<String> = (0..digits).map(|at| format!("{digit} AS d{at}")).collect();
    let number: Vec<String> = (0..digits).map(|at| format!("d{at}.n*{}", 10u64.pow(at))).collect();
    format!("SQL_CALC_FOUND_ROWS 1 FROM {} WHERE {}<{rows} LIMIT 1", tables.join(","), number.join("+"))
}

/// No rows.
pub(crate) const NONE: &str = "SELECT 1 FROM DUAL WHERE 0";
/// Rows that are sent, to be found.
const SENT: u64 = 200;
/// Rows that are counted for it. These take servers 3 ms.
const LARGEST: u64 = 10_000;
/// Stands for more. A statement behind a subquery that found so many itself is taken for one that left it as it was.
const MARK: u64 = 197;

/// Whether a statement is explained. That finds what its plan has to find, or leaves the number.
fn is_explained(text: &str) -> bool {
    const EXPLAINED: [&str; 12] = [
        "(",
        "analyze",
        "delete",
        "extended",
        "for",
        "format",
        "insert",
        "partitions",
        "replace",
        "select",
        "update",
        "with",
    ];
    let mut words = text.split(' ');
    match words.next() {
        Some("explain" | "desc" | "describe") => words.next().is_some_and(|word| EXPLAINED.contains(&word)),
        Some("analyze") => !matches!(words.next(), Some("table" | "local" | "no_write_to_binlog")),
        _ => false,
    }
}

fn is_update_of_several(text: &str) -> bool {
    let tables = text.split(' ').take_while(|word| *word != "set");
    tables.into_iter().any(|word| matches!(word, "," | "join" | "straight_join"))
}

fn is_delete_of_one(text: &str) -> bool {
    let mut words = text.split(' ').skip(1).skip_while(|word| matches!(*word, "low_priority" | "quick" | "ignore"));
    words.next() == Some("from")
        && !words.take_while(|word| *word != "where").any(|word| matches!(word, "," | "using" | "join"))
}

/// Whether servers do not count the rows of this statement, normalised, as found: those that no query has made.
fn keeps(text: &str, mysql: bool) -> bool {
    const FIRST: [&str; 10] =
        ["analyze table", "check", "delete", "handler", "help", "insert", "optimize", "repair", "replace", "xa"];
    const SHOWN: [&str; 10] = [
        "binary",
        "create",
        "errors",
        "full processlist",
        "grants",
        "master",
        "privileges",
        "processlist",
        "replica",
        "warnings",
    ];
    let begins = |text: &str, words: &[&str]| words.iter().any(|word| text.starts_with(word));
    let is_list = !mysql
        && text.starts_with("values ")
        && !["union", "except", "intersect"].iter().any(|word| text.contains(word));
    is_list || begins(text, &FIRST) || text.strip_prefix("show ").is_some_and(|shown| begins(shown, &SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(text: &str, outcome: Outcome) -> (Found, Found) {
        (found_rows(text, &outcome, false), found_rows(text, &outcome, true))
    }

    fn ok(matched_rows: Option<u64>) -> Outcome {
        Outcome { affected_rows: 1, matched_rows, ..Outcome::default() }
    }

    /// `(MariaDB 10.11, MySQL 9.7)`, as they do it.
    #[test]
    fn each_server_counts_in_its_own_way() {
        use Found::{Kept, NoneOrKept, Rows, Unknown};
        for (text, matched, expected) in [
            ("update orders set amount = ? where id < ?", Some(2), (Kept, Rows(2))),
            ("update orders set amount = ? where ?", Some(0), (Kept, NoneOrKept)),
            ("update orders set amount = ( select ? )", Some(1), (Unknown, Unknown)),
            ("update orders , names set amount = ?", Some(1), (Unknown, Unknown)),
            ("update orders set a = ? , b = ?", Some(1), (Kept, Rows(1))),
            ("delete from blank where id = ?", None, (Kept, Kept)),
            ("delete quick from blank", None, (Kept, Kept)),
            ("delete from blank where id = ( select ? )", None, (Unknown, Unknown)),
            ("delete b from blank as b join orders on ?", None, (Unknown, Unknown)),
            ("delete from b using blank as b join orders", None, (Unknown, Unknown)),
            ("insert into blank values ( ? )", None, (Kept, Kept)),
            ("insert into blank select id from orders", Some(3), (Unknown, Unknown)),
            ("replace into blank select id from orders", Some(3), (Unknown, Unknown)),
            ("set @x = ( select ? )", None, (Unknown, Kept)),
            ("do ?", None, (Kept, Rows(1))),
            ("create table made select ?", Some(3), (Unknown, Kept)),
            ("select id into @one from orders", None, (Rows(1), Rows(1))),
            ("commit", None, (Kept, Kept)),
        ] {
            assert_eq!(behind(text, ok(matched)), expected, "{text}");
        }
    }

    #[test]
    fn a_text_that_goes_on_may_have_a_query() {
        let long = format!("update orders set item = {} where id < ?", "? + ".repeat(300));
        assert_eq!(behind(&long, ok(Some(2))), (Found::Unknown, Found::Unknown));
    }

    #[test]
    fn a_number_can_be_made() {
        assert_eq!(make(0, true), "SELECT 1 FROM DUAL WHERE 0");
        assert_eq!(make(3, true), format!("SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1 {ALL_ROWS}"));
        assert!(make(1234, false).contains("d3.n*1000<1234 LIMIT 1"));
        assert_eq!(make(LARGEST + 1, false), make(MARK, false));
        let asked = "update orders set amount = ? where id in ( select ? )";
        assert!(will_be_asked(asked, false) && will_be_asked(asked, true));
        assert!(!will_be_asked("update orders set amount = ? where ?", true));
    }

    #[test]
    fn what_it_was_before_may_still_hold() {
        assert_eq!(Before::of(Some(LARGEST)).and_now(MARK), MARK);
        assert_eq!(Before::of(Some(LARGEST + 1)).and_now(MARK), LARGEST + 1);
        assert_eq!(Before::of(Some(LARGEST + 1)).and_now(3), 3);
        assert_eq!((Before::UnlessNone(5).and_now(1), Before::UnlessNone(5).and_now(0)), (5, 0));
    }

    #[test]
    fn rows_that_were_sent_count_where_a_query_made_them() {
        let sent = || Outcome { last_rows: Some(4), ..Outcome::default() };
        assert_eq!(behind("select item from orders", sent()).0, Found::Rows(4));
        assert_eq!(behind("values ( ? ) , ( ? )", sent()), (Found::Kept, Found::Rows(4)));
        assert_eq!(behind("values ( ? ) union values ( ? )", sent()).0, Found::Rows(4));
        for explained in ["explain select ?", "desc select ?", "explain format = json select ?", "analyze select ?"] {
            assert_eq!(behind(explained, sent()), (Found::Unknown, Found::Unknown), "{explained}");
        }
        for kept in ["analyze table orders", "handler orders read first"] {
            assert_eq!(behind(kept, sent()), (Found::Kept, Found::Kept), "{kept}");
        }
        assert_eq!(behind("describe orders", sent()).0, Found::Rows(4));
        assert_eq!(behind("show tables", sent()).0, Found::Rows(4));
        assert_eq!(behind("show warnings", sent()).0, Found::Kept);
        assert_eq!(behind("insert into t values ( ? ) returning id", sent()).0, Found::Kept);
    }
}
