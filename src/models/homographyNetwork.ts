import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Random } from "../core/random.js";
import { shapeText } from "../core/shape.js";
import {
  averagePooling,
  convolution,
  type Layer,
  layer,
  network,
  orthogonal,
  pixelUnshuffle,
  relu,
  sequential,
  zeros,
} from "../nn/index.js";
import { stopGradient } from "../tensor/differentiate.js";
import { solve } from "../tensor/ops/linalg.js";
import { sample } from "../tensor/ops/sampling.js";
import { concat, stack } from "../tensor/ops/shaping.js";
import { Tensor } from "../tensor/tensor.js";
import { applyHomography, homographyFromPairs } from "../transforms/index.js";

/** Gray patches [n, 1, s, s] of two pictures, s a multiple of 64: fixed(p) = moving(H p) is what is looked for. */
export interface PatchPairs {
  /** What stays. */
  readonly fixed: Tensor;
  /** What is brought onto `fixed`. */
  readonly moving: Tensor;
  /** Grids on which the steps match, one after the other. Default: coarse, coarse, fine, fine, fine. */
  readonly steps?: readonly MatchingGrid[];
}
/** coarse: places 8 pixels apart, matched as far as 40 pixels; fine: 4 apart, as far as 16. */
export type MatchingGrid = "coarse" | "fine";
/** On which grids correlations are matched, one step after the other. */
export const matchingSteps: readonly MatchingGrid[] = ["coarse", "coarse", "fine", "fine", "fine"];

/** What every step found, for n patches. */
export interface HomographySteps {
  /** The map after every step, [n, steps, 3, 3], about the middle of the patch in units of half of it, h₃₃ = 1. */
  readonly maps: Tensor;
  /** Of every step: where places of the fixed patch were found in the moving one pulled back, [n, 2, cells, cells], same units; what each counts, [n, 1, cells, cells]. */
  readonly shifts: readonly Tensor[];
  /** How much each counts. */
  readonly weights: readonly Tensor[];
}

/** Places of one block are matched together with a window about it. */
const block = 8;
const reach: Record<MatchingGrid, number> = { coarse: 5, fine: 4 };
/** Corners move at most so far between two steps, in sides of the patch. */
export const farthest = 0.4;
const spacing: Record<MatchingGrid, number> = { coarse: 8, fine: 4 };

/** What of a search does not depend on pictures: which places of a window may be matched, and where they are. */
interface Search {
  /** [1, blocks, block², window²]: 0, or far below 0 for what is out of reach or out of the picture. */
  readonly mask: Tensor;
  /** [window², 3]: x, y, x² + y² of the window's places from the block's first, in places. */
  readonly places: Tensor;
  /** [1, 1, block², 2] */
  readonly own: Tensor;
}
/** Numbers that depend on sizes alone are made once for each size. */
const known = new Map<string, Float32Array>();
function once(key: string, length: number, fill: (out: Float32Array) => void): Float32Array {
  let out = known.get(key);
  if (!out) {
    out = new Float32Array(length);
    fill(out);
    known.set(key, out);
  }
  return out;
}
function searchOf(h: number, w: number, radius: number): Search {
  const side = block + 2 * radius;
  const [rows, columns] = [h / block, w / block];
  const mask = once(`mask ${h} ${w} ${radius}`, rows * columns * block ** 2 * side ** 2, (out) => {
    for (let by = 0, at = 0; by < rows; by++)
      for (let bx = 0; bx < columns; bx++)
        for (let y = 0; y < block; y++)
          for (let x = 0; x < block; x++)
            for (let v = -radius; v < side - radius; v++)
              for (let u = -radius; u < side - radius; u++) {
                const [row, column] = [by * block + v, bx * block + u];
                const near = Math.abs(u - x) <= radius && Math.abs(v - y) <= radius;
                out[at++] = near && row >= 0 && row < h && column >= 0 && column < w ? 0 : -1e4;
              }
  });
  const places = Float32Array.from({ length: 3 * side ** 2 }, (_, k) => {
    const [x, y] = [(Math.floor(k / 3) % side) - radius, Math.floor(k / 3 / side) - radius];
    return [x, y, x * x + y * y][k % 3];
  });
  const own = Float32Array.from({ length: 2 * block ** 2 }, (_, k) =>
    k % 2 === 0 ? Math.floor(k / 2) % block : Math.floor(k / 2 / block),
  );
  return {
    mask: Tensor.from(mask, [1, rows * columns, block ** 2, side ** 2]),
    places: Tensor.from(places, [side ** 2, 3]),
    own: Tensor.from(own, [1, 1, block ** 2, 2]),
  };
}
/** Features less their mean over the patch, of length 1: what all places share says nothing about any. */
function distinct(x: Tensor): Tensor {
  const own = x.sub(x.mean([2, 3], true));
  return own.div(own.square().sum(1, true).add(1e-6).sqrt());
}

