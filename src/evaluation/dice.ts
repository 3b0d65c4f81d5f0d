import { checkPair, type Samples } from "./lattice.js";

/** Dice 2|A ∩ B| / (|A| + |B|) of every label and their mean. */
export interface DiceResult {
  /** Dice of each label, in ascending order of label. */
  readonly labels: readonly {
    /** The label. */
    readonly label: number;
    /** 2|A ∩ B| / (|A| + |B|). */
    readonly dice: number;
    /** Its voxels in the fixed map. */
    readonly fixed: number;
    /** Its voxels in the warped map. */
    readonly warped: number;
  }[];
  /** Mean over those labels; NaN without any. */
  readonly mean: number;
}

/**
 * Overlap of label maps,  Dice(l) = 2 |F_l ∩ W_l| / (|F_l| + |W_l|),  F_l = {i : Fᵢ = l}.
 * A label that occurs in neither image has Dice 1 when asked for by name.
 * @param fixed   label map of the fixed image
 * @param warped  labels carried onto the fixed grid by nearest neighbour
 * `options.labels`: which labels count; default: those present in `fixed`, 0 (background) left out
 * @throws ShapeError when the two differ in length
 * @see Dice (1945), Measures of the amount of ecologic association between species, Ecology 26
 */
export function dice(fixed: Samples, warped: Samples, { labels }: { labels?: readonly number[] } = {}): DiceResult {
  checkPair("dice", fixed, warped);
  const inFixed = new Map<number, number>();
  const inWarped = new Map<number, number>();
  const both = new Map<number, number>();
  const count = (m: Map<number, number>, l: number) => m.set(l, (m.get(l) ?? 0) + 1);
  for (let i = 0; i < fixed.length; i++) {
    const f = Math.round(fixed[i]);
    const w = Math.round(warped[i]);
    count(inFixed, f);
    count(inWarped, w);
    if (f === w) count(both, f);
  }
  const chosen = labels ? [...labels] : [...inFixed.keys()].filter((l) => l !== 0).sort((a, b) => a - b);
  const rows = chosen.map((label) => {
    const f = inFixed.get(label) ?? 0;
    const w = inWarped.get(label) ?? 0;
    return { label, dice: f + w === 0 ? 1 : (2 * (both.get(label) ?? 0)) / (f + w), fixed: f, warped: w };
  });
  return { labels: rows, mean: rows.length === 0 ? Number.NaN : rows.reduce((s, r) => s + r.dice, 0) / rows.length };
}
