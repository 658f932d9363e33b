//! Owns voices in the form that they are computed in. A graph is taken apart where it can be, and ONNX Runtime
//! optimises what it computes of it for its own version and the processor at hand; both take most of the time of
//! loading. The result is kept in a folder whose name says what it was made of. Where no folder can be written, it is
//! made again each time.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use nix::sys::memfd::{MFdFlags, memfd_create};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::check::Expected;
use super::kernels::simd::Level;
use super::leftovers::{PARTIAL, mark_used};
use super::memory::release_freed_memory;
use super::onnx::{Cut, OnnxModel};
use super::parted::{PartedVoice, joined};
use super::runtime::OnnxRuntime;
use super::vits::Seams;
use super::voice_config::VoiceConfig;
use super::{LoadError, MAX_MODEL_BYTES, files};

/// Compiled voices by what they were made of.
#[derive(Clone)]
pub struct CompiledModels {
    runtime: OnnxRuntime,
    folder: Option<PathBuf>,
    take_apart: bool,
}

/// A voice as it is computed.
pub enum CompiledVoice {
    /// With the voice, where it was put together for its check.
    Parts(VoiceParts, Option<Box<PartedVoice>>),
    /// As it came, in ONNX Runtime's own format.
    Whole(Bytes),
}

/// A voice taken apart.
#[derive(Clone)]
pub struct VoiceParts {
    /// As ONNX.
    pub encoder: Bytes,
    /// In ONNX Runtime's own format.
    pub durations: Bytes,
    /// As ONNX.
    pub flow: Bytes,
    /// As ONNX.
    pub decoder: Bytes,
}

/// Part of every name: changed when this program compiles differently.
const VERSION: &str = "5";

const WHOLE: &str = "whole.ort";
const ENCODER: &str = "encoder.onnx";
const DURATIONS: &str = "durations.ort";
const FLOW: &str = "flow.onnx";
const DECODER: &str = "decoder.onnx";
/// The digests of the files beside it, as `sha256sum` writes them.
const DIGESTS: &str = "SHA256SUMS";
const MAX_DIGESTS_BYTES: u64 = 4 << 10;

const CHUNK_BYTES: usize = 64 << 10;

// === impl CompiledModels ===

impl CompiledModels {
    /// Keeps what is compiled in `folder`, if there is one and it can be written.
    pub fn new(runtime: OnnxRuntime, folder: Option<PathBuf>) -> Self {
        Self { runtime, folder, take_apart: true }
    }

    /// Leaves every voice as it came: what the parts are compared with.
    pub fn whole(self) -> Self {
        Self { take_apart: false, ..self }
    }

    /// The compiled form of a voice's ONNX file.
    pub fn open(&self, source: &Path, config: &VoiceConfig) -> Result<CompiledVoice, LoadError> {
        let kept_as = |name: String| self.folder.as_ref().map(|folder| folder.join(name));
        let kept = kept_as(name_of_file(source, self.runtime.build()).map_err(LoadError::Read)?);
        if let Some(kept) = kept
            && let Some(voice) = open_kept(&kept)
        {
            mark_used(&kept, source);
            return Ok(voice);
        }

        let bytes = Bytes::from(files::read(source, MAX_MODEL_BYTES).map_err(LoadError::Read)?);
        tracing::info!(bytes = bytes.len(), "a voice is compiled for this processor, which takes some seconds");
        let voice = self.compile(&bytes, config)?;
        // What was read, which may be another file by now than the one that was looked for.
        if let Some(kept) = kept_as(name_of(&bytes, self.runtime.build())) {
            match keep(&voice, &kept) {
                Ok(()) => mark_used(&kept, source),
                Err(error) => {
                    tracing::warn!(%error, "a voice was not compiled into its folder and is compiled in memory");
                }
            }
        }
        Ok(voice)
    }

    fn compile(&self, source: &Bytes, config: &VoiceConfig) -> Result<CompiledVoice, LoadError> {
        let model = OnnxModel::parse(source.clone())?;
        // Without vector instructions, ONNX Runtime is faster than kernels of our own.
        if !self.take_apart || !Level::detect().is_accelerated() {
            return self.optimise(source).map(CompiledVoice::Whole);
        }
        let voice = match Seams::find(&model.graph()) {
            Ok(seams) => self.take_apart(&model, &seams, source, config)?,
            Err(unknown) => Err(unknown.to_string()),
        };
        let voice = voice.map(|(parts, voice)| CompiledVoice::Parts(parts, Some(voice))).or_else(|reason| {
            tracing::warn!(reason, "a voice is computed as it came, which is slower");
            self.optimise(source).map(CompiledVoice::Whole)
        });
        // It takes more than twice the memory of the model while it runs.
        release_freed_memory();
        voice
    }