/**
 * Where each place of `fixed` is in `moving`, features [n, c, h, w] of length 1: the mean of the places within reach under
 * p(q) ∝ exp(sharpness · ⟨fixed(p), moving(q)⟩).
 * @returns  [n, 5, h, w]: the shift x, y in places; the log of its spread; Σ p², 1 where one place only is like it; the likeness of the likest, softly
 */
function matched(fixed: Tensor, moving: Tensor, sharpness: Tensor, radius: number): Tensor {
  const [n, c, h, w] = fixed.shape;
  const search = searchOf(h, w, radius);
  const [mask, places, own] = [search.mask, search.places, search.own].map((t) => t.cast(fixed.dtype));
  const [rows, columns, side] = [h / block, w / block, block + 2 * radius];
  const blocks = fixed
    .reshape(n, c, rows, block, columns, block)
    .permute(0, 2, 4, 3, 5, 1)
    .reshape(n, rows * columns, block ** 2, c);
  const padded = moving.pad([0, 0, radius, radius], [0, 0, radius, radius]);
  const windows: Tensor[] = [];
  for (let y = 0; y < h; y += block)
    for (let x = 0; x < w; x += block) windows.push(padded.slice([0, 0, y, x], [n, c, y + side, x + side]).reshape(n, c, side ** 2));
  // Likenesses are at most 1: less 1 nothing overflows.
  const e = blocks.matmul(stack(windows, 1)).sub(1).mul(sharpness).add(mask).exp();
  const sum = e.sum(3, true).add(1e-30);
  const moments = e.matmul(places).div(sum);
  const lead = [n, rows * columns, block ** 2];
  const part = (from: number, to: number) => moments.slice([0, 0, 0, from], [...lead, to]);
  const mean = part(0, 2);
  const spread = part(2, 3).sub(mean.square().sum(3, true));
  const clear = e.square().sum(3, true).div(sum.square());
  const all = concat([mean.sub(own), spread.relu().add(0.05).log(), clear, sum.log().div(sharpness)], 3);
  return all.reshape(n, rows, columns, block, block, 5).permute(0, 5, 1, 3, 2, 4).reshape(n, 5, h, w);
}

/** Middles of cells, −1 to 1 along the sides of the patch: [1, 2 · cells, 1] for x and y each, x rows first. */
function middles(cells: number): { x: Tensor; y: Tensor; constant: Tensor } {
  const n = cells * cells;
  const at = (k: number) => (2 * k + 1) / cells - 1;
  const x = (i: number) => at(i % cells);
  const y = (i: number) => at(Math.floor((i % n) / cells));
  const fill = (name: string, f: (i: number) => number) =>
    Tensor.from(
      once(`middles ${name} ${cells}`, 2 * n, (out) => {
        for (let i = 0; i < 2 * n; i++) out[i] = f(i);
      }),
      [1, 2 * n, 1],
    );
  const rows = once(`rows ${cells}`, 12 * n, (out) => {
    for (let i = 0; i < 2 * n; i++) out.set([x(i), y(i), 1], 6 * i + (i < n ? 0 : 3));
  });
  return { x: fill("x", x), y: fill("y", y), constant: Tensor.from(rows, [1, 2 * n, 6]) };
}

/**
 * The homography p ↦ p + f(p) by weighted least squares of the algebraic error, the identity where nothing counts, then thrice with weights w / (1 + r²/s²).
 * @param flow    [n, 2, cells, cells] in units of half the patch
 * @param weight  [n, 1, cells, cells]
 * @param scale   s in the same units
 * @returns       [n, 3, 3] about the middle of the patch, in units of half of it, h₃₃ = 1
 */
function fittedHomography(flow: Tensor, weight: Tensor, scale: Tensor): Tensor {
  const [n, , cells] = flow.shape;
  const m = cells * cells;
  const fixed = middles(cells);
  const [x, y, constant] = [fixed.x, fixed.y, fixed.constant].map((t) => t.cast(flow.dtype));
  const f = flow.reshape(n, 2 * m, 1);
  const place = concat([x.slice([0, 0, 0], [1, m, 1]), y.slice([0, 0, 0], [1, m, 1])], 1);
  const to = f.add(place).neg();
  const rows = concat([constant.broadcastTo([n, 2 * m, 6]), to.mul(x), to.mul(y)], 2);
  const turned = rows.transpose();
  const ridge = Tensor.from(
    Float32Array.from({ length: 64 }, (_, k) => (k % 9 === 0 ? 1e-4 : 0)),
    [1, 8, 8],
    flow.dtype,
  );
  const w = weight.reshape(n, m, 1);
  const solved = (w: Tensor) => {
    const each = concat([w, w], 1).div(w.sum(1, true).add(1e-3));
    const weighted = turned.mul(each.transpose());
    return solve(weighted.matmul(rows).add(ridge), weighted.matmul(f));
  };
  let h = solved(w);
  for (let k = 0; k < 3; k++) {
    const r = rows.matmul(h).sub(f).square().reshape(n, 2, m, 1).sum(1);
    h = solved(w.div(r.div(scale.square()).add(1)));
  }
  // Tilts are kept where the horizon stays out of the patch.
  const tilt = h.slice([0, 6, 0], [n, 8, 1]).div(0.49).tanh().mul(0.49);
  const linear = h.slice([0, 0, 0], [n, 6, 1]);
  const identity = Tensor.from(Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), [1, 3, 3], flow.dtype);
  return concat([linear, tilt, Tensor.zeros([n, 1, 1], flow.dtype)], 1)
    .reshape(n, 3, 3)
    .add(identity);
}

