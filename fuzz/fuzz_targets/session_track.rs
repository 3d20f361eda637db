//! Any bytes as session-track entries: nothing panics, and what a client is shown is part of what was there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_protocol::session_track::{Change, Changes, NO_TRANSACTION, Tracking, filter, tracked_by_default};

fuzz_target!(|data: &[u8]| {
    let everything = Tracking::everything();
    let read: Result<Vec<_>, _> = Changes::new(data).collect();
    let kept = filter(data, &everything, &mut NO_TRANSACTION.clone());
    assert_eq!(read.is_ok(), kept.is_ok());
    if let (Ok(mut read), Ok((kept, _))) = (read, kept) {
        // The one that sends clients elsewhere, and what has no name here, is never shown.
        read.retain(|change| everything.shows(change));
        assert!(!read.contains(&Change::Unknown(99)));
        let again: Result<Vec<_>, _> = Changes::new(&kept).collect();
        assert_eq!(again.expect("it was written here"), read);
        let (visible, _) =
            filter(data, &tracked_by_default(), &mut NO_TRANSACTION.clone()).expect("it could be read");
        assert!(visible.len() <= kept.len());
    }
});
