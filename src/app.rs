//! Owns putting the service together: from settings to running actors, children and server, and back down in order.

mod assembly;
mod checks;
mod engine;
mod listening;
mod settings;
mod stack;
mod upkeep;

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, ConfigError};
use crate::domain::{Deadline, VoiceId};
use crate::http::Callers;
use crate::links::Links;
use crate::live::Sessions;
use crate::resilience::{InFlight, NotReadyReason, Readiness};
use crate::speech::{SpeechError, SpeechService};
use crate::telemetry;
use crate::usage::Usage;
use crate::wyoming;
pub use assembly::item_speaking;
use assembly::{batches, state};
pub use checks::check_voice_settings;
use checks::{known_voice, open_catalogue, tell};
use listening::{announce, listen, listen_for_wyoming};
use settings::usage_redis;
pub use settings::{
    batch_places, espeak_settings, redis_settings, runtime_settings, text_reader, usual_prosody, voice_settings,
};
pub use stack::SpeechStack;
use upkeep::Upkeep;

/// A server that listens.
pub struct Application {
    server: Server,
    address: SocketAddr,
    readiness: Readiness,
    in_flight: InFlight,
    live: Vec<Sessions>,
    wyoming: Option<wyoming::WyomingServer>,
    speaker: SpeechStack,
    usage: Usage,
    callers: Callers,
    links: Links,
    preload: Vec<VoiceId>,
    /// How often the models folder and the file of tokens are looked into.
    rescan: Option<Duration>,
    compiled_dir: Option<PathBuf>,
    drain_timeout: Duration,
}

/// Signals that ask the service to stop.
struct StopSignals([Signal; 3]);

/// Voices may take this long to load before the first request.
const PRELOAD_LIMIT: Duration = Duration::from_mins(10);
/// For what is cut to say so to its caller.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Until those that could not be loaded are tried again.
const PRELOAD_AGAIN: Duration = Duration::from_secs(5);

// === impl Application ===

