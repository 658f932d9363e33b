// Owns the table of items: as they are to be sent, or as they become sound.

import { $, button, node, row, table } from "./dom.js";
import { Paged } from "./paged.js";

/** Of a text as it stands in a cell. */
const MAX_CHARS = 120;

export class ItemTable {
  #items = [];
  /** What became of them, by their place; `null` while they are not sent. */
  #results = null;
  #onHear = () => {};
  /** Those that are shown, by their place. */
  #rows = new Map();
  #paged = new Paged({ before: $("page-before"), after: $("page-after"), shown: $("page-shown") }, (first, end) => this.#fill(first, end));

  constructor() {
    $("only-problems").addEventListener("change", () => this.#begin());
  }

  /** Items as `{ line, fields, problem }` that are to be sent. */
  prepare(items) {
    this.#items = items;
    this.#results = null;
    this.#begin();
  }

  /** Items of a batch: of its `count` those that this page knows the text of. Calls `onHear(result)`. */
  follow(items, count, onHear) {
    this.#items = items ?? Array.from({ length: count }, () => null);
    this.#results = new Map();
    this.#onHear = onHear;
    this.#begin();
  }

  /** The place of the first row that is shown. */
  get first() {
    return this.#shown()[this.#paged.first] ?? 0;
  }

  get isOfProblems() {
    return $("only-problems").checked;
  }

  /** What became of some. */
  tell(results) {
    const news = results.filter(({ index, state }) => this.#results.get(index)?.state !== state);
    for (const result of news) this.#results.set(result.index, result);
    if (this.isOfProblems && news.length) this.#paged.count = this.#shown().length;
    // One by one, so that no button goes away below whoever is about to press it.
    else for (const { index } of news) this.#rows.get(index)?.replaceWith(this.#put(index));
  }

  #begin() {
    $("items").hidden = false;
    this.#paged.begin(this.#shown().length);
  }

  /** Places of the items that are wanted. */
  #shown() {
    const places = this.#items.map((_, at) => at);
    if (!this.isOfProblems) return places;
    return places.filter((at) => (this.#results ? this.#results.get(at)?.state === "failed" : this.#items[at].problem));
  }

  #fill(first, end) {
    this.#rows.clear();
    const whole = table("Items", this.#head, []);
    whole.tBodies[0].append(...this.#shown().slice(first, end).map((at) => this.#put(at)));
    $("item-table").replaceChildren(whole);
  }

  get #head() {
    return [this.#results ? "No." : "Line", "Name", "Text", "Voice", "State"];
  }

  /** The row of an item, to be put into the table. */
  #put(at) {
    const drawn = row(this.#head, this.#cells(at));
    this.#rows.set(at, drawn);
    return drawn;
  }

  #cells(at) {
    const { line, fields = {}, problem } = this.#items[at] ?? {};
    const result = this.#results?.get(at);
    const text = typeof fields.text === "string" ? fields.text : "";
    return [
      this.#results ? at + 1 : line,
      fields.custom_id ?? result?.custom_id ?? "",
      text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text,
      fields.voice_id ?? result?.audio?.voice_id ?? "",
      this.#results ? this.#state(at, result) : this.#problem(problem),
    ];
  }

  #problem(problem) {
    return problem ? node("span", { className: "wrong" }, problem) : "ready";
  }

  #state(at, result) {
    const { state = "waiting", audio, error } = result ?? {};
    if (state === "failed") return node("span", { className: "wrong" }, `failed: ${error.message}`);
    if (state !== "done") return state;
    return [`${audio.seconds.toFixed(1)} s `, button("Hear", `item ${at + 1}`, () => this.#onHear(result))];
  }
}
