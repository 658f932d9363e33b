//! A bucket for the results of batches: one that is there, and the ways in which one is not.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::{SECRET, UNAVAILABLE, assert_refused, serve};
use crate::support::{Program, TestServer};

/// What speaks as much of S3 as one object at a time needs.
struct Bucket {
    endpoint: String,
    objects: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    keys: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy)]
enum Mood {
    Well,
    Absent,
    Locked,
}

// === impl Bucket ===

impl Bucket {
    fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let bucket = Self { endpoint, objects: Arc::default(), keys: Arc::default() };
        let (objects, keys) = (bucket.objects.clone(), bucket.keys.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                // Whoever leaves in the middle is asked for nothing more.
                let _ = answer(&connection.unwrap(), mood, &objects, &keys);
            }
        });
        bucket
    }

    fn variables(&self) -> [(&str, &str); 5] {
        [
            ("TTS_BATCH_STORE", "s3://speech/results"),
            ("AWS_ENDPOINT", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ]
    }

    /// What `doctor` says of batches.
    fn diagnosis(&self) -> String {
        // Without the parts that speak, which take their time and are nothing to a bucket.
        let doctor = Program::new(&["doctor"]).variable("ORT_DYLIB_PATH", "/no/such/library");
        let run = self.variables().iter().fold(doctor, |run, (name, value)| run.variable(name, value)).finish();
        assert_eq!(run.code, UNAVAILABLE, "{}", run.stderr);
        let found = run.text().lines().find(|line| line.contains("  batches: ")).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{}", run.text()))
    }
}

fn answer(
    connection: &TcpStream,
    mood: Mood,
    objects: &Mutex<HashMap<String, Vec<u8>>>,
    keys: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.to_lowercase());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut words = head.first().map(String::as_str).unwrap_or_default().split(' ');
    let (method, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
    let mut objects = objects.lock().unwrap();
    let (status, body) = match (mood, method) {
        (Mood::Absent, _) => ("404 Not Found", b"<Error><Code>NoSuchBucket</Code></Error>".to_vec()),
        (Mood::Locked, _) => ("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>".to_vec()),
        (Mood::Well, "put") => {
            keys.lock().unwrap().push(key.clone());
            objects.insert(key, body);
            ("200 OK", Vec::new())
        }
        // Several at once (DeleteObjects); their keys are below the bucket.
        (Mood::Well, "post") => {
            let body = String::from_utf8_lossy(&body);
            let named = body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
            let gone: Vec<String> = named.map(|key| format!("<Deleted><Key>{key}</Key></Deleted>")).collect();
            let gone = gone.concat();
            objects.retain(|path, _| !gone.contains(path.trim_start_matches("/speech/")));
            ("200 OK", format!("<DeleteResult>{gone}</DeleteResult>").into_bytes())
        }
        (Mood::Well, _) => match objects.get(&key) {
            Some(object) => ("200 OK", object.clone()),
            None => ("404 Not Found", Vec::new()),
        },
    };
    let mut connection = connection;
    let facts = "etag: \"1\"\r\nlast-modified: Thu, 26 Nov 2026 10:00:00 GMT\r\nconnection: close\r\n";
    write!(connection, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{facts}\r\n", body.len())?;
    connection.write_all(&body)
}

#[test]
fn a_bucket_that_is_there_is_tried_and_left_as_it_was() {
    let bucket = Bucket::start(Mood::Well);

    // Nothing else here has begun to speak TLS before.
    let server = TestServer::start_unready(&bucket.variables());
    let diagnosis = bucket.diagnosis();
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

        let server = TestServer::start_unready(&bucket.variables());
        server.wait_for_log(&format!("\"code\":\"{code}\""));
        let diagnosis = bucket.diagnosis();

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
