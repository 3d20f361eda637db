//! Any bytes as a statement that asks for a session's own values, or that makes things by name: nothing panics, and what
//! has no such function in it stays as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_router::conditions::{Asked, Conditions};
use splitfin_router::{Holdings, KillText, Known, LexMode, first_of_several, offset, substitute};

fuzz_target!(|data: &[u8]| {
    let [flags, text @ ..] = data else { return };
    let mode = LexMode { ansi_quotes: flags & 1 != 0, no_backslash_escapes: flags & 2 != 0, unprovable: false };
    let mysql = flags & 4 != 0;
    let conditions = (flags & 16 != 0).then_some((2, 1));
    let known = Known {
        connection_id: 1_000_000_007,
        row_count: Some(-1),
        found_rows: Some(3),
        last_gtid: Some("0-1-5"),
        mysql,
        conditions,
    };
    if let Some(put_in) = substitute(text, mode, &known) {
        let lower = text.to_ascii_lowercase();
        let asks = ["connection_id", "row_count", "found_rows", "last_gtid", "pseudo_thread_id", "_count"];
        assert!(asks.iter().any(|name| lower.windows(name.len()).any(|window| window == name.as_bytes())));
        assert!(!put_in.is_empty());
    }
    let mut left = Conditions::error(1062, "23000", "Duplicate entry");
    left.append(&mut Conditions::error(1, "HY000", ""));
    let asked = Asked { row_count: 1, variable: (flags & 32 != 0).then_some(2) };
    let _ = Asked::variable_of(text, mode);
    if let Some(put) = left.put_into(text, mode, asked) {
        assert!(put.starts_with(b"SELECT ") || put.starts_with(b"SET "));
    }
    if let Some((first, after)) = first_of_several(text, mode) {
        assert_eq!([first, after].join(&b';'), text);
    }
    let _ = (KillText::parse(text, mode), offset(text, mode));
    let mut holdings = Holdings::default();
    holdings.note(text, mode, Some("shop"), flags & 8 != 0);
    let _ = (holdings.pins(), holdings.ask_for_locks(), Holdings::user_variables(text, mode));
});
