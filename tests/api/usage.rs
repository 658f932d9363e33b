//! What callers have had: by token and day, for themselves and for the operator, in one process and in all.

use reqwest::Method;
use serde_json::{Value, json};

use crate::quotas::{entry, file};
use crate::support::{Answer, RedisServer, TOKEN, TestServer, until};
use crate::{LEGACY, SYNTHESIZE};

const USAGE: &str = "/v1/usage";
const TEXT: &str = "This is to be paid for.";

fn get(server: &TestServer, secret: &str, query: &str) -> Answer {
    let request = server.request(Method::GET, &format!("{USAGE}{query}")).header("user-token", secret);
    Answer::of(request.send().unwrap())
}

fn usage(server: &TestServer, secret: &str) -> Vec<Value> {
    let answer = get(server, secret, "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].as_array().unwrap().clone()
}

fn ask(server: &TestServer, secret: &str, path: &str, body: &Value) -> Answer {
    let answer = Answer::of(server.request(Method::POST, path).header("user-token", secret).json(body).send().unwrap());
    assert!((200..300).contains(&answer.status), "{}", answer.text());
    answer
}

/// Of one day: the token, and its requests and characters, all and from the cache.
fn numbers(row: &Value) -> (Option<&str>, [u64; 4]) {
    let of = |amounts: &Value, field: &str| amounts[field].as_u64().unwrap();
    let cached = &row["cached"];
    let counts = [of(row, "requests"), of(row, "characters"), of(cached, "requests"), of(cached, "characters")];
    (row["token"].as_str(), counts)
}

#[test]
fn every_answer_of_sound_is_counted_for_its_token_and_nothing_else_is() {
    let tokens = file(
        &(entry("shop", "shop", "") + &entry("boss", "boss", "scopes = [\"manage\"]") + &entry("idle", "idle", "")),
    );
    let server = TestServer::start(&[("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())]);
    let length = TEXT.len() as u64;
    let spoken = ask(&server, "shop", SYNTHESIZE, &json!({"text": TEXT}));
    let seconds: f64 = spoken.header("x-audio-duration").parse().unwrap();
    ask(&server, "shop", SYNTHESIZE, &json!({"text": TEXT}));
    for (path, fields) in [
        (SYNTHESIZE, json!({"text": TEXT, "stream": true})),
        ("/v1/audio/speech", json!({"input": TEXT})),
        ("/v1/audio/speech", json!({"input": TEXT, "stream_format": "sse"})),
        ("/v1/synthesizeSpeech/timestamps", json!({"text": TEXT})),
        (LEGACY, json!({"text": TEXT})),
        ("/v1/batches", json!({"items": [{"text": TEXT}]})),
    ] {
        ask(&server, "shop", path, &fields);
    }
    ask(&server, "shop", "/v1/phonemize", &json!({"text": TEXT}));
    let refused = server.request(Method::POST, SYNTHESIZE).header("user-token", "shop").json(&json!({"text": " "}));
    assert_eq!(refused.send().unwrap().status(), 400);
    assert_eq!(get(&server, "shop", "?day=today").status, 400);
    ask(&server, TOKEN, SYNTHESIZE, &json!({"text": "Hi."}));

    // The item of the batch is spoken when there is time for it, and a stream is counted when it has ended.
    let rows = until("all is counted", || Some(usage(&server, "shop")).filter(|rows| rows[0]["requests"] == 8));

    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(numbers(&rows[0]), (Some("shop"), [8, 8 * length, 7, 7 * length]));
    let heard = rows[0]["audio_seconds"].as_f64().unwrap();
    assert!((heard - 8.0 * seconds).abs() < 0.05 * heard, "{heard} of {seconds}");
    assert_eq!(rows[0]["refused"], 2, "{rows:?}");
    let cached = rows[0]["cached"]["audio_seconds"].as_f64().unwrap();
    assert!((cached - 7.0 * seconds).abs() < 0.05 * heard, "{cached} of {seconds}");
    let all = usage(&server, "boss");
    assert_eq!(all.iter().map(numbers).collect::<Vec<_>>(), [(None, [1, 3, 0, 0]), numbers(&rows[0])]);
    assert_eq!(usage(&server, TOKEN), all, "the secret of the settings may do everything");
    assert!(usage(&server, "idle").is_empty());
    assert_eq!(server.metric("tts_token_requests_total{token=\"shop\"}"), 8.0);
    assert_eq!(server.metric("tts_token_characters_total{token=\"shop\"}"), 8.0 * length as f64);
    let metrics = server.get("/metrics");
    assert_eq!(metrics.text().matches("tts_token_requests_total{").count(), 1, "only what has a name is a series");
}

#[test]
fn what_a_token_may_not_have_is_counted_as_refused_and_what_strangers_ask_is_not() {
    let tokens =
        file(&(entry("few", "few", "requests_per_minute = 1") + &entry("boss", "boss", "scopes = [\"manage\"]")));
    let server = TestServer::start(&[("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())]);
    let say = |secret: &str| {
        let request = server.request(Method::POST, SYNTHESIZE).header("user-token", secret);
        Answer::of(request.json(&json!({"text": "Hi."})).send().unwrap()).status
    };

    assert_eq!([say("few"), say("few"), say("few"), say("boss"), say("nobody")], [200, 429, 429, 403, 403]);

    let rows = usage(&server, TOKEN);
    let refused: Vec<_> =
        rows.iter().map(|row| (row["token"].as_str(), row["requests"].as_u64(), &row["refused"])).collect();
    assert_eq!(refused, [(Some("boss"), Some(0), &json!(1)), (Some("few"), Some(1), &json!(2))]);
}

#[test]
fn days_are_asked_for_and_what_is_none_is_refused() {
    let server = TestServer::start(&[("TTS_USAGE_DAYS", "3")]);
    ask(&server, TOKEN, SYNTHESIZE, &json!({"text": "Hi."}));

    let kept = get(&server, TOKEN, "").json();
    let today = kept["to"].as_str().unwrap();

    assert_eq!((kept["data"].as_array().unwrap().len(), &kept["data"][0]["day"]), (1, &json!(today)));
    assert_eq!(get(&server, TOKEN, &format!("?from={today}&to={today}")).json()["data"], kept["data"]);
    let before = get(&server, TOKEN, "?from=2000-01-01&to=2000-12-31");
    assert_eq!((before.status, before.json()["data"].clone()), (200, json!([])));
    get(&server, TOKEN, "?from=yesterday").assert_error(400, "invalid_value", Some("from"));
    get(&server, TOKEN, "?from=2026-02-30").assert_error(400, "invalid_value", Some("from"));
    get(&server, TOKEN, "?from=2026-02-02&to=2026-02-01").assert_error(400, "invalid_value", Some("to"));
    get(&server, TOKEN, "?day=today").assert_error(400, "invalid_value", None);
    get(&server, "wrong", "").assert_error(403, "forbidden", None);
}

#[test]
fn replicas_count_together_and_each_answer_once_though_redis_is_away_for_a_while() {
    let redis = RedisServer::start();
    let url = redis.url();
    let [one, other] = [(); 2].map(|()| TestServer::start(&[("TTS_REDIS_URL", &url)]));
    let requests = |server: &TestServer| usage(server, TOKEN).first().map_or(0, |row| numbers(row).1[0]);
    let say = |server: &TestServer| ask(server, TOKEN, SYNTHESIZE, &json!({"text": "Hi."}));
    say(&one);
    say(&other);
    for server in [&one, &other] {
        until("both are counted", || (requests(server) == 2).then_some(()));
    }

    // What is written now arrives, but nobody is told so; and it is written again.
    redis.hang();
    say(&one);
    let unknown = get(&one, TOKEN, "");
    redis.go_on();

    unknown.assert_error(503, "usage_unavailable", None);
    assert!(unknown.headers.contains_key("retry-after"));
    until("what was counted meanwhile is there", || {
        (get(&other, TOKEN, "").status == 200 && requests(&other) == 3).then_some(())
    });
    say(&one);
    until("the next is counted", || (requests(&other) == 4).then_some(()));
    assert_eq!(requests(&one), 4);
}
