//! Speaks a text into a WAV file, and says when which phoneme is heard:
//! `cargo run --release --example speak -- models/en_US-joe-medium.onnx "Good morning." morning.wav`

use std::error::Error;

use hound::{SampleFormat, WavSpec, WavWriter};
use piper_engine::{Voice, serve_if_child};

pub fn main() -> Result<(), Box<dyn Error>> {
    serve_if_child();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, text, wav] = &arguments[..] else { return Err("usage: speak VOICE.onnx TEXT FILE.wav".into()) };
    speak(model, text, wav)
}

pub fn speak(model: &str, text: &str, wav: &str) -> Result<(), Box<dyn Error>> {
    let voice = Voice::load(model)?;
    let rate = voice.sample_rate();
    let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let (mut file, mut heard) = (WavWriter::create(wav, spec)?, 0);
    for chunk in voice.speak(text)? {
        let chunk = chunk?;
        for (phoneme, samples) in chunk.durations {
            println!("{:7.3} s  {}", f64::from(heard) / f64::from(rate), phoneme.as_deref().unwrap_or("(silence)"));
            heard += samples;
        }
        for sample in chunk.samples {
            file.write_sample((sample * 32767.0) as i16)?;
        }
    }
    Ok(file.finalize()?)
}
