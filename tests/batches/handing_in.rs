//! Handing in: what is taken, what is refused as a whole, and what the same again is.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{BATCHES, as_token, batch, ended, get, hand_in, items, send, tokens};
use crate::support::{Answer, TOKEN, TestServer, shared};

const TWO: [&str; 2] = ["The kettle is on.", "Tea is at five."];

#[track_caller]
fn assert_refused(batch: &Value, status: u16, code: &str, param: &str) {
    let answer = shared().post_json(BATCHES, batch);
    answer.assert_error(status, code, Some(param));
}

#[test]
fn a_batch_is_spoken_and_says_how_far_it_is() {
    let id = hand_in(shared(), &json!({"items": items(&TWO), "defaults": {"speed": 2.0}}));

    let batch = ended(shared(), &id);

    assert_eq!(batch["state"], "succeeded");
    assert_eq!(
        (batch["items"].as_u64(), batch["done"].as_u64(), batch["failed"].as_u64()),
        (Some(2), Some(2), Some(0))
    );
    assert_eq!((batch["progress"].as_f64(), batch["durable"].as_bool()), (Some(1.0), Some(false)));
    let results = batch["results"].as_array().unwrap();
    let seconds: f64 = results.iter().map(|item| item["audio"]["seconds"].as_f64().unwrap()).sum();
    assert!((batch["audio_seconds"].as_f64().unwrap() - seconds).abs() < 0.002);
    for (index, item) in results.iter().enumerate() {
        assert_eq!((item["index"].as_u64(), item["state"].as_str()), (Some(index as u64), Some("done")));
    }
    assert!(batch["expires"].as_u64() > batch["created"].as_u64());
}