    /// The parts, if together they speak as the whole does; else why they do not. What takes longest is done at the same time.
    fn take_apart(
        &self,
        model: &OnnxModel,
        seams: &Seams,
        source: &[u8],
        config: &VoiceConfig,
    ) -> Result<Result<(VoiceParts, Box<PartedVoice>), String>, LoadError> {
        let cut = |cut: &Cut| Bytes::from(model.cut(cut).to_bytes());
        std::thread::scope(|scope| {
            let expected = scope.spawn(|| Expected::of(source, config, &self.runtime));
            let parts = VoiceParts {
                encoder: cut(&seams.encoder()),
                durations: self.optimise(&cut(&seams.durations()))?,
                flow: cut(&seams.flow()),
                decoder: cut(&seams.decoder()),
            };
            let voice = match PartedVoice::new(config.clone(), parts.clone(), &self.runtime) {
                Err(LoadError::Structure(unknown)) => return Ok(Err(unknown.to_string())),
                voice => Box::new(voice?),
            };
            Ok(joined(expected)?.compare(&*voice)?.map(|()| (parts, voice)))
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

// === impl CompiledVoice ===

impl CompiledVoice {
    /// Its files, by name.
    fn files(&self) -> Vec<(&'static str, &Bytes)> {
        match self {
            Self::Parts(VoiceParts { encoder, durations, flow, decoder }, _) => {
                vec![(ENCODER, encoder), (DURATIONS, durations), (FLOW, flow), (DECODER, decoder)]
            }
            Self::Whole(whole) => vec![(WHOLE, whole)],
        }
    }
}

/// Source, runtime, processor and this program's own version, in one digest.
fn name_of(source: &[u8], runtime: &str) -> String {
    let mut digest = name_before(source.len() as u64, runtime);
    digest.update(source);
    hex::encode(digest.finalize())
}

/// The same of a file, which is not held in memory for that.
fn name_of_file(source: &Path, runtime: &str) -> io::Result<String> {
    let mut file = files::open(source)?;
    let length = file.metadata()?.len();
    if length > MAX_MODEL_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut digest = name_before(length, runtime);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex::encode(digest.finalize())),
            read => digest.update(&chunk[..read]),
        }
    }
}

/// The digest of all but the source, which has this length.
fn name_before(length: u64, runtime: &str) -> Sha256 {
    let mut digest = Sha256::new();
    for part in [VERSION, runtime, processor()] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.chain_update(length.to_le_bytes())
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

/// The kept voice if it is there and is what was written.
fn open_kept(folder: &Path) -> Option<CompiledVoice> {
    let digests = files::read(&folder.join(DIGESTS), MAX_DIGESTS_BYTES).ok()?;
    let read = |name: &str| files::read(&folder.join(name), MAX_MODEL_BYTES).ok().map(Bytes::from);
    let voice = if folder.join(WHOLE).exists() {
        read(WHOLE).map(CompiledVoice::Whole)
    } else {
        let parts = || {
            let (encoder, durations) = (read(ENCODER)?, read(DURATIONS)?);
            Some(VoiceParts { encoder, durations, flow: read(FLOW)?, decoder: read(DECODER)? })
        };
        parts().map(|parts| CompiledVoice::Parts(parts, None))
    };
    let intact = voice.filter(|voice| digests_of(voice).as_bytes() == digests);
    if intact.is_none() {
        tracing::warn!("a compiled voice is damaged and is made again");
    }
    intact
}

/// Puts the voice into a folder that appears under its name whole or not at all.
fn keep(voice: &CompiledVoice, target: &Path) -> io::Result<()> {
    // In containers that share the folder every process has the same number.
    let maker = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
    let partial = target.with_extension(format!("{maker}.{PARTIAL}"));
    let kept = write_into(voice, &partial).and_then(|()| {
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

fn write_into(voice: &CompiledVoice, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let write = |name: &str, bytes: &[u8]| {
        let mut file = File::create_new(folder.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write(DIGESTS, digests_of(voice).as_bytes())?;
    voice.files().into_iter().try_for_each(|(name, bytes)| write(name, bytes))
}

fn digests_of(voice: &CompiledVoice) -> String {
    let lines = voice.files().into_iter().map(|(name, bytes)| {
        let digest = hex::encode(Sha256::digest(bytes));
        format!("{digest}  {name}\n")
    });
    lines.collect()
}
