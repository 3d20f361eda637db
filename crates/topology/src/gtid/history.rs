//! What a server has, told apart by who wrote it.
//!
//! A position of MariaDB names the last transaction of each domain: two servers that went separate ways show different
//! numbers, and the greater one seems to have all. By writer, it shows that each lacks something of the other.

use super::domains::gtid;
use super::set::GtidSet;
use super::{PositionError, parts};
use crate::observation::{Family, Identity};
use std::collections::BTreeMap;

/// What a server has, by who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum History {
    /// It has no GTIDs.
    #[default]
    Unknown,
    /// MySQL: `@@global.gtid_executed`.
    Mysql(GtidSet),
    /// MariaDB: the last number by domain and server, of `@@gtid_binlog_state` and `@@gtid_slave_pos`.
    Mariadb(BTreeMap<(u32, u32), u64>),
}

impl History {
    /// Reads what a server of this family prints. Texts of MariaDB may be joined by commas.
    pub fn parse(family: Family, text: &str) -> Result<Self, PositionError> {
        Ok(match family {
            Family::Mysql => match GtidSet::parse(text)? {
                set if set.is_empty() => Self::Unknown,
                set => Self::Mysql(set),
            },
            Family::Mariadb => {
                let mut last = BTreeMap::new();
                for part in parts(text) {
                    let (domain, server, number) = gtid(part)?.fields();
                    let known = last.entry((domain, server)).or_insert(number);
                    *known = number.max(*known);
                }
                if last.is_empty() { Self::Unknown } else { Self::Mariadb(last) }
            }
        })
    }

    /// Whether nothing of `other` is missing here.
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Unknown) => true,
            (Self::Mysql(ours), Self::Mysql(other)) => ours.contains(other),
            (Self::Mariadb(ours), Self::Mariadb(other)) => {
                other.iter().all(|(writer, number)| ours.get(writer).is_some_and(|ours| ours >= number))
            }
            _ => false,
        }
    }

    /// What others than this server wrote.
    pub fn without(&self, writer: &Identity) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Mysql(set) => {
                Self::Mysql(writer.uuid.as_deref().map_or_else(|| set.clone(), |uuid| set.without(uuid)))
            }
            Self::Mariadb(last) => {
                let others = last.iter().filter(|((_, server), _)| *server != writer.server_id);
                Self::Mariadb(others.map(|(writer, number)| (*writer, *number)).collect())
            }
        }
    }

    /// Whether somebody wrote what both have: servers that were never members of one replication have nothing in common.
    pub fn is_related(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mysql(ours), Self::Mysql(other)) => ours.shares_source(other),
            (Self::Mariadb(ours), Self::Mariadb(other)) => ours.keys().any(|writer| other.contains_key(writer)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mariadb(text: &str) -> History {
        History::parse(Family::Mariadb, text).unwrap()
    }

    #[test]
    fn separate_ways_show() {
        // 1 wrote up to 20 and died; 2 had 10 of that, and wrote 11 to 15 itself.
        let (old, new) = (mariadb("0-1-20"), mariadb("0-2-15,0-1-10"));
        assert!(!old.contains(&new) && !new.contains(&old) && old.is_related(&new));
        let caught_up = mariadb("0-1-20,0-2-15");
        assert!(caught_up.contains(&old) && caught_up.contains(&new));
        assert!(!old.is_related(&mariadb("0-9-3")));
        assert_eq!(new.without(&Identity { uuid: None, server_id: 2 }), mariadb("0-1-10"));
    }

    #[test]
    fn sets_of_mysql_are_compared_as_sets() {
        let set = |text: &str| History::parse(Family::Mysql, text).unwrap();
        let (a, b) = ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-20", "4e11fa47-71ca-11e1-9e33-c80aa9429562:1-5");
        let both = set(&format!("{a},\n{b}"));
        assert!(both.contains(&set(a)) && both.contains(&set(b)) && !set(a).contains(&both));
        assert!(both.is_related(&set(b)) && !set(a).is_related(&set(b)));
        let writer = Identity { uuid: Some("4E11FA47-71ca-11e1-9e33-c80aa9429562".into()), server_id: 1 };
        assert_eq!(both.without(&writer), set(a));
    }

    #[test]
    fn without_gtids_nothing_is_known() {
        assert_eq!((mariadb(""), History::parse(Family::Mysql, "")), (History::Unknown, Ok(History::Unknown)));
        assert!(mariadb("0-1-1").contains(&History::Unknown) && !History::Unknown.contains(&mariadb("0-1-1")));
        assert!(History::parse(Family::Mariadb, "x").is_err());
    }
}
