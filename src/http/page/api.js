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

/** What went wrong, and what to do about it: `message` is for people, `code` is the service's own name for it. */
export class ServiceError extends Error {
  constructor(message, { status = 0, code = "", wait = 0 } = {}) {
    super(message);
    Object.assign(this, { status, code, wait });
  }

  /** Whatever was thrown, as one of these: an answer that breaks off is an error of the browser's, in words of its own. */
  static of(error) {
    return error instanceof ServiceError ? error : new ServiceError("The connection to the service broke off. Check that it runs, then try again.");
  }

  get isOfToken() {
    return this.status === 401 || this.status === 403;
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
export function told({ message, code = "", retry_after: wait = 0 }, status = 0) {
  return new ServiceError(meaning(status, code, wait) ?? sentence(message), { status, code, wait });
}

/** What has more to be said of than the service's own message, which is written for programmers. */
function meaning(status, code, wait) {
  const later = wait ? `Try again in ${wait} ${wait === 1 ? "second" : "seconds"}.` : "Try again in a moment.";
  if (code === "quota_exceeded") return `This token has used up what it may have in a minute. ${later}`;
  if (code === "too_many_wrong_tokens") return `Too many wrong tokens came from your address. ${later}`;
  if (code === "voice_loading") return `The voice is still being fetched. ${later}`;
  if (code === "over_capacity") return `The service has too much to do at the moment. ${later}`;
  if (code === "deadline_exceeded") return "This took longer than the service allows. Try a shorter text, or try again when it has less to do.";
  if (code === "text_too_long") return "The text is longer than the service takes. Shorten it, or say it in parts.";
  if (status === 401 || status === 403) {
    return token.value
      ? "The service does not accept this token. Check it and enter it again."
      : "The service asks for a token. Enter the one that its operator gave you.";
  }
  return null;
}

function sentence(message) {
  return message[0].toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : ".");
}
