// Owns how something is said: the fields beside text and voice. One that is empty is the service's or the voice's own.

import { keep } from "./memory.js";

const NAMES = {
  speed: "speed",
  volume: "volume",
  sentence_silence_ms: "silence",
  noise_scale: "timbre",
  noise_w: "rhythm",
  loudness: "loudness",
};
const UNITS = { sentence_silence_ms: " ms", loudness: " LUFS" };

/** Those of a request, each in a few words. */
export function describe(body) {
  return Object.entries(NAMES)
    .filter(([field]) => body[field] !== undefined && !(field === "speed" && body.speed === 1))
    .map(([field, name]) => `${name} ${body[field]}${UNITS[field] ?? ""}`);
}

export class Settings {
  #fields;

  /** Of the elements within `form` that have a `data-field`; `speedShown` says what the slider is at. */
  constructor(form, speedShown) {
    this.#fields = [...form.querySelectorAll("[data-field]")];
    this.#fields.forEach(keep);
    const speed = this.#fields.find(({ dataset }) => dataset.field === "speed");
    const show = () => (speedShown.textContent = speed.valueAsNumber.toFixed(2));
    speed.addEventListener("input", show);
    show();
    // A field that is wrong and folded away could not be shown to whoever presses the button.
    form.addEventListener("invalid", ({ target }) => target.closest("details")?.setAttribute("open", ""), true);
  }

  get values() {
    const filled = this.#fields.filter(({ valueAsNumber }) => !Number.isNaN(valueAsNumber));
    return Object.fromEntries(filled.map(({ dataset, valueAsNumber }) => [dataset.field, valueAsNumber]));
  }

  /** Those of a request that was made before. */
  set values(body) {
    for (const field of this.#fields) {
      field.value = body[field.dataset.field] ?? "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
}
