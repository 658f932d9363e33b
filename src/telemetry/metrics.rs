//! Owns every metric's name, unit and labels. Label values come from closed sets: routes, voices of the catalogue, the enums below.

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// The metrics of one service. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    pub http_requests: IntCounterVec,
    pub http_request_duration: HistogramVec,
    pub sentences_synthesized: IntCounterVec,
    pub audio_seconds: prometheus::CounterVec,
    cache_lookups: IntCounterVec,
    /// 0: closed, 1: half open, 2: open.
    pub cache_breaker_state: IntGauge,
    pub cache_l2_up: IntGauge,
    /// Lookups in Redis that are under way.
    pub cache_l2_in_flight: IntGauge,
    pub cache_writes_dropped: IntCounter,
    pub queue_depth: IntGauge,
    pub queue_wait: Histogram,
    requests_shed: IntCounterVec,
    pub voices_loaded: IntGauge,
    pub voice_memory: IntGauge,
    pub voice_memory_limit: IntGauge,
    pub voice_evictions: IntCounter,
    voice_loads: IntCounterVec,
    pub worker_restarts: IntCounter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheTier {
    L1,
    L2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupResult {
    Hit,
    Miss,
    /// The tier did not answer.
    Error,
    /// What stood there is not what was written.
    Corrupt,
}

/// Why work was refused or dropped before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShedReason {
    /// The queue was full.
    Capacity,
    /// The deadline passed, in the queue or during the computation.
    Expired,
    /// The caller went away.
    Abandoned,
    /// The caller has had what he may have.
    Quota,
}

/// From an L1 hit to the longest deadline that is usual.
const DURATION_BUCKETS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

// === impl Metrics ===

impl Metrics {
    /// # Errors
    /// If two metrics have one name: a fault of this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Self {
            http_requests: counters(&registry, "tts_http_requests_total", "Requests answered.", &["route", "status"])?,
            http_request_duration: register(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "tts_http_request_duration_seconds",
                        "Time from a request's head to the end of its answer's head.",
                    )
                    .buckets(DURATION_BUCKETS.to_vec()),
                    &["route"],
                )?,
            )?,
            sentences_synthesized: counters(
                &registry,
                "tts_sentences_synthesized_total",
                "Sentences computed by a voice.",
                &["voice"],
            )?,
            audio_seconds: register(
                &registry,
                prometheus::CounterVec::new(
                    Opts::new("tts_audio_seconds_total", "Audio computed by a voice, in seconds."),
                    &["voice"],
                )?,
            )?,
            cache_lookups: counters(
                &registry,
                "tts_cache_lookups_total",
                "Lookups in the cache.",
                &["tier", "result"],
            )?,
            cache_breaker_state: register(
                &registry,
                IntGauge::new(
                    "tts_cache_breaker_state",
                    "Whether Redis is asked: 0 it is, 1 a probe is under way, 2 it is not.",
                )?,
            )?,
            cache_l2_up: register(
                &registry,
                IntGauge::new("tts_cache_l2_up", "Whether there is a connection to Redis.")?,
            )?,
            cache_l2_in_flight: register(
                &registry,
                IntGauge::new("tts_cache_l2_in_flight", "Calls to Redis that requests wait for.")?,
            )?,
            cache_writes_dropped: register(
                &registry,
                IntCounter::new("tts_cache_writes_dropped_total", "Entries that were not written to Redis.")?,
            )?,
            queue_depth: register(
                &registry,
                IntGauge::new("tts_queue_depth", "Requests admitted and not yet answered.")?,
            )?,
            queue_wait: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new("tts_queue_wait_seconds", "Time that a sentence waited for a worker.")
                        .buckets(DURATION_BUCKETS.to_vec()),
                )?,
            )?,
            requests_shed: counters(
                &registry,
                "tts_requests_shed_total",
                "Work refused or dropped before it was done.",
                &["reason"],
            )?,
            voices_loaded: register(&registry, IntGauge::new("tts_voices_loaded", "Voices in memory.")?)?,
            voice_memory: register(
                &registry,
                IntGauge::new("tts_voice_memory_bytes", "Memory that the loaded voices take.")?,
            )?,
            voice_memory_limit: register(
                &registry,
                IntGauge::new("tts_voice_memory_limit_bytes", "Memory that they may take.")?,
            )?,
            voice_evictions: register(&registry, IntCounter::new("tts_voice_evictions_total", "Voices let go.")?)?,
            voice_loads: counters(&registry, "tts_voice_loads_total", "Attempts to load a voice.", &["result"])?,
            worker_restarts: register(
                &registry,
                IntCounter::new("tts_worker_restarts_total", "Workers replaced after a panic or because they hung.")?,
            )?,
            registry,
        };
        let build: IntGaugeVec =
            register(&metrics.registry, IntGaugeVec::new(Opts::new("tts_build_info", "Always 1."), &["version"])?)?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(metrics)
    }

    pub fn count_lookup(&self, tier: CacheTier, result: LookupResult) {
        let tier = match tier {
            CacheTier::L1 => "l1",
            CacheTier::L2 => "l2",
        };
        let result = match result {
            LookupResult::Hit => "hit",
            LookupResult::Miss => "miss",
            LookupResult::Error => "error",
            LookupResult::Corrupt => "corrupt",
        };
        self.cache_lookups.with_label_values(&[tier, result]).inc();
    }

    pub fn count_shed(&self, reason: ShedReason) {
        let reason = match reason {
            ShedReason::Capacity => "capacity",
            ShedReason::Expired => "expired",
            ShedReason::Abandoned => "abandoned",
            ShedReason::Quota => "quota",
        };
        self.requests_shed.with_label_values(&[reason]).inc();
    }

    pub fn count_voice_load(&self, loaded: bool) {
        let result = if loaded { "ok" } else { "error" };
        self.voice_loads.with_label_values(&[result]).inc();
    }

    /// All metrics in Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn register<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
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
