//! Fetching: an item in whole or in part, all of them as one and as an archive, and progress as it goes.

use std::io::{BufRead, BufReader, Cursor, Read};

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{BATCHES, ended, get, hand_in, items, replica};
use crate::support::{Answer, ModelsFolder, RedisServer, Sound, TOKEN, TestServer, VOICE, shared, write_broken_voices};

const TEXTS: [&str; 3] = ["The kettle is on.", "Tea is at five.", "The kettle is on."];

fn with_range(path: &str, range: &str) -> Answer {
    let request = shared().request(Method::GET, path).header("user-token", TOKEN).header("range", range);
    Answer::of(request.send().unwrap())
}

#[test]
fn an_item_sounds_like_the_request_and_is_had_in_parts() {
    let id = hand_in(shared(), &json!({"items": items(&TEXTS)}));
    ended(shared(), &id);
    let path = format!("{BATCHES}/{id}/items/1/audio");

    let whole = get(shared(), &path);
    let spoken = shared().post_json("/v1/synthesizeSpeech", &json!({"text": TEXTS[1]}));

    assert_eq!(
        (whole.status, whole.header("content-type"), whole.header("accept-ranges")),
        (200, "audio/wav", "bytes")
    );
    assert_eq!(whole.body, spoken.body);
    let length = whole.body.len();
    for (range, from, to) in [("bytes=0-99", 0, 100), ("bytes=100-", 100, length), ("bytes=-50", length - 50, length)] {
        let part = with_range(&path, range);
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.body, whole.body[from..to], "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{length}", to - 1));
    }
    let beyond = with_range(&path, &format!("bytes={length}-"));
    assert_eq!((beyond.status, beyond.header("content-range")), (416, format!("bytes */{length}").as_str()));
    for range in ["bytes=0-1,5-6", "lines=1-2", "bytes=x"] {
        assert_eq!(with_range(&path, range).body, whole.body, "{range}");
    }
    get(shared(), &format!("{BATCHES}/{id}/items/3/audio")).assert_error(404, "item_not_found", None);
}

#[test]
fn a_part_is_had_of_what_the_caller_has_already_and_of_nothing_else() {
    let id = hand_in(shared(), &json!({"items": items(&TEXTS[..1])}));
    ended(shared(), &id);
    let path = format!("{BATCHES}/{id}/items/0/audio");
    let whole = get(shared(), &path);
    let tag = whole.header("etag").to_owned();
    let ask = |headers: &[(&str, &str)]| {
        let request = shared().request(Method::GET, &path).header("user-token", TOKEN);
        Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().unwrap())
    };

    assert_eq!(ask(&[("range", "bytes=0-9"), ("if-range", &tag)]).body, whole.body[..10]);
    for other in ["\"another\"", &format!("W/{tag}"), "Fri, 27 Nov 2026 12:00:00 GMT"] {
        let answer = ask(&[("range", "bytes=0-9"), ("if-range", other)]);
        assert_eq!((answer.status, answer.body.len()), (200, whole.body.len()), "{other}");
    }
    assert_eq!(ask(&[("if-none-match", &tag)]).status, 304);
}

#[test]
fn results_are_had_as_one() {
    let id = hand_in(shared(), &json!({"items": items(&TEXTS), "concatenate": true}));
    ended(shared(), &id);
    let parts: Vec<Sound> =
        (0..3).map(|index| get(shared(), &format!("{BATCHES}/{id}/items/{index}/audio")).sound()).collect();

    let joined = get(shared(), &format!("{BATCHES}/{id}/audio")).sound();

    let expected: Vec<i16> = parts.iter().flat_map(|part| part.samples.clone()).collect();
    assert_eq!((joined.samples, joined.sample_rate), (expected, parts[0].sample_rate));
    let other = hand_in(shared(), &json!({"items": items(&["x"])}));
    get(shared(), &format!("{BATCHES}/{other}/audio")).assert_error(409, "not_concatenated", None);
}

#[test]
fn the_archive_holds_results_subtitles_and_a_manifest() {
    let id = hand_in(
        shared(),
        &json!({
            "items": [{"text": TEXTS[0]}, {"text": TEXTS[1], "custom_id": "Tea_at-5"}],
            "timestamps": true,
            "defaults": {"response_format": "flac"},
        }),
    );
    let batch = ended(shared(), &id);

    let answer = get(shared(), &format!("{BATCHES}/{id}/archive"));

    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"));
    let mut archive = zip::ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let mut file = |name: &str| {
        let mut content = Vec::new();
        archive.by_name(name).unwrap_or_else(|error| panic!("{name}: {error}")).read_to_end(&mut content).unwrap();
        content
    };
    assert_eq!((batch["results"][0].get("custom_id"), &batch["results"][1]["custom_id"]), (None, &json!("Tea_at-5")));
    assert_eq!(file("00001-Tea_at-5.flac"), get(shared(), &format!("{BATCHES}/{id}/items/1/audio")).body);
    assert!(String::from_utf8(file("00000.srt")).unwrap().contains("The kettle is on."));
    let times: Value = serde_json::from_slice(&file("00001-Tea_at-5.json")).unwrap();
    assert_eq!(times["words"][0]["text"], "Tea");
    assert_eq!(times.get("audio_base64"), None);
    let manifest: Value = serde_json::from_slice(&file("manifest.json")).unwrap();
    let files = ["flac", "json", "srt"].map(|ending| format!("00001-Tea_at-5.{ending}"));
    assert_eq!(
        (&manifest["items"][1]["files"], &manifest["items"][1]["custom_id"]),
        (&json!(files), &json!("Tea_at-5"))
    );
    assert_eq!((manifest["id"].as_str(), archive.len()), (Some(id.as_str()), 7));
}

