// Owns writing samples as a file that browsers play.

const HEAD_BYTES = 44;

/** A WAV file of 16 bits, of parts with samples from -1 to 1. */
export function wav(parts, rate) {
  const count = parts.reduce((sum, part) => sum + part.length, 0);
  const head = new DataView(new ArrayBuffer(HEAD_BYTES));
  const name = (at, letters) => [...letters].forEach((letter, offset) => head.setUint8(at + offset, letter.charCodeAt(0)));
  name(0, "RIFF");
  head.setUint32(4, HEAD_BYTES - 8 + 2 * count, true);
  name(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, rate, true);
  head.setUint32(28, 2 * rate, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  name(36, "data");
  head.setUint32(40, 2 * count, true);
  const whole = (part) => Int16Array.from(part, (sample) => Math.round(sample * 32768));
  return new Blob([head, ...parts.map(whole)], { type: "audio/wav" });
}
