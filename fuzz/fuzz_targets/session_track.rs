//! Any bytes as session-track entries: nothing panics, and a filter that keeps everything keeps every byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_protocol::session_track::{Changes, filter, visible_by_default};

fuzz_target!(|data: &[u8]| {
    let read: Result<Vec<_>, _> = Changes::new(data).collect();
    let kept = filter(data, |_| true);
    assert_eq!(read.is_ok(), kept.is_ok());
    if let (Ok(read), Ok(kept)) = (read, kept) {
        let again: Result<Vec<_>, _> = Changes::new(&kept).collect();
        assert_eq!(again.expect("it was written here"), read);
        let visible = filter(data, |change| visible_by_default(change, Default::default())).expect("it could be read");
        assert!(visible.len() <= kept.len());
    }
});
