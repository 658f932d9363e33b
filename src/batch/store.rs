//! Owns results until they are fetched or expire: in this process, in Redis, in a folder or in a bucket. Writing one
//! again changes nothing, as the same item sounds the same.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::ClientConfigKey;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig};
use uuid::Uuid;

use super::ledger::{LedgerError, RedisLedger};
use super::model::BatchId;

/// Where results are. A clone is the same place.
#[derive(Clone)]
pub enum Store {
    Memory(MemoryStore),
    Redis(RedisStore),
    /// A folder: what is in it besides plain files is nothing of ours.
    Folder(Arc<dyn ObjectStore>, PathBuf),
    Bucket(Arc<dyn ObjectStore>),
}

/// Results in this process, within a bound.
#[derive(Clone)]
pub struct MemoryStore {
    files: Arc<Mutex<MemoryFiles>>,
    limit_bytes: usize,
}

#[derive(Default)]
struct MemoryFiles {
    by_name: HashMap<(BatchId, String), Bytes>,
    bytes: usize,
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
    #[error("the store of results is full")]
    Full,
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
/// Calls to a store that are under way at a time.
const AT_ONCE: usize = 64;

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
            let files = LocalFileSystem::new_with_prefix(folder).map_err(invalid)?.with_automatic_cleanup(true);
            return Ok(Self::Folder(Arc::new(files), folder.into()));
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
            return Ok(Self::Bucket(Arc::new(object_store::prefix::PrefixStore::new(bucket, prefix))));
        }
        Err(StoreError::Invalid("it is none of these".to_owned()))
    }

    /// Keeps a small file, reads it and removes it, if that takes more than this process and its Redis.
    pub async fn probe(&self) -> Result<(), ProbeFailed> {
        let (Self::Folder(store, _) | Self::Bucket(store)) = self else { return Ok(()) };
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
                if file.len() > store.limit_bytes {
                    return Err(StoreError::TooLarge);
                }
                store.files.lock().unwrap_or_else(PoisonError::into_inner).put(
                    (id, name.to_owned()),
                    file,
                    store.limit_bytes,
                )
            }
            Self::Redis(store) => {
                if file.len() > store.limit_bytes {
                    return Err(StoreError::TooLarge);
                }
                let mut set = redis::cmd("SET");
                set.arg(key(id, name)).arg(&file[..]).arg("EX").arg(store.keep.as_secs().max(1));
                store.redis.ask::<String>(&set).await.map(drop).map_err(StoreError::from)
            }
            Self::Folder(store, _) | Self::Bucket(store) => {
                store.put(&path(id, name), file.into()).await.map(drop).map_err(|error| refused(&error))
            }
        }
    }

    pub async fn get(&self, id: BatchId, name: &str) -> Result<Bytes, StoreError> {
        match self {
            Self::Memory(store) => {
                let files = store.files.lock().unwrap_or_else(PoisonError::into_inner);
                files.by_name.get(&(id, name.to_owned())).cloned().ok_or(StoreError::Missing)
            }
            Self::Redis(store) => {
                let found: Option<Vec<u8>> = store.redis.ask(redis::cmd("GET").arg(key(id, name))).await?;
                found.map(Bytes::from).ok_or(StoreError::Missing)
            }
            Self::Folder(_, folder) if !is_file(folder.join(id.to_string()).join(name)).await => {
                Err(StoreError::Missing)
            }
            Self::Folder(store, _) | Self::Bucket(store) => {
                let missing = |error: object_store::Error| match error {
                    object_store::Error::NotFound { .. } => StoreError::Missing,
                    error => refused(&error),
                };
                let found = store.get(&path(id, name)).await.map_err(missing)?;
                found.bytes().await.map_err(missing)
            }
        }
    }

    /// Which of these files are not there.
    pub async fn missing(&self, id: BatchId, names: Vec<String>) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Memory(store) => {
                let files = store.files.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(names.into_iter().filter(|name| !files.by_name.contains_key(&(id, name.clone()))).collect())
            }
            Self::Redis(store) => {
                let looked = stream::iter(names).map(|name| async move {
                    let is_there: bool = store.redis.ask(redis::cmd("EXISTS").arg(key(id, &name))).await?;
                    Ok((!is_there).then_some(name))
                });
                looked.buffered(AT_ONCE).try_filter_map(|missing| async { Ok(missing) }).try_collect().await
            }
            Self::Folder(store, _) | Self::Bucket(store) => {
                let listed = store.list(Some(&Path::from(id.to_string())));
                let there: HashSet<Path> =
                    listed.map_ok(|file| file.location).try_collect().await.map_err(|error| refused(&error))?;
                Ok(names.into_iter().filter(|name| !there.contains(&path(id, name))).collect())
            }
        }
    }

    /// Removes these files, where they are there.
    pub async fn remove(&self, id: BatchId, names: Vec<String>) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                let mut files = store.files.lock().unwrap_or_else(PoisonError::into_inner);
                files.remove_if(|(of, name)| *of == id && names.contains(name));
                Ok(())
            }
            Self::Redis(store) => {
                let removed = stream::iter(names).map(|name| async move {
                    store.redis.ask::<i64>(redis::cmd("UNLINK").arg(key(id, &name))).await.map_err(StoreError::from)
                });
                removed.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await
            }
            Self::Folder(store, _) | Self::Bucket(store) => {
                let paths: Vec<_> = names.iter().map(|name| Ok(path(id, name))).collect();
                delete(store, stream::iter(paths).boxed()).await
            }
        }
    }

    /// Whether files are found without their names.
    pub fn can_list(&self) -> bool {
        !matches!(self, Self::Redis(_))
    }

    /// Removes all files of a batch that are found without their names.
    pub async fn clear(&self, id: BatchId) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => {
                store.files.lock().unwrap_or_else(PoisonError::into_inner).remove_if(|(of, _)| *of == id);
                Ok(())
            }
            Self::Redis(_) => Ok(()),
            Self::Folder(store, _) | Self::Bucket(store) => {
                let files = store.list(Some(&Path::from(id.to_string())));
                delete(store, files.map_ok(|file| file.location).boxed()).await
            }
        }
    }

    /// Batches that have files, in a place that outlives ledgers.
    pub async fn batches(&self) -> Result<Vec<BatchId>, StoreError> {
        let (Self::Folder(store, _) | Self::Bucket(store)) = self else { return Ok(Vec::new()) };
        let listed = store.list_with_delimiter(None).await.map_err(|error| refused(&error))?;
        let folders = listed.common_prefixes.iter().filter_map(Path::filename);
        Ok(folders.filter_map(BatchId::parse).collect())
    }

    /// When a file of the batch was written last, since 1970.
    pub async fn last_written(&self, id: BatchId) -> Result<Option<Duration>, StoreError> {
        let (Self::Folder(store, _) | Self::Bucket(store)) = self else { return Ok(None) };
        let files = store.list(Some(&Path::from(id.to_string())));
        let written = files.map_ok(|file| file.last_modified.timestamp());
        let last = written
            .try_fold(None, async |last, written| Ok(last.max(Some(written))))
            .await
            .map_err(|error| refused(&error))?;
        Ok(last.map(|last| Duration::from_secs(last.try_into().unwrap_or_default())))
    }
}

