//! Owns deciding how a voice is computed, and what is kept of that decision. A graph that can be taken apart is
//! computed by the kernels, once a check has shown that they speak as ONNX Runtime does; a graph that cannot is
//! compiled by ONNX Runtime for its own version and the processor at hand. Both take most of the time of loading a
//! voice for the first time. The result is kept in a folder whose name says what it was made of. Where no folder can be
//! written, it is made again each time.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::{Buf, Bytes};
use bytes_utils::SegmentedBuf;
use nix::sys::memfd::{MFdFlags, memfd_create};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::check::{DurationReference, ReferenceValues};
use super::errors::LoadError;
use super::files;
use super::kernels::simd::SimdLevel;
use super::leftovers::{PARTIAL, mark_used};
use super::memory::release_freed_memory;
use super::native::{NativeVoice, joined};
use super::onnx::OnnxModel;
use super::runtime::OnnxRuntime;
use super::vits::GraphBoundaries;
use super::voice::MAX_MODEL_BYTES;
use super::voice_config::VoiceConfig;

/// Compiled voices by what they were made of.
#[derive(Clone)]
pub struct CompiledModels {
    runtime: OnnxRuntime,
    folder: Option<PathBuf>,
    take_apart: bool,
    /// In place of the fastest that this processor has.
    level: Option<SimdLevel>,
}

/// A voice as it is computed.
pub enum CompiledVoice {
    /// By the kernels.
    Parts(Box<NativeVoice>),
    /// As it came, in ONNX Runtime's own format.
    Whole(Bytes),
}

/// Part of every name: changed when this program compiles or checks differently.
const VERSION: &str = "6";

/// Says that the kernels speak as the voice's graph does.
const CHECKED: &str = "CHECKED";
const CHECKED_CONTENT: &[u8] = b"the kernels speak as the graph does\n";
const WHOLE: &str = "whole.ort";
/// The digests of the files beside it, as `sha256sum` writes them.
const DIGESTS: &str = "SHA256SUMS";
const MAX_DIGESTS_BYTES: u64 = 4 << 10;

// === impl CompiledModels ===

impl CompiledModels {
    /// Keeps what is compiled in `folder`, if there is one and it can be written.
    pub fn new(runtime: OnnxRuntime, folder: Option<PathBuf>) -> Self {
        Self { runtime, folder, take_apart: true, level: None }
    }

    /// Computes with these instructions and no others, however slow they are: samples are the same with any.
    pub fn with_level(self, level: SimdLevel) -> Self {
        Self { level: Some(level), ..self }
    }

    /// Leaves every voice as it came: what the parts are compared with.
    pub fn whole(self) -> Self {
        Self { take_apart: false, ..self }
    }

    /// The voice in an ONNX file as it is computed.
    pub fn open(&self, source: &Path, config: &VoiceConfig) -> Result<CompiledVoice, LoadError> {
        let segments = files::read_in_segments(source, MAX_MODEL_BYTES).map_err(LoadError::Read)?;
        let digest = digest_of(&segments);
        let kept_as = |by: &[&str]| self.folder.as_ref().map(|folder| folder.join(name_of(&digest, by)));
        let checked = kept_as(&[CHECKED]).filter(|_| self.may_be_taken_apart());
        if let Some(kept) = &checked
            && read_kept(kept, CHECKED).is_some()
        {
            let model = OnnxModel::parse(SegmentedBuf::from_iter(segments))?;
            let boundaries = GraphBoundaries::find(&model.graph())?;
            let voice = Box::new(NativeVoice::new(config.clone(), model, &boundaries, self.level())?);
            mark_used(kept, source);
            release_freed_memory();
            return Ok(CompiledVoice::Parts(voice));
        }
        let whole = kept_as(&[WHOLE, self.runtime.build()?, processor()]);
        if let Some(kept) = &whole
            && let Some(voice) = read_kept(kept, WHOLE)
        {
            mark_used(kept, source);
            return Ok(CompiledVoice::Whole(voice));
        }

        let mut segments = SegmentedBuf::from_iter(segments);
        let bytes = segments.copy_to_bytes(segments.remaining());
        tracing::info!(bytes = bytes.len(), "a voice is compiled for this processor, which takes some seconds");
        let voice = self.compile(&bytes, config)?;
        let (kept, name, content) = match &voice {
            CompiledVoice::Parts(_) => (checked, CHECKED, CHECKED_CONTENT),
            CompiledVoice::Whole(compiled) => (whole, WHOLE, &compiled[..]),
        };
        if let Some(kept) = kept {
            match keep(name, content, &kept) {
                Ok(()) => mark_used(&kept, source),
                Err(error) => {
                    tracing::warn!(%error, "a voice was not compiled into its folder and is compiled in memory");
                }
            }
        }
        Ok(voice)
    }

