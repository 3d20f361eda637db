//! What has been done to a connection, and what has to be done to it for the next session: by value, never by
//! replaying statements.

use crate::query::query_payload;
use crate::tracking;
use splitfin_protocol::frame::write_packet;
use splitfin_protocol::{Capabilities, CommandByte};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Values of session variables that differ from those of a fresh connection. Shared and compared by pointer first.
pub type Values = Rc<BTreeMap<Box<str>, Box<str>>>;

/// What a session wants of a connection.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What variables were when the session began; empty where that is not known yet. Servers' defaults differ, and
    /// change: a session keeps those that it began with.
    pub fresh: Values,
    /// Variables that differ from that.
    pub values: Values,
    /// User variables that are not NULL: names, and expressions that give their values.
    pub user_variables: Values,
    /// Default database. A session without one must not see that of somebody else.
    pub database: Option<Rc<str>>,
    /// Several statements in one COM_QUERY.
    pub multi_statements: bool,
    /// Transactions are READ ONLY whatever the session set: the guard of replica connections.
    pub guard: bool,
    /// What LAST_INSERT_ID() must give, for statements that ask.
    pub last_insert_id: Option<u64>,
    /// The active roles, as SET ROLE takes them; those of the login where that is not known.
    pub role: Option<Rc<str>>,
}

/// What is true of a connection.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// Values of all tracked variables right after login, and after a reset.
    pub(crate) own: Values,
    /// What they are besides `values`: those of the session that the connection served last.
    pub(crate) fresh: Values,
    /// What differs from `fresh`, the guard not counted.
    pub(crate) values: Values,
    /// See [`Wanted::user_variables`].
    pub(crate) user_variables: Values,
    pub(crate) database: Option<Rc<str>>,
    pub(crate) multi_statements: bool,
    pub(crate) guard: bool,
    /// The roles that are active, and those that were after the login; a reset changes neither. Nothing, if the server has none.
    pub(crate) role: Option<Rc<str>>,
    pub(crate) own_role: Option<Rc<str>>,
    /// What LAST_INSERT_ID() gives on it, where that is known.
    pub(crate) last_insert_id: Option<u64>,
    /// The variables that the server reports at least, separated by commas.
    pub(crate) tracked: Rc<str>,
}

/// Commands that go before a statement; their replies are discarded.
#[derive(Debug, Default)]
pub(crate) struct Preamble {
    /// What was agreed with the server.
    agreed: Capabilities,
    pub(crate) bytes: Vec<u8>,
    pub(crate) commands: Vec<Sent>,
}

/// A command that goes before a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) command: CommandByte,
    /// It chooses a role, which may have been dropped or revoked since its session chose it.
    pub(crate) is_role: bool,
}

impl Preamble {
    pub(crate) fn new(agreed: Capabilities) -> Self {
        Self { agreed, ..Self::default() }
    }

    pub(crate) fn push_query(&mut self, sql: &str) {
        write_packet(&mut self.bytes, 0, &query_payload(self.agreed, sql));
        self.commands.push(Sent { command: CommandByte::Query, is_role: false });
    }

    /// Whatever roles are active, none are if these cannot be.
    fn push_roles(&mut self, roles: &str) {
        if roles != NO_ROLE {
            self.push_query("SET ROLE NONE");
        }
        self.push_query(&format!("SET ROLE {roles}"));
        if let Some(sent) = self.commands.last_mut() {
            sent.is_role = true;
        }
    }

    pub(crate) fn push(&mut self, command: CommandByte, argument: &[u8]) {
        let mut payload = Vec::with_capacity(argument.len() + 1);
        payload.push(command as u8);
        payload.extend_from_slice(argument);
        write_packet(&mut self.bytes, 0, &payload);
        self.commands.push(Sent { command, is_role: false });
    }
}

impl State {
    /// Of a connection that cannot be asked.
    pub(crate) fn unknown(database: Option<Rc<str>>) -> Self {
        Self {
            own: Values::default(),
            fresh: Values::default(),
            values: Values::default(),
            user_variables: Values::default(),
            database,
            multi_statements: false,
            guard: false,
            role: None,
            own_role: None,
            last_insert_id: None,
            tracked: "".into(),
        }
    }

