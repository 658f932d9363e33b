//! Faults on purpose: workers that panic, voices that do not load, queues that are full, callers that leave. A scripted
//! engine makes each exact and quick. The tests take turns, because some of them count threads.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admission;
mod fake;
mod hanging;
mod herd;
mod hostile;
#[path = "../engine/hostile_texts.rs"]
mod hostile_texts;

mod http;
mod quarantine;
mod residency;
mod support;
mod voices;
mod workers;
