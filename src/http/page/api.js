// Owns calls to the service: the token that goes with them, and what an error means to a person.

const KEY = "token";

/** The tab's storage, if the person's settings allow any. */
function storage() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

/** The secret of the person. It is in memory alone, unless it is to be remembered for as long as the tab is open. */
export const token = {
  value: storage()?.getItem(KEY) ?? "",
  remembered: Boolean(storage()?.getItem(KEY)),

  set(value, remembered) {
    this.value = value;
    this.remembered = remembered;
    if (value && remembered) storage()?.setItem(KEY, value);
    else storage()?.removeItem(KEY);
  },

  /** As a header takes it: each byte of its UTF-8 is a character. */
  get header() {
    return String.fromCharCode(...new TextEncoder().encode(this.value));
  },
};

/** What went wrong, and what to do about it: `message` is for people, `code` is the service's own name for it, `param` the field at fault. */
export class ServiceError extends Error {
  constructor(message, { status = 0, code = "", param = "", wait = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, param, wait });
  }

  /** Whatever was thrown, as one of these: an answer that breaks off is an error of the browser's, in words of its own. */
  static of(error) {
    return error instanceof ServiceError ? error : new ServiceError("The connection to the service broke off. Check that it runs, then try again.");
  }

  get isOfToken() {
    return this.status === 401 || this.code === "forbidden";
  }
}

/** The answer to a request, whose body is `json` if there is one. Answers that are errors are thrown, as a ServiceError. */
export async function call(path, { json, headers = {}, ...options } = {}) {
  const sent = { ...headers };
  if (token.value) sent["user-token"] = token.header;
  if (json !== undefined) Object.assign(options, { method: "POST", body: JSON.stringify(json) });
  if (json !== undefined) sent["content-type"] = "application/json";
  const response = await fetch(path, { ...options, headers: sent }).catch((error) => {
    if (options.signal?.aborted) throw error;
    throw new ServiceError("The service cannot be reached. Check that it runs and that you are connected to it, then try again.");
  });
  if (!response.ok) throw await explained(response);
  return response;
}

async function explained(response) {
  const error = (await response.json().catch(() => null))?.error ?? {};
  const { status, statusText } = response;
  const wait = Number(response.headers.get("retry-after")) || 0;
  return told({ message: `the answer was ${status} ${statusText}. Try again, or ask whoever runs the service`, ...error, retry_after: wait }, status);
}

/** What the service says in the envelope of its errors. */
export function told({ message, code = "", param = "", retry_after: wait = 0 }, status = 0) {
  return new ServiceError(meaning(status, code, wait, message) ?? sentence(message), { status, code, param, wait });
}

/** Where the service's own message, which is written for programmers, does not say what to do. */
const MEANINGS = {
  quota_exceeded: "This token has used up what it may have in a minute. LATER",
  too_many_wrong_tokens: "Too many wrong tokens came from your address. LATER",
  too_many_batches: "This token has too many batches that go on. Wait until one has ended, or remove one.",
  voice_loading: "The voice is still being fetched. LATER",
  voice_download_failed: "The voice could not be fetched. Choose another one, or tell whoever runs the service.",
  voice_not_found: "There is no such voice here. Choose another one.",
  voice_not_installed: "This voice is not installed, and the service may not fetch any. Choose another one.",
  no_voice: "No voice is installed here yet. Tell whoever runs the service.",
  no_room: "The voices in use take all of the memory at the moment. LATER",
  over_capacity: "The service has too much to do at the moment. LATER",
  deadline_exceeded: "This took longer than the service allows. Try a shorter text, or try again when it has less to do.",
  text_too_long: "The text is longer than the service takes. Shorten it, or say it in parts.",
  invalid_text: "There is nothing to say yet. Write a text first.",
  unspeakable_text: "This voice has no sound for any of this text. Choose a voice of the text's language.",
  answer_too_large: "The sound is larger than the service takes. Shorten the text, or choose a smaller format such as mp3.",
  timestamps_unavailable: "This voice does not tell when it says what. Choose another one for subtitles.",
  batches_unavailable: "Batches cannot be reached at the moment. LATER",
  not_done: "Not all of it is done yet. Wait until the batch has ended.",
  voice_in_use: "The voice is in use. LATER",
  voice_busy: "The voice is being changed by somebody else. LATER",
};

function meaning(status, code, wait, message) {
  const later = wait ? `Try again in ${wait} ${wait === 1 ? "second" : "seconds"}.` : "Try again in a moment.";
  const known = MEANINGS[code]?.replace("LATER", later);
  if (known) return known;
  if (status !== 401 && code !== "forbidden") return null;
  if (!token.value) return "The service asks for a token. Enter the one that its operator gave you.";
  if (message.includes("scopes")) return "This token may not do that. Ask its operator for one that may.";
  return "The service does not accept this token. Check it and enter it again.";
}

/** As people write it. */
export function sentence(message) {
  return message[0].toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
}