    /// The roles that have to be active.
    fn role_for<'a>(&'a self, wanted: &'a Wanted) -> Option<&'a Rc<str>> {
        self.own_role.as_ref().map(|own| wanted.role.as_ref().unwrap_or(own))
    }

    /// Whether nothing has to be changed for `wanted`.
    pub(crate) fn matches(&self, wanted: &Wanted) -> bool {
        self.id_for(wanted).is_none()
            && self.guard == wanted.guard
            && self.multi_statements == wanted.multi_statements
            && self.database == wanted.database
            && self.role.as_ref() == self.role_for(wanted)
            && same(&self.values, &wanted.values)
            && same(&self.user_variables, &wanted.user_variables)
            && same(&self.fresh, self.base(wanted))
    }

    /// The last generated id that it has to be given.
    fn id_for(&self, wanted: &Wanted) -> Option<u64> {
        wanted.last_insert_id.filter(|id| self.last_insert_id != Some(*id))
    }

    /// What variables have to be besides the wanted values.
    fn base<'a>(&'a self, wanted: &'a Wanted) -> &'a Values {
        if wanted.fresh.is_empty() { &self.own } else { &wanted.fresh }
    }

    /// Whether it has user variables that `wanted` knows nothing of. There is no statement that takes one away: set to NULL,
    /// it keeps its type, which shows in metadata.
    pub(crate) fn has_other_variables(&self, wanted: &Wanted) -> bool {
        let (ours, theirs) = (&self.user_variables, &wanted.user_variables);
        !same(ours, theirs) && ours.keys().any(|name| !theirs.contains_key(name))
    }

    /// Whether it can be brought to `wanted`: there is no way back to having no database.
    pub(crate) const fn can_become(&self, wanted: &Wanted) -> bool {
        wanted.database.is_some() || self.database.is_none()
    }

