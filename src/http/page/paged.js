// Owns a long table of which one page is shown.

import { isOff, setOff } from "./dom.js";

export const PAGE_ROWS = 50;

export class Paged {
  #elements;
  #show;
  #rows;
  #first = 0;
  #count = 0;

  /** Of the elements `before`, `after` and `shown`; `show(first, end)` shows these rows. */
  constructor(elements, show, rows = PAGE_ROWS) {
    this.#elements = elements;
    this.#rows = rows;
    this.#show = show;
    elements.before.addEventListener("click", () => isOff(elements.before) || this.#turn(-rows));
    elements.after.addEventListener("click", () => isOff(elements.after) || this.#turn(rows));
  }

  get first() {
    return this.#first;
  }

  /** There are so many rows now. */
  set count(count) {
    this.#count = count;
    if (this.#first >= count) this.#first = 0;
    this.refresh();
  }

  begin(count) {
    this.#first = 0;
    this.count = count;
  }

  refresh() {
    const { before, after, shown } = this.#elements;
    const end = Math.min(this.#first + this.#rows, this.#count);
    setOff(before, this.#first === 0);
    setOff(after, end >= this.#count);
    for (const each of [before, after]) each.hidden = this.#count <= this.#rows;
    const text = this.#count ? `${this.#first + 1} to ${end} of ${this.#count.toLocaleString()}` : "None";
    if (shown.textContent !== text) shown.textContent = text;
    this.#show(this.#first, end);
  }

  #turn(by) {
    this.#first += by;
    this.refresh();
  }
}
