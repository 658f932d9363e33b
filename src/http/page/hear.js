// Owns hearing something short without leaving what one is at: as a file, in a player of the browser's own.

import { ServiceError } from "./api.js";
import { node } from "./dom.js";
import { file } from "./speech.js";

/** A place for a player and for what there is to say of it. */
export function ear(name) {
  const audio = node("audio", { controls: true, hidden: true, ariaLabel: `Sound of ${name}` });
  const said = node("p", { className: "soft", role: "status" });
  return { audio, said };
}

/** Has it spoken there, in place of what was asked for before. */
export async function hear({ audio, said }, body) {
  audio.asking?.abort();
  audio.asking = new AbortController();
  const { signal } = audio.asking;
  audio.pause();
  said.classList.remove("wrong");
  said.textContent = "Waiting for the sound …";
  try {
    const sound = await file(body, "wav", signal, () => (said.textContent = "The voice is being fetched, which may take some minutes …"));
    if (signal.aborted) return;
    URL.revokeObjectURL(audio.src);
    audio.src = URL.createObjectURL(sound);
    audio.hidden = false;
    said.textContent = "";
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    // What is left while it begins need not be heard.
    await audio.play().catch(() => {});
  } catch (error) {
    if (signal.aborted) return;
    said.classList.add("wrong");
    said.textContent = ServiceError.of(error).message;
  }
}
