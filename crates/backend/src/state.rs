//! What has been done to a connection, and what has to be done to it for the next session: by value, never by
//! replaying statements.

use splitfin_protocol::CommandByte;
use splitfin_protocol::frame::write_packet;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Values of session variables that differ from those of a fresh connection. Shared and compared by pointer first.
pub type Values = Rc<BTreeMap<Box<str>, Box<str>>>;

/// What a session wants of a connection.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Variables that differ from those of a fresh connection.
    pub values: Values,
    /// Default database. A session without one must not see that of somebody else.
    pub database: Option<Rc<str>>,
    /// Several statements in one COM_QUERY.
    pub multi_statements: bool,
    /// Transactions are READ ONLY whatever the session set: the guard of replica connections.
    pub guard: bool,
    /// What LAST_INSERT_ID() shall give, for statements that ask.
    pub last_insert_id: Option<u64>,
}

/// What is true of a connection.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// Values of all tracked variables right after login.
    pub(crate) fresh: Rc<BTreeMap<Box<str>, Box<str>>>,
    /// What differs from them, the guard not counted.
    pub(crate) values: Values,
    pub(crate) database: Option<Rc<str>>,
    pub(crate) multi_statements: bool,
    pub(crate) guard: bool,
}

/// Commands that go in front of a statement; their replies are for nobody.
#[derive(Debug, Default)]
pub(crate) struct Preamble {
    pub(crate) bytes: Vec<u8>,
    pub(crate) commands: Vec<CommandByte>,
}

impl Preamble {
    pub(crate) fn push(&mut self, command: CommandByte, argument: &[u8]) {
        let mut payload = Vec::with_capacity(argument.len() + 1);
        payload.push(command as u8);
        payload.extend_from_slice(argument);
        write_packet(&mut self.bytes, 0, &payload);
        self.commands.push(command);
    }
}

impl State {
    /// Whether nothing has to be changed for `wanted`.
    pub(crate) fn matches(&self, wanted: &Wanted) -> bool {
        wanted.last_insert_id.is_none()
            && self.guard == wanted.guard
            && self.multi_statements == wanted.multi_statements
            && self.database == wanted.database
            && same(&self.values, &wanted.values)
    }

    /// Whether it can be brought to `wanted`: there is no way back to having no database.
    pub(crate) const fn can_become(&self, wanted: &Wanted) -> bool {
        wanted.database.is_some() || self.database.is_none()
    }

    /// What has to be sent for `wanted`; from then on the connection counts as being so.
    pub(crate) fn become_wanted(&mut self, wanted: &Wanted, preamble: &mut Preamble) {
        let mut assignments = Vec::new();
        if !same(&self.values, &wanted.values) {
            self.assign_values(&wanted.values, &mut assignments);
            self.values = Rc::clone(&wanted.values);
        }
        if self.guard != wanted.guard {
            self.guard = wanted.guard;
            if let Some(name) = self.guard_variable() {
                let own = self.values.get(name).or_else(|| self.fresh.get(name));
                let value = if wanted.guard { "1" } else { own.map_or("0", |value| value) };
                assignments.push(assignment(name, value));
            }
        }
        if let Some(id) = wanted.last_insert_id {
            assignments.push(assignment("last_insert_id", &id.to_string()));
        }
        if !assignments.is_empty() {
            preamble.push(CommandByte::Query, format!("SET {}", assignments.join(",")).as_bytes());
        }
        if self.multi_statements != wanted.multi_statements {
            self.multi_statements = wanted.multi_statements;
            preamble.push(CommandByte::SetOption, &[u8::from(!wanted.multi_statements), 0]);
        }
        if let (true, Some(database)) = (self.database != wanted.database, &wanted.database) {
            preamble.push(CommandByte::InitDb, database.as_bytes());
            self.database = wanted.database.clone();
        }
    }

    fn assign_values(&self, wanted: &Values, assignments: &mut Vec<String>) {
        let guard_variable = self.guard.then(|| self.guard_variable()).flatten();
        let names = self.values.keys().chain(wanted.keys().filter(|name| !self.values.contains_key(*name)));
        let mut names: Vec<&str> = names.map(|name| &**name).filter(|name| Some(*name) != guard_variable).collect();
        // A collation belongs to a character set, so it comes behind it: the order of the alphabet.
        names.sort_unstable();
        for name in names {
            let target = wanted.get(name).or_else(|| self.fresh.get(name));
            let current = self.values.get(name).or_else(|| self.fresh.get(name));
            // Setting the character set also sets the collation, so that one is said again.
            let implied = name == "collation_connection";
            if target != current || implied {
                assignments
                    .push(target.map_or_else(|| format!("@@session.{name}=DEFAULT"), |value| assignment(name, value)));
            }
        }
        let charset_changes = assignments.iter().any(|text| text.starts_with("@@session.character_set_connection"));
        if charset_changes && !assignments.iter().any(|text| text.starts_with("@@session.collation_connection")) {
            let name = "collation_connection";
            if let Some(value) = wanted
                .get(name)
                .or_else(|| (!wanted.contains_key("character_set_connection")).then(|| self.fresh.get(name)).flatten())
            {
                assignments.push(assignment(name, value));
            }
        }
    }

