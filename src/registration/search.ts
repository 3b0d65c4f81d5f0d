import type { Image } from "../core/interfaces.js";
import { fieldOfView } from "../features/fieldOfView.js";
import { type Orientation, orientation } from "../features/orientation.js";
import { type AffineMap, applyAffine, composeAffine, cornersOf } from "../image/grid.js";
import { rotation2 } from "../image/matrix.js";
import { engine } from "../kernels/engine.js";
import { tileProducts } from "../kernels/tileProducts.js";
import { scope, Tensor } from "../tensor/index.js";
import { irfft, rfft } from "../tensor/ops/fft.js";
import { type AffineModel, identityTransform, warp } from "../transforms/index.js";
import { atSpacing } from "./levels.js";

/** A picture on a grid along the axes with one spacing, and where it counts. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly origin: readonly number[];
  readonly spacing: number;
  readonly values: Float32Array;
  /** 1 where the picture counts; the rim of a field of view is out when `subject` is wanted. */
  readonly weight: Float32Array;
  readonly subject: Float32Array;
}
export interface SearchImages {
  readonly fixed: Image;
  readonly moving: Image;
  readonly fixedMask?: Tensor;
  readonly movingMask?: Tensor;
}
export interface Hypothesis {
  readonly map: AffineMap;
  /** Agreement of edge directions in standard deviations of what directions without relation give. */
  readonly score: number;
  readonly degrees: number;
  readonly scale: number;
}

export const rimOf = (sigma: number) => Math.ceil(2 * sigma + 1);

function planeOf(image: Image, mask: Tensor | undefined, spacing: number): Plane {
  const corners = cornersOf(image.grid);
  const low = [0, 1].map((a) => Math.min(...corners.map((c) => c[a])) - 0.5 * Math.min(...image.grid.spacing));
  const high = [0, 1].map((a) => Math.max(...corners.map((c) => c[a])) + 0.5 * Math.min(...image.grid.spacing));
  const size = [0, 1].map((a) => Math.max(8, Math.round((high[a] - low[a]) / spacing)));
  const origin = size.map((n, a) => 0.5 * (low[a] + high[a]) - (spacing * (n - 1)) / 2);
  const grid = { size, spacing: [spacing, spacing], origin, direction: [1, 0, 0, 1] };
  const onto = (im: Image, border: "clamp" | "constant") =>
    scope(() => Float32Array.from(warp(atSpacing(im, spacing), identityTransform(2), grid, { border }).values.data));
  const values = onto(image, "clamp");
  const n = size[0] * size[1];
  const ones = mask ? onto({ values: mask, grid: image.grid }, "constant").map((v) => (v > 0.5 ? 1 : 0)) : new Float32Array(n).fill(1);
  const view = fieldOfView(values, size[0], size[1], rimOf(1));
  return { width: size[0], height: size[1], origin, spacing, values, weight: ones, subject: ones.map((v, k) => v * view[k]) };
}

/** Smallest length ≥ n with factors 2, 3, 5. */
function goodLength(n: number): number {
  for (let m = Math.max(2, Math.ceil(n)); ; m++) {
    let rest = m;
    for (const p of [2, 3, 5]) while (rest % p === 0) rest /= p;
    if (rest === 1 && m % 2 === 0) return m;
  }
}

/** re, im and |z|² of an orientation as spectra of a padded plane. */
function spectra(z: Orientation, weight: ArrayLike<number> | undefined, size: readonly [number, number]): Tensor {
  const [H, W] = size;
  const data = new Float32Array(3 * H * W);
  for (let y = 0; y < z.height; y++)
    for (let x = 0; x < z.width; x++) {
      const k = y * z.width + x;
      const w = weight ? weight[k] : 1;
      const [a, b] = [w * z.re[k], w * z.im[k]];
      const at = y * W + x;
      data[at] = a;
      data[H * W + at] = b;
      data[2 * H * W + at] = a * a + b * b;
    }
  return rfft(Tensor.from(data, [3, H, W], "f32"), { axes: [1, 2] });
}

