// Owns texts that are spoken while they are written: one after the other on a WebSocket, which is opened when there is something to write.

import { ServiceError, call, told, token } from "./api.js";

const ROUTE = "v1/live";

export class Live {
  #socket = null;
  /** Messages until it is open. */
  #waiting = [];
  /** The name of the text that is written; sound of others is passed over. */
  #text = 0;
  #isBegun = false;
  /** Whose sound comes, and its rate. */
  #sounding = "";
  #rate = 0;
  #on;

  /** Calls `sound(samples, rate)`, `words(words)`, `problem(error)`, and `ended()` when what is written next is another text. */
  constructor(on) {
    this.#on = on;
  }

  /** Writes more of the text. With the first of it go the fields of a request, which say how it is spoken. */
  write(text, fields) {
    if (!this.#isBegun) this.#send({ type: "start", response_format: "pcm", ...fields });
    this.#isBegun = true;
    this.#send({ type: "text", text });
  }

  /** Has everything spoken that was written. */
  flush() {
    if (this.#isBegun) this.#send({ type: "flush" });
  }

  /** Has nothing more spoken. What is written next is another text. */
  interrupt() {
    if (this.#isBegun && this.#socket) {
      this.#send({ type: "clear" });
      this.#send({ type: "end" });
    }
    this.#isBegun = false;
    this.#text += 1;
  }

  #send(message) {
    const json = JSON.stringify({ ...message, context: String(this.#text) });
    this.#socket ??= this.#open();
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(json);
    else this.#waiting.push(json);
  }

  #open() {
    const url = new URL(ROUTE, document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    const secret = btoa(token.header).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const socket = new WebSocket(url, secret ? ["tts-live.v1", `tts-token.${secret}`] : ["tts-live.v1"]);
    let wasOpen = false;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      wasOpen = true;
      for (const json of this.#waiting.splice(0)) socket.send(json);
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#end(wasOpen, code);
    return socket;
  }

  #hear(data) {
    if (typeof data !== "string") {
      if (this.#sounding !== String(this.#text)) return;
      this.#on.sound(Float32Array.from(new Int16Array(data), (sample) => sample / 32768), this.#rate);
      return;
    }
    const { type, context, ...said } = JSON.parse(data);
    if (type === "audio") {
      this.#sounding = context;
      if (said.begins) this.#rate = said.sample_rate;
    } else if (context === String(this.#text)) {
      if (type === "words") this.#on.words(said.words);
      if (type === "error") this.#fail(told(said.error));
    }
  }

  /** Browsers do not tell what the answer to an upgrade was: it is asked for once more, as an ordinary request. */
  async #end(wasOpen, code) {
    this.#socket = null;
    this.#waiting = [];
    const isWhole = wasOpen && (code === 1000 || code === 4408);
    if (isWhole) {
      this.#isBegun = false;
      this.#text += 1;
      return this.#on.ended();
    }
    const error = wasOpen ? null : await call(ROUTE).catch((error) => error);
    this.#fail(ServiceError.of(error?.code === "upgrade_required" ? null : error));
  }

  #fail(error) {
    this.#isBegun = false;
    this.#text += 1;
    this.#on.problem(error);
  }
}
