//! What a server gives sessions to begin with changes (SET GLOBAL): connections from before and after differ in variables that
//! are not known by value.

use splitfin_topology::BackendId;

/// When a connection was opened, by what its server gave new sessions to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Era {
    /// SET GLOBAL statements that came through here.
    pub(crate) changes: u64,
    /// What the last probe had seen; 0 where that is not known.
    pub(crate) defaults: u64,
    /// What that had seen of changes of accounts and databases on this very server; 0 where that is not known.
    pub(crate) rights: u64,
}

impl Era {
    /// Whether nothing is known that makes a session of this era another than one of `now`. A session that began before a
    /// probe had looked goes on as current.
    pub(crate) const fn may_be(self, now: Self) -> bool {
        self.changes == now.changes && (self.defaults == now.defaults || self.defaults == 0 || now.defaults == 0)
    }

    /// Whether a connection of this era is fit for a session of the other. One that was opened before a probe had looked is
    /// not, once that has: what else was changed in between is not known.
    pub(crate) const fn begins_as(self, other: Self) -> bool {
        self.changes == other.changes && (self.defaults == other.defaults || other.defaults == 0)
    }

    /// Whether nothing was seen in between of changes of accounts and databases.
    pub(crate) const fn has_rights_of(self, other: Self) -> bool {
        self.rights == other.rights || self.rights == 0 || other.rights == 0
    }
}

/// Where and when a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Began {
    pub(crate) backend: BackendId,
    pub(crate) era: Era,
}

/// Which connections are good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// For a session that goes on: those that are as new sessions are now, if it is; else all, and those from when it began come
    /// first.
    Any(Option<Began>),
    /// Those that are as a new session is now.
    Current,
    /// None that is there: the server must say whether the account may still log in.
    New,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_of_its_era_until_something_says_otherwise() {
        let (old, now) = (Era { changes: 1, defaults: 7, rights: 1 }, Era { changes: 1, defaults: 8, rights: 1 });
        assert!(old.may_be(old) && !old.may_be(now) && !old.may_be(Era { changes: 2, ..old }));
        assert!(old.begins_as(old) && !old.begins_as(now) && !old.begins_as(Era { changes: 2, ..old }));
        let unknown = Era { defaults: 0, ..old };
        assert!(old.begins_as(unknown) && old.may_be(unknown), "the server was not asked");
        assert!(unknown.may_be(old) && !unknown.begins_as(old), "what was changed before the probe is not known");
        assert!(old.has_rights_of(now) && !old.has_rights_of(Era { rights: 2, ..old }));
        assert!(old.has_rights_of(Era { rights: 0, ..old }));
    }
}