/** Pixel centres (or middles of s × s cells) [s², 2] of a patch, in units of half of it about its middle. */
export function pixelsOf(s: number): Tensor {
  const values = once(`pixels ${s}`, 2 * s * s, (out) => {
    for (let k = 0; k < out.length; k++) {
      const i = k >> 1;
      out[k] = (2 * (k % 2 === 0 ? i % s : Math.floor(i / s)) + 1) / s - 1;
    }
  });
  return Tensor.from(values, [s * s, 2]);
}
/** Corners from upper left clockwise: [1, 4, 2]. */
function corners(s: number): Tensor {
  const far = 1 - 1 / s;
  return Tensor.from(Float32Array.of(-far, -far, far, -far, far, far, -far, far), [1, 4, 2]);
}
/**
 * Patches pulled back: W(p) = M(H p), 0 outside; differentiable in patches and maps.
 * @param patches  [n, c, s, s]
 * @param h        [n, 3, 3] in units of half a patch about its middle
 */
export function warpPatches(patches: Tensor, h: Tensor): Tensor {
  const [n, c, s] = patches.shape;
  const at = applyHomography(
    h,
    pixelsOf(s)
      .cast(h.dtype)
      .reshape(1, s * s, 2)
      .broadcastTo([n, s * s, 2]),
  )
    .mul(s / 2)
    .add((s - 1) / 2);
  const each = Array.from({ length: n }, (_, i) =>
    sample(patches.slice([i], [i + 1]).reshape(c, s, s), at.slice([i], [i + 1]).reshape(s * s, 2), { border: "constant" }),
  );
  return stack(each).reshape(n, c, s, s);
}
/** Moves of the corners [n, 4, 2], pixels, from maps [n, 3, 3] in units of half a patch. */
export function cornersOfMaps(h: Tensor, s: number): Tensor {
  const c = corners(s).cast(h.dtype).broadcastTo([h.shape[0], 4, 2]);
  return applyHomography(h, c)
    .sub(c)
    .mul(s / 2);
}
const normalised = (x: Tensor) => {
  const moved = x.sub(x.mean([2, 3], true));
  return moved.div(moved.square().mean([2, 3], true).add(1e-5).sqrt());
};

/** The other way round: moves of the corners [n, 4, 2] in pixels ↦ maps, by the tensor DLT. */
export function mapsOfCorners(moved: Tensor, s: number): Tensor {
  const c = corners(s).cast(moved.dtype).broadcastTo([moved.shape[0], 4, 2]);
  return homographyFromPairs(c, c.add(moved.mul(2 / s)));
}
/** The same map in pixels of the patch, [3, 3] row by row. */
export function pixelHomography(h: ArrayLike<number>, s: number): Float64Array {
  const [r, c] = [s / 2, (s - 1) / 2];
  const into = [1 / r, 0, -c / r, 0, 1 / r, -c / r, 0, 0, 1];
  const back = [r, 0, c, 0, r, c, 0, 0, 1];
  const product = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Float64Array.from({ length: 9 }, (_, k) => {
      const [i, j] = [3 * Math.floor(k / 3), k % 3];
      return a[i] * b[j] + a[i + 1] * b[3 + j] + a[i + 2] * b[6 + j];
    });
  const m = product(back, product(h, into));
  return m.map((v) => v / m[8]);
}

/**
 * The homography between patches, fixed(p) = moving(H p), by matching and warping again with the same weights: features of both patches by one
 * small encoder; each place of the fixed patch finds its likest place near it; a head of three convolutions says how far each find counts and mends it;
 * H ← H ∘ ΔH with ΔH by weighted least squares (the tensor DLT); the moving patch is pulled back by H, and so on. All is
 * differentiable; derivatives stop between two steps. Brightness and contrast of a patch do not matter. About 60 thousand weights.
 * @see Nguyen, Chen, Shivakumar, Taylor & Kumar (2018), Unsupervised deep homography, IEEE RA-L; DeTone, Malisiewicz & Rabinovich (2016), Deep image
 *   homography estimation; Cao, Hu, Sheng & Shen (2022), Iterative deep homography estimation, CVPR (weights tied over steps)
 */
