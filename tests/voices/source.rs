//! Owns a source of voices: an HTTP server over a plain listener that serves files well, or each as badly as a test
//! asks it to.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How one request for a file is answered instead of well.
#[derive(Debug, Clone)]
pub enum Fault {
    /// So many bytes of the body, then the end of the connection.
    Truncate(usize),
    /// So many bytes of the body, then nothing until [`Source::release`].
    Hold(usize),
    /// Each byte of the body changed.
    Corrupt,
    /// The whole file, whatever part was asked for.
    IgnoreRange,
    Status(u16),
    Redirect(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    pub range: Option<String>,
    pub if_range: Option<String>,
}

pub struct Source {
    scheme: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    faults: Mutex<HashMap<String, VecDeque<Fault>>>,
    requests: Mutex<Vec<Request>>,
    released: Mutex<bool>,
    release: Condvar,
    connections: Mutex<usize>,
}

impl Source {
    pub fn start() -> Self {
        Self::listen("http", Shared::serve)
    }

    /// Over HTTPS, with what `tls` holds.
    pub fn start_tls(tls: Arc<ServerConfig>) -> Self {
        Self::listen("https", move |server, stream| {
            let connection = ServerConnection::new(tls.clone()).map_err(std::io::Error::other)?;
            server.serve(StreamOwned::new(connection, stream))
        })
    }

    fn listen<F>(scheme: &'static str, serve: F) -> Self
    where
        F: Fn(&Shared, TcpStream) -> std::io::Result<()> + Clone + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let server = shared.clone();
        // Ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *server.connections.lock().unwrap() += 1;
                let (server, serve) = (server.clone(), serve.clone());
                // A client that breaks off ends its own connection only.
                std::thread::spawn(move || drop(serve(&server, stream)));
            }
        });
        Self { scheme, address, shared }
    }

    pub fn url(&self) -> String {
        format!("{}://{}/base", self.scheme, self.address)
    }

    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.shared.files.lock().unwrap().insert(format!("/base/{path}"), bytes.into());
    }

    /// The next requests for the file are answered so, one fault each; then well again.
    pub fn fail(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().unwrap().entry(format!("/base/{path}")).or_default().extend(faults);
    }

    pub fn release(&self) {
        *self.shared.released.lock().unwrap() = true;
        self.shared.release.notify_all();
    }

    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Requests for files whose path ends so.
    pub fn requests_for(&self, ending: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path.ends_with(ending)).collect()
    }
}

impl Shared {
    /// One request; then the connection is closed.
    fn serve(&self, mut stream: impl Read + Write) -> std::io::Result<()> {
        let request = read_request(&mut stream)?;
        self.requests.lock().unwrap().push(request.clone());
        let file = self.files.lock().unwrap().get(&request.path).cloned();
        let fault = self.faults.lock().unwrap().get_mut(&request.path).and_then(VecDeque::pop_front);
        match &fault {
            Some(Fault::Status(status)) => {
                return write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            }
            Some(Fault::Redirect(to)) => {
                return write!(
                    stream,
                    "HTTP/1.1 302 X\r\nlocation: {to}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                );
            }
            _ => {}
        }
        let Some(mut file) = file else {
            return write!(stream, "HTTP/1.1 404 X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        };
        let total = file.len();
        let begin = match (&fault, &request.range) {
            (Some(Fault::IgnoreRange), _) | (_, None) => 0,
            (_, Some(range)) => range["bytes=".len()..].trim_end_matches('-').parse().unwrap(),
        };
        let mut body = file.split_off(begin);
        let status = if begin > 0 { "206 X" } else { "200 X" };
        write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\netag: \"v1\"\r\n", body.len())?;
        if begin > 0 {
            write!(stream, "content-range: bytes {begin}-{}/{total}\r\n", total - 1)?;
        }
        stream.write_all(b"\r\n")?;
        match fault {
            Some(Fault::Truncate(bytes)) => stream.write_all(&body[..bytes]),
            Some(Fault::Hold(bytes)) => {
                stream.write_all(&body[..bytes])?;
                stream.flush()?;
                let held = self.released.lock().unwrap();
                drop(self.release.wait_while(held, |released| !*released).unwrap());
                stream.write_all(&body[bytes..])
            }
            Some(Fault::Corrupt) => {
                for byte in &mut body {
                    *byte ^= 0x55;
                }
                stream.write_all(&body)
            }
            _ => stream.write_all(&body),
        }
    }
}

fn read_request(stream: &mut impl Read) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream.take(16 << 10)).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut request = Request { path, range: None, if_range: None };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "range" => request.range = Some(value.to_owned()),
            "if-range" => request.if_range = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(request)
}
