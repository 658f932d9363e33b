//! The speech APIs of others over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TOKEN, TestServer, shared};

const TEXT: &str = "It was late. Nobody came.";

/// Where an error has its code.
type Code = fn(&Value) -> &Value;

/// Each route with a body, where its clients put their key, and what its errors look like.
fn routes() -> [(&'static str, Value, &'static str, Code); 6] {
    fn deepgram(error: &Value) -> &Value {
        &error["err_code"]
    }
    fn elevenlabs(error: &Value) -> &Value {
        &error["detail"]["status"]
    }
    fn cartesia(error: &Value) -> &Value {
        &error["error_code"]
    }
    let output = json!({"container": "wav", "encoding": "pcm_s16le", "sample_rate": 24_000});
    let text = json!({"text": TEXT});
    [
        ("/v1/speak", text.clone(), "authorization", deepgram),
        ("/v1/text-to-speech/any", text.clone(), "xi-api-key", elevenlabs),
        ("/v1/text-to-speech/any/stream", text.clone(), "xi-api-key", elevenlabs),
        ("/v1/text-to-speech/any/with-timestamps", text.clone(), "xi-api-key", elevenlabs),
        ("/v1/text-to-speech/any/stream/with-timestamps", text, "xi-api-key", elevenlabs),
        ("/tts/bytes", json!({"transcript": TEXT, "voice": "any", "output_format": output}), "x-api-key", cartesia),
    ]
}

fn ask(server: &TestServer, path: &str, body: &Value, key: Option<(&str, &str)>) -> Answer {
    let request = server.request(Method::POST, path).json(body);
    let request = key.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    Answer::of(request.send().unwrap())
}

fn key(header: &str, token: &str) -> String {
    if header == "authorization" { format!("Token {token}") } else { token.to_owned() }
}

#[test]
fn keys_are_tokens_where_each_api_has_them() {
    for (path, body, header, code) in routes() {
        for wrong in [None, Some((header, "wrong")), Some(("x-other-key", TOKEN)), Some((header, ""))] {
            let answer = ask(shared(), path, &body, wrong);
            assert_eq!((answer.status, code(&answer.json())), (401, &json!("invalid_api_key")), "{path}");
        }
        for right in [(header, key(header, TOKEN)), ("user-token", TOKEN.to_owned())] {
            assert_eq!(ask(shared(), path, &body, Some((right.0, &right.1))).status, 200, "{path}");
        }
    }
}

#[test]
fn errors_are_in_each_apis_shape() {
    for (path, mut body, header, code) in routes() {
        let ask = |path: &str, body: &Value| ask(shared(), path, body, Some((header, &key(header, TOKEN))));
        let said = |answer: &Answer| code(&answer.json()).clone();

        let named =
            if path.starts_with("/v1/text") { path.replace("any", "en_US-nobody-medium") } else { path.to_owned() };
        let named = if path == "/v1/speak" { format!("{path}?model=en_US-nobody-medium") } else { named };
        body["voice"] = "en_US-nobody-medium".into();
        let unknown = ask(&named, &body);
        assert_eq!((unknown.status, said(&unknown)), (404, json!("voice_not_found")), "{path}");

        body["voice"] = "any".into();
        let field = if path == "/tts/bytes" { "transcript" } else { "text" };
        body[field] = " ".into();
        let blank = ask(path, &body);
        assert_eq!((blank.status, said(&blank)), (400, json!("invalid_text")), "{path}");

        body[field] = 5.into();
        assert_eq!(ask(path, &body).status, 422, "{path}");
        let get = Answer::of(shared().request(Method::PUT, path).send().unwrap());
        assert_eq!((get.status, said(&get)), (405, json!("method_not_allowed")), "{path}");
    }
}

#[test]
fn formats_are_those_of_each_api() {
    let server = shared();
    let spoken = |path: &str, body: Value| {
        let answer = ask(server, path, &body, Some(("user-token", TOKEN)));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        (answer.header("content-type").to_owned(), answer.header("x-sample-rate").to_owned())
    };
    let is = |found: (String, String), kind: &str, rate: &str| assert_eq!((&*found.0, &*found.1), (kind, rate));
    let text = json!({"text": TEXT});

    is(spoken("/v1/speak?encoding=linear16", text.clone()), "audio/wav", "24000");
    is(spoken("/v1/speak?encoding=linear16&container=none&sample_rate=16000.0", text.clone()), "audio/pcm", "16000");
    is(spoken("/v1/speak?encoding=alaw&container=none", text.clone()), "audio/PCMA", "8000");
    is(spoken("/v1/speak?model=aura-2-thalia-en&mip_opt_out=true", text.clone()), "audio/mpeg", "22050");
    is(spoken("/v1/text-to-speech/any?output_format=ulaw_8000", text.clone()), "audio/PCMU", "8000");
    is(spoken("/v1/text-to-speech/any/stream?enable_logging=false", text.clone()), "audio/mpeg", "44100");
    is(spoken("/v1/text-to-speech/any?output_format=opus_48000_64", text), "audio/ogg; codecs=opus", "48000");
    let bytes = |container: &str, encoding: &str| {
        let output = json!({"container": container, "encoding": encoding, "sample_rate": 16_000});
        json!({"transcript": TEXT, "voice": {"mode": "id", "id": "any"}, "output_format": output, "language": "en"})
    };
    is(spoken("/tts/bytes", bytes("raw", "pcm_s16le")), "audio/pcm", "16000");
    is(spoken("/tts/bytes", bytes("wav", "pcm_f32le")), "audio/wav", "16000");
    is(spoken("/tts/bytes", bytes("mp3", "pcm_s16le")), "audio/mpeg", "16000");
    for (path, body) in [
        ("/v1/speak?encoding=midi", json!({"text": TEXT})),
        ("/v1/speak?encoding=mulaw&container=wav", json!({"text": TEXT})),
        ("/v1/speak?callback=http%3A%2F%2Flocalhost", json!({"text": TEXT})),
        ("/v1/text-to-speech/any?output_format=mp3", json!({"text": TEXT})),
        ("/v1/text-to-speech/any?output_format=mp3_44100_128_1", json!({"text": TEXT})),
        ("/tts/bytes", bytes("raw", "pcm_f32le")),
        ("/tts/bytes", bytes("ogg", "pcm_s16le")),
        ("/tts/bytes", bytes("mp3", "vorbis")),
    ] {
        assert_eq!(ask(server, path, &body, Some(("user-token", TOKEN))).status, 400, "{path} {body}");
    }
    // A list is no object, also where it holds what that would.
    for (path, field, list) in [
        ("/tts/bytes", "generation_config", json!([1.0, 1.0])),
        ("/tts/bytes", "output_format", json!(["raw", "pcm_s16le", 16_000])),
        ("/tts/bytes", "voice", json!(["any"])),
        ("/v1/text-to-speech/any", "voice_settings", json!([1.0])),
    ] {
        let mut body = bytes("raw", "pcm_s16le");
        (body["text"], body[field]) = (TEXT.into(), list);
        assert_eq!(ask(server, path, &body, Some(("user-token", TOKEN))).status, 422, "{path} {field}");
    }
}
