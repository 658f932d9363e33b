//! The body of a request for speech.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| tts_batch_api::http::read_request(data));
