import { Tensor } from "../tensor/index.js";

/** Value, half-axes, middle and turn (degrees) of an ellipse, in units of half the picture's side; x right, y up. */
export type Ellipse = readonly [value: number, a: number, b: number, x: number, y: number, degrees: number];

/** The head of Shepp and Logan (1974), IEEE Trans. Nucl. Sci. 21, with Toft's contrast (1996, The Radon transform): values from 0 to 1. */
export const sheppLogan: readonly Ellipse[] = [
  [1, 0.69, 0.92, 0, 0, 0],
  [-0.8, 0.6624, 0.874, 0, -0.0184, 0],
  [-0.2, 0.11, 0.31, 0.22, 0, -18],
  [-0.2, 0.16, 0.41, -0.22, 0, 18],
  [0.1, 0.21, 0.25, 0, 0.35, 0],
  [0.1, 0.046, 0.046, 0, 0.1, 0],
  [0.1, 0.046, 0.046, 0, -0.1, 0],
  [0.1, 0.046, 0.023, -0.08, -0.605, 0],
  [0.1, 0.023, 0.023, 0, -0.606, 0],
  [0.1, 0.023, 0.046, 0.06, -0.605, 0],
];

/**
 * Ellipses added up on a square picture [n, n], row 0 at the top; each sample is the mean over `oversampling`² points, so that rims are soft.
 */
export function ellipses(n: number, list: readonly Ellipse[] = sheppLogan, oversampling = 4): Tensor {
  const out = new Float32Array(n * n);
  const half = n / 2;
  const shapes = list.map(([value, a, b, x, y, degrees]) => {
    const t = (degrees * Math.PI) / 180;
    return { value, a, b, x, y, c: Math.cos(t), s: Math.sin(t) };
  });
  const share = 1 / oversampling ** 2;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < oversampling ** 2; k++) {
        const x = (j + (0.5 + (k % oversampling)) / oversampling - half - 0.5) / half;
        const y = (half + 0.5 - i - (0.5 + Math.floor(k / oversampling)) / oversampling) / half;
        for (const e of shapes) {
          const [dx, dy] = [x - e.x, y - e.y];
          if (((dx * e.c + dy * e.s) / e.a) ** 2 + ((dy * e.c - dx * e.s) / e.b) ** 2 <= 1) sum += e.value;
        }
      }
      out[i * n + j] = sum * share;
    }
  return Tensor.from(out, [n, n]);
}
