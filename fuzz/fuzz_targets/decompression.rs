//! Data of any codec: the first byte chooses it, the second how much may come out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ottla_protocol::records::{Compression, compress, decompress};

fuzz_target!(|input: &[u8]| {
    let [codec, limit, data @ ..] = input else {
        return;
    };
    let codec = Compression::from_id(i16::from(*codec) % 5).expect("five codecs from 0");
    let limit_bytes = usize::from(*limit) * 4096;
    if let Ok(plain) = decompress(codec, data, limit_bytes) {
        assert!(plain.len() <= limit_bytes);
    }
    let packed = compress(codec, None, data).expect("memory suffices");
    assert_eq!(
        decompress(codec, &packed, data.len()).expect("sound data"),
        data
    );
});
