//! `SET GLOBAL read_only`, which a switchover begins and ends with.

use crate::lexer::{LexMode, Lexer, Placed, Token};

/// Whether a SET sets a server's `read_only` or `super_read_only`, and to what. An unknown value counts as on.
pub fn sets_read_only(text: &[u8], mode: LexMode) -> Option<bool> {
    let pieces: Vec<Placed<'_>> = Lexer::new(text, mode).placed().collect();
    let mut assigned = pieces.windows(3).filter_map(|three| match three {
        [name, assign, value] if is_read_only(name, text) && is_assignment(assign.token) => Some(value.of(text)),
        _ => None,
    });
    let value = assigned.next_back()?.to_ascii_lowercase();
    let value = value.strip_prefix(b"'").or_else(|| value.strip_prefix(b"\"")).unwrap_or(&value);
    Some(![&b"0"[..], b"off", b"false"].iter().any(|off| value.starts_with(off)))
}

fn is_read_only(name: &Placed<'_>, text: &[u8]) -> bool {
    if !matches!(name.token, Token::Word(_) | Token::Quoted(_) | Token::SystemVariable(_)) {
        return false;
    }
    let name = name.of(text).to_ascii_lowercase();
    let last = name.rsplit(|byte| b".@".contains(byte)).next().unwrap_or_default();
    matches!(last.trim_ascii(), b"read_only" | b"super_read_only" | b"`read_only`" | b"`super_read_only`")
}

fn is_assignment(token: Token<'_>) -> bool {
    matches!(token, Token::Assign | Token::Punct(b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(text: &str) -> Option<bool> {
        sets_read_only(text.as_bytes(), LexMode::default())
    }

    #[test]
    fn any_spelling_of_read_only_is_known() {
        for on in [
            "SET GLOBAL read_only=1",
            "set global super_read_only = ON",
            "SET @@global.read_only := 'NO_LOCK'",
            "SET PERSIST read_only = 1",
            "SET GLOBAL read_only = 0, GLOBAL super_read_only = 1",
            "SELECT 1; SET GLOBAL read_only = @a",
        ] {
            assert_eq!(sets(on), Some(true), "{on}");
        }
        for off in [
            "SET GLOBAL read_only=0",
            "SET @@GLOBAL.`read_only` := OFF",
            "set global read_only = false",
            "SET GLOBAL `read_only` = 'off'",
        ] {
            assert_eq!(sets(off), Some(false), "{off}");
        }
        for other in [
            "SET GLOBAL max_connections = 5",
            "SET GLOBAL transaction_read_only = 1",
            "SET GLOBAL innodb_read_only = 1",
            "SET GLOBAL max_connections = 5 -- read_only = 1",
            "SET GLOBAL init_connect = 'SET read_only = 1'",
        ] {
            assert_eq!(sets(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "(SET|GLOBAL|read_only|@@|:=|[=`'., 01]|\\PC){0,20}") {
            let _ = sets(&text);
        }
    }
}
