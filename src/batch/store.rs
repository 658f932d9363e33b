//! Owns results until they are fetched or expire: in this process, in Redis, in a folder or in a bucket. Writing one again changes nothing,
//! as the same item sounds the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::ClientConfigKey;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};
use uuid::Uuid;

use super::ledger::RedisLedger;
use super::model::BatchId;

/// Where results are. A clone is the same place.
#[derive(Clone)]
pub enum Store {
    Memory(MemoryStore),
    Redis(RedisStore),
    Objects(Arc<dyn ObjectStore>),
}

/// Results in this process, within a bound.
#[derive(Clone)]
pub struct MemoryStore {
    files: Arc<Mutex<HashMap<(BatchId, String), Bytes>>>,
    limit_bytes: usize,
}

#[derive(Clone)]
pub struct RedisStore {
    redis: RedisLedger,
    keep: Duration,
    /// Of one result.
    limit_bytes: usize,
}

/// Why a result is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("the result is not in the store")]
    Missing,
    /// Not worth trying again.
    #[error("the result is larger than the store takes")]
    TooLarge,
    #[error("the bucket or folder of results is not there")]
    NoPlace,
    #[error("the store of results does not let this service in")]
    Denied,
    #[error("the store of results cannot be reached")]
    Unreachable,
    #[error("must be file:///FOLDER, s3://BUCKET[/PREFIX], redis or memory: {0}")]
    Invalid(String),
}

/// Why nothing can be kept in a store, for its operator.
#[derive(Debug, thiserror::Error)]
#[error("{error}: {reason}")]
pub struct ProbeFailed {
    pub error: StoreError,
    reason: String,
}

/// The longest that a call may be repeated by the client of a bucket; whoever calls tries again for longer.
const RETRY_LIMIT: Duration = Duration::from_secs(5);
/// The longest that a store may take to keep a small file, give it back and remove it.
const PROBE_LIMIT: Duration = Duration::from_secs(15);
/// An answer of a store may be a page; its beginning says what is wrong.
const MAX_REASON_CHARS: usize = 300;

// === impl Store ===

impl Store {
    pub fn in_memory(limit_bytes: usize) -> Self {
        Self::Memory(MemoryStore { files: Arc::default(), limit_bytes })
    }

    pub fn in_redis(redis: RedisLedger, keep: Duration, limit_bytes: usize) -> Self {
        Self::Redis(RedisStore { redis, keep, limit_bytes })
    }

