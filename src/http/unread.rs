//! Owns the end of a connection whose request's body was not read to its end. Of a body with a length the server knows what is missing and
//! closes the connection; a chunked one that was dropped it would read, and wait for, without end. So a chunked body is kept until its
//! answer is sent, which makes the server treat both alike. What is no content of a chunked body, such as extensions of chunks, has a bound.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use bytes::Bytes;
use futures_util::Stream;

use super::connection::ConnectionHandle;
use crate::resilience::Entered;

/// A request's body. Clones share it.
#[derive(Clone)]
pub struct KeptBody(Rc<RefCell<Chunked>>);

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

/// What may come beside a chunked body's content: as much as the server reads ahead, and as often as much as the content.
const FRAMING_BYTES: u64 = 160 << 10;
const FRAMING_PER_BYTE: u64 = 8;

/// Keeps the request's body, if it is chunked; handlers read it as before.
pub fn keep_chunked_body(request: &mut ServiceRequest, connection: Option<&ConnectionHandle>) -> Option<KeptBody> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let kept = KeptBody(Rc::new(RefCell::new(Chunked {
        payload: request.take_payload(),
        connection: connection.cloned(),
        received_before: connection.map_or(0, ConnectionHandle::received),
        content: 0,
    })));
    request.set_payload(Payload::Stream { payload: Box::pin(kept.clone()) });
    Some(kept)
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
        request: Option<KeptBody>,
        entered: Option<Entered>,
    ) -> Self {
        Self { answer: answer.boxed(), connection, is_last, _request: request, _entered: entered }
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
