//! Owns the writes to the cache, in order, off the path of the request that caused them.

use actix::{Actor, Context, Handler, Message};
use moka::sync::Cache;

use super::{Answer, CacheKey};

pub struct CacheActor {
    pub l1: Cache<CacheKey, Answer>,
}

/// Keep this answer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StoreAnswer {
    pub key: CacheKey,
    pub answer: Answer,
}

/// Writes that may wait. Beyond it they are dropped: an answer that is not kept is computed again.
const MAILBOX_CAPACITY: usize = 256;

impl Actor for CacheActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
    }
}

impl Handler<StoreAnswer> for CacheActor {
    type Result = ();

    fn handle(&mut self, store: StoreAnswer, _: &mut Self::Context) {
        self.l1.insert(store.key, store.answer);
    }
}