/** z turned by an angle about its middle onto a box, the angles turned with it. */
function turned(z: Orientation, weight: ArrayLike<number>, angle: number, width: number, height: number): Orientation {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [c2, s2] = [Math.cos(2 * angle), Math.sin(2 * angle)];
  const [re, im] = [new Float32Array(width * height), new Float32Array(width * height)];
  const [mx, my] = [(z.width - 1) / 2, (z.height - 1) / 2];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const qx = x - (width - 1) / 2;
      const qy = y - (height - 1) / 2;
      const u = mx + c * qx - s * qy;
      const v = my + s * qx + c * qy;
      const i = Math.floor(u);
      const j = Math.floor(v);
      if (i < 0 || j < 0 || i + 1 >= z.width || j + 1 >= z.height) continue;
      const p = u - i;
      const q = v - j;
      const k = j * z.width + i;
      const w00 = (1 - p) * (1 - q) * weight[k];
      const w10 = p * (1 - q) * weight[k + 1];
      const w01 = (1 - p) * q * weight[k + z.width];
      const w11 = p * q * weight[k + z.width + 1];
      const a = w00 * z.re[k] + w10 * z.re[k + 1] + w01 * z.re[k + z.width] + w11 * z.re[k + z.width + 1];
      const b = w00 * z.im[k] + w10 * z.im[k + 1] + w01 * z.im[k + z.width] + w11 * z.im[k + z.width + 1];
      // φ in the turned frame is φ − θ.
      re[y * width + x] = c2 * a + s2 * b;
      im[y * width + x] = c2 * b - s2 * a;
    }
  return { width, height, re, im };
}

export interface SearchSpace {
  readonly degrees: readonly number[];
  readonly scales: readonly number[];
}
/** Every 6° of the full turn; scales from 0.7 to 1.4 in five steps where the model has one. */
export const fullSearch = (model: AffineModel): SearchSpace => ({
  degrees: model === "translation" ? [0] : Array.from({ length: 60 }, (_, k) => (k < 30 ? 6 * k : 6 * k - 360)),
  scales: model === "similarity" || model === "affine" ? [1, 0.84, 1.19, 0.7, 1.4] : [1],
});

interface Found extends Hypothesis {
  readonly subject: boolean;
}

/** All translations at once for every rotation and scale wanted; the best two of each, best first. */
function correlations(
  images: SearchImages,
  space: SearchSpace,
  samples: number,
  wanted: (h: { readonly degrees: number; readonly scale: number; readonly subject: boolean }) => boolean = () => true,
): Found[] {
  const extent = (im: Image) => {
    const corners = cornersOf(im.grid);
    return (
      Math.max(...[0, 1].map((a) => Math.max(...corners.map((c) => c[a])) - Math.min(...corners.map((c) => c[a])))) +
      Math.min(...im.grid.spacing)
    );
  };
  const spacing = Math.max(extent(images.fixed), extent(images.moving)) / samples;
  const fixed = planeOf(images.fixed, images.fixedMask, spacing);
  const still = orientation(fixed.values, fixed.width, fixed.height);
  const differs = (p: Plane) => p.weight.some((v, k) => v !== p.subject[k]);
  const found: Found[] = [];
  for (const scale of space.scales) {
    if (![true, false].some((subject) => space.degrees.some((degrees) => wanted({ degrees, scale, subject })))) continue;
    const moving = planeOf(images.moving, images.movingMask, spacing * scale);
    const z = orientation(moving.values, moving.width, moving.height);
    const reach = Math.max(moving.width, moving.height);
    const size: [number, number] = [goodLength(fixed.height + 0.9 * reach), goodLength(fixed.width + 0.9 * reach)];
    for (const subject of differs(fixed) || differs(moving) ? [true, false] : [true]) {
      const turns = space.degrees.filter((degrees) => wanted({ degrees, scale, subject }));
      if (turns.length === 0) continue;
      scope(() => {
        const F = spectra(still, subject ? fixed.subject : fixed.weight, size);
        for (const degrees of turns) {
          const angle = (degrees * Math.PI) / 180;
          const [c, s] = [Math.abs(Math.cos(angle)), Math.abs(Math.sin(angle))];
          const box = [
            Math.min(size[1], Math.ceil(c * moving.width + s * moving.height)),
            Math.min(size[0], Math.ceil(s * moving.width + c * moving.height)),
          ];
          const surface = scope(() =>
            correlation(F, spectra(turned(z, subject ? moving.subject : moving.weight, angle, box[0], box[1]), undefined, size), size),
          );
          for (const { x, y, score } of tops(surface, size, 2, 5)) {
            const t = [x < fixed.width ? x : x - size[1], y < fixed.height ? y : y - size[0]];
            const R = rotation2(angle);
            const inner = [t[0] + (box[0] - 1) / 2, t[1] + (box[1] - 1) / 2];
            const matrix = R.map((v) => v * scale);
            const h = spacing * scale;
            const offset = [0, 1].map(
              (a) =>
                moving.origin[a] +
                h * (([moving.width, moving.height][a] - 1) / 2 - R[2 * a] * inner[0] - R[2 * a + 1] * inner[1]) -
                matrix[2 * a] * fixed.origin[0] -
                matrix[2 * a + 1] * fixed.origin[1],
            );
            found.push({ map: { matrix, offset }, score, degrees, scale, subject });
          }
        }
      });
    }
  }
  return found.sort((a, b) => b.score - a.score);
}

