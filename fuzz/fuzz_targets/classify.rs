//! Any bytes as a statement, up to what the second opinion looks at, with little stack: nothing overflows it, and what is said
//! of a statement does not depend on who asks first.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_router::classify::{classify, tables};
use splitfin_router::{Class, LexMode, Statements, count_statements};
use std::thread;

/// A thirty-second of what workers have: frames are larger with the fuzzer's checks.
const STACK: usize = 512 << 10;

fuzz_target!(|data: &[u8]| {
    let data = data.to_vec();
    let asked = thread::Builder::new().stack_size(STACK).spawn(move || ask(&data)).expect("a thread");
    asked.join().expect("no panic");
});

fn ask(data: &[u8]) {
    let [flags, text @ ..] = data else { return };
    let mode = LexMode { ansi_quotes: flags & 1 != 0, no_backslash_escapes: flags & 2 != 0, unprovable: flags & 4 != 0 };
    let (class, effects) = classify(text, mode);
    let _ = tables(text, mode);
    assert!(class != Class::Read || count_statements(text, mode) <= 1);
    let mut statements = Statements::new(16);
    for _ in 0..2 {
        let statement = statements.look_up(text, mode).statement;
        assert!(statement.class != Class::Read || class == Class::Read);
        assert!(class != Class::Read || statement.effects.contains(effects));
    }
}
