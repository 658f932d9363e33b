//! `/v1/voices`: what is listed, and loading and unloading by hand; speakers of a voice that has several.

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, ModelsFolder, Program, TOKEN, TestServer, VOICE, shared, until};
use crate::{SYNTHESIZE, with};

const SPEAKERS: &str = "speakers";

/// A server with the voice of several speakers alone.
fn with_speakers() -> (TestServer, ModelsFolder) {
    let folder = ModelsFolder::with_fixture(SPEAKERS);
    let server = TestServer::start(&[("TTS_MODELS_DIR", folder.name()), ("TTS_VOICES", SPEAKERS)]);
    (server, folder)
}

fn get(server: &TestServer, path: &str) -> Answer {
    Answer::of(server.request(reqwest::Method::GET, path).bearer_auth(crate::support::TOKEN).send().unwrap())
}

#[test]
fn the_voices_are_listed_with_what_is_known_of_them() {
    let listed = get(shared(), "/v1/voices");

    let voices = listed.json();
    let voice = &voices["voices"][0];
    assert_eq!((listed.status, voices["voices"].as_array().unwrap().len()), (200, 1));
    assert_eq!(voice["id"], VOICE);
    assert_eq!(voice["default"], true);
    assert_eq!(voice["language"], "en_US");
    assert_eq!(voice["quality"], "medium");
    assert_eq!(voice["sample_rate"], 22050);
    assert_eq!(voice["license"], "CC0");
    assert_eq!((&voice["installed"], &voice["loaded"]), (&json!(true), &json!(true)));
    assert_eq!(voice["engine"], "kernels");
    assert_eq!(&get(shared(), &format!("/v1/voices/{VOICE}")).json(), voice);
}

#[test]
fn one_voice_of_the_list_is_the_default_one() {
    let folder = ModelsFolder::with_fixture(SPEAKERS);
    folder.add_fixture(SPEAKERS, "another");
    let variables = [
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", SPEAKERS),
        ("TTS_OFFLINE", "true"),
    ];
    let server = TestServer::start(&variables);

    let listed = get(&server, "/v1/voices").json();

    let default = |voice: &serde_json::Value| voice["default"] == true;
    let names: Vec<_> = listed["voices"].as_array().unwrap().iter().filter(|voice| default(voice)).collect();
    assert_eq!((names.len(), &names[0]["id"]), (1, &json!(SPEAKERS)));
    assert_eq!(get(&server, "/v1/voices/another").json()["default"], false);
}

#[test]
fn a_public_list_asks_for_no_token_and_takes_no_wrong_one() {
    let server = TestServer::start(&[("TTS_PUBLIC_VOICE_LIST", "true")]);
    let listed = |headers: &[(&str, &str)]| {
        let request = server.request(reqwest::Method::GET, "/v1/voices");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(request.send().unwrap()).status
    };

    assert_eq!(listed(&[]), 200);
    assert_eq!(listed(&[("user-token", crate::support::TOKEN)]), 200);
    assert_eq!(listed(&[("user-token", "another")]), 403);
    assert_eq!(listed(&[("authorization", "Bearer another")]), 403);
    assert_eq!(server.get(&format!("/v1/voices/{VOICE}")).status, 403, "the list alone is public");
}

#[test]
fn a_voice_is_unloaded_and_loaded_by_hand() {
    let server = TestServer::start(&[]);
    let path = format!("/v1/voices/{VOICE}/load");
    let delete = || server.request(reqwest::Method::DELETE, &path).bearer_auth(crate::support::TOKEN).send().unwrap();

    let unloaded = Answer::of(delete());
    let shown = get(&server, &format!("/v1/voices/{VOICE}")).json();
    let loaded = server.post_json(&path, &json!({}));

    assert_eq!((unloaded.status, &unloaded.json()["loaded"]), (200, &json!(false)));
    assert_eq!((&shown["loaded"], &shown["engine"]), (&json!(false), &json!(null)));
    assert_eq!((loaded.status, &loaded.json()["loaded"]), (200, &json!(true)));
    assert_eq!(server.metric("tts_voices_loaded"), 1.0);
    assert_eq!(server.metric("tts_voice_loads_total{result=\"ok\"}"), 2.0);
}

