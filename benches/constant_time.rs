//! Does the time that a wrong token takes say where it is wrong? After dudect (Reparaz, Balasch, Verbauwhede 2017): two classes of inputs in random
//! order, and Welch's t-test over their times without the slowest; |t| over 4.5 is a leak. Beside it a comparison that stops at the first
//! difference, which must be found out, or the measurement sees nothing.
//!
//! `cargo bench --bench constant_time`; needs a machine with nothing else to do.

use std::hint::black_box;
use std::time::Instant;

use tts_batch_api::config::Token;

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
    let tokens = [Token::new(SECRET)];
    for _ in 0..RUNS {
        let ours = t(|presented| Token::is_any_of(&tokens, presented));
        let naive = t(|presented| SECRET.iter().zip(presented).all(|(one, other)| one == other));
        println!("tokens |t| {ours:>6.2} (below {LEAK} is the goal); a comparison that stops early |t| {naive:>8.2}");
    }
}

/// Welch's t between tokens that are wrong at the first byte and at the last.
fn t(is_known: impl Fn(&[u8]) -> bool) -> f64 {
    let wrong_at = |place: usize| {
        let mut presented = SECRET;
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
