import type { Random } from "../core/random.js";
import { type Operator, radonOperator } from "../operators/index.js";
import { scope, Tensor } from "../tensor/index.js";
import type { TrainingPicture } from "./recipe.js";

/** Photons of a ray that meets nothing, and the attenuation of water in one sample: a slice of 256 samples is about 36 cm wide then. */
export const photons = 1e5;
export const water = 0.028;

/** Cubic (Catmull–Rom) interpolation of a picture, 0 outside. */
function cubicAt({ values, width, height }: TrainingPicture, x: number, y: number): number {
  const [i, j] = [Math.floor(x), Math.floor(y)];
  if (i < -1 || j < -1 || i > width - 1 || j > height - 1) return 0;
  const weights = (f: number) => {
    const [f2, f3] = [f * f, f * f * f];
    return [-0.5 * f3 + f2 - 0.5 * f, 1.5 * f3 - 2.5 * f2 + 1, -1.5 * f3 + 2 * f2 + 0.5 * f, 0.5 * f3 - 0.5 * f2];
  };
  const [u, v] = [weights(x - i), weights(y - j)];
  let sum = 0;
  for (let b = 0; b < 4; b++) {
    const row = j + b - 1;
    if (row < 0 || row >= height) continue;
    let line = 0;
    for (let a = 0; a < 4; a++) {
      const column = i + a - 1;
      if (column >= 0 && column < width) line += u[a] * values[row * width + column];
    }
    sum += v[b] * line;
  }
  return sum;
}
/** m × m values by a function of places in −1 … 1, 0 outside a circle of radius 0.97. */
function within(m: number, value: (u: number, v: number) => number): Float32Array {
  const out = new Float32Array(m * m);
  for (let y = 0, k = 0; y < m; y++)
    for (let x = 0; x < m; x++, k++) {
      const [u, v] = [(2 * x + 1) / m - 1, (2 * y + 1) / m - 1];
      if (u * u + v * v < 0.94) out[k] = Math.max(0, value(u, v));
    }
  return out;
}

/** A slice is empty outside its inscribed circle; a photograph is not. */
export function isSlice({ values, width, height }: TrainingPicture): boolean {
  if (width !== height) return false;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [u, v] = [(2 * x + 1) / width - 1, (2 * y + 1) / height - 1];
      if (u * u + v * v > 1 && values[y * width + x] !== 0) return false;
    }
  return true;
}
/** A slice as it might lie otherwise: turned a little or by a quarter, mirrored, nearer or farther, denser or less dense. */
export function movedSlice(slice: TrainingPicture, m: number, random: Random): Float32Array {
  const n = slice.width;
  const angle = 0.15 * random.normal() + (random.uniform() < 0.25 ? (Math.PI / 2) * random.integer(4) : 0);
  const zoom = Math.exp(0.12 * (2 * random.uniform() - 1));
  const mirror = random.uniform() < 0.5 ? -1 : 1;
  const [dx, dy] = [0.06 * (2 * random.uniform() - 1), 0.06 * (2 * random.uniform() - 1)];
  const gain = 0.9 + 0.2 * random.uniform();
  const [c, s] = [Math.cos(angle) * zoom, Math.sin(angle) * zoom];
  const at = (w: number) => ((w + 1) * n - 1) / 2;
  return within(m, (u, v) => gain * cubicAt(slice, at(mirror * (c * u - s * v) + dx), at(s * u + c * v + dy)));
}
/** A piece of a photograph inside an ellipse; its grays become attenuations by a random curve. */
export function photographMap(picture: TrainingPicture, m: number, random: Random): Float32Array {
  const least = Math.min(picture.width, picture.height);
  const side = least * (0.5 + 0.5 * random.uniform());
  const [x0, y0] = [random.uniform() * (picture.width - side), random.uniform() * (picture.height - side)];
  const curve = Array.from({ length: 6 }, () => (random.uniform() < 0.7 ? 0.9 + 0.25 * random.uniform() : 1.8 * random.uniform()));
  const [a, b, turn] = [0.6 + 0.35 * random.uniform(), 0.5 + 0.4 * random.uniform(), 0.3 * random.normal()];
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  return within(m, (u, v) => {
    if (((c * u + s * v) / a) ** 2 + ((c * v - s * u) / b) ** 2 > 1) return 0;
    const gray = Math.min(1, Math.max(0, cubicAt(picture, x0 + ((u + 1) / 2) * side, y0 + ((v + 1) / 2) * side)));
    const k = Math.min(4, Math.floor(5 * gray));
    return curve[k] + (5 * gray - k) * (curve[k + 1] - curve[k]);
  });
}
/** Ellipses in an ellipse of about the density of water: some like air or bone, most nearly like what they lie in. */
export function ellipsePhantom(m: number, random: Random): Float32Array {
  const span = (low: number, high: number) => low + (high - low) * random.uniform();
  const body = { x: 0, y: 0, a: span(0.7, 0.94), b: span(0.5, 0.85), turn: 0.1 * random.normal(), add: span(0.95, 1.05) };
  const inner = Array.from({ length: 8 + random.integer(24) }, () => {
    const size = 0.02 + 0.3 * random.uniform() ** 3;
    const kind = random.uniform();
    return {
      x: span(-0.6, 0.6),
      y: span(-0.5, 0.5),
      a: size,
      b: size * span(0.3, 1),
      turn: span(0, Math.PI),
      add: kind < 0.25 ? span(-0.9, -0.3) : kind < 0.4 ? span(0.2, 0.9) : span(-0.15, 0.15),
    };
  });
  const all = [body, ...inner].map((e) => ({ ...e, c: Math.cos(e.turn), s: Math.sin(e.turn) }));
  return within(m, (u, v) => {
    let value = 0;
    for (const { x, y, a, b, c, s, add } of all) {
      const [p, q] = [u - x, v - y];
      if (((c * p + s * q) / a) ** 2 + ((c * q - s * p) / b) ** 2 < 1) value += add;
      else if (value === 0) return 0;
    }
    return value;
  });
}

