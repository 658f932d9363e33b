//! Owns the helpers that integration tests share: the program as its users start it, and the words in which they speak
//! to it. A test binary includes this with `mod support;` and uses what it needs.

// Each test binary uses another part of this.
#![allow(dead_code, unused_imports)]
// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answer;
mod audio;
mod broken;
mod bucket;
mod command;
mod folder;
mod load;
mod log;
mod path_payloads;
mod proxy;
mod redis;
mod server;
mod wait;

pub use answer::{Answer, assert_closed};
pub use audio::{Sound, samples};
pub use broken::write_broken_voices;
pub use bucket::{Bucket, Mood};
pub use command::{Finished, Program};
pub use folder::ModelsFolder;
pub use load::{Due, Ending, capacity, evenly, quantile, send};
pub use path_payloads::path_payloads;
pub use proxy::{Fault, FaultProxy};
pub use redis::{RedisCluster, RedisServer};
pub use server::{TOKEN, TestServer, ask_on, shared};
pub use wait::{LIMIT, until, until_within};

/// The voice that comes with the service.
pub const VOICE: &str = "en_US-joe-medium";
