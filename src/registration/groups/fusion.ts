import { ArgumentError, GridError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { gridText, sameGrid, tensorShape, voxelsOf } from "../../image/grid.js";
import { Tensor } from "../../tensor/index.js";

/** How the labels of several atlases become one: by number, by local likeness, or by likeness and common errors. */
export const fusions = ["majority", "local", "joint"] as const;
/** Which label is taken: the one with the greatest expected overlap, or with the greatest share. */
export const decisions = ["overlap", "vote"] as const;
/** A name in `fusions`. */
export type Fusion = (typeof fusions)[number];

/** An atlas brought onto the target's grid. */
export interface Candidate {
  /** The image. */
  readonly image: Image;
  /** Whole numbers. */
  readonly labels: ArrayLike<number>;
}
/** How votes are weighed and decided. */
export interface FusionOptions {
  /** majority: every atlas has one vote. local: votes weigh by likeness around the voxel. joint (default): weights also mind which atlases err together. */
  readonly method?: Fusion;
  /** Half width of the patches that are compared. Default 3 in the plane (49 values), 2 in space (125). */
  readonly patchVoxels?: number;
  /** How far a better patch is looked for around the voxel. Default 1: a deformation has been there before. Majority does not look. */
  readonly searchVoxels?: number;
  /** How steeply weights fall with the difference of patches. Default 2. */
  readonly beta?: number;
  /**
   * From shares p_c to one label: the greater share (vote), or (overlap, the default) the labels that together have the greatest expected Dice. A vote loses
   * thin and small structures whose places the atlases agree on only roughly.
   */
  readonly decide?: (typeof decisions)[number];
  /** What is added to the diagonal of the joint error matrix. Default 0.1. */
  readonly alpha?: number;
}
/** Labels with the shares they were chosen by. */
export interface FusionResult {
  /** Label map [1, (z,) y, x]. */
  readonly labels: Image;
  /** Share of the weight that the chosen label had. */
  readonly certainty: Image;
  /** The share of a label at every voxel. */
  probability(label: number): Image;
  /** The labels that occur, ascending. */
  readonly classes: readonly number[];
}

/**
 * One label map from several atlases on the target's grid. At voxels where all atlases agree their label stands; elsewhere each atlas votes for its label with a
 * weight w_i, Σ w_i = 1. Patches N are compared after each is brought to mean 0 and variance 1, at the best place within the search window:
 *
 *   majority  w_i = 1/n
 *   local     w_i ∝ (mean_N (T − I_i)² + 0.02)^−β
 *   joint     w = M⁻¹1 / 1ᵀM⁻¹1,  M_ij = (mean_N |T − I_i| |T − I_j|)^β + α δ_ij, negative weights taken as 0
 *
 * @throws GridError when an atlas lies elsewhere; ArgumentError without any
 * @see Wang, Suh, Das, Pluta, Craige, Yushkevich (2013), Multi-atlas segmentation with joint label fusion, IEEE TPAMI 35
 */
export function fuseLabels(target: Image, candidates: readonly Candidate[], options: FusionOptions = {}): FusionResult {
  const { grid } = target;
  const d = grid.size.length;
  const { method = "joint", patchVoxels = d === 2 ? 3 : 2, searchVoxels = 1, beta = 2, alpha = 0.1, decide = "overlap" } = options;
  if (!fusions.includes(method))
    throw new ArgumentError(`fuseLabels: no method ${method}; expected one of ${fusions.join(", ")}`, { method });
  if (candidates.length === 0) throw new ArgumentError("fuseLabels: no atlas came; give one or more", {});
  const n = voxelsOf(grid);
  for (const [i, c] of candidates.entries())
    if (!sameGrid(c.image.grid, grid) || c.labels.length !== n)
      throw new GridError(
        `fuseLabels: atlas ${i + 1} lies on ${gridText(c.image.grid)} but the target on ${gridText(grid)}; warp it first`,
        {},
      );
  const m = candidates.length;
  const [nx, ny] = grid.size;
  const labels = candidates.map((c) => c.labels);
  // Votes, sparse: up to m labels a voxel. Voxels where all agree have one.
  const voteLabel = new Int32Array(n);
  const voteShare = new Float32Array(n);
  const disputed: number[] = [];
  for (let i = 0; i < n; i++) {
    const first = labels[0][i];
    let agree = true;
    for (let k = 1; k < m && agree; k++) agree = labels[k][i] === first;
    voteLabel[i] = first;
    voteShare[i] = 1;
    if (!agree) disputed.push(i);
  }
  const seen = new Set<number>([0]);
  for (const l of labels) for (let i = 0; i < n; i++) seen.add(l[i]);
  const shareLabels = new Int32Array(disputed.length * m);
  const shares = new Float32Array(disputed.length * m);
  const weigh = method === "majority" ? undefined : new Weigher(target, candidates, { patchVoxels, searchVoxels, beta, alpha, method });
  const w = new Float64Array(m).fill(1 / m);
  const at = new Int32Array(m);
  for (const [k, i] of disputed.entries()) {
    if (weigh) weigh.at(i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny)), w, at);
    else at.fill(i);
    let distinct = 0;
    for (let a = 0; a < m; a++) {
      const l = labels[a][at[a]];
      let s = 0;
      while (s < distinct && shareLabels[k * m + s] !== l) s++;
      if (s === distinct) {
        shareLabels[k * m + s] = l;
        shares[k * m + s] = 0;
        distinct++;
      }
      shares[k * m + s] += w[a];
    }
    let best = 0;
    // Of equal shares the smaller label: the order of the atlases must not matter.
    for (let s = 1; s < distinct; s++) {
      const more = shares[k * m + s] - shares[k * m + best];
      if (more > 1e-6 || (more > -1e-6 && shareLabels[k * m + s] < shareLabels[k * m + best])) best = s;
    }
    for (let s = distinct; s < m; s++) shareLabels[k * m + s] = -2147483648;
    voteLabel[i] = shareLabels[k * m + best];
    voteShare[i] = shares[k * m + best];
  }
  if (decide === "overlap") decideForOverlap(voteLabel, voteShare, disputed, shareLabels, shares, m);
  const shape = [1, ...tensorShape(grid)];
  const agreed = voteLabel.slice();
  for (const i of disputed) agreed[i] = -2147483648;
  return {
    labels: { values: Tensor.from(Float32Array.from(voteLabel), shape), grid },
    certainty: { values: Tensor.from(voteShare, shape), grid },
    classes: [...seen].sort((a, b) => a - b),
    probability(label) {
      const out = new Float32Array(n);
      for (let i = 0; i < n; i++) if (agreed[i] === label) out[i] = 1;
      for (const [k, i] of disputed.entries()) for (let s = 0; s < m; s++) if (shareLabels[k * m + s] === label) out[i] = shares[k * m + s];
      return { values: Tensor.from(out, shape), grid };
    },
  };
}

