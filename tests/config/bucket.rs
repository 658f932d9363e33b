//! A bucket for the results of batches: one that is there, and the ways in which one is not.

use super::{SECRET, UNAVAILABLE, assert_refused, serve};
use crate::support::{Bucket, Mood, Program, TestServer};

/// What `doctor` says of batches.
fn diagnosis(bucket: &Bucket) -> String {
    // Without the parts that speak, which take their time and are nothing to a bucket.
    let doctor = Program::new(&["doctor"]).variable("ORT_DYLIB_PATH", "/no/such/library");
    let run = bucket.variables(SECRET).iter().fold(doctor, |run, (name, value)| run.variable(name, value)).finish();
    assert_eq!(run.code, UNAVAILABLE, "{}", run.stderr);
    let found = run.text().lines().find(|line| line.contains("  batches: ")).map(str::to_owned);
    found.unwrap_or_else(|| panic!("{}", run.text()))
}

#[test]
fn a_bucket_that_is_there_is_tried_and_left_as_it_was() {
    let bucket = Bucket::start(Mood::Well);

    // Nothing else here has begun to speak TLS before.
    let server = TestServer::start_unready(&bucket.variables(SECRET));
    let diagnosis = diagnosis(&bucket);
    drop(server);

    assert_eq!(diagnosis, "ok    batches: results are kept in s3://speech/results");
    let keys = bucket.keys.lock().unwrap().clone();
    assert!(!keys.is_empty() && keys.iter().all(|key| key.starts_with("/speech/results/probe-")), "{keys:?}");
    assert_eq!(bucket.objects.lock().unwrap().len(), 0);
}

#[test]
fn a_bucket_that_cannot_be_used_is_told_of_at_the_start_and_by_doctor() {
    for (mood, code, problem) in [
        (Mood::Absent, "store_missing", "the bucket or folder of results is not there"),
        (Mood::Locked, "store_denied", "does not let this service in"),
    ] {
        let bucket = Bucket::start(mood);

        let server = TestServer::start_unready(&bucket.variables(SECRET));
        server.wait_for_log(&format!("\"code\":\"{code}\""));
        let diagnosis = diagnosis(&bucket);

        assert!(diagnosis.starts_with("FAIL  batches: ") && diagnosis.contains(problem), "{diagnosis}");
        assert!(diagnosis.contains("TTS_BATCH_STORE") && !diagnosis.contains(SECRET), "{diagnosis}");
    }
}

#[test]
fn a_store_that_cannot_be_is_64() {
    let plain = [("AWS_ENDPOINT", "http://127.0.0.1:1"), ("TTS_BATCH_STORE", "s3://speech")];
    for variables in [&plain[..], &[("TTS_BATCH_STORE", "s3://")], &[("TTS_BATCH_STORE", "ftp://speech")]] {
        let run = serve(&[&[("ALLOWED_USER_TOKEN", SECRET)], variables].concat());

        assert_refused(&run, "TTS_BATCH_STORE");
        assert!(run.stderr.contains("s3://BUCKET"), "{}", run.stderr);
    }
    let without_allowance = serve(&[&[("ALLOWED_USER_TOKEN", SECRET)], &plain[..]].concat());
    assert!(without_allowance.stderr.contains("AWS_ALLOW_HTTP"), "{}", without_allowance.stderr);
}
