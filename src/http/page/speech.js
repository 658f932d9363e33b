// Owns asking for speech: as samples while it is made, as a file, and the times of its words.

import { call } from "./api.js";

const ROUTE = "v1/synthesizeSpeech";
/** How often a voice that is being fetched is asked for again. */
const MAX_TRIES = 120;

/** What is asked for to get subtitles alone. */
const SUBTITLES = { srt: "application/x-subrip", vtt: "text/vtt" };

/** The answer to a request; one whose voice is being fetched is made again, and `onWait` called each time. */
export async function ask(json, signal, onWait, { path = ROUTE, headers } = {}) {
  for (let tries = 1; ; tries++) {
    try {
      return await call(path, { json, signal, headers });
    } catch (error) {
      if (error.code !== "voice_loading" || tries === MAX_TRIES) throw error;
      onWait();
      await sleep(error.wait || 1, signal);
    }
  }
}

/** A file of the sound, or of its subtitles. */
export async function file(json, format, signal, onWait) {
  const accept = SUBTITLES[format];
  const response = accept
    ? await ask({ ...json, response_format: "mulaw" }, signal, onWait, { path: `${ROUTE}/timestamps`, headers: { accept } })
    : await ask({ ...json, response_format: format }, signal, onWait);
  return response.blob();
}

/** The samples of an answer of the format `pcm` as they come: of 16 bits, the lower byte first as in every machine that has a browser. */
export async function* samples(response) {
  const reader = response.body.getReader();
  let half = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const bytes = new Uint8Array(half.length + value.length);
    bytes.set(half);
    bytes.set(value, half.length);
    const count = bytes.length >> 1;
    // Half a sample waits for its other half.
    half = bytes.slice(2 * count);
    if (count > 0) yield Float32Array.from(new Int16Array(bytes.buffer, 0, count), (sample) => sample / 32768);
  }
}

/** When each word of it is said; none of a voice that does not tell. */
export async function times(json, signal) {
  try {
    // The sound that comes with them is not heard: a small one will do.
    const response = await call(`${ROUTE}/timestamps`, { json: { ...json, response_format: "mulaw" }, signal });
    return (await response.json()).words;
  } catch (error) {
    if (error.code === "timestamps_unavailable") return [];
    throw error;
  }
}

function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
