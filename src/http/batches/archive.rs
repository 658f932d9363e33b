//! Owns a batch's results as a zip file, which is written as it is sent.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use serde_json::{Value, json};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::ItemState;
use crate::batch::{BatchError, BatchStatus, Batches, Done, ItemError, ItemOutcome, StoreError};
use crate::domain::Deadline;
use crate::http::error::ApiError;
use crate::resilience::HeldBytes;
use crate::speech::SpeechService;

/// What a writer of an archive has written and nobody has taken yet.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

/// An archive in the making.
pub struct Archive {
    batches: web::Data<Batches>,
    status: BatchStatus,
    speech: SpeechService,
    /// For the item whose files are being sent.
    held: Option<HeldBytes>,
    writer: Option<ZipWriter<StreamWriter<Buffer>>>,
    buffer: Buffer,
    next: usize,
    manifest: Vec<Value>,
}

/// With their endings.
type ItemFiles = Vec<(String, Bytes)>;

/// How long an archive that is begun waits for memory for its next item.
const ROOM_LIMIT: Duration = Duration::from_secs(30);

// === impl Archive ===

impl Archive {
    pub fn new(batches: web::Data<Batches>, status: BatchStatus, speech: SpeechService) -> Self {
        let buffer = Buffer::default();
        let writer = Some(ZipWriter::new_stream(buffer.clone()));
        Self { batches, status, speech, held: None, writer, buffer, next: 0, manifest: Vec::new() }
    }

    pub fn stream(self) -> impl Stream<Item = Result<Bytes, ApiError>> {
        stream::unfold(self, |mut archive| async move {
            archive.writer.as_ref()?;
            let part = archive.part().await;
            if part.is_err() {
                archive.writer = None;
            }
            Some((part, archive))
        })
    }

    /// The next item's files; after the last one the manifest and the end.
    async fn part(&mut self) -> Result<Bytes, ApiError> {
        if self.next == self.status.description.items {
            let manifest = json!({"id": self.status.id, "items": std::mem::take(&mut self.manifest)});
            self.write("manifest.json", &serde_json::to_vec_pretty(&manifest).unwrap_or_default())?;
            let writer = self.writer.take().ok_or_else(broken)?;
            writer.finish().map_err(|_| broken())?;
            return Ok(self.buffer.take());
        }
        let index = self.next;
        self.next += 1;
        let outcome = self.batches.outcomes(&self.status, index..index + 1).await?.pop().flatten();
        let custom_id = self.batches.custom_ids(&self.status, index..index + 1).await?.pop().flatten();
        let files = match &outcome {
            Some(ItemOutcome::Done(done)) => {
                // Those before are sent.
                self.held = None;
                // The files, and what is written of them.
                let room = self.speech.hold_begun(2 * done.bytes, Deadline::after(ROOM_LIMIT));
                self.held = Some(room.await?);
                self.files(index, done).await?
            }
            _ => Ok(Vec::new()),
        };
        let names: Vec<String> =
            files.iter().flatten().map(|(ending, _)| named(index, custom_id.as_deref(), ending)).collect();
        for (name, (_, file)) in names.iter().zip(files.iter().flatten()) {
            self.write(name, file)?;
        }
        let state = match files {
            Ok(_) => ItemState::of(&self.status, index, custom_id, outcome),
            Err(lost) => ItemState::failed(index, custom_id, lost),
        };
        let mut entry = json!(state);
        entry["files"] = json!(names);
        self.manifest.push(entry);
        Ok(self.buffer.take())
    }

    /// An item's files by their endings, or what became of one that is not there any more as it was.
    async fn files(&self, index: usize, done: &Done) -> Result<Result<ItemFiles, ItemError>, ApiError> {
        let mut files = Vec::new();
        for ending in std::iter::once(&done.extension).chain(&done.beside) {
            let lost = match self.batches.file(&self.status, index, done, ending).await {
                Ok(file) => {
                    files.push((ending.clone(), file));
                    continue;
                }
                Err(BatchError::Store(StoreError::Missing)) => BatchError::ResultGone(index),
                Err(lost @ (BatchError::ResultGone(_) | BatchError::ResultDamaged(_))) => lost,
                Err(error) => return Err(error.into()),
            };
            let lost = ApiError::from(lost);
            return Ok(Err(ItemError::new(lost.code, lost.message)));
        }
        Ok(Ok(files))
    }

    fn write(&mut self, name: &str, file: &[u8]) -> Result<(), ApiError> {
        let writer = self.writer.as_mut().ok_or_else(broken)?;
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file(name, options).map_err(|_| broken())?;
        writer.write_all(file).map_err(|_| broken())
    }
}

/// A file's name in the archive.
fn named(index: usize, custom_id: Option<&str>, ending: &str) -> String {
    custom_id.map_or_else(|| format!("{index:05}.{ending}"), |custom_id| format!("{index:05}-{custom_id}.{ending}"))
}

fn broken() -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "archive_failed", "the archive could not be written")
}

// === impl Buffer ===

impl Buffer {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.borrow_mut()).into()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
