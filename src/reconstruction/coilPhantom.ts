import { coilOperator, fourierOperator } from "../operators/index.js";
import { scope, Tensor } from "../tensor/index.js";

/** A phantom as several coils see it: image, sensitivities, k-space. */
export interface CoilPhantom {
  /** [h, w] complex: ellipses with a smooth phase. */
  readonly image: Tensor;
  /** [coils, h, w] complex, smooth, Σ|S|² = 1. */
  readonly maps: Tensor;
  /** [coils, h, w] complex, fully sampled, centred, orthonormal. */
  readonly kspace: Tensor;
}
/** Ellipses: value, centre, half-axes, turn in radians; lengths in half extents of the picture. */
const ellipses: readonly (readonly [number, number, number, number, number, number])[] = [
  [1, 0, 0, 0.72, 0.9, 0],
  [-0.7, 0, -0.02, 0.65, 0.83, 0],
  [0.3, 0.2, 0, 0.12, 0.32, -0.3],
  [0.4, -0.22, 0.05, 0.16, 0.4, 0.3],
  [0.5, 0, -0.4, 0.2, 0.22, 0],
  [-0.2, 0, 0.1, 0.05, 0.05, 0],
  [0.4, 0, 0.55, 0.22, 0.08, 0],
];
const smooth = (d: number, width: number) => 1 / (1 + Math.exp(d / width));

/**
 * A head-like phantom seen by coils around it: for tests, examples and pictures that need no data. Edges are one pixel wide.
 * @param beat  deforms the inner ellipses by this share of their size, for frames of a series (0: at rest)
 */
export function coilPhantom(size: readonly [number, number], coils = 4, beat = 0): CoilPhantom {
  const [h, w] = size;
  const image = new Float32Array(2 * h * w);
  const maps = new Float32Array(2 * coils * h * w);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const [u, v] = [(2 * x - w + 1) / w, (2 * y - h + 1) / h];
      let value = 0;
      ellipses.forEach(([a, cx, cy, rx, ry, turn], k) => {
        const grow = k >= 2 ? 1 + beat : 1;
        const [p, q] = [u - cx, v - cy];
        const [s, t] = [Math.cos(turn) * p + Math.sin(turn) * q, Math.cos(turn) * q - Math.sin(turn) * p];
        value += a * smooth(Math.hypot(s / (rx * grow), t / (ry * grow)) - 1, 0.8 / Math.min(h, w) / Math.min(rx, ry));
      });
      const phase = 0.6 * u - 0.4 * v + 0.5 * u * v;
      const at = 2 * (y * w + x);
      image[at] = value * Math.cos(phase);
      image[at + 1] = value * Math.sin(phase);
      let sum = 0;
      for (let c = 0; c < coils; c++) {
        const angle = (2 * Math.PI * c) / coils;
        const [du, dv] = [u - 1.3 * Math.cos(angle), v - 1.3 * Math.sin(angle)];
        const strength = coils === 1 ? 1 : Math.exp(-0.45 * (du * du + dv * dv));
        const turn = coils === 1 ? 0 : angle + 0.5 * (du * Math.sin(angle) - dv * Math.cos(angle));
        maps[2 * (c * h * w + y * w + x)] = strength * Math.cos(turn);
        maps[2 * (c * h * w + y * w + x) + 1] = strength * Math.sin(turn);
        sum += strength * strength;
      }
      for (let c = 0; c < coils; c++) {
        maps[2 * (c * h * w + y * w + x)] /= Math.sqrt(sum);
        maps[2 * (c * h * w + y * w + x) + 1] /= Math.sqrt(sum);
      }
    }
  const [x, s] = [Tensor.from(image, [h, w], "c64"), Tensor.from(maps, [coils, h, w], "c64")];
  const kspace = scope(() => fourierOperator([coils, h, w], { axes: [1, 2] }).apply(coilOperator(s).apply(x)));
  return { image: x, maps: s, kspace };
}
