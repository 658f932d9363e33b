// Owns the page: the token, and which of the parts is shown. A part's scripts are asked for when it is first opened.

import { $ } from "./page/dom.js";
import { TokenField } from "./page/token.js";

const PARTS = {
  speak: () => import("./page/speak.js"),
  voices: () => import("./page/library.js"),
  batches: () => import("./page/batches.js"),
  use: () => import("./page/use.js"),
};
const FIRST = "speak";

const links = [...document.querySelectorAll("#parts a")];
const title = document.title;

/** Shows the part that the address names. Whoever has chosen it goes on from its beginning. */
async function open(isChosen) {
  const wanted = location.hash.slice(1);
  const name = Object.hasOwn(PARTS, wanted) ? wanted : FIRST;
  for (const part of Object.keys(PARTS)) $(`part-${part}`).hidden = part !== name;
  for (const link of links) {
    if (link.hash === `#${name}`) link.ariaCurrent = "page";
    else link.removeAttribute("aria-current");
  }
  document.title = `${links.find((link) => link.hash === `#${name}`).textContent} – ${title}`;
  if (isChosen) {
    scrollTo(0, 0);
    $(`part-${name}`).focus();
  }
  $(`part-${name}`).ariaBusy = "true";
  try {
    // A part that need not know when it is looked at again has no `opened`.
    (await PARTS[name]()).opened?.();
  } catch {
    $(`part-${name}`).textContent = "This part could not be fetched. Check that the service runs, then load the page again.";
  }
  $(`part-${name}`).ariaBusy = "false";
}

addEventListener("hashchange", () => open(true));
new TokenField({ field: $("token"), remember: $("remember"), state: $("token-state") }).check();
open(false);
