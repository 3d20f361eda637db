//! Whether COM_RESET_CONNECTION makes of a connection what a login makes. What a login alone does is gone after a reset, so
//! such a connection is closed, and another one opened, where others are reset.

/// The expressions that tell, besides the session's own `wait_timeout`.
pub(crate) const fn asked(mariadb: bool) -> &'static [&'static str] {
    // Runs at logins, unless the account may do everything.
    const BOTH: [&str; 2] = ["@@global.init_connect", "@@global.wait_timeout"];
    // An account may have a limit of its own (GRANT … WITH MAX_STATEMENT_TIME), and a reset goes to the global one.
    const MARIADB: [&str; 4] = [BOTH[0], BOTH[1], "@@session.max_statement_time", "@@global.max_statement_time"];
    if mariadb { &MARIADB } else { &BOTH }
}

/// Whether a reset is as good as a login, by what was told of them. Interactive clients begin with `interactive_timeout`,
/// which MariaDB's reset does not know of.
pub(crate) fn resets_as_login(wait_timeout: Option<&str>, told: &[Option<String>]) -> bool {
    let [init_connect, for_all, limits @ ..] = told else { return false };
    let runs_nothing = init_connect.as_deref().unwrap_or_default().is_empty();
    let has_own_limit = matches!(limits, [own, global] if own != global);
    runs_nothing && wait_timeout == for_all.as_deref() && !has_own_limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_did_more_than_a_reset_does_is_not_repeated_by_one() {
        let with = |wait_timeout, told: &[&str]| {
            let told: Vec<_> = told.iter().map(|value| Some((*value).to_owned())).collect();
            resets_as_login(Some(wait_timeout), &told)
        };
        assert!(with("28800", &["", "28800"]), "MySQL has no limit for statements of an account");
        assert!(with("28800", &["", "28800", "0.000000", "0.000000"]));
        assert!(!with("28800", &["SET @a=1", "28800"]));
        assert!(!with("28800", &["", "28800", "3.000000", "0.000000"]));
        assert!(!with("1234", &["", "28800"]));
        assert!(!with("28800", &[]), "nothing was told");
        assert_eq!((asked(true).len(), asked(false).len()), (4, 2));
    }
}
