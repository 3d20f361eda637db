//! What only a disconnect ends: statements that leave something on their connection which COM_RESET_CONNECTION does not undo.

use super::{Class, Leaves};
use crate::reason::Because;

/// Words that begin statements, and words that they must contain.
const LASTING: [(&str, &str); 8] = [
    ("binlog", ""),
    ("set", "resource group"),
    ("set", "session authorization"),
    ("set", "profiling"),
    ("set", "optimizer_trace"),
    ("update", "performance_schema"),
    ("call", "ps_setup"),
    ("call", "ps_trace"),
];

/// Whether a statement leaves something that only a disconnect ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// Its literals tell: a text that it prepares or runs is in there. See [`Lasting::hides_in`].
    Hidden,
}

impl Lasting {
    /// Of a statement with this normalised text.
    pub(super) fn of(class: Class, leaves: Leaves, text: &str) -> Self {
        if matches!(class, Class::Read | Class::Diagnostics) {
            return Self::No;
        }
        if LASTING.iter().any(|(first, then)| text.starts_with(first) && text.contains(then)) {
            return Self::Yes;
        }
        let hides = leaves.intersects(Leaves::TEXT_PREPARE | Leaves::UNREPORTED)
            || class == Class::Write(Because::SeveralStatements);
        if hides { Self::Hidden } else { Self::No }
    }

    /// Whether a text, as a client sent it, may contain such a statement.
    pub fn hides_in(text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text).to_ascii_lowercase();
        LASTING.iter().any(|(first, then)| text.contains(first) && text.contains(then))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LexMode, Statement};

    fn lasts(text: &str) -> bool {
        match Statement::of_text(text.as_bytes(), LexMode::default()).lasting {
            Lasting::No => false,
            Lasting::Yes => true,
            Lasting::Hidden => Lasting::hides_in(text.as_bytes()),
        }
    }

    #[test]
    fn what_only_a_disconnect_ends_is_known_by_its_text() {
        for text in [
            "BINLOG 'abc'",
            "SET RESOURCE GROUP rg",
            "SET SESSION AUTHORIZATION root",
            "SET profiling=1",
            "SET SESSION optimizer_trace='enabled=on'",
            "UPDATE performance_schema.threads SET INSTRUMENTED='NO'",
            "CALL sys.ps_setup_disable_thread(1)",
            "SELECT 1; BINLOG 'abc'",
            "PREPARE s FROM 'SET RESOURCE GROUP rg'",
            "EXECUTE IMMEDIATE 'BINLOG ''abc'''",
            "/*!80000 SET RESOURCE GROUP rg */",
            "/*!50100 SET profiling = 1 */",
        ] {
            assert!(lasts(text), "{text}");
        }
        for text in ["SELECT 'binlog'", "SET sql_mode=''", "UPDATE threads SET a=1", "CALL p()", "SHOW BINLOG EVENTS"] {
            assert!(!lasts(text), "{text}");
        }
    }
}
