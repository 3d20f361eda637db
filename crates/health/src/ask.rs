//! Asks a server something. What it answers are bytes from a network: each value is looked at before it is used, and one
//! that makes no sense is an error that says so, never the end of the task that asked.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row, ServerError, Value};
use splitfin_topology::ProbeFailure;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// The server answered with an error.
    #[error("error {}: {}", .0.code, .0.message)]
    Refused(ServerError),
    /// The connection could not be made or broke.
    #[error("{0}")]
    Broken(mysql_async::Error),
    /// The answer makes no sense.
    #[error(transparent)]
    Misunderstood(#[from] Misunderstood),
}

/// A value that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the answer to `{question}` is not understood: {column} is {there} instead of {wanted}")]
pub(crate) struct Misunderstood {
    question: String,
    column: String,
    there: String,
    wanted: &'static str,
}

impl From<mysql_async::Error> for AskError {
    fn from(error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Server(error) => Self::Refused(error),
            other => Self::Broken(other),
        }
    }
}

impl From<AskError> for ProbeFailure {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(_) => Self::Refused(error.to_string()),
            AskError::Broken(error) => Self::Unreachable(error.to_string()),
            AskError::Misunderstood(why) => Self::Misunderstood(why.to_string()),
        }
    }
}

/// One row, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    question: Arc<str>,
    /// Names of columns, and what is in them; nothing for NULL.
    cells: Vec<(String, Option<String>)>,
}

/// All rows.
pub(crate) async fn rows(conn: &mut Conn, question: &str) -> Result<Vec<Answer>, AskError> {
    #[expect(clippy::disallowed_methods, reason = "a row that stays a row is not converted")]
    let rows: Vec<Row> = conn.query(question).await?;
    let question = Arc::from(question);
    Ok(rows.into_iter().map(|row| Answer::new(&question, row)).collect())
}

/// The first row, if there is one.
pub(crate) async fn first(conn: &mut Conn, question: &str) -> Result<Option<Answer>, AskError> {
    Ok(rows(conn, question).await?.into_iter().next())
}

/// The row of a question that always has one.
pub(crate) async fn row(conn: &mut Conn, question: &str) -> Result<Answer, AskError> {
    let nothing = || Misunderstood {
        question: shortened(question),
        column: "the first row".to_owned(),
        there: "missing".to_owned(),
        wanted: "there",
    };
    first(conn, question).await?.ok_or_else(|| nothing().into())
}

impl Answer {
    fn new(question: &Arc<str>, row: Row) -> Self {
        let names: Vec<String> = row.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
        let text = |value| match value {
            None | Some(Value::NULL) => None,
            Some(Value::Bytes(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Some(other) => Some(other.as_sql(true)),
        };
        let cells = names.into_iter().zip(row.unwrap_raw().into_iter().map(text)).collect();
        Self { question: Arc::clone(question), cells }
    }

    #[cfg(test)]
    pub(crate) fn of(question: &str, cells: &[(&str, Option<&str>)]) -> Self {
        let own = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        Self { question: Arc::from(question), cells: cells.iter().map(own).collect() }
    }

    /// Names of columns, and what is in them; nothing for NULL.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.cells.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// What is in the first of these columns that there is; nothing for NULL.
    pub(crate) fn named(&self, names: &[&str]) -> Option<&str> {
        let is_meant = |name: &str| names.iter().any(|meant| name.eq_ignore_ascii_case(meant));
        self.cells().find(|(name, _)| is_meant(name)).and_then(|(_, value)| value)
    }

    /// The text in a column, which may be NULL.
    pub(crate) fn maybe_text(&self, at: usize) -> Result<Option<&str>, Misunderstood> {
        match self.cells.get(at) {
            Some((_, value)) => Ok(value.as_deref()),
            None => Err(self.misunderstood(at, "a text")),
        }
    }

    /// The text in a column.
    pub(crate) fn text(&self, at: usize) -> Result<&str, Misunderstood> {
        self.maybe_text(at)?.ok_or_else(|| self.misunderstood(at, "a text"))
    }

    /// The number in a column, which may be NULL.
    pub(crate) fn maybe_number<T: FromStr>(&self, at: usize) -> Result<Option<T>, Misunderstood> {
        match self.maybe_text(at)? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.misunderstood(at, "a number")),
        }
    }

