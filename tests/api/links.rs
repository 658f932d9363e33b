//! Speech by address: what one says is heard by whoever has it, counted to whoever made it, and nothing else is.

use std::fs;
use std::process::Command;

use hmac::{Hmac, KeyInit, Mac};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::quotas::{entry, file};
use crate::support::{Answer, Program, TOKEN, TestServer, VOICE, shared, until};
use crate::{SYNTHESIZE, with};

const LINKS: &str = "/v1/speech/links";
const FIRST: &str = "the-first-secret-0123456789abcdef0123456789";
const SECOND: &str = "the-second-secret-0123456789abcdef012345678";
const TEXT: &str = "Dinner is ready: 1 + 1 = 2 & more.";

fn serve(variables: &[(&str, &str)]) -> TestServer {
    TestServer::start(&[&[("TTS_LINK_SECRETS", FIRST)], variables].concat())
}

fn ask_for(server: &TestServer, token: &str, body: &Value) -> Answer {
    Answer::of(server.request(Method::POST, LINKS).header("user-token", token).json(body).send().unwrap())
}

#[track_caller]
fn link(server: &TestServer, body: &Value) -> String {
    let answer = ask_for(server, TOKEN, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["url"].as_str().unwrap().to_owned()
}

fn fetch(server: &TestServer, method: Method, url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.request(method, url);
    Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().unwrap())
}

/// An address by hand, of parameters that are in order and encoded.
fn signed(secret: &str, parameters: &str) -> String {
    let message = format!("/v1/speech?{parameters}");
    let key = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    format!("{message}&signature={}", hex::encode(key.chain_update(&message).finalize().into_bytes()))
}

#[test]
fn an_address_sounds_like_the_request_that_it_was_made_of() {
    let server = serve(&[]);
    for fields in [
        json!({"text": TEXT}),
        json!({"text": "1", "response_format": "mp3", "speed": 1.5, "sample_rate": 16_000, "volume": 0.5}),
        json!({"text": "SQL, once more.", "lexicon": {"SQL": "sequel"}, "normalize": {"roman": false}, "voice_id": VOICE}),
        json!({"text": "<speak>Hi<break time=\"100ms\"/>there.</speak>", "text_type": "ssml", "loudness": -23}),
        json!({"text": "Héllo.", "loudness": "none", "speaker": 0, "sentence_silence_ms": 5}),
    ] {
        let spoken = server.post_json(SYNTHESIZE, &fields);

        let heard = server.get(&link(&server, &fields));

        assert_eq!((spoken.status, heard.status), (200, 200), "{fields}: {}", String::from_utf8_lossy(&heard.body));
        assert!(heard.body == spoken.body, "{fields}: other bytes");
        for name in ["content-type", "etag", "x-voice-id", "x-sample-rate", "x-audio-duration"] {
            assert_eq!(heard.header(name), spoken.header(name), "{fields}");
        }
    }
}

#[test]
fn an_address_is_kept_had_in_parts_and_embedded_by_any_page() {
    let server = serve(&[]);
    let url = link(&server, &json!({"text": TEXT, "expires_in_seconds": 600}));
    let get = |headers: &[(&str, &str)]| fetch(&server, Method::GET, &url, headers);

    let whole = get(&[]);
    let tag = whole.header("etag").to_owned();

    let length = whole.body.len();
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
    let caching = whole.header("cache-control").strip_prefix("private, max-age=").unwrap();
    assert!((500..=600).contains(&caching.parse().unwrap()), "{caching}");
    for (name, value) in [("cross-origin-resource-policy", "cross-origin"), ("access-control-allow-origin", "*")] {
        assert_eq!(whole.header(name), value);
    }
    assert!(whole.header("access-control-expose-headers").contains("x-audio-duration"));
    let told = get(&[("if-none-match", &tag)]);
    assert_eq!((told.status, told.body.len(), told.header("etag")), (304, 0, &*tag));
    assert!(told.header("cache-control").starts_with("private, max-age="));
    for (range, from, to) in [("bytes=0-1", 0, 2), ("bytes=100-", 100, length), ("bytes=-50", length - 50, length)] {
        let part = get(&[("range", range), ("if-range", &tag)]);
        assert_eq!((part.status, part.header("content-range")), (206, &*format!("bytes {from}-{}/{length}", to - 1)));
        assert!(part.body == whole.body[from..to], "{range}");
        assert_eq!((part.header("etag"), part.header("content-type")), (&*tag, "audio/wav"));
    }
    let beyond = get(&[("range", &format!("bytes={length}-"))]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, &*format!("bytes */{length}")));
    assert_eq!(get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).body.len(), length);
    let head = fetch(&server, Method::HEAD, &url, &[("range", "bytes=0-1")]);
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, &*length.to_string()));
    assert_eq!((head.header("etag"), head.header("accept-ranges")), (&*tag, "bytes"));
    let asked = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    let told = fetch(&server, Method::OPTIONS, &url, &asked);
    assert_eq!(
        (told.status, told.header("access-control-allow-origin"), told.header("allow")),
        (204, "*", "GET, HEAD, OPTIONS")
    );
    assert!(told.header("access-control-allow-headers").contains("range"));
    fetch(&server, Method::POST, &url, &[]).assert_error(405, "method_not_allowed", None);
}

