import type { Random } from "../core/random.js";
import { Tensor } from "../tensor/index.js";

/** Rows of one slice: eight about frequency 0, the others by chance, less often the further out; frequency 0 first. */
export function lines(n: number, acceleration: number, random: Random): Float32Array {
  const count = Math.max(Math.min(n, 8), Math.round(n / acceleration));
  const chosen = new Set(Array.from({ length: Math.min(n, 8) }, (_, i) => (i + n - 4) % n));
  const wide = n / (12 + 12 * random.uniform()); // of the bell that most of the lines follow
  while (chosen.size < count) {
    const f = random.uniform() < 0.15 ? random.integer(n) : Math.round(random.normal() * wide * 1.6);
    chosen.add(((f % n) + n) % n);
  }
  return Float32Array.from({ length: n }, (_, i) => (chosen.has(i) ? 1 : 0));
}

/** e^{iφ} with φ a polynomial of second degree: up to some turns over the field. */
export function phase(h: number, w: number, random: Random): Tensor {
  const c = Array.from({ length: 6 }, () => Math.PI * (2 * random.uniform() - 1));
  const values = new Float32Array(2 * h * w);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const [u, v] = [(2 * x) / w - 1, (2 * y) / h - 1];
      const phi = c[0] + c[1] * u + c[2] * v + 0.5 * (c[3] * u * u + c[4] * u * v + c[5] * v * v);
      values[2 * (y * w + x)] = Math.cos(phi);
      values[2 * (y * w + x) + 1] = Math.sin(phi);
    }
  return Tensor.from(values, [h, w], "c64");
}
