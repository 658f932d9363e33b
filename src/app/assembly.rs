//! Owns putting together what handlers share, what is spoken over Wyoming, and what speaks the items of batches.

use std::sync::Arc;

use super::settings::{batch_places, batch_settings, session_limits, text_reader, usual_prosody};
use super::stack::SpeechStack;
use crate::batch::{BatchParts, Batches, ItemSpeaker, Store};
use crate::config::{Config, SigningConfig};
use crate::http::{AppState, Callers, Items, RequestLimits};
use crate::links::Links;
use crate::live::{SessionLimits, Sessions};
use crate::pool::CallerShare;
use crate::resilience::{ByteShare, FailedAuthLimiter, InFlight};
use crate::usage::Usage;
use crate::voices::VoicesByLanguage;
use crate::wyoming;

pub fn state(
    config: &Config,
    speaker: &SpeechStack,
    callers: Callers,
    links: Links,
    usage: Usage,
) -> anyhow::Result<AppState> {
    Ok(AppState {
        speech: speaker.speech.clone(),
        pool: speaker.pool.clone(),
        catalogue: speaker.catalogue.clone(),
        metrics: speaker.metrics.clone(),
        readiness: speaker.readiness.clone(),
        in_flight: InFlight::default(),
        callers,
        guesses: config.http.wrong_tokens.map(FailedAuthLimiter::new),
        metrics_token: config.http.metrics_token.clone(),
        cors_origins: config.http.cors_origins.clone().into(),
        public_voice_list: config.http.public_voice_list,
        openai_voices: Arc::new(config.voices.openai_names.clone()),
        front_voices: Arc::new(config.fronts.voices.clone()),
        default_voice: speaker.default_voice.clone(),
        by_language: VoicesByLanguage::new(
            speaker.catalogue.clone(),
            &config.voices.choosing.language_voices,
            speaker.default_voice.clone(),
        ),
        unknown_are_default: config.voices.choosing.unknown_are_default,
        links,
        live: Sessions::new(session_limits(config), speaker.metrics.clone()),
        limits: RequestLimits {
            body_bytes: config.http.body_limit_bytes,
            text_chars: config.synthesis.max_text_chars,
            batch_body_bytes: config.batch.body_limit_bytes,
            batch_items: config.batch.max_items,
            body_timeout: config.http.body_timeout,
            write_timeout: config.http.write_timeout,
            deadline: config.synthesis.request_deadline,
            upload_bytes: config.voices.choosing.upload_bytes,
            upload_time: config.voices.download_timeout,
        },
        usage,
        texts: text_reader(config, config.synthesis.max_text_chars)?,
        prosody: usual_prosody(config)?,
    })
}

/// Serves Wyoming, whose callers together are one among those who have tokens.
pub fn wyoming(
    config: &Config,
    state: &AppState,
    listener: wyoming::Listener,
) -> std::io::Result<wyoming::WyomingServer> {
    let most = config.wyoming.max_connections;
    let limits = SessionLimits { sessions: most, sessions_of_token: most, ..session_limits(config) };
    let speaking = wyoming::UtteranceDefaults {
        speech: state.speech.of_caller(CallerShare::among_others(), ByteShare::among_others()),
        catalogue: state.catalogue.clone(),
        default_voice: state.default_voice.clone(),
        by_language: state.by_language.clone(),
        texts: state.texts.clone(),
        prosody: state.prosody,
        deadline: state.limits.deadline,
        usage: state.usage.clone(),
    };
    let parts = wyoming::ServerParts {
        speaking: Arc::new(speaking),
        sessions: Sessions::new(limits, state.metrics.clone()),
        in_flight: state.in_flight.clone(),
        message_limit: config.wyoming.message_limit_bytes,
        idle: config.wyoming.idle,
        patience: config.http.write_timeout,
    };
    wyoming::WyomingServer::start(listener, &config.wyoming, parts)
}

/// Begins to work off batches, as what nobody waits for.
pub fn batches(config: &Config, state: &AppState) -> anyhow::Result<Batches> {
    let settings = batch_settings(config);
    let (ledger, store, webhook) = batch_places(config)?;
    actix::spawn(probe(store.clone()));
    let (metrics, readiness) = (state.metrics.clone(), state.readiness.clone());
    let speaking = items(config, state.clone(), settings.work.at_once);
    Ok(Batches::start(BatchParts { ledger, store, webhook, speaking, metrics, readiness }, settings))
}

/// What speaks items of batches without a server.
pub fn item_speaking(config: &Config, speaker: &SpeechStack) -> anyhow::Result<Arc<dyn ItemSpeaker>> {
    let nobody = Callers::new(Vec::new(), None)?;
    let unsigned = Links::new(&SigningConfig::default())?;
    let uncounted = Usage::start(None, 1, speaker.metrics.clone());
    Ok(items(config, state(config, speaker, nobody, unsigned, uncounted)?, speaker.pool.parallelism() + 1))
}

fn items(config: &Config, mut state: AppState, at_once: usize) -> Arc<dyn ItemSpeaker> {
    // Each item is admitted once for itself and once for what it shares with another.
    state.speech = state.speech.in_background(2 * at_once + 1);
    state.limits.deadline = config.batch.item_deadline;
    Arc::new(Items::new(state))
}

/// Says at the start, and not with the first batch, that results cannot be kept.
async fn probe(store: Store) {
    if let Err(error) = store.probe().await {
        let code = error.error.code();
        tracing::warn!(code, %error, "results of batches cannot be kept: check TTS_BATCH_STORE, or run `doctor`");
    }
}
