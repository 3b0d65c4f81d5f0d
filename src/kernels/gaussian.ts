import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import { type Border, gaussianWeights, type Size3 } from "./reference/gaussian.js";
import { temporary } from "./temporary.js";

export { type Border, gaussianWeights, type Size3 } from "./reference/gaussian.js";

export interface GaussianOptions {
  /** σ along z, y, x in samples; 0 leaves the axis alone. */
  readonly sigma: readonly [number, number, number];
  /** Default replicate: the border values go on for ever. */
  readonly border?: Border;
  /** Radius in σ. Default 4. */
  readonly truncate?: number;
  /** Apply the transposed filter instead. */
  readonly adjoint?: boolean;
}

/**
 * Gaussian filter of `volumes` volumes [D, H, W] of f32 at byte address `input` into `out` (the same address is allowed: it costs a copy).
 * out = G_z G_y G_x input with exact truncated weights; with `adjoint`, the transposed operator.
 * Against native C++ with AVX: see bench, row gauss.
 */
export function gaussian(e: Engine, input: number, out: number, volumes: number, size: Size3, options: GaussianOptions): void {
  const { sigma, border = "replicate", truncate = 4, adjoint = false } = options;
  if (sigma.some((s) => !(s >= 0 && s < 1e4)) || !(truncate > 0))
    throw new ArgumentError(
      `gaussian: sigma [${sigma.join(", ")}], truncate ${truncate}; sigma must be 0 or more samples along z, y, x and truncate positive`,
      { sigma, truncate },
    );
  const weights = sigma.map((s, axis) => knownWeights(size[axis] === 1 && border === "replicate" ? 0 : s, truncate));
  filterSymmetric(e, input, out, volumes, size, weights, border, adjoint);
}

/** Loops ask for the same few weights at every step. */
const known = new Map<string, Float64Array>();
function knownWeights(sigma: number, truncate: number): Float64Array {
  const key = `${sigma} ${truncate}`;
  let weights = known.get(key);
  if (!weights) {
    if (known.size >= 64) known.clear();
    weights = gaussianWeights(sigma, truncate);
    known.set(key, weights);
  }
  return weights;
}

/** The same with any symmetric weights, one side for each of z, y, x (w₀ … w_R); `replicate` takes them as normalised. */
export function filterSymmetric(
  e: Engine,
  input: number,
  out: number,
  volumes: number,
  size: Size3,
  weights: readonly ArrayLike<number>[],
  border: Border,
  adjoint = false,
): void {
  const [D, H, W] = size;
  const total = volumes * D * H * W;
  if (total === 0) return;
  const [rz, ry, rx] = weights.map((w) => w.length - 1);
  temporary(e, (reserve) => {
    const tables = weights.map((w) => {
      const n = w.length;
      const p = reserve(8 * n);
      const table = e.f32(p, 2 * n);
      let tail = 0;
      for (let k = n - 1; k >= 0; k--) {
        table[k] = w[k];
        tail += w[k];
        table[n + k] = tail;
      }
      return p;
    });
    let from = input;
    if (input === out) {
      from = reserve(4 * total);
      e.f32(from, total).set(e.f32(input, total));
    }
    // A ring of 2R + 1 strips should stay in a second-level cache (a quarter of a megabyte) and a strip be no thinner than the rows it borrows.
    const ring = Math.min(2 * rz + 1, D);
    const wanted = Math.max(8, ry, Math.min(64, Math.floor(65536 / (ring * W))));
    const strips = Math.max(1, Math.ceil(H / wanted));
    const rows = Math.ceil(H / strips);
    const mode = border === "zero" ? 1 : adjoint ? 2 : 0;
    e.parallel("gaussian3", [from, out, D, H, W, rows, tables[0], rz, tables[1], ry, tables[2], rx, mode], {
      extent: volumes * Math.ceil(H / rows),
      grain: 1,
      workspace: e.call("gaussian3Workspace", D, H, W, rows, rz, ry, rx),
    });
  });
}