    /// What has to be sent for `wanted`; from then on the connection counts as being so.
    pub(crate) fn become_wanted(&mut self, wanted: &Wanted, preamble: &mut Preamble) {
        self.choose_role_and_database(wanted, preamble);
        let mut assignments = Vec::new();
        if !same(&self.values, &wanted.values) || !same(&self.fresh, self.base(wanted)) {
            self.assign_values(wanted, &mut assignments);
            self.fresh = Rc::clone(self.base(wanted));
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
        if !same(&self.user_variables, &wanted.user_variables) {
            self.assign_user_variables(wanted, &mut assignments);
            self.user_variables = Rc::clone(&wanted.user_variables);
        }
        if let Some(id) = self.id_for(wanted) {
            self.last_insert_id = Some(id);
            assignments.push(assignment("last_insert_id", &id.to_string()));
        }
        if !assignments.is_empty() {
            preamble.push_query(&format!("SET {}", assignments.join(",")));
        }
        if self.multi_statements != wanted.multi_statements {
            self.multi_statements = wanted.multi_statements;
            preamble.push(CommandByte::SetOption, &[u8::from(!wanted.multi_statements), 0]);
        }
    }

    /// These are names, which servers read in the character set of the client.
    fn choose_role_and_database(&mut self, wanted: &Wanted, preamble: &mut Preamble) {
        let role = self.role_for(wanted).filter(|role| self.role.as_ref() != Some(role)).cloned();
        let database = wanted.database.clone().filter(|database| self.database.as_ref() != Some(database));
        if [&role, &database].into_iter().flatten().any(|name| !name.is_ascii()) {
            preamble.push_query(&format!("SET {}", assignment(CLIENT, UNICODE)));
            Rc::make_mut(&mut self.values).insert(CLIENT.into(), UNICODE.into());
        }
        if let Some(role) = role {
            preamble.push_roles(&role);
            self.role = Some(role);
        }
        if let Some(database) = database {
            preamble.push(CommandByte::InitDb, database.as_bytes());
            self.database = Some(database);
        }
    }

    fn assign_values(&self, wanted: &Wanted, assignments: &mut Vec<String>) {
        let base = self.base(wanted);
        let guard_variable = self.guard.then(|| self.guard_variable()).flatten();
        let mut names: BTreeSet<&str> = self.values.keys().chain(wanted.values.keys()).map(|name| &**name).collect();
        if !same(&self.fresh, base) {
            let differs = |name: &&str| self.fresh.get(*name) != base.get(*name) && !is_of_server(name);
            names.extend(base.keys().map(|name| &**name).filter(differs));
        }
        let current = |name: &str| said(&self.values, name).or_else(|| self.usual(&self.fresh, name));
        let target = |name: &str| said(&wanted.values, name).or_else(|| self.usual(base, name));
        let results = target(RESULTS).filter(|_| target(RESULTS) != current(RESULTS)).and_then(set_names);
        // NAMES sets all of them, so the others are said again.
        let mut charset_changes = results.is_some();
        assignments.extend(results.clone());
        if results.is_some() {
            names.extend(["character_set_client", "character_set_connection"]);
        }
        let sets_join_size = target(JOIN_SIZE) != current(JOIN_SIZE);
        if sets_join_size {
            names.insert(BIG_SELECTS);
        }
        // In the order of the alphabet a collation comes after its character set, and the switch after its limit.
        for name in names.into_iter().filter(|name| Some(*name) != guard_variable && *name != COLLATION) {
            let said = results.is_some() && (name == RESULTS || target(name).is_none());
            let again =
                (results.is_some() && name.starts_with("character_set_c")) || (sets_join_size && name == BIG_SELECTS);
            if said || (target(name) == current(name) && !again) {
                continue;
            }
            charset_changes |= name == "character_set_connection";
            match target(name) {
                _ if tracking::is_setting(name) => assignments.extend(self.tracking(name, wanted)),
                Some(value) => assignments.push(assignment(name, value)),
                None => assignments.push(format!("@@session.{name}=DEFAULT")),
            }
        }
        // Setting the character set also sets the collation, so that one is said again.
        if charset_changes || target(COLLATION) != current(COLLATION) {
            assignments.extend(target(COLLATION).map(|value| assignment(COLLATION, value)));
        }
    }

    /// The value of a variable that the session has not set, if sessions begin with `base`.
    pub(crate) fn usual<'a>(&'a self, base: &'a Values, name: &str) -> Option<&'a str> {
        let values = if is_of_server(name) { &self.own } else { base };
        values.get(name).map(|value| &**value)
    }

    fn assign_user_variables(&self, wanted: &Wanted, assignments: &mut Vec<String>) {
        let (old, new) = (&self.user_variables, &wanted.user_variables);
        let differs = new.iter().filter(|(name, value)| old.get(*name) != Some(value));
        assignments.extend(differs.map(|(name, value)| format!("@`{}`={value}", name.replace('`', "``"))));
    }

    /// What clients set of tracking is kept from servers, which report what Splitfin needs; but what a client wants to
    /// have reported, a server must report.
    fn tracking(&self, name: &str, wanted: &Wanted) -> Option<String> {
        let list = wanted.values.get(name).or_else(|| self.base(wanted).get(name))?;
        (name == tracking::VARIABLES).then(|| assignment(name, &tracking::union(&self.tracked, list)))
    }

    pub(crate) fn guard_variable(&self) -> Option<&'static str> {
        ["transaction_read_only", "tx_read_only"].into_iter().find(|name| self.own.contains_key(*name))
    }
}

/// Setting this one sets [`BIG_SELECTS`] too. Source: `fix_max_join_size` in `sys_vars.cc`.
const JOIN_SIZE: &str = "max_join_size";
const BIG_SELECTS: &str = "sql_big_selects";
/// No roles, as SET ROLE takes them.
pub(crate) const NO_ROLE: &str = "NONE";
const CLIENT: &str = "character_set_client";
/// Names are kept in it.
const UNICODE: &str = "utf8mb4";
pub(crate) const COLLATION: &str = "collation_connection";
/// The character set of results. Its value here is a collation, which `SET NAMES … COLLATE` and logins choose and which
/// shows in the metadata of all columns; or a character set, for that one's usual collation.
pub(crate) const RESULTS: &str = "character_set_results";

fn said<'a>(values: &'a Values, name: &str) -> Option<&'a str> {
    values.get(name).map(|value| &**value)
}

fn is_of_server(name: &str) -> bool {
    DEFAULT_OF_SERVER.contains(&name)
}

/// Variables whose defaults belong to a server, not to a session's look: which numbers it may give out, how much memory
/// it has, what its version's optimizer can do.
pub const DEFAULT_OF_SERVER: [&str; 5] =
    ["auto_increment_increment", "auto_increment_offset", "join_buffer_size", "optimizer_switch", "sort_buffer_size"];

