//! `/v1/voices`: what is listed, and loading and unloading by hand; speakers of a voice that has several.

use serde_json::json;

use crate::SYNTHESIZE;
use crate::support::{Answer, ModelsFolder, Program, TestServer, VOICE, shared};

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