#[test]
fn a_result_that_is_gone_is_said_before_the_first_byte_and_in_the_manifest() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[]);
    let id = hand_in(&server, &json!({"items": items(&TEXTS), "concatenate": true}));
    ended(&server, &id);
    assert_eq!(get(&server, &format!("{BATCHES}/{id}/audio")).status, 200);
    let removed: i64 = redis.command(&["DEL", &format!("tts-batch-result:{id}:00001.wav")]);

    let joined = get(&server, &format!("{BATCHES}/{id}/audio"));
    let archive = get(&server, &format!("{BATCHES}/{id}/archive"));

    assert_eq!(removed, 1);
    joined.assert_error(410, "result_gone", None);
    assert!(joined.json()["error"]["message"].as_str().unwrap().contains("item 1"), "{}", joined.text());
    let mut archive = zip::ZipArchive::new(Cursor::new(archive.body)).unwrap();
    let manifest: Value = serde_json::from_reader(archive.by_name("manifest.json").unwrap()).unwrap();
    let states: Vec<&str> = (0..3).map(|index| manifest["items"][index]["state"].as_str().unwrap()).collect();
    assert_eq!((states, archive.len()), (vec!["done", "failed", "done"], 3));
    assert_eq!(manifest["items"][1]["error"]["code"], "result_gone");
    get(&server, &format!("{BATCHES}/{id}/items/1/audio")).assert_error(404, "result_not_found", None);
}

#[test]
fn what_stands_in_the_place_of_a_result_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&[("TTS_BATCH_STORE", &format!("file://{}", folder.path().display()))]);
    let id = hand_in(&server, &json!({"items": items(&TEXTS)}));
    ended(&server, &id);
    let file = |index: usize| folder.path().join(&id).join(format!("{index:05}.wav"));
    let elsewhere = folder.path().join("elsewhere");
    std::fs::copy(file(0), &elsewhere).unwrap();

    std::fs::write(file(0), "RIFF").unwrap();
    std::fs::remove_file(file(1)).unwrap();
    nix::unistd::mkfifo(&file(1), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::remove_file(file(2)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, file(2)).unwrap();

    let audio = |index: usize| get(&server, &format!("{BATCHES}/{id}/items/{index}/audio"));
    audio(0).assert_error(410, "result_gone", None);
    audio(1).assert_error(404, "result_not_found", None);
    audio(2).assert_error(404, "result_not_found", None);
}

#[test]
fn a_bit_that_flipped_in_the_store_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(&[("TTS_BATCH_STORE", &format!("file://{}", folder.path().display()))]);
    let id = hand_in(&server, &json!({"items": items(&TEXTS), "timestamps": true, "concatenate": true}));
    ended(&server, &id);
    let one = format!("{BATCHES}/{id}");

    let flip_a_bit_of_each = |names: &[&str]| {
        for name in names {
            let path = folder.path().join(&id).join(name);
            let mut file = std::fs::read(&path).unwrap();
            *file.last_mut().unwrap() ^= 1;
            std::fs::write(path, file).unwrap();
        }
    };
    flip_a_bit_of_each(&["00000.wav", "00001.json", "00001.srt"]);

    let status = |part: &str| get(&server, &format!("{one}/{part}")).status;
    for part in ["items/0/audio", "items/1/timestamps", "items/1/subtitles"] {
        get(&server, &format!("{one}/{part}")).assert_error(410, "result_damaged", None);
    }
    assert_eq!(["items/0/timestamps", "items/1/audio", "items/2/subtitles"].map(status), [200; 3]);
    let archive = get(&server, &format!("{one}/archive"));
    let mut archive = zip::ZipArchive::new(Cursor::new(archive.body)).unwrap();
    let manifest: Value = serde_json::from_reader(archive.by_name("manifest.json").unwrap()).unwrap();
    let codes: Vec<&Value> = (0..3).map(|index| &manifest["items"][index]["error"]["code"]).collect();
    assert_eq!(codes, [&json!("result_damaged"), &json!("result_damaged"), &Value::Null]);
    assert_eq!(archive.len(), 4, "the last item's files, and the manifest");
    get(&server, &format!("{one}/audio")).assert_error(410, "result_damaged", None);

    // Beyond the first result the answer has begun, and is cut.
    flip_a_bit_of_each(&["00000.wav", "00001.wav"]);
    let joined = server.request(Method::GET, &format!("{one}/audio")).header("user-token", TOKEN).send();
    assert!(joined.and_then(reqwest::blocking::Response::bytes).is_err(), "the answer looks whole");
}

