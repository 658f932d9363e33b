// Owns the choice of a voice: what there is, by language, and what is known of the chosen one.

import { choose, chosen } from "./memory.js";

export const locales = navigator.languages;
const names = new Intl.DisplayNames(locales, { type: "language", languageDisplay: "standard" });
export const sorter = new Intl.Collator(locales);
const size = new Intl.NumberFormat(locales, { style: "unit", unit: "megabyte", maximumFractionDigits: 0 });

/** Longer ones stand below the list alone. */
const MAX_LICENSE = 24;

/** As browsers name a language: `en-US` of `en_US`. */
export const tag = (voice) => voice?.language?.replaceAll("_", "-") ?? "";

export function languageOf(voice) {
  try {
    return names.of(tag(voice));
  } catch {
    return voice.language ?? "Other";
  }
}

/** `Upc ona` of `ca_ES-upc_ona-medium`; a name of another form is left as it is. */
export function nameOf({ id, language, quality }) {
  const [begin, end] = [`${language}-`, `-${quality}`];
  if (!id.startsWith(begin) || !id.endsWith(end) || id.length <= begin.length + end.length) return id;
  const name = id.slice(begin.length, -end.length).replaceAll("_", " ");
  return name[0].toUpperCase() + name.slice(1);
}

export const sizeOf = ({ size_bytes }) => size_bytes && size.format(size_bytes / 1e6);

function label(voice) {
  const license = voice.license?.length <= MAX_LICENSE && voice.license;
  const state = voice.problem ? "cannot speak" : !voice.installed && "to be fetched";
  const parts = [nameOf(voice), voice.quality, sizeOf(voice), license, state];
  return parts.filter(Boolean).join(" · ");
}

function facts(voice) {
  const license = voice.license ? `Licence: ${voice.license}` : "The licence is known when it is installed";
  const parts = [
    languageOf(voice),
    voice.sample_rate && `${voice.sample_rate.toLocaleString(locales)} Hz`,
    license,
    voice.problem && `It cannot speak: ${voice.problem}`,
    !voice.installed && "It is fetched when it first speaks, which takes a while",
  ];
  return `${parts.filter(Boolean).join(". ")}.`;
}

/** Voices as the entries of a list, by language; the person's own languages come first. */
export function grouped(voices) {
  const own = ([, [voice]]) => {
    const at = locales.findIndex((locale) => locale.split("-")[0] === tag(voice).split("-")[0]);
    return at < 0 ? locales.length : at;
  };
  const groups = [...Map.groupBy(voices, languageOf)].sort((a, b) => own(a) - own(b) || sorter.compare(a[0], b[0]));
  return groups.map(([language, members]) => {
    const group = document.createElement("optgroup");
    group.label = language;
    group.append(...members.map((voice) => new Option(label(voice), voice.id)));
    return group;
  });
}

export class VoicePicker {
  #elements;
  #voices = [];

  /** Of the elements `voice`, `speaker`, `speakerField` and `facts`. */
  constructor(elements, onChange) {
    this.#elements = elements;
    elements.voice.addEventListener("change", () => {
      choose("voice", elements.voice.value);
      this.#describe();
      onChange();
    });
  }

  /** The chosen one; `undefined` while none are known. */
  get voice() {
    return this.#voices.find(({ id }) => id === this.#elements.voice.value);
  }

  /** The chosen one's speaker, if it has several. */
  get speaker() {
    return this.#elements.speakerField.hidden ? undefined : this.#elements.speaker.value;
  }

  /** Has this one chosen, if it is there. */
  choose(id, speaker) {
    const select = this.#elements.voice;
    if (this.#voices.every((voice) => voice.id !== id)) return;
    select.value = id;
    select.dispatchEvent(new Event("change"));
    if (speaker !== undefined) this.#elements.speaker.value = speaker;
  }

  show(voices) {
    const select = this.#elements.voice;
    const earlier = this.voice?.id ?? chosen("voice");
    this.#voices = voices;
    select.replaceChildren(...grouped(voices));
    const now = voices.find(({ id }) => id === earlier) ?? voices.find((voice) => voice.default) ?? voices[0];
    if (now) select.value = now.id;
    select.disabled = !now;
    if (!now) select.append(new Option("There is no voice here yet"));
    this.#describe();
  }

  #describe() {
    const { voice } = this;
    this.#elements.facts.textContent = voice ? facts(voice) : "";
    const count = voice?.speakers ?? 1;
    const speakers = voice?.speaker_names?.length ? voice.speaker_names : Array.from({ length: count }, (_, at) => String(at));
    this.#elements.speaker.replaceChildren(...speakers.map((name) => new Option(name)));
    this.#elements.speakerField.hidden = count < 2;
  }
}