export function homographyNetwork(o: { readonly random: Random; readonly features?: number }): Layer<PatchPairs, HomographySteps> {
  const { random, features: c = 32 } = o;
  const initialise = orthogonal({ gain: Math.SQRT2 });
  const conv = (inputs: number, outputs: number, more = {}) => convolution({ inputs, outputs, random, initialise, ...more });
  const half = Math.max(4, c >> 1);
  const parts = {
    first: sequential(conv(4, half), relu(), averagePooling({ kernel: 2 }), conv(half, c), relu(), conv(c, c), relu()),
    fine: conv(c, c, { initialise: orthogonal() }),
    coarse: sequential(averagePooling({ kernel: 2 }), conv(c, c), relu(), conv(c, c), relu(), conv(c, c, { initialise: orthogonal() })),
    head: sequential(
      conv(c + 6, 24),
      relu(),
      conv(24, 24, { dilation: 2 }),
      relu(),
      convolution({ inputs: 24, outputs: 3, random, initialise: zeros }),
    ),
    // Logarithms of: the sharpness of matching; the spread of good matches, in places.
    scales: layer<Tensor, Tensor>({ log: Tensor.from(Float32Array.of(Math.log(20), Math.log(0.5)), [2]) }, (p) => p.log),
  };
  return network(parts, (p, { fixed, moving, steps = matchingSteps }: PatchPairs) => {
    const [n, channels, s] = fixed.shape;
    if (fixed.rank !== 4 || channels !== 1 || s !== fixed.shape[3] || s % 64 !== 0 || shapeText(fixed.shape) !== shapeText(moving.shape))
      throw new ShapeError(
        `homographyNetwork: patches ${shapeText(fixed.shape)} and ${shapeText(moving.shape)}; expected two alike of [n, 1, s, s], s a multiple of 64`,
        { fixed: fixed.shape, moving: moving.shape },
      );
    if (steps.length === 0) throw new ArgumentError("homographyNetwork: no steps; give at least one grid", {});
    const scales = p.scales.forward(fixed).exp();
    const [sharpness, deviation] = [0, 1].map((k) => scales.slice([k], [k + 1]).reshape(1, 1, 1));
    const encoded = (x: Tensor) => p.first.forward(pixelUnshuffle(x, 2));
    const level = (e: Tensor, grid: MatchingGrid) => p[grid].forward(e);
    const [a, b] = [normalised(fixed), normalised(moving)];
    const still = encoded(a);
    const found: Partial<Record<MatchingGrid, Tensor>> = {};
    const both = concat([b, Tensor.ones(b.shape, b.dtype)], 1);
    let h = Tensor.from(
      Float32Array.from({ length: 9 * n }, (_, k) => (k % 9 === 0 || k % 9 === 4 || k % 9 === 8 ? 1 : 0)),
      [n, 3, 3],
      fixed.dtype,
    );
    const [out, shifts, weights]: Tensor[][] = [[], [], []];
    for (const [k, grid] of steps.entries()) {
      found[grid] ??= level(still, grid);
      const f = found[grid] as Tensor;
      const warped = k === 0 ? both : warpPatches(both, h);
      const part = (i: number) => warped.slice([0, i, 0, 0], [n, i + 1, s, s]);
      const cells = s / spacing[grid];
      const valid = averagePooling({ kernel: spacing[grid] }).forward(part(1));
      const m = matched(distinct(f), distinct(level(encoded(part(0)), grid)), sharpness.reshape(1, 1, 1, 1), reach[grid]);
      const said = p.head.forward(concat([f, m, valid], 1));
      const shift = m.slice([0, 0, 0, 0], [n, 2, cells, cells]).add(said.slice([0, 1, 0, 0], [n, 3, cells, cells]));
      const weight = said.slice([0, 0, 0, 0], [n, 1, cells, cells]).sigmoid().mul(valid);
      shifts.push(shift.mul(2 / cells));
      weights.push(weight);
      const change = fittedHomography(shifts[k], weight, deviation.mul(2 / cells));
      const next = h.matmul(change);
      out.push(next);
      // Where the next step begins, no corner is further away than the pairs of any training: a wild map shows nothing that could be matched.
      h = mapsOfCorners(cornersOfMaps(stopGradient(next), s).clamp(-farthest * s, farthest * s), s);
    }
    const whole = stack(out, 1);
    return { maps: whole.div(whole.slice([0, 0, 2, 2], [n, steps.length, 3, 3])), shifts, weights };
  });
}
