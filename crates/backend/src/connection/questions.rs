//! What a server is asked over a connection; see [`crate::question`].

use super::Connection;
use crate::error::BackendError;
use crate::query::{Answer, query, query_all};
use crate::question::{self, ALL_ROWS, ROLLBACK, neutral, select, select_from_tables};
use crate::state::{RESULTS, Values};
use crate::{tracking, user_variables};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

impl Connection {
    /// Runs a statement of Splitfin's own for what it does.
    pub async fn run(&mut self, sql: &str) -> Result<(), BackendError> {
        self.own(sql).await.map(drop)
    }

    /// A statement of Splitfin's own. One that is refused leaves an error to show, and some have warnings.
    async fn own(&mut self, sql: &str) -> Result<Answer, BackendError> {
        let answer = match sql.starts_with(question::SCOPED) {
            // With the next answer the server reports that the variables were set back, which is no news for a client.
            true => query_all(&mut self.framed, self.capabilities, [sql, "DO 0"]).await.map(|[answer, _]| answer),
            false => query(&mut self.framed, self.capabilities, sql).await,
        };
        self.has_conditions |= answer.as_ref().map_or(true, |answer| answer.outcome.warnings > 0);
        answer
    }

    /// Asks for the values of expressions, whatever the session has set. Nothing, if the server refuses: what was asked for
    /// is as unknown as before.
    pub async fn ask<const N: usize>(
        &mut self,
        expressions: [&str; N],
    ) -> Result<Option<[Option<String>; N]>, BackendError> {
        let answer = self.question(&select(expressions)).await?;
        Ok(answer.and_then(|answer| answer.rows.into_iter().next()?.try_into().ok()))
    }