#[test]
fn a_voice_that_is_not_there_is_404_on_every_route() {
    for name in ["en_US-nobody-high", "..", "%2e%2e%2fetc%2fpasswd", "a%00b", "%5c"] {
        for path in [format!("/v1/voices/{name}"), format!("/v1/voices/{name}/load")] {
            let answer =
                if path.ends_with("load") { shared().post_json(&path, &json!({})) } else { get(shared(), &path) };

            assert_eq!(answer.status, 404, "{path}");
        }
    }
}

#[test]
fn a_speaker_is_chosen_by_name_by_number_or_with_the_voice() {
    let (server, _folder) = with_speakers();
    let loudness = |fields: serde_json::Value| {
        let mut body = json!({"text": "abc", "response_format": "pcm"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = server.post_json(SYNTHESIZE, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        crate::support::samples(&answer.body).iter().map(|sample| sample.unsigned_abs()).max().unwrap()
    };

    let (low, high) = (loudness(json!({"speaker": "low"})), loudness(json!({"speaker": "high"})));

    assert!(high.abs_diff(4 * low) <= 4, "gains of 1 and 0.25: {high} and {low}");
    assert_eq!(loudness(json!({"speaker": 0})), low);
    assert_eq!(loudness(json!({"voice_id": "speakers#low"})), low);
    assert_eq!(loudness(json!({})), high, "the voice's default speaker");
}

#[test]
fn a_speaker_that_is_not_there_is_400_with_the_count() {
    let (server, _folder) = with_speakers();

    for speaker in [json!("nobody"), json!(3), json!(-1)] {
        let answer = server.post_json(SYNTHESIZE, &json!({"text": "abc", "speaker": speaker}));

        answer.assert_error(400, "speaker_not_found", Some("speaker"));
        assert!(answer.text().contains("3 speakers"), "{}", answer.text());
    }
}

#[test]
fn a_command_without_a_models_folder_says_once_what_is_missing_and_what_to_do() {
    for command in [&["voices", "list"][..], &["voices", "fetch", "en_GB-alba-medium"]] {
        let run = Program::new(command).variable("TTS_MODELS_DIR", "/no/such/folder").finish();

        assert_eq!(run.code, Some(69));
        let [line] = run.error_lines()[..] else { panic!("{}", run.stderr) };
        assert_eq!(line.matches("No such file").count(), 1, "{line}");
        assert!(line.contains("/no/such/folder") && line.contains("TTS_MODELS_DIR"), "{line}");
    }
}

#[test]
fn speakers_are_mixed_and_each_blend_is_kept_by_itself() {
    let folder = ModelsFolder::with_fixture("vits-medium-speakers");
    folder.add_fixture(SPEAKERS, SPEAKERS);
    let variables = [("TTS_MODELS_DIR", folder.name()), ("TTS_VOICES", "*"), ("TTS_OFFLINE", "true")];
    let server = TestServer::start(&[&variables[..], &[("TTS_DEFAULT_VOICE", "vits-medium-speakers")]].concat());
    let ask = |fields: serde_json::Value| server.post_json(SYNTHESIZE, &with(&json!({"text": "abc"}), &fields));
    let mut said: Vec<Vec<u8>> = Vec::new();

    for speaker in ["speaker-0", "speaker-1", "0:0.5,1:0.5", "speaker-0:0.9,1:0.1"] {
        let (first, again) = (ask(json!({"speaker": speaker})), ask(json!({"speaker": speaker})));
        assert_eq!(
            (first.status, first.header("x-cache"), again.header("x-cache")),
            (200, "MISS", "HIT-L1"),
            "{speaker}"
        );
        assert!(first.body == again.body && !said.contains(&first.body), "{speaker}");
        said.push(first.body);
    }

    let same = ask(json!({"voice_id": "vits-medium-speakers#1:5,0:5"}));
    assert_eq!(same.status, 200);
    for wrong in ["0:0.5,1", "0:-1,1:2", ":,:"] {
        ask(json!({"speaker": wrong})).assert_error(400, "invalid_value", Some("speaker"));
    }
    ask(json!({"speaker": "0:1,9:1"})).assert_error(400, "speaker_not_found", Some("speaker"));
    ask(json!({"voice_id": SPEAKERS, "speaker": "0:1,1:1"})).assert_error(400, "blend_unavailable", Some("speaker"));
}

#[test]
fn a_language_chooses_a_voice_and_capitals_make_no_difference() {
    let folder = ModelsFolder::empty();
    for name in ["de_DE-one-low", "de_DE-two-low", "de_AT-three-low", "en_US-four-low"] {
        folder.add_fixture(SPEAKERS, name);
    }
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_OFFLINE", "true"),
        ("TTS_DEFAULT_VOICE", "en_US-four-low"),
        ("TTS_LANGUAGE_VOICES", "de_DE-two-low,de_*"),
        ("TTS_UNKNOWN_VOICES", "default"),
    ]);
    let ask = |path: &str, fields: serde_json::Value| {
        let text = if path == SYNTHESIZE { "text" } else { "input" };
        server.post_json(path, &with(&json!({text: "abc"}), &fields))
    };
    let voice = |path: &str, fields: serde_json::Value| ask(path, fields).header("x-voice-id").to_owned();

    assert_eq!(voice(SYNTHESIZE, json!({"language": "de"})), "de_DE-two-low");
    assert_eq!(voice(SYNTHESIZE, json!({"language": "de-at"})), "de_AT-three-low");
    assert_eq!(voice(SYNTHESIZE, json!({"language": "en-GB"})), "en_US-four-low");
    assert_eq!(voice(SYNTHESIZE, json!({"language": "de", "voice_id": "EN_us-Four-low"})), "en_US-four-low");
    ask(SYNTHESIZE, json!({"language": "fr"})).assert_error(404, "language_not_found", Some("language"));
    ask(SYNTHESIZE, json!({"language": "../x"})).assert_error(400, "invalid_value", Some("language"));
    ask(SYNTHESIZE, json!({"voice_id": "nobody"})).assert_error(404, "voice_not_found", Some("voice_id"));
    let openai = "/v1/audio/speech";
    assert_eq!(voice(openai, json!({"voice": "nobody"})), "en_US-four-low");
    assert_eq!(voice(openai, json!({"voice": "nobody", "language": "de"})), "de_DE-two-low");
    assert_eq!(voice(openai, json!({"voice": "DE_de-ONE-low#low"})), "de_DE-one-low");
    let named = |path: &str, body: serde_json::Value| server.post_json(path, &body).header("x-voice-id").to_owned();
    let cartesia = |language: &str| {
        let output = json!({"container": "wav", "encoding": "pcm_s16le", "sample_rate": 16_000});
        json!({"transcript": "abc", "voice": "any", "language": language, "output_format": output})
    };
    let elevenlabs = "/v1/text-to-speech/any?output_format=pcm_16000";
    let deepgram = "/v1/speak?encoding=mulaw&container=none&model=aura-2";
    for (language, expected) in [("de", "de_DE-two-low"), ("en", "en_US-four-low"), ("fr", "en_US-four-low")] {
        assert_eq!(named("/tts/bytes", cartesia(language)), expected);
        assert_eq!(named(elevenlabs, json!({"text": "abc", "language_code": language})), expected);
        assert_eq!(named(&format!("{deepgram}-viktoria-{language}"), json!({"text": "abc"})), expected);
    }
}

#[test]
fn voices_are_handed_in_replaced_and_removed_by_who_may() {
    let folder = ModelsFolder::with_fixture(SPEAKERS);
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "speakers,mine*"),
        ("TTS_OFFLINE", "true"),
        ("TTS_VOICE_UPLOAD_BYTES", "2000000"),
    ]);
    let fixture = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name);
        std::fs::read(path).unwrap()
    };
    let put = |id: &str, files: &[(&'static str, Vec<u8>)]| {
        let head =
            |name: &str| format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\r\n");
        let part =
            |(name, bytes): &(&str, Vec<u8>)| [head(name).into_bytes(), bytes.clone(), b"\r\n".to_vec()].concat();
        let body = [files.iter().flat_map(part).collect(), b"--x--\r\n".to_vec()].concat();
        let request = server.request(Method::PUT, &format!("/v1/voices/{id}")).bearer_auth(TOKEN);
        Answer::of(request.header("content-type", "multipart/form-data; boundary=x").body(body).send().unwrap())
    };
    let voice =
        |name: &str| [("config", fixture(&format!("{name}.onnx.json"))), ("model", fixture(&format!("{name}.onnx")))];
    let speak = |id: &str| server.post_json(SYNTHESIZE, &json!({"text": "abc", "voice_id": id}));
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name != ".compiled");
        names.sort();
        names
    };
    let before = files();

    speak("mine").assert_error(404, "voice_not_found", Some("voice_id"));
    put("yours", &voice("vits-low")).assert_error(404, "voice_not_found", Some("voice_id"));
    put("mine", &voice("vits-low")[..1]).assert_error(422, "voice_unfit", None);
    let twice = [&voice("vits-low")[..], &voice("vits-low")[..1]].concat();
    put("mine", &twice).assert_error(422, "voice_unfit", None);
    let [config, model] = voice("vits-low");
    put("mine", &[("config", b"{}".to_vec()), model.clone()]).assert_error(422, "voice_unfit", None);
    put("mine", &[config.clone(), ("model", b"no network".to_vec())]).assert_error(
        422,
        "voice_unusable",
        Some("voice_id"),
    );
    put("mine", &[config, ("model", vec![0; 2_000_000])]).assert_error(413, "body_too_large", None);
    put("mine", &[("weights", vec![0])]).assert_error(422, "invalid_body", None);
    assert_eq!(files(), before, "what is refused leaves nothing");

    let first = put("mine", &voice("vits-low"));
    let said = speak("mine");
    let again = put("mine", &voice("vits-even"));
    let other = speak("mine");

    assert_eq!((first.status, &first.json()["id"], &first.json()["installed"]), (201, &json!("mine"), &json!(true)));
    assert_eq!((again.status, said.status, other.status), (200, 200, 200));
    assert_eq!((said.header("x-sample-rate"), other.header("x-sample-rate")), ("16000", "22050"));
    assert_eq!(first.json()["sha256"].as_str().map(str::len), Some(64), "it is verified when it is loaded");

    let remove = |id: &str| {
        let request = server.request(Method::DELETE, &format!("/v1/voices/{id}")).bearer_auth(TOKEN);
        Answer::of(request.send().unwrap())
    };
    assert_eq!(remove("mine").status, 204);
    remove("mine").assert_error(404, "voice_not_found", Some("voice_id"));
    speak("mine").assert_error(404, "voice_not_found", Some("voice_id"));
    assert_eq!(files(), [before, vec!["voices.lock".to_owned()]].concat());
}