/** Means of blocks of 2 × 2. */
export function halved(values: Float32Array, m: number): Float32Array {
  const n = m >> 1;
  return Float32Array.from({ length: n * n }, (_, k) => {
    const at = 2 * Math.floor(k / n) * m + 2 * (k % n);
    return (values[at] + values[at + 1] + values[at + m] + values[at + m + 1]) / 4;
  });
}
/** Counts around `mean`: by Knuth's method where they are few, else rounded normal ones. */
function poisson(mean: number, random: Random): number {
  if (mean > 40) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()));
  const limit = Math.exp(-mean);
  let [count, product] = [0, random.uniform()];
  while (product > limit) {
    count++;
    product *= random.uniform();
  }
  return count;
}

/** Where the axis lies in a picture (or on a detector) of n samples that are pairs of finer ones, if it is at sample n of the 2n fine ones. */
export const axisOfHalves = (n: number): number => (n - 0.5) / 2;

/**
 * What a scanner counts of a map of twice the resolution: line integrals on the fine grid through sample [n, n], two fine bins to one, photons with their
 * noise, and the logarithm again. In samples of the coarse picture: its axis is at `axisOfHalves(n)`, on its detector too.
 * @returns  n values a view
 */
export function simulatedViews(fine: Float32Array, operator: Operator, random: Random): Float32Array {
  const [views, bins] = operator.range;
  const m = operator.domain[0];
  const integrals = scope(() => Float32Array.from(operator.apply(Tensor.from(fine, [m, m])).data));
  const n = bins >> 1;
  return Float32Array.from({ length: views * n }, (_, k) => {
    const at = Math.floor(k / n) * bins + 2 * (k % n);
    const length = (integrals[at] + integrals[at + 1]) / 4; // the mean of two, in coarse samples
    const count = Math.max(1, poisson(photons * Math.exp(-water * length), random));
    return -Math.log(count / photons) / water;
  });
}
/** The operator of `simulatedViews` for pictures of n × n. */
export const fineOperator = (n: number, angles: ArrayLike<number>): Operator => radonOperator({ angles, detectors: 2 * n });
