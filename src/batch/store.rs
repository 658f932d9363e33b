//! Owns results until they are fetched or expire: in this process, in Redis, in a folder or in a bucket. Writing one again changes nothing,
//! as the same item sounds the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

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
    #[error("the store of results cannot be reached")]
    Unreachable,
    #[error("TTS_BATCH_STORE must be file:///FOLDER, s3://BUCKET[/PREFIX], redis or memory: {0}")]
    Invalid(String),
}

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
            let bucket = AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(invalid)?;
            return Ok(Self::Objects(Arc::new(object_store::prefix::PrefixStore::new(bucket, prefix))));
        }
        Err(StoreError::Invalid("it is none of these".to_owned()))
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
                store.put(&path(id, name), file.into()).await.map(drop).map_err(|error| explained(&error))
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
                let found = store.get(&path(id, name)).await.map_err(|error| explained(&error))?;
                found.bytes().await.map_err(|error| explained(&error))
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
                while let Some(file) = files.try_next().await.map_err(|error| explained(&error))? {
                    store.delete(&file.location).await.map_err(|error| explained(&error))?;
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

fn explained(error: &object_store::Error) -> StoreError {
    match error {
        object_store::Error::NotFound { .. } => StoreError::Missing,
        _ => StoreError::Unreachable,
    }
}
