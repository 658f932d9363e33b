//! Every format, whole and streamed, as ffmpeg sees it.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Answer, samples, shared};
use crate::{SYNTHESIZE, noiseless};

const TEXT: &str = "Every format says the same. It only says it in other bytes.";

struct Expected {
    format: &'static str,
    content_type: &'static str,
    /// As ffmpeg calls it.
    codec: &'static str,
    sample_rate: u32,
    /// What ffmpeg has to be told of a format without a head.
    options: &'static [&'static str],
    /// Samples of a frame, where the last one may be filled up.
    frame: usize,
    /// Whether a file says what the encoder added to it, before and after. A stream cannot.
    is_trimmed: bool,
    /// How like the original it has to be: the cosine between both.
    likeness: f64,
}

const G711_OPTIONS: [&str; 4] = ["-ar", "8000", "-ac", "1"];

const FORMATS: [Expected; 7] = [
    Expected {
        format: "wav",
        content_type: "audio/wav",
        codec: "pcm_s16le",
        sample_rate: 22_050,
        options: &[],
        frame: 0,
        is_trimmed: true,
        likeness: 1.0,
    },
    Expected {
        format: "flac",
        content_type: "audio/flac",
        codec: "flac",
        sample_rate: 22_050,
        options: &[],
        frame: 0,
        is_trimmed: true,
        likeness: 1.0,
    },
    Expected {
        format: "opus",
        content_type: "audio/ogg; codecs=opus",
        codec: "opus",
        // ffmpeg decodes Opus at 48 kHz, whatever it was encoded at.
        sample_rate: 48_000,
        options: &[],
        frame: 960,
        is_trimmed: true,
        likeness: 0.97,
    },
    Expected {
        format: "mp3",
        content_type: "audio/mpeg",
        codec: "mp3",
        sample_rate: 22_050,
        options: &[],
        frame: 576,
        is_trimmed: true,
        likeness: 0.98,
    },
    Expected {
        format: "aac",
        content_type: "audio/aac",
        codec: "aac",
        sample_rate: 22_050,
        options: &[],
        frame: 1_024,
        is_trimmed: false,
        likeness: 0.98,
    },
    Expected {
        format: "mulaw",
        content_type: "audio/PCMU",
        codec: "pcm_mulaw",
        sample_rate: 8_000,
        options: &["-f", "mulaw"],
        frame: 0,
        is_trimmed: true,
        likeness: 0.99,
    },
    Expected {
        format: "alaw",
        content_type: "audio/PCMA",
        codec: "pcm_alaw",
        sample_rate: 8_000,
        options: &["-f", "alaw"],
        frame: 0,
        is_trimmed: true,
        likeness: 0.99,
    },
];

#[test]
fn every_format_is_what_it_says_and_sounds_like_the_samples() {
    for expected in FORMATS {
        let pcm = ask(&json!({"response_format": "pcm", "sample_rate": expected.sample_rate}));
        let original = samples(&pcm.body);
        for streamed in [false, true] {
            let answer = ask(&json!({"response_format": expected.format, "stream": streamed}));

            let name = format!("{}, streamed: {streamed}", expected.format);
            assert_eq!(answer.header("content-type"), expected.content_type, "{name}");
            let facts = probe(&answer.body, expected.options);
            assert_eq!(facts["codec_name"], expected.codec, "{name}");
            assert_eq!(facts["sample_rate"], expected.sample_rate.to_string(), "{name}");
            assert_eq!(facts["channels"], 1, "{name}");
            let decoded = decode(&answer.body, expected.options);
            let longer = 1 + expected.frame * if streamed || !expected.is_trimmed { 4 } else { 1 };
            let lengths = original.len().saturating_sub(1)..=original.len() + longer;
            assert!(lengths.contains(&decoded.len()), "{name}: {} samples of {}", decoded.len(), original.len());
            let likeness = likeness(&original, &decoded, 2 * expected.frame);
            assert!(likeness >= expected.likeness - 1e-9, "{name}: {likeness}");
        }
    }
}

#[test]
fn a_rate_that_a_format_lacks_becomes_the_next_one_that_it_has() {
    let cases =
        [("opus", 22_050, "24000"), ("opus", 44_100, "48000"), ("mp3", 23_000, "24000"), ("aac", 33_000, "44100")];
    for (format, asked, given) in cases {
        let answer = ask(&json!({"response_format": format, "sample_rate": asked}));

        assert_eq!(answer.header("x-sample-rate"), given, "{format} at {asked}");
    }
}

