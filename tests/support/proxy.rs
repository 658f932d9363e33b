//! Owns faults on a connection: a proxy before a server that passes everything on, or does not, as a test says.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to what the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Pass,
    /// New connections are closed at once, old ones at their next word.
    Refuse,
    /// Nothing comes back.
    Blackhole,
    Delay(Duration),
    /// One byte at a time, with this between them.
    Dribble(Duration),
    /// Of every so many answers, one is cut in the middle and the connection closed.
    Truncate(usize),
    /// Of every so many answers, one has a byte changed somewhere.
    Corrupt(usize),
    /// Of every so many answers, one is not sent and the connection reset.
    Reset(usize),
    /// Of every so many answers, one is not sent, so that each after it comes in the place of another.
    Swallow(usize),
}

pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    fault: Mutex<Fault>,
    answers: AtomicUsize,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

/// So often a thread that waits for bytes looks whether it shall end.
const LOOK: Duration = Duration::from_millis(50);

// === impl FaultProxy ===

impl FaultProxy {
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: ([127, 0, 0, 1], port).into(),
            fault: Mutex::new(Fault::Pass),
            answers: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        thread::spawn(move || accepting.accept(&listener));
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn set(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

// === impl Shared ===

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.stopped.load(SeqCst) {
                return;
            }
            let Ok(client) = client else { continue };
            self.connections.fetch_add(1, SeqCst);
            if self.fault() == Fault::Refuse {
                continue;
            }
            let Ok(server) = TcpStream::connect(self.target) else { continue };
            let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (asking, answering) = (self.clone(), self.clone());
            thread::spawn(move || asking.copy(from_client, to_server, |_, to, bytes| to.write_all(bytes)));
            thread::spawn(move || answering.copy(server, client, Self::answer));
        }
    }

    fn copy(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        pass: impl Fn(&Self, &mut TcpStream, &[u8]) -> std::io::Result<()>,
    ) {
        from.set_read_timeout(Some(LOOK)).unwrap();
        to.set_nodelay(true).unwrap();
        let mut buffer = vec![0; 64 << 10];
        while !self.stopped.load(SeqCst) {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    if pass(self, &mut to, &buffer[..count]).is_err() {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        for stream in [from, to] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn answer(&self, to: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        let number = self.answers.fetch_add(1, SeqCst) + 1;
        let is_hit = |every: usize| number.is_multiple_of(every);
        let cut = || Err(ErrorKind::ConnectionReset.into());
        match self.fault() {
            Fault::Refuse => cut(),
            Fault::Blackhole => Ok(()),
            Fault::Delay(time) => {
                thread::sleep(time);
                to.write_all(bytes)
            }
            Fault::Dribble(time) => bytes.iter().try_for_each(|byte| {
                thread::sleep(time);
                to.write_all(&[*byte])
            }),
            Fault::Truncate(every) if is_hit(every) => {
                to.write_all(&bytes[..bytes.len() / 2])?;
                cut()
            }
            Fault::Corrupt(every) if is_hit(every) => {
                let mut bytes = bytes.to_vec();
                let at = number.wrapping_mul(2_654_435_761) % bytes.len();
                bytes[at] ^= 0x15;
                to.write_all(&bytes)
            }
            Fault::Reset(every) if is_hit(every) => cut(),
            Fault::Swallow(every) if is_hit(every) => Ok(()),
            _ => to.write_all(bytes),
        }
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }
}
