//! Owns finding and loading the native parts: ONNX Runtime, espeak-ng with its data, and the models that put vowels
//! into Arabic and Hebrew. Each is looked for where its setting says; without one, in `runtime/` beside the binary, in
//! `runtime/` of the working directory, then on the system.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::memory::return_large_blocks;

/// Places that the operator named; what is empty is searched for.
#[derive(Debug, Clone, Default)]
pub struct RuntimeSettings {
    pub onnxruntime: Option<PathBuf>,
    pub espeak_library: Option<PathBuf>,
    pub espeak_data: Option<PathBuf>,
    pub tashkeel: Option<PathBuf>,
    pub nakdimon: Option<PathBuf>,
}

/// Where the native parts are.
#[derive(Debug, Clone)]
pub struct RuntimeFiles {
    pub onnxruntime: PathBuf,
    pub espeak_library: PathBuf,
    pub espeak_data: PathBuf,
    pub languages: LanguageFiles,
}

/// Where the folders of what only some languages need are. Absent: their voices are refused.
#[derive(Debug, Clone, Default)]
pub struct LanguageFiles {
    /// For Arabic.
    pub tashkeel: Option<PathBuf>,
    /// For voices of the phoneme type `hebrew`.
    pub nakdimon: Option<PathBuf>,
}

/// A native part that is nowhere.
#[derive(Debug, thiserror::Error)]
#[error("{part} not found in {}; run `make setup`, or name it in {setting}", list(.searched))]
pub struct RuntimeMissing {
    part: &'static str,
    setting: &'static str,
    searched: Vec<PathBuf>,
}

/// Why ONNX Runtime could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("ONNX Runtime could not be loaded: {0}")]
    Load(#[from] ort::LoadDynamicError),
    #[error("ONNX Runtime could not be started: {0}")]
    Start(#[from] ort::Error),
}

/// The ONNX Runtime of the process. It is loaded when it is first needed: voices that the kernels compute do without
/// it.
#[derive(Clone)]
pub struct OnnxRuntime {
    library: Arc<Path>,
}

struct RuntimeFile {
    name: &'static str,
    setting: &'static str,
    in_runtime_folder: &'static [&'static str],
    on_system: &'static [&'static str],
}

const ONNXRUNTIME: RuntimeFile = RuntimeFile {
    name: "ONNX Runtime",
    setting: "ORT_DYLIB_PATH",
    in_runtime_folder: &["libonnxruntime.so"],
    on_system: &[
        "/usr/local/lib/libonnxruntime.so",
        "/usr/lib/libonnxruntime.so",
        "/usr/lib/x86_64-linux-gnu/libonnxruntime.so",
        "/usr/lib/aarch64-linux-gnu/libonnxruntime.so",
    ],
};

const ESPEAK_LIBRARY: RuntimeFile = RuntimeFile {
    name: "the espeak-ng library",
    setting: "TTS_ESPEAK_LIBRARY",
    in_runtime_folder: &["espeakbridge.so", "libespeak-ng.so.1"],
    on_system: &[
        "/usr/local/lib/libespeak-ng.so.1",
        "/usr/lib/x86_64-linux-gnu/libespeak-ng.so.1",
        "/usr/lib/aarch64-linux-gnu/libespeak-ng.so.1",
    ],
};

const ESPEAK_DATA: RuntimeFile = RuntimeFile {
    name: "espeak-ng's data",
    setting: "TTS_ESPEAK_DATA",
    in_runtime_folder: &["espeak-ng-data"],
    on_system: &[
        "/usr/local/share/espeak-ng-data",
        "/usr/share/espeak-ng-data",
        "/usr/lib/x86_64-linux-gnu/espeak-ng-data",
        "/usr/lib/aarch64-linux-gnu/espeak-ng-data",
    ],
};

const TASHKEEL: RuntimeFile = RuntimeFile {
    name: "the Arabic vocalisation model",
    setting: "TTS_TASHKEEL_DIR",
    in_runtime_folder: &["tashkeel"],
    on_system: &[],
};

const NAKDIMON: RuntimeFile = RuntimeFile {
    name: "the model that points Hebrew",
    setting: "TTS_NAKDIMON_DIR",
    in_runtime_folder: &["nakdimon"],
    on_system: &[],
};

const RUNTIME_FOLDER: &str = "runtime";

// === impl RuntimeFiles ===

