//! What FOUND_ROWS() gives after a statement, by the rules of its text ([`FoundRows`]) and its reply. Where no rule was found,
//! the connection is asked.

use splitfin_backend::question::{ALL_ROWS, select_from_tables};
use splitfin_protocol::Outcome;
use splitfin_router::{FoundRows, FoundRowsRule};

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

/// What a reply makes of it.
pub(crate) fn found_rows(rules: FoundRows, outcome: &Outcome) -> Found {
    let failed = outcome.error.is_some();
    let (rule, rows) = match outcome.last_rows {
        _ if failed && rules.is_explained => return Found::Kept,
        Some(rows) => (rules.rows, rows),
        None if failed => return Found::Kept,
        None => (rules.ok, outcome.affected_rows),
    };
    match rule {
        FoundRowsRule::Kept => Found::Kept,
        FoundRowsRule::One => Found::Rows(1),
        FoundRowsRule::Reply => Found::Rows(rows),
        FoundRowsRule::Matched => match outcome.matched_rows {
            None | Some(0) => Found::NoneOrKept,
            Some(rows) => Found::Rows(rows),
        },
        FoundRowsRule::Unknown => Found::Unknown,
    }
}

/// What it was before a statement after which only the connection knows.
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
    /// Before a statement that only the connection will know of.
    pub(crate) const fn of(rows: Option<u64>) -> Self {
        match rows {
            Some(rows) if rows > LARGEST => Self::IfMarked(rows),
            _ => Self::Gone,
        }
    }

    /// The number after it, where the connection says `found`.
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
/// Stands for more. A statement after a subquery that found so many itself is taken for one that left it as it was.
const MARK: u64 = 197;

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_protocol::exchange::ServerError;
    use splitfin_router::{LexMode, Statement};

    #[test]
    fn a_reply_is_read_by_the_rules_of_its_statement() {
        let rules = |text: &str| Statement::of_text(text.as_bytes(), LexMode::default()).found_rows(true);
        let ok = |matched_rows| Outcome { affected_rows: 1, matched_rows, ..Outcome::default() };
        let update = rules("UPDATE orders SET amount = 1");
        assert_eq!(found_rows(update, &ok(Some(2))), Found::Rows(2));
        assert_eq!(found_rows(update, &ok(Some(0))), Found::NoneOrKept);
        assert_eq!(found_rows(rules("DO 1"), &ok(None)), Found::Rows(1));
        assert_eq!(found_rows(rules("COMMIT"), &ok(None)), Found::Kept);
        assert_eq!(found_rows(rules("SELECT id INTO @one FROM orders"), &ok(None)), Found::Rows(1));
        let rows = || Outcome { last_rows: Some(4), ..Outcome::default() };
        assert_eq!(found_rows(rules("SELECT item FROM orders"), &rows()), Found::Rows(4));
        assert_eq!(found_rows(rules("SHOW WARNINGS"), &rows()), Found::Kept);
        let explained = rules("EXPLAIN SELECT 1");
        assert_eq!(found_rows(explained, &rows()), Found::Unknown);
        let error = || ServerError { code: 1064, state: *b"42000", message: String::new() };
        let failed = |last_rows| Outcome { last_rows, error: Some(error()), ..Outcome::default() };
        assert_eq!(found_rows(explained, &failed(Some(4))), Found::Kept);
        assert_eq!(found_rows(update, &failed(None)), Found::Kept);
    }

    #[test]
    fn a_number_can_be_made() {
        assert_eq!(make(0, true), "SELECT 1 FROM DUAL WHERE 0");
        assert_eq!(make(3, true), format!("SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1 {ALL_ROWS}"));
        assert!(make(1234, false).contains("d3.n*1000<1234 LIMIT 1"));
        assert_eq!(make(LARGEST + 1, false), make(MARK, false));
    }

    #[test]
    fn what_it_was_before_may_still_hold() {
        assert_eq!(Before::of(Some(LARGEST)).and_now(MARK), MARK);
        assert_eq!(Before::of(Some(LARGEST + 1)).and_now(MARK), LARGEST + 1);
        assert_eq!(Before::of(Some(LARGEST + 1)).and_now(3), 3);
        assert_eq!((Before::UnlessNone(5).and_now(1), Before::UnlessNone(5).and_now(0)), (5, 0));
    }
}
