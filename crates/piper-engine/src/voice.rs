//! Owns a voice with its phonemizer, and the program's part as the phonemizer's child.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches};
use piper_acoustic::{
    CompiledModels, Engine, LoadedVoice, ModelInput, OnnxEngine, OnnxRuntime, RuntimeFiles, RuntimeSettings, VoiceFiles,
};
use piper_phonemize::{
    CHILD_COMMAND, ChildArgs, EspeakPool, EspeakSettings, Phonemizer, bounded, phoneme_ids, run_child,
};
use tokio::runtime::{Builder, Handle, Runtime};

use super::speech::{PendingSentence, Speech};
use super::{SpeakError, VoiceError};

/// A voice that is ready to speak, on any thread but those of an async runtime.
pub struct Voice {
    loaded: Arc<dyn LoadedVoice>,
    phonemizer: Phonemizer,
    /// What watches the phonemizer's children; there until the voice is dropped.
    runtime: Option<Runtime>,
}

/// Phonemes of a sentence at most: what is longer is spoken in pieces, so that memory does not follow the text.
const MAX_PHONEMES: usize = 400;

/// How long a text may take to be phonemized.
const PHONEMIZER_TIMEOUT: Duration = Duration::from_secs(20);

/// Begins the program. Where it was started as a phonemizer's child, as [`Voice::load`] does, it serves as that and
/// ends; otherwise this does nothing.
pub fn serve_if_child() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(CHILD_COMMAND)) {
        return;
    }
    let command = ChildArgs::augment_args(Command::new(CHILD_COMMAND).no_binary_name(true));
    let parsed = command.try_get_matches_from(arguments).and_then(|matches| ChildArgs::from_arg_matches(&matches));
    let is_served = parsed.is_ok_and(|arguments| run_child(&arguments).is_ok());
    std::process::exit(i32::from(!is_served));
}

// === impl Voice ===

impl Voice {
    /// Loads the voice `NAME.onnx`, beside which `NAME.onnx.json` stands. Takes a good part of a second.
    pub fn load(model: impl AsRef<Path>) -> Result<Self, VoiceError> {
        if Handle::try_current().is_ok() {
            return Err(VoiceError::InsideRuntime);
        }
        let model = model.as_ref();
        let native = RuntimeFiles::find(&RuntimeSettings::default())?;
        let onnxruntime = OnnxRuntime::load(&native.onnxruntime)?;
        let engine = OnnxEngine::new(onnxruntime.clone(), CompiledModels::new(onnxruntime.clone(), None));
        let files = VoiceFiles { model: model.to_owned(), config: model.with_added_extension("json") };
        let loaded = engine.load(&files).map_err(|source| VoiceError::Load { path: model.to_owned(), source })?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(VoiceError::Children)?;
        let settings = EspeakSettings {
            program: std::env::current_exe().map_err(VoiceError::Children)?,
            library: native.espeak_library,
            data: native.espeak_data,
            processes: 1,
            languages: 1,
            queue_limit: 1,
            timeout: PHONEMIZER_TIMEOUT,
        };
        let children = runtime.block_on(EspeakPool::start(settings))?;
        let phonemizer = Phonemizer::new(children, onnxruntime, native.languages);
        runtime.block_on(phonemizer.check(loaded.config())).map_err(VoiceError::Language)?;
        Ok(Self { loaded, phonemizer, runtime: Some(runtime) })
    }

    /// Of its samples, in hertz.
    pub fn sample_rate(&self) -> u32 {
        self.loaded.config().sample_rate
    }

    /// The text as sound, which is computed as it is taken: as the voice's own settings have it, by its default
    /// speaker. The same text gives the same samples.
    pub fn speak(&self, text: &str) -> Result<Speech<'_>, SpeakError> {
        if text.contains('\0') {
            return Err(SpeakError::Nul);
        }
        if Handle::try_current().is_ok() {
            return Err(SpeakError::InsideRuntime);
        }
        let config = self.loaded.config();
        let phonemize = |runtime: &Runtime| runtime.block_on(self.phonemizer.sentences(text, config));
        let sentences = self.runtime.as_ref().map_or(Ok(Vec::new()), phonemize)?;
        let pieces = sentences.into_iter().flat_map(|sentence| bounded(sentence, MAX_PHONEMES));
        let planned = pieces.map(|phonemes| PendingSentence {
            input: ModelInput {
                ids: phoneme_ids(&phonemes, config).ids,
                speaker: config.default_speaker,
                blend: Vec::new(),
                noise_scale: config.inference.noise_scale,
                length_scale: config.inference.length_scale,
                noise_w: config.inference.noise_w,
                seed: 0,
            },
            phonemes,
        });
        Ok(Speech::new(&*self.loaded, planned.collect()))
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        // Whoever drops it may belong to an async runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
