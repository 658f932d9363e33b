//! Owns a bucket for the results of batches: one that is there, and the ways in which one is not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What speaks as much of S3 as a store of results needs.
pub struct Bucket {
    pub endpoint: String,
    pub objects: Objects,
    /// Of all that was ever put.
    pub keys: Arc<Mutex<Vec<String>>>,
}

/// By their paths, in small letters.
pub type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

#[derive(Clone, Copy)]
pub enum Mood {
    Well,
    Absent,
    Locked,
}

const NAME: &str = "/speech/";

// === impl Bucket ===

impl Bucket {
    pub fn start(mood: Mood) -> Self {
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

    pub fn variables<'a>(&'a self, secret: &'a str) -> [(&'a str, &'a str); 5] {
        [
            ("TTS_BATCH_STORE", "s3://speech/results"),
            ("AWS_ENDPOINT", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ]
    }
}

fn answer(connection: &TcpStream, mood: Mood, objects: &Objects, keys: &Mutex<Vec<String>>) -> std::io::Result<()> {
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
    let prefix = key.split(['?', '&']).find_map(|part| part.strip_prefix("prefix=")).map(|at| at.replace("%2f", "/"));
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
            objects.retain(|path, _| !gone.contains(path.trim_start_matches(NAME)));
            ("200 OK", format!("<DeleteResult>{gone}</DeleteResult>").into_bytes())
        }
        (Mood::Well, _) if let Some(prefix) = prefix => ("200 OK", list(&objects, &prefix).into_bytes()),
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

/// All at once (ListObjectsV2).
fn list(objects: &BTreeMap<String, Vec<u8>>, prefix: &str) -> String {
    let keys = objects.iter().filter_map(|(path, object)| Some((path.strip_prefix(NAME)?, object.len())));
    let listed = keys.filter(|(key, _)| key.starts_with(prefix)).map(|(key, size)| {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-26T10:00:00.000Z</LastModified><ETag>\"1\"</ETag><Size>{size}</Size></Contents>"
        )
    });
    format!("<ListBucketResult><IsTruncated>false</IsTruncated>{}</ListBucketResult>", listed.collect::<String>())
}
