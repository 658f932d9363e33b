// Owns showing what will be said of a text that is not said as it is written: "$5.20" in words.

import { call } from "./api.js";

/** How long nobody types until it is asked for. */
const PATIENCE = 600;

export class Reading {
  #shown;
  #body;
  #timer = 0;
  #asked = null;

  /** `body` gives what is entered, or nothing while that cannot be read. */
  constructor(shown, body) {
    this.#shown = shown;
    this.#body = body;
  }

  /** What is entered is another. */
  refresh() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), PATIENCE);
  }

  async #ask() {
    this.#asked?.abort();
    const body = this.#body();
    if (!body) return this.#show([]);
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    // Where it fails, so does speaking, which says why.
    const answer = await call("v1/normalize", { json: body, signal }).then((response) => response.json()).catch(() => null);
    if (!signal.aborted) this.#show(answer?.tokens ?? []);
  }

  #show(tokens) {
    const read = tokens.filter(({ written, said }) => written !== said && said);
    this.#shown.hidden = read.length === 0;
    this.#shown.replaceChildren(...read.map(({ written, said, class: kind }) => {
      const item = document.createElement("li");
      item.title = kind;
      item.textContent = `${written.trim() || "…"} → ${said.trim()}`;
      return item;
    }));
  }
}