/** Z(t) = S(t) / √(½ E(t) + floor) of two stacks of spectra. */
function correlation(F: Tensor, M: Tensor, [H, W]: readonly [number, number]): Float32Array {
  const half = F.shape[2];
  const n = 2 * H * half;
  const [f, m] = [F.data, M.data];
  const product = Tensor.uninitialised([2, H, half], "c64");
  const p = product.data;
  for (let k = 0; k < n; k += 2) {
    p[k] = f[k] * m[k] + f[k + 1] * m[k + 1] + f[n + k] * m[n + k] + f[n + k + 1] * m[n + k + 1];
    p[k + 1] = f[k + 1] * m[k] - f[k] * m[k + 1] + f[n + k + 1] * m[n + k] - f[n + k] * m[n + k + 1];
    p[n + k] = f[2 * n + k] * m[2 * n + k] + f[2 * n + k + 1] * m[2 * n + k + 1];
    p[n + k + 1] = f[2 * n + k + 1] * m[2 * n + k] - f[2 * n + k] * m[2 * n + k + 1];
  }
  const both = irfft(product, { axes: [1, 2], n: W }).data;
  const out = new Float32Array(H * W);
  let most = 0;
  for (let k = 0; k < H * W; k++) most = Math.max(most, both[H * W + k]);
  for (let k = 0; k < H * W; k++) out[k] = both[k] / Math.sqrt(0.5 * Math.max(0, both[H * W + k]) + 0.05 * most + 1e-12);
  return out;
}
function tops(
  surface: Float32Array,
  [H, W]: readonly [number, number],
  count: number,
  apart: number,
): { x: number; y: number; score: number }[] {
  const out: { x: number; y: number; score: number }[] = [];
  const near = (a: number, b: number, n: number) => Math.min(Math.abs(a - b), n - Math.abs(a - b)) < apart;
  for (let r = 0; r < count; r++) {
    let [best, value] = [-1, Number.NEGATIVE_INFINITY];
    for (let y = 0; y < H; y++) {
      const close = out.filter((o) => near(o.y, y, H));
      for (let x = 0, k = y * W; x < W; x++, k++)
        if (surface[k] > value && !close.some((o) => near(o.x, x, W))) {
          best = k;
          value = surface[k];
        }
    }
    if (best >= 0) out.push({ x: best % W, y: Math.floor(best / W), score: value });
  }
  return out;
}

/** How far apart two maps put the corners of the fixed image, at most. */
const apart = (a: AffineMap, b: AffineMap, corners: readonly (readonly number[])[]) =>
  Math.max(...corners.map((p) => Math.hypot(...applyAffine(a, p).map((v, i) => v - applyAffine(b, p)[i]))));

