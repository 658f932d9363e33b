//! Owns the end of a connection whose request's body was not read to its end: the answer is the last one, whether or
//! not the rest of the body has come by then. The server itself would keep the connection where it has, and it would
//! read what is left of a dropped chunked body without a bound. So a chunked body is kept until its answer is sent.
//! What is no content of it, such as extensions of chunks, has a bound.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use bytes::Bytes;
use futures_util::Stream;

use super::connection::ConnectionHandle;
use crate::resilience::Entered;

/// What is known of a request's body once its answer is there.
pub struct RequestBody {
    unread: Rc<Cell<u64>>,
    /// If it is chunked.
    kept: Option<KeptBody>,
}

/// A body that tells how much of it is unread, as far as that is known: all of a chunked one until its end.
struct WatchedBody<S> {
    body: S,
    unread: Rc<Cell<u64>>,
}

/// A chunked body. Clones share it.
#[derive(Clone)]
struct KeptBody(Rc<RefCell<Chunked>>);

struct Chunked {
    payload: Payload,
    connection: Option<ConnectionHandle>,
    received_before: u64,
    content: u64,
}

/// An answer's body, and what goes when it goes: the request's, and that the request is under way.
pub struct WithKeptBody {
    answer: BoxBody,
    connection: Option<ConnectionHandle>,
    is_last: bool,
    _request: Option<KeptBody>,
    _entered: Option<Entered>,
}

/// What may come beside a chunked body's content: as much as the server reads ahead, and as often as much as the
/// content.
const FRAMING_BYTES: u64 = 160 << 10;
const FRAMING_PER_BYTE: u64 = 8;

/// Watches the request's body, if it has one; handlers read it as before.
pub fn watch_body(request: &mut ServiceRequest, connection: Option<&ConnectionHandle>) -> Option<RequestBody> {
    let headers = request.headers();
    if headers.contains_key(TRANSFER_ENCODING) {
        let kept = KeptBody(Rc::new(RefCell::new(Chunked {
            payload: request.take_payload(),
            connection: connection.cloned(),
            received_before: connection.map_or(0, ConnectionHandle::received),
            content: 0,
        })));
        let unread = watch(request, kept.clone(), u64::MAX);
        return Some(RequestBody { unread, kept: Some(kept) });
    }
    let length = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok().filter(|length| *length > 0)?;
    let payload = request.take_payload();
    Some(RequestBody { unread: watch(request, payload, length), kept: None })
}

fn watch(
    request: &mut ServiceRequest,
    body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin + 'static,
    length: u64,
) -> Rc<Cell<u64>> {
    let unread = Rc::new(Cell::new(length));
    let watched = WatchedBody { body, unread: unread.clone() };
    request.set_payload(Payload::Stream { payload: Box::pin(watched) });
    unread
}

impl RequestBody {
    pub fn is_unread(&self) -> bool {
        self.unread.get() > 0
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for WatchedBody<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.body).poll_next(cx);
        match &next {
            Poll::Ready(Some(Ok(bytes))) => self.unread.update(|unread| unread.saturating_sub(bytes.len() as u64)),
            Poll::Ready(None) => self.unread.set(0),
            _ => {}
        }
        next
    }
}

impl Stream for KeptBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = &mut *self.0.borrow_mut();
        let next = Pin::new(&mut body.payload).poll_next(cx);
        match &next {
            Poll::Ready(Some(Ok(bytes))) => body.content += bytes.len() as u64,
            Poll::Pending if body.is_mostly_framing() => return Poll::Ready(Some(Err(PayloadError::Overflow))),
            _ => {}
        }
        next
    }
}

impl Chunked {
    fn is_mostly_framing(&self) -> bool {
        let received = self.connection.as_ref().map_or(0, |connection| connection.received() - self.received_before);
        received.saturating_sub(self.content) > FRAMING_BYTES + FRAMING_PER_BYTE * self.content
    }
}

impl WithKeptBody {
    /// `is_last` says that the connection ends with this answer.
    pub fn new(
        answer: impl MessageBody + 'static,
        connection: Option<ConnectionHandle>,
        is_last: bool,
        request: Option<RequestBody>,
        entered: Option<Entered>,
    ) -> Self {
        let kept = request.and_then(|request| request.kept);
        Self { answer: answer.boxed(), connection, is_last, _request: kept, _entered: entered }
    }
}

impl MessageBody for WithKeptBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = Pin::new(&mut self.answer).poll_next(cx);
        if let (Poll::Ready(None), Some(connection)) = (&next, &self.connection) {
            connection.answer_is_whole();
        }
        next
    }
}

impl Drop for WithKeptBody {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.answer_is_done(self.is_last);
        }
    }
}
