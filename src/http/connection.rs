//! Owns the layer between a connection's socket and HTTP: how long a peer may take nothing, how a connection ends, and
//! what its requests have to know of it. Progress is what the peer's system has acknowledged. Neither the time that a
//! write waits nor TCP_USER_TIMEOUT tells a player from somebody who is gone: buffers empty in lumps, and a player that
//! plays from its own takes nothing for a while.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// A connection as the server of HTTP reads and writes it.
pub struct HttpConnection {
    stream: TcpStream,
    shared: Rc<ConnectionShared>,
    /// How long the peer may take nothing of what waits for it.
    patience: Duration,
    watch: Option<Watch>,
    drain: Option<Drain>,
    is_reset_at_drop: bool,
}

/// What requests know of their connection, and tell it. Clones are of the same one.
#[derive(Clone)]
pub struct ConnectionHandle(Rc<ConnectionShared>);

#[derive(Default)]
struct ConnectionShared {
    received: Cell<u64>,
    /// Answers since the server last read.
    answers: Cell<usize>,
    is_last_answer_sent: Cell<bool>,
    unframed: Cell<Unframed>,
    task: RefCell<Option<Waker>>,
}

/// An answer whose end is the connection's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Unframed {
    #[default]
    None,
    UnderWay,
    Whole,
}

/// Of what was written and is not acknowledged.
struct Watch {
    next: Pin<Box<Sleep>>,
    acknowledged: Option<u64>,
    since: Instant,
}

/// Of what comes after the last answer: a connection that is closed while something is unread is reset, and the answer
/// may be lost.
struct Drain {
    end: Pin<Box<Sleep>>,
    left: usize,
}

/// The beginning of Linux' `struct tcp_info`, which is only ever extended; this much since 4.6. Any bytes are a valid
/// one.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct TcpInfo {
    _state_and_options: [u8; 8],
    _timeouts_and_sizes: [u32; 4],
    unacknowledged_segments: u32,
    _counts_times_and_rates: [u32; 19],
    _pacing_rates: [u64; 2],
    acknowledged_bytes: u64,
    _received_bytes: u64,
    _segments: [u32; 2],
    unsent_bytes: u32,
    _minimal_round_trip: u32,
}

/// What the system knows of a connection.
#[derive(Debug, Clone, Copy)]
struct PeerProgress;

nix::getsockopt_impl!(PeerProgress, libc::IPPROTO_TCP, libc::TCP_INFO, TcpInfo, sockopt::GetStruct<TcpInfo>);

const LOOK_EVERY: Duration = Duration::from_secs(1);
const DRAIN_TIME: Duration = Duration::from_secs(1);
/// More than a body has by default, a batch included, so that whoever still sends one is told why it is refused.
const DRAIN_BYTES: usize = 64 << 20;
/// The end itself counts as a byte.
const END_BYTES: u32 = 1;

// === impl HttpConnection ===

