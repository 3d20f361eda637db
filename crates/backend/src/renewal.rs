//! Whether COM_RESET_CONNECTION makes of a connection what a login makes. What a login alone does is gone behind a reset, so
//! such a connection is closed, and another one opened, where others are reset.

use std::collections::BTreeMap;

type Rows = BTreeMap<Box<str>, Box<str>>;

/// Variables that are asked for beside those that are tracked, to know that: of the server, and of the session.
pub(crate) const OF_SERVER: [&str; 3] = ["init_connect", MAX_STATEMENT_TIME, WAIT_TIMEOUT];
pub(crate) const OF_SESSION: [&str; 1] = [MAX_STATEMENT_TIME];

/// MariaDB: an account may have one of its own (GRANT … WITH MAX_STATEMENT_TIME), and a reset goes to the global one.
const MAX_STATEMENT_TIME: &str = "max_statement_time";
/// Interactive clients begin with `interactive_timeout`; MariaDB's reset does not know of that.
const WAIT_TIMEOUT: &str = "wait_timeout";

/// Whether a reset is as good as a login, by what variables were right after one. What belongs to this question alone is
/// taken out.
pub(crate) fn resets_as_login(own: &mut Rows, global: &mut Rows) -> bool {
    let is_same = |name: &str| match (own.get(name), global.get(name)) {
        (Some(own), Some(global)) => own == global,
        _ => true,
    };
    // It runs at logins, unless the account may do everything.
    let runs_nothing = global.get("init_connect").is_none_or(|statements| statements.is_empty());
    let same = runs_nothing && is_same(MAX_STATEMENT_TIME) && is_same(WAIT_TIMEOUT);
    OF_SESSION.iter().for_each(|name| drop(own.remove(*name)));
    OF_SERVER.iter().for_each(|name| drop(global.remove(*name)));
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pairs: &[(&str, &str)]) -> Rows {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn a_login_that_did_more_than_a_reset_does_is_not_repeated_by_one() {
        let own = [("wait_timeout", "28800"), ("max_statement_time", "0.000000")];
        let global = [own[0], own[1], ("init_connect", "")];
        let with = |own: &[(&str, &str)], global: &[(&str, &str)]| resets_as_login(&mut rows(own), &mut rows(global));
        assert!(with(&own, &global) && with(&own[..1], &global[..1]), "MySQL has no such limit");
        assert!(!with(&own, &[own[0], own[1], ("init_connect", "SET @a=1")]));
        assert!(!with(&[own[0], ("max_statement_time", "3.000000")], &global));
        assert!(!with(&[("wait_timeout", "1234"), own[1]], &global));
        let (mut own, mut global) = (rows(&own), rows(&global));
        resets_as_login(&mut own, &mut global);
        assert_eq!((own, global), (rows(&[("wait_timeout", "28800")]), rows(&[])));
    }
}
