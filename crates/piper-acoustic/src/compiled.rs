//! Owns voices in the form that they are computed in. A graph is taken apart where it can be, and ONNX Runtime optimises what it computes of
//! it for its own version and the processor at hand; both take most of the time of loading. The result is kept, in a folder whose name says
//! what it was made of, and mapped from then on. Where no folder can be written, it is made in memory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use nix::sys::memfd::{MFdFlags, memfd_create};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::LoadError;
use super::check::Expected;
use super::kernels::simd::Level;
use super::leftovers::{PARTIAL, mark_used};
use super::mapped::{MappedModel, release_freed_memory};
use super::onnx::{Cut, OnnxModel};
use super::parted::{PartedVoice, joined};
use super::runtime::OnnxRuntime;
use super::vits::Seams;
use super::voice_config::VoiceConfig;

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
    /// As it came.
    Whole(MappedModel),
}

/// A voice taken apart.
#[derive(Clone)]
pub struct VoiceParts {
    /// As ONNX.
    pub encoder: MappedModel,
    /// In ONNX Runtime's own format.
    pub durations: MappedModel,
    /// As ONNX.
    pub flow: MappedModel,
    /// As ONNX.
    pub decoder: MappedModel,
}

/// Where what is compiled is written.
enum Place<'a> {
    Folder(&'a Path),
    Memory,
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
        let bytes = Bytes::from(fs::read(source).map_err(LoadError::Read)?);
        let Some(folder) = &self.folder else {
            return self.compile(&bytes, config, &Place::Memory);
        };

        let kept = folder.join(name_of(&bytes, self.runtime.build()));
        let voice = open_kept(&kept).map_or_else(|| self.compile_into(&bytes, config, &kept), Ok);
        voice.inspect(|_| mark_used(&kept, source)).or_else(|error| {
            // The folder or the graph may be at fault; if it is the graph, the second try says so.
            tracing::warn!(%error, "a voice was not compiled into its folder and is compiled in memory");
            self.compile(&bytes, config, &Place::Memory)
        })
    }

    /// Appears under its name whole or not at all.
    fn compile_into(&self, source: &Bytes, config: &VoiceConfig, target: &Path) -> Result<CompiledVoice, LoadError> {
        // In containers that share the folder every process has the same number.
        let maker = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
        let partial = target.with_extension(format!("{maker}.{PARTIAL}"));
        fs::create_dir_all(&partial).map_err(LoadError::Read)?;
        let kept = self.compile(source, config, &Place::Folder(&partial)).and_then(|voice| {
            keep(&voice, &partial, target).map_err(LoadError::Read)?;
            Ok(voice)
        });
        if kept.is_err() {
            // What could not be kept is of no use; that it is gone already is as well.
            let _ = fs::remove_dir_all(&partial);
        }
        kept
    }

    fn compile(&self, source: &Bytes, config: &VoiceConfig, place: &Place<'_>) -> Result<CompiledVoice, LoadError> {
        let model = OnnxModel::parse(source.clone())?;
        // Without vector instructions, ONNX Runtime is faster than kernels of our own.
        if !self.take_apart || !Level::detect().is_accelerated() {
            return self.optimise(source, place, WHOLE).map(CompiledVoice::Whole);
        }
        let voice = match Seams::find(&model.graph()) {
            Ok(seams) => self.take_apart(&model, &seams, source, config, place)?,
            Err(unknown) => Err(unknown.to_string()),
        };
        let voice = voice.map(|(parts, voice)| CompiledVoice::Parts(parts, Some(voice))).or_else(|reason| {
            tracing::warn!(reason, "a voice is computed as it came, which is slower");
            self.optimise(source, place, WHOLE).map(CompiledVoice::Whole)
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
        place: &Place<'_>,
    ) -> Result<Result<(VoiceParts, Box<PartedVoice>), String>, LoadError> {
        let write = |cut: &Cut, name| place.write(name, &model.cut(cut).to_bytes()).map_err(LoadError::Read);
        std::thread::scope(|scope| {
            let expected = scope.spawn(|| Expected::of(source, config, &self.runtime));
            let parts = VoiceParts {
                encoder: write(&seams.encoder(), ENCODER)?,
                durations: self.optimise(&model.cut(&seams.durations()).to_bytes(), place, DURATIONS)?,
                flow: write(&seams.flow(), FLOW)?,
                decoder: write(&seams.decoder(), DECODER)?,
            };
            let voice = match PartedVoice::new(config.clone(), &parts, &self.runtime) {
                Err(LoadError::Structure(unknown)) => return Ok(Err(unknown.to_string())),
                voice => Box::new(voice?),
            };
            Ok(joined(expected)?.compare(&*voice)?.map(|()| (parts, voice)))
        })
    }

    fn optimise(&self, source: &[u8], place: &Place<'_>, name: &str) -> Result<MappedModel, LoadError> {
        let (file, path) = place.create(name).map_err(LoadError::Read)?;
        self.runtime.compile(source, &path)?;
        MappedModel::map(&file).map_err(LoadError::Read)
    }
}

// === impl CompiledVoice ===

impl CompiledVoice {
    /// Its files, by name.
    fn files(&self) -> Vec<(&'static str, &MappedModel)> {
        match self {
            Self::Parts(VoiceParts { encoder, durations, flow, decoder }, _) => {
                vec![(ENCODER, encoder), (DURATIONS, durations), (FLOW, flow), (DECODER, decoder)]
            }
            Self::Whole(whole) => vec![(WHOLE, whole)],
        }
    }
}

// === impl Place ===

impl Place<'_> {
    fn create(&self, name: &str) -> io::Result<(File, PathBuf)> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let file = File::options().read(true).write(true).create_new(true).open(&path)?;
                Ok((file, path))
            }
            Self::Memory => {
                let file = File::from(memfd_create(c"compiled-voice", MFdFlags::MFD_CLOEXEC)?);
                let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
                Ok((file, path))
            }
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<MappedModel> {
        let (mut file, _) = self.create(name)?;
        file.write_all(bytes)?;
        MappedModel::map(&file)
    }
}

