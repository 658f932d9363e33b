//! Does the time that a wrong token or signature takes say where it is wrong? After dudect (Reparaz, Balasch,
//! Verbauwhede 2017): two classes of inputs in random order, and Welch's t-test over their times without the slowest;
//! |t| over 4.5 is a leak. Beside it a comparison that stops at the first difference, which must be found out, or the
//! measurement sees nothing.
//!
//! `cargo bench --bench constant_time`; needs a machine with nothing else to do.

#![allow(clippy::expect_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tts_batch_api::config::{HashedToken, Secret, SigningConfig};
use tts_batch_api::links::{Links, Parameters};

const RUNS: usize = 3;
const SAMPLES: usize = 200_000;
const SECRET: [u8; 64] = [b's'; 64];
/// Of the sorted times these are looked at: what is slower was interrupted.
const KEPT: f64 = 0.95;
const LEAK: f64 = 4.5;

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (tokens, links, lifetime) = ([HashedToken::new(SECRET)], signing(), Duration::from_hours(1));
    for _ in 0..RUNS {
        let ours = t(SECRET, |presented| HashedToken::is_any_of(&tokens, presented));
        let naive = t(SECRET, |presented| SECRET.iter().zip(presented).all(|(one, other)| one == other));
        println!("tokens |t| {ours:>6.2} (below {LEAK} is the goal); a comparison that stops early |t| {naive:>8.2}");

        let link =
            links.make(Parameters::from([("text".to_owned(), "Hello.".to_owned())]), "", lifetime).expect("a link");
        let (query, signature) = link.url["/v1/speech?".len()..].split_once("&signature=").expect("a signature");
        let is_signed = |presented: &[u8]| {
            let presented = str::from_utf8(presented).unwrap_or_default();
            links.read(&format!("{query}&signature={presented}")).is_ok()
        };
        let ours = t(signature.as_bytes().try_into().expect("64 digits"), is_signed);
        println!("signatures |t| {ours:>6.2}");
    }
}

fn signing() -> Links {
    let secrets = ["of-the-bench-0123456789abcdef0123456789", "another-0123456789abcdef0123456789abcdef"];
    let secrets = secrets.map(|secret| Secret::new(secret.to_owned())).to_vec();
    let longest = Duration::from_hours(1);
    Links::new(&SigningConfig { secrets, longest, max_bytes: 8_000, ..SigningConfig::default() }).expect("secrets")
}

/// Welch's t between secrets that are wrong at the first byte and at the last.
fn t(right: [u8; 64], is_known: impl Fn(&[u8]) -> bool) -> f64 {
    let wrong_at = |place: usize| {
        let mut presented = right;
        presented[place] = b'x';
        presented
    };
    let classes = [wrong_at(0), wrong_at(SECRET.len() - 1)];
    let mut times = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
    // Knuth's MMIX generator.
    let mut random = 7_u64;
    for _ in 0..SAMPLES {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let class = (random >> 40) as usize % 2;
        let presented = classes[class];
        let began = Instant::now();
        black_box(is_known(black_box(&presented)));
        times[class].push(began.elapsed().as_nanos() as f64);
    }

    let [first, last] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.truncate((times.len() as f64 * KEPT) as usize);
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (times.len() - 1) as f64;
        (mean, variance / times.len() as f64)
    });
    (first.0 - last.0).abs() / (first.1 + last.1).sqrt()
}