/**
 * Labels of greatest expected overlap: with P_c = Σ p_c, V_c the voxels given to c and H_c = Σ p_c over them, Dice is about D_c = 2 H_c / (P_c + V_c), and giving one
 * more voxel to c changes it by (2 p_c − D_c) / (P_c + V_c). Each disputed voxel goes to the label that gains most, to the background when none gains; repeated until
 * nothing changes. Background (0) has no overlap to gain.
 */
function decideForOverlap(
  label: Int32Array,
  share: Float32Array,
  disputed: readonly number[],
  shareLabels: Int32Array,
  shares: Float32Array,
  m: number,
): void {
  const expected = new Map<number, number>();
  const add = (map: Map<number, number>, l: number, v: number) => map.set(l, (map.get(l) ?? 0) + v);
  const open = new Set(disputed);
  const sure = new Map<number, number>();
  for (let i = 0; i < label.length; i++) if (label[i] !== 0 && !open.has(i)) add(sure, label[i], 1);
  for (const [l, v] of sure) expected.set(l, v);
  for (let k = 0; k < disputed.length * m; k++) if (shareLabels[k] > 0) add(expected, shareLabels[k], shares[k]);
  for (let round = 0; round < 20; round++) {
    const given = new Map(sure);
    const hit = new Map(sure);
    for (const i of disputed)
      if (label[i] !== 0) {
        add(given, label[i], 1);
        add(hit, label[i], share[i]);
      }
    let changed = 0;
    for (const [k, i] of disputed.entries()) {
      let [gain, best, with_] = [0, 0, 0];
      for (let s = k * m; s < (k + 1) * m; s++) {
        const l = shareLabels[s];
        if (l < 0) break;
        if (l === 0) {
          if (best === 0) with_ = shares[s];
          continue;
        }
        const size = (expected.get(l) ?? 0) + (given.get(l) ?? 0);
        const more = (2 * shares[s] - (2 * (hit.get(l) ?? 0)) / size) / size;
        if (more > gain + 1e-12 || (best !== 0 && more > gain - 1e-12 && l < best)) [gain, best, with_] = [more, l, shares[s]];
      }
      if (label[i] !== best) changed++;
      label[i] = best;
      share[i] = with_;
    }
    if (changed === 0) break;
  }
}

/** Weights of the atlases at one voxel after another; its arrays serve all of them. */
class Weigher {
  readonly #m: number;
  readonly #size: readonly number[];
  readonly #target: Float32Array;
  readonly #images: Float32Array[];
  readonly #patch: Int32Array; // dx, dy, dz
  readonly #search: Int32Array;
  readonly #t: Float64Array;
  readonly #p: Float64Array;
  readonly #errors: Float64Array;
  readonly #matrix: Float64Array;

