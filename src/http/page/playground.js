"use strict";

// Speech is streamed as raw samples, so that it plays from the first part on; when all of it is there, its times are asked for, which costs no
// synthesis because the sentences are kept by then.

const $ = (id) => document.getElementById(id);
const seconds = (value) => (value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`);

/** What is being said or was said last. */
let said = null;
let voices = [];

class Speech {
  constructor(request) {
    this.request = request;
    this.context = new AudioContext();
    this.aborter = new AbortController();
    this.parts = [];
    this.length = 0;
    this.rest = new Uint8Array(0);
    this.sources = new Set();
    this.begins = null;
    this.words = [];
  }

  /** Seconds of it that were heard. */
  heard() {
    if (this.begins === null) return 0;
    return Math.min(Math.max(this.context.currentTime - this.begins, 0), this.length / this.rate);
  }

  async stream() {
    const asked = performance.now();
    const response = await post("v1/synthesizeSpeech", { ...this.request, response_format: "pcm", stream: true }, this.aborter.signal);
    this.rate = Number(response.headers.get("x-sample-rate"));
    $("cache").textContent = response.headers.get("x-cache");
    $("rate").textContent = `${this.rate} Hz`;
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (this.length === 0) $("first").textContent = seconds((performance.now() - asked) / 1000);
      this.push(value);
    }
    $("all").textContent = seconds((performance.now() - asked) / 1000);
    $("length").textContent = seconds(this.length / this.rate);
  }

  /** Plays more bytes behind those before; half a sample waits for its other half. */
  push(bytes) {
    const joined = new Uint8Array(this.rest.length + bytes.length);
    joined.set(this.rest);
    joined.set(bytes, this.rest.length);
    const count = joined.length >> 1;
    this.rest = joined.slice(2 * count);
    if (count === 0) return;
    const view = new DataView(joined.buffer);
    const samples = new Float32Array(count);
    for (let at = 0; at < count; at++) samples[at] = view.getInt16(2 * at, true) / 32768;
    this.parts.push(samples);
    const buffer = this.context.createBuffer(1, count, this.rate);
    buffer.copyToChannel(samples, 0);
    if (this.begins === null) this.begins = this.context.currentTime + 0.02;
    this.play(buffer, this.begins + this.length / this.rate);
    this.length += count;
    draw();
  }

  play(buffer, at) {
    const late = this.context.currentTime - at;
    if (late >= buffer.duration) return;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.onended = () => this.sources.delete(source);
    this.sources.add(source);
    if (late <= 0) source.start(at);
    else source.start(0, late);
  }

  /** Plays again what is there, from a time on. */
  seek(time) {
    if (this.length === 0) return;
    this.silence();
    this.begins = this.context.currentTime - time;
    let at = 0;
    for (const samples of this.parts) {
      const buffer = this.context.createBuffer(1, samples.length, this.rate);
      buffer.copyToChannel(samples, 0);
      this.play(buffer, this.begins + at);
      at += samples.length / this.rate;
    }
  }

  async time() {
    const response = await post("v1/synthesizeSpeech/timestamps", this.request, this.aborter.signal);
    const { words } = await response.json();
    this.words = words;
    show(this.request.text, words);
  }

  silence() {
    for (const source of this.sources) source.stop();
    this.sources.clear();
  }

  end() {
    this.aborter.abort();
    this.silence();
    this.context.close();
  }
}

async function post(route, body, signal) {
  const response = await fetch(route, {
    method: "POST",
    headers: { "content-type": "application/json", "user-token": $("token").value },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw new Error(await reason(response));
  return response;
}

async function reason(response) {
  const body = await response.json().catch(() => null);
  const message = body?.error?.message ?? response.statusText;
  return response.status === 403 ? "The service does not know this token." : message;
}

function request() {
  const body = { text: $("text").value, speed: Number($("speed").value) };
  if ($("ssml").checked) body.text_type = "ssml";
  if ($("voice").value) body.voice_id = $("voice").value;
  if (!$("speaker-field").hidden) body.speaker = $("speaker").value;
  return body;
}

async function speak() {
  said?.end();
  const speech = new Speech(request());
  said = speech;
  ["first", "all", "length", "cache", "rate"].forEach((id) => ($(id).textContent = "–"));
  $("words").replaceChildren(speech.request.text);
  $("stop").disabled = false;
  complain(null);
  try {
    await speech.stream();
    await speech.time();
  } catch (error) {
    if (error.name !== "AbortError") complain(error.message);
  }
}

async function download() {
  complain(null);
  try {
    const response = await post("v1/synthesizeSpeech", { ...request(), response_format: $("format").value });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = `speech.${$("format").value}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    complain(error.message);
  }
}

