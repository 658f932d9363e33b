// Owns sound: plays samples as they come, each part behind the one before, and pauses, stops and seeks.

/** Seconds between asking for a sound and its begin, so that it is asked for in time. */
const LEAD = 0.03;

/** `state` is `empty` until there is sound, then `playing`, `paused` or `stopped`; the event `change` tells of another one. */
export class Player extends EventTarget {
  state = "empty";
  #context = null;
  #rate = 0;
  #parts = [];
  #samples = 0;
  #sources = new Set();
  /** When second 0 is heard, by the context's clock. */
  #zero = 0;
  /** Where it stands while it is stopped. */
  #rest = 0;
  #isComplete = true;
  /** Whether the context's clock shall go on. */
  #goesOn = false;

  /** Seconds of sound that are there. */
  get duration() {
    return this.#rate ? this.#samples / this.#rate : 0;
  }

  /** Seconds of it that were heard. */
  get position() {
    if (this.state === "stopped") return this.#rest;
    if (this.state === "empty") return 0;
    return Math.min(Math.max(this.#context.currentTime - this.#zero, 0), this.duration);
  }

  /** Forgets what there was. Browsers allow sound only to whoever asks for it, so this is called in answer to a key or a click. */
  open() {
    this.#silence();
    this.#context ??= this.#contextThatObeys();
    this.#run(true);
    this.#parts = [];
    this.#samples = 0;
    this.#isComplete = false;
    this.#become("empty");
  }

  /** Plays more samples behind those before, or as soon as they are there. */
  push(samples, rate) {
    const buffer = this.#context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    this.#rate = rate;
    const part = { buffer, at: this.duration };
    this.#parts.push(part);
    this.#samples += samples.length;
    // What comes late moves what follows it, so that nothing is left out.
    this.#zero = Math.max(this.#zero, this.#context.currentTime + LEAD - part.at);
    this.#play(part);
    if (this.state === "empty") this.#become("playing");
  }

  /** There is no more to come. */
  finish() {
    this.#isComplete = true;
    this.#endIfDone();
  }

  pause() {
    if (this.state !== "playing") return;
    this.#run(false);
    this.#become("paused");
  }

  resume() {
    if (this.state !== "paused") return;
    this.#run(true);
    this.#become("playing");
  }

  stop() {
    this.#silence();
    this.#isComplete = true;
    if (this.state !== "empty") this.#stand(0);
  }

  /** Goes on from there, or waits there if it is paused. */
  seek(time) {
    if (this.state === "empty") return;
    this.#silence();
    this.#zero = this.#context.currentTime - time;
    for (const part of this.#parts) this.#play(part);
    if (this.state === "stopped") {
      this.#run(true);
      this.#become("playing");
    }
    this.#endIfDone();
  }

  /** Browsers go from one state to the other in their own time: what was asked for meanwhile is asked for again. */
  #contextThatObeys() {
    const context = new AudioContext();
    context.onstatechange = () => {
      if ((context.state === "running") !== this.#goesOn) this.#run(this.#goesOn);
    };
    return context;
  }

  #run(goesOn) {
    this.#goesOn = goesOn;
    if (goesOn) this.#context.resume();
    else this.#context.suspend();
  }

  #play({ buffer, at }) {
    const late = this.#context.currentTime - (this.#zero + at);
    if (late >= buffer.duration) return;
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    source.onended = () => {
      this.#sources.delete(source);
      this.#endIfDone();
    };
    this.#sources.add(source);
    if (late <= 0) source.start(this.#zero + at);
    else source.start(0, late);
  }

  #silence() {
    for (const source of this.#sources) {
      source.onended = null;
      source.stop();
    }
    this.#sources.clear();
  }

  #endIfDone() {
    const isUnderWay = this.state === "playing" || this.state === "paused";
    if (isUnderWay && this.#isComplete && this.#sources.size === 0) this.#stand(this.duration);
  }

  #stand(position) {
    this.#rest = position;
    this.#run(false);
    this.#become("stopped");
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