/// `NAMES charset COLLATE collation`, for the value of [`RESULTS`] if it is a collation. No client can have the character sets
/// whose characters have two or four bytes: only results can.
fn set_names(collation: &str) -> Option<String> {
    let charset = match collation.split_once('_') {
        Some((charset, _)) => charset,
        None if collation == "binary" => "binary",
        None => return None,
    };
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if WIDE.contains(&charset) {
        return Some(assignment(RESULTS, charset));
    }
    is_name(collation).then(|| format!("NAMES {charset} COLLATE {collation}"))
}

const WIDE: [&str; 4] = ["ucs2", "utf16", "utf16le", "utf32"];

fn same(one: &Values, other: &Values) -> bool {
    Rc::ptr_eq(one, other) || one == other
}

/// `@@session.name=value`, the value as a number where it is one: servers refuse '5' for a number. The one variable that
/// can be NULL shows as an empty text.
pub(crate) fn assignment(name: &str, value: &str) -> String {
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
        let own = values(&[
            ("sql_mode", "STRICT"),
            ("wait_timeout", "28800"),
            ("tx_read_only", "OFF"),
            ("collation_connection", "utf8mb4_general_ci"),
            ("character_set_connection", "utf8mb4"),
        ]);
        State {
            fresh: Rc::clone(&own),
            own,
            values: Values::default(),
            user_variables: Values::default(),
            database: None,
            multi_statements: false,
            guard: false,
            role: Some("NONE".into()),
            own_role: Some("NONE".into()),
            last_insert_id: None,
            tracked: "sql_mode,time_zone".into(),
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
    fn the_last_generated_id_is_set_where_another_is_there() {
        let mut state = state();
        let wanted = |id| Wanted { last_insert_id: Some(id), ..Wanted::default() };
        assert!(!state.matches(&wanted(5)), "what is there is not known");
        assert_eq!(sent(&mut state, &wanted(5)), ["SET @@session.last_insert_id=5"]);
        assert!(state.matches(&wanted(5)));
        assert!(sent(&mut state, &wanted(5)).is_empty());
        assert_eq!(sent(&mut state, &wanted(6)), ["SET @@session.last_insert_id=6"]);
        assert!(sent(&mut state, &Wanted::default()).is_empty());
    }

    #[test]
    fn a_connection_that_fits_needs_nothing() {
        assert!(sent(&mut state(), &Wanted::default()).is_empty());
    }

    #[test]
    fn names_beyond_ascii_are_said_in_unicode() {
        let mut state = state();
        state.own = values(&[("character_set_client", "latin1")]);
        state.fresh = Rc::clone(&state.own);
        let wanted = Wanted { database: Some("größe".into()), ..Wanted::default() };
        assert_eq!(
            sent(&mut state, &wanted),
            ["SET @@session.character_set_client='utf8mb4'", "größe", "SET @@session.character_set_client='latin1'"]
        );
        assert!(sent(&mut state, &wanted).is_empty());
    }

    #[test]
    fn a_limit_of_joins_is_set_before_its_switch() {
        let mut state = state();
        state.own = values(&[("max_join_size", "18446744073709551615"), ("sql_big_selects", "ON")]);
        state.fresh = Rc::clone(&state.own);
        let limited = |more: &[(&str, &str)]| Wanted {
            values: values(&[&[("max_join_size", "2")], more].concat()),
            ..Wanted::default()
        };
        assert_eq!(
            sent(&mut state, &limited(&[("sql_big_selects", "OFF")])),
            ["SET @@session.max_join_size=2,@@session.sql_big_selects='OFF'"]
        );
        assert_eq!(
            sent(&mut state, &limited(&[])),
            ["SET @@session.sql_big_selects='ON'"],
            "as the session began: on, but now with a limit"
        );
        assert_eq!(
            sent(&mut state, &Wanted::default()),
            ["SET @@session.max_join_size=18446744073709551615,@@session.sql_big_selects='ON'"]
        );
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
    fn results_alone_may_be_wide() {
        // As it is read back from a server: by the collation that shows in its replies.
        let wanted = Wanted { values: values(&[("character_set_results", "utf16_general_ci")]), ..Wanted::default() };
        let sent = sent(&mut state(), &wanted);
        assert!(sent[0].starts_with("SET @@session.character_set_results='utf16'"), "{sent:?}");
        assert!(!sent[0].contains("NAMES"), "{sent:?}");
    }

    #[test]
    fn null_is_a_value() {
        let wanted = Wanted { values: values(&[("character_set_results", "")]), ..Wanted::default() };
        assert_eq!(sent(&mut state(), &wanted), ["SET @@session.character_set_results=NULL"]);
    }

    #[test]
    fn user_variables_are_values_too() {
        let wanted = |pairs| Wanted { user_variables: values(pairs), ..Wanted::default() };
        let mut state = state();
        assert_eq!(sent(&mut state, &wanted(&[("a", "5"), ("b`c", "'x'")])), ["SET @`a`=5,@`b``c`='x'"]);
        assert_eq!(sent(&mut state, &wanted(&[("a", "6"), ("b`c", "'x'")])), ["SET @`a`=6"]);
        assert!(!state.has_other_variables(&wanted(&[("a", "7"), ("b`c", "'x'"), ("d", "1")])));
        assert!(state.has_other_variables(&wanted(&[("a", "6")])) && state.has_other_variables(&Wanted::default()));
    }

    #[test]
    fn results_have_a_collation_too() {
        let wanted = Wanted { values: values(&[("character_set_results", "latin1_bin")]), ..Wanted::default() };
        let mut state = state();
        let set = "SET NAMES latin1 COLLATE latin1_bin,@@session.character_set_connection='utf8mb4',\
                   @@session.collation_connection='utf8mb4_general_ci'";
        assert_eq!(sent(&mut state, &wanted), [set]);
        let plain = Wanted { values: values(&[("character_set_results", "latin1")]), ..Wanted::default() };
        assert_eq!(sent(&mut state, &plain), ["SET @@session.character_set_results='latin1'"]);
    }

    #[test]
    fn the_collation_comes_after_its_character_set() {
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
    fn a_session_keeps_the_defaults_that_it_began_with() {
        let mut state = state();
        let mut fresh = (*state.own).clone();
        fresh.insert("wait_timeout".into(), "60".into());
        fresh.insert("auto_increment_offset".into(), "2".into());
        let wanted = Wanted { fresh: Rc::new(fresh), ..Wanted::default() };
        assert_eq!(sent(&mut state, &wanted), ["SET @@session.wait_timeout=60"]);
        assert!(sent(&mut state, &wanted).is_empty());
        assert_eq!(sent(&mut state, &Wanted::default()), ["SET @@session.wait_timeout=28800"]);
    }

    #[test]
    fn what_clients_set_of_tracking_adds_to_what_is_tracked() {
        let wanted = |pairs| Wanted { values: values(pairs), ..Wanted::default() };
        let mut state = state();
        let off = wanted(&[("session_track_schema", "OFF"), ("session_track_state_change", "ON")]);
        assert!(sent(&mut state, &off).is_empty());
        let more = wanted(&[("session_track_system_variables", "autocommit,sql_mode")]);
        let set = "SET @@session.session_track_system_variables='sql_mode,time_zone,autocommit'";
        assert_eq!(sent(&mut state, &more), [set]);
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
    fn roles_are_values_where_there_are_any() {
        let mut state = state();
        let reader = Wanted { role: Some("`reader`@`%`".into()), ..Wanted::default() };
        assert_eq!(sent(&mut state, &reader), ["SET ROLE NONE", "SET ROLE `reader`@`%`"]);
        assert!(sent(&mut state, &reader).is_empty());
        assert_eq!(sent(&mut state, &Wanted::default()), ["SET ROLE NONE"]);
        let mut old = State { role: None, own_role: None, ..state };
        assert!(sent(&mut old, &reader).is_empty(), "a server without roles");
    }

    #[test]
    fn database_and_multi_statements_have_commands_of_their_own() {
        let wanted = Wanted { database: Some("shop".into()), multi_statements: true, ..Wanted::default() };
        let mut state = state();
        assert_eq!(sent(&mut state, &wanted), ["shop", "\0\0"]);
        assert!(!state.can_become(&Wanted::default()));
    }
}
