// Owns the playground: what is entered becomes a request, what comes back is heard and shown. Speech is streamed as raw samples, so that it
// plays from the first part on; when all of it is there, its times are asked for, which costs no synthesis as its sentences are kept by then.

import { ServiceError } from "./page/api.js";
import { Player } from "./page/player.js";
import { Reading } from "./page/reading.js";
import { sample } from "./page/samples.js";
import { ask, samples, times } from "./page/speech.js";
import { TokenField } from "./page/token.js";
import { TypingBox } from "./page/typing.js";
import { VoicePicker, tag } from "./page/voices.js";
import { Waveform } from "./page/waveform.js";
import { Words } from "./page/words.js";

const $ = (id) => document.getElementById(id);
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
const elements = { voice: $("voice"), speaker: $("speaker"), speakerField: $("speaker-field"), facts: $("facts") };
const reading = new Reading($("reading"), () => {
  const { text, text_type, voice_id } = entered();
  // A voice that is not here would be fetched for it.
  return text.trim() && picker.voice?.installed ? { text, text_type, voice_id } : null;
});
const picker = new VoicePicker(elements, fitText);
const tokenField = new TokenField({ field: $("token"), remember: $("remember"), state: $("token-state") }, (voices) => {
  picker.show(voices);
  fitText();
});

const typingElements = { box: $("typed"), words: $("typed-words"), interrupt: $("interrupt"), status: $("typing-status"), problem: $("typing-problem") };
export const typing = new TypingBox(typingElements, () => addVoice({ speed: $("speed").valueAsNumber }));

// --- speaking ---

function entered() {
  const body = { text: $("text").value, speed: $("speed").valueAsNumber };
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
  waveform.clear();
  words.show(body.text, tag(picker.voice));
  player.open();
  $("said").scrollIntoView({ block: "nearest" });
  await running("Waiting for the first sound …", async (signal) => {
    try {
      await stream(body, signal);
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
  $("cache").textContent = response.headers.get("x-cache");
  $("rate").textContent = `${rate} Hz`;
  for await (const part of samples(response)) {
    if (player.state === "empty") $("first").textContent = since();
    player.push(part, rate);
    waveform.push(part, rate);
  }
  $("all").textContent = since();
  $("length").textContent = seconds(player.duration);
}

function tellOfFetching() {
  refresh("The voice is being fetched, which may take some minutes …");
}

async function download() {
  const format = $("format").value;
  await running("Making the file …", async (signal) => {
    const response = await ask({ ...entered(), response_format: format }, signal, tellOfFetching);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = `speech.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
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
  if (error?.isOfToken) tokenField.focus();
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

/** Buttons and status as they are now. No button is `disabled`, which would take the focus from whoever has just pressed it. */
function refresh(becomes = silent) {
  silent = becomes;
  const { state } = player;
  const heard = { playing: "Speaking …", paused: "Paused." }[state];
  $("pause").textContent = { paused: "Resume", stopped: "Play again" }[state] ?? "Pause";
  $("pause").ariaDisabled = String(state === "empty");
  $("stop").ariaDisabled = String(!heard && requests.size === 0);
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
  reading.refresh();
}

// --- what people do ---

$("request").addEventListener("submit", (event) => {
  event.preventDefault();
  speak(entered());
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("request").requestSubmit();
});
$("text").addEventListener("input", () => reading.refresh());
$("ssml").addEventListener("change", () => reading.refresh());
$("sample").addEventListener("click", () => speak(addVoice({ text: sample(tag(picker.voice)), speed: $("speed").valueAsNumber })));
$("pause").addEventListener("click", () => {
  if (player.state === "playing") player.pause();
  else if (player.state === "paused") player.resume();
  else player.seek(0);
});
$("stop").addEventListener("click", () => $("stop").ariaDisabled === "true" || stop());
$("download").addEventListener("click", download);
$("speed").addEventListener("input", () => ($("speed-shown").textContent = $("speed").valueAsNumber.toFixed(2)));
player.addEventListener("change", () => refresh());

$("text").value = $("text").dataset.sample = sample("en");
refresh("Nothing was said yet.");
tokenField.check();
tick();
