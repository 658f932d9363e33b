// Owns the takes of this session: what was heard, side by side, each with its settings. The oldest make room.

import { LANGUAGES } from "./code.js";
import { button, node } from "./dom.js";
import { describe } from "./settings.js";
import { nameOf, tag } from "./voices.js";
import { wav } from "./wav.js";

const MAX_TAKES = 20;

export class Takes {
  #list;
  #on;
  #count = 0;

  /** Calls `play()` when one is heard, `use(body)` for one that is to be made again, `download(body)`, and `format()` for that of files. */
  constructor(list, on) {
    this.#list = list;
    this.#on = on;
    list.addEventListener("play", ({ target }) => this.#silence(target), true);
  }

  /** Puts one before the others. */
  add(body, voice, parts, rate) {
    this.#count += 1;
    this.#list.prepend(this.#card(`take ${this.#count}`, body, voice, wav(parts, rate)));
    while (this.#list.children.length > MAX_TAKES) this.#drop(this.#list.lastElementChild);
    this.#list.parentElement.hidden = false;
  }

  pause() {
    for (const audio of this.#list.querySelectorAll("audio")) audio.pause();
  }

  #card(name, body, voice, sound) {
    const audio = node("audio", { controls: true, preload: "metadata", src: URL.createObjectURL(sound), ariaLabel: `Sound of ${name}` });
    const card = node("li", { className: "take" },
      node("h3", {}, name[0].toUpperCase() + name.slice(1)),
      node("p", { className: "soft" }, [voice && nameOf(voice), ...describe(body)].filter(Boolean).join(" · ")),
      node("p", { className: "excerpt", dir: "auto", lang: tag(voice) }, body.text),
      audio,
      node("div", { className: "row" },
        button("Use again", name, () => this.#on.use(body)),
        button("Download", name, () => this.#on.download(body)),
        button("Remove", name, () => this.#remove(card))),
      this.#code(name, body));
    return card;
  }

  #code(name, body) {
    const shown = node("pre", { tabIndex: 0, role: "region", ariaLabel: `Code of ${name}` });
    const language = node("select", { ariaLabel: `Language of the code of ${name}`, onchange: write },
      Object.keys(LANGUAGES).map((each) => new Option(each)));
    const done = node("span", { role: "status", className: "soft" });
    const format = this.#on.format;
    function write() {
      shown.textContent = LANGUAGES[language.value](body, format());
      done.textContent = "";
    }
    async function copy() {
      write();
      // Pages that came without TLS from another machine have no clipboard: there it is chosen, to be copied by hand.
      const isCopied = await navigator.clipboard?.writeText(shown.textContent).then(() => true, () => false);
      if (!isCopied) getSelection().selectAllChildren(shown);
      done.textContent = isCopied ? "Copied." : "Chosen: copy it with Ctrl+C.";
    }
    const copying = button("Copy", `code of ${name}`, copy);
    const folded = node("details", { ontoggle: () => folded.open && write() },
      node("summary", {}, "As code"), node("div", { className: "row" }, language, copying, done), shown);
    return folded;
  }

  #remove(card) {
    const next = card.nextElementSibling ?? card.previousElementSibling;
    this.#drop(card);
    // Whoever works by keys goes on from the one beside it.
    next?.querySelector("button").focus();
    this.#list.parentElement.hidden = !next;
  }

  #drop(card) {
    URL.revokeObjectURL(card.querySelector("audio").src);
    card.remove();
  }

  #silence(but) {
    this.#on.play();
    for (const audio of this.#list.querySelectorAll("audio")) if (audio !== but) audio.pause();
  }
}