  constructor(
    target: Image,
    candidates: readonly Candidate[],
    readonly o: Required<Omit<FusionOptions, "decide">>,
  ) {
    const d = target.grid.size.length;
    this.#size = [...target.grid.size, 1].slice(0, 3);
    // Copies: views of the engine's memory end with the next allocation.
    this.#target = Float32Array.from(target.values.data.subarray(0, voxelsOf(target.grid)));
    this.#images = candidates.map((c) => Float32Array.from(c.image.values.data.subarray(0, voxelsOf(target.grid))));
    this.#m = candidates.length;
    const ball = (r: number): Int32Array => {
      const out: number[][] = [];
      for (let z = d === 3 ? -r : 0; z <= (d === 3 ? r : 0); z++)
        for (let y = -r; y <= r; y++) for (let x = -r; x <= r; x++) out.push([x, y, z]);
      // Near places first: of equally good ones the nearest is kept.
      return Int32Array.from(out.sort((a, b) => Math.hypot(...a) - Math.hypot(...b)).flat());
    };
    this.#patch = ball(o.patchVoxels);
    this.#search = ball(o.searchVoxels);
    const size = this.#patch.length / 3;
    this.#t = new Float64Array(size);
    this.#p = new Float64Array(size);
    this.#errors = new Float64Array(size * this.#m);
    this.#matrix = new Float64Array(this.#m * this.#m);
  }

  /** The patch around a voxel, mean 0 and variance 1 (0 when flat); positions beyond the border repeat it. */
  #take(image: Float32Array, x: number, y: number, z: number, out: Float64Array): void {
    const [nx, ny, nz] = this.#size;
    const patch = this.#patch;
    const size = out.length;
    let sum = 0;
    let squares = 0;
    for (let k = 0; k < size; k++) {
      const px = Math.min(nx - 1, Math.max(0, x + patch[3 * k]));
      const py = Math.min(ny - 1, Math.max(0, y + patch[3 * k + 1]));
      const pz = Math.min(nz - 1, Math.max(0, z + patch[3 * k + 2]));
      const v = image[px + nx * (py + ny * pz)];
      out[k] = v;
      sum += v;
      squares += v * v;
    }
    const mean = sum / size;
    const variance = squares / size - mean * mean;
    const scale = variance > 1e-12 * squares && variance > 0 ? 1 / Math.sqrt(variance) : 0;
    for (let k = 0; k < size; k++) out[k] = (out[k] - mean) * scale;
  }

  at(x: number, y: number, z: number, weights: Float64Array, places: Int32Array): void {
    const [nx, ny, nz] = this.#size;
    const { beta, alpha, method } = this.o;
    const [t, p] = [this.#t, this.#p];
    const size = t.length;
    this.#take(this.#target, x, y, z, t);
    for (let a = 0; a < this.#m; a++) {
      let best = Number.NEGATIVE_INFINITY;
      let [bx, by, bz] = [x, y, z];
      for (let s = 0; s < this.#search.length; s += 3) {
        const [qx, qy, qz] = [x + this.#search[s], y + this.#search[s + 1], z + this.#search[s + 2]];
        if (qx < 0 || qy < 0 || qz < 0 || qx >= nx || qy >= ny || qz >= nz) continue;
        this.#take(this.#images[a], qx, qy, qz, p);
        let c = 0;
        for (let k = 0; k < size; k++) c += t[k] * p[k];
        if (c > best + 1e-9 * size) [best, bx, by, bz] = [c, qx, qy, qz];
      }
      this.#take(this.#images[a], bx, by, bz, p);
      for (let k = 0; k < size; k++) this.#errors[a * size + k] = Math.abs(t[k] - p[k]);
      places[a] = bx + nx * (by + ny * bz);
    }
    const m = this.#m;
    const e = this.#errors;
    let total = 0;
    if (method === "local") {
      for (let a = 0; a < m; a++) {
        let s = 0;
        for (let k = 0; k < size; k++) s += e[a * size + k] ** 2;
        total += weights[a] = (s / size + 0.02) ** -beta;
      }
    } else {
      const M = this.#matrix;
      for (let a = 0; a < m; a++)
        for (let b = 0; b <= a; b++) {
          let s = 0;
          for (let k = 0; k < size; k++) s += e[a * size + k] * e[b * size + k];
          M[a * m + b] = (s / size) ** beta + (a === b ? alpha : 0);
        }
      solveOnes(M, m, weights);
      for (let a = 0; a < m; a++) total += weights[a] = Math.max(0, weights[a]);
    }
    for (let a = 0; a < m; a++) weights[a] = total > 0 ? weights[a] / total : 1 / m;
  }
}

/** x with M x = 1 for symmetric positive definite M (lower triangle, overwritten), by Cholesky's factors. */
function solveOnes(M: Float64Array, m: number, x: Float64Array): void {
  for (let j = 0; j < m; j++)
    for (let i = j; i < m; i++) {
      let s = M[i * m + j];
      for (let k = 0; k < j; k++) s -= M[i * m + k] * M[j * m + k];
      M[i * m + j] = i === j ? Math.sqrt(Math.max(s, 1e-12)) : s / M[j * m + j];
    }
  for (let i = 0; i < m; i++) {
    let s = 1;
    for (let k = 0; k < i; k++) s -= M[i * m + k] * x[k];
    x[i] = s / M[i * m + i];
  }
  for (let i = m - 1; i >= 0; i--) {
    let s = x[i];
    for (let k = i + 1; k < m; k++) s -= M[k * m + i] * x[k];
    x[i] = s / M[i * m + i];
  }
}