#[test]
fn answers_are_for_the_caller_alone() {
    let id = hand_in(shared(), &json!({"items": items(&TEXTS[..1]), "concatenate": true, "timestamps": true}));
    ended(shared(), &id);
    let one = format!("{BATCHES}/{id}");

    for path in ["items/0/audio", "items/0/timestamps", "items/0/subtitles", "audio", "archive"] {
        let answer = get(shared(), &format!("{one}/{path}"));
        assert_eq!((answer.status, answer.header("cache-control")), (200, "private"), "{path}");
    }
    for path in [BATCHES, &*one] {
        assert_eq!(get(shared(), path).header("cache-control"), "private, no-cache", "{path}");
    }
}

#[test]
fn events_end_with_the_batch() {
    let id = hand_in(shared(), &json!({"items": items(&TEXTS)}));

    let answer = get(shared(), &format!("{BATCHES}/{id}/events"));

    assert_eq!(answer.header("content-type"), "text/event-stream");
    let events: Vec<(&str, Value)> = answer
        .text()
        .split_terminator("\n\n")
        .map(|event| {
            let (kind, data) = event.split_once('\n').unwrap();
            (kind, serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap())
        })
        .collect();
    let (last, before) = events.split_last().unwrap();
    assert_eq!((last.0, last.1["state"].as_str()), ("event: end", Some("succeeded")));
    assert!(before.iter().all(|(kind, batch)| *kind == "event: progress" && batch["state"] != "succeeded"));
}

/// The next event, with what it holds; `None` at the end.
fn next_event(events: &mut impl BufRead) -> Option<(String, Value)> {
    let mut lines = events.lines().map(Result::unwrap);
    let kind = lines.find_map(|line| line.strip_prefix("event: ").map(str::to_owned))?;
    let data = lines.next().unwrap();
    Some((kind, serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()))
}

fn listen(server: &TestServer, id: &str) -> impl BufRead + use<> {
    let request = server.request(Method::GET, &format!("{BATCHES}/{id}/events")).header("user-token", TOKEN);
    BufReader::new(request.send().unwrap())
}

#[test]
fn events_outlast_a_redis_that_does_not_answer_for_a_while() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[("TTS_BATCH_WORKERS", "0")]);
    let id = hand_in(&server, &json!({"items": items(&TEXTS)}));
    let mut events = listen(&server, &id);
    assert_eq!(next_event(&mut events).unwrap().0, "progress");

    redis.hang();
    // The second is asked after a look of the events that had no answer.
    for _ in 0..2 {
        get(&server, &format!("{BATCHES}/{id}")).assert_error(503, "batches_unavailable", None);
    }
    redis.go_on();
    let _worker = replica(&redis, &[]);

    let rest: Vec<_> = std::iter::from_fn(|| next_event(&mut events)).collect();
    let (last, batch) = rest.last().expect("events after the silence");
    assert_eq!((last.as_str(), batch["state"].as_str()), ("end", Some("succeeded")));
}

#[test]
fn events_do_not_hold_up_the_end_of_the_service() {
    let server = TestServer::start(&[("TTS_BATCH_WORKERS", "0"), ("TTS_DRAIN_TIMEOUT_MS", "10000")]);
    let id = hand_in(&server, &json!({"items": items(&TEXTS)}));
    let mut events = listen(&server, &id);
    assert_eq!(next_event(&mut events).unwrap().0, "progress");

    server.signal(Signal::SIGTERM);

    assert_eq!(next_event(&mut events), None);
    assert_eq!(server.wait().code(), Some(0), "they were waited for, and cut");
}

#[test]
fn an_item_that_fails_says_why_and_the_others_are_done() {
    let folder = ModelsFolder::with_copies(&[VOICE]);
    let (broken, _) = write_broken_voices(folder.path());
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", VOICE),
        ("TTS_BATCH_ATTEMPTS", "1"),
    ]);
    let broken = &broken[0];
    let batch = json!({"items": [{"text": "One."}, {"text": "Two.", "voice_id": broken}, {"text": "Three."}]});
    let id = hand_in(&server, &batch);

    let batch = ended(&server, &id);

    assert_eq!(
        (batch["state"].as_str(), batch["done"].as_u64(), batch["failed"].as_u64()),
        (Some("failed"), Some(2), Some(1))
    );
    let states: Vec<&str> =
        batch["results"].as_array().unwrap().iter().map(|item| item["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["done", "failed", "done"]);
    assert_eq!(batch["results"][1]["error"]["code"], "voice_unusable");
    get(&server, &format!("{BATCHES}/{id}/items/1/audio")).assert_error(409, "item_failed", None);
}
