// Owns the list of the batches that a token has.

import { ServiceError, call } from "./api.js";
import { $, button, table } from "./dom.js";
import { session } from "./session.js";

const PAGE = 20;

export class Earlier {
  #onOpen;
  #batches = [];

  constructor(onOpen) {
    this.#onOpen = onOpen;
    $("earlier-again").addEventListener("click", () => this.look());
    $("earlier-more").addEventListener("click", () => this.#fetch(this.#batches.length));
  }

  /** The newest of them, anew. */
  look() {
    if (session.limits?.token.may_speak) return this.#fetch(0);
    $("earlier-state").textContent = "Enter a token to see its batches.";
    $("earlier").replaceChildren();
    $("earlier-more").hidden = true;
  }

  async #fetch(offset) {
    try {
      const { data, has_more } = await (await call(`v1/batches?limit=${PAGE}&offset=${offset}`)).json();
      this.#batches = [...this.#batches.slice(0, offset), ...data];
      $("earlier-more").hidden = !has_more;
      $("earlier-state").textContent = this.#batches.length ? "" : "There are none yet.";
      this.#show();
    } catch (error) {
      $("earlier-state").textContent = ServiceError.of(error).message;
    }
  }

  #show() {
    const rows = this.#batches.map((batch) => {
      const { created, expires, items, done, failed, state } = batch;
      const when = new Date(created * 1000).toLocaleString();
      const counts = `${done.toLocaleString()} of ${items.toLocaleString()}${failed ? `, ${failed} failed` : ""}`;
      return [when, state, counts, new Date(expires * 1000).toLocaleString(), button("Open", `batch of ${when}`, () => this.#open(batch))];
    });
    $("earlier").replaceChildren(...(rows.length ? [table("Batches", ["Begun", "State", "Done", "Kept until", ""], rows)] : []));
  }

  #open(batch) {
    this.#onOpen(batch);
    $("items-title").focus();
  }
}