impl RuntimeFiles {
    pub fn find(settings: &RuntimeSettings) -> Result<Self, RuntimeMissing> {
        let folders = runtime_folders();
        let locate = |part: &RuntimeFile, named: &Option<PathBuf>| match named {
            Some(path) if path.exists() => Ok(path.clone()),
            Some(path) => Err(part.missing(vec![path.clone()])),
            None => part.search(&folders),
        };
        // What is named must be there; without a name it may be missing.
        let locate_optional = |part: &RuntimeFile, named: &Option<PathBuf>| match named {
            Some(_) => locate(part, named).map(Some),
            None => Ok(part.search(&folders).ok()),
        };
        Ok(Self {
            onnxruntime: locate(&ONNXRUNTIME, &settings.onnxruntime)?,
            espeak_library: locate(&ESPEAK_LIBRARY, &settings.espeak_library)?,
            espeak_data: locate(&ESPEAK_DATA, &settings.espeak_data)?,
            languages: LanguageFiles {
                tashkeel: locate_optional(&TASHKEEL, &settings.tashkeel)?,
                nakdimon: locate_optional(&NAKDIMON, &settings.nakdimon)?,
            },
        })
    }
}

impl RuntimeFile {
    fn search(&self, folders: &[PathBuf]) -> Result<PathBuf, RuntimeMissing> {
        let bundled = folders.iter().flat_map(|folder| self.in_runtime_folder.iter().map(|name| folder.join(name)));
        let candidates: Vec<PathBuf> = bundled.chain(self.on_system.iter().map(PathBuf::from)).collect();
        match candidates.iter().find(|path| path.exists()) {
            Some(found) => Ok(found.clone()),
            None => Err(self.missing(candidates)),
        }
    }

    fn missing(&self, searched: Vec<PathBuf>) -> RuntimeMissing {
        RuntimeMissing { part: self.name, setting: self.setting, searched }
    }
}

fn runtime_folders() -> Vec<PathBuf> {
    let beside_binary = std::env::current_exe().ok().and_then(|binary| Some(binary.parent()?.join(RUNTIME_FOLDER)));
    let in_working_directory = std::env::current_dir().ok().map(|folder| folder.join(RUNTIME_FOLDER));
    beside_binary.into_iter().chain(in_working_directory).collect()
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

// === impl OnnxRuntime ===

impl OnnxRuntime {
    /// Loads the library later.
    pub fn new(library: &Path) -> Self {
        return_large_blocks();
        Self { library: library.into() }
    }

    /// Loads the library now.
    pub fn load(library: &Path) -> Result<Self, RuntimeError> {
        let runtime = Self::new(library);
        runtime.environment()?;
        Ok(runtime)
    }

    /// There is one runtime in a process: whichever library is needed first.
    fn environment(&self) -> Result<Environment, RuntimeError> {
        static LOADED: Mutex<Option<Environment>> = Mutex::new(None);

        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(environment) = &*loaded {
            return Ok(environment.clone());
        }
        let environment = ort::init_from(&self.library)?.with_name("tts-batch-api").with_telemetry(false).build()?;
        // What fails is returned as an error and logged as one; its own lines on standard error would have another
        // format.
        environment.set_log_level(ort::logging::LogLevel::Fatal);
        Ok(loaded.insert(environment).clone())
    }

    /// What the library says of how it was built: its version, and the commit that it was built from.
    pub fn build(&self) -> Result<&'static str, RuntimeError> {
        self.environment()?;
        Ok(ort::info())
    }

    /// Sessions compute on the calling thread alone: parallelism comes from workers, which scale better than threads
    /// within a run.
    pub fn builder(&self) -> Result<SessionBuilder, ort::Error> {
        let environment = self.environment().map_err(|error| ort::Error::new(error.to_string()))?;
        let builder = Session::builder(&environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?;
        Ok(builder)
    }

    pub fn session(&self, model: &Path) -> Result<Session, ort::Error> {
        self.builder()?.commit_from_file(model)
    }

    /// A session for one run: optimising takes longer than it saves.
    pub fn unoptimised(&self, model: &[u8]) -> Result<Session, ort::Error> {
        self.builder()?.with_optimization_level(GraphOptimizationLevel::Disable)?.commit_from_memory(model)
    }

    /// Writes `source` to `target` as ONNX Runtime would compute it here, in its own format.
    pub fn compile(&self, source: &[u8], target: &Path) -> Result<(), ort::Error> {
        self.builder()?
            .with_optimized_model_path(target)?
            .with_config_entry("session.save_model_format", "ORT")?
            .commit_from_memory(source)?;
        Ok(())
    }
}
