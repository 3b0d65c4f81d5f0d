import type { Engine } from "../../kernels/index.js";
import type { FlowSize } from "../../kernels/opticalFlow.js";
import { trackWindows } from "../../kernels/trackWindows.js";

/** Size of patches and steps of the search for them. */
export interface PatchSearch {
  /** Half a patch, and from patch to patch, pixels of the level. */
  readonly radius: number;
  /** Pixels from patch to patch. */
  readonly stride: number;
}

/**
 * A flow improved by patches that look for their place each on its own, from where the flow says (inverse-compositional steps: the first picture's slopes stay).
 * Each pixel then takes the mean over all patches on it, weighted by how well they explain it:  w = 1 / max(1/255, |I₂(x + d) − I₁(x)|).  Patches
 * that go further than their own side, or end where it looks different, keep the flow that they had. Pixels under no patch keep theirs.
 * @param first, second  planes of a level each; their mean is looked at
 * @param u, v           the flow in the engine's memory, in and out
 * @see Kroeger, Timofte, Dai, Van Gool (2016), Fast optical flow using dense inverse search, ECCV
 */
export function searchPatches(
  e: Engine,
  first: number,
  second: number,
  channels: number,
  { H, W }: FlowSize,
  u: number,
  v: number,
  { radius, stride }: PatchSearch,
): void {
  const side = 2 * radius + 1;
  const border = radius + 1;
  const [spanX, spanY] = [W - 1 - 2 * border, H - 1 - 2 * border];
  if (spanX < 1 || spanY < 1) return;
  // Evenly spread, the first and the last as near to the border as a patch may be.
  const places = (span: number) => {
    const count = Math.max(2, Math.ceil(span / stride) + 1);
    return Array.from({ length: count }, (_, k) => border + Math.round((span * k) / (count - 1)));
  };
  const [xs, ys] = [places(spanX - 1), places(spanY - 1)];
  const n = xs.length * ys.length;
  const [A, B] = [first, second].map((p) => {
    const mean = e.f32(p, H * W).slice();
    for (let c = 1; c < channels; c++) {
      const plane = e.f32(p + 4 * c * H * W, H * W);
      for (let k = 0; k < mean.length; k++) mean[k] += plane[k];
    }
    if (channels > 1) for (let k = 0; k < mean.length; k++) mean[k] /= channels;
    return mean;
  });
  const [U, V] = [u, v].map((p) => e.f32(p, H * W).slice());
  const [x, y, guess] = [new Float64Array(n), new Float64Array(n), new Float64Array(2 * n)];
  for (const [j, py] of ys.entries())
    for (const [i, px] of xs.entries()) {
      const k = j * xs.length + i;
      [x[k], y[k]] = [px, py];
      guess[2 * k] = U[py * W + px];
      guess[2 * k + 1] = V[py * W + px];
    }
  const level = (values: Float32Array) => [{ width: W, height: H, values }];
  const found = trackWindows(level(A), level(B), x, y, guess, { radius, iterations: 16, enough: 1e-3, alike: 0.5 }, e);
  const [sumU, sumV, weight] = [new Float32Array(H * W), new Float32Array(H * W), new Float32Array(H * W)];
  for (let k = 0; k < n; k++) {
    let [dx, dy] = [found.x[k] - x[k], found.y[k] - y[k]];
    if (!found.ok[k] || !(Math.abs(dx - guess[2 * k]) <= side && Math.abs(dy - guess[2 * k + 1]) <= side))
      [dx, dy] = [guess[2 * k], guess[2 * k + 1]];
    const [fx, fy] = [dx - Math.floor(dx), dy - Math.floor(dy)];
    const [w00, w01, w10, w11] = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy];
    const [left, top] = [x[k] - radius, y[k] - radius];
    for (let q = 0; q < side; q++) {
      const yb = Math.min(H - 2, Math.max(0, top + q + Math.floor(dy)));
      for (let p = 0; p < side; p++) {
        const xb = Math.min(W - 2, Math.max(0, left + p + Math.floor(dx)));
        const at = yb * W + xb;
        const to = (top + q) * W + left + p;
        const difference = w00 * B[at] + w01 * B[at + 1] + w10 * B[at + W] + w11 * B[at + W + 1] - A[to];
        const w = 1 / Math.max(1 / 255, Math.abs(difference));
        sumU[to] += w * dx;
        sumV[to] += w * dy;
        weight[to] += w;
      }
    }
  }
  for (let k = 0; k < H * W; k++)
    if (weight[k] > 0) {
      U[k] = sumU[k] / weight[k];
      V[k] = sumV[k] / weight[k];
    }
  e.f32(u, H * W).set(U);
  e.f32(v, H * W).set(V);
}
