// What the benches of networks that enlarge share: Set5 as its luminance, PSNR as the literature has it.
import { resizeOperator } from "../dist/operators/index.js";
import { scope, Tensor } from "../dist/tensor/index.js";
import { decibels, files } from "./inverseImages.mjs";
import { colour } from "./patches.mjs";

/** Studio-range luminance of colours of 8 bits, not rounded, [1, 1, y, x] in [0, 1]. */
export const studioY = (rgb) => {
  const [, h, w] = rgb.shape;
  const n = h * w;
  const d = rgb.data;
  return Tensor.from(
    Float32Array.from({ length: n }, (_, i) => (65.481 * d[i] + 128.553 * d[n + i] + 24.966 * d[2 * n + i] + 16) / 255),
    [1, 1, h, w],
  );
};
/** { coarse, fine }: Set5 at a scale; at scales it has no files of, reduced here by the same rule (antialiased cubic, 8 bits). */
export function set5(scale) {
  const fine = files("sisr", "gt").map(colour);
  if ([2, 3, 4].includes(scale))
    return files("sisr", `lr_x${scale}`).map((f, i) => ({ coarse: studioY(colour(f)), fine: studioY(fine[i]) }));
  return fine.map((rgb) => {
    const whole = rgb.shape.slice(1).map((n) => Math.round(Math.floor(Math.floor(n / scale)) * scale));
    const [h, w] = whole.map((n) => n - (n % 5)); // of a half, too
    const cut = rgb.slice([0, 0, 0], [3, h, w]);
    const small = resizeOperator(cut.shape, { size: [h / scale, w / scale] }).apply(cut);
    return { coarse: studioY(small.mul(255).add(0.5).floor().div(255).clamp(0, 1)), fine: studioY(cut) };
  });
}
/** Clipped to [0, 1]; a border of `cut` samples left out. */
export function psnrOf(x, truth, cut) {
  const [, , h, w] = truth.shape;
  const [a, b] = [x.data, truth.data];
  let s = 0;
  for (let i = cut; i < h - cut; i++) for (let j = cut; j < w - cut; j++) s += (Math.min(1, Math.max(0, a[i * w + j])) - b[i * w + j]) ** 2;
  return decibels(s, (h - 2 * cut) * (w - 2 * cut));
}
export const cubic = (x, size) =>
  scope(() => {
    const [h, w] = x.shape.slice(2);
    return resizeOperator([h, w], { size })
      .apply(x.reshape(h, w))
      .reshape(1, 1, ...size);
  });
export const mean = (v) => v.reduce((s, x) => s + x, 0) / v.length;
