// Owns the part for batches: a file becomes items, which are looked at, sent, followed and heard.

import { ServiceError, call, sentence } from "./api.js";
import { InvalidFile } from "./csv.js";
import { $, isOff, setOff } from "./dom.js";
import { Earlier } from "./earlier.js";
import { Going } from "./going.js";
import { check, readItems } from "./items.js";
import { ItemTable } from "./item_table.js";
import { chosen, keep } from "./memory.js";
import { session } from "./session.js";
import { grouped } from "./voices.js";

/** Until a token is accepted that tells. */
const NO_LIMITS = { text_chars: Infinity, batch_items: Infinity, batch_bytes: Infinity };

/** What the file that was chosen last holds. */
let items = [];
let isSending = false;

const table = new ItemTable();
const going = new Going(table, () => earlier.look());
const earlier = new Earlier((batch) => going.follow(batch, null));

export const opened = () => earlier.look();

const limits = () => session.limits ?? NO_LIMITS;
const good = () => items.filter(({ problem }) => !problem);

// --- from a file to items ---

async function choose(file) {
  if (!file) return;
  items = [];
  tell("");
  try {
    if (file.size > limits().batch_bytes) throw new InvalidFile(`The file is larger than the ${megabytes(limits().batch_bytes)} that a batch may have. Divide it.`);
    items = readItems(file.name, await file.arrayBuffer());
    if (!items.length) throw new InvalidFile("There is nothing in this file.");
    if (items.length > limits().batch_items) {
      const message = `The file has ${items.length.toLocaleString()} items, a batch ${limits().batch_items.toLocaleString()} at most. Divide it.`;
      items = [];
      throw new InvalidFile(message);
    }
  } catch (error) {
    tell(error instanceof InvalidFile ? error.message : "The file cannot be read. Choose it again.");
  }
  prepare();
}

function clear() {
  items = [];
  $("batch-file").value = "";
  prepare();
}

/** Shows what there is to be sent, with what is wrong with it. */
function prepare() {
  check(items, limits().text_chars, (name) => session.voices.length === 0 || session.voice(name));
  const [sent, wrong] = [good().length, items.length - good().length];
  const left = wrong ? ` ${wrong} of ${items.length} lines have a problem and are left out.` : "";
  $("prepared").textContent = items.length ? `${count(sent)} to be spoken.${left}` : "";
  $("batch-send").textContent = sent ? `Speak ${count(sent)}` : "Speak all";
  setOff($("batch-send"), !sent);
  if (items.length) {
    going.leave();
    table.prepare(items);
  }
}

// --- from items to a batch ---

async function send() {
  if (isSending || isOff($("batch-send"))) return;
  isSending = true;
  setOff($("batch-send"), true);
  tell("");
  const sent = good();
  const voice = $("batch-voice").value ? { voice_id: $("batch-voice").value } : {};
  const lines = sent.map(({ fields }) => (fields.voice_id || fields.language ? fields : { ...voice, ...fields }));
  const json = { items: lines, defaults: { response_format: $("batch-format").value }, timestamps: $("batch-times").checked };
  try {
    const batch = await (await call("v1/batches", { json })).json();
    clear();
    going.follow(batch, sent);
    $("items-title").focus();
    earlier.look();
  } catch (error) {
    refused(ServiceError.of(error), sent);
  }
  isSending = false;
  setOff($("batch-send"), !good().length);
}

/** The service names the item that it does not take. */
function refused(error, sent) {
  const at = error.param?.match(/^items\[(\d+)\]/)?.[1];
  const item = sent[at];
  if (!item) return tell(error.message);
  item.refused = sentence(error.message.replace(/^Item \d+: /, ""));
  prepare();
  tell(`Line ${item.line}: ${item.refused} Nothing was sent: try again without it, or mend it and choose the file again.`);
}

const count = (number) => `${number.toLocaleString()} ${number === 1 ? "item" : "items"}`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function tell(message) {
  $("batch-problem").textContent = message;
}

// --- what people do ---

// The same file may be chosen again, when it was mended.
$("batch-file").addEventListener("click", () => ($("batch-file").value = ""));
$("batch-file").addEventListener("change", () => choose($("batch-file").files[0]));
$("new-batch").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") choose(event.dataTransfer.files[0]);
  });
}

keep($("batch-format"));
session.follow(() => {
  const select = $("batch-voice");
  const before = select.value || chosen("voice") || session.voices.find((voice) => voice.default)?.id;
  select.replaceChildren(...grouped(session.voices));
  if (session.voices.some(({ id }) => id === before)) select.value = before;
  if (items.length && !going.isShown) prepare();
  if (!$("part-batches").hidden) earlier.look();
});