#[test]
fn a_stream_comes_as_it_is_made_and_whole_where_it_is_kept_or_a_part_is_wanted() {
    let server = serve(&[]);
    let url = link(&server, &json!({"text": "As it is made.", "stream": true}));

    let made = server.get(&url);
    let kept = until("the stream is kept", || {
        Some(server.get(&url)).filter(|answer| answer.headers.contains_key("content-length"))
    });
    let part = fetch(&server, Method::GET, &url, &[("range", "bytes=44-")]);

    assert_eq!((made.status, made.headers.get("content-length")), (200, None));
    assert_eq!((kept.status, part.status), (200, 206));
    assert!(made.body[44..] == kept.body[44..] && part.body == kept.body[44..], "other samples");
}

#[test]
fn wrong_altered_and_expired_addresses_are_refused_alike() {
    let server = serve(&[("TTS_LINK_MAX_SECONDS", "3600"), ("TTS_CORS_ORIGINS", "https://app.example")]);
    let url = link(&server, &json!({"text": TEXT, "speed": 1.5}));
    let (all, signature) = url.split_once("&signature=").unwrap();
    let expires = all.split(['?', '&']).find_map(|pair| pair.strip_prefix("expires=")).unwrap();
    let later = (expires.parse::<u64>().unwrap() + 1).to_string();
    assert_eq!(server.get(&url).status, 200);

    let refused = [
        "/v1/speech".to_owned(),
        "/v1/speech?text=Hello".to_owned(),
        all.to_owned(),
        format!("{all}&signature={}", "0".repeat(64)),
        format!("{all}&signature={}", &signature[..63]),
        url.replace("Dinner", "Supper"),
        url.replace("speed=1.5", "speed=1.6"),
        url.replace(expires, &later),
        format!("{url}&volume=2"),
        format!("{url}&token=shop"),
        format!("{url}&text=Hello"),
        url.replace("v=1", "v=2"),
        signed(SECOND, "expires=4000000000&text=Hello&v=1"),
        // Good for longer than the settings allow, or for nobody.
        signed(FIRST, "expires=4000000000&text=Hello&v=1"),
        signed(FIRST, &format!("expires={expires}&text=Hello&token=nobody&v=1")),
    ];
    let answers = refused.each_ref().map(|url| (url, server.get(url)));

    for (url, answer) in &answers {
        assert_eq!(answer.status, 403, "{url}");
        answer.assert_error(403, "link_invalid", None);
        assert_eq!(answer.body, answers[0].1.body, "{url}: other words");
        assert_eq!((answer.header("cache-control"), answer.header("access-control-allow-origin")), ("no-store", "*"));
    }
    server.get(&signed(FIRST, "expires=1700000000&text=Hello&v=1")).assert_error(403, "link_expired", None);
    let unknown = signed(FIRST, &format!("expires={expires}&tempo=2&text=Hello&v=1"));
    server.get(&unknown).assert_error(422, "invalid_body", Some("tempo"));
    let nameless = signed(FIRST, &format!("expires={expires}&text=Hello&v=1&voice_id={VOICE}"));
    assert_eq!(server.get(&nameless).status, 200);
    // A page that may call the rest of the service is told so here, too.
    let told = fetch(&server, Method::GET, &url, &[("origin", "https://app.example")]);
    assert_eq!(told.header("access-control-allow-origin"), "https://app.example");
}

