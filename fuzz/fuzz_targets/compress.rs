//! Any bytes as compressed packets: nothing panics, no content is longer than announced, and what is packed here comes
//! back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use splitfin_protocol::compress::{Algorithm, Codec};

fuzz_target!(|data: &[u8]| {
    let [kind, data @ ..] = data else { return };
    let algorithm = if kind & 1 == 0 { Algorithm::Zlib } else { Algorithm::Zstd(kind >> 3) };
    let mut seen = Vec::new();
    if let Ok(taken) = Codec::new(algorithm).unpack(data, &mut seen) {
        assert!(taken <= data.len());
    }
    let (mut wire, mut back) = (Vec::new(), Vec::new());
    Codec::new(algorithm).pack(data, &mut wire);
    let taken = Codec::new(algorithm).unpack(&wire, &mut back).expect("it was packed here");
    assert_eq!((taken, back.as_slice()), (wire.len(), data));
});
