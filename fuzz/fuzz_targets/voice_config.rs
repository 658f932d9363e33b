//! A voice's settings: the JSON beside its graph.

#![no_main]

use piper_acoustic::VoiceConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = VoiceConfig::parse(data);
});