export interface Refined {
  readonly map: AffineMap;
  /** Agreement of the whole under the map, in standard deviations. */
  readonly score: number;
  /** Blocks with structure on both sides, and how many of them are at home: their best shift is none. */
  readonly blocks: number;
  readonly home: number;
}

/** Pictures prepared for one spacing. */
interface Level {
  readonly fixed: Plane;
  readonly moving: Plane;
  readonly still: Orientation;
  readonly subject: boolean;
}
function levelOf(images: SearchImages, spacing: number, scale: number): Omit<Level, "subject"> {
  const fixed = planeOf(images.fixed, images.fixedMask, spacing);
  return {
    fixed,
    moving: planeOf(images.moving, images.movingMask, spacing * scale),
    still: orientation(fixed.values, fixed.width, fixed.height),
  };
}
/** Edge directions of the moving picture brought onto the fixed lattice. */
function brought(level: Level, map: AffineMap): Orientation {
  const { fixed, moving } = level;
  const [values, weight] = [new Float32Array(fixed.width * fixed.height), new Float32Array(fixed.width * fixed.height)];
  const source = level.subject ? moving.subject : moving.weight;
  const [a, b, c, d] = map.matrix;
  const rim = rimOf(1);
  for (let y = 0; y < fixed.height; y++)
    for (let x = 0; x < fixed.width; x++) {
      const [px, py] = [fixed.origin[0] + fixed.spacing * x, fixed.origin[1] + fixed.spacing * y];
      const u = (a * px + b * py + map.offset[0] - moving.origin[0]) / moving.spacing;
      const v = (c * px + d * py + map.offset[1] - moving.origin[1]) / moving.spacing;
      const [cu, cv] = [Math.min(moving.width - 1.001, Math.max(0, u)), Math.min(moving.height - 1.001, Math.max(0, v))];
      const [i, j] = [Math.floor(cu), Math.floor(cv)];
      const [p, q] = [cu - i, cv - j];
      const k = j * moving.width + i;
      const m = moving.values;
      const at = y * fixed.width + x;
      values[at] = (1 - q) * ((1 - p) * m[k] + p * m[k + 1]) + q * ((1 - p) * m[k + moving.width] + p * m[k + moving.width + 1]);
      weight[at] =
        u >= rim && v >= rim && u <= moving.width - 1 - rim && v <= moving.height - 1 - rim
          ? source[Math.round(cv) * moving.width + Math.round(cu)]
          : 0;
    }
  return orientation(values, fixed.width, fixed.height, { weight });
}

const joinedPlanes = (a: Float32Array, b: Float32Array) => {
  const out = new Float32Array(2 * a.length);
  out.set(a);
  out.set(b, a.length);
  return out;
};

