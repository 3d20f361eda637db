//! What a statement does, by its first words.

/// The verb of a statement, where something depends on it. An executable comment around it makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// CALL
    Call,
    /// COMMIT
    Commit,
    /// EXECUTE, also IMMEDIATE.
    Execute,
    /// GET DIAGNOSTICS
    Get,
    /// INSERT
    Insert,
    /// KILL
    Kill,
    /// RELEASE SAVEPOINT
    Release,
    /// REPLACE
    Replace,
    /// ROLLBACK of a transaction.
    Rollback,
    /// ROLLBACK TO SAVEPOINT
    RollbackTo,
    /// SAVEPOINT
    Savepoint,
    /// SELECT
    Select,
    /// SET
    Set,
    /// Several statements in one text.
    Several,
    /// SHOW
    Show,
    /// UPDATE
    Update,
    /// Any other, or a command that is not SQL.
    Other,
}

impl Verb {
    /// Of a normalised text.
    pub(super) fn of(text: &str) -> Self {
        let mut words = text.split(' ');
        match words.next().unwrap_or_default() {
            "call" => Self::Call,
            "commit" => Self::Commit,
            "execute" => Self::Execute,
            "get" => Self::Get,
            "insert" => Self::Insert,
            "kill" => Self::Kill,
            "release" if words.next() == Some("savepoint") => Self::Release,
            "replace" => Self::Replace,
            "rollback" if words.any(|word| word == "to") => Self::RollbackTo,
            "rollback" => Self::Rollback,
            "savepoint" => Self::Savepoint,
            "select" => Self::Select,
            "set" => Self::Set,
            "show" => Self::Show,
            "update" => Self::Update,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verb;

    #[test]
    fn a_rollback_to_a_savepoint_ends_no_transaction() {
        assert_eq!(Verb::of("rollback"), Verb::Rollback);
        assert_eq!(Verb::of("rollback work and chain"), Verb::Rollback);
        assert_eq!(Verb::of("rollback to a"), Verb::RollbackTo);
        assert_eq!(Verb::of("rollback work to savepoint a"), Verb::RollbackTo);
        assert_eq!(Verb::of("commit ; select ?"), Verb::Commit);
        assert_eq!(Verb::of("committed"), Verb::Other);
        assert_eq!(Verb::of(""), Verb::Other);
    }
}
