// Owns what the service said of itself to whoever has entered a token: its voices, and its limits. The event `change` tells of news.

import { call, token } from "./api.js";

class Session extends EventTarget {
  voices = [];
  /** Of `GET /v1/limits`; `null` until a token was accepted. */
  limits = null;

  /** Asks for both; without a token for the voices alone, which some services list to everyone. */
  async ask(signal) {
    try {
      const limits = token.value ? await json("v1/limits", signal) : null;
      const mayList = !limits || limits.token.may_speak;
      this.#become(mayList ? (await json("v1/voices", signal)).voices : [], limits);
    } catch (error) {
      if (!signal?.aborted) this.#become(this.voices, null);
      throw error;
    }
  }

  /** The voice of this name or of an alias; of `voice#speaker` too. */
  voice(name) {
    const [id] = name.split("#");
    return this.voices.find((voice) => voice.id.toLowerCase() === id.toLowerCase() || voice.aliases.includes(id));
  }

  get mayManage() {
    return this.limits?.token.may_manage ?? false;
  }

  #become(voices, limits) {
    Object.assign(this, { voices, limits });
    this.dispatchEvent(new Event("change"));
  }

  /** Tells now, and whenever there is news. */
  follow(listener) {
    this.addEventListener("change", listener);
    listener();
  }
}

async function json(path, signal) {
  return (await call(path, { signal })).json();
}

export const session = new Session();