export interface Block {
  readonly at: readonly number[];
  readonly shift: readonly number[];
  readonly z: number;
  readonly distinct: number;
}
/** The best shift of every block of 3 × 3 tiles that has structure on both sides. */
function blocksOf(level: Level, map: AffineMap, g: number, R: number): { blocks: Block[]; score: number } {
  return blocksBetween(level.fixed, level.subject ? level.fixed.subject : level.fixed.weight, level.still, brought(level, map), g, R);
}
/** The same between two pictures of edge directions on one lattice. */
export function blocksBetween(
  fixed: { readonly width: number; readonly height: number },
  w: ArrayLike<number>,
  still: Orientation,
  moved: Orientation,
  g: number,
  R: number,
): { blocks: Block[]; score: number; products: number; energy: number } {
  const n = fixed.width * fixed.height;
  const [are, aim, aa, bb] = [0, 1, 2, 3].map(() => new Float32Array(n));
  let [S, E] = [0, 1e-9];
  for (let k = 0; k < n; k++) {
    are[k] = w[k] * still.re[k];
    aim[k] = w[k] * still.im[k];
    aa[k] = are[k] ** 2 + aim[k] ** 2;
    bb[k] = moved.re[k] ** 2 + moved.im[k] ** 2;
    S += are[k] * moved.re[k] + aim[k] * moved.im[k];
    E += aa[k] * bb[k];
  }
  const [size, o] = [[1, fixed.height, fixed.width], { tile: [1, g, g], radius: [0, R, R] }] as const;
  const dots = tileProducts(engine(), joinedPlanes(are, aim), joinedPlanes(moved.re, moved.im), 2, size, o);
  const energy = tileProducts(engine(), aa, bb, 1, size, o);
  const [columns, rows] = [Math.ceil(fixed.width / g), Math.ceil(fixed.height / g)];
  const side = 2 * R + 1;
  const m = side * side;
  // Blocks: tiles weighed 1 2 1 along both axes.
  const joined = (t: Float32Array, cx: number, cy: number, out: Float32Array) => {
    out.fill(0);
    for (let dy = -1; dy <= 1; dy++)
      for (let dx = -1; dx <= 1; dx++) {
        const [x, y] = [cx + dx, cy + dy];
        if (x < 0 || y < 0 || x >= columns || y >= rows) continue;
        const weight = (2 - Math.abs(dx)) * (2 - Math.abs(dy));
        const base = (y * columns + x) * m;
        for (let k = 0; k < m; k++) out[k] += weight * t[base + k];
      }
  };
  const blocks: Block[] = [];
  const [s, e] = [new Float32Array(m), new Float32Array(m)];
  const least = 0.02 * 16 * g * g * 0.05; // a few percent of clear edges
  for (let cy = 0; cy < rows; cy++)
    for (let cx = 0; cx < columns; cx++) {
      joined(energy, cx, cy, e);
      let most = 0;
      for (let k = 0; k < m; k++) most = Math.max(most, e[k]);
      if (most < least) continue;
      joined(dots, cx, cy, s);
      let [best, value, sum, squares] = [0, Number.NEGATIVE_INFINITY, 0, 0];
      for (let k = 0; k < m; k++) {
        s[k] /= Math.sqrt(0.5 * e[k] + 0.1 * most);
        sum += s[k];
        squares += s[k] * s[k];
        if (s[k] > value) [best, value] = [k, s[k]];
      }
      const [bx, by] = [best % side, Math.floor(best / side)];
      const part = (k: number, step: number, i: number) => {
        if (i === 0 || i === side - 1) return 0;
        const [l, c, r] = [s[k - step], s[k], s[k + step]];
        return l - 2 * c + r < 0 ? Math.max(-0.5, Math.min(0.5, (0.5 * (l - r)) / (l - 2 * c + r))) : 0;
      };
      const deviation = Math.sqrt(Math.max(1e-12, squares / m - (sum / m) ** 2));
      blocks.push({
        at: [Math.min(fixed.width - 1, (cx + 0.5) * g - 0.5), Math.min(fixed.height - 1, (cy + 0.5) * g - 0.5)],
        shift: [bx - R + part(best, 1, bx), by - R + part(best, side, by)],
        z: value,
        distinct: (value - sum / m) / deviation,
      });
    }
  return { blocks, score: S / Math.sqrt(0.5 * E), products: S, energy: E };
}