    /// A folder, which is made if it is not there, or a bucket, whose credentials are in the usual `AWS_*` variables.
    pub fn at(url: &str) -> Result<Self, StoreError> {
        let invalid = |error: object_store::Error| StoreError::Invalid(error.to_string());
        if let Some(folder) = url.strip_prefix("file://").filter(|folder| folder.starts_with('/')) {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::Invalid(error.to_string()))?;
            let folder = LocalFileSystem::new_with_prefix(folder).map_err(invalid)?.with_automatic_cleanup(true);
            return Ok(Self::Objects(Arc::new(folder)));
        }
        if let Some(place) = url.strip_prefix("s3://").filter(|place| !place.is_empty()) {
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            let builder = AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_retry(RetryConfig { retry_timeout: RETRY_LIMIT, ..RetryConfig::default() });
            let value = |key| builder.get_config_value(&key);
            let endpoint = value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
            let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
            let may_be = value(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp));
            if is_plain && may_be.is_none_or(|value| value == "false") {
                let problem = "AWS_ENDPOINT is http://, which works with AWS_ALLOW_HTTP=true alone";
                return Err(StoreError::Invalid(problem.to_owned()));
            }
            let bucket = builder.build().map_err(invalid)?;
            return Ok(Self::Objects(Arc::new(object_store::prefix::PrefixStore::new(bucket, prefix))));
        }
        Err(StoreError::Invalid("it is none of these".to_owned()))
    }

    /// Keeps a small file, reads it and removes it, if that takes more than this process and its Redis.
    pub async fn probe(&self) -> Result<(), ProbeFailed> {
        let Self::Objects(store) = self else { return Ok(()) };
        let path = Path::from(format!("probe-{}", Uuid::new_v4()));
        let probe = async {
            store.put(&path, Bytes::from_static(b"probe").into()).await?;
            let read = store.get(&path).await;
            store.delete(&path).await?;
            read?.bytes().await
        };
        let failed = |error: &object_store::Error| ProbeFailed { error: refused(error), reason: reason(error) };
        match tokio::time::timeout(PROBE_LIMIT, probe).await {
            Ok(outcome) => outcome.map(drop).map_err(|error| failed(&error)),
            Err(_) => Err(ProbeFailed {
                error: StoreError::Unreachable,
                reason: format!("no answer within {} s", PROBE_LIMIT.as_secs()),
            }),
        }
    }

    /// Keeps a file of an item, named by the item's number and its ending.
    pub async fn put(&self, id: BatchId, name: &str, file: Bytes) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                let mut files = store.files.lock().unwrap_or_else(PoisonError::into_inner);
                let kept: usize = files.values().map(Bytes::len).sum();
                if kept + file.len() > store.limit_bytes {
                    return Err(StoreError::TooLarge);
                }
                files.insert((id, name.to_owned()), file);
                Ok(())
            }
            Self::Redis(store) => {
                if file.len() > store.limit_bytes {
                    return Err(StoreError::TooLarge);
                }
                let mut set = redis::cmd("SET");
                set.arg(key(id, name)).arg(&file[..]).arg("EX").arg(store.keep.as_secs().max(1));
                store.redis.ask::<String>(&set).await.map(drop).map_err(|_| StoreError::Unreachable)
            }
            Self::Objects(store) => {
                store.put(&path(id, name), file.into()).await.map(drop).map_err(|error| refused(&error))
            }
        }
    }

    pub async fn get(&self, id: BatchId, name: &str) -> Result<Bytes, StoreError> {
        match self {
            Self::Memory(store) => {
                let files = store.files.lock().unwrap_or_else(PoisonError::into_inner);
                files.get(&(id, name.to_owned())).cloned().ok_or(StoreError::Missing)
            }
            Self::Redis(store) => {
                let found: Option<Vec<u8>> =
                    store.redis.ask(redis::cmd("GET").arg(key(id, name))).await.map_err(|_| StoreError::Unreachable)?;
                found.map(Bytes::from).ok_or(StoreError::Missing)
            }
            Self::Objects(store) => {
                let missing = |error: object_store::Error| match error {
                    object_store::Error::NotFound { .. } => StoreError::Missing,
                    error => refused(&error),
                };
                let found = store.get(&path(id, name)).await.map_err(missing)?;
                found.bytes().await.map_err(missing)
            }
        }
    }

    /// Removes all files of a batch; `names` are those that there may be.
    pub async fn remove(&self, id: BatchId, names: impl Iterator<Item = String>) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                store.files.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| *of != id);
            }
            Self::Redis(store) => {
                for name in names {
                    let mut unlink = redis::cmd("UNLINK");
                    unlink.arg(key(id, &name));
                    store.redis.ask::<i64>(&unlink).await.map_err(|_| StoreError::Unreachable)?;
                }
            }
            Self::Objects(store) => {
                let mut files = store.list(Some(&Path::from(id.to_string())));
                while let Some(file) = files.try_next().await.map_err(|error| refused(&error))? {
                    store.delete(&file.location).await.map_err(|error| refused(&error))?;
                }
            }
        }
        Ok(())
    }
}

/// Without a hash tag: a cluster spreads the results over its nodes.
fn key(id: BatchId, name: &str) -> String {
    format!("tts-batch-result:{id}:{name}")
}

fn path(id: BatchId, name: &str) -> Path {
    Path::from_iter([id.to_string(), name.to_owned()])
}

/// What a store says that was asked to keep something.
fn refused(error: &object_store::Error) -> StoreError {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    match error {
        NotFound { .. } => StoreError::NoPlace,
        PermissionDenied { .. } | Unauthenticated { .. } => StoreError::Denied,
        _ => StoreError::Unreachable,
    }
}

/// What is behind an error, in one line.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let words: Vec<String> = cause.to_string().split_whitespace().map(str::to_owned).collect();
    words.join(" ").chars().take(MAX_REASON_CHARS).collect()
}

// === impl StoreError ===

impl StoreError {
    /// For programs: constant, lower case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "result_not_found",
            Self::TooLarge => "result_too_large",
            Self::NoPlace => "store_missing",
            Self::Denied => "store_denied",
            Self::Unreachable => "store_unreachable",
            Self::Invalid(_) => "store_invalid",
        }
    }
}