    /// A question in the words of [`crate::question`]. Nothing, if the server refuses it.
    async fn question(&mut self, sql: &str) -> Result<Option<Answer>, BackendError> {
        match self.own(sql).await {
            Ok(answer) => Ok(Some(answer)),
            Err(BackendError::Refused { statement, code, message, .. }) => {
                tracing::info!(connection = self.id, code, %message, question = %statement, "a server refused a question");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the server wants TLS of this connection's account (`REQUIRE SSL` and above), as it says itself: that takes no
    /// right. Nothing, if it does not tell.
    pub async fn requires_tls(&mut self) -> Result<Option<bool>, BackendError> {
        if !self.framed.stream().is_tls() {
            // It let the account in without.
            return Ok(Some(false));
        }
        if self.requires_tls.is_none() && self.sandbox.is_none() {
            // Servers may look into a table for it, without autocommit in a transaction.
            self.requires_tls = match self.all_rows(["SHOW CREATE USER CURRENT_USER()", ROLLBACK]).await {
                Ok([rows, _]) => rows.iter().flatten().flatten().find_map(|text| requires_tls(text)),
                Err(BackendError::Refused { code, message, .. }) => {
                    tracing::info!(connection = self.id, code, %message, "a server does not tell whether an account has to use TLS");
                    None
                }
                Err(error) => return Err(error),
            };
        }
        Ok(self.requires_tls)
    }

    /// Runs a statement of Splitfin's own that has no table to select from and gives the first value of each row; NULLs are
    /// left out.
    pub async fn first_values(&mut self, sql: &str) -> Result<Vec<String>, BackendError> {
        let answer = self.own(sql).await?;
        Ok(answer.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    /// `SELECT {columns} FROM {rest}` with its values as text; NULL is `None`.
    pub async fn rows(&mut self, columns: &[&str], rest: &str) -> Result<Vec<Vec<Option<String>>>, BackendError> {
        let columns: Vec<String> = columns.iter().map(|column| neutral(column)).collect();
        let rest = format!("{} FROM {rest} {ALL_ROWS}", columns.join(","));
        Ok(self.own(&select_from_tables(&rest, self.is_mysql())).await?.rows)
    }

    /// Runs statements of Splitfin's own, sent in one write, and gives the rows of each, those of all its results.
    pub async fn all_rows<const N: usize>(
        &mut self,
        statements: [&str; N],
    ) -> Result<[Vec<Vec<Option<String>>>; N], BackendError> {
        let answers = query_all(&mut self.framed, self.capabilities, statements).await;
        self.has_conditions |=
            answers.as_ref().map_or(true, |answers| answers.iter().any(|answer| answer.outcome.warnings > 0));
        let answers = answers?;
        Ok(answers.map(|answer| answer.rows))
    }

    /// The collations of the connection and of its results; the latter is nothing if results have none. Nothing at all, if
    /// the server refuses to tell.
    pub async fn collations(&mut self) -> Result<Option<(String, Option<String>)>, BackendError> {
        let name = "@@session.collation_connection";
        let Some(answer) = self.question(&format!("SELECT {name},{} LIMIT 1", neutral(name))).await? else {
            return Ok(None);
        };
        let results = answer.collation;
        let Some(Some(connection)) = answer.rows.into_iter().next().and_then(|row| row.into_iter().nth(1)) else {
            return Ok(None);
        };
        match self.collation_name(results).await? {
            Some(results) => Ok(Some((connection, results))),
            None => Ok(None),
        }
    }

    /// The name of the collation with this number, if there is one. Nothing at all, if the server refuses to tell.
    async fn collation_name(&mut self, id: Option<u16>) -> Result<Option<Option<String>>, BackendError> {
        let known = id.and_then(|id| self.family.catalogue.collation(id));
        match (&self.family.login_collation, id) {
            ((known, name), Some(id)) if *known == Some(id) => Ok(Some(name.as_deref().map(str::to_owned))),
            _ if known.is_some() => Ok(Some(known.map(str::to_owned))),
            (_, Some(id)) => {
                let name = neutral("COLLATION_NAME");
                let rest = format!("{name} FROM information_schema.COLLATIONS WHERE ID={id} LIMIT 1");
                let answer = self.question(&select_from_tables(&rest, self.is_mysql())).await?;
                Ok(answer.map(Answer::first_value))
            }
            _ => Ok(Some(None)),
        }
    }

    /// The values of user variables, which from now on count as known here. Nothing, if one of them cannot be carried to
    /// another connection, if all of them are longer than `most` bytes, or if the server refuses to tell.
    pub async fn user_variables(
        &mut self,
        names: &BTreeSet<Box<str>>,
        most: usize,
    ) -> Result<Option<Values>, BackendError> {
        let each = || names.iter().map(|name| &**name);
        let values = match names.is_empty() {
            true => Some(Values::default()),
            false => {
                let answer = self.question(&user_variables::ask(each())).await?;
                answer.and_then(|answer| user_variables::values(each(), answer, most))
            }
        };
        if let Some(values) = &values {
            self.state.user_variables = Rc::clone(values);
        }
        Ok(values)
    }

    /// The last generated id, and which roles are active, as SET ROLE takes them: no roles, if the server has none. Nothing
    /// at all, if the server refuses to tell.
    pub async fn id_and_role(&mut self) -> Result<Option<(u64, Option<Rc<str>>)>, BackendError> {
        let has_roles = self.state.own_role.is_some();
        let role = if has_roles { CURRENT_ROLE } else { "NULL" };
        let Some([id, role]) = self.ask(["LAST_INSERT_ID()", role]).await? else { return Ok(None) };
        let Some(id) = id.and_then(|id| id.parse().ok()) else { return Ok(None) };
        self.state.last_insert_id = Some(id);
        if has_roles {
            self.state.role = Some(role_of(role, self.is_mysql()));
        }
        Ok(Some((id, self.state.role.clone())))
    }

    /// From now on the server reports what the session's client set, for a statement that looks at that or changes it.
    /// [`Connection::read_back`] must follow. `may_be_in_transaction`: a server refuses to change the reports of positions
    /// then; its own status does not tell of every transaction while autocommit is off.
    pub async fn report_for_client(&mut self, may_be_in_transaction: bool) -> Result<(), BackendError> {
        let gtids = !may_be_in_transaction;
        let theirs = tracking::theirs(&self.state.values, &self.state.fresh, gtids);
        // If it refuses, the client sees what the server reports to Splitfin.
        self.reports_for_client = self.question(&theirs).await?.map(|_| gtids);
        Ok(())
    }

    /// Reads which variables differ from what they were when the session began, as the server may not have reported all
    /// that was set meanwhile, and has it report what Splitfin needs again. Nothing, if the server refuses to tell: then it
    /// has to be asked again.
    pub async fn read_back(&mut self) -> Result<Option<Values>, BackendError> {
        let Some(mut values) = self.session_values().await? else { return Ok(None) };
        if self.state.guard
            && let Some(name) = self.state.guard_variable()
        {
            self.keep(&mut values, |other| other == name);
        }
        values.retain(|name, value| self.state.usual(&self.state.fresh, name) != Some(&**value));
        if let Some(gtids) = self.reports_for_client {
            if !gtids {
                // The server was not told what the client set of positions.
                self.keep(&mut values, |name| name == tracking::GTIDS);
            }
            let theirs = values.get(tracking::VARIABLES).map_or("", |list| list);
            let ours = tracking::ours(&self.state.tracked, theirs, &self.state.own, gtids);
            if self.question(&ours).await?.is_none() {
                return Ok(None);
            }
            self.reports_for_client = None;
        } else {
            // The server was never told what the client set of tracking.
            self.keep(&mut values, tracking::is_setting);
        }
        Ok(Some(Rc::new(values)))
    }

    /// The values that all variables of which any is known have now, in the words of SHOW VARIABLES.
    async fn session_values(&mut self) -> Result<Option<BTreeMap<Box<str>, Box<str>>>, BackendError> {
        let catalogue = Rc::clone(&self.family.catalogue);
        let Some(answer) = self.question(&catalogue.ask_values()).await? else { return Ok(None) };
        let results = answer.collation;
        let Some(mut values) = catalogue.values(answer) else { return Ok(None) };
        if values.get(RESULTS).is_some_and(|charset| !charset.is_empty()) {
            match self.collation_name(results).await? {
                Some(Some(name)) => drop(values.insert(RESULTS.into(), name.into())),
                Some(None) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(values))
    }

    /// Of these variables, what the session had before counts, not what the server says.
    fn keep(&self, values: &mut BTreeMap<Box<str>, Box<str>>, these: impl Fn(&str) -> bool) {
        values.retain(|name, _| !these(name));
        let before = self.state.values.iter().filter(|(name, _)| these(name));
        values.extend(before.map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// The expression that gives the active roles.
pub(crate) const CURRENT_ROLE: &str = "CURRENT_ROLE()";

/// Whether a CREATE USER wants TLS. What looks like it inside of a name or a comment counts too: that is the safe side.
/// Nothing, if this is none.
fn requires_tls(create_user: &str) -> Option<bool> {
    let requires =
        |rest: &str| ["SSL", "X509", "ISSUER", "SUBJECT", "CIPHER"].iter().any(|what| rest.starts_with(what));
    let mut required = create_user.match_indices(" REQUIRE ").map(|(at, found)| &create_user[at + found.len()..]);
    create_user.starts_with("CREATE USER ").then(|| required.any(requires))
}

/// What it gave, as SET ROLE takes it: MySQL has a list of quoted names, MariaDB the name of one, or NULL.
pub(crate) fn role_of(value: Option<String>, mysql: bool) -> Rc<str> {
    match value {
        Some(names) if mysql => names.into(),
        Some(name) => format!("`{}`", name.replace('`', "``")).into(),
        None => "NONE".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_user_tells_whether_tls_is_required() {
        for (text, required) in [
            ("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*00'", Some(false)),
            ("CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*00' REQUIRE SSL", Some(true)),
            ("CREATE USER `a`@`%` IDENTIFIED VIA ed25519 USING 'x' REQUIRE ISSUER '/CN=a' SUBJECT '/CN=b'", Some(true)),
            (
                "CREATE USER `a`@`%` IDENTIFIED WITH 'caching_sha2_password' AS '$A$005' REQUIRE NONE PASSWORD EXPIRE",
                Some(false),
            ),
            ("CREATE USER `a`@`%` IDENTIFIED WITH 'x' AS ' REQUIRE NONE \'' REQUIRE X509 PASSWORD EXPIRE", Some(true)),
            ("", None),
            ("GRANT USAGE", None),
        ] {
            assert_eq!(requires_tls(text), required, "{text}");
        }
    }
}