#[test]
fn addresses_are_made_of_what_can_be_had_by_those_who_may_speak() {
    let server = serve(&[("TTS_LINK_MAX_SECONDS", "3600"), ("TTS_PUBLIC_URL", "https://tts.example/speech/")]);
    let refused = |fields: &Value| ask_for(&server, TOKEN, &with(&json!({"text": "Hello."}), fields));

    let made = refused(&json!({"expires_in_seconds": 60.0}));
    assert_eq!(made.status, 200, "{}", made.text());
    assert!(made.json()["url"].as_str().unwrap().starts_with("https://tts.example/speech/v1/speech?expires="));
    let until: chrono::DateTime<chrono::Utc> = made.json()["expires_at"].as_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&(until - chrono::Utc::now()).num_seconds()), "{until}");
    for (fields, status, code, param) in [
        (json!({"expires_in_seconds": 0}), 400, "invalid_value", "expires_in_seconds"),
        (json!({"expires_in_seconds": 3_601}), 400, "invalid_value", "expires_in_seconds"),
        (json!({"expires_in_seconds": "60"}), 422, "invalid_body", "expires_in_seconds"),
        (json!({"expires_in_seconds": -1}), 422, "invalid_body", "expires_in_seconds"),
        (json!({"text": " "}), 400, "invalid_text", "text"),
        (json!({"tempo": 2}), 422, "invalid_body", "tempo"),
        (json!({"speed": 9}), 400, "invalid_value", "speed"),
        (json!({"subtitles": "srt"}), 400, "invalid_value", "subtitles"),
        (json!({"voice_id": "en_US-nobody-high"}), 404, "voice_not_found", "voice_id"),
        (json!({"text": "€".repeat(1_000)}), 413, "link_too_long", "text"),
    ] {
        refused(&fields).assert_error(status, code, Some(param));
    }
    ask_for(&server, "wrong", &json!({"text": "Hello."})).assert_error(403, "forbidden", None);
    ask_for(&server, TOKEN, &json!([1])).assert_error(422, "invalid_body", Some("."));
    server.get(&format!("/v1/speech?text={}", "a".repeat(8_000))).assert_error(414, "link_too_long", None);
}

#[test]
fn without_a_secret_there_are_no_addresses() {
    ask_for(shared(), TOKEN, &json!({"text": "Hello."})).assert_error(404, "links_disabled", None);
    shared().get(&signed(FIRST, "expires=4000000000&text=Hello&v=1")).assert_error(404, "links_disabled", None);
    let short = Program::new(&["serve"]).variable("ALLOWED_USER_TOKEN", TOKEN).variable("TTS_LINK_SECRETS", "short");
    let short = short.finish();
    assert!(short.code == Some(64) && short.stderr.contains("TTS_LINK_SECRETS"), "{}", short.stderr);
}

