/** `node:crypto` as far as the commands use it: SHA-256 and names for temporary files. */

const constants = (f: (p: number) => number, count: number): Uint32Array => {
  const out = new Uint32Array(count);
  for (let p = 2, k = 0; k < count; p++) {
    let prime = true;
    for (let q = 2; q * q <= p; q++) if (p % q === 0) prime = false;
    if (prime) out[k++] = (f(p) % 1) * 2 ** 32;
  }
  return out;
};
const roundConstants = constants(Math.cbrt, 64);
const start = constants(Math.sqrt, 8);

/** SHA-256 of bytes that come in pieces. @see FIPS 180-4, section 6.2 */
class Sha256 {
  readonly #state = start.slice();
  readonly #words = new Uint32Array(64);
  readonly #rest = new Uint8Array(64);
  #held = 0;
  #length = 0;

  #block(bytes: Uint8Array, at: number): void {
    const w = this.#words;
    for (let i = 0; i < 16; i++, at += 4) w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    for (let i = 16; i < 64; i++) {
      const [a, b] = [w[i - 15], w[i - 2]];
      const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
      const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const h = this.#state;
    let [a, b, c, d, e, f, g, k] = h;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (k + s1 + ((e & f) ^ (~e & g)) + roundConstants[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      k = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
    h[5] += f;
    h[6] += g;
    h[7] += k;
  }
  update(data: Uint8Array | string): this {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.#length += bytes.length;
    let at = 0;
    if (this.#held > 0) {
      at = Math.min(64 - this.#held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#held);
      this.#held += at;
      if (this.#held < 64) return this;
      this.#block(this.#rest, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.#block(bytes, at);
    this.#held = bytes.length - at;
    this.#rest.set(bytes.subarray(at));
    return this;
  }
  digest(_: "hex"): string {
    const bits = this.#length * 8;
    const tail = new Uint8Array(this.#held < 56 ? 64 : 128);
    tail.set(this.#rest.subarray(0, this.#held));
    tail[this.#held] = 0x80;
    const view = new DataView(tail.buffer);
    view.setUint32(tail.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(tail.length - 4, bits >>> 0);
    for (let at = 0; at < tail.length; at += 64) this.#block(tail, at);
    return Array.from(this.#state, (w) => w.toString(16).padStart(8, "0")).join("");
  }
}
export const createHash = (_: "sha256") => new Sha256();
/** A name that no other call returns; not secret. */
let count = 0;
export const randomUUID = (): string => `${(++count).toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
