// Owns what the browser keeps of a person's choices. Never the token, and nothing that was written to be spoken.

const KEY = "choices";

/** The browser's storage, if the person's settings allow any. */
function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function read() {
  try {
    return JSON.parse(storage()?.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

const choices = read();

/** What was chosen before under this name. */
export const chosen = (name) => choices[name];

export function choose(name, value) {
  choices[name] = value;
  try {
    storage()?.setItem(KEY, JSON.stringify(choices));
  } catch {
    // There is no room: it is kept until the page is left.
  }
}

/** Fills a field with what was chosen before, and keeps what is chosen. */
export function keep(field) {
  const before = chosen(field.id);
  if (before !== undefined) field.value = before;
  // A list has no such entry any more.
  if (field.value === "" && field.options) field.selectedIndex = 0;
  field.addEventListener("change", () => choose(field.id, field.value));
}