impl Application {
    /// Binds the address first, so that a port in use is known before anything heavy starts.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let listeners = (listen(&config.http)?, listen_for_wyoming(config)?);
        batch_places(config)?;
        let (catalogue, trouble) = open_catalogue(config)?;
        let suspicions = if trouble.is_none() { check_voice_settings(config, &catalogue)? } else { Vec::new() };
        tell(config.suspicions.iter().chain(&trouble).chain(&suspicions));
        let speaker = SpeechStack::with_catalogue(config, catalogue).await?;
        Self::with_listeners(config, listeners, speaker)
    }

    /// Serves what `speaker` speaks on `listener`, over HTTP alone.
    pub fn with_speaker(config: &Config, listener: TcpListener, speaker: SpeechStack) -> anyhow::Result<Self> {
        Self::with_listeners(config, (listener, None), speaker)
    }

    fn with_listeners(
        config: &Config,
        (listener, wyoming): (TcpListener, Option<wyoming::Listener>),
        speaker: SpeechStack,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let readiness = speaker.readiness.clone();
        readiness.add(NotReadyReason::Loading);
        if speaker.catalogue.is_empty() {
            readiness.add(NotReadyReason::NoVoices);
        }
        let preload = preload(config, &speaker)?;
        let callers = Callers::new(config.tokens.clone(), config.tokens_file.clone())
            .map_err(|error| ConfigError::new("TTS_TOKENS_FILE", error.to_string()))?;
        let links = Links::new(&config.signing)
            .map_err(|error| ConfigError::new("TTS_LINK_SECRETS_FILE", error.to_string()))?;
        let usage = Usage::start(usage_redis(config)?, config.http.usage_days, speaker.metrics.clone());
        let state = state(config, &speaker, callers.clone(), links.clone(), usage.clone())?;
        let batches = batches(config, &state)?;
        let (in_flight, mut live) = (state.in_flight.clone(), vec![state.live.clone()]);
        let wyoming = wyoming.map(|listener| assembly::wyoming(config, &state, listener)).transpose()?;
        live.extend(wyoming.as_ref().map(wyoming::WyomingServer::sessions));
        let rescan = config.voices.rescan;
        Ok(Self {
            server: crate::http::start(listener, state, batches, &config.http, &config.fronts)?,
            address,
            readiness,
            in_flight,
            live,
            wyoming,
            speaker,
            usage,
            callers,
            links,
            preload,
            rescan,
            compiled_dir: config.voices.compiled_dir(),
            drain_timeout: config.http.drain_timeout,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until a signal to stop, then until the requests in work are done or the time for that is over. A second
    /// signal ends it at once.
    pub async fn run(self) -> anyhow::Result<()> {
        actix::spawn(load_first(self.speaker.speech.clone(), self.preload, self.readiness.clone()));
        let upkeep = Upkeep {
            catalogue: self.speaker.catalogue,
            callers: self.callers,
            links: self.links,
            compiled_dir: self.compiled_dir,
            readiness: self.readiness.clone(),
            interval: self.rescan,
        };
        upkeep.start()?;
        let stopping = Stopping {
            server: self.server.handle(),
            readiness: self.readiness,
            in_flight: self.in_flight.clone(),
            live: self.live,
            drain_timeout: self.drain_timeout,
        };
        actix::spawn(stop_on_signal(stopping)?);
        actix::spawn(telemetry::tell_of_malformed_requests());
        // Whoever reads this may send signals: from here on each does what it is for.
        announce(self.address, self.wyoming.as_ref());
        self.server.await?;
        if let Some(wyoming) = self.wyoming {
            wyoming.ended().await;
        }
        self.usage.write().await;
        if self.in_flight.is_cut() {
            end_at_once();
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Loads voices, and tries again those that could not be loaded, for as long as there are such: a source may come back,
/// room may be made.
async fn load_first(speech: SpeechService, voices: Vec<VoiceId>, readiness: Readiness) {
    let mut missing = BTreeSet::new();
    for voice in voices {
        if let Err(error) = load(&speech, &voice).await {
            tracing::error!(%voice, %error, "a voice that was to be loaded first is missing");
            readiness.add(NotReadyReason::VoiceFailed(voice.to_string()));
            missing.insert(voice);
        }
    }
    readiness.remove(&NotReadyReason::Loading);
    while !missing.is_empty() {
        tokio::time::sleep(PRELOAD_AGAIN).await;
        for voice in missing.clone() {
            if load(&speech, &voice).await.is_ok() {
                tracing::info!(%voice, "a voice that was missing is loaded");
                readiness.remove(&NotReadyReason::VoiceFailed(voice.to_string()));
                missing.remove(&voice);
            }
        }
    }
}

async fn load(speech: &SpeechService, voice: &VoiceId) -> Result<(), SpeechError> {
    let limit = Deadline::after(PRELOAD_LIMIT);
    loop {
        match speech.load(voice, limit).await {
            Err(SpeechError::VoiceLoading(_)) => {}
            other => return other,
        }
    }
}

/// What is stopped, in which time.
struct Stopping {
    server: ServerHandle,
    readiness: Readiness,
    in_flight: InFlight,
    live: Vec<Sessions>,
    drain_timeout: Duration,
}

fn stop_on_signal(stopping: Stopping) -> std::io::Result<impl Future<Output = ()>> {
    let Stopping { server, readiness, in_flight, live, drain_timeout } = stopping;
    let mut stop = StopSignals::new()?;
    ignore([SignalKind::user_defined1(), SignalKind::user_defined2()])?;
    Ok(async move {
        stop.next().await;
        tracing::info!("stopping");
        readiness.add(NotReadyReason::Draining);
        live.iter().for_each(Sessions::leave);
        actix::spawn(server.stop(true));
        let work_is_cut = async {
            tokio::time::sleep(drain_timeout).await;
            if in_flight.count() == 0 {
                // Connections without a request are the server's to close.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = stop.next() => end_at_once(),
            () = work_is_cut => {}
        }
        in_flight.cut();
        live.iter().for_each(Sessions::cut);
        tokio::select! {
            () = stop.next() => {}
            () = tokio::time::sleep(LAST_WORDS) => {}
        }
        end_at_once();
    })
}

/// Signals that mean nothing here, and would end a process that does not listen to them.
fn ignore(kinds: [SignalKind; 2]) -> std::io::Result<()> {
    // Once it is listened to, a signal ends nothing any more, also when the listener is gone.
    kinds.into_iter().try_for_each(|kind| signal(kind).map(drop))
}

/// Where the time to finish requests is over, or nobody wants to wait for it.
fn end_at_once() -> ! {
    tracing::warn!("stopped before all requests were done");
    telemetry::finish();
    std::process::exit(1)
}

// === impl StopSignals ===

impl StopSignals {
    fn new() -> std::io::Result<Self> {
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::quit())?]))
    }

    async fn next(&mut self) {
        let [terminate, interrupt, quit] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
        }
    }
}

fn preload(config: &Config, speaker: &SpeechStack) -> Result<Vec<VoiceId>, ConfigError> {
    match &config.voices.preload {
        None => Ok(speaker.default_voice.get().into_iter().collect()),
        Some(names) => {
            let known = |name: &String| known_voice(config, "TTS_PRELOAD_VOICES", name, &speaker.catalogue);
            names.iter().map(known).collect()
        }
    }
}
