//! A voice's ONNX file, as far as the service itself reads it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| tts_batch_api::engine::read_graph(data));
