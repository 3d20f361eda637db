//! What FOUND_ROWS() gives behind a statement, as far as its reply tells.
//!
//! Servers count in their own ways: behind an UPDATE, MySQL gives the rows that matched and MariaDB what it gave before;
//! behind a subquery, whatever that found last. Where no rule was found, the connection is asked.

use splitfin_protocol::Outcome;

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
    if let Some(rows) = outcome.last_rows {
        return if keeps(text) { Found::Kept } else { Found::Rows(rows) };
    }
    if outcome.error.is_some() {
        return Found::Kept;
    }
    let mut words = text.split(' ');
    let first = words.next().unwrap_or_default();
    let mut has_query = || words.any(|word| word == "select");
    match first {
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

/// A statement that makes it this number on a connection. More rows than anybody would send for that are none.
pub(crate) fn make(rows: u64) -> String {
    match rows {
        1..=MOST => format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(rows as usize - 1)),
        _ => "SELECT 1 FROM DUAL WHERE 0".to_owned(),
    }
}

/// Rows that [`make`] makes.
const MOST: u64 = 200;

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
fn keeps(text: &str) -> bool {
    const FIRST: [&str; 11] = [
        "analyze table",
        "check",
        "delete",
        "desc select",
        "explain select",
        "help",
        "insert",
        "optimize",
        "repair",
        "replace",
        "xa",
    ];
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
    begins(text, &FIRST) || text.strip_prefix("show ").is_some_and(|shown| begins(shown, &SHOWN))
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
    fn a_number_can_be_made() {
        assert_eq!(make(0), "SELECT 1 FROM DUAL WHERE 0");
        assert_eq!(make(3), "SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1");
        assert_eq!(make(MOST + 1), make(0));
        let asked = "update orders set amount = ? where id in ( select ? )";
        assert!(will_be_asked(asked, false) && will_be_asked(asked, true));
        assert!(!will_be_asked("update orders set amount = ? where ?", true));
    }

    #[test]
    fn rows_that_were_sent_count_where_a_query_made_them() {
        let sent = || Outcome { last_rows: Some(4), ..Outcome::default() };
        assert_eq!(behind("select item from orders", sent()).0, Found::Rows(4));
        assert_eq!(behind("show tables", sent()).0, Found::Rows(4));
        assert_eq!(behind("show warnings", sent()).0, Found::Kept);
        assert_eq!(behind("insert into t values ( ? ) returning id", sent()).0, Found::Kept);
    }
}
