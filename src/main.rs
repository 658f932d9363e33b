//! The program `tts-batch-api`. All of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // ONNX Runtime keeps a file in the home and reports to its makers from its beginning on, before a call can tell it
    // not to. SAFETY: no other thread is there yet.
    #[expect(unsafe_code)]
    unsafe {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1");
    }
    // Whatever speaks TLS leaves the choice of its cryptography to the program. Fails only where one is installed
    // already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tts_batch_api::cli::run()
}
