//! Owns `doctor`: each thing that the service needs, whether it is there, and what to do if it is not.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use piper_acoustic::{
    Cancel, CompiledModels, Engine, LoadedVoice, ModelInput, OnnxEngine, OnnxRuntime, PhonemeType, RuntimeFiles,
};
use piper_phonemize::{EspeakPool, Phonemizer, phoneme_ids};

use super::exit;
use super::settings_source::SettingsSource;
use super::system::in_system;
use crate::app::{
    batch_places, check_voice_settings, espeak_settings, redis_settings, runtime_settings, voice_settings,
};
use crate::cache::Redis;
use crate::config::{Config, ConfigError, ProcessEnvironment};
use crate::files::Detached;
use crate::speech::sample_word;
use crate::voices::{Catalogue, Ignored};

/// What went well, for the report.
type Check = Result<String, String>;

/// Reads files on threads that are left behind where a disk hangs.
struct DetachedReader {
    threads: Detached,
    patience: Duration,
}

const TEXT: &str = "All is well.";
/// How many files may hang before the others are not looked at any more.
const THREADS: usize = 4;
/// A voice that is compiled for the first time takes seconds; a network's disk may take longer.
const PATIENCE: Duration = Duration::from_mins(1);

pub fn run(source: SettingsSource<'_>) -> ExitCode {
    let loaded = source.load(&ProcessEnvironment);
    let files = DetachedReader::new(PATIENCE);
    let judged = match &loaded {
        Ok(config) => in_system(judge(config.clone(), &files)),
        Err(error) => Err(advice(error)),
    };
    let valid = report("settings", &judged.as_ref().map(|_| "valid".to_owned()).map_err(Clone::clone));
    for suspicion in judged.iter().flatten() {
        println!("warn  settings: {suspicion}");
    }
    let Ok(config) = loaded.or_else(|_| source.load_for_command()) else {
        return exit::unavailable();
    };

    let healthy = in_system(async {
        check_parts(&config, &files).await & check_redis(&config).await & check_batches(&config).await
    });
    if healthy && valid {
        println!("This machine can serve.");
        ExitCode::SUCCESS
    } else {
        exit::unavailable()
    }
}

fn advice(error: &ConfigError) -> String {
    if error.key == "ALLOWED_USER_TOKEN" {
        return format!("{error}; for example: export ALLOWED_USER_TOKEN=$(head -c 24 /dev/urandom | base64)");
    }
    error.to_string()
}

/// What the service would warn of before it begins, or would end with.
async fn judge(config: Config, files: &DetachedReader) -> Result<Vec<ConfigError>, String> {
    let settings = voice_settings(&config).map_err(|error| error.to_string())?;
    let suspicions = config.suspicions.clone();
    let of_voices = files.read(move || {
        let catalogue = Catalogue::open(&settings).ok()?;
        Some(check_voice_settings(&config, &catalogue).map_err(|error| error.to_string()))
    });
    // A folder that cannot be read is told of with the voices.
    let of_voices = of_voices.await.ok().flatten().transpose()?.unwrap_or_default();
    Ok(suspicions.into_iter().chain(of_voices).collect())
}

async fn check_parts(config: &Config, disk: &DetachedReader) -> bool {
    let settings = runtime_settings(config);
    let files = match disk.try_read(move || RuntimeFiles::find(&settings)).await {
        Ok(files) => files,
        Err(error) => return report("native parts", &Err(error)),
    };
    let onnxruntime = files.onnxruntime.clone();
    let runtime = disk.try_read(move || OnnxRuntime::load(&onnxruntime)).await;
    let is_named = config.runtime.onnxruntime.is_some();
    let loaded = runtime.as_ref().map(|_| found(&files.onnxruntime, is_named, "ORT_DYLIB_PATH")).map_err(|error| {
        if is_named {
            return format!("{error}; ORT_DYLIB_PATH names it: name version 1.24 or newer there, or leave that empty");
        }
        format!("{error}; run `make setup`, or name version 1.24 or newer in ORT_DYLIB_PATH")
    });
    let mut healthy = report("ONNX Runtime", &loaded);

    let espeak = EspeakPool::start(espeak_settings(config, &files)).await;
    let is_named = config.runtime.espeak_library.is_some();
    let started = espeak.as_ref().map(|_| found(&files.espeak_library, is_named, "TTS_ESPEAK_LIBRARY"));
    let started = started.map_err(|error| {
        format!("{error}; run `make setup`, or name the library of piper-tts 1.8 in TTS_ESPEAK_LIBRARY")
    });
    healthy &= report("espeak-ng", &started);

    let arabic = files.languages.tashkeel.as_ref().map(|folder| folder.display().to_string());
    report("Arabic", &Ok(arabic.unwrap_or_else(|| "not installed: Arabic voices cannot speak".to_owned())));
    let hebrew = files.languages.nakdimon.as_ref().map(|folder| folder.display().to_string());
    report("Hebrew", &Ok(hebrew.unwrap_or_else(|| "not installed: Hebrew voices cannot speak".to_owned())));

    let (Ok(runtime), Ok(espeak)) = (runtime, espeak) else { return false };
    let phonemizer = Phonemizer::new(espeak, runtime.clone(), files.languages);
    let models = CompiledModels::new(runtime.clone(), config.voices.compiled_dir());
    healthy & check_voices(config, Arc::new(OnnxEngine::new(runtime, models)), &phonemizer, disk).await
}