impl HttpConnection {
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        let shared = Rc::default();
        // The end of an answer must not wait for the peer to acknowledge what is before it. Who is gone already does
        // not matter.
        let _ = stream.set_nodelay(true);
        Self { stream, shared, patience, watch: None, drain: None, is_reset_at_drop: false }
    }

    pub fn handle(&self) -> ConnectionHandle {
        ConnectionHandle(self.shared.clone())
    }

    /// Fails when the peer has taken nothing for too long. The server comes here whenever it does anything.
    fn look(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        while watch.next.as_mut().poll(context).is_ready() {
            let info = getsockopt(&self.stream, PeerProgress)?;
            if info.unacknowledged_segments == 0 && info.unsent_bytes == 0 {
                self.watch = None;
                return Ok(());
            }
            let now = Instant::now();
            if watch.acknowledged.replace(info.acknowledged_bytes) != Some(info.acknowledged_bytes) {
                watch.since = now;
            } else if now - watch.since >= self.patience {
                self.stream.set_zero_linger()?;
                return Err(io::ErrorKind::TimedOut.into());
            }
            watch.next.as_mut().reset(now + self.patience.min(LOOK_EVERY));
        }
        Ok(())
    }

    fn begin_to_look(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.watch.is_none() {
            let next = Box::pin(sleep(self.patience.min(LOOK_EVERY)));
            self.watch = Some(Watch { next, acknowledged: None, since: Instant::now() });
        }
        self.look(context)
    }

    /// Whatever ends the process or this connection before its answer is whole must not look like the answer's end.
    fn mark_unframed(&mut self) -> io::Result<()> {
        let is_unframed = self.shared.unframed.get() != Unframed::None;
        if is_unframed && !self.is_reset_at_drop {
            self.stream.set_zero_linger()?;
            self.is_reset_at_drop = true;
        }
        Ok(())
    }

    /// Reads and drops what still comes, until the peer is done or it is too much.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let drain = self.drain.get_or_insert_with(|| Drain { end: Box::pin(sleep(DRAIN_TIME)), left: DRAIN_BYTES });
        let mut bytes = [0; 16 << 10];
        while drain.left > 0 && drain.end.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            drain.left = drain.left.saturating_sub(buffer.filled().len());
        }
        Poll::Ready(())
    }
}

