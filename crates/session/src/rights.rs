//! Statements about accounts and databases: who logs in behind one has the rights of then; see [`splitfin_backend::Pools::ask_rights`].

use crate::consistency::committed;
use crate::job::{Job, Kind};
use crate::serve::Session;
use crate::worker::Worker;
use splitfin_backend::{Account, Certainty};
use splitfin_protocol::{Capabilities, CommandByte, Outcome};
use splitfin_router::{Because, Class};
use splitfin_topology::{BackendId, Snapshot};
use std::rc::Rc;

/// What a statement changes that sessions take with them from their login, or from choosing their database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
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

/// What a statement changes, by its normalised text.
fn change(class: Class, text: &str) -> Option<Change> {
    let Class::Write(because) = class else {
        // They only set something for accounts.
        let sets = ["set password", "set default role"].iter().any(|words| text.starts_with(words));
        return sets.then_some(Change::Accounts);
    };
    let of_statement = |text: &str| {
        let begins = |(words, _): &&(&str, Change)| text.starts_with(words);
        let found = CHANGES.iter().find(begins).map(|(_, change)| *change)?;
        let is_other_drop = text.starts_with("drop ")
            && !["user", "role", "database", "schema"].iter().any(|what| text[5..].starts_with(what));
        (!is_other_drop).then_some(found)
    };
    if because == Because::SeveralStatements {
        let all = text.split(';').filter_map(|part| of_statement(part.trim_start()));
        return all.max_by_key(|change| *change == Change::Databases);
    }
    // Variables that say which roles a login has.
    let of_roles = ["mandatory_roles", "activate_all_roles_on_login", "partial_revokes"];
    match of_statement(text) {
        None if text.starts_with("set ") && of_roles.iter().any(|name| text.contains(name)) => Some(Change::Accounts),
        found => found,
    }
}

fn change_by(job: &Job<'_>) -> Option<Change> {
    match job.kind {
        Kind::Prepare { .. } => None,
        _ => change(job.statement.class, &job.statement.text),
    }
}

impl Session {
    /// Lets all workers know of a change, before its client does. One that failed may have done a part.
    pub(crate) fn announce_rights(&self, outcome: &Outcome, job: &Job<'_>) {
        if change_by(job).is_some() {
            let snapshot = self.worker.topology.snapshot();
            self.worker.pools.rights_changed(committed(outcome), &snapshot);
        }
    }

    /// Who changes a database, or chooses one, has it as it is from then on: no connection that knew it before.
    pub(crate) fn note_rights(&mut self, outcome: &Outcome, job: &Job<'_>) {
        let chooses = job.command == CommandByte::InitDb || job.statement.text.starts_with("use ");
        let renews = change_by(job) == Some(Change::Databases) || (chooses && outcome.error.is_none());
        if renews {
            self.state.rights = self.worker.pools.rights_now();
        }
    }

    /// Keeps those of the replicas that are known to have the changes that the session must see. The others are looked at.
    pub(crate) fn have_rights(&self, eligible: &mut smallvec::SmallVec<[BackendId; 8]>, snapshot: &Snapshot) {
        let pools = &self.worker.pools;
        eligible.retain(|id| {
            let has = pools.rights_of(*id, snapshot) >= self.state.rights;
            if !has {
                pools.suspect(*id);
            }
            has
        });
    }
}

impl Worker {
    /// The account that the monitor has.
    pub(crate) fn monitor(&self) -> Rc<Account> {
        let settings = self.settings();
        let (user, password) = &settings.monitor;
        Rc::new(Account {
            client: None,
            certificate: settings.certificates.own,
            user: user.clone(),
            password: password.clone(),
            capabilities: Capabilities::empty(),
            collation: UTF8MB4,
            attributes: Vec::new(),
        })
    }

    /// Makes sure that changes that were complete by now are known. Otherwise, the server itself has to see each login.
    pub(crate) async fn ask_rights(&self) -> Certainty {
        let snapshot = self.topology.snapshot();
        self.pools.ask_rights(&self.monitor(), &snapshot).await
    }
}

/// `utf8mb4_general_ci`
const UTF8MB4: u8 = 45;

#[cfg(test)]
mod tests {
    use super::*;
    use splitfin_router::LexMode;
    use splitfin_router::classify::classify;

    fn of(text: &str) -> Option<Change> {
        let (class, _) = classify(text.as_bytes(), LexMode::default());
        change(class, &text.to_ascii_lowercase())
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
        ] {
            assert_eq!(of(text), Some(Change::Accounts), "{text}");
        }
        for text in
            ["CREATE DATABASE d", "DROP SCHEMA d", "ALTER DATABASE d CHARACTER SET latin1", "DO 1; DROP DATABASE d"]
        {
            assert_eq!(of(text), Some(Change::Databases), "{text}");
        }
        for text in
            ["SELECT 1", "DROP TABLE grants", "CREATE TABLE t (a INT)", "SET sql_mode=''", "SHOW GRANTS", "CALL p()"]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
