// Owns how the service is, in a line: of its readiness, and of its metrics where they are open.

import { ServiceError } from "./api.js";

const REDIS = { true: "Redis is connected", false: "Redis cannot be reached" };

/** In words; `hasRedis` is whether it is to have one. */
export async function serviceState(hasRedis) {
  const [ready, metrics] = await Promise.all([readiness(), numbers()]);
  return [ready, ...(metrics ? told(metrics, hasRedis) : ["its numbers are for the operator's monitoring alone"])].join(" · ");
}

/** Readiness has an answer of its own where the service is not ready. */
async function readiness() {
  const response = await fetch("readyz", { cache: "no-store" }).catch(() => null);
  if (!response) throw new ServiceError("The service cannot be reached. Check that it runs and that you are connected to it.");
  const { reasons = [] } = await response.json().catch(() => ({}));
  return response.ok ? "Ready" : `Not ready: ${reasons.join(", ") || response.status}`;
}

/** Sums of metrics by their names with their labels; `null` where the operator keeps them for himself. */
async function numbers() {
  // Without the token, which is not that of the metrics and would count as a wrong one.
  const text = await fetch("metrics", { cache: "no-store" }).then((response) => (response.ok ? response.text() : null), () => null);
  if (text === null) return null;
  const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
  return lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return { name: line.slice(0, at), value: Number(line.slice(at + 1)) };
  });
}

function told(metrics, hasRedis) {
  const sum = (begin, label = "") => metrics
    .filter(({ name }) => (name === begin || name.startsWith(`${begin}{`)) && name.includes(label))
    .reduce((total, { value }) => total + value, 0);
  const megabytes = (bytes) => `${Math.round(bytes / 1e6).toLocaleString()} MB`;
  const lookups = sum("tts_cache_lookups_total", 'tier="l1"');
  const hits = sum("tts_cache_lookups_total", 'result="hit"');
  const share = lookups ? `, ${Math.round((100 * hits) / lookups)}% found` : "";
  const items = sum("tts_background_depth");
  const voices = sum("tts_voices_loaded");
  return [
    `${sum("tts_queue_depth").toLocaleString()} in the queue${items ? `, ${items} items of batches` : ""}`,
    `${voices} ${voices === 1 ? "voice" : "voices"} in memory (${megabytes(sum("tts_voice_memory_bytes"))} of ${megabytes(sum("tts_voice_memory_limit_bytes"))})`,
    `cache ${megabytes(sum("tts_cache_l1_bytes"))}${share}`,
    hasRedis ? REDIS[sum("tts_cache_l2_up") > 0] : "without Redis",
  ];
}
