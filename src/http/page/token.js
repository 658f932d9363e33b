// Owns the field for the token: what is entered is tried at once, by asking what there is for it.

import { ServiceError, token } from "./api.js";
import { session } from "./session.js";

/** How long somebody who types has to pause before the token is tried: each wrong one may count. */
const TYPING_MS = 700;

export class TokenField {
  #elements;
  #typing = 0;
  #asking = null;

  /** Of the elements `field`, `remember` and `state`. */
  constructor(elements) {
    const { field, remember } = elements;
    this.#elements = elements;
    field.value = token.value;
    remember.checked = token.remembered;
    field.addEventListener("input", ({ inputType }) => this.#enter(inputType === "insertFromPaste" ? 0 : TYPING_MS));
    field.addEventListener("change", () => this.#typing && this.check());
    remember.addEventListener("change", () => token.set(token.value, remember.checked));
  }

  async check() {
    clearTimeout(this.#typing);
    this.#typing = 0;
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#tell(token.value ? "Checking …" : "");
    try {
      await session.ask(signal);
      this.#tell(accepted());
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

function accepted() {
  if (!session.limits) return "Only needed to speak.";
  const { may_speak, requests_per_minute, characters_per_minute } = session.limits.token;
  if (!may_speak) return "Accepted, but it may not speak: ask its operator for one with the scope “speak”.";
  const amounts = [[requests_per_minute, "requests"], [characters_per_minute, "characters"]].filter(([count]) => count);
  const each = amounts.map(([count, of]) => `${count.toLocaleString()} ${of}`).join(" and ");
  return each ? `Accepted, for ${each} a minute.` : "Accepted.";
}
