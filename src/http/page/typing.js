// Owns the box in which one types and hears it meanwhile. A word is sent when the next one has begun, so that it can be mended before.

import { Live } from "./live.js";
import { Player } from "./player.js";
import { Words } from "./words.js";

/** How long somebody who types has to pause before everything is spoken that is there. */
const PAUSE_MS = 1500;

export class TypingBox {
  player = new Player();
  #elements;
  #fields;
  #words;
  #live = new Live({
    sound: (samples, rate) => this.player.push(samples, rate),
    words: (words) => this.#show([...this.#said, ...words]),
    problem: (error) => this.#fail(error),
    ended: () => this.#begin(this.#from + this.#sent.length),
  });
  /** What was in the box before, where the text that is spoken begins in it, and what was sent of that. */
  #before = "";
  #from = 0;
  #sent = "";
  #said = [];
  #hasTimes = true;
  #isHeard = false;
  #pause = 0;

  /** Of the elements `box`, `words`, `interrupt`, `status` and `problem`; `fields` gives those of a request that say who speaks and how. */
  constructor(elements, fields) {
    const { box, interrupt } = elements;
    this.#elements = elements;
    this.#fields = fields;
    this.#words = new Words(elements.words, (time) => this.player.seek(time));
    box.addEventListener("input", () => this.#type());
    box.addEventListener("keydown", ({ key }) => key === "Enter" && setTimeout(() => this.#flush()));
    interrupt.addEventListener("click", () => this.interrupt());
  }

  /** Lights what is heard now. */
  tick() {
    const { position, duration, state } = this.player;
    const isHeard = state === "playing" && position < duration;
    this.#words.light(isHeard ? position : null);
    if (isHeard !== this.#isHeard) this.#refresh(isHeard);
  }

  /** What was typed so far is said no more. */
  interrupt() {
    this.#begin(this.#elements.box.value.length);
  }

  #type() {
    const { value } = this.#elements.box;
    if (!value.startsWith(this.#before.slice(0, this.#from + this.#sent.length))) {
      // What was sent cannot be mended: the text begins anew with the word that is another.
      this.#begin(value.slice(0, common(value, this.#before)).search(/\S*$/));
    }
    this.#before = value;
    // Up to the word that is being typed.
    const whole = value.slice(0, value.search(/\S*$/));
    this.#send(whole);
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#flush(), PAUSE_MS);
  }

  #send(upTo) {
    const text = upTo.slice(this.#from + this.#sent.length);
    if (!text) return;
    if (!this.#sent) {
      this.player.open();
      this.#elements.problem.textContent = "";
    }
    this.#live.write(text, { ...this.#fields(), word_times: this.#hasTimes });
    this.#sent += text;
    this.#show(this.#said);
  }

  #flush() {
    clearTimeout(this.#pause);
    this.#send(this.#elements.box.value);
    if (this.#sent) this.#live.flush();
  }

  /** Another text begins there in the box. */
  #begin(from) {
    clearTimeout(this.#pause);
    this.#live.interrupt();
    this.player.stop();
    this.#before = this.#elements.box.value;
    this.#from = from;
    this.#sent = "";
    this.#said = [];
    this.#refresh();
  }

  #fail(error) {
    const { box, problem } = this.#elements;
    const from = this.#from;
    this.#begin(box.value.length);
    if (error.code === "timestamps_unavailable" && this.#hasTimes) {
      // A voice that does not tell when it says what is heard all the same.
      this.#hasTimes = false;
      this.#from = from;
      this.#flush();
    } else {
      problem.textContent = error.message;
    }
  }

  #show(said) {
    this.#said = said;
    this.#words.show(this.#sent, this.#elements.box.lang);
    this.#words.time(said);
    this.#refresh();
  }

  #refresh(isHeard = this.#isHeard) {
    const { interrupt, status } = this.#elements;
    this.#isHeard = isHeard;
    interrupt.ariaDisabled = String(!isHeard && !this.#sent);
    status.textContent = isHeard ? "Speaking …" : "";
  }
}

/** How much of two texts is the same, from their beginning. */
function common(one, other) {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}
