// Owns what a file means as a batch: items of its lines, each with what is wrong with it, found before anything is sent.

import { InvalidFile, parseCsv } from "./csv.js";

const CUSTOM_ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;
const FORMATS = ["wav", "pcm", "flac", "opus", "mp3", "aac", "mulaw", "alaw"];
/** What numbers may be. */
const RANGES = {
  speed: [0.25, 4],
  volume: [0, 4],
  noise_scale: [0, 2],
  noise_w: [0, 2],
  sentence_silence_ms: [0, 10_000],
  sample_rate: [8_000, 48_000],
  deadline_ms: [1, 86_400_000],
};
const TRUTHS = { true: true, false: false };
/** What a column of a CSV may be called, beside those of numbers. */
const TEXTS = ["text", "custom_id", "voice_id", "speaker", "language", "text_type", "response_format", "loudness", "normalize", "raw_phonemes"];
const COLUMNS = [...TEXTS, ...Object.keys(RANGES)];

/** Items as `{ line, fields }` of a file, by the ending of its name. Throws `InvalidFile`. */
export function readItems(name, bytes) {
  const content = decoded(new Uint8Array(bytes));
  if (/\.(csv|tsv)$/i.test(name)) return ofCsv(content);
  if (/\.(jsonl|ndjson)$/i.test(name)) return ofLines(content, ofJson);
  return ofLines(content, (text) => ({ text: text.trim() }));
}

/** Spreadsheets say by the first bytes if they write UTF-16. */
function decoded(bytes) {
  const encoding = { "255,254": "utf-16le", "254,255": "utf-16be" }[bytes.slice(0, 2).join()] ?? "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new InvalidFile("The file is not in UTF-8. Save it as UTF-8, and choose it again.");
  }
}

function ofLines(content, read) {
  return content.split(/\r\n|\n|\r/)
    .map((text, at) => ({ line: at + 1, text }))
    .filter(({ text }) => text.trim())
    .map(({ line, text }) => ({ line, ...wrapped(read, text) }));
}

const wrapped = (read, text) => {
  const fields = read(text);
  return fields ? { fields } : { fields: { text }, unreadable: "This is no object of JSON." };
};

function ofJson(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function ofCsv(content) {
  const [head, ...rows] = parseCsv(content);
  const columns = (head?.fields ?? []).map((name) => name.trim().toLowerCase());
  if (!columns.includes("text")) throw new InvalidFile("The first line has to name the columns, one of them “text”.");
  const unknown = columns.find((name) => !COLUMNS.includes(name));
  if (unknown !== undefined) throw new InvalidFile(`There is no column “${unknown}”. Those that may be there: ${COLUMNS.join(", ")}.`);
  if (new Set(columns).size < columns.length) throw new InvalidFile("Two columns have the same name.");
  return rows.map(({ line, fields }) => {
    if (fields.length > columns.length) return { line, fields: { text: fields.join(" ") }, unreadable: "It has more fields than there are columns." };
    const filled = columns.map((name, at) => [name, fields[at] ?? ""]).filter(([name, value]) => name === "text" || value !== "");
    return { line, fields: Object.fromEntries(filled.map(([name, value]) => [name, valueOf(name, value)])) };
  });
}

/** A field of a CSV, which knows texts alone. */
function valueOf(name, value) {
  const isNumber = name in RANGES || name === "loudness";
  if (isNumber && value.trim() && !Number.isNaN(Number(value))) return Number(value);
  return name === "normalize" || name === "raw_phonemes" ? (TRUTHS[value.trim().toLowerCase()] ?? value) : value;
}

/** Says of each item what is wrong with it: that it cannot be read, that the service has `refused` it, or what is seen here. `voice(name)` finds a voice. */
export function check(items, textChars, voice) {
  const seen = new Set();
  for (const item of items) item.problem = item.unreadable ?? item.refused ?? problemOf(item.fields, textChars, voice, seen);
}

function problemOf(fields, textChars, voice, seen) {
  const { text, voice_id, custom_id, response_format } = fields;
  if (typeof text !== "string" || !text.trim()) return "There is no text.";
  const count = Array.from(text).length;
  if (count > textChars) return `The text has ${count.toLocaleString()} characters, ${textChars.toLocaleString()} at most are taken.`;
  if (voice_id !== undefined && !voice(String(voice_id))) return `There is no voice “${voice_id}”.`;
  if (response_format !== undefined && !FORMATS.includes(response_format)) return `There is no format “${response_format}”.`;
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = fields[name];
    if (value === undefined || (typeof value === "number" && value >= least && value <= most)) continue;
    return `${name} has to be a number from ${least} to ${most}.`;
  }
  if (custom_id === undefined) return undefined;
  if (!CUSTOM_ID.test(custom_id)) return "A custom_id has 1 to 64 letters, digits, “.”, “_” and “-”, and does not begin with “.”.";
  if (seen.has(custom_id)) return `“${custom_id}” is the custom_id of a line before, too.`;
  seen.add(custom_id);
  return undefined;
}