impl AsyncRead for HttpConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.look(context)?;
        this.shared.reads_now(context);
        if this.shared.is_last_answer_sent.get() {
            // As if the peer had closed its side: nothing that follows is answered.
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let received = buffer.filled().len() - before;
        this.shared.received.update(|bytes| bytes + received as u64);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HttpConnection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.mark_unframed()?;
        this.begin_to_look(context)?;
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.look(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match this.shared.unframed.get() {
            Unframed::None => {}
            Unframed::UnderWay => return Poll::Ready(Ok(())),
            Unframed::Whole => setsockopt(&this.stream, sockopt::Linger, &libc::linger { l_onoff: 0, l_linger: 0 })?,
        }
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        // The system would keep for minutes what a peer does not take that is let go.
        if getsockopt(&this.stream, PeerProgress)?.unsent_bytes > END_BYTES {
            this.begin_to_look(context)?;
            if this.watch.is_none() {
                // All was taken meanwhile, and nothing else would come back here.
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        if this.shared.is_last_answer_sent.get() {
            ready!(this.poll_drain(context));
        }
        Poll::Ready(Ok(()))
    }
}

// === impl ConnectionShared ===

impl ConnectionShared {
    fn reads_now(&self, context: &Context<'_>) {
        self.answers.set(0);
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
    }
}

// === impl ConnectionHandle ===

impl ConnectionHandle {
    /// Bytes that have come so far, of this request and of others.
    pub fn received(&self) -> u64 {
        self.0.received.get()
    }

    /// Whether an answer was sent that says it is the last one. Nothing that comes after it is a request.
    pub fn is_closing(&self) -> bool {
        self.0.is_last_answer_sent.get()
    }

    /// The answer under way ends where the connection ends: unless it is whole, the connection is reset.
    pub fn answer_ends_with_connection(&self) {
        self.0.unframed.set(Unframed::UnderWay);
    }

    pub fn answer_is_whole(&self) {
        if self.0.unframed.get() == Unframed::UnderWay {
            self.0.unframed.set(Unframed::Whole);
        }
    }

    /// An answer is sent, or will not be. The server takes sixteen requests that come at once, and looks for more only
    /// when it is woken.
    pub fn answer_is_done(&self, is_last: bool) {
        let shared = &self.0;
        shared.answers.update(|answers| answers + 1);
        shared.is_last_answer_sent.update(|sent| sent || is_last);
        if (shared.answers.get() > 1 || is_last)
            && let Some(task) = &*shared.task.borrow()
        {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::AsFd;

    use futures_util::FutureExt as _;
    use nix::sys::socket::sockopt::{RcvBuf, SndBuf};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpSocket;
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);
    const NEARLY: Duration = Duration::from_secs(58);
    const PIECE: usize = 16 << 10;

    /// A connection with small buffers, and its peer.
    async fn pair() -> (HttpConnection, std::net::TcpStream) {
        let socket = TcpSocket::new_v4().unwrap();
        setsockopt(&socket.as_fd(), SndBuf, &4096).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let peer = TcpSocket::new_v4().unwrap();
        setsockopt(&peer.as_fd(), RcvBuf, &4096).unwrap();
        let (accepted, peer) = tokio::join!(listener.accept(), peer.connect(address));
        let peer = peer.unwrap().into_std().unwrap();
        peer.set_nonblocking(false).unwrap();
        (HttpConnection::new(accepted.unwrap().0, PATIENCE), peer)
    }

    /// Writes until the system takes no more for now.
    async fn fill(connection: &mut HttpConnection) -> io::Result<usize> {
        let mut written = 0;
        while let Some(bytes) = connection.write(&[0; PIECE]).now_or_never() {
            written += bytes?;
            tokio::task::yield_now().await;
        }
        Ok(written)
    }

    fn acknowledged(connection: &HttpConnection) -> u64 {
        getsockopt(&connection.stream, PeerProgress).unwrap().acknowledged_bytes
    }

    fn take_some(connection: &HttpConnection, peer: &mut std::net::TcpStream) {
        let before = acknowledged(connection);
        while acknowledged(connection) == before {
            assert!(peer.read(&mut [0; 1024]).unwrap() > 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_something_within_the_time_is_not_cut_and_who_takes_nothing_is_reset() {
        let (mut connection, mut peer) = pair().await;
        fill(&mut connection).await.unwrap();

        for _ in 0..8 {
            advance(NEARLY).await;
            fill(&mut connection).await.expect("a reader who is slow");
            take_some(&connection, &mut peer);
            advance(LOOK_EVERY).await;
            fill(&mut connection).await.expect("a reader who is slow");
        }

        advance(PATIENCE + LOOK_EVERY).await;
        let cut = fill(&mut connection).await.map_err(|error| error.kind());
        drop(connection);
        let read = peer.read_to_end(&mut Vec::new()).map_err(|error| error.kind());

        assert_eq!((cut, read), (Err(io::ErrorKind::TimedOut), Err(io::ErrorKind::ConnectionReset)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_and_not_taken_is_noticed_while_nothing_is_to_be_written() {
        let (mut connection, _peer) = pair().await;
        fill(&mut connection).await.unwrap();

        // The clock goes on by itself when there is nothing else to do.
        let read = connection.read(&mut [0; 16]).await.map_err(|error| error.kind());
        assert_eq!(read, Err(io::ErrorKind::TimedOut));

        let (mut connection, _peer) = pair().await;
        fill(&mut connection).await.unwrap();
        let shut = connection.shutdown().await.map_err(|error| error.kind());
        assert_eq!(shut, Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_taken_everything_may_be_silent() {
        let (mut connection, mut peer) = pair().await;
        connection.write_all(b"answer").await.unwrap();
        peer.read_exact(&mut [0; 6]).unwrap();

        let silence = tokio::time::timeout(10 * PATIENCE, connection.read(&mut [0; 16])).await;

        assert!(silence.is_err(), "{silence:?}");
    }

    #[tokio::test]
    async fn the_end_of_an_answer_does_not_wait_for_what_is_before_it_to_be_acknowledged() {
        let (connection, _peer) = pair().await;

        assert!(connection.stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn an_answer_that_ends_with_the_connection_is_reset_unless_it_is_whole() {
        for is_whole in [false, true] {
            let (mut connection, mut peer) = pair().await;
            let handle = connection.handle();
            handle.answer_ends_with_connection();
            connection.write_all(b"answer").await.unwrap();
            if is_whole {
                handle.answer_is_whole();
            }

            connection.shutdown().await.unwrap();
            drop(connection);
            let read = peer.read_to_end(&mut Vec::new()).map_err(|error| error.kind());

            assert_eq!(read, if is_whole { Ok(6) } else { Err(io::ErrorKind::ConnectionReset) });
        }
    }
}
