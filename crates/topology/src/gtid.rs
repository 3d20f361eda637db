//! Which transactions a server has: GTID sets of MySQL, positions of MariaDB.
//!
//! Both answer one question: does a server that is *here* have what was committed *there*? MySQL numbers the
//! transactions of each source and keeps sets of numbers, since a replica may apply them out of order. MariaDB numbers
//! them per domain and applies each domain in order, so that one number a domain says it all.
//!
//! Sources: "GTID Format and Storage" of MySQL's manual (tags since 8.3), "Global Transaction ID" of MariaDB's.

mod domains;
mod history;
mod set;

use domains::Domains;
use set::GtidSet;

pub use history::History;

use crate::observation::Family;
use std::fmt;
use thiserror::Error;

/// What a server has, or what somebody needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Position {
    /// Nothing: every server has that.
    #[default]
    Nothing,
    /// A GTID set.
    Mysql(GtidSet),
    /// One number for each domain.
    Mariadb(Domains),
}

/// A text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no GTID position: {why}")]
pub struct PositionError {
    /// The part that cannot be read.
    pub text: String,
    /// What is expected there.
    pub why: &'static str,
}

impl PositionError {
    fn new(text: &str, why: &'static str) -> Self {
        Self { text: text.chars().take(SHOWN).collect(), why }
    }
}

/// So much of a wrong text is repeated in its error.
const SHOWN: usize = 64;

impl Position {
    /// Reads what a server of this family prints. White space between the parts is ignored.
    pub fn parse(family: Family, text: &str) -> Result<Self, PositionError> {
        let position = match family {
            Family::Mysql => Self::Mysql(GtidSet::parse(text)?),
            Family::Mariadb => Self::Mariadb(Domains::parse(text)?),
        };
        Ok(if position.is_empty() { Self::Nothing } else { position })
    }

    /// Reads a position of either family: a MySQL one starts with a UUID, a MariaDB one with a number and a dash.
    pub fn parse_any(text: &str) -> Result<Self, PositionError> {
        let is_set = text.contains(':');
        Self::parse(if is_set { Family::Mysql } else { Family::Mariadb }, text)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Mysql(set) => set.is_empty(),
            Self::Mariadb(domains) => domains.is_empty(),
        }
    }

    /// Whose servers print it; `None` for nothing.
    pub const fn family(&self) -> Option<Family> {
        match self {
            Self::Nothing => None,
            Self::Mysql(_) => Some(Family::Mysql),
            Self::Mariadb(_) => Some(Family::Mariadb),
        }
    }

    /// Whether a server that is here has all of `needed`. No server has what only the other family could have.
    pub fn contains(&self, needed: &Self) -> bool {
        match (self, needed) {
            (_, needed) if needed.is_empty() => true,
            (Self::Mysql(ours), Self::Mysql(needed)) => ours.contains(needed),
            (Self::Mariadb(ours), Self::Mariadb(needed)) => ours.contains(needed),
            _ => false,
        }
    }

    /// Takes `other` in. A position of the other family is left out: no server could ever have both.
    pub fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Nothing) => {}
            (Self::Nothing, other) => self.clone_from(other),
            (Self::Mysql(ours), Self::Mysql(other)) => ours.add(other),
            (Self::Mariadb(ours), Self::Mariadb(other)) => ours.add(other),
            (Self::Mysql(_), Self::Mariadb(_)) | (Self::Mariadb(_), Self::Mysql(_)) => {}
        }
    }

    /// About how many transactions a server that is here lacks of what one has that is at `needed`: the numbers in
    /// between count too, as they come first.
    pub fn lacks(&self, needed: &Self) -> u64 {
        match (self, needed) {
            (Self::Mysql(ours), Self::Mysql(needed)) => ours.lacks(needed),
            (Self::Mariadb(ours), Self::Mariadb(needed)) => ours.lacks(needed),
            (_, Self::Nothing) => 0,
            (_, Self::Mysql(needed)) => GtidSet::default().lacks(needed),
            (_, Self::Mariadb(needed)) => Domains::default().lacks(needed),
        }
    }

    /// Whether a server that is here lacks something of what came between `base` and `needed`. What it never had of
    /// `base` does not count: it may have begun with a copy that did not say what is in it.
    pub fn is_behind(&self, base: &Self, needed: &Self) -> bool {
        match (self, needed) {
            (Self::Mysql(ours), Self::Mysql(needed)) => match base {
                Self::Mysql(base) => ours.is_behind(base, needed),
                _ => ours.is_behind(&GtidSet::default(), needed),
            },
            (Self::Mariadb(ours), Self::Mariadb(needed)) => match base {
                Self::Mariadb(base) => ours.is_behind(base, needed),
                _ => ours.is_behind(&Domains::default(), needed),
            },
            (Self::Nothing, Self::Mysql(_)) => Self::Mysql(GtidSet::default()).is_behind(base, needed),
            (Self::Nothing, Self::Mariadb(_)) => Self::Mariadb(Domains::default()).is_behind(base, needed),
            _ => false,
        }
    }

    /// Whether all of it comes from one stream in which each transaction has its place after the one before.
    pub fn is_one_stream(&self) -> bool {
        match self {
            Self::Nothing | Self::Mysql(_) => true,
            Self::Mariadb(domains) => domains.len() <= 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Mysql(set) => set.fmt(f),
            Self::Mariadb(domains) => domains.fmt(f),
        }
    }
}

/// The parts of a list, without white space, empty ones left out: servers print a line feed after each comma.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests;
