// Owns a batch that was sent: how far it is, the sound of each item, its archive, its end.

import { ServiceError, call } from "./api.js";
import { $, isOff, save, setOff } from "./dom.js";
import { PAGE_ROWS } from "./paged.js";

const LOOK_EVERY_MS = 700;
/** What is asked for at once, where items that failed are looked for among all. */
const MOST_ROWS = 1_000;
const STATES = { queued: "It waits.", running: "It is worked on.", succeeded: "All is done.", failed: "It has ended.", cancelled: "It was removed." };

export class Going {
  #table;
  #onChange;
  #batch = null;
  #looking = null;

  /** Shows items in the table; calls `onChange` when a batch has ended or is removed. */
  constructor(table, onChange) {
    this.#table = table;
    this.#onChange = onChange;
    $("batch-archive").addEventListener("click", () => isOff($("batch-archive")) || this.#working(() => this.#archive()));
    $("batch-remove").addEventListener("click", () => this.#working(() => this.#remove()));
    const look = () => this.#batch && this.#working(() => this.#look());
    $("only-problems").addEventListener("change", look);
    for (const id of ["page-before", "page-after"]) $(id).addEventListener("click", look);
  }

  get isShown() {
    return this.#batch !== null;
  }

  /** Shows a batch until another is shown; with the items that it was made of, if they are known. */
  follow(batch, items) {
    this.leave();
    this.#batch = batch;
    $("going").hidden = false;
    $("items-title").textContent = `Batch of ${new Date(batch.created * 1000).toLocaleString()}`;
    this.#table.follow(items, batch.items, (result) => this.#working(() => this.#hear(result)));
    this.#tell(batch);
    this.#watch();
  }

  leave() {
    this.#looking?.abort();
    this.#batch = null;
    $("going").hidden = true;
    $("item-sound").hidden = true;
    $("item-sound").pause();
    $("items-title").textContent = "Items";
    $("going-problem").textContent = "";
  }

  /** Looks until it has ended. */
  async #watch() {
    const looking = new AbortController();
    this.#looking = looking;
    while (!looking.signal.aborted) {
      const hasEnded = await this.#look().catch((error) => this.#fail(error, looking));
      if (hasEnded) return looking.signal.aborted || this.#onChange();
      await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
    }
  }

  /** Whether it has ended, by then with all of what is shown. */
  async #look() {
    const [{ id }, { signal }] = [this.#batch, this.#looking];
    let offset = this.#table.isOfProblems ? 0 : this.#table.first;
    const limit = this.#table.isOfProblems ? MOST_ROWS : PAGE_ROWS;
    for (;;) {
      const batch = await (await call(`v1/batches/${id}?offset=${offset}&limit=${limit}`, { signal })).json();
      if (signal.aborted) return true;
      this.#table.tell(batch.results);
      this.#tell(batch);
      offset += limit;
      if (!this.#table.isOfProblems || !batch.has_more) return this.#hasEnded;
    }
  }

  get #hasEnded() {
    return !["queued", "running"].includes(this.#batch.state);
  }

  #tell(batch) {
    this.#batch = batch;
    const { state, items, done, failed, progress, audio_seconds, error } = batch;
    $("batch-progress").value = progress;
    const parts = [`${done.toLocaleString()} of ${items.toLocaleString()} are done`, failed && `${failed.toLocaleString()} failed`, `${audio_seconds.toFixed(0)} seconds of sound`];
    const text = `${STATES[state]} ${parts.filter(Boolean).join(", ")}.${error ? ` ${error.message}.` : ""}`;
    if ($("batch-status").textContent !== text) $("batch-status").textContent = text;
    setOff($("batch-archive"), !this.#hasEnded || done === 0);
    $("batch-remove").textContent = this.#hasEnded ? "Remove" : "Cancel and remove";
  }

  async #hear({ index, audio }) {
    const sound = await (await call(`v1/batches/${this.#batch.id}/items/${index}/audio`)).blob();
    const player = $("item-sound");
    URL.revokeObjectURL(player.src);
    player.hidden = false;
    player.ariaLabel = `Sound of item ${index + 1}`;
    player.src = URL.createObjectURL(sound);
    await player.play().catch((error) => {
      if (error.name !== "NotSupportedError") return;
      player.hidden = true;
      save(sound, `${String(index).padStart(5, "0")}.${audio.format}`);
      throw new ServiceError("The browser cannot play this format, so the file was saved.");
    });
  }

  async #archive() {
    const { id } = this.#batch;
    $("batch-status").textContent = "The archive is being fetched …";
    save(await (await call(`v1/batches/${id}/archive`)).blob(), `${id}.zip`);
    this.#tell(this.#batch);
  }

  async #remove() {
    const question = this.#hasEnded ? "Remove this batch and all of its sound?" : "End this batch, and remove it with what it has made so far?";
    if (!confirm(question)) return;
    await call(`v1/batches/${this.#batch.id}`, { method: "DELETE" });
    this.leave();
    $("items").hidden = true;
    $("earlier-title").focus();
    this.#onChange();
  }

  async #working(work) {
    $("going-problem").textContent = "";
    await work().catch((error) => ($("going-problem").textContent = ServiceError.of(error).message));
  }

  /** What may pass is waited for; what cannot is told, and looked at no more. */
  #fail(error, looking) {
    if (looking.signal.aborted) return true;
    const { message, status } = ServiceError.of(error);
    $("going-problem").textContent = message;
    const isPassing = status === 0 || status === 429 || status >= 500;
    return !isPassing;
  }
}