    fn guard_variable(&self) -> Option<&'static str> {
        ["transaction_read_only", "tx_read_only"].into_iter().find(|name| self.fresh.contains_key(*name))
    }
}

fn same(one: &Values, other: &Values) -> bool {
    Rc::ptr_eq(one, other) || one == other
}

/// `@@session.name=value`, the value as a number where it is one: servers refuse '5' for a number. The one variable that
/// can be NULL shows as an empty text.
fn assignment(name: &str, value: &str) -> String {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if value.is_empty() && name == "character_set_results" {
        return format!("@@session.{name}=NULL");
    }
    if is_number && value.bytes().any(|byte| byte.is_ascii_digit()) {
        return format!("@@session.{name}={value}");
    }
    // Doubled quotes mean the same under every sql_mode; a backslash never stands in these values.
    format!("@@session.{name}='{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        Rc::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    fn state() -> State {
        State {
            fresh: values(&[
                ("sql_mode", "STRICT"),
                ("wait_timeout", "28800"),
                ("tx_read_only", "OFF"),
                ("collation_connection", "utf8mb4_general_ci"),
                ("character_set_connection", "utf8mb4"),
            ]),
            values: Values::default(),
            database: None,
            multi_statements: false,
            guard: false,
        }
    }

    fn sent(state: &mut State, wanted: &Wanted) -> Vec<String> {
        let mut preamble = Preamble::default();
        state.become_wanted(wanted, &mut preamble);
        assert!(state.matches(&Wanted { last_insert_id: None, ..wanted.clone() }));
        let mut rest = preamble.bytes.as_slice();
        let mut texts = Vec::new();
        while let Some(header) = splitfin_protocol::frame::FrameHeader::parse(rest) {
            texts.push(String::from_utf8_lossy(&rest[5..4 + header.length]).into_owned());
            rest = &rest[4 + header.length..];
        }
        assert_eq!(texts.len(), preamble.commands.len());
        texts
    }

    #[test]
    fn a_connection_that_fits_needs_nothing() {
        assert!(sent(&mut state(), &Wanted::default()).is_empty());
    }

    #[test]
    fn values_are_set_and_set_back() {
        let mut state = state();
        let wanted = Wanted { values: values(&[("sql_mode", "ANSI,'x'"), ("wait_timeout", "5")]), ..Wanted::default() };
        assert_eq!(sent(&mut state, &wanted), ["SET @@session.sql_mode='ANSI,''x''',@@session.wait_timeout=5"]);
        assert_eq!(
            sent(&mut state, &Wanted::default()),
            ["SET @@session.sql_mode='STRICT',@@session.wait_timeout=28800"]
        );
    }

    #[test]
    fn null_is_a_value() {
        let wanted = Wanted { values: values(&[("character_set_results", "")]), ..Wanted::default() };
        assert_eq!(sent(&mut state(), &wanted), ["SET @@session.character_set_results=NULL"]);
    }

    #[test]
    fn the_collation_comes_behind_its_character_set() {
        let wanted = Wanted {
            values: values(&[("character_set_connection", "latin1"), ("collation_connection", "latin1_bin")]),
            ..Wanted::default()
        };
        let mut state = state();
        let set = &sent(&mut state, &wanted)[0];
        assert_eq!(set, "SET @@session.character_set_connection='latin1',@@session.collation_connection='latin1_bin'");
        let back = &sent(&mut state, &Wanted::default())[0];
        assert_eq!(
            back,
            "SET @@session.character_set_connection='utf8mb4',@@session.collation_connection='utf8mb4_general_ci'"
        );
    }

    #[test]
    fn the_guard_comes_and_goes_without_touching_the_sessions_own_value() {
        let mut state = state();
        assert_eq!(sent(&mut state, &Wanted { guard: true, ..Wanted::default() }), ["SET @@session.tx_read_only=1"]);
        let own = Wanted { guard: true, values: values(&[("tx_read_only", "ON")]), ..Wanted::default() };
        assert!(sent(&mut state, &own).is_empty());
        let back = Wanted { guard: false, ..own };
        assert_eq!(sent(&mut state, &back), ["SET @@session.tx_read_only='ON'"]);
    }

    #[test]
    fn database_and_multi_statements_have_commands_of_their_own() {
        let wanted = Wanted { database: Some("shop".into()), multi_statements: true, ..Wanted::default() };
        let mut state = state();
        assert_eq!(sent(&mut state, &wanted), ["\0\0", "shop"]);
        assert!(!state.can_become(&Wanted::default()));
    }
}
