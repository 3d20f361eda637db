//! Any bytes as compressed packets: nothing panics, no content is longer than announced, what is packed here comes back, and
//! packets that arrive in pieces have the same contents.
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
    let mut arrived = Vec::new();
    let (mut codec, mut at) = (Codec::new(algorithm), 0);
    for end in 0..=data.len() {
        match codec.unpack_one(&data[at..end], &mut arrived) {
            Ok(taken) => at += taken,
            Err(_) => break,
        }
    }
    assert_eq!(arrived, seen);
    let (mut wire, mut back) = (Vec::new(), Vec::new());
    Codec::new(algorithm).pack(data, &mut wire);
    let taken = Codec::new(algorithm).unpack(&wire, &mut back).expect("it was packed here");
    assert_eq!((taken, back.as_slice()), (wire.len(), data));
});
