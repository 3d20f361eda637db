//! Any bytes as a routing hint: nothing panics, what is said of it is short, and where a position cannot be read, the
//! statement goes to the primary.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_router::{Hint, HintError};

fuzz_target!(|data: &[u8]| {
    let (hint, errors) = Hint::parse(data);
    if let Some(errors) = errors {
        assert!(errors.more < data.len());
        assert!(errors.to_string().chars().count() < 400);
        assert!(hint.primary || !matches!(errors.first, HintError::Position(_)));
    }
    // What was understood is understood alone, too.
    let after = format!("after_gtid={}", hint.after);
    let (again, errors) = Hint::parse(after.as_bytes());
    assert!(hint.after.is_empty() || (errors.is_none() && again.after == hint.after));
    let alone = hint.backend.as_ref().map(|name| Hint::parse(format!("backend={name}").as_bytes()).0.backend);
    assert!(alone.is_none_or(|alone| alone == hint.backend));
});
