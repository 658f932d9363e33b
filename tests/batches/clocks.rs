//! Replicas whose clocks are wrong: it is Redis' clock that they all go by.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::client::{BATCHES, ended, get, hand_in, items, replica, taker};
use crate::support::{RedisServer, until};

const DAY: i64 = 86_400;

/// A library that moves the time of day for whoever is started with it.
fn moved_clock(folder: &Path, seconds: i64) -> String {
    let source = folder.join("clock.c");
    let library = folder.join(format!("clock{seconds}.so"));
    let code = format!(
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <time.h>\n\
         int clock_gettime(clockid_t id, struct timespec *now) {{\n\
           static int (*real)(clockid_t, struct timespec *);\n\
           if (!real) real = dlsym(RTLD_NEXT, \"clock_gettime\");\n\
           int result = real(id, now);\n\
           if (id == CLOCK_REALTIME) now->tv_sec += {seconds};\n\
           return result;\n\
         }}\n"
    );
    std::fs::write(&source, code).unwrap();
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    assert!(compiled.unwrap().success());
    library.to_str().unwrap().to_owned()
}

#[test]
fn replicas_whose_clocks_are_wrong_remove_nothing_before_its_time() {
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let hands_in = taker(&redis);
    let kept = hand_in(&hands_in, &json!({"items": items(&["x"])}));
    for seconds in [2 * DAY, -400 * DAY] {
        let clock = moved_clock(folder.path(), seconds);
        let moved = replica(&redis, &[("LD_PRELOAD", &clock), ("TTS_BATCH_TTL_SECONDS", "3")]);
        assert_eq!(ended(&moved, &kept)["state"], "succeeded");

        let short = hand_in(&moved, &json!({"items": items(&["y"])}));

        let created = get(&moved, &format!("{BATCHES}/{short}")).json()["created"].as_i64().unwrap();
        let now: (i64, i64) = redis.command(&["TIME"]);
        assert!((created - now.0).abs() < 60, "{created} {now:?}");
        // By then this replica has looked for those whose time is over.
        until("the end of its time", || (get(&moved, &format!("{BATCHES}/{short}")).status == 404).then_some(()));
        assert_eq!(ended(&moved, &kept)["state"], "succeeded");
    }
}