#[test]
fn what_is_heard_counts_for_the_token_that_made_the_address() {
    let shop = |limit: &str| entry("shop & co", "shop", limit);
    let tokens = file(&(shop("requests_per_minute = 4") + &entry("boss", "boss", "scopes = [\"manage\"]")));
    let server = serve(&[("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())]);
    let rows = || {
        let request = server.request(Method::GET, "/v1/usage").header("user-token", "boss");
        Answer::of(request.send().unwrap()).json()["data"].as_array().unwrap().clone()
    };
    let made = ask_for(&server, "shop", &json!({"text": "Hello."}));
    let url = made.json()["url"].as_str().unwrap().to_owned();
    assert!(rows().is_empty(), "nothing was said yet");

    let answers = [(); 4].map(|()| server.get(&url));

    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 200, 429]);
    assert_eq!(answers[0].header("ratelimit-remaining"), "2");
    let [row] = &rows()[..] else { panic!("not one row") };
    assert_eq!((&row["token"], &row["requests"], &row["characters"]), (&json!("shop & co"), &json!(3), &json!(18)));
    assert_eq!(row["cached"]["requests"], 2);
    ask_for(&server, "boss", &json!({"text": "Hello."})).assert_error(403, "forbidden", None);

    // Who is known under the name may have lost the right to speak, or be gone.
    fs::write(tokens.path(), shop("scopes = [\"manage\"]") + &entry("boss", "boss", "")).unwrap();
    server.signal(Signal::SIGHUP);
    until("the right is gone", || (server.get(&url).json()["error"]["code"] == "forbidden").then_some(()));
    fs::write(tokens.path(), entry("boss", "boss", "")).unwrap();
    server.signal(Signal::SIGHUP);
    until("the token is gone", || (server.get(&url).json()["error"]["code"] == "link_invalid").then_some(()));
}

#[test]
fn secrets_are_rotated_while_the_service_runs() {
    let secrets = file(&format!("{FIRST}\n"));
    let server = TestServer::start(&[("TTS_LINK_SECRETS_FILE", secrets.path().to_str().unwrap())]);
    let change = |lines: &[&str]| {
        fs::write(secrets.path(), lines.join("\n")).unwrap();
        server.signal(Signal::SIGHUP);
    };
    let body = json!({"text": "Hello."});
    let old = link(&server, &body);
    // Of the same second, perhaps: then the signature alone tells them apart.
    change(&[SECOND, FIRST]);
    let is_by_second =
        |url: &String| signed(SECOND, url.split(['?']).nth(1).unwrap().rsplit_once('&').unwrap().0) == **url;
    let new = until("the new secret signs", || Some(link(&server, &body)).filter(is_by_second));
    assert_eq!([&old, &new].map(|url| server.get(url).status), [200, 200]);

    change(&["# the old one is gone", SECOND]);

    until("the old one is revoked", || (server.get(&old).status == 403).then_some(()));
    server.get(&old).assert_error(403, "link_invalid", None);
    assert_eq!(server.get(&new).status, 200);
    change(&["# none"]);
    until("all are revoked", || (server.get(&new).status == 404).then_some(()));
}

#[test]
fn the_command_line_and_any_program_with_the_secret_make_them_too() {
    let tokens = file(&entry("shop", "shop", ""));
    let server = serve(&[("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())]);
    let command = |arguments: &[&str]| {
        let program = Program::new(&[&["link", TEXT], arguments].concat()).variable("TTS_LINK_SECRETS", FIRST);
        program.variable("TTS_TOKENS_FILE", tokens.path().to_str().unwrap()).finish()
    };
    let spoken = server.post_json(SYNTHESIZE, &json!({"text": TEXT, "response_format": "mp3", "speed": 1.5}));

    let made =
        command(&["--token", "shop", "--voice", VOICE, "--speed", "1.5", "--format", "mp3", "--expires-in", "60"]);

    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""), "{made:?}");
    let heard = server.get(made.text().trim_end());
    assert!(heard.status == 200 && heard.body == spoken.body, "{}", made.text());
    for (arguments, code, words) in [
        (&["--token", "nobody"][..], 64, "TTS_TOKENS_FILE"),
        (&["--expires-in", "99999999"], 65, "TTS_LINK_MAX_SECONDS"),
        (&["--format", "midi"], 65, "format"),
        (&["--speed", "99"], 65, "speed"),
        (&["--voice", "../voice"], 65, "voice"),
    ] {
        let run = command(arguments);
        assert_eq!((run.code, run.text()), (Some(code), ""), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words) && !run.stderr.contains(TEXT), "{arguments:?}: {}", run.stderr);
    }
    let off = Program::new(&["link", TEXT]).finish();
    assert!(off.code == Some(64) && off.stderr.contains("TTS_LINK_SECRETS"), "{}", off.stderr);

    // What the guide shows of it.
    let guide = include_str!("../../docs/links.md");
    let (_, example) = guide.split_once("```python\n").unwrap();
    let example = example.split("```").next().unwrap();
    let python = Command::new("python3").args(["-c", example]).env("TTS_LINK_SECRETS", FIRST).output().unwrap();
    let url = String::from_utf8(python.stdout).unwrap();
    assert_eq!(server.get(url.trim_end()).status, 200, "{url}{}", String::from_utf8_lossy(&python.stderr));
}
