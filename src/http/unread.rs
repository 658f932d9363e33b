//! Owns the end of a connection whose request's body was not read to its end. Of a body with a length the server knows what is missing and
//! closes the connection; a chunked one that was dropped it would read, and wait for, without end. So a chunked body is kept until its
//! answer is sent, which makes the server treat both alike.

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

use crate::resilience::Entered;

/// A request's body. Clones share it.
#[derive(Clone)]
pub struct KeptBody(Rc<RefCell<Payload>>);

/// An answer's body, and what goes when it goes: the request's, and that the request is under way.
pub struct WithKeptBody {
    answer: BoxBody,
    _request: Option<KeptBody>,
    _entered: Option<Entered>,
}

/// Keeps the request's body, if it is chunked; handlers read it as before.
pub fn keep_chunked_body(request: &mut ServiceRequest) -> Option<KeptBody> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let kept = KeptBody(Rc::new(RefCell::new(request.take_payload())));
    request.set_payload(Payload::Stream { payload: Box::pin(kept.clone()) });
    Some(kept)
}

impl Stream for KeptBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(cx)
    }
}

impl WithKeptBody {
    pub fn new(answer: impl MessageBody + 'static, request: Option<KeptBody>, entered: Option<Entered>) -> Self {
        Self { answer: answer.boxed(), _request: request, _entered: entered }
    }
}

impl MessageBody for WithKeptBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(cx)
    }
}
