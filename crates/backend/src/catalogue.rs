//! What is the same for all connections to a server, and learned from the first one: which of the variables that Splitfin
//! follows it has, and the names of its collations. Both are in tables, which sessions can only look at within their limits.

use crate::error::BackendError;
use crate::query::{Answer, query};
use crate::question::{ALL_ROWS, ROLLBACK, neutral, select_from_tables};
use crate::tracking::TRACKING_SETTINGS;
use splitfin_protocol::Capabilities;
use splitfin_transport::Framed;
use std::collections::{BTreeMap, HashMap};

/// What a server has, of one version.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    version: String,
    pub(crate) is_mariadb: bool,
    /// Variables that sessions have of their own, by name.
    variables: Vec<Variable>,
    collations: HashMap<u16, Box<str>>,
}

#[derive(Debug)]
struct Variable {
    name: Box<str>,
    /// It shows as ON or OFF.
    is_switch: bool,
}

impl Catalogue {
    /// Asks a server of this version over a connection that no session has had yet.
    pub(crate) async fn learn(
        framed: &mut Framed,
        agreed: Capabilities,
        version: &str,
        tracked: &[&str],
    ) -> Result<Self, BackendError> {
        let is_mariadb = version.contains("MariaDB");
        let names: Vec<&str> = tracked.iter().copied().chain([LAST_GTID]).chain(TRACKING_SETTINGS).collect();
        let variables = query(framed, agreed, &ask_for_variables(&names, is_mariadb)).await?;
        let columns = format!("ID,COLLATION_NAME FROM information_schema.COLLATIONS WHERE ID IS NOT NULL {ALL_ROWS}");
        let collations = query(framed, agreed, &select_from_tables(&columns, !is_mariadb)).await?;
        // Where autocommit is off, looking has begun a transaction.
        query(framed, agreed, ROLLBACK).await?;
        let of_row = |row: Vec<Option<String>>| match <[Option<String>; 2]>::try_from(row) {
            Ok([Some(name), value]) => Some((name.to_ascii_lowercase(), value.unwrap_or_default())),
            _ => None,
        };
        let rows = |answer: Answer| answer.rows.into_iter().filter_map(of_row);
        let variable = |(name, value): (String, String)| Variable {
            name: name.into(),
            is_switch: matches!(value.as_str(), "ON" | "OFF"),
        };
        let mut variables: Vec<Variable> = rows(variables).map(variable).collect();
        variables.sort_by(|one, other| one.name.cmp(&other.name));
        let collations = rows(collations).filter_map(|(id, name)| Some((id.parse().ok()?, name.into())));
        Ok(Self { version: version.to_owned(), is_mariadb, variables, collations: collations.collect() })
    }

    /// Whether it holds for a server that greets with this version.
    pub(crate) fn is_of(&self, version: &str) -> bool {
        self.version == version
    }

    /// The variables whose changes the server reports at least, separated by commas.
    pub(crate) fn tracked(&self) -> String {
        let names: Vec<&str> = self.names().filter(|name| !TRACKING_SETTINGS.contains(name)).collect();
        names.join(",")
    }

    /// The position of the session's last commit is reported like a variable, but nobody can set it. Only MariaDB has it.
    fn is_settable(variable: &&Variable) -> bool {
        &*variable.name != LAST_GTID
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| &*variable.name)
    }

    /// The question for what a session's variables are, and for the collation of its results.
    pub(crate) fn ask_values(&self) -> String {
        let settable = self.variables.iter().filter(Self::is_settable);
        let values: Vec<String> = settable.map(|variable| neutral(&format!("@@session.{}", variable.name))).collect();
        // The first column is there for its collation.
        format!("SELECT @@session.collation_connection,{} LIMIT 1", values.join(","))
    }

    /// The answer to it, by name, in the words of SHOW VARIABLES. MySQL's `@@name` gives 1 for ON.
    pub(crate) fn values(&self, answer: Answer) -> Option<BTreeMap<Box<str>, Box<str>>> {
        let settable = || self.variables.iter().filter(Self::is_settable);
        let row = answer.rows.into_iter().next().filter(|row| row.len() == settable().count() + 1)?;
        let shown = |(variable, value): (&Variable, Option<String>)| {
            let value = match value.unwrap_or_default() {
                value if !variable.is_switch => value,
                value if value == "1" => "ON".to_owned(),
                value if value == "0" => "OFF".to_owned(),
                value => value,
            };
            (variable.name.clone(), value.into_boxed_str())
        };
        Some(settable().zip(row.into_iter().skip(1)).map(shown).collect())
    }

    /// The name of the collation with this number.
    pub(crate) fn collation(&self, id: u16) -> Option<&str> {
        self.collations.get(&id).map(|name| &**name)
    }
}

/// The statement that asks which of these variables there are and how their values look. Those that concern its own limits
/// are not told as they are.
fn ask_for_variables(names: &[&str], mariadb: bool) -> String {
    let names = format!("Variable_name IN ('{}')", names.join("','"));
    match mariadb {
        true => format!(
            "SET STATEMENT sql_select_limit=18446744073709551615,sql_big_selects=1 FOR SHOW SESSION VARIABLES WHERE {names}"
        ),
        false => {
            let rest = format!(
                "VARIABLE_NAME,VARIABLE_VALUE FROM performance_schema.session_variables WHERE {names} {ALL_ROWS}"
            );
            select_from_tables(&rest, true)
        }
    }
}

/// See [`Catalogue::is_settable`].
const LAST_GTID: &str = "last_gtid";

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let variable = |(name, is_switch): &(&str, bool)| Variable { name: (*name).into(), is_switch: *is_switch };
        let variables = [("autocommit", true), ("div_precision_increment", false), ("last_gtid", false)];
        Catalogue { variables: variables.iter().map(variable).collect(), ..Catalogue::default() }
    }

    #[test]
    fn switches_show_as_words_and_numbers_as_numbers() {
        let row = ["utf8mb4_bin", "1", "1"].map(|value| Some(value.to_owned())).to_vec();
        let values = catalogue().values(Answer { rows: vec![row], ..Answer::default() }).unwrap();
        let values: Vec<_> = values.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(values, [("autocommit", "ON"), ("div_precision_increment", "1")]);
        assert!(catalogue().values(Answer::default()).is_none(), "no row is no answer");
    }

    #[test]
    fn positions_are_tracked_and_not_asked_for() {
        assert_eq!(catalogue().tracked(), "autocommit,div_precision_increment,last_gtid");
        assert!(!catalogue().ask_values().contains("last_gtid"));
    }
}