/// Source, runtime, processor and this program's own version, in one digest.
fn name_of(source: &[u8], runtime: &str) -> String {
    let mut digest = Sha256::new();
    for part in [VERSION.as_bytes(), runtime.as_bytes(), processor().as_bytes(), source] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
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
    let digests = fs::read_to_string(folder.join(DIGESTS)).ok()?;
    let map = |name: &str| MappedModel::map(&File::open(folder.join(name)).ok()?).ok();
    let voice = if folder.join(WHOLE).exists() {
        map(WHOLE).map(CompiledVoice::Whole)
    } else {
        let parts = || {
            let (encoder, durations) = (map(ENCODER)?, map(DURATIONS)?);
            Some(VoiceParts { encoder, durations, flow: map(FLOW)?, decoder: map(DECODER)? })
        };
        parts().map(|parts| CompiledVoice::Parts(parts, None))
    };
    let intact = voice.filter(|voice| digests_of(voice) == digests);
    if intact.is_none() {
        tracing::warn!("a compiled voice is damaged and is made again");
    }
    intact
}

fn keep(voice: &CompiledVoice, partial: &Path, target: &Path) -> io::Result<()> {
    let mut digests = File::create(partial.join(DIGESTS))?;
    digests.write_all(digests_of(voice).as_bytes())?;
    digests.sync_all()?;
    for (name, _) in voice.files() {
        File::open(partial.join(name))?.sync_all()?;
    }
    if target.exists() {
        // It is damaged, or was not whole.
        fs::remove_dir_all(target)?;
    }
    fs::rename(partial, target)
}

fn digests_of(voice: &CompiledVoice) -> String {
    let lines = voice.files().into_iter().map(|(name, model)| {
        let digest = hex::encode(Sha256::digest(model.bytes()));
        format!("{digest}  {name}\n")
    });
    lines.collect()
}
