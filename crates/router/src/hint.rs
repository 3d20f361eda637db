//! Routing hints: `/* splitfin: replica, max_lag=250ms */`.

use splitfin_topology::{Position, PositionError};
use std::time::Duration;
use thiserror::Error;

/// What a comment asks for. It can never send a write to a replica.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hint {
    /// `primary` (or `master`).
    pub primary: bool,
    /// `replica` (or `slave`): a proven read may go to a replica even where a rule says primary.
    pub replica: bool,
    /// `backend=NAME`
    pub backend: Option<String>,
    /// `max_lag=DURATION`
    pub max_lag: Option<MaxLag>,
    /// `after_gtid=POSITION`: only where this was committed or applied already.
    pub after: Position,
}

/// How late a replica may be for one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxLag(pub Duration);

/// A word of a hint that cannot be read. The other words hold; the log says so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HintError {
    /// No such hint.
    #[error("unknown hint `{0}`: known are primary, replica, backend=NAME, max_lag=DURATION and after_gtid=POSITION")]
    Unknown(String),
    /// Not a duration.
    #[error("`{0}` is no duration: write 250ms or 2s")]
    Duration(String),
    /// More than is read of any hint. It may have named a position.
    #[error("a hint of {0} bytes, where {LONGEST} are read; the statement goes to the primary")]
    TooLong(usize),
    /// Not a position. A read that has to come after something unknown goes to the primary.
    #[error("{0}; the statement goes to the primary")]
    Position(#[from] PositionError),
}

/// What cannot be read of a hint. A client may write any number of such words, so only the first is kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{first}{}", and_more(*more))]
pub struct Unreadable {
    /// The first word's fault.
    pub first: HintError,
    /// How many more words cannot be read.
    pub more: usize,
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more)") }
}

impl Hint {
    /// Reads what stands after `splitfin:`, and says what it cannot read.
    pub fn parse(text: &[u8]) -> (Self, Option<Unreadable>) {
        if text.len() > LONGEST {
            let hint = Self { primary: true, ..Self::default() };
            return (hint, Some(Unreadable { first: HintError::TooLong(text.len()), more: 0 }));
        }
        let text = String::from_utf8_lossy(text);
        let mut hint = Self::default();
        let mut errors = words(&text).filter_map(|word| hint.take(word).err());
        let first = errors.next();
        let more = errors.count();
        (hint, first.map(|first| Unreadable { first, more }))
    }

    fn take(&mut self, word: &str) -> Result<(), HintError> {
        match word.split_once('=') {
            None if matches!(word, "primary" | "master") => self.primary = true,
            None if matches!(word, "replica" | "slave") => self.replica = true,
            Some(("backend", name)) => self.backend = Some(name.to_owned()),
            Some(("max_lag", value)) => self.max_lag = Some(MaxLag(duration(value)?)),
            Some(("after_gtid", value)) => match Position::parse_any(value) {
                Ok(position) => self.after.add(&position),
                Err(error) => {
                    self.primary = true;
                    return Err(error.into());
                }
            },
            _ => return Err(HintError::Unknown(shortened(word))),
        }
        Ok(())
    }
}

/// Words end at commas, semicolons and white space; the commas of a position belong to it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([',', ';', ' ', '\t', '\r', '\n']);
        let is_position = rest.starts_with("after_gtid=");
        let ends = |c: char| c.is_whitespace() || c == ';' || (c == ',' && !is_position);
        let (word, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        rest = after;
        (!word.is_empty()).then(|| word.trim_end_matches(','))
    })
}

fn duration(text: &str) -> Result<Duration, HintError> {
    let wrong = || HintError::Duration(shortened(text));
    let digits = text.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(wrong()),
    }
}

/// A word of a client as errors show it.
fn shortened(word: &str) -> String {
    match word.char_indices().nth(MOST_SHOWN) {
        Some((at, _)) => format!("{}…", word.split_at(at).0),
        None => word.to_owned(),
    }
}

/// Bytes of a hint: more than positions with hundreds of servers take, and not more than is read in one go.
const LONGEST: usize = 64 * 1024;
/// Of a word in an error, in characters: more than any word that means something, but for positions.
const MOST_SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_combine_and_slave_means_replica() {
        let (hint, errors) = Hint::parse(b" slave, max_lag=250ms ");
        assert_eq!((hint.replica, hint.max_lag), (true, Some(MaxLag(Duration::from_millis(250)))));
        assert!(errors.is_none());
        assert_eq!(Hint::parse(b"backend=slave-2").0.backend.as_deref(), Some("slave-2"));
    }

    #[test]
    fn hint_of_any_length_falls_back_to_primary() {
        let (hint, errors) = Hint::parse("replica, ".repeat(10_000).as_bytes());
        assert_eq!((hint.primary, hint.replica), (true, false));
        assert_eq!(errors.map(|errors| errors.first), Some(HintError::TooLong(90_000)));
    }

    #[test]
    fn a_position_keeps_its_commas() {
        let set = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:9,4e11fa47-71ca-11e1-9e33-c80aa9429562:1";
        for text in [
            format!("after_gtid={set}"),
            format!("replica, after_gtid={set}, replica"),
            format!("after_gtid={set};replica"),
        ] {
            let (hint, errors) = Hint::parse(text.as_bytes());
            assert_eq!((hint.after.to_string(), errors), (set.to_owned(), None), "{text}");
        }
        let (hint, _) = Hint::parse(b"after_gtid=0-1-5,1-1-7 after_gtid=0-1-9");
        assert_eq!(hint.after.to_string(), "0-1-9,1-1-7");
    }

    #[test]
    fn unreadable_position_falls_back_to_primary() {
        let (hint, errors) = Hint::parse(b"after_gtid=yesterday, max_lag=1s");
        assert!(hint.primary && hint.max_lag.is_some());
        let said = errors.map(|errors| errors.to_string()).unwrap_or_default();
        assert!(said.contains("goes to the primary"), "{said}");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let first = |text: &[u8]| Hint::parse(text).1.map(|errors| errors.first);
        assert_eq!(first(b"replcia"), Some(HintError::Unknown("replcia".into())));
        assert_eq!(first(b"max_lag=5"), Some(HintError::Duration("5".into())));
    }

    #[test]
    fn what_is_said_of_it_is_short() {
        let many = "x ".repeat(30_000);
        let said = Hint::parse(many.as_bytes()).1.map(|errors| errors.to_string()).unwrap_or_default();
        assert!(said.starts_with("unknown hint `x`") && said.ends_with(" (and 29999 more)"), "{said}");
        for name in ["", "max_lag=", "after_gtid="] {
            let long = format!("{name}{}", "ä".repeat(30_000));
            let said = Hint::parse(long.as_bytes()).1.map(|errors| errors.to_string()).unwrap_or_default();
            assert!((64..300).contains(&said.chars().count()), "{said}");
        }
    }
}
