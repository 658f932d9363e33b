//! Owns models in the form that they are computed in. ONNX Runtime optimises a graph for its own version and the processor at hand, which
//! takes most of the time of loading; the result is kept, under a name that says what it was made of, and mapped from then on. Where no
//! folder can be written, it is made in memory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::sys::memfd::{MFdFlags, memfd_create};
use sha2::{Digest, Sha256};

use super::LoadError;
use super::mapped::{MappedModel, release_freed_memory};
use super::onnx::refuse_external_data;
use super::runtime::OnnxRuntime;

/// Compiled models by what they were made of.
#[derive(Clone)]
pub struct CompiledModels {
    runtime: OnnxRuntime,
    folder: Option<PathBuf>,
}

/// Part of every name: changed when this program compiles differently.
const VERSION: &str = "1";

// === impl CompiledModels ===

impl CompiledModels {
    /// Keeps what is compiled in `folder`, if there is one and it can be written.
    pub fn new(runtime: OnnxRuntime, folder: Option<PathBuf>) -> Self {
        Self { runtime, folder }
    }

    /// The compiled form of an ONNX file.
    pub fn open(&self, source: &Path) -> Result<MappedModel, LoadError> {
        let bytes = fs::read(source).map_err(LoadError::Read)?;
        refuse_external_data(&bytes)?;
        let Some(folder) = &self.folder else {
            return self.compile_in_memory(source);
        };

        let kept = folder.join(name_of(&bytes, self.runtime.build()));
        drop(bytes);
        if let Some(model) = open_kept(&kept) {
            return Ok(model);
        }
        self.compile_into(source, &kept).or_else(|error| {
            // The folder or the graph may be at fault; if it is the graph, the second try says so.
            tracing::warn!(%error, "a voice was not compiled into its folder and is compiled in memory");
            self.compile_in_memory(source)
        })
    }

    /// Appears under its name whole or not at all, with its digest beside it.
    fn compile_into(&self, source: &Path, target: &Path) -> Result<MappedModel, LoadError> {
        if let Some(folder) = target.parent()
            && !folder.exists()
        {
            fs::create_dir(folder).map_err(LoadError::Read)?;
        }
        let partial = target.with_extension(format!("{}.partial", std::process::id()));
        let kept = self.compile(source, &partial).and_then(|()| keep(&partial, target).map_err(LoadError::Read));
        if kept.is_err() {
            // What could not be kept is of no use; that it is gone already is as well.
            let _ = fs::remove_file(&partial);
        }
        kept
    }

    fn compile(&self, source: &Path, target: &Path) -> Result<(), LoadError> {
        self.runtime.compile(source, target)?;
        // It takes more than twice the memory of the model while it runs.
        release_freed_memory();
        Ok(())
    }

    fn compile_in_memory(&self, source: &Path) -> Result<MappedModel, LoadError> {
        let memory =
            memfd_create(c"compiled-voice", MFdFlags::MFD_CLOEXEC).map_err(|error| LoadError::Read(error.into()))?;
        let file = File::from(memory);
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        self.compile(source, &path)?;
        MappedModel::map(&file).map_err(LoadError::Read)
    }
}

/// Source, runtime, processor and this program's own version, in one digest.
fn name_of(source: &[u8], runtime: &str) -> String {
    let mut digest = Sha256::new();
    for part in [VERSION.as_bytes(), runtime.as_bytes(), processor().as_bytes(), source] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest = hex::encode(digest.finalize());
    format!("{digest}.ort")
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

/// The kept model if it is there and is what was written.
fn open_kept(path: &Path) -> Option<MappedModel> {
    let file = File::open(path).ok()?;
    let model = MappedModel::map(&file).ok()?;
    let written = fs::read_to_string(digest_path(path)).ok()?;
    if written == hex::encode(Sha256::digest(model.bytes())) {
        return Some(model);
    }
    tracing::warn!("a compiled voice is damaged and is made again");
    None
}

fn keep(partial: &Path, target: &Path) -> io::Result<MappedModel> {
    let file = File::open(partial)?;
    let model = MappedModel::map(&file)?;
    let mut digest = File::create(digest_path(target))?;
    digest.write_all(hex::encode(Sha256::digest(model.bytes())).as_bytes())?;
    digest.sync_all()?;
    file.sync_all()?;
    fs::rename(partial, target)?;
    Ok(model)
}

fn digest_path(model: &Path) -> PathBuf {
    model.with_extension("sha256")
}
