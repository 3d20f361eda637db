//! What Splitfin asks a server over a session's connection, in words whose answer does not depend on what the session has
//! set there.
//!
//! | a session sets | which would change | so a question has |
//! |---|---|---|
//! | `sql_select_limit` | how many rows come back, down to none | a LIMIT of its own |
//! | `max_join_size`, `sql_big_selects` | whether it is refused (1104) | no table, or the check switched off for itself |
//! | `character_set_connection` | the meaning of literals, and numbers that become text | introducers; CONVERT around each value |
//! | `character_set_results` | the bytes of the answer | binary strings as values |
//! | `sql_mode` | quotes, `\|\|`, backslashes, empty strings | none of these |
//! | `max_execution_time` | whether it is cut off (3024) | no table, or the limit switched off for itself |
//! | `autocommit` | whether it opens a transaction | no table where there is a way without |
//!
//! A server can refuse all the same: between XA END and XA COMMIT, out of time or memory, or because someone said KILL. A
//! refusal is no answer, and no reason to give up a connection: what was asked for is as unknown as before.

/// An expression whose value comes back as the bytes of its text in UTF-8, whatever character sets the session has.
pub fn neutral(expression: &str) -> String {
    format!("CAST(CONVERT({expression} USING utf8mb4) AS BINARY)")
}

/// Asks for the values of expressions: one row.
pub fn select<'a>(expressions: impl IntoIterator<Item = &'a str>) -> String {
    let values: Vec<String> = expressions.into_iter().map(neutral).collect();
    format!("SELECT {} LIMIT 1", values.join(","))
}

/// `SELECT {rest}` from tables, however few rows the session lets its statements look at. `rest` has a LIMIT of its own.
pub fn select_from_tables(rest: &str, mysql: bool) -> String {
    match mysql {
        true => format!("SELECT /*+ SET_VAR(sql_big_selects=1) SET_VAR(max_execution_time=0) */ {rest}"),
        false => format!("{SCOPED}sql_big_selects=1 FOR SELECT {rest}"),
    }
}

/// How MariaDB's statements begin that set variables for themselves alone.
pub(crate) const SCOPED: &str = "SET STATEMENT ";

/// As many rows as there are, whatever `sql_select_limit` says.
pub const ALL_ROWS: &str = "LIMIT 18446744073709551615";

/// Ends a transaction without starting another one or ending the connection, whatever `completion_type` says.
pub const ROLLBACK: &str = "ROLLBACK AND NO CHAIN NO RELEASE";

/// Commits, likewise.
pub const COMMIT: &str = "COMMIT AND NO CHAIN NO RELEASE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_asked_for_as_bytes() {
        assert_eq!(
            select(["ROW_COUNT()", "@a"]),
            "SELECT CAST(CONVERT(ROW_COUNT() USING utf8mb4) AS BINARY),CAST(CONVERT(@a USING utf8mb4) AS BINARY) LIMIT 1"
        );
    }
}
