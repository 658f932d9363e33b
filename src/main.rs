//! The program `tts-batch-api`. All of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tts_batch_api::cli::run()
}
