import { ArgumentError } from "../../core/errors.js";
import { eigh } from "../../kernels/linalg.js";
import { AffineTransform } from "../../transforms/index.js";
import { mapOfPairs } from "./pairs.js";
import { type Cloud, centroid, cloudOf, mapped, type PointsLike, radius } from "./pointSet.js";

/** Whether sizes count, and when rounds end. */
export interface ProcrustesOptions {
  /** similarity (default) removes size as well; rigid keeps it. */
  readonly model?: "rigid" | "similarity";
  /** Stop when the mean moves by less than this part of its radius. Default 1e-10. */
  readonly tolerance?: number;
  /** The most steps there may be. */
  readonly iterations?: number;
}
/** The mean of shapes with the maps that bring each to it. */
export interface ProcrustesResult {
  /** The mean shape, row by row: centroid 0, its size the mean size (geometric for similarity) of the sets, turned as the sets are on average. */
  readonly mean: Cloud;
  /** The sets on the mean shape. */
  readonly aligned: readonly Cloud[];
  /** aligned[i] = transforms[i] (sets[i]). */
  readonly transforms: readonly AffineTransform[];
  /** Shape modes from large to small: unit vectors [n, d] row by row; a shape is mean + Σ bₖ modeₖ. */
  readonly modes: readonly Float64Array[];
  /** Variance bₖ has over the sets (divided by sets − 1), mm². */
  readonly variances: readonly number[];
  /** bₖ of every set: [set][mode]. */
  readonly scores: readonly (readonly number[])[];
  /** How many steps were made. */
  readonly iterations: number;
}

/**
 * Generalised Procrustes analysis: the mean μ and the similarities (or rigid maps) Tᵢ that minimise Σᵢ |Tᵢ(Xᵢ) − μ|², with the mean's
 * centroid at 0 and its size fixed; then principal components of the aligned sets.
 *
 * No set is the reference: for similarity every set is first centred and scaled to unit size and is then only turned, the mean being
 * scaled to the geometric mean of the sets' sizes at the end (scales fitted to a mean would shrink noisy sets: a bias). The mean starts from the
 * set closest to all others and is finally turned to the average of the sets' own orientations, so the order of the sets does not matter.
 * @throws ArgumentError for fewer than 2 sets, sets of unequal length, or points on one spot
 * @see Gower (1975), Generalized Procrustes analysis, Psychometrika 40; Cootes, Taylor, Cooper & Graham (1995), Active shape models, CVIU 61(1)
 */
export function procrustes(sets: readonly PointsLike[], options: ProcrustesOptions = {}): ProcrustesResult {
  const { model = "similarity", tolerance = 1e-10, iterations = 100 } = options;
  if (sets.length < 2) throw new ArgumentError(`procrustes: ${sets.length} set; at least 2 are needed`, { sets: sets.length });
  const given = sets.map((s, i) => cloudOf(`procrustes: set ${i}`, s, 2));
  const { dimension: d, count: n } = given[0];
  given.forEach((g, i) => {
    if (g.dimension !== d || g.count !== n)
      throw new ArgumentError(
        `procrustes: set ${i} holds ${g.count} ${g.dimension}-D points and set 0 holds ${n} ${d}-D points; landmarks must be the same in all`,
        { set: i },
      );
  });
  const centres = given.map((g) => centroid(g));
  const sizes = given.map((g, i) => radius(g, centres[i]));
  sizes.forEach((s, i) => {
    if (!(s > 0)) throw new ArgumentError(`procrustes: all points of set ${i} are on one spot`, { set: i });
  });
  const common = model === "similarity" ? Math.exp(sizes.reduce((s, v) => s + Math.log(v), 0) / sizes.length) : 1;
  const factors = sizes.map((s) => (model === "similarity" ? common / s : 1));
  const shapes = given.map((g, i) => {
    const matrix = Array.from({ length: d * d }, (_, k) => (k % (d + 1) === 0 ? factors[i] : 0));
    return mapped(g, { matrix, offset: centres[i].map((c) => -c * factors[i]) });
  });
  const turned = (shape: Cloud, to: Cloud) => mapOfPairs(shape, to, "rigid");
  let mean = medoid(shapes);
  let rotations = shapes.map((s) => turned(s, mean));
  let done = 0;
  for (; done < iterations; ) {
    const next = averageOf(
      shapes.map((s, i) => mapped(s, rotations[i])),
      common,
      model,
    );
    rotations = shapes.map((s) => turned(s, next));
    const moved = rmsDistance(next, mean) / radius(next, new Array<number>(d).fill(0));
    mean = next;
    done++;
    if (moved < tolerance) break;
  }
  // The mean's own turn is free: take the one closest to the sets as they came, Σᵢ |Xᵢ − R μ|² least.
  const asGiven = averageRaw(shapes);
  if (radius(asGiven, new Array<number>(d).fill(0)) > 1e-6 * radius(mean, new Array<number>(d).fill(0))) {
    mean = mapped(mean, turned(mean, asGiven));
    rotations = shapes.map((s) => turned(s, mean));
  }
  const aligned = shapes.map((s, i) => mapped(s, rotations[i]));
  const transforms = rotations.map((r, i) => {
    const matrix = r.matrix.map((v) => v * factors[i]);
    const offset = r.offset.map((v, a) => {
      let s = v;
      for (let b = 0; b < d; b++) s -= matrix[a * d + b] * centres[i][b];
      return s;
    });
    return new AffineTransform({ matrix, offset }, { name: `set ${i}` }, { name: "mean shape" }, model);
  });
  return { mean, aligned, transforms, ...modesOf(aligned), iterations: done };
}

