//! Owns every metric's name, unit and labels. Label values come from closed sets: routes, voices of the catalogue, the
//! enums of `labels`.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

pub use prometheus::IntGauge;
use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{
    CounterVec, Encoder, Error, Histogram, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use super::labels::{BatchItemEnd, CacheTier, LookupResult, ShedReason, Stage, hit_or_miss, ok_or_error};
use super::live::LiveMetrics;
use super::registration::{DURATION_BUCKETS, counter, counters, durations, gauge, gauges, histogram, register};

/// The metrics of one service. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Registered>);

/// All metrics, and the registry that renders them.
pub struct Registered {
    registry: Registry,
    pub http_requests: IntCounterVec,
    pub http_request_duration: HistogramVec,
    time_to_first_audio: HistogramVec,
    pub answers: IntCounterVec,
    pub characters: IntCounter,
    pub sentences_synthesized: IntCounterVec,
    pub audio_seconds: CounterVec,
    stage_duration: HistogramVec,
    real_time_factor: Histogram,
    cache_lookups: IntCounterVec,
    /// 0: closed, 1: half open, 2: open.
    pub cache_breaker_state: IntGauge,
    pub cache_l2_up: IntGauge,
    /// Lookups in Redis that are under way.
    pub cache_l2_in_flight: IntGauge,
    pub cache_writes_dropped: IntCounter,
    pub cache_l1_evictions: IntCounter,
    pub queue_depth: IntGauge,
    pub background_depth: IntGauge,
    pub queue_wait: Histogram,
    requests_shed: IntCounterVec,
    pub voices_loaded: IntGauge,
    pub voice_memory: IntGauge,
    pub voice_memory_limit: IntGauge,
    pub voice_evictions: IntCounter,
    voice_loads: IntCounterVec,
    pub voice_load_duration: Histogram,
    /// Of voices that did not fit while others were in use.
    pub voice_room_wait: Histogram,
    voice_downloads: IntCounterVec,
    pub voice_quarantines: IntCounter,
    pub workers: IntGauge,
    pub worker_panics: IntCounter,
    pub worker_restarts: IntCounter,
    batch_items: IntCounterVec,
    pub live: LiveMetrics,
    token_requests: IntCounterVec,
    token_characters: IntCounterVec,
    token_audio_seconds: CounterVec,
}

/// A metric that is brought up to date when it is read.
struct Polled<M, F> {
    metric: M,
    update: F,
}

/// The content type of [`Metrics::render`].
pub const METRICS_FORMAT: &str = prometheus::TEXT_FORMAT;

/// Computing time by second of sound: one core makes 20 to 30 seconds in one.
const REAL_TIME_BUCKETS: [f64; 10] = [0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0];

// === impl Metrics ===

impl Metrics {
    /// # Errors
    /// If two metrics have one name: a fault of this file.
    // A list, which is no clearer in parts.
    #[expect(clippy::too_many_lines)]
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let r = &registry;
        r.register(Box::new(ProcessCollector::for_self()))?;
        let build = gauges(r, "tts_build_info", "Always 1.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let metrics = Registered {
            http_requests: counters(r, "tts_http_requests_total", "Requests answered.", &["route", "status"])?,
            http_request_duration: durations(
                r,
                "tts_http_request_duration_seconds",
                "Time from a request's head to the end of its answer's head.",
                &["route", "status"],
            )?,
            time_to_first_audio: durations(
                r,
                "tts_time_to_first_audio_seconds",
                "Time from a text that is read to the first bytes of its sound.",
                &["cache"],
            )?,
            answers: counters(r, "tts_speech_answers_total", "Texts whose sound was begun.", &["format"])?,
            characters: counter(r, "tts_characters_total", "Characters of those texts.")?,
            sentences_synthesized: counters(
                r,
                "tts_sentences_synthesized_total",
                "Sentences computed by a voice.",
                &["voice"],
            )?,
            audio_seconds: register(
                r,
                CounterVec::new(
                    Opts::new("tts_audio_seconds_total", "Audio computed by a voice, in seconds."),
                    &["voice"],
                )?,
            )?,
            stage_duration: durations(
                r,
                "tts_stage_duration_seconds",
                "Time that a part of making speech took, each time.",
                &["stage"],
            )?,
            real_time_factor: histogram(
                r,
                "tts_real_time_factor",
                "Computing time of a sentence by its length: below 1 is faster than speech.",
                &REAL_TIME_BUCKETS,
            )?,
            cache_lookups: counters(r, "tts_cache_lookups_total", "Lookups in the cache.", &["tier", "result"])?,
            cache_breaker_state: gauge(
                r,
                "tts_cache_breaker_state",
                "Whether Redis is asked: 0 it is, 1 a probe is under way, 2 it is not.",
            )?,
            cache_l2_up: gauge(r, "tts_cache_l2_up", "Whether there is a connection to Redis.")?,
            cache_l2_in_flight: gauge(r, "tts_cache_l2_in_flight", "Calls to Redis that requests wait for.")?,
            cache_writes_dropped: counter(
                r,
                "tts_cache_writes_dropped_total",
                "Entries that were not written to Redis.",
            )?,
            cache_l1_evictions: counter(r, "tts_cache_l1_evictions_total", "Entries of L1 that made room or expired.")?,
            queue_depth: gauge(r, "tts_queue_depth", "Requests admitted and not yet answered.")?,
            background_depth: gauge(r, "tts_background_depth", "Items of batches that are being worked on.")?,
            queue_wait: histogram(
                r,
                "tts_queue_wait_seconds",
                "Time that a sentence waited for a worker, batches left out.",
                &DURATION_BUCKETS,
            )?,
            requests_shed: counters(
                r,
                "tts_requests_shed_total",
                "Work refused or dropped before it was done.",
                &["reason"],
            )?,
            voices_loaded: gauge(r, "tts_voices_loaded", "Voices in memory.")?,
            voice_memory: gauge(r, "tts_voice_memory_bytes", "Memory that the loaded voices take.")?,
            voice_memory_limit: gauge(r, "tts_voice_memory_limit_bytes", "Memory that they may take.")?,
            voice_evictions: counter(r, "tts_voice_evictions_total", "Voices let go.")?,
            voice_loads: counters(r, "tts_voice_loads_total", "Attempts to load a voice.", &["result"])?,
            voice_load_duration: histogram(
                r,
                "tts_voice_load_duration_seconds",
                "Time that loading a voice took.",
                &DURATION_BUCKETS,
            )?,
            voice_room_wait: histogram(
                r,
                "tts_voice_room_wait_seconds",
                "Time that voices waited until others that were in use left room for them.",
                &DURATION_BUCKETS,
            )?,
            voice_downloads: counters(
                r,
                "tts_voice_downloads_total",
                "Attempts to download a voice that was asked for.",
                &["result"],
            )?,
            voice_quarantines: counter(
                r,
                "tts_voice_quarantines_total",
                "Times that a voice was refused for a while, as it did not load or brought workers down.",
            )?,
            workers: gauge(r, "tts_workers", "Workers that can compute.")?,
            worker_panics: counter(r, "tts_worker_panics_total", "Panics of workers.")?,
            worker_restarts: counter(
                r,
                "tts_worker_restarts_total",
                "Workers replaced after a panic or because they hung.",
            )?,
            live: LiveMetrics::new(r)?,
            batch_items: counters(r, "tts_batch_items_total", "Items of batches that were worked off.", &["result"])?,
            token_requests: counters(r, "tts_token_requests_total", "Texts that a token had spoken.", &["token"])?,
            token_characters: counters(r, "tts_token_characters_total", "Characters of those texts.", &["token"])?,
            token_audio_seconds: register(
                r,
                CounterVec::new(Opts::new("tts_token_audio_seconds_total", "Their sound, in seconds."), &["token"])?,
            )?,
            registry,
        };
        metrics.show_closed_sets();
        Ok(Self(Arc::new(metrics)))
    }

    /// Shows how much L1 holds, which it is asked for at each scrape.
    ///
    /// # Errors
    /// If it is shown already.
    pub fn show_l1(
        &self,
        bytes: impl Fn() -> u64 + Send + Sync + 'static,
        entries: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let of = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let held = IntGauge::new("tts_cache_l1_bytes", "Memory that L1 takes.")?;
        self.poll(held, move |held| held.set(of(bytes())))?;
        let number = IntGauge::new("tts_cache_l1_entries", "Entries in L1.")?;
        self.poll(number, move |number| number.set(of(entries())))
    }

    /// Shows what answers hold that wait for their readers, which is asked for at each scrape, and what they may.
    ///
    /// # Errors
    /// If it is shown already.
    pub fn show_answers(&self, held: impl Fn() -> usize + Send + Sync + 'static, limit: usize) -> Result<(), Error> {
        let of = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        let help = "Memory that answers may take which are made and not taken by their readers yet.";
        register(&self.registry, IntGauge::new("tts_answers_limit_bytes", help)?)?.set(of(limit));
        let help = "Memory that answers take which are made, or begun, and not taken by their readers yet.";
        self.poll(IntGauge::new("tts_answers_bytes", help)?, move |gauge| gauge.set(of(held())))
    }

    /// Shows how many lines the log has lost, which it is asked for at each scrape.
    ///
    /// # Errors
    /// If it is shown already.
    pub fn show_dropped_log_lines(&self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Result<(), Error> {
        let help = "Lines of the log that were not written, as nobody read them fast enough.";
        let dropped = IntCounter::new("tts_log_lines_dropped_total", help)?;
        self.poll(dropped, move |dropped| dropped.inc_by(count().saturating_sub(dropped.get())))
    }

    /// Shows a count that is kept elsewhere.
    ///
    /// # Errors
    /// If it is shown already.
    pub fn show_malformed_requests(&self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Result<(), Error> {
        let help = "Connections that were ended because what came was no HTTP request.";
        let malformed = IntCounter::new("tts_http_malformed_requests_total", help)?;
        self.poll(malformed, move |malformed| malformed.inc_by(count().saturating_sub(malformed.get())))
    }

    fn poll<M: Collector + 'static>(
        &self,
        metric: M,
        update: impl Fn(&M) + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.registry.register(Box::new(Polled { metric, update }))
    }

    /// Counts a text whose sound begins now.
    pub fn count_answer(&self, format: &str, characters: usize, is_hit: bool, waited: Duration) {
        self.time_to_first_audio.with_label_values(&[hit_or_miss(is_hit)]).observe(waited.as_secs_f64());
        self.answers.with_label_values(&[format]).inc();
        self.characters.inc_by(characters as u64);
    }

    pub fn observe_stage(&self, stage: Stage, took: Duration) {
        self.stage_duration.with_label_values(&[stage.name()]).observe(took.as_secs_f64());
    }

    /// Of a sentence: what it took of workers, and how long it lasts.
    pub fn observe_real_time_factor(&self, computing: Duration, seconds: f64) {
        if seconds > 0.0 {
            self.real_time_factor.observe(computing.as_secs_f64() / seconds);
        }
    }

    pub fn count_lookup(&self, tier: CacheTier, result: LookupResult) {
        self.cache_lookups.with_label_values(&[tier.name(), result.name()]).inc();
    }

    pub fn count_shed(&self, reason: ShedReason) {
        self.requests_shed.with_label_values(&[reason.name()]).inc();
    }

    pub fn count_voice_load(&self, loaded: bool) {
        self.voice_loads.with_label_values(&[ok_or_error(loaded)]).inc();
    }

    pub fn count_voice_download(&self, downloaded: bool) {
        self.voice_downloads.with_label_values(&[ok_or_error(downloaded)]).inc();
    }

    pub fn count_batch_item(&self, end: BatchItemEnd) {
        self.batch_items.with_label_values(&[end.name()]).inc();
    }

    /// Of a token by its name, which is the operator's.
    pub fn count_usage(&self, token: &str, characters: usize, seconds: f64) {
        self.token_requests.with_label_values(&[token]).inc();
        self.token_characters.with_label_values(&[token]).inc_by(characters as u64);
        self.token_audio_seconds.with_label_values(&[token]).inc_by(seconds);
    }

    /// All metrics in Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

impl Deref for Metrics {
    type Target = Registered;

    fn deref(&self) -> &Registered {
        &self.0
    }
}

// === impl Registered ===

impl Registered {
    /// A series that is not there until it is first counted hides that first count from `rate`.
    fn show_closed_sets(&self) {
        for tier in CacheTier::ALL {
            for result in LookupResult::ALL {
                self.cache_lookups.with_label_values(&[tier.name(), result.name()]);
            }
        }
        for reason in ShedReason::ALL {
            self.requests_shed.with_label_values(&[reason.name()]);
        }
        for end in BatchItemEnd::ALL {
            self.batch_items.with_label_values(&[end.name()]);
        }
        for stage in Stage::ALL {
            self.stage_duration.with_label_values(&[stage.name()]);
        }
        for ok in [true, false] {
            self.voice_loads.with_label_values(&[ok_or_error(ok)]);
            self.voice_downloads.with_label_values(&[ok_or_error(ok)]);
            self.time_to_first_audio.with_label_values(&[hit_or_miss(ok)]);
        }
    }
}

// === impl Polled ===

impl<M: Collector, F: Fn(&M) + Send + Sync> Collector for Polled<M, F> {
    fn desc(&self) -> Vec<&Desc> {
        self.metric.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.update)(&self.metric);
        self.metric.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_rendered_with_their_labels() {
        let metrics = Metrics::new().unwrap();
        metrics.count_lookup(CacheTier::L1, LookupResult::Hit);
        metrics.count_shed(ShedReason::Capacity);

        let text = String::from_utf8(metrics.render().unwrap()).unwrap();

        for line in [
            "tts_cache_lookups_total{result=\"hit\",tier=\"l1\"} 1",
            "tts_requests_shed_total{reason=\"capacity\"} 1",
            &format!("tts_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")),
        ] {
            assert!(text.contains(line), "{line} not in\n{text}");
        }
    }
}
