import { plain } from "./linePlot.js";

/** Whether to trust a registration, in one word and one sentence. */
export interface Verdict {
  /** good: nothing speaks against it; check: usable after a look; bad: do not use. */
  readonly level: "good" | "check" | "bad";
  /** One sentence that says whether to trust the result, and why. */
  readonly sentence: string;
}

/** What a verdict is made of. */
export interface VerdictFigures {
  /** "ok", or how the run ended otherwise. */
  readonly status: string;
  /** Why it ended, in a sentence. */
  readonly reason?: string;
  /** The metric (smaller is more alike) and its values at the start and at the end. */
  readonly metric: string;
  /** At the start. */
  readonly before: number;
  /** At the end. */
  readonly after: number;
  /** Share of fixed whose partner lies inside moving. */
  readonly overlap?: number;
  /** Share of points with det J ≤ 0. */
  readonly folded?: number;
  /** Mean |y⁻¹(y(p)) − p| in voxels. */
  readonly inverseConsistency?: number;
  /** Share of the points where that is more than a voxel, where the images show something; and the range of det J where the partner lies inside moving. */
  readonly lostBack?: number;
  /** The range of det ∂y. */
  readonly volume?: {
    /** The smallest. */
    readonly min: number;
    /** The largest. */
    readonly max: number;
  };
}

const percent = (share: number): string => `${share > 0 && share < 0.001 ? "<0.1" : plain(Math.round(share * 1000) / 10)} %`;

/** What the figures say, worst first. Thresholds: overlap 30 %, no folds, volumes to a fiftieth or thirtyfold, inverse error half a voxel on average and a whole one at 1 % of the points. */
export function verdict(f: VerdictFigures): Verdict {
  const way = `${f.metric} went from ${plain(f.before)} to ${plain(f.after)}`;
  if (f.status !== "ok") return { level: "bad", sentence: `Do not use this result: ${f.reason ?? `the run ended with “${f.status}”`}.` };
  if (!Number.isFinite(f.after))
    return { level: "bad", sentence: `Do not use this result: ${f.metric} is not a finite number at the end.` };
  if (f.overlap !== undefined && f.overlap < 0.3)
    return {
      level: "bad",
      sentence: `Do not use this result: only ${percent(f.overlap)} of fixed is covered by moving, too little to judge by.`,
    };
  if (!(f.after <= f.before + 1e-9 * Math.abs(f.before)))
    return { level: "check", sentence: `Look before you use it: ${way}, which is no gain over the start.` };
  if (f.folded !== undefined && f.folded > 0)
    return {
      level: "check",
      sentence: `Look before you use it: ${way}, but the map folds over at ${percent(f.folded)} of the points, where it has no inverse; more smoothing prevents that.`,
    };
  if (f.volume && (f.volume.min < 0.02 || f.volume.max > 30))
    return {
      level: "check",
      sentence: `Look before you use it: ${way}, but volumes change by factors from ${plain(f.volume.min)} to ${plain(f.volume.max)}, which tissue does not do; more smoothing prevents that.`,
    };
  if (f.inverseConsistency !== undefined && f.inverseConsistency > 0.5)
    return {
      level: "check",
      sentence: `Look before you use it: ${way}, but going there and back misses by ${plain(f.inverseConsistency)} voxels on average.`,
    };
  // The share, not the worst point: one voxel at a tear of the background says nothing about the rest.
  if (f.lostBack !== undefined && f.lostBack > 0.01)
    return {
      level: "check",
      sentence: `Look before you use it: ${way}, but going there and back misses by more than a voxel at ${percent(f.lostBack)} of what the images show.`,
    };
  const folds = f.folded === undefined ? "" : ", nothing folds";
  const back =
    f.inverseConsistency === undefined
      ? ""
      : f.inverseConsistency < 1e-3
        ? " and the way back is exact"
        : ` and the way back misses by ${plain(f.inverseConsistency)} voxels`;
  return { level: "good", sentence: `Nothing speaks against it: ${way}${folds}${back}; the edges below are the last judge.` };
}
