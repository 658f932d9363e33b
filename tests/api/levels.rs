//! Voices that were trained at different levels, brought to one.

use std::path::Path;

use ebur128::{EbuR128, Mode};
use memchr::memmem;
use serde_json::{Value, json};

use crate::support::{Answer, ModelsFolder, TOKEN, TestServer, VOICE, samples};
use crate::{SYNTHESIZE, with};

const TEXT: &str = "All human beings are born free. They are equal in dignity and rights. Here are three: life, liberty, and security. \
                    Nobody shall be held in slavery, and nobody shall be subjected to torture. The boats were leaving when we came. \
                    How far is it to the next village, and is there a shop? Thank you for calling, and goodbye until tomorrow.";

/// Twelve voices of every structure, each at three levels.
fn voices_of_different_levels() -> (ModelsFolder, Vec<String>) {
    let folder = ModelsFolder::empty();
    let mut names = Vec::new();
    for quality in ["low", "medium", "high", "even"] {
        for (level, factor) in [("quiet", 0.05), ("usual", 1.0), ("loud", 4.0)] {
            let name = format!("{level}-{quality}");
            folder.add_fixture(&format!("vits-{quality}"), &name);
            make_louder(&folder.path().join(format!("{name}.onnx")), factor);
            names.push(name);
        }
    }
    (folder, names)
}

/// Multiplies the last weights of a network, which are what its samples are sums of.
fn make_louder(model: &Path, factor: f32) {
    const NAME: &[u8] = b"dec.conv_post.weight";
    /// The tag of what a tensor holds, in its message.
    const RAW_DATA: u8 = 0x4a;
    let mut bytes = std::fs::read(model).unwrap();
    let named = memmem::find_iter(&bytes, NAME).find(|at| bytes[at + NAME.len()] == RAW_DATA);
    let length = named.unwrap() + NAME.len() + 1;
    assert!(bytes[length] < 128, "a length of one byte");
    let data = length + 1..=length + usize::from(bytes[length]);
    for weight in bytes[data].as_chunks_mut::<4>().0 {
        *weight = (f32::from_le_bytes(*weight) * factor).to_le_bytes();
    }
    std::fs::write(model, bytes).unwrap();
}

fn speak(server: &TestServer, fields: &Value, cache_control: &str) -> Answer {
    let body = with(&json!({"text": TEXT, "response_format": "pcm"}), fields);
    let answer = Answer::of(server.post(SYNTHESIZE).header("cache-control", cache_control).json(&body).send().unwrap());
    assert_eq!(answer.status, 200, "{fields}: {}", answer.text());
    answer
}

fn shown_loudness(server: &TestServer) -> Value {
    let request = server.request(reqwest::Method::GET, "/v1/voices/vits-low").bearer_auth(TOKEN);
    Answer::of(request.send().unwrap()).json()["loudness"].clone()
}

/// Integrated loudness in LUFS, and the true peak in dB of full scale.
fn measured(answer: &Answer) -> (f64, f64) {
    let rate = answer.header("x-sample-rate").parse().unwrap();
    let mut meter = EbuR128::new(1, rate, Mode::I | Mode::TRUE_PEAK).unwrap();
    meter.add_frames_i16(&samples(&answer.body)).unwrap();
    (meter.loudness_global().unwrap(), 20.0 * meter.true_peak(0).unwrap().log10())
}