#[test]
fn without_leave_voices_are_not_changed() {
    for method in [Method::PUT, Method::DELETE] {
        let request = shared().request(method, &format!("/v1/voices/{VOICE}")).bearer_auth(TOKEN);
        Answer::of(request.send().unwrap()).assert_error(403, "uploads_forbidden", None);
    }
}

#[test]
fn what_was_measured_of_a_voice_is_shown_for_as_long_as_its_files_are_the_same() {
    let folder = ModelsFolder::empty();
    for name in ["measured", "replaced", "damaged", "unmeasured"] {
        folder.add_fixture(SPEAKERS, name);
    }
    let measured = folder.add_quality("measured", 0.0625);
    folder.add_quality("replaced", 0.0625);
    let replace = |name: &str| {
        let path = folder.path().join(format!("{name}.onnx.json"));
        let config = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, config + "\n").unwrap();
    };
    replace("replaced");
    std::fs::write(folder.path().join("damaged.quality.json"), "{}").unwrap();
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", "unmeasured"),
        ("TTS_OFFLINE", "true"),
        ("TTS_VOICES_RESCAN_SECONDS", "0"),
    ]);
    let shown = |path: &str| {
        let voices = get(&server, path).json()["voices"].as_array().unwrap().clone();
        let quality = |name: &str| {
            let voice = voices.iter().find(|voice| voice["id"] == name).unwrap();
            voice.as_object().unwrap()["measured_quality"].clone()
        };
        ["measured", "replaced", "damaged", "unmeasured"].map(quality)
    };
    let none = json!(null);

    for path in ["/v1/voices", "/v1/catalogue"] {
        assert_eq!(shown(path), [&measured, &none, &none, &none].map(Clone::clone), "{path}");
    }
    for path in ["/v1/voices/measured", "/v1/catalogue/measured"] {
        assert_eq!(get(&server, path).json()["measured_quality"], measured, "{path}");
    }
    server.wait_for_log("damaged.quality.json");

    replace("measured");
    server.signal(Signal::SIGHUP);
    until("it to be forgotten", || shown("/v1/voices")[0].is_null().then_some(()));
    folder.add_quality("measured", 0.0625);
    server.signal(Signal::SIGHUP);
    until("it to be measured again", || (shown("/v1/voices")[0] == measured).then_some(()));
}