/** The average of aligned shapes; for similarity brought back to the common size, which averaging of unequal shapes diminishes. */
function averageOf(shapes: readonly Cloud[], size: number, model: "rigid" | "similarity"): Cloud {
  const mean = averageRaw(shapes);
  if (model === "rigid") return mean;
  const f = size / radius(mean, new Array<number>(mean.dimension).fill(0));
  return { ...mean, points: mean.points.map((v) => v * f) };
}
function averageRaw(shapes: readonly Cloud[]): Cloud {
  const points = new Float64Array(shapes[0].points.length);
  // Sorted before summing: the same bits in whatever order the sets come.
  const column = new Float64Array(shapes.length);
  for (let k = 0; k < points.length; k++) {
    shapes.forEach((s, i) => {
      column[i] = s.points[k];
    });
    column.sort();
    for (const v of column) points[k] += v / shapes.length;
  }
  return { ...shapes[0], points };
}
function rmsDistance(a: Cloud, b: Cloud): number {
  let s = 0;
  for (let k = 0; k < a.points.length; k++) s += (a.points[k] - b.points[k]) ** 2;
  return Math.sqrt(s / a.count);
}
/** The shape with the least sum of squared distances to the others, each turned onto it. */
function medoid(shapes: readonly Cloud[]): Cloud {
  const cost = shapes.map((to) => shapes.reduce((s, from) => s + rmsDistance(mapped(from, mapOfPairs(from, to, "rigid")), to) ** 2, 0));
  return shapes[cost.indexOf(Math.min(...cost))];
}

/** Principal components by the Gram matrix of the sets: there are far fewer sets than coordinates. */
function modesOf(aligned: readonly Cloud[]): { modes: Float64Array[]; variances: number[]; scores: number[][] } {
  const m = aligned.length;
  const average = averageRaw(aligned).points;
  const residuals = aligned.map(({ points }) => points.map((v, k) => v - average[k]));
  const gram = new Float64Array(m * m);
  for (let i = 0; i < m; i++)
    for (let j = 0; j <= i; j++) {
      let s = 0;
      for (let k = 0; k < average.length; k++) s += residuals[i][k] * residuals[j][k];
      gram[i * m + j] = gram[j * m + i] = s / (m - 1);
    }
  const { values, vectors } = eigh(gram, m);
  const total = Array.from(values).reduce((s, v) => s + Math.max(v, 0), 0);
  const energy = average.reduce((s, v) => s + v * v, 0);
  const modes: Float64Array[] = [];
  const variances: number[] = [];
  for (let k = m - 1; k > 0; k--) {
    if (!(values[k] > Math.max(1e-12 * total, 1e-24 * energy))) break; // what is left is rounding
    const mode = new Float64Array(average.length);
    for (let i = 0; i < m; i++) for (let q = 0; q < mode.length; q++) mode[q] += vectors[i * m + k] * residuals[i][q];
    const norm = Math.sqrt(mode.reduce((s, v) => s + v * v, 0));
    // Its largest component is positive: the same sign in whatever order the sets come.
    let peak = 0;
    for (let q = 0; q < mode.length; q++) if (Math.abs(mode[q]) > Math.abs(mode[peak])) peak = q;
    const sign = mode[peak] < 0 ? -1 : 1;
    modes.push(mode.map((v) => (sign * v) / norm));
    variances.push(values[k]);
  }
  const scores = residuals.map((r) => modes.map((mode) => mode.reduce((s, v, q) => s + v * r[q], 0)));
  return { modes, variances, scores };
}