#[test]
fn twelve_voices_have_one_loudness_and_the_same_samples_streamed_whole_and_kept() {
    let (folder, names) = voices_of_different_levels();
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_OFFLINE", "true"),
        ("TTS_PRELOAD_VOICES", &names[0]),
        ("TTS_LOUDNESS_LUFS", "-23"),
    ]);
    let mut levels = Vec::new();

    for name in &names {
        let trained = speak(&server, &json!({"voice_id": name, "loudness": "none"}), "no-cache");
        levels.push(measured(&trained).0);
        let fields = json!({"voice_id": name});
        // Of the sentences that are kept, and made anew.
        let whole = speak(&server, &fields, "max-age=60");
        let streamed = speak(&server, &with(&fields, &json!({"stream": true})), "no-store");
        let (loudness, peak) = measured(&whole);
        assert!((loudness + 23.0).abs() < 0.5 && peak <= -1.0, "{name}: {loudness} LUFS, {peak} dBTP");
        assert!(streamed.body == whole.body, "{name}: what is streamed is other than the whole");

        let louder = with(&fields, &json!({"loudness": -14, "sample_rate": 16_000}));
        let made = speak(&server, &louder, "max-age=60");
        let streamed = with(&louder, &json!({"stream": true}));
        let (loudness, peak) = measured(&made);
        // The limiter takes some of it away.
        assert!((-18.0..=-13.5).contains(&loudness) && peak <= -1.0, "{name}: {loudness} LUFS, {peak} dBTP");
        for (fields, of) in [(&fields, &whole), (&louder, &made), (&streamed, &made)] {
            assert!(speak(&server, fields, "only-if-cached").body == of.body, "{fields}");
        }
    }

    let spread = levels.iter().fold(f64::MIN, |most, level| most.max(*level))
        - levels.iter().fold(f64::MAX, |least, level| least.min(*level));
    assert!(spread > 12.0, "as they were trained, they have {levels:?}");
}

#[test]
fn a_voice_is_measured_once_and_that_is_kept_beside_it_and_shown() {
    let folder = ModelsFolder::with_fixture("vits-low");
    let variables = [
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "vits-low"),
        ("TTS_OFFLINE", "true"),
        ("TTS_VOICES_RESCAN_SECONDS", "0"),
    ];
    let server = TestServer::start(&variables);
    let before = shown_loudness(&server);
    let first = speak(&server, &json!({"loudness": -23}), "no-cache");
    let after = shown_loudness(&server);
    drop(server);

    let server = TestServer::start(&variables);
    let again = speak(&server, &json!({"loudness": -23}), "no-store");

    assert_eq!(before, json!(null));
    assert!(after.as_f64().is_some_and(|loudness| (-40.0..-5.0).contains(&loudness)), "{after}");
    assert!(folder.path().join("vits-low.loudness.json").exists());
    assert_eq!(shown_loudness(&server), after);
    assert!(first.body == again.body);
    assert!(!server.stop().iter().any(|line| line.contains("was measured")), "it was measured before");
}

#[test]
fn peaks_at_full_scale_are_there_for_whole_answers_alone() {
    let server = crate::support::shared();
    let sentence = |fields: &Value| {
        let body =
            with(&json!({"text": "Here is one.", "response_format": "pcm", "noise_scale": 0, "noise_w": 0}), fields);
        let answer = server.post_json(SYNTHESIZE, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        samples(&answer.body)
    };
    let highest = |samples: &[i16]| samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    let (trained, scaled) = (sentence(&json!({})), sentence(&json!({"normalize_peaks": true})));
    let half = sentence(&json!({"normalize_peaks": true, "volume": 0.5}));

    assert_eq!((highest(&scaled), trained.len()), (32_767, scaled.len()));
    assert!(highest(&trained) < 30_000 && highest(&half).abs_diff(16_383) <= 1);
    for (fields, field) in [
        (json!({"normalize_peaks": true, "stream": true}), "normalize_peaks"),
        (json!({"normalize_peaks": true, "loudness": -20}), "normalize_peaks"),
        (json!({"loudness": -41}), "loudness"),
        (json!({"loudness": -9}), "loudness"),
    ] {
        let answer = server.post_json(SYNTHESIZE, &with(&json!({"text": "Hello."}), &fields));
        answer.assert_error(400, "invalid_value", Some(field));
    }
    let wrong = server.post_json(SYNTHESIZE, &json!({"text": "Hello.", "loudness": "loud"}));
    wrong.assert_error(422, "invalid_body", Some("loudness"));
    let openai = json!({"input": "Hello.", "voice": VOICE, "normalize_peaks": true});
    server.post_json("/v1/audio/speech", &openai).assert_error(400, "invalid_value", Some("normalize_peaks"));
}