function complain(message) {
  $("problem").textContent = message ?? "";
  $("problem").hidden = message === null;
}

/** The text with each word by itself. Places are counted by code points. */
function show(text, words) {
  const chars = Array.from(text);
  const nodes = [];
  let reached = 0;
  words.forEach((word, index) => {
    nodes.push(chars.slice(reached, word.start_char).join(""));
    const span = document.createElement("span");
    span.textContent = chars.slice(word.start_char, word.end_char).join("");
    span.dataset.index = index;
    nodes.push(span);
    reached = word.end_char;
  });
  nodes.push(chars.slice(reached).join(""));
  $("words").replaceChildren(...nodes);
}

function draw() {
  const canvas = $("wave");
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  if (!said?.length) return;
  const heard = (said.heard() * said.rate) / said.length;
  const [accent, line] = [getComputedStyle($("speak")).backgroundColor, getComputedStyle(canvas).color];
  const peaks = peaksOf(said, width);
  for (let x = 0; x < width; x++) {
    pen.fillStyle = x / width < heard ? accent : line;
    pen.globalAlpha = x / width < heard ? 1 : 0.4;
    const bar = Math.max(peaks[x] * height, scale);
    pen.fillRect(x, (height - bar) / 2, 1, bar);
  }
}

/** The largest sample of each column, looked up again when there is more or the width is another. */
function peaksOf(speech, width) {
  if (speech.peaks?.width === width && speech.peaks.length === speech.length) return speech.peaks.values;
  const values = new Float32Array(width);
  let at = 0;
  for (const samples of speech.parts) {
    for (const sample of samples) {
      const x = Math.min(Math.floor((at++ / speech.length) * width), width - 1);
      values[x] = Math.max(values[x], Math.abs(sample));
    }
  }
  speech.peaks = { width, length: speech.length, values };
  return values;
}

function tick() {
  requestAnimationFrame(tick);
  if (!said?.length) return;
  const now = said.heard();
  const index = said.words.findIndex((word) => word.start <= now && now < word.end);
  for (const span of $("words").children) span.classList.toggle("said", Number(span.dataset.index) === index);
  draw();
}

async function listVoices() {
  if (!$("token").value) return;
  const response = await fetch("v1/voices", { headers: { "user-token": $("token").value } }).catch(() => null);
  if (!response?.ok) return;
  voices = (await response.json()).voices;
  const chosen = $("voice").value;
  $("voice").replaceChildren(...voices.map(({ id, installed }) => new Option(installed ? id : `${id} (to be fetched)`, id)));
  if (voices.some(({ id }) => id === chosen)) $("voice").value = chosen;
  listSpeakers();
}

function listSpeakers() {
  const voice = voices.find(({ id }) => id === $("voice").value);
  const count = voice?.speakers ?? 1;
  const names = voice?.speaker_names?.length ? voice.speaker_names : Array.from({ length: count }, (_, at) => String(at));
  $("speaker").replaceChildren(...names.map((name) => new Option(name)));
  $("speaker-field").hidden = count < 2;
}

$("request").addEventListener("submit", (event) => {
  event.preventDefault();
  speak();
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) speak();
});
$("stop").addEventListener("click", () => said?.silence());
$("download").addEventListener("click", download);
$("voice").addEventListener("change", listSpeakers);
$("speed").addEventListener("input", () => ($("speed-shown").textContent = Number($("speed").value).toFixed(2)));
$("words").addEventListener("click", (event) => {
  const word = said?.words[event.target.dataset?.index];
  if (word) said.seek(word.start);
});
$("wave").addEventListener("click", (event) => {
  if (said?.length) said.seek((event.offsetX / event.target.clientWidth) * (said.length / said.rate));
});
// The token stays in this tab.
$("token").value = sessionStorage.getItem("token") ?? "";
$("token").addEventListener("change", () => {
  sessionStorage.setItem("token", $("token").value);
  listVoices();
});
window.addEventListener("resize", draw);
listVoices();
tick();