/** Weighted least squares for p ↦ p + d(p) of a model; parameters about the middle. */
function fitted(model: AffineModel, blocks: readonly Block[], weights: readonly number[], middle: readonly number[]): AffineMap {
  const columns = model === "translation" ? 2 : model === "affine" ? 6 : 4;
  const N = columns;
  const A = new Float64Array(N * N);
  const b = new Float64Array(N);
  for (const [k, block] of blocks.entries()) {
    const [x, y] = [block.at[0] - middle[0], block.at[1] - middle[1]];
    const rows =
      columns === 2
        ? [
            [1, 0],
            [0, 1],
          ]
        : columns === 4
          ? [
              [1, 0, x, -y],
              [0, 1, y, x],
            ]
          : [
              [1, 0, x, y, 0, 0],
              [0, 1, 0, 0, x, y],
            ];
    for (const [r, row] of rows.entries())
      for (let i = 0; i < N; i++) {
        b[i] += weights[k] * row[i] * block.shift[r];
        for (let j = 0; j < N; j++) A[i * N + j] += weights[k] * row[i] * row[j];
      }
  }
  for (let i = 0; i < N; i++) A[i * N + i] += 1e-6 * A[i * N + i] + 1e-9;
  const x = solved(A, b, N);
  if (columns === 2) return { matrix: [1, 0, 0, 1], offset: x.slice(0, 2) };
  let matrix = columns === 4 ? [1 + x[2], -x[3], x[3], 1 + x[2]] : [1 + x[2], x[3], x[4], 1 + x[5]];
  if (model === "rigid") {
    const s = Math.hypot(matrix[0], matrix[2]);
    matrix = matrix.map((v) => v / s);
  }
  return {
    matrix,
    offset: [0, 1].map((a) => x[a] + middle[a] - matrix[2 * a] * middle[0] - matrix[2 * a + 1] * middle[1]),
  };
}
/** Gauss with pivots: at most six unknowns. */
function solved(A: Float64Array, b: Float64Array, n: number): number[] {
  const M = Array.from({ length: n }, (_, i) => [...A.subarray(i * n, (i + 1) * n), b[i]]);
  for (let i = 0; i < n; i++) {
    let p = i;
    for (let r = i + 1; r < n; r++) if (Math.abs(M[r][i]) > Math.abs(M[p][i])) p = r;
    [M[i], M[p]] = [M[p], M[i]];
    for (let r = 0; r < n; r++) {
      if (r === i || M[i][i] === 0) continue;
      const f = M[r][i] / M[i][i];
      for (let c = i; c <= n; c++) M[r][c] -= f * M[i][c];
    }
  }
  return M.map((row, i) => (row[i] === 0 ? 0 : row[n] / row[i]));
}

/** One round: block shifts, a robust fit of the model, the composed map. */
function round(level: Level, map: AffineMap, model: AffineModel, g: number, R: number): { map: AffineMap; blocks: Block[]; score: number } {
  const { blocks, score } = blocksOf(level, map, g, R);
  if (blocks.length < 6) return { map, blocks, score };
  const middle = [(level.fixed.width - 1) / 2, (level.fixed.height - 1) / 2];
  let update: AffineMap = { matrix: [1, 0, 0, 1], offset: [0, 0] };
  // Geman–McClure with a falling scale: first everything has a say, then those that agree.
  for (let width = R; ; width = Math.max(1, width * 0.6)) {
    const weights = blocks.map((b) => {
      const p = applyAffine(update, b.at);
      const r2 = (b.at[0] + b.shift[0] - p[0]) ** 2 + (b.at[1] + b.shift[1] - p[1]) ** 2;
      return Math.max(0, b.distinct - 1) ** 2 / (1 + r2 / (width * width)) ** 2;
    });
    update = fitted(model, blocks, weights, middle);
    if (width <= 1) break;
  }
  const { origin, spacing } = level.fixed;
  // Samples to points: P = o + h p.
  const physical: AffineMap = {
    matrix: update.matrix,
    offset: [0, 1].map(
      (a) => origin[a] + spacing * update.offset[a] - update.matrix[2 * a] * origin[0] - update.matrix[2 * a + 1] * origin[1],
    ),
  };
  return { map: composeAffine(map, physical), blocks, score };
}

/**
 * Does this result speak for itself? Between unlike pictures some 8 % of the blocks are at home after the best search, a little above what
 * chance gives (13 of 289 shifts); a quarter of them, thirty at least, is far from that.
 */
export const convincing = (r: Pick<Refined, "home" | "blocks">): boolean => r.home >= 30 && r.home >= 0.25 * r.blocks;

