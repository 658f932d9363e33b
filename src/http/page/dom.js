// Owns making elements, and handing files to the person.

const FREED_AFTER_MS = 60_000;

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** An element of properties, of attributes whose names have a dash, of listeners (`onclick`) and of content. */
export function node(name, properties = {}, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-")) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...content.flat().filter((part) => part !== null && part !== undefined && part !== false));
  return element;
}

/** A button whose name, where it is heard alone, says what it belongs to. */
export function button(label, of, onclick) {
  return node("button", { type: "button", onclick, ...(of && { ariaLabel: `${label}: ${of}` }) }, label);
}

/** What is pressed while this is so does nothing; the focus stays, which `disabled` would take away. */
export function setOff(element, isOff) {
  element.ariaDisabled = String(isOff);
}
export const isOff = (element) => element.ariaDisabled === "true";

/** A table of rows of cells. On a phone cells stand below one another and say what they are; roles are named as that takes them away. */
export function table(caption, head, rows) {
  const names = head.map((name) => node("th", { role: "columnheader", scope: "col" }, name));
  return node("table", { role: "table", ariaLabel: caption, className: "data" },
    node("thead", { role: "rowgroup" }, node("tr", { role: "row" }, names)),
    node("tbody", { role: "rowgroup" }, rows.map((cells) => row(head, cells))));
}

export function row(head, cells) {
  const cell = (content, at) => node("td", { role: "cell", "data-label": head[at] }, content);
  return node("tr", { role: "row" }, cells.map(cell));
}

/** Has the browser keep a file. */
export function save(blob, name) {
  const link = node("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), FREED_AFTER_MS);
}
