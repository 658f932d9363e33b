//! What a Redis that others write to may hold: sealed entries, and what is in them once the checksum is right.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tts_batch_api::cache::{CacheKey, Entry};
use tts_batch_api::speech::{Plan, sentence_from_entry};

fuzz_target!(|data: &[u8]| {
    let key = CacheKey::from_bytes([7; CacheKey::BYTES]);
    let _ = Entry::open(&key, &Bytes::copy_from_slice(data));

    let entry = Entry::new(Bytes::copy_from_slice(data));
    assert_eq!(Entry::open(&key, &entry.seal(&key).into()).ok().map(|opened| opened.payload), Some(entry.payload.clone()));
    let _ = sentence_from_entry(&entry);
    if let Some(plan) = Plan::from_entry(&entry) {
        assert_eq!(plan.to_entry().payload, entry.payload);
    }
});
