//! OpenAI's speech API: the fields, the formats, the events, the lists. Its own Python package is the test of clients.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TOKEN, TestServer, VOICE, samples, shared};

const SPEECH: &str = "/v1/audio/speech";
const TEXT: &str = "A client that knows another service.";

fn speak(fields: &Value) -> Answer {
    shared().post_json(SPEECH, &crate::with(&json!({"model": "tts-1", "voice": "alloy", "input": TEXT}), fields))
}

#[test]
fn an_answer_is_streamed_mp3_unless_another_format_is_asked_for() {
    for (format, content_type) in [
        (json!({}), "audio/mpeg"),
        (json!({"response_format": "opus"}), "audio/ogg; codecs=opus"),
        (json!({"response_format": "aac"}), "audio/aac"),
        (json!({"response_format": "flac"}), "audio/flac"),
        (json!({"response_format": "wav"}), "audio/wav"),
        (json!({"response_format": "pcm"}), "audio/pcm"),
    ] {
        let answer = speak(&crate::with(&format, &json!({"input": "This is asked for once in each format."})));

        assert_eq!((answer.status, answer.header("content-type")), (200, content_type));
        assert_eq!(answer.header("transfer-encoding"), "chunked");
        assert!(answer.body.len() > 1_000, "{content_type}");
    }
}

#[test]
fn pcm_is_at_24_khz() {
    let answer = speak(&json!({"response_format": "pcm"}));

    assert_eq!(answer.header("x-sample-rate"), "24000");
    assert!(samples(&answer.body).len() > 24_000);
}

#[test]
fn every_documented_field_is_taken_and_others_are_passed_over() {
    let fields = json!({
        "model": "gpt-4o-mini-tts", "voice": {"id": VOICE}, "instructions": "Speak kindly.", "speed": 1.5,
        "response_format": "wav", "stream_format": "audio", "user": "somebody"
    });

    let answer = speak(&fields);

    assert_eq!((answer.status, answer.header("x-voice-id")), (200, VOICE));
    assert!(answer.body.len() < speak(&json!({"response_format": "wav"})).body.len());
}

#[test]
fn the_fields_of_the_services_own_route_mean_the_same_here() {
    for fields in [
        json!({"sample_rate": 16_000}),
        json!({"volume": 0.5}),
        json!({"sentence_silence_ms": 300}),
        json!({"noise_scale": 0.1, "noise_w": 0.1}),
        json!({"lexicon": {"client": "program"}}),
        json!({"speaker": 0}),
        json!({"response_format": "pcm", "sample_rate": 22_050}),
    ] {
        let fields = crate::with(&json!({"response_format": "wav"}), &fields);
        let text = "A client has two sentences. This is the second.";
        let own = shared().post_json(crate::SYNTHESIZE, &crate::with(&json!({"text": text}), &fields));
        let here = speak(&crate::with(&json!({"input": text, "stream": false}), &fields));

        assert_eq!((own.status, here.status), (200, 200), "{fields}");
        assert!(own.body == here.body, "{fields}");
    }
    let ssml = speak(
        &json!({"input": "<speak>One.<break time='2s'/>Two.</speak>", "text_type": "ssml", "response_format": "pcm"}),
    );
    assert!(samples(&ssml.body).len() > 2 * 24_000);
}

#[test]
fn what_is_kept_or_not_to_be_streamed_is_sent_whole_with_its_length() {
    let fields = json!({"input": "How long is this file?", "response_format": "wav"});
    let sizes = |answer: &Answer| {
        let field = |at: usize| u32::from_le_bytes(answer.body[at..at + 4].try_into().unwrap());
        (field(4), field(40))
    };
    let (made, kept) = (speak(&fields), speak(&fields));
    let streamed = speak(&crate::with(&fields, &json!({"stream": true})));
    let whole = speak(&crate::with(&fields, &json!({"stream": false, "input": "And this one?"})));

    for answer in [&made, &streamed] {
        assert_eq!((answer.header("transfer-encoding"), sizes(answer)), ("chunked", (u32::MAX, u32::MAX)));
    }
    for answer in [&kept, &whole] {
        let length = answer.body.len();
        assert_eq!(answer.header("content-length"), length.to_string());
        assert_eq!(sizes(answer), (length as u32 - 8, length as u32 - 44));
    }
    assert_eq!((made.header("x-cache"), kept.header("x-cache")), ("MISS", "HIT-L1"));
    assert!(made.body[44..] == kept.body[44..], "the samples differ");
    assert_ne!(made.header("etag"), kept.header("etag"));
    for held in [made.header("etag"), kept.header("etag")] {
        let body = crate::with(&json!({"model": "tts-1", "voice": "alloy"}), &fields);
        let again = shared().post(SPEECH).header("if-none-match", held).json(&body).send().unwrap();
        assert_eq!(again.status(), 304);
    }
}

