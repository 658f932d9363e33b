// Owns the part in which voices are looked for, heard and compared.

import { ServiceError, call } from "./api.js";
import { $, button, node } from "./dom.js";
import { fetchVoice } from "./fetching.js";
import { ear, hear } from "./hear.js";
import { choose } from "./memory.js";
import { Paged } from "./paged.js";
import { sample } from "./samples.js";
import { session } from "./session.js";
import { Upload } from "./upload.js";
import { grouped, languageOf, locales, nameOf, sizeOf, sorter, tag } from "./voices.js";

const ROWS = 24;
const QUALITIES = ["x_low", "low", "medium", "high"];
const percent = new Intl.NumberFormat(locales, { style: "percent", maximumFractionDigits: 1 });
const level = new Intl.NumberFormat(locales, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const ORDERS = {
  name: (a, b) => b.installed - a.installed || sorter.compare(languageOf(a), languageOf(b)) || sorter.compare(nameOf(a), nameOf(b)),
  size: (a, b) => (a.size_bytes ?? Infinity) - (b.size_bytes ?? Infinity),
  understood: ({ measured_quality: a }, { measured_quality: b }) =>
    (a?.word_error_rate ?? Infinity) - (b?.word_error_rate ?? Infinity) || (b?.rating ?? 0) - (a?.rating ?? 0),
  level: (a, b) => (b.loudness ?? -Infinity) - (a.loudness ?? -Infinity),
  speakers: (a, b) => (b.speakers ?? 1) - (a.speakers ?? 1),
  quality: (a, b) => QUALITIES.indexOf(b.quality) - QUALITIES.indexOf(a.quality),
};

const upload = new Upload(() => session.ask());
const paged = new Paged({ before: $("library-before"), after: $("library-after"), shown: $("library-shown") }, fill, ROWS);
const sides = ["first", "second"].map((name) => {
  const { audio, said } = ear(`the ${name} voice`);
  $(`compare-${name}-hear`).after(said, audio);
  return { select: $(`compare-${name}`), place: { audio, said } };
});
const licenseOf = ({ license }) => (license && license !== "unknown" ? license : "licence unknown");
/** Those that were looked for, in order. */
let found = [];

// --- looking for them ---

function search() {
  const [words, language, quality, license, speakers] = ["words", "language", "quality", "license", "speakers"].map((name) => $(`find-${name}`).value);
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const isWanted = (voice) => {
    const all = [voice.id, languageOf(voice), voice.language_name, voice.dataset, ...voice.aliases, ...voice.speaker_names].join(" ").toLowerCase();
    const isOfMany = (voice.speakers ?? 1) > 1;
    return wanted.every((word) => all.includes(word))
      && (!language || languageOf(voice) === language)
      && (!quality || voice.quality === quality)
      && (!license || (voice.license ?? "") === license)
      && (!speakers || isOfMany === (speakers === "several"))
      && (!$("find-installed").checked || voice.installed);
  };
  found = session.voices.filter(isWanted).sort(ORDERS[$("find-order").value]);
  $("library-state").textContent = session.voices.length
    ? `${found.length.toLocaleString()} of ${session.voices.length.toLocaleString()} voices`
    : "Enter a token to see the voices.";
  paged.begin(found.length);
}

/** What there is to choose from. */
function offer() {
  const fill = (id, any, values) => {
    const before = $(id).value;
    $(id).replaceChildren(new Option(any, ""), ...values.map((value) => new Option(value)));
    $(id).value = values.includes(before) ? before : "";
  };
  const all = (of) => [...new Set(session.voices.map(of).filter(Boolean))].sort(sorter.compare);
  fill("find-language", "All languages", all(languageOf));
  fill("find-quality", "All qualities", QUALITIES.filter((quality) => session.voices.some((voice) => voice.quality === quality)));
  fill("find-license", "All licences", all((voice) => voice.license));
  for (const { select } of sides) {
    const before = select.value;
    select.replaceChildren(...grouped(session.voices.filter(({ problem }) => !problem)));
    if (session.voice(before)) select.value = before;
  }
  const [one, other] = sides;
  if (one.select.value === other.select.value && other.select.length > 1) other.select.selectedIndex = one.select.selectedIndex ? 0 : 1;
  fitSentence();
}

function fill(first, end) {
  $("library").replaceChildren(...found.slice(first, end).map(card));
}

// --- one of them ---

function card(voice) {
  const name = `${nameOf(voice)}, ${languageOf(voice)}`;
  const place = ear(name);
  const many = (voice.speakers ?? 1) > 1 && `${voice.speakers.toLocaleString()} speakers`;
  const state = voice.problem ? "cannot speak" : voice.loaded ? "in memory" : voice.installed ? "installed" : "to be fetched";
  const loudness = voice.loudness && `${level.format(voice.loudness)} LUFS`;
  const facts = [voice.quality, sizeOf(voice), many, licenseOf(voice), loudness, heard(voice), state];
  const mayChange = upload.isAllowed && voice.installed;
  const mayFetch = session.mayManage && !voice.installed && !voice.problem;
  return node("li", {},
    node("h3", { lang: tag(voice) }, nameOf(voice)),
    node("p", {}, languageOf(voice), voice.default && " · the default voice"),
    node("p", { className: "soft" }, facts.filter(Boolean).join(" · ")),
    voice.problem && node("p", { className: "wrong" }, `It cannot speak: ${voice.problem}`),
    node("div", { className: "row" },
      !voice.problem && [
        button("Sample", name, () => hear(place, { text: sample(tag(voice)), voice_id: voice.id })),
        button("Speak with it", name, () => speakWith(voice)),
        button("Compare", name, () => compare(voice)),
      ],
      mayFetch && button("Fetch", name, () => install(voice, place)),
      mayChange && [button("Replace", name, () => upload.begin(voice.id)), button("Remove", name, () => remove(voice, place))]),
    place.said, place.audio);
}

/** What was measured of how it is understood, as far as it was. */
function heard({ measured_quality: quality }) {
  return quality && `${percent.format(quality.word_error_rate)} of words misheard, rated ${level.format(quality.rating)} of 5`;
}

async function speakWith(voice) {
  choose("voice", voice.id);
  const { chooseVoice } = await import("./speak.js");
  chooseVoice(voice.id);
  location.hash = "#speak";
}

async function install(voice, { said }) {
  if (!(await fetchVoice(voice, said))) return;
  $("library-title").focus();
  $("library-state").textContent = `${voice.id} is here.`;
}

async function remove(voice, { said }) {
  if (!confirm(`Remove ${voice.id} from the disk of the service?`)) return;
  try {
    await call(`v1/voices/${encodeURIComponent(voice.id)}`, { method: "DELETE" });
    await session.ask().catch(() => {});
    $("library-title").focus();
    $("library-state").textContent = `${voice.id} was removed.`;
  } catch (error) {
    said.classList.add("wrong");
    said.textContent = ServiceError.of(error).message;
  }
}

// --- two of them ---

/** Puts a voice beside the one that was put there last. */
function compare(voice) {
  const [one, other] = sides.map(({ select }) => select);
  one.value = other.value;
  other.value = voice.id;
  fitSentence();
  $("compare-text").focus();
}

/** Until somebody writes, the sentence is in the first voice's language. */
function fitSentence() {
  const text = $("compare-text");
  const language = tag(session.voice(sides[0].select.value));
  if (text.value === (text.dataset.sample ?? "")) text.value = text.dataset.sample = sample(language);
  text.lang = language;
}

for (const { select, place } of sides) {
  select.addEventListener("change", fitSentence);
  $(`${select.id}-hear`).addEventListener("click", () => hear(place, { text: $("compare-text").value, voice_id: select.value }));
}
// Not when the field is left: whoever leaves it by pressing a button would press one that is drawn anew.
$("find-words").addEventListener("input", search);
$("find").addEventListener("change", ({ target }) => target === $("find-words") || search());
$("find").addEventListener("submit", (event) => event.preventDefault());
session.follow(() => {
  offer();
  upload.refresh();
  search();
});
