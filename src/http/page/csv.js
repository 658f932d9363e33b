// Owns reading CSV as RFC 4180 has it: fields in quotes may hold separators, quotes (doubled) and breaks of lines.

/** What is wrong with a file, in words for whoever made it. */
export class InvalidFile extends Error {}

/** Rows as `{ line, fields }`, with the line that each begins on; empty ones are left out. */
export function parseCsv(text) {
  const separator = separatorOf(text);
  const rows = [];
  let [fields, line, began, at] = [[], 1, 1, 0];
  const endRow = () => {
    if (fields.length > 1 || fields[0] !== "") rows.push({ line: began, fields });
    fields = [];
  };
  while (at < text.length) {
    if (fields.length === 0) began = line;
    const [field, end] = text[at] === '"' ? quoted(text, at, line, separator) : plain(text, at, separator);
    line += text.slice(at, end).split("\n").length - 1;
    fields.push(field);
    at = end;
    if (text[at] === separator) {
      at += 1;
      // The field behind the last separator is empty.
      if (at === text.length || isBreak(text, at)) fields.push("");
      else continue;
    }
    if (at < text.length) {
      at += text.startsWith("\r\n", at) ? 2 : 1;
      line += 1;
    }
    endRow();
  }
  return rows;
}

/** Spreadsheets write what their language has no other use for: the first line shows it. */
function separatorOf(text) {
  const [first] = text.split("\n", 1);
  return [",", ";", "\t"].find((separator) => first.includes(separator)) ?? ",";
}

const isBreak = (text, at) => text[at] === "\n" || text[at] === "\r";

function plain(text, begin, separator) {
  let at = begin;
  while (at < text.length && text[at] !== separator && !isBreak(text, at)) at++;
  return [text.slice(begin, at), at];
}

function quoted(text, begin, line, separator) {
  let at = begin + 1;
  for (;;) {
    at = text.indexOf('"', at);
    if (at < 0) throw new InvalidFile(`The quote that is opened on line ${line} is never closed.`);
    if (text[at + 1] !== '"') break;
    at += 2;
  }
  const end = at + 1;
  if (end < text.length && text[end] !== separator && !isBreak(text, end)) {
    throw new InvalidFile(`On line ${line} something follows a closing quote. Double each quote within a field in quotes.`);
  }
  return [text.slice(begin + 1, at).replaceAll('""', '"'), end];
}
