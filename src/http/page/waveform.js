// Owns the picture of the sound and the slider that lies on it.

const PEAKS_PER_SECOND = 100;

export class Waveform {
  #canvas;
  #slider;
  #peaks = [];
  #peak = 0;
  #count = 0;
  #shown = -1;
  #position = 0;

  constructor(canvas, slider, onSeek) {
    this.#canvas = canvas;
    this.#slider = slider;
    slider.addEventListener("input", () => {
      this.#position = slider.valueAsNumber;
      onSeek(this.#position);
    });
    // A key moves it from where it is now.
    slider.addEventListener("keydown", () => (slider.value = this.#position));
    // Colours and size are read when it is drawn.
    new ResizeObserver(() => (this.#shown = -1)).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (this.#shown = -1));
  }

  clear() {
    this.#peaks = [];
    this.#peak = this.#count = 0;
    this.#shown = -1;
  }

  push(samples, rate) {
    const each = rate / PEAKS_PER_SECOND;
    for (const sample of samples) {
      this.#peak = Math.max(this.#peak, Math.abs(sample));
      if (++this.#count < each) continue;
      this.#peaks.push(this.#peak);
      this.#peak = this.#count = 0;
    }
    this.#shown = -1;
  }

  /** Draws it if it looks different from what is there. */
  show(position, duration) {
    this.#slide(position, duration);
    const canvas = this.#canvas;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
    const heard = duration ? Math.round((position / duration) * width) : 0;
    if (heard === this.#shown) return;
    this.#shown = heard;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    const { color, accentColor } = getComputedStyle(canvas);
    for (let x = 0; x < width && this.#peaks.length; x++) {
      pen.fillStyle = x < heard ? accentColor : color;
      pen.globalAlpha = x < heard ? 1 : 0.4;
      const bar = Math.max(this.#highest(x / width, (x + 1) / width) * height, scale);
      pen.fillRect(x, (height - bar) / 2, 1, bar);
    }
  }

  #highest(from, to) {
    const [first, last] = [Math.floor(from * this.#peaks.length), Math.ceil(to * this.#peaks.length)];
    return this.#peaks.slice(first, last).reduce((highest, peak) => Math.max(highest, peak), 0);
  }

  /** Whoever is on it hears of each change, for whom once a second is enough. */
  #slide(position, duration) {
    const slider = this.#slider;
    const text = `${position.toFixed(0)} of ${duration.toFixed(0)} seconds`;
    this.#position = position;
    slider.disabled = duration === 0;
    if (document.activeElement === slider && slider.ariaValueText === text) return;
    slider.max = duration;
    slider.value = position;
    slider.ariaValueText = text;
  }
}
