// Owns the part in which one text is spoken: what is entered becomes a request, what comes back is heard and shown. Speech is streamed as raw
// samples, so that it plays from the first part on; when all of it is there, its times are asked for, which costs no synthesis as its sentences
// are kept by then.

import { ServiceError } from "./api.js";
import { $, isOff, save, setOff } from "./dom.js";
import { keep } from "./memory.js";
import { Player } from "./player.js";
import { Reading } from "./reading.js";
import { sample } from "./samples.js";
import { session } from "./session.js";
import { Settings } from "./settings.js";
import { ask, file, samples, times } from "./speech.js";
import { Takes } from "./takes.js";
import { TypingBox } from "./typing.js";
import { VoicePicker, tag } from "./voices.js";
import { Waveform } from "./waveform.js";
import { Words } from "./words.js";

const seconds = (value) => (value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`);

/** What ends the requests that are under way, and that of them which speaks. */
const requests = new Set();
let speaking = null;
export const player = new Player();
const words = new Words($("words"), (time) => {
  player.seek(time);
  player.resume();
});
const waveform = new Waveform($("wave"), $("position"), (time) => player.seek(time));
const settings = new Settings($("request"), $("speed-shown"));
const elements = { voice: $("voice"), speaker: $("speaker"), speakerField: $("speaker-field"), facts: $("facts") };
const reading = new Reading($("reading"), () => {
  const { text, text_type, voice_id } = entered();
  // A voice that is not here would be fetched for it.
  return text.trim() && picker.voice?.installed ? { text, text_type, voice_id } : null;
});
const picker = new VoicePicker(elements, fitText);

const typingElements = { box: $("typed"), words: $("typed-words"), interrupt: $("interrupt"), status: $("typing-status"), problem: $("typing-problem") };
export const typing = new TypingBox(typingElements, () => addVoice({ speed: $("speed").valueAsNumber }));

const takes = new Takes($("takes"), {
  play: () => player.pause(),
  use: takeUp,
  download: (body) => download(body),
  format: () => $("format").selectedOptions[0].parentElement.dataset.sound ? $("format").value : "wav",
});

// --- speaking ---

function entered() {
  const body = { text: $("text").value, ...settings.values };
  if ($("ssml").checked) body.text_type = "ssml";
  return addVoice(body);
}

function addVoice(body) {
  if (picker.voice) body.voice_id = picker.voice.id;
  if (picker.speaker !== undefined) body.speaker = picker.speaker;
  return body;
}

async function speak(body) {
  speaking?.abort();
  requests.delete(speaking);
  speaking = new AbortController();
  for (const id of ["first", "all", "length", "cache", "rate"]) $(id).textContent = "–";
  const { voice } = picker;
  waveform.clear();
  words.show(body.text, tag(voice));
  takes.pause();
  player.open();
  $("said").scrollIntoView({ block: "nearest" });
  await running("Waiting for the first sound …", async (signal) => {
    try {
      const { parts, rate } = await stream(body, signal);
      takes.add(body, voice, parts, rate);
    } finally {
      if (!signal.aborted) player.finish();
    }
    refresh("Done.");
    words.time(await times(body, signal));
  }, speaking);
}

async function stream(body, signal) {
  const asked = performance.now();
  const since = () => seconds((performance.now() - asked) / 1000);
  const response = await ask({ ...body, response_format: "pcm", stream: true }, signal, tellOfFetching);
  const rate = Number(response.headers.get("x-sample-rate"));
  const parts = [];
  $("cache").textContent = response.headers.get("x-cache");
  $("rate").textContent = `${rate} Hz`;
  for await (const part of samples(response)) {
    if (player.state === "empty") $("first").textContent = since();
    player.push(part, rate);
    waveform.push(part, rate);
    parts.push(part);
  }
  $("all").textContent = since();
  $("length").textContent = seconds(player.duration);
  return { parts, rate };
}

function tellOfFetching() {
  refresh("The voice is being fetched, which may take some minutes …");
}

async function download(body) {
  const format = $("format").value;
  await running("Making the file …", async (signal) => save(await file(body, format, signal, tellOfFetching), `speech.${format}`));
}

/** Does something that Stop ends, and says what became of it. */
async function running(waiting, work, aborter = new AbortController()) {
  requests.add(aborter);
  $("problem").textContent = "";
  refresh(waiting);
  const error = await work(aborter.signal).then(() => null, ServiceError.of);
  requests.delete(aborter);
  if (aborter.signal.aborted) return;
  $("problem").textContent = error?.message ?? "";
  refresh(error ? "That did not work." : "Done.");
  if (error?.isOfToken) $("token").focus();
}

function stop() {
  for (const aborter of requests) aborter.abort();
  requests.clear();
  player.stop();
  refresh("Stopped.");
}

// --- what is shown ---

/** The status while nothing is heard. */
let silent = "";

/** Buttons and status as they are now. */
function refresh(becomes = silent) {
  silent = becomes;
  const { state } = player;
  const heard = { playing: "Speaking …", paused: "Paused." }[state];
  $("pause").textContent = { paused: "Resume", stopped: "Play again" }[state] ?? "Pause";
  setOff($("pause"), state === "empty");
  setOff($("stop"), !heard && requests.size === 0);
  $("status").textContent = heard ?? silent;
}

function tick() {
  requestAnimationFrame(tick);
  const { position, duration, state } = player;
  words.light(state === "playing" || state === "paused" ? position : null);
  waveform.show(position, duration);
  typing.tick();
}

/** Until somebody writes, the text is in the voice's language. */
function fitText() {
  const text = $("text");
  if (text.value === text.dataset.sample) text.value = text.dataset.sample = sample(tag(picker.voice));
  text.lang = $("typed").lang = tag(picker.voice);
  refreshText();
}

/** What depends on what is written: how it is read, and how much of it there is. */
function refreshText() {
  const count = Array.from($("text").value).length;
  const most = session.limits?.text_chars;
  $("count").textContent = most ? `${count.toLocaleString()} of ${most.toLocaleString()} characters` : `${count.toLocaleString()} characters`;
  const isTooLong = most !== undefined && count > most;
  $("count").classList.toggle("wrong", isTooLong);
  $("text").ariaInvalid = String(isTooLong);
  reading.refresh();
}

/** Enters what a take was made of. */
function takeUp(body) {
  $("text").value = body.text;
  $("ssml").checked = body.text_type === "ssml";
  settings.values = body;
  picker.choose(body.voice_id, body.speaker);
  $("text").focus();
}

/** Has a voice chosen elsewhere. */
export function chooseVoice(id) {
  picker.choose(id);
}

// --- what people do ---

$("request").addEventListener("submit", (event) => {
  event.preventDefault();
  speak(entered());
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("request").requestSubmit();
});
$("text").addEventListener("input", refreshText);
$("ssml").addEventListener("change", () => reading.refresh());
$("sample").addEventListener("click", () => speak(addVoice({ text: sample(tag(picker.voice)), ...settings.values })));
$("pause").addEventListener("click", () => {
  if (player.state === "playing") return player.pause();
  takes.pause();
  if (player.state === "paused") player.resume();
  else player.seek(0);
});
$("stop").addEventListener("click", () => isOff($("stop")) || stop());
$("download").addEventListener("click", () => download(entered()));
player.addEventListener("change", () => refresh());

keep($("format"));
$("text").value = $("text").dataset.sample = sample("en");
refresh("Nothing was said yet.");
session.follow(() => {
  if (session.limits || session.voices.length) picker.show(session.voices);
  fitText();
});
tick();