    /// The number in a column.
    pub(crate) fn number<T: FromStr>(&self, at: usize) -> Result<T, Misunderstood> {
        self.maybe_number(at)?.ok_or_else(|| self.misunderstood(at, "a number"))
    }

    /// Whether a column says yes.
    pub(crate) fn flag(&self, at: usize) -> Result<bool, Misunderstood> {
        self.maybe_text(at)?.and_then(flag).ok_or_else(|| self.misunderstood(at, "ON or OFF"))
    }

    /// Whether `read_only` is on. MariaDB 12 has words for how much may still be locked.
    pub(crate) fn read_only(&self, at: usize) -> Result<bool, Misunderstood> {
        match self.maybe_text(at)? {
            Some(text) if text.to_ascii_uppercase().starts_with("NO_LOCK") => Ok(true),
            _ => self.flag(at),
        }
    }

    fn misunderstood(&self, at: usize, wanted: &'static str) -> Misunderstood {
        let (column, there) = match self.cells.get(at) {
            None => (format!("column {}", at + 1), "missing".to_owned()),
            Some((name, None)) => (format!("`{}`", shortened(name)), "NULL".to_owned()),
            Some((name, Some(text))) => (format!("`{}`", shortened(name)), format!("{:?}", shortened(text))),
        };
        Misunderstood { question: shortened(&self.question), column, there, wanted }
    }
}

/// Yes or no, in any of the words that servers have for it.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// For a line of a log.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// Enough to recognise a question.
const LONGEST: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: Option<&str>) -> Answer {
        Answer::of("SELECT @@x", &[("@@x", value)])
    }

    #[test]
    fn all_words_for_yes_and_no_are_taken_and_no_others() {
        for yes in ["1", "ON", "on", "YES", "Yes", "TRUE", "true"] {
            assert_eq!(answer(Some(yes)).flag(0), Ok(true), "{yes}");
        }
        for no in ["0", "OFF", "off", "NO", "No", "FALSE", "false"] {
            assert_eq!(answer(Some(no)).flag(0), Ok(false), "{no}");
        }
        for odd in [None, Some(""), Some("2"), Some("NO_LOCK"), Some("enabled")] {
            assert!(answer(odd).flag(0).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn read_only_has_words_of_its_own() {
        for (text, on) in [("0", false), ("OFF", false), ("1", true), ("ON", true), ("NO_LOCK", true)] {
            assert_eq!(answer(Some(text)).read_only(0), Ok(on), "{text}");
        }
        assert_eq!(answer(Some("NO_LOCK_NO_ADMIN")).read_only(0), Ok(true));
        assert!(answer(Some("MAYBE")).read_only(0).is_err());
        assert!(answer(None).read_only(0).is_err());
    }

    #[test]
    fn a_value_that_makes_no_sense_is_an_error_that_says_where_and_what() {
        let said = |error: Misunderstood| error.to_string();
        let not = |what: &str| format!("the answer to `SELECT @@x` is not understood: {what}");
        assert_eq!(said(answer(None).flag(0).unwrap_err()), not("`@@x` is NULL instead of ON or OFF"));
        let odd = answer(Some("x\n1")).number::<u32>(0).unwrap_err();
        assert_eq!(said(odd), not("`@@x` is \"x1\" instead of a number"));
        assert_eq!(said(answer(Some("x")).text(1).unwrap_err()), not("column 2 is missing instead of a text"));
        assert!(answer(Some("-1")).number::<u32>(0).is_err());
        assert!(answer(Some("4294967296")).number::<u32>(0).is_err());
        assert!(answer(None).number::<i64>(0).is_err());
        assert_eq!(answer(None).maybe_number::<i64>(0), Ok(None));
        let long = Answer::of(&"q".repeat(1000), &[("x", Some("y".repeat(1000).as_str()))]);
        assert!(said(long.number::<u8>(0).unwrap_err()).len() < 300);
    }
}
