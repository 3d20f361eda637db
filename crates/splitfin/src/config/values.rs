//! Scalars of the configuration file: texts with `${VARIABLES}`, durations with units.

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A text in which `${NAME}` and `${NAME:-default}` were replaced from the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        substitute(&raw, |name| std::env::var(name).ok()).map(Self).map_err(D::Error::custom)
    }
}

/// A password: a [`Text`] of which is known whether the file itself holds some of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Password {
    pub(crate) text: String,
    pub(crate) is_in_file: bool,
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        let text = substitute(&raw, |name| std::env::var(name).ok()).map_err(D::Error::custom)?;
        let own = substitute(&raw, |name| std::env::var(name).ok().map(|_| String::new()));
        Ok(Self { text, is_in_file: own.is_ok_and(|own| !own.is_empty()) })
    }
}

/// A path, with variables as in [`Text`].
pub(crate) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(Option::<Text>::deserialize(deserializer)?.map(|text| PathBuf::from(text.0)))
}

/// Replaces variables in `raw`. `$$` is a dollar sign.
fn substitute(raw: &str, look_up: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix('{') {
            let Some((name, tail)) = tail.split_once('}') else {
                return Err("`${` without `}`: write $$ for a dollar sign".to_owned());
            };
            let (name, default) = name.split_once(":-").map_or((name, None), |(name, default)| (name, Some(default)));
            match (look_up(name), default) {
                (Some(value), _) => out.push_str(&value),
                (None, Some(default)) => out.push_str(default),
                (None, None) => return Err(format!("the environment variable `{name}` is not set")),
            }
            rest = tail;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// A duration: a number and a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wanted;
        impl Visitor<'_> for Wanted {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with a unit, such as 500ms, 5s, 2m or 8h")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                parse_duration(text).map(Span).map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Span, E> {
                Err(E::custom(format!("`{number}` has no unit: did you mean `{number}s` or `{number}ms`?")))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Span, E> {
                Err(E::custom(format!("`{number}` is no duration: write 500ms, 5s, 2m or 8h")))
            }
        }
        deserializer.deserialize_any(Wanted)
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: write a number and a unit, such as 500ms, 5s, 2m or 8h");
    let text_trimmed = text.trim();
    let digits = text_trimmed
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(|| format!("`{text}` has no unit: did you mean `{text}s` or `{text}ms`?"))?;
    let (number, unit) = text_trimmed.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced() {
        let look_up = |name: &str| (name == "HOST").then(|| "db".to_owned());
        assert_eq!(substitute("${HOST}:3306", look_up).unwrap(), "db:3306");
        assert_eq!(substitute("${PORT:-3306}/$$/$x", look_up).unwrap(), "3306/$/$x");
        assert!(substitute("${PORT}", look_up).unwrap_err().contains("`PORT` is not set"));
        assert!(substitute("${PORT", look_up).unwrap_err().contains("without `}`"));
    }

    #[test]
    fn durations_need_their_unit() {
        for (text, expected) in [("500ms", 500), ("5s", 5_000), ("2m", 120_000), ("8h", 28_800_000)] {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(expected));
        }
        assert!(parse_duration("5").unwrap_err().contains("did you mean `5s`"));
        assert!(parse_duration("5 days").is_err());
        assert!(parse_duration("-5s").is_err());
    }
}
