//! FOUND_ROWS() after a statement: which number of its reply that is.
//!
//! Servers count in their own ways: after an UPDATE, MySQL gives the rows that matched, and MariaDB what it gave before; after
//! a subquery, whatever that found last. Where no rule was found, the connection has to be asked.

/// What FOUND_ROWS() is after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// As before.
    Kept,
    /// One.
    One,
    /// The rows that the reply has, or had affected.
    Reply,
    /// The rows that matched. If there were none, that may have been known before it looked, which counts nothing.
    Matched,
    /// Only the connection knows.
    Unknown,
}

/// What FOUND_ROWS() is after a statement, by what its reply ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundRows {
    /// After rows.
    pub rows: Rule,
    /// After an OK.
    pub ok: Rule,
    /// It is explained, so that its rows are none of a query: one that failed has found nothing.
    pub is_explained: bool,
}

impl FoundRows {
    /// Of what leaves the number alone.
    pub(super) const KEPT: Self = Self { rows: Rule::Reply, ok: Rule::Kept, is_explained: false };
    /// Of what cannot be seen.
    pub(super) const UNKNOWN: Self = Self { rows: Rule::Unknown, ok: Rule::Unknown, is_explained: false };

    /// Of a normalised text.
    pub(super) fn of(text: &str, mysql: bool) -> Self {
        if is_explained(text) {
            return Self { is_explained: true, ..Self::UNKNOWN };
        }
        let rows = match keeps(text, mysql) {
            true => Rule::Kept,
            false if text.ends_with(')') && text.contains("procedure analyse") => Rule::Unknown,
            false => Rule::Reply,
        };
        Self { rows, ok: after_ok(text, mysql), is_explained: false }
    }

    /// Whether only the connection will know. It may also leave the number as it is there, which must not be that of another
    /// session.
    pub fn will_be_asked(self) -> bool {
        self.ok == Rule::Unknown
    }
}

fn after_ok(text: &str, mysql: bool) -> Rule {
    let mut words = text.split(' ');
    let first = words.next().unwrap_or_default();
    let has = |word: &str| words.clone().any(|known| known == word);
    let has_query = || has("select");
    match first {
        // Into a variable, from no table: it counts that only if it did so before.
        "select" if !mysql && !has("from") => Rule::Unknown,
        "select" => Rule::Reply,
        "do" if mysql => Rule::One,
        "update" if has_query() || is_update_of_several(text) => Rule::Unknown,
        "update" if mysql => Rule::Matched,
        "delete" if has_query() || !is_delete_of_one(text) => Rule::Unknown,
        "insert" | "replace" if has_query() => Rule::Unknown,
        "set" | "do" | "create" if !mysql && has_query() => Rule::Unknown,
        _ => Rule::Kept,
    }
}

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
    let mut tables = text.split(' ').take_while(|word| *word != "set");
    tables.any(|word| matches!(word, "," | "join" | "straight_join"))
}

fn is_delete_of_one(text: &str) -> bool {
    let mut words = text.split(' ').skip(1).skip_while(|word| matches!(*word, "low_priority" | "quick" | "ignore"));
    words.next() == Some("from")
        && !words.take_while(|word| *word != "where").any(|word| matches!(word, "," | "using" | "join"))
}

/// Whether servers do not count the rows of this statement as found: those that no query has made.
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

    fn after(text: &str) -> (FoundRows, FoundRows) {
        (FoundRows::of(text, false), FoundRows::of(text, true))
    }

    /// `(MariaDB 10.11, MySQL 9.7)`, as they do it.
    #[test]
    fn each_server_counts_in_its_own_way() {
        use Rule::{Kept, Matched, One, Reply, Unknown};
        for (text, expected) in [
            ("update orders set amount = ? where id < ?", (Kept, Matched)),
            ("update orders set amount = ( select ? )", (Unknown, Unknown)),
            ("update orders , names set amount = ?", (Unknown, Unknown)),
            ("update orders set a = ? , b = ?", (Kept, Matched)),
            ("delete from blank where id = ?", (Kept, Kept)),
            ("delete quick from blank", (Kept, Kept)),
            ("delete from blank where id = ( select ? )", (Unknown, Unknown)),
            ("delete b from blank as b join orders on ?", (Unknown, Unknown)),
            ("delete from b using blank as b join orders", (Unknown, Unknown)),
            ("insert into blank values ( ? )", (Kept, Kept)),
            ("insert into blank select id from orders", (Unknown, Unknown)),
            ("replace into blank select id from orders", (Unknown, Unknown)),
            ("set @x = ( select ? )", (Unknown, Kept)),
            ("do ?", (Kept, One)),
            ("create table made select ?", (Unknown, Kept)),
            ("select id into @one from orders", (Reply, Reply)),
            ("select ? into @one", (Unknown, Reply)),
            ("commit", (Kept, Kept)),
        ] {
            let (mariadb, mysql) = after(text);
            assert_eq!((mariadb.ok, mysql.ok), expected, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_looked_through_to_its_end() {
        let long = format!("update orders set item = {} where id = ( select ? )", "? + ".repeat(3000));
        assert!(FoundRows::of(&long, true).will_be_asked());
    }

    #[test]
    fn rows_count_where_a_query_made_them() {
        use Rule::{Kept, Reply, Unknown};
        for (text, expected) in [
            ("select item from orders", (Reply, Reply)),
            ("values ( ? ) , ( ? )", (Kept, Reply)),
            ("values ( ? ) union values ( ? )", (Reply, Reply)),
            ("describe orders", (Reply, Reply)),
            ("show tables", (Reply, Reply)),
            ("show warnings", (Kept, Kept)),
            ("insert into t values ( ? ) returning id", (Kept, Kept)),
            ("analyze table orders", (Kept, Kept)),
            ("handler orders read first", (Kept, Kept)),
            ("explain select ?", (Unknown, Unknown)),
        ] {
            let (mariadb, mysql) = after(text);
            assert_eq!((mariadb.rows, mysql.rows), expected, "{text}");
        }
        for text in ["explain select ?", "desc select ?", "explain format = json select ?", "analyze select ?"] {
            assert!(after(text).0.is_explained && after(text).1.is_explained, "{text}");
        }
    }
}
