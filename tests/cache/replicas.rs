//! Several replicas of the service that share one Redis.

use std::thread;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::service::{AMPLE, until_entries, until_up};
use crate::support::{Answer, ModelsFolder, RedisServer, TestServer, VOICE, until};

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";

fn replica(redis: &RedisServer, more: &[(&str, &str)]) -> TestServer {
    let url = redis.url();
    let shared = [("TTS_REDIS_URL", url.as_str()), ("TTS_REDIS_LEASE_MS", "60000")];
    let replica = TestServer::start(&[&shared, &AMPLE[..], more].concat());
    until_up(&replica);
    replica
}

fn replicas(redis: &RedisServer) -> [TestServer; 2] {
    [(); 2].map(|()| replica(redis, &[]))
}

#[test]
fn what_one_replica_has_said_the_other_need_not_make() {
    let redis = RedisServer::start();
    let [one, other] = replicas(&redis);
    let body = json!({"text": "Said by one. Heard from both."});
    let made = one.post_json(SYNTHESIZE, &body);
    until_entries(&redis, 3);

    let shared = other.post_json(SYNTHESIZE, &body);
    let kept = other.post_json(SYNTHESIZE, &body);
    let streamed = other.post_json(SYNTHESIZE, &json!({"text": "Heard from both.", "stream": true}));

    let caches = [&made, &shared, &kept, &streamed].map(|answer| answer.header("x-cache"));
    assert_eq!(caches, ["MISS", "HIT-L2", "HIT-L1", "HIT-L1"]);
    assert!(made.body == shared.body && made.body == kept.body, "the bytes differ");
    assert_eq!(made.header("etag"), shared.header("etag"));
    assert_eq!((one.sentences(), other.sentences()), (2.0, 0.0));
}

#[test]
fn five_hundred_requests_to_two_replicas_for_one_new_text_cause_one_synthesis() {
    const CLIENTS: usize = 500;
    let redis = RedisServer::start();
    let replicas = replicas(&redis);
    let body = json!({"text": "Everybody wants this one sentence."});

    let answers: Vec<Answer> = thread::scope(|scope| {
        let asking: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (server, body) = (&replicas[client % 2], &body);
                scope.spawn(move || server.post_json(SYNTHESIZE, body))
            })
            .collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });

    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    assert_eq!(replicas.iter().map(TestServer::sentences).sum::<f64>(), 1.0);
}

#[test]
fn what_a_killed_service_has_said_its_successor_finds() {
    let (redis, models) = (RedisServer::start(), ModelsFolder::with_copies(&[VOICE]));
    let start = || replica(&redis, &[("TTS_MODELS_DIR", models.name())]);
    let killed = start();
    let body = json!({"text": "Said before the end."});
    let made = killed.post_json(SYNTHESIZE, &body);
    until_entries(&redis, 2);
    let sentences: Vec<String> =
        (0..50).map(|number| format!("It ends in the middle of sentence {number}. ")).collect();
    let _unfinished = killed.begin(&json!({"text": sentences.concat()}));
    until("work", || (killed.metric("tts_queue_depth") == 1.0).then_some(()));
    killed.signal(Signal::SIGKILL);
    killed.wait();

    let successor = start();
    let found = successor.post_json(SYNTHESIZE, &body);

    assert_eq!(found.header("x-cache"), "HIT-L2");
    assert!(found.body == made.body, "the bytes differ");
    assert_eq!(successor.sentences(), 0.0);
    assert_eq!(successor.post_json(SYNTHESIZE, &json!({"text": "Said after it."})).status, 200);
}
