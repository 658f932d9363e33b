// Owns the words that are said: each is lit while it is heard, and can be chosen to hear from there.

/** Seconds by which a clock that was set to the begin of a word may show less. */
const ROUNDING = 1e-3;

export class Words {
  #box;
  #words = [];
  #spans = [];
  #lit = -1;

  constructor(box, onChoose) {
    this.#box = box;
    box.addEventListener("click", ({ target }) => this.#choose(target, onChoose));
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") this.#choose(event.target, onChoose);
      else if (!this.#move(event)) return;
      event.preventDefault();
    });
  }

  /** The text as it is, until its times are known. */
  show(text, language) {
    this.#words = [];
    this.#spans = [];
    this.#lit = -1;
    this.#box.lang = language;
    this.#box.removeAttribute("role");
    this.#box.removeAttribute("aria-label");
    this.#box.replaceChildren(text);
    this.#box.scrollTop = 0;
  }

  /** The same with each word by itself. Places are counted by code points. */
  time(words) {
    const chars = Array.from(this.#box.textContent);
    const nodes = [];
    this.#spans = [];
    let reached = 0;
    for (const { start_char, end_char } of words) {
      const span = document.createElement("span");
      Object.assign(span, { role: "option", ariaSelected: "false", tabIndex: -1 });
      span.textContent = chars.slice(start_char, end_char).join("");
      nodes.push(chars.slice(reached, start_char).join(""), span);
      this.#spans.push(span);
      reached = end_char;
    }
    nodes.push(chars.slice(reached).join(""));
    this.#words = words;
    if (this.#spans.length === 0) return;
    // One stop of the Tab key for all of them; arrows lead from word to word.
    this.#spans[0].tabIndex = 0;
    this.#box.role = "listbox";
    this.#box.ariaLabel = "Words: Enter plays from the chosen one";
    this.#box.replaceChildren(...nodes);
  }

  /** Lights the word that is heard at this time; `null` lights none. */
  light(time) {
    const isHeard = ({ start, end }) => start - ROUNDING <= time && time < end - ROUNDING;
    const index = time === null ? -1 : this.#words.findIndex(isHeard);
    if (index === this.#lit) return;
    this.#mark(this.#lit, false);
    this.#mark(index, true);
    this.#lit = index;
    if (index >= 0) this.#reveal(this.#spans[index]);
  }

  #mark(index, isLit) {
    const span = this.#spans[index];
    if (!span) return;
    span.classList.toggle("said", isLit);
    span.ariaSelected = String(isLit);
  }

  /** Scrolls the box alone, never the page. */
  #reveal(span) {
    const box = this.#box;
    const top = span.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top + span.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 3;
  }

  #choose(span, onChoose) {
    const word = this.#words[this.#spans.indexOf(span)];
    if (!word) return;
    this.#lead(span);
    onChoose(word.start);
  }

  /** Whether the key led to another word. */
  #move({ key, target }) {
    const at = this.#spans.indexOf(target);
    const last = this.#spans.length - 1;
    const forward = getComputedStyle(this.#box).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const backward = forward === "ArrowRight" ? "ArrowLeft" : "ArrowRight";
    const places = { [forward]: at + 1, [backward]: at - 1, ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last };
    const to = this.#spans[Math.min(Math.max(places[key], 0), last)];
    if (at < 0 || !to) return false;
    this.#lead(to);
    to.focus();
    return true;
  }

  /** Makes this the word that the Tab key leads to. */
  #lead(span) {
    for (const each of this.#box.querySelectorAll("[tabindex='0']")) each.tabIndex = -1;
    span.tabIndex = 0;
  }
}