// === impl MemoryFiles ===

impl MemoryFiles {
    fn put(&mut self, name: (BatchId, String), file: Bytes, limit: usize) -> Result<(), StoreError> {
        let before = self.by_name.get(&name).map_or(0, Bytes::len);
        let bytes = self.bytes - before + file.len();
        if bytes > limit {
            return Err(StoreError::Full);
        }
        self.bytes = bytes;
        self.by_name.insert(name, file);
        Ok(())
    }

    fn remove_if(&mut self, is_removed: impl Fn(&(BatchId, String)) -> bool) {
        let Self { by_name, bytes } = self;
        by_name.retain(|name, file| {
            let keeps = !is_removed(name);
            *bytes -= if keeps { 0 } else { file.len() };
            keeps
        });
    }
}

async fn delete(
    store: &Arc<dyn ObjectStore>,
    paths: BoxStream<'static, object_store::Result<Path>>,
) -> Result<(), StoreError> {
    let mut deleted = store.delete_stream(paths);
    while let Some(path) = deleted.next().await {
        match path {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(refused(&error)),
        }
    }
    Ok(())
}

/// Neither a link nor a pipe, and there.
async fn is_file(path: PathBuf) -> bool {
    tokio::fs::symlink_metadata(path).await.is_ok_and(|there| there.is_file())
}

/// Without a hash tag: a cluster spreads the results over its nodes.
fn key(id: BatchId, name: &str) -> String {
    format!("tts-batch-result:{id}:{name}")
}

fn path(id: BatchId, name: &str) -> Path {
    Path::from_iter([id.to_string(), name.to_owned()])
}

impl From<LedgerError> for StoreError {
    fn from(error: LedgerError) -> Self {
        if error == LedgerError::NoRoom { Self::Full } else { Self::Unreachable }
    }
}

/// What a store says that was asked to keep something.
fn refused(error: &object_store::Error) -> StoreError {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    match error {
        NotFound { .. } => StoreError::NoPlace,
        PermissionDenied { .. } | Unauthenticated { .. } => StoreError::Denied,
        error => disk_refused(error).unwrap_or(StoreError::Unreachable),
    }
}

/// What a disk says, if it was one.
fn disk_refused(error: &dyn std::error::Error) -> Option<StoreError> {
    let mut causes = std::iter::successors(error.source(), |cause| cause.source());
    let kind = causes.find_map(|cause| cause.downcast_ref::<io::Error>())?.kind();
    Some(match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full,
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::NoPlace,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreError::Denied,
        _ => return None,
    })
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
            Self::Full => "store_full",
            Self::NoPlace => "store_missing",
            Self::Denied => "store_denied",
            Self::Unreachable => "store_unreachable",
            Self::Invalid(_) => "store_invalid",
        }
    }
}