/// Both hold samples back until they have a whole block of their own.
#[test]
fn ten_minutes_of_pause_are_ten_minutes() {
    let pause = "<break time=\"60s\"/>".repeat(10);
    let text = format!("<speak>One.{pause}Two.</speak>");
    for (format, heard_at) in [("flac", 16_000), ("opus", 48_000)] {
        let answer = ask_for(&text, &json!({"text_type": "ssml", "response_format": format, "sample_rate": 16_000}));

        let seconds = decode(&answer.body, &[]).len() as f64 / f64::from(heard_at);
        assert!((600.5..605.0).contains(&seconds), "{format}: {seconds} s");
    }
}

#[test]
fn telephony_has_one_rate() {
    let body = noiseless(TEXT, &json!({"response_format": "mulaw", "sample_rate": 16_000}));

    shared().post_json(SYNTHESIZE, &body).assert_error(400, "invalid_value", Some("sample_rate"));
}

#[test]
fn what_is_kept_of_a_format_is_streamed_in_the_same_bytes() {
    for Expected { format, .. } in FORMATS {
        let text = format!("These bytes are kept as {format}.");
        let made =
            shared().post_json(SYNTHESIZE, &noiseless(&text, &json!({"response_format": format, "stream": true})));
        let whole = shared().post_json(SYNTHESIZE, &noiseless(&text, &json!({"response_format": format})));
        let kept =
            shared().post_json(SYNTHESIZE, &noiseless(&text, &json!({"response_format": format, "stream": true})));

        assert_eq!((whole.header("x-cache"), kept.header("x-cache")), ("HIT-L1", "HIT-L1"), "{format}");
        assert!(made.body == kept.body, "{format}");
    }
}

/// AAC has a head neither in a file nor in a stream.
#[test]
fn aac_is_the_same_bytes_whole_and_streamed_at_every_rate_that_it_has() {
    for sample_rate in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
        let fields = json!({"response_format": "aac", "sample_rate": sample_rate});
        let streamed = ask(&crate::with(&fields, &json!({"stream": true})));
        let whole = ask(&fields);

        assert!(streamed.body == whole.body, "{sample_rate}");
        assert_eq!(probe(&whole.body, &[])["sample_rate"], sample_rate.to_string());
    }
}

fn ask(fields: &Value) -> Answer {
    ask_for(TEXT, fields)
}

fn ask_for(text: &str, fields: &Value) -> Answer {
    let answer = shared().post_json(SYNTHESIZE, &noiseless(text, fields));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn probe(file: &[u8], options: &[&str]) -> Value {
    let shown = ["-v", "error", "-show_streams", "-of", "json", "-i", "-"];
    let facts = pipe("ffprobe", &[raw_options(options), shown.to_vec()].concat(), file);
    serde_json::from_slice::<Value>(&facts).unwrap()["streams"][0].clone()
}

fn decode(file: &[u8], options: &[&str]) -> Vec<i16> {
    let decoded = ["-v", "error", "-i", "-", "-f", "s16le", "-"];
    samples(&pipe("ffmpeg", &[raw_options(options), decoded.to_vec()].concat(), file))
}

fn raw_options<'a>(options: &[&'a str]) -> Vec<&'a str> {
    if options.is_empty() { Vec::new() } else { [options, &G711_OPTIONS[..]].concat() }
}

fn pipe(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut process = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; `make test` installs it"));
    let mut stdin = process.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        process.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{program} {arguments:?}");
    output.stdout
}

/// The cosine between both, with the second late by as many samples, up to `shift`, as fit best around the loudest one.
fn likeness(first: &[i16], second: &[i16], shift: usize) -> f64 {
    const AROUND: usize = 4_000;
    let loudest = (0..first.len()).max_by_key(|at| first[*at].unsigned_abs()).unwrap();
    let from = loudest.saturating_sub(AROUND / 2);
    let part = &first[from..(from + AROUND).min(first.len())];
    let behind = |at: usize| second.get(at..).unwrap_or_default();
    let near = |late: usize| cosine(part, behind(from + late));
    let nearest = (0..=shift).map(|late| (near(late), late)).max_by(|(one, _), (other, _)| one.total_cmp(other));
    let (_, late) = nearest.unwrap();
    cosine(first, behind(late))
}

/// Of as many as both have.
fn cosine(first: &[i16], second: &[i16]) -> f64 {
    let (mut product, mut a, mut b) = (0.0, 0.0, 0.0);
    for (x, y) in first.iter().zip(second).map(|(x, y)| (f64::from(*x), f64::from(*y))) {
        product += x * y;
        a += x * x;
        b += y * y;
    }
    product / f64::sqrt(a * b).max(1.0)
}
