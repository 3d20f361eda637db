//! Statements about accounts and databases: who logs in after one has the rights of then.

use super::Class;
use crate::reason::Because;

/// What a statement changes that sessions take with them from their login, or from choosing their database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Accounts, privileges, roles: sessions that are there go on as they were.
    Accounts,
    /// Databases: the session that did it has it as it is now.
    Databases,
}

/// How the statements begin. What hides in routines and in other texts, the servers' counters show.
const CHANGES: [(&str, Change); 19] = [
    ("grant", Change::Accounts),
    ("revoke", Change::Accounts),
    ("create user", Change::Accounts),
    ("create role", Change::Accounts),
    ("create or replace user", Change::Accounts),
    ("create or replace role", Change::Accounts),
    ("alter user", Change::Accounts),
    ("drop user", Change::Accounts),
    ("drop role", Change::Accounts),
    ("rename user", Change::Accounts),
    ("set password", Change::Accounts),
    ("set default role", Change::Accounts),
    ("flush", Change::Accounts),
    ("create database", Change::Databases),
    ("create or replace database", Change::Databases),
    ("create schema", Change::Databases),
    ("alter database", Change::Databases),
    ("alter schema", Change::Databases),
    ("drop ", Change::Databases),
];

impl Change {
    /// Of a statement with this normalised text.
    pub(super) fn of(class: Class, text: &str) -> Option<Self> {
        let Class::Write(because) = class else {
            // They only set something for accounts.
            let sets = ["set password", "set default role"].iter().any(|words| text.starts_with(words));
            return sets.then_some(Self::Accounts);
        };
        if because == Because::SeveralStatements {
            let all = text.split(';').filter_map(|part| Self::of_write(part.trim_start()));
            return all.max_by_key(|change| *change == Self::Databases);
        }
        Self::of_write(text)
    }

    fn of_write(text: &str) -> Option<Self> {
        // Variables that say which roles a login has.
        let of_roles = ["mandatory_roles", "activate_all_roles_on_login", "partial_revokes"];
        if text.starts_with("set ") && of_roles.iter().any(|name| text.contains(name)) {
            return Some(Self::Accounts);
        }
        let (words, found) = CHANGES.iter().find(|(words, _)| text.starts_with(words))?;
        let is_other_drop = *words == "drop "
            && !["user", "role", "database", "schema"].iter().any(|what| text[words.len()..].starts_with(what));
        (!is_other_drop).then_some(*found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LexMode, Statement};

    fn of(text: &str) -> Option<Change> {
        Statement::of_text(text.as_bytes(), LexMode::default()).change
    }

    #[test]
    fn statements_about_accounts_and_databases_are_known() {
        for text in [
            "GRANT SELECT ON *.* TO u",
            "REVOKE ALL ON d.* FROM u",
            "CREATE USER u",
            "DROP ROLE IF EXISTS r",
            "SET PASSWORD = 'x'",
            "SET PASSWORD FOR u = PASSWORD('x')",
            "SET DEFAULT ROLE r FOR u",
            "FLUSH PRIVILEGES",
            "SELECT 1; GRANT SELECT ON *.* TO u",
            "SET GLOBAL mandatory_roles = 'r'",
            "DO 1; SET GLOBAL mandatory_roles = 'r'",
            "/*!50000 GRANT SELECT ON *.* TO u */",
            "DO 1; /*!50000 GRANT SELECT ON *.* TO u */",
        ] {
            assert_eq!(of(text), Some(Change::Accounts), "{text}");
        }
        for text in [
            "CREATE DATABASE d",
            "DROP SCHEMA d",
            "ALTER DATABASE d CHARACTER SET latin1",
            "DO 1; DROP DATABASE d",
            "/*!40000 DROP DATABASE IF EXISTS d */",
        ] {
            assert_eq!(of(text), Some(Change::Databases), "{text}");
        }
        for text in
            ["SELECT 1", "DROP TABLE grants", "CREATE TABLE t (a INT)", "SET sql_mode=''", "SHOW GRANTS", "CALL p()"]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
