// Owns fetching a voice from where voices come from, and telling how far that is.

import { ServiceError, call } from "./api.js";
import { session } from "./session.js";

const LOOK_EVERY_MS = 500;

/** Whether the voice is here at the end. */
export async function fetchVoice({ id }, said) {
  const name = encodeURIComponent(id);
  said.classList.remove("wrong");
  try {
    let offer = await ask(`v1/voices/${name}`, { method: "POST" });
    while (offer.state === "fetching") {
      said.textContent = progress(offer);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      offer = await ask(`v1/catalogue/${name}`);
    }
    if (offer.state !== "installed") throw new ServiceError(`It could not be fetched: ${offer.error?.message ?? "try again"}`);
    await session.ask();
    return true;
  } catch (error) {
    said.classList.add("wrong");
    said.textContent = ServiceError.of(error).message;
    return false;
  }
}

const ask = async (path, options) => (await call(path, options)).json();

function progress({ fetched_bytes: fetched, total_bytes: total }) {
  return total ? `Fetching: ${Math.floor((100 * fetched) / total)} % of ${(total / 1e6).toFixed(0)} MB` : "Waiting to be fetched …";
}
