//! Which changes a server reports: always what Splitfin needs, and besides that what a session's client asked for. What
//! the client set stays the session's own and is shown to the server only for statements that look at it.

use crate::state::{Values, assignment};

/// Variables whose changes are reported.
pub(crate) const VARIABLES: &str = "session_track_system_variables";

/// Whether positions are reported; MySQL only.
pub(crate) const GTIDS: &str = "session_track_gtids";

/// What a client can set of tracking.
pub const TRACKING_SETTINGS: [&str; 5] =
    [GTIDS, "session_track_schema", "session_track_state_change", VARIABLES, "session_track_transaction_info"];

/// Whether this variable is about tracking.
pub(crate) fn is_setting(name: &str) -> bool {
    TRACKING_SETTINGS.contains(&name)
}

/// `ours`, and what `theirs` has besides. For all variables, MySQL wants nothing but the asterisk; MariaDB's own position
/// must be named alongside it.
pub(crate) fn union(ours: &str, theirs: &str) -> String {
    if theirs.split(',').any(|name| name.trim() == "*") && !ours.contains("last_gtid") {
        return "*".to_owned();
    }
    let known: Vec<&str> = ours.split(',').collect();
    let more = theirs.split(',').map(str::trim).filter(|name| !name.is_empty() && !known.contains(name));
    more.fold(ours.to_owned(), |list, name| list + "," + name)
}

/// The statement that makes a server report what Splitfin needs, and the variables in `theirs`. `fresh` tells what it
/// knows; `gtids` is false where reports of positions were left as they are.
pub(crate) fn ours(tracked: &str, theirs: &str, fresh: &Values, gtids: bool) -> String {
    let gtids = (gtids && fresh.contains_key(GTIDS)).then_some(",@@session.session_track_gtids=OWN_GTID");
    format!(
        "SET @@session.{VARIABLES}='{}',@@session.session_track_schema=ON,@@session.session_track_state_change=ON,\
         @@session.session_track_transaction_info='CHARACTERISTICS'{}",
        union(tracked, theirs),
        gtids.unwrap_or_default()
    )
}

/// The statement that makes a server report what the client wants; positions only with `gtids`: MySQL refuses to change
/// those in a transaction.
pub(crate) fn theirs(values: &Values, fresh: &Values, gtids: bool) -> String {
    let set: Vec<String> = TRACKING_SETTINGS
        .into_iter()
        .filter(|name| gtids || *name != GTIDS)
        .filter_map(|name| values.get(name).or_else(|| fresh.get(name)).map(|value| assignment(name, value)))
        .collect();
    format!("SET {}", set.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn both_lists_are_tracked_once() {
        assert_eq!(union("a,b", "b, c,,a"), "a,b,c");
        assert_eq!(union("a", "b,*"), "*");
        assert_eq!(union("a,last_gtid", "*"), "a,last_gtid,*");
        assert_eq!(union("a", ""), "a");
    }

    #[test]
    fn only_what_the_server_has_is_set() {
        let fresh: Values = Rc::new([("session_track_schema".into(), "ON".into())].into());
        assert_eq!(theirs(&Values::default(), &fresh, true), "SET @@session.session_track_schema='ON'");
        assert!(!ours("a", "", &fresh, true).contains("gtids"));
    }

    #[test]
    fn reports_of_positions_stay_as_they_are_in_a_transaction() {
        let fresh: Values =
            Rc::new([(GTIDS.into(), "OFF".into()), ("session_track_schema".into(), "ON".into())].into());
        assert!(theirs(&Values::default(), &fresh, true).contains(GTIDS));
        assert!(!theirs(&Values::default(), &fresh, false).contains(GTIDS));
        assert!(!ours("a", "", &fresh, false).contains(GTIDS));
    }
}
