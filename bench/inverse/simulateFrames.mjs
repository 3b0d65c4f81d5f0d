/**
 * Coarse frames of a moving picture with their truth: harder than the open cases, by larger rotations and shifts, more noise, fewer frames and
 * optics that pass more than the detector can sample.
 *     node bench/inverse/simulateFrames.mjs PICTURE.(png|npy)|text|stars OUT/ [--frames 6] [--degrees 6] [--shift 8] [--noise 0.03] [--psf 0.7] [--factor 4] [--seed 1]
 * writes frames.npy, truth.npy and truth.json (rotation about the middle, shift in fine samples, as --motion known:truth.json reads them).
 * Pictures are warped by cubic splines on a grid twice as fine as the truth, so that the toolkit's own model is not the one that made the data.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../../dist/core/random.js";
import { readNpy, readPng, writeNpy } from "../../dist/io/index.js";
import { alongAxes, resizeOperator } from "../../dist/operators/index.js";
import { gaussian, sparseRows, Tensor, warpAffine } from "../../dist/tensor/index.js";

/** @param picture [n, n] in [0, 1], n a multiple of factor */
export function simulateFrames(picture, { frames = 6, degrees = 6, shift = 8, noise = 0.03, psf = 0.7, factor = 4, seed = 1 } = {}) {
  const random = seeded(seed);
  const n = picture.shape[0];
  const between = (a) => a * (2 * random.uniform() - 1);
  const motion = Array.from({ length: frames }, (_, t) =>
    t === 0 ? { theta_rad: 0, dy: 0, dx: 0 } : { theta_rad: between((degrees * Math.PI) / 180), dy: between(shift), dx: between(shift) },
  );
  const twice = resizeOperator([1, n, n], { scale: 2 }).apply(picture.reshape(1, n, n)); // sample (i − ½)/2 … of the truth
  const c = (n - 1) / 2;
  const m = 2 * n;
  const block = sparseRows(
    m,
    Array.from({ length: n / factor }, (_, i) => Array.from({ length: 2 * factor }, (_, k) => [2 * factor * i + k, 1 / (2 * factor)])),
  );
  const detector = alongAxes("detector", [1, m, m], [1, 2], [block, block], "f32");
  const size = n / factor;
  const data = new Float32Array(frames * size * size);
  motion.forEach(({ theta_rad, dy, dx }, t) => {
    const [cos, sin] = [Math.cos(theta_rad), Math.sin(theta_rad)];
    // Truth coordinates q = (i − ½)/2 of a sample i of the finer grid; y(q) = R (q − c) + c + d; back to samples 2 y + ½.
    const offset = (a, b, d) => 2 * (a * (-0.25 - c) + b * (-0.25 - c) + c + d) + 0.5;
    const base = [cos, sin, offset(cos, sin, dx), -sin, cos, offset(-sin, cos, dy)];
    const warped = warpAffine(twice, base, [m, m], { interpolation: "cubic" });
    const seen = detector.apply(gaussian(warped, { sigma: 2 * psf })).data;
    for (let i = 0; i < seen.length; i++) data[t * seen.length + i] = seen[i] + noise * random.normal();
  });
  return {
    frames: Tensor.from(data, [frames, size, size]),
    truth: { factor, psf: `Gaussian, ${psf} fine samples, then ${factor}×${factor} mean`, noise, frames: motion },
  };
}

/** "text": strokes of about two samples' width, as of small print, dark on bright. "stars": points of light of all sizes on black. */
export function drawnPicture(kind, n = 256, seed = 5) {
  const random = seeded(seed);
  const [m, f] = [4 * n, 4];
  const paper = new Float32Array(m * m);
  const dot = (x, y, r, v) => {
    for (let j = Math.max(0, Math.floor(y - r)); j <= Math.min(m - 1, Math.ceil(y + r)); j++)
      for (let i = Math.max(0, Math.floor(x - r)); i <= Math.min(m - 1, Math.ceil(x + r)); i++)
        if ((i - x) ** 2 + (j - y) ** 2 <= r * r) paper[j * m + i] = Math.max(paper[j * m + i], v);
  };
  if (kind === "stars")
    for (let k = 0; k < n; k++)
      dot(m * random.uniform(), m * random.uniform(), 2 + 5 * random.uniform(), 0.2 + 0.8 * random.uniform() ** 2);
  else {
    const [w, h] = [6 * f, 11 * f]; // of a letter with its gaps, in fine samples
    for (let y = h; y < m - h; y += h)
      for (let x = w; x < m - w; x += w) {
        if (random.uniform() < 0.15) continue; // between words
        for (let s = 0; s < 3; s++) {
          const [a, b] = [0, 1].map(() => [x + (w - 8) * random.uniform(), y + (h - 16) * (random.integer(3) / 2)]);
          const kind = random.integer(4); // upright, level, or slanting
          if (kind < 2) b[kind] = a[kind];
          const steps = Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1])) + 1;
          for (let k = 0; k <= steps; k++) dot(a[0] + ((b[0] - a[0]) * k) / steps, a[1] + ((b[1] - a[1]) * k) / steps, 3, 1);
        }
      }
  }
  const out = new Float32Array(n * n);
  for (let j = 0; j < m; j++) for (let i = 0; i < m; i++) out[Math.floor(j / f) * n + Math.floor(i / f)] += paper[j * m + i] / (f * f);
  return Tensor.from(kind === "text" ? out.map((v) => 0.95 - 0.85 * v) : out.map((v) => 0.02 + 0.95 * v), [n, n]);
}
export function loadPicture(path) {
  if (path === "text" || path === "stars") return drawnPicture(path);
  if (path.endsWith(".npy")) {
    const a = readNpy(readFileSync(path));
    return Tensor.from(Float32Array.from(a.data), a.shape);
  }
  const p = readPng(readFileSync(path));
  return Tensor.from(
    Float32Array.from(p.data, (v) => v / 255),
    [...p.size].reverse(),
  );
}

if (process.argv[1]?.endsWith("simulateFrames.mjs")) {
  const number = { type: "string" };
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { frames: number, degrees: number, shift: number, noise: number, psf: number, factor: number, seed: number },
  });
  const [path, out] = positionals;
  if (!out) {
    console.error(
      "node bench/inverse/simulateFrames.mjs PICTURE OUT/ [--frames 6 --degrees 6 --shift 8 --noise 0.03 --psf 0.7 --factor 4 --seed 1]",
    );
    process.exit(2);
  }
  const picture = loadPicture(path);
  const { frames, truth } = simulateFrames(picture, Object.fromEntries(Object.entries(values).map(([k, v]) => [k, Number(v)])));
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, "frames.npy"), writeNpy({ shape: frames.shape, data: Float32Array.from(frames.data) }));
  writeFileSync(join(out, "truth.npy"), writeNpy({ shape: picture.shape, data: Float32Array.from(picture.data) }));
  writeFileSync(join(out, "truth.json"), `${JSON.stringify(truth, null, 1)}\n`);
  process.exit(0);
}