    /// Without vector instructions, ONNX Runtime is faster than kernels of our own.
    fn may_be_taken_apart(&self) -> bool {
        self.take_apart && (self.level.is_some() || SimdLevel::detect().is_accelerated())
    }

    fn level(&self) -> SimdLevel {
        self.level.unwrap_or_else(SimdLevel::detect)
    }

    fn compile(&self, source: &Bytes, config: &VoiceConfig) -> Result<CompiledVoice, LoadError> {
        let model = OnnxModel::parse(source.clone())?;
        if !self.may_be_taken_apart() {
            return self.optimise(source).map(CompiledVoice::Whole);
        }
        let voice = match GraphBoundaries::find(&model.graph()) {
            Ok(boundaries) => self.take_apart(model, &boundaries, source, config)?,
            Err(unknown) => Err(unknown.to_string()),
        };
        let voice = voice.map(CompiledVoice::Parts).or_else(|reason| {
            tracing::warn!(reason, "a voice is computed as it came, which is slower");
            self.optimise(source).map(CompiledVoice::Whole)
        });
        // It takes more than twice the memory of the model while it runs.
        release_freed_memory();
        voice
    }

    /// The voice in parts, if they speak as the whole does; else why they do not. What takes longest is done at the
    /// same time.
    fn take_apart(
        &self,
        model: OnnxModel,
        boundaries: &GraphBoundaries,
        source: &[u8],
        config: &VoiceConfig,
    ) -> Result<Result<Box<NativeVoice>, String>, LoadError> {
        std::thread::scope(|scope| {
            let expected = scope.spawn(|| ReferenceValues::of(source, config, &self.runtime));
            let durations = model.cut(&boundaries.durations()).to_bytes();
            let voice = match NativeVoice::new(config.clone(), model, boundaries, self.level()) {
                Err(LoadError::Structure(unknown)) => return Ok(Err(unknown.to_string())),
                voice => Box::new(voice?),
            };
            let checked = DurationReference::of(&durations, &self.runtime)?.compare(&voice)?;
            Ok(checked.and(joined(expected)?.compare(&*voice)?).map(|()| voice))
        })
    }

    /// As ONNX Runtime would compute it here, in its own format, which it writes into files alone.
    fn optimise(&self, source: &[u8]) -> Result<Bytes, LoadError> {
        let memory = memfd_create(c"compiled-voice", MFdFlags::MFD_CLOEXEC);
        let mut file = File::from(memory.map_err(|error| LoadError::Compile(error.into()))?);
        self.runtime.compile(source, &PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(LoadError::Compile)?;
        Ok(bytes.into())
    }
}

// === helpers ===

fn digest_of(segments: &[Bytes]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for segment in segments {
        digest.update(segment);
    }
    digest.finalize().into()
}

/// What a voice is made of, and by what, in one digest.
fn name_of(source_digest: &[u8], by: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in [VERSION].iter().chain(by) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex::encode(digest.chain_update(source_digest).finalize())
}

/// The instruction sets that ONNX Runtime chooses its kernels and layouts by.
fn processor() -> &'static str {
    static PROCESSOR: OnceLock<String> = OnceLock::new();
    PROCESSOR.get_or_init(|| {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let features = cpuinfo.lines().find(|line| line.starts_with("flags") || line.starts_with("Features"));
        format!("{} {}", std::env::consts::ARCH, features.unwrap_or_default())
    })
}

/// What is kept in a folder, if it is there and is what was written.
fn read_kept(folder: &Path, name: &str) -> Option<Bytes> {
    let digests = files::read(&folder.join(DIGESTS), MAX_DIGESTS_BYTES).ok()?;
    let kept = files::read(&folder.join(name), MAX_MODEL_BYTES).ok();
    let intact = kept.filter(|kept| digests_of(name, kept).as_bytes() == digests);
    if intact.is_none() {
        tracing::warn!("a compiled voice is damaged and is made again");
    }
    intact.map(Bytes::from)
}

/// Puts something into a folder that appears under its name whole or not at all.
fn keep(name: &str, content: &[u8], target: &Path) -> io::Result<()> {
    // In containers that share the folder every process has the same number.
    let maker = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
    let partial = target.with_extension(format!("{maker}.{PARTIAL}"));
    let kept = write_into(name, content, &partial).and_then(|()| {
        if target.exists() {
            // It is damaged, or was not whole.
            fs::remove_dir_all(target)?;
        }
        fs::rename(&partial, target)
    });
    if kept.is_err() {
        // What could not be kept is of no use; that it is gone already is as well.
        let _ = fs::remove_dir_all(&partial);
    }
    kept
}

fn write_into(name: &str, content: &[u8], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let write = |name: &str, bytes: &[u8]| {
        let mut file = File::create_new(folder.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write(DIGESTS, digests_of(name, content).as_bytes())?;
    write(name, content)
}

fn digests_of(name: &str, content: &[u8]) -> String {
    format!("{}  {name}\n", hex::encode(Sha256::digest(content)))
}
