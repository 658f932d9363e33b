//! A voice's settings: the JSON beside its graph.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tts_batch_api::engine::VoiceConfig;

fuzz_target!(|data: &[u8]| {
    let _ = VoiceConfig::parse(data);
});
