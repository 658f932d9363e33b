//! A voice's ONNX file, as far as the service itself reads it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| piper_acoustic::read_graph(data));