/** Agreement of two pictures under a map, at a 256th of the larger one's extent. */
export function agreementUnder(images: SearchImages, map: AffineMap): Omit<Refined, "map"> {
  const scale = Math.sqrt(Math.abs(map.matrix[0] * map.matrix[3] - map.matrix[1] * map.matrix[2])) || 1;
  const level = { ...levelOf(images, largest(images) / 256, scale), subject: true };
  const { blocks, score } = blocksOf(level, map, 16, 8);
  return { score, blocks: blocks.length, home: atHome(blocks) };
}
export const atHome = (blocks: readonly Block[]) => blocks.filter((b) => Math.hypot(...b.shift) <= 2).length;
const largest = ({ fixed, moving }: SearchImages) =>
  Math.max(...[fixed, moving].map(({ grid }) => Math.max(...grid.size.map((n, a) => n * grid.spacing[a]))));

export interface SearchResult {
  /** Refined hypotheses, best first. */
  readonly refined: readonly (Refined & {
    readonly degrees: number;
    readonly scale: number;
    readonly start: number;
    readonly subject: boolean;
  })[];
  readonly coarse: readonly Hypothesis[];
}

/** Coarse-to-fine: all translations for every rotation and scale, then block shifts for the best few, then finer. */
export function searchPlane(images: SearchImages, model: AffineModel, keepFew = 6): SearchResult {
  const samples = 128;
  // Half the resolution is a quarter of the work; the truth is among its first hundred hypotheses or a step of the turn away.
  const space = fullSearch(model);
  const key = (h: Pick<Found, "degrees" | "scale" | "subject">) => `${h.degrees} ${h.scale} ${h.subject}`;
  const turns = space.degrees.length;
  const promising = new Set(
    correlations(images, space, samples / 2)
      .slice(0, 100)
      .flatMap((h) =>
        [-1, 0, 1].map((step) => key({ ...h, degrees: space.degrees[(space.degrees.indexOf(h.degrees) + step + turns) % turns] })),
      ),
  );
  const found = correlations(images, space, samples, (h) => promising.has(key(h)));
  const corners = cornersOf(images.fixed.grid);
  const extent = Math.max(...corners.map((p) => Math.hypot(...p.map((v, i) => v - corners[0][i]))));
  const few: Found[] = [];
  for (const subject of [true, false]) {
    const mine: Found[] = [];
    for (const f of found)
      if (f.subject === subject && mine.length < keepFew && ![...mine, ...few].some((o) => apart(o.map, f.map, corners) < 0.06 * extent))
        mine.push(f);
    few.push(...mine);
  }
  const h = largest(images) / samples;
  const prepared = new Map<string, Omit<Level, "subject">>();
  const at = (spacing: number, scale: number) => {
    const name = `${spacing} ${scale}`;
    const level = prepared.get(name) ?? levelOf(images, spacing, scale);
    prepared.set(name, level);
    return level;
  };
  type Entry = SearchResult["refined"][number];
  const measured = (level: Level, map: AffineMap, f: Found, g: number): Entry => {
    const { blocks, score } = blocksOf(level, map, g, 8);
    return {
      map,
      score,
      blocks: blocks.length,
      home: atHome(blocks),
      degrees: f.degrees,
      scale: f.scale,
      start: f.score,
      subject: f.subject,
    };
  };
  const distinct = (entries: readonly Entry[], count: number) => {
    const kept: Entry[] = [];
    for (const e of [...entries].sort((a, b) => b.score - a.score))
      if (kept.length < count && !kept.some((o) => apart(o.map, e.map, corners) < 0.03 * extent)) kept.push(e);
    return kept;
  };
  const first = few.map((f) => {
    const level = { ...at(h, f.scale), subject: f.subject };
    let map = round(level, f.map, model === "affine" ? "similarity" : model, 8, 8).map;
    map = round(level, map, model, 8, 5).map;
    return measured({ ...level, subject: true }, map, f, 8);
  });
  const second = distinct(first, 4)
    .filter((e, _, all) => e.score > 0.6 * all[0].score)
    .map((e) => {
      const level = { ...at(h / 2, e.scale), subject: true };
      let map = round(level, e.map, model, 16, 8).map;
      map = round(level, map, model, 16, 5).map;
      map = round(level, map, model, 16, 4).map;
      return measured(level, map, { ...e, score: e.start }, 16);
    });
  return { refined: second.sort((a, b) => b.score - a.score), coarse: found };
}
