//! `POST /v1/synthesizeSpeech`: what comes back, and what each field of the request changes in it.

use serde_json::json;

use crate::support::{Sound, VOICE, samples, shared};
use crate::{SYNTHESIZE, noiseless};

const SHORT: &str = "Good morning.";
const VOICE_RATE: u32 = 22_050;

fn sound(text: &str, fields: &serde_json::Value) -> Sound {
    shared().post_json(SYNTHESIZE, &noiseless(text, fields)).sound()
}

#[test]
fn a_wav_answer_says_what_it_is() {
    let answer = shared().post_json(SYNTHESIZE, &json!({"text": "A wav answer says what it is."}));

    let sound = answer.sound();
    assert_eq!(sound.sample_rate, VOICE_RATE);
    assert!(sound.seconds() > 0.5 && !sound.is_silent());
    assert_eq!(answer.header("content-type"), "audio/wav");
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    assert_eq!(answer.header("x-voice-id"), VOICE);
    assert_eq!(answer.header("x-sample-rate"), VOICE_RATE.to_string());
    assert_eq!(answer.header("x-audio-duration"), format!("{:.3}", sound.seconds()));
    assert_eq!(answer.header("x-cache"), "MISS");
}

#[test]
fn a_pcm_answer_holds_the_samples_of_the_wav_answer() {
    let wav = sound(SHORT, &json!({}));

    let pcm = shared().post_json(SYNTHESIZE, &noiseless(SHORT, &json!({"response_format": "pcm"})));

    assert_eq!(pcm.status, 200);
    assert_eq!(samples(&pcm.body), wav.samples);
    assert_eq!(pcm.header("content-type"), "audio/pcm");
    assert_eq!(pcm.header("content-length"), (2 * wav.samples.len()).to_string());
    assert_eq!(pcm.header("x-audio-duration"), format!("{:.3}", wav.seconds()));
    assert_eq!(pcm.header("x-sample-rate"), VOICE_RATE.to_string());
}

#[test]
fn a_content_type_with_parameters_or_in_other_case_is_json_too() {
    let body = noiseless(SHORT, &json!({})).to_string();

    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"] {
        let request = shared().post(SYNTHESIZE).header("content-type", content_type).body(body.clone());

        assert_eq!(request.send().unwrap().status().as_u16(), 200, "{content_type}");
    }
}

#[test]
fn every_sample_rate_lasts_as_long_as_the_voices_own() {
    let native = sound(SHORT, &json!({}));

    for rate in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
        let answer = shared().post_json(SYNTHESIZE, &noiseless(SHORT, &json!({"sample_rate": rate})));

        let sound = answer.sound();
        assert_eq!(sound.sample_rate, rate);
        assert_eq!(answer.header("x-sample-rate"), rate.to_string());
        assert!((sound.seconds() - native.seconds()).abs() < 0.001, "{rate}: {} s", sound.seconds());
        assert!(!sound.is_silent(), "{rate}");
    }
}

#[test]
fn speed_divides_the_length() {
    let text = "The quick brown fox jumps over the lazy dog.";
    let normal = sound(text, &json!({"speed": 1})).seconds();

    let fast = sound(text, &json!({"speed": 2})).seconds();
    let slow = sound(text, &json!({"speed": 0.5})).seconds();

    // Phonemes last whole frames, so that the ratio is not exact.
    assert!((0.4..0.65).contains(&(fast / normal)), "{fast} s of {normal} s");
    assert!((1.7..2.3).contains(&(slow / normal)), "{slow} s of {normal} s");
}

#[test]
fn volume_scales_every_sample() {
    let full = sound(SHORT, &json!({})).samples;

    let half = sound(SHORT, &json!({"volume": 0.5})).samples;
    let none = sound(SHORT, &json!({"volume": 0}));

    assert_eq!(half.len(), full.len());
    assert!(half.iter().zip(&full).all(|(&half, &full)| (half - full / 2).abs() <= 1));
    assert_eq!(none.samples.len(), full.len());
    assert!(none.is_silent());
}

#[test]
fn sentence_silence_is_between_sentences_and_nowhere_else() {
    let (one, two) = (sound("Here is one.", &json!({})), sound("There are two.", &json!({})));

    for (milliseconds, pause) in [(0, 0), (250, 5_512), (1_000, 22_050)] {
        let both = sound("Here is one. There are two.", &json!({"sentence_silence_ms": milliseconds}));

        let expected = [&one.samples[..], &vec![0; pause], &two.samples].concat();
        assert!(both.samples == expected, "{milliseconds} ms: {} of {} samples", both.samples.len(), expected.len());
    }
}

#[test]
fn noise_is_the_callers_to_choose() {
    let still = sound(SHORT, &json!({}));

    let timbre = sound(SHORT, &json!({"noise_scale": 0.8}));
    let rhythm = sound(SHORT, &json!({"noise_w": 1.5}));

    assert_eq!(timbre.samples.len(), still.samples.len(), "noise in the timbre changes no durations");
    assert_ne!(timbre, still);
    assert_ne!(rhythm, still);
}

#[test]
fn a_speaker_may_stand_in_its_field_or_in_the_voice_id() {
    let unnamed = sound(SHORT, &json!({}));

    for fields in [
        json!({"voice_id": VOICE}),
        json!({"voice_id": format!("{VOICE}#0")}),
        json!({"voice_id": VOICE, "speaker": 0}),
        json!({"speaker": "0"}),
        json!({"voice_id": format!("{VOICE}#nobody"), "speaker": 0}),
    ] {
        assert_eq!(sound(SHORT, &fields), unnamed, "{fields}");
    }
}

#[test]
fn null_is_as_good_as_absent() {
    let fields = ["voice_id", "response_format", "sample_rate", "speaker", "speed", "volume", "sentence_silence_ms"];

    for field in fields {
        let answer = shared().post_json(SYNTHESIZE, &noiseless(SHORT, &json!({field: null})));

        assert_eq!(answer.status, 200, "{field}: {}", String::from_utf8_lossy(&answer.body));
    }
}

#[test]
fn limits_themselves_are_within_range() {
    let limits = [
        ("speed", json!(4)),
        ("noise_scale", json!(2)),
        ("noise_w", json!(2)),
        ("volume", json!(4)),
        ("sentence_silence_ms", json!(10_000)),
        ("sample_rate", json!(8_000)),
        ("sample_rate", json!(48_000)),
    ];

    for (field, value) in limits {
        let answer = shared().post_json(SYNTHESIZE, &noiseless(SHORT, &json!({field: value})));

        assert_eq!(answer.status, 200, "{field} {value}");
    }
}

#[test]
fn text_of_any_script_is_answered_with_wav() {
    for text in ["…", "42", "Привет", "你好", "🎉", "a\u{301}", "\u{202e}abc", "<b>&amp;</b>"] {
        let answer = shared().post_json(SYNTHESIZE, &noiseless(text, &json!({})));

        assert_eq!(answer.sound().sample_rate, VOICE_RATE, "{text}");
    }
}
