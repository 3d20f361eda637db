//! Any text as a position or as a hint: nothing panics, and what is read is printed so that it can be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_router::Hint;
use splitfin_topology::Position;

fuzz_target!(|data: &[u8]| {
    let (hint, errors) = Hint::parse(data);
    assert!(hint.after.is_empty() || errors.is_none_or(|errors| errors.more < data.len()));
    let Ok(text) = std::str::from_utf8(data) else { return };
    let half = text.len() / 2;
    let (one, other) = text.split_at(text.floor_char_boundary(half));
    let (Ok(mut one), Ok(other)) = (Position::parse_any(one), Position::parse_any(other)) else { return };
    assert_eq!(Position::parse_any(&one.to_string()).as_ref(), Ok(&one));
    let same_family = one.is_empty() || other.is_empty() || one.family() == other.family();
    one.add(&other);
    assert!(!same_family || one.contains(&other));
    assert_eq!(one.lacks(&other) > 0, !one.contains(&other) && !other.is_empty());
});
