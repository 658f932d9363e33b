//! Whoever waits comes before batches.

use serde_json::json;

use crate::client::{batch, hand_in};
use crate::support::TestServer;

/// A minute and more of sound.
const LONG: &str = "The wind had turned in the night and by morning the valley was white and still. ";

#[test]
fn a_request_is_answered_before_the_batch_that_came_first() {
    let server = TestServer::start(&[("TTS_WORKERS", "1"), ("TTS_CACHE_ENABLED", "false"), ("TTS_QUEUE_LIMIT", "1")]);
    let item = json!({"text": LONG.repeat(10)});
    let id = hand_in(&server, &json!({"items": vec![item; 10]}));
    crate::support::until("work on the batch", || (server.metric("tts_background_depth") > 0.0).then_some(()));

    let answer = server.post_json("/v1/synthesizeSpeech", &json!({"text": "The kettle is on."}));

    // A batch takes no place in the queue, and hardly any of its ten minutes were computed meanwhile.
    assert_eq!(answer.status, 200);
    let done = batch(&server, &id)["done"].as_u64().unwrap();
    assert!(done <= 2, "{done} of 10 items were done before");
}