#[test]
fn fields_that_are_null_are_missing_and_those_that_are_there_twice_are_refused() {
    let hand_in = |body: &str| shared().post_bytes(BATCHES, body.to_owned());
    let nothing = r#"{"items": [{"text": "Hi."}], "defaults": null, "concatenate": null, "timestamps": null, "webhook_url": null}"#;

    assert_eq!(hand_in(nothing).status, 202);
    for (body, param) in [
        (r#"{"items": [{"text": "a"}, {"text": "b", "text": "c"}]}"#, "items[1]"),
        (r#"{"items": [{"text": "a", "lexicon": {"x": "y", "x": "z"}}]}"#, "items[0]"),
        (r#"{"items": [{"text": "a"}], "defaults": {"speed": 1, "speed": 2}}"#, "defaults"),
        (r#"{"items": [{"text": "a"}], "timestamps": true, "timestamps": false}"#, "timestamps"),
    ] {
        hand_in(body).assert_error(422, "invalid_body", Some(param));
    }
}

#[test]
fn json_lines_are_a_batch_too() {
    let lines = format!("{}\n\n{}\n", json!({"text": TWO[0]}), json!({"text": TWO[1], "response_format": "mp3"}));
    let post = |lines: String, path: &str| {
        let request = shared().post(path).header("content-type", "application/x-ndjson").body(lines);
        Answer::of(request.send().unwrap())
    };

    let taken = post(lines, BATCHES);
    let broken = post(format!("{}\n{{\"text\": \n", json!({"text": "x"})), BATCHES);
    let strange = post(json!({"text": "x"}).to_string(), &format!("{BATCHES}?tempo=1"));
    let perhaps = post(json!({"text": "x"}).to_string(), &format!("{BATCHES}?concatenate=perhaps"));
    let louder = post(json!({"text": "Hi."}).to_string(), &format!("{BATCHES}?response_format=flac&volume=1.5"));

    assert_eq!(taken.status, 202, "{}", taken.text());
    let batch = ended(shared(), taken.json()["id"].as_str().unwrap());
    assert_eq!(batch["results"][1]["audio"]["content_type"], "audio/mpeg");
    broken.assert_error(422, "invalid_json", None);
    assert!(broken.json()["error"]["message"].as_str().unwrap().starts_with("line 2: "), "{}", broken.text());
    strange.assert_error(422, "invalid_body", Some("items[0].tempo"));
    perhaps.assert_error(400, "invalid_value", Some("concatenate"));
    let batch = ended(shared(), louder.json()["id"].as_str().unwrap());
    assert_eq!(batch["results"][0]["audio"]["format"], "flac");
}

#[test]
fn one_item_that_cannot_be_had_refuses_the_batch_and_is_named() {
    let with = |item: Value| json!({"items": [{"text": "x", "custom_id": "first"}, item]});
    let cases = [
        (json!({"text": "x", "speed": 9}), 400, "invalid_value", "items[1].speed"),
        (json!({"text": "x", "custom_id": ""}), 400, "invalid_value", "items[1].custom_id"),
        (json!({"text": "x", "custom_id": "../x"}), 400, "invalid_value", "items[1].custom_id"),
        (json!({"text": "x", "custom_id": ".x"}), 400, "invalid_value", "items[1].custom_id"),
        (json!({"text": "x", "custom_id": "x".repeat(65)}), 400, "invalid_value", "items[1].custom_id"),
        (json!({"text": "x", "custom_id": 7}), 400, "invalid_value", "items[1].custom_id"),
        (json!({"text": "x", "custom_id": "first"}), 400, "invalid_value", "items[1].custom_id"),
        (json!({"text": "x", "voice_id": "xx_XX-nobody-low"}), 404, "voice_not_found", "items[1].voice_id"),
        (json!({"text": "x", "speaker": "nobody"}), 400, "speaker_not_found", "items[1].speaker"),
        (json!({"text": "x", "tempo": 2}), 422, "invalid_body", "items[1].tempo"),
        (json!({"text": "x", "stream": true}), 400, "invalid_value", "items[1].stream"),
        (json!({"text": "<speak", "text_type": "ssml"}), 400, "invalid_ssml", "items[1].text"),
        (json!({}), 422, "invalid_body", "items[1].text"),
    ];
    for (item, status, code, param) in cases {
        assert_refused(&with(item), status, code, param);
    }
    let whole = [
        (json!({"items": []}), 400, "invalid_batch", "items"),
        (json!({"items": items(&vec!["x"; 10_001])}), 400, "invalid_batch", "items"),
        (json!({"items": items(&["x"]), "webhook_url": "https://example.com/"}), 400, "invalid_webhook", "webhook_url"),
        (json!({"items": items(&["x"]), "defaults": {"custom_id": "x"}}), 422, "invalid_body", "items[0].custom_id"),
        (
            json!({"items": items(&["x"]), "defaults": {"response_format": "mp3"}, "concatenate": true}),
            400,
            "invalid_value",
            "items[0].response_format",
        ),
    ];
    for (batch, status, code, param) in whole {
        assert_refused(&batch, status, code, param);
    }
    let large = json!({"items": items(&vec![&*"long ".repeat(900); 2_000])});
    assert_eq!(shared().post_json(BATCHES, &large).status, 413);
    // A small body that would be a large batch.
    let often = json!({"items": vec![json!({}); 10_000], "defaults": {"text": "long ".repeat(900)}});
    assert_refused(&often, 413, "batch_too_large", "defaults");
}

#[test]
fn an_item_that_says_nothing_fails_alone() {
    let id = hand_in(shared(), &json!({"items": items(&["One.", " ", "Three."])}));

    let batch = ended(shared(), &id);

    assert_eq!((batch["state"].as_str(), batch["done"].as_u64()), (Some("failed"), Some(2)));
    let states: Vec<&str> =
        batch["results"].as_array().unwrap().iter().map(|item| item["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["done", "failed", "done"]);
    assert_eq!(batch["results"][1]["error"]["code"], "invalid_text");
    assert_eq!(batch.get("error"), None);
}

#[test]
fn what_was_handed_in_before_costs_nothing_again() {
    let (_folder, file) = tokens(&[("one", "characters_per_minute = 20")]);
    let server = TestServer::start(&[("TTS_TOKENS_FILE", &file)]);
    let hand_in = |name: &str| {
        let request = server
            .request(Method::POST, BATCHES)
            .header("idempotency-key", name)
            .json(&json!({"items": items(&["Fifteen letters"])}));
        Answer::of(request.bearer_auth("secret of one").send().unwrap())
    };

    let answers: Vec<Answer> = (0..3).map(|_| hand_in("monday")).collect();

    for answer in &answers {
        assert_eq!((answer.status, &answer.json()["id"]), (202, &answers[0].json()["id"]), "{}", answer.text());
    }
    hand_in("tuesday").assert_error(429, "quota_exceeded", None);
}

#[test]
fn the_same_name_is_the_same_batch_and_another_batch_by_that_name_is_refused() {
    let hand_in = |name: &str, texts: &[&str]| {
        let request = shared().post(BATCHES).header("idempotency-key", name).json(&json!({"items": items(texts)}));
        Answer::of(request.send().unwrap())
    };

    let (first, again, other) = (hand_in("tuesday", &TWO), hand_in("tuesday", &TWO), hand_in("wednesday", &TWO));
    let conflict = hand_in("tuesday", &["Something else."]);

    assert_eq!([&first, &again, &other].map(|answer| answer.status), [202; 3]);
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_ne!(first.json()["id"], other.json()["id"]);
    conflict.assert_error(409, "idempotency_conflict", None);
    hand_in("", &TWO).assert_error(400, "invalid_value", Some("idempotency-key"));
}

#[test]
fn batches_are_listed_by_page_and_seen_by_nobody_else() {
    let (_folder, file) = tokens(&[("one", ""), ("two", "")]);
    let server = TestServer::start(&[("TTS_TOKENS_FILE", &file)]);
    let call = |name: &str, method: Method, path: &str, body: Option<&Value>| {
        as_token(&server, &format!("secret of {name}"), method, path, body)
    };
    let batch = json!({"items": items(&["x"])});
    let ids: Vec<Value> =
        (0..3).map(|_| call("one", Method::POST, BATCHES, Some(&batch)).json()["id"].clone()).collect();
    let id = ids[0].as_str().unwrap();

    let first = call("one", Method::GET, &format!("{BATCHES}?limit=2"), None).json();
    let second = call("one", Method::GET, &format!("{BATCHES}?limit=2&offset=2"), None).json();
    let of_other = call("two", Method::GET, BATCHES, None).json();

    let listed = |page: &Value| page["data"].as_array().unwrap().iter().map(|b| b["id"].clone()).collect::<Vec<_>>();
    assert_eq!((listed(&first).len(), first["has_more"].as_bool()), (2, Some(true)));
    assert_eq!((listed(&second).len(), second["has_more"].as_bool()), (1, Some(false)));
    let mut all = [listed(&first), listed(&second)].concat();
    all.sort_by_key(Value::to_string);
    let mut expected = ids.clone();
    expected.sort_by_key(Value::to_string);
    assert_eq!(all, expected);
    assert_eq!(of_other, json!({"data": [], "has_more": false}));
    for (method, path) in [
        (Method::GET, format!("{BATCHES}/{id}")),
        (Method::GET, format!("{BATCHES}/{id}/items/0/audio")),
        (Method::GET, format!("{BATCHES}/{id}/archive")),
        (Method::GET, format!("{BATCHES}/{id}/events")),
        (Method::DELETE, format!("{BATCHES}/{id}")),
    ] {
        call("two", method, &path, None).assert_error(404, "batch_not_found", None);
    }
    for query in ["limit=0", "offset=9223372036854775808"] {
        assert_eq!(call("one", Method::GET, &format!("{BATCHES}?{query}"), None).status, 400, "{query}");
    }
    assert_eq!(call("one", Method::GET, &format!("{BATCHES}?colour=red"), None).status, 400);
}

#[test]
fn a_batch_is_removed_whether_it_has_ended_or_not() {
    let long: Vec<String> = (0..200).map(|number| format!("This is number {number} of very many.")).collect();
    let texts: Vec<&str> = long.iter().map(String::as_str).collect();
    let running = hand_in(shared(), &json!({"items": items(&texts)}));
    let short = hand_in(shared(), &json!({"items": items(&["Short."])}));
    ended(shared(), &short);

    for (id, state) in [(&running, "cancelled"), (&short, "succeeded")] {
        let path = format!("{BATCHES}/{id}");
        let removed = send(shared(), Method::DELETE, &path);
        assert_eq!((removed.status, removed.json()["state"].as_str()), (200, Some(state)));
        for path in [path.clone(), format!("{path}/items/0/audio"), format!("{path}/archive")] {
            get(shared(), &path).assert_error(404, "batch_not_found", None);
        }
    }
}

#[test]
fn a_batch_expires() {
    let server = TestServer::start(&[("TTS_BATCH_TTL_SECONDS", "4")]);
    let id = hand_in(&server, &json!({"items": items(&["Short."])}));
    assert_eq!(batch(&server, &id)["items"], 1);

    crate::support::until("the end of its time", || {
        (get(&server, &format!("{BATCHES}/{id}")).status == 404).then_some(())
    });
}

#[test]
fn no_more_batches_go_on_than_may() {
    let server = TestServer::start(&[("TTS_BATCH_MAX_OPEN", "1"), ("TTS_BATCH_WORKERS", "0")]);
    let id = hand_in(&server, &json!({"items": items(&["x"])}));

    server.post_json(BATCHES, &json!({"items": items(&["x"])})).assert_error(503, "over_capacity", None);

    send(&server, Method::DELETE, &format!("{BATCHES}/{id}"));
    hand_in(&server, &json!({"items": items(&["x"])}));
}

#[test]
fn without_redis_batches_are_bounded() {
    let server = TestServer::start(&[("TTS_BATCH_MEMORY_ITEMS", "3"), ("TTS_BATCH_WORKERS", "0")]);
    let id = hand_in(&server, &json!({"items": items(&TWO)}));

    let refused = server.post_json(BATCHES, &json!({"items": items(&TWO)}));

    refused.assert_error(503, "over_capacity", None);
    assert_eq!(refused.header("retry-after"), "30");
    assert_eq!(batch(&server, &id)["state"], "queued");
    assert_eq!(Answer::of(server.request(Method::GET, BATCHES).send().unwrap()).status, 403);
    assert_eq!(
        Answer::of(server.request(Method::GET, BATCHES).header("user-token", TOKEN).send().unwrap()).status,
        200
    );
}
