//! Routing hints: `/* splitfin: replica, max_lag=250ms */`.

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
}

/// How late a replica may be for one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxLag(pub Duration);

/// A hint that cannot be read. The statement is routed as if there were none; the log says so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HintError {
    /// No such hint.
    #[error("unknown hint `{0}`: known are primary, replica, backend=NAME and max_lag=DURATION")]
    Unknown(String),
    /// Not a duration.
    #[error("`{0}` is no duration: write 250ms or 2s")]
    Duration(String),
}

impl Hint {
    /// Reads what stands behind `splitfin:`.
    pub fn parse(text: &[u8]) -> Result<Self, HintError> {
        let text = String::from_utf8_lossy(text);
        let mut hint = Self::default();
        for word in text.split([',', ' ', ';']).filter(|word| !word.is_empty()) {
            match word.split_once('=') {
                None if matches!(word, "primary" | "master") => hint.primary = true,
                None if matches!(word, "replica" | "slave") => hint.replica = true,
                Some(("backend", name)) => hint.backend = Some(name.to_owned()),
                Some(("max_lag", value)) => hint.max_lag = Some(MaxLag(duration(value)?)),
                _ => return Err(HintError::Unknown(word.to_owned())),
            }
        }
        Ok(hint)
    }
}

fn duration(text: &str) -> Result<Duration, HintError> {
    let wrong = || HintError::Duration(text.to_owned());
    let digits = text.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_combine_and_slave_means_replica() {
        let hint = Hint::parse(b" slave, max_lag=250ms ").unwrap();
        assert_eq!((hint.replica, hint.max_lag), (true, Some(MaxLag(Duration::from_millis(250)))));
        assert_eq!(Hint::parse(b"backend=slave-2").unwrap().backend.as_deref(), Some("slave-2"));
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert_eq!(Hint::parse(b"replcia"), Err(HintError::Unknown("replcia".into())));
        assert_eq!(Hint::parse(b"max_lag=5"), Err(HintError::Duration("5".into())));
    }
}
