// Owns the field for the token: what is entered is tried at once, by asking for the voices.

import { ServiceError, call, token } from "./api.js";

/** How long somebody who types has to pause before the token is tried: each wrong one may count. */
const TYPING_MS = 700;

export class TokenField {
  #elements;
  #onVoices;
  #typing = 0;
  #asking = null;

  /** Of the elements `field`, `remember` and `state`. */
  constructor(elements, onVoices) {
    const { field, remember } = elements;
    this.#elements = elements;
    this.#onVoices = onVoices;
    field.value = token.value;
    remember.checked = token.remembered;
    field.addEventListener("input", ({ inputType }) => this.#enter(inputType === "insertFromPaste" ? 0 : TYPING_MS));
    field.addEventListener("change", () => this.#typing && this.check());
    remember.addEventListener("change", () => token.set(token.value, remember.checked));
  }

  focus() {
    this.#elements.field.focus();
  }

  async check() {
    clearTimeout(this.#typing);
    this.#typing = 0;
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#tell(token.value ? "Checking …" : "");
    try {
      const { voices } = await (await call("v1/voices", { signal })).json();
      this.#onVoices(voices);
      this.#tell(token.value ? "Accepted." : "Only needed to speak.");
    } catch (error) {
      if (!signal.aborted) this.#tell(ServiceError.of(error).message, Boolean(token.value) && error.isOfToken);
    }
  }

  #enter(pause) {
    const { field, remember } = this.#elements;
    token.set(field.value.trim(), remember.checked);
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.check(), pause);
  }

  #tell(message, isWrong = false) {
    const { field, state } = this.#elements;
    state.textContent = message;
    state.classList.toggle("wrong", isWrong);
    field.ariaInvalid = String(isWrong);
  }
}
