// Owns handing in a voice: a new one, or one in the place of another.

import { ServiceError, told, token } from "./api.js";
import { $, setOff } from "./dom.js";
import { session } from "./session.js";

const FILES = { model: "upload-model", config: "upload-config", card: "upload-card" };

export class Upload {
  #onDone;
  #isSending = false;

  /** Calls `onDone` when a voice was taken in. */
  constructor(onDone) {
    this.#onDone = onDone;
    $("upload").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    // The name of the file is that of the voice, unless another was entered.
    $("upload-model").addEventListener("change", () => {
      const [file] = $("upload-model").files;
      if (file && !$("upload-name").value) $("upload-name").value = file.name.replace(/\.onnx$/, "");
    });
  }

  get isAllowed() {
    return session.mayManage && session.limits.voice_bytes > 0;
  }

  /** Says who may, where this token may not. */
  refresh() {
    const why = () => {
      if (!session.limits) return "Enter a token that may manage voices.";
      if (!session.mayManage) return "This token may not change voices: that takes one with the scope “manage”.";
      return "Voices are changed by the operator alone here: TTS_VOICE_UPLOAD_BYTES is 0.";
    };
    $("upload").hidden = !this.isAllowed;
    $("upload-why").textContent = this.isAllowed ? "" : why();
  }

  /** Prepares to put another one in the place of this. */
  begin(id) {
    $("upload-name").value = id;
    $("upload-model").focus();
  }

  #send() {
    if (this.#isSending) return;
    const files = Object.entries(FILES).map(([name, id]) => [name, $(id).files[0]]).filter(([, file]) => file);
    const bytes = files.reduce((sum, [, { size }]) => sum + size, 0);
    const most = session.limits.voice_bytes;
    if (bytes > most) return this.#tell(`The files have ${megabytes(bytes)}, ${megabytes(most)} at most are taken.`, true);
    const form = new FormData();
    for (const [name, file] of files) form.append(name, file);
    this.#put($("upload-name").value.trim(), form);
  }

  /** By a request that tells how much of it is sent, as `fetch` does not. */
  #put(id, form) {
    const request = new XMLHttpRequest();
    const end = async (message, isWrong) => {
      this.#isSending = false;
      setOff($("upload-send"), false);
      $("upload-progress").hidden = true;
      if (!isWrong) {
        $("upload").reset();
        // A list that cannot be had now is no reason to keep from telling what was done.
        await this.#onDone().catch(() => {});
      }
      this.#tell(message, isWrong);
    };
    request.upload.onprogress = ({ loaded, total }) => {
      $("upload-progress").value = loaded / total;
      this.#tell(loaded < total ? `${megabytes(loaded)} of ${megabytes(total)} are sent.` : "It is being checked …");
    };
    request.onload = () => {
      if (request.status < 300) return end(request.status === 201 ? `${id} is there.` : `${id} was replaced.`, false);
      end(explained(request).message, true);
    };
    request.onerror = () => end(ServiceError.of(null).message, true);
    request.open("PUT", `v1/voices/${encodeURIComponent(id)}`);
    if (token.value) request.setRequestHeader("user-token", token.header);
    this.#isSending = true;
    setOff($("upload-send"), true);
    $("upload-progress").hidden = false;
    $("upload-progress").value = 0;
    request.send(form);
  }

  #tell(message, isWrong = false) {
    $("upload-state").classList.toggle("wrong", isWrong);
    $("upload-state").textContent = message;
  }
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function explained(request) {
  try {
    return told(JSON.parse(request.responseText).error, request.status);
  } catch {
    return ServiceError.of(null);
  }
}