#[test]
fn capitals_and_a_slash_at_the_end_make_no_difference() {
    let as_it_is = speak(&json!({"response_format": "pcm"}));
    let body = json!({"model": "TTS-1", "voice": "Alloy", "input": TEXT, "response_format": "PCM"});

    let answer = shared().post_json("/v1/audio/speech/", &body);

    assert_eq!((answer.status, answer.header("content-type")), (200, "audio/pcm"));
    assert!(answer.body == as_it_is.body);
    for path in ["/v1/models", "/v1/models/tts-1", "/v1/audio/voices", "/v1/audio/models"] {
        assert_eq!(known(shared(), &format!("{path}/")), known(shared(), path), "{path}");
    }
    assert!(shared().get("/metrics").text().contains("route=\"/v1/audio/speech\",status=\"200\""));
    assert!(!shared().get("/metrics").text().contains("route=\"/v1/audio/speech/\""));
}

#[test]
fn events_hold_the_bytes_of_the_stream_and_end_with_the_usage() {
    let plain = speak(&json!({"response_format": "pcm"}));

    let answer = speak(&json!({"response_format": "pcm", "stream_format": "sse"}));

    assert_eq!(answer.header("content-type"), "text/event-stream");
    let events: Vec<Value> = answer
        .text()
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    let (done, deltas) = events.split_last().unwrap();
    let audio: Vec<u8> = deltas
        .iter()
        .inspect(|delta| assert_eq!(delta["type"], "speech.audio.delta"))
        .flat_map(|delta| STANDARD.decode(delta["audio"].as_str().unwrap()).unwrap())
        .collect();
    assert!(audio == plain.body, "the samples differ");
    assert_eq!(done["type"], "speech.audio.done");
    let usage = |field: &str| done["usage"][field].as_u64().unwrap();
    assert_eq!(usage("input_tokens"), TEXT.len() as u64);
    assert_eq!(usage("total_tokens"), usage("input_tokens") + usage("output_tokens"));
    assert!(usage("output_tokens") > 20);
}

#[test]
fn what_is_wrong_is_named_as_the_caller_called_it() {
    speak(&json!({"input": " "})).assert_error(400, "invalid_text", Some("input"));
    speak(&json!({"response_format": "midi"})).assert_error(400, "invalid_value", Some("response_format"));
    speak(&json!({"volume": 9})).assert_error(400, "invalid_value", Some("volume"));
    speak(&json!({"deadline_ms": 0})).assert_error(400, "invalid_value", Some("deadline_ms"));
    speak(&json!({"stream": false, "stream_format": "sse"})).assert_error(400, "invalid_value", Some("stream"));
    speak(&json!({"stream_format": "websocket"})).assert_error(400, "invalid_value", Some("stream_format"));
    speak(&json!({"speed": 9})).assert_error(400, "invalid_value", Some("speed"));
    speak(&json!({"voice": "nobody"})).assert_error(404, "voice_not_found", Some("voice"));
}

#[test]
fn the_operator_says_whom_a_name_means() {
    let server = TestServer::start(&[("TTS_OPENAI_VOICES", "joe=en_US-joe-medium, nova=en_US-joe-medium#0")]);
    let ask =
        |voice: &str| server.post_json(SPEECH, &json!({"input": "Who speaks?", "voice": voice, "model": "tts-1"}));

    assert_eq!(ask("joe").header("x-voice-id"), VOICE);
    assert_eq!(ask("alloy").header("x-voice-id"), VOICE);
    for name in ["Joe", "nova", "Nova"] {
        assert_eq!(ask(name).header("x-voice-id"), VOICE, "{name}");
    }
}

#[test]
fn models_and_voices_are_listed_to_everyone_only_if_the_operator_says_so() {
    let (closed, open) = (shared(), TestServer::start(&[("TTS_PUBLIC_VOICE_LIST", "true")]));
    for path in ["/v1/models", "/v1/models/tts-1", "/v1/audio/voices", "/v1/audio/models"] {
        assert_eq!(anonymous(closed, path).status, 401, "{path}");
        assert_eq!(anonymous(&open, path).json(), known(closed, path), "{path}");
    }

    let models = known(closed, "/v1/models");
    assert_eq!((&models["object"], &models["data"][0]["id"]), (&json!("list"), &json!("tts-1")));
    assert_eq!(known(closed, "/v1/models/tts-1"), models["data"][0]);
    let unknown = closed.request(Method::GET, "/v1/models/whisper-1").bearer_auth(TOKEN).send().unwrap();
    Answer::of(unknown).assert_error(404, "model_not_found", Some("model"));
    assert_eq!(known(closed, "/v1/audio/models")["models"][0], json!({"id": "tts-1", "name": "tts-1"}));
    let voices = known(closed, "/v1/audio/voices");
    let ids: Vec<&str> =
        voices["voices"].as_array().unwrap().iter().map(|voice| voice["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&VOICE) && ids.contains(&"alloy"), "{ids:?}");
}

fn anonymous(server: &TestServer, path: &str) -> Answer {
    Answer::of(server.request(Method::GET, path).send().unwrap())
}

fn known(server: &TestServer, path: &str) -> Value {
    Answer::of(server.request(Method::GET, path).bearer_auth(TOKEN).send().unwrap()).json()
}
