//! Any bytes as a PROXY header: nothing panics, and it comes to an end within what a header may be long.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_protocol::proxy::{Progress, parse};

fuzz_target!(|bytes: &[u8]| {
    let mut have = 0;
    while let Ok(Progress::Needs(more)) = parse(&bytes[..have]) {
        assert!(more > 0);
        have += more;
        if have > bytes.len() {
            assert!(have <= 4096);
            break;
        }
    }
});