/// Where a part was found, and whether a variable had a part in it, which whoever calls may not have set for this
/// service.
fn found(path: &Path, is_named: bool, setting: &str) -> String {
    let path = path.display();
    if is_named { format!("{path}, as {setting} says") } else { path.to_string() }
}

async fn check_redis(config: &Config) -> bool {
    let Some(redis) = config.cache.redis.as_ref().filter(|_| config.cache.enabled) else {
        return report("Redis", &Ok("not set: what was said is kept in this process alone".to_owned()));
    };
    let check = match redis_settings(config, redis) {
        Err(error) => Err(error.to_string()),
        Ok(settings) => Redis::diagnose(&settings).await.map(|()| "answers".to_owned()).map_err(|ailment| {
            format!("{ailment}; check that it runs, and its address and password in TTS_REDIS_URL, or leave that empty")
        }),
    };
    report("Redis", &check)
}

async fn check_batches(config: &Config) -> bool {
    let check = match batch_places(config) {
        Err(error) => Err(error.to_string()),
        Ok((_, store, _)) => match (store.probe().await, &config.batch.store) {
            (Ok(()), None) => Ok("results are where the list of batches is".to_owned()),
            (Ok(()), Some(place)) => Ok(format!("results are kept in {place}")),
            (Err(error), _) => {
                Err(format!("{error}; check TTS_BATCH_STORE, what is allowed there, and AWS_* of a bucket"))
            }
        },
    };
    report("batches", &check)
}

async fn check_voices(
    config: &Config,
    engine: Arc<OnnxEngine>,
    phonemizer: &Phonemizer,
    disk: &DetachedReader,
) -> bool {
    let opened = match voice_settings(config) {
        Ok(settings) => disk.try_read(move || Catalogue::open(&settings)).await,
        Err(error) => Err(error.to_string()),
    };
    let catalogue = match opened {
        Ok(catalogue) => catalogue,
        Err(error) => return report("voices", &Err(format!("{error}; run `make setup`, or set TTS_MODELS_DIR"))),
    };
    for Ignored { file, reason } in catalogue.ignored() {
        println!("warn  voices: {file} is not used: {reason}");
    }
    let ids = catalogue.ids();
    if ids.is_empty() {
        let folder = config.voices.models_dir.display();
        return report(
            "voices",
            &Err(format!(
                "none in {folder} that TTS_VOICES allows; run `tts-batch-api voices fetch ID`, or put one there"
            )),
        );
    }
    let mut healthy = true;
    for id in ids {
        let advice = |error: String| format!("{error}; run `tts-batch-api voices fetch --force {id}`");
        let spoken = match catalogue.files(&id).await.map_err(|error| error.to_string()) {
            Ok(files) => {
                let engine = engine.clone();
                match disk.try_read(move || engine.load(&files)).await {
                    Ok(voice) => speak(&*voice, phonemizer).await,
                    Err(error) => Err(advice(error)),
                }
            }
            Err(error) => Err(advice(error)),
        };
        healthy &= report(&format!("voice {id}"), &spoken);
    }
    healthy
}

async fn speak(voice: &dyn LoadedVoice, phonemizer: &Phonemizer) -> Check {
    let config = voice.config();
    let text = match config.phoneme_type {
        PhonemeType::Espeak | PhonemeType::Text => TEXT,
        PhonemeType::Hebrew | PhonemeType::Pinyin => sample_word(config),
    };
    let sentences = phonemizer.sentences(text, config).await.map_err(|error| error.to_string())?;
    let input = ModelInput {
        ids: sentences.first().map(|sentence| phoneme_ids(sentence, config).ids).unwrap_or_default(),
        speaker: config.default_speaker,
        blend: Vec::new(),
        noise_scale: config.inference.noise_scale,
        length_scale: config.inference.length_scale,
        noise_w: config.inference.noise_w,
        seed: 0,
    };
    let samples = voice.infer(&input, &Cancel::default()).map_err(|error| error.to_string())?;
    Ok(format!("spoke {:.2} s", samples.len() as f64 / f64::from(config.sample_rate)))
}

fn report(what: &str, check: &Check) -> bool {
    match check {
        Ok(detail) => println!("ok    {what}: {detail}"),
        Err(problem) => println!("FAIL  {what}: {problem}"),
    }
    check.is_ok()
}

// === impl DetachedReader ===

impl DetachedReader {
    fn new(patience: Duration) -> Self {
        Self { threads: Detached::new("doctor", THREADS), patience }
    }

    async fn read<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        match tokio::time::timeout(self.patience, self.threads.run(work)).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(_) => Err(format!("files could not be read within {} s: check the disk", self.patience.as_secs())),
        }
    }

    /// The same where reading itself may fail.
    async fn try_read<T: Send + 'static, E: ToString + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, String> {
        self.read(|| work().map_err(|error| error.to_string())).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_hangs_is_given_up_and_named_and_others_are_read() {
        let (gate, hangs) = std::sync::mpsc::channel::<()>();
        let files = DetachedReader::new(Duration::from_millis(1));

        let hung = files.read(move || hangs.recv().is_err()).await;
        let failed = DetachedReader { patience: PATIENCE, ..files }.try_read(|| Err::<(), _>("broken")).await;

        assert!(hung.is_err_and(|error| error.contains("check the disk")));
        assert_eq!(failed, Err("broken".to_owned()));
        drop(gate);
    }
}
