//! Any bytes as a statement, up to what the second opinion looks at, with little stack: nothing overflows it, and what is
//! remembered of a statement is what was said of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_router::classify::{classify, tables};
use splitfin_router::{Class, LexMode, LongText, Statements, count_statements};
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
    let _ = (classify(text, mode), tables(text, mode), count_statements(text, mode));
    let mut statements = Statements::new(1 << 16);
    let [first, again] = [(); 2].map(|()| statements.look_up(text, mode).statement);
    assert!(first.class == again.class && first.leaves == again.leaves);
    // Read in pieces, it is the same, or what nothing is proven of.
    let mut long = LongText::new(text, mode);
    while !long.read_on(100) {}
    let pieces = statements.look_up_long(long).statement;
    assert!(pieces.class != Class::Read || first.class == Class::Read);
    assert!(matches!(pieces.class, Class::Write(_)) || pieces.leaves.contains(first.leaves));
}
