import type { Transform } from "../core/interfaces.js";
import { type Agreement, agreement, type Compared } from "./agreement.js";

/** What a run knows about itself when it ends. */
export interface Evidence {
  /** Share of the fixed image that falls inside the moving one. */
  readonly overlap: number;
  /** The metric at the start and at the end; smaller is more alike. */
  readonly before: number;
  /** The metric at the end. */
  readonly after: number;
  /** Determinant and condition of the linear part: its volume change, and its longest over its shortest axis. */
  readonly volume: number;
  /** The largest change of length of the linear map. */
  readonly stretch: number;
  /** Agreement of edges, coarse to fine; empty where the images are too small to say. */
  readonly agreement: readonly Agreement[];
  /** Of a deformation: the same under its linear part alone. */
  readonly linear?: readonly Agreement[];
}
export interface Judgement {
  readonly status: "ok" | "suspect";
  readonly reason: string;
}

const share = (a: Agreement) => a.home / Math.max(1, a.blocks);
/**
 * Shares of blocks at home (their best shift among 289 is none, or nearly), and how many they must be, that unrelated images do not reach, for
 * blocks looked at on a 64th, a 128th and a 256th of the extent. Chance alone gives 4.5 %; the best of all placements gives more, coarse blocks,
 * being few, more than fine ones, and a map that may stretch and shear more than a rigid one. `npm run bench -- acceptance` measures it.
 */
const least = {
  rigid: { share: [0.33, 0.2, 0.2], home: [10, 20, 20] },
  free: { share: [0.7, 0.35, 0.25], home: [16, 24, 24] },
  // Under the linear part of a deformation, edges are some way from home, and what speaks is heard again after the deformation.
  before: { share: [0.4, 0.25, 0.2], home: [12, 24, 24] },
} as const;
/** Do the blocks at home speak for a map, looked at on 64 · 2ᵏ samples? */
export const speaks = (a: Agreement, k: number, map: keyof typeof least): boolean => {
  const { share: wanted, home } = least[map];
  // Of hundreds of blocks, as volumes have, chance gives its share and little more: ten of its standard deviations are enough.
  const many = map === "before" ? 0.045 + 10 * Math.sqrt((0.045 * 0.955) / Math.max(1, a.blocks)) : 1;
  // Small images have few blocks at all: then most of them must agree.
  return share(a) >= Math.min(wanted[k], many) && (a.home >= home[k] || (a.blocks >= 4 && share(a) >= 0.7));
};

export const kindOf = (e: Pick<Evidence, "volume" | "stretch">): "rigid" | "free" =>
  Math.abs(e.volume - 1) < 1e-6 && Math.abs(e.stretch - 1) < 1e-6 ? "rigid" : "free";
const most = (list: readonly Agreement[]) => list.reduce((a, b) => (share(b) > share(a) ? b : a));

const remedies =
  "try masks (--fixed-mask, --moving-mask), another start (--init search, center, moments or a file), or another --metric or --preset";

/**
 * ok only when something speaks for the result: the images overlap, the map is plausible, and, place by place, edges agree where both images
 * have some (see `agreement`). A metric alone cannot tell: it improves for unrelated images as well. Nor can a deformation vouch for itself, which
 * draws any edges onto any others: its linear part, which cannot, must be spoken for as well.
 */
export function judge(e: Evidence): Judgement {
  const suspect = (reason: string): Judgement => ({ status: "suspect", reason: `${reason}; ${remedies}` });
  if (e.overlap < 0.25) return suspect(`only ${Math.round(100 * e.overlap)} % of fixed lies inside moving`);
  if (!(e.volume > 0.2 && e.volume < 5) || e.stretch > 3)
    return suspect(
      `the linear part changes volumes by a factor of ${e.volume.toPrecision(2)} and stretches one way ${e.stretch.toPrecision(2)} times as much as another`,
    );
  const looked = e.agreement.filter((a) => a.planes > 0);
  const before = e.linear?.filter((a) => a.blocks >= 12) ?? [];
  if (before.length > 0 && !e.linear?.some((a, k) => speaks(a, k, "before"))) {
    const best = most(before);
    return suspect(
      `the images may not show the same thing: before the deformation, which draws any edges onto any others, only ${best.home} of ${best.blocks} blocks find theirs at home`,
    );
  }
  if (e.agreement.some((a, k) => speaks(a, k, e.linear ? "free" : kindOf(e)))) {
    const best = most(e.agreement);
    return { status: "ok", reason: `edges agree: ${best.home} of ${best.blocks} blocks are at home` };
  }
  if (looked.length > 0) {
    const enough = looked.filter((a) => a.blocks >= 12);
    const best = most(enough.length > 0 ? enough : looked);
    // Where both have edges at all, but hardly anywhere the same place, one covers the empty part of the other.
    if (best.blocks < 4) return suspect("hardly any place shows edges in both images");
    return suspect(`the images may not show the same thing: only ${best.home} of ${best.blocks} blocks find their edges at home`);
  }
  if (!(e.after <= e.before + 1e-6 * Math.abs(e.before))) return suspect("the metric is not better than at the start");
  return { status: "ok", reason: "the metric improved and settled" };
}

/** Agreement on three scales, where the images have so many samples; finer ones only while none speaks for the result. */
export function agreements(images: Compared, y: Transform, kind: keyof typeof least): Agreement[] {
  const { size, spacing } = images.fixed.grid;
  const extent = Math.max(...size.map((n, a) => n * spacing[a]));
  const samples = extent / Math.min(...spacing);
  const finest = size.length === 2 ? 256 : 128;
  const found: Agreement[] = [];
  for (const s of [64, 128, 256].filter((s) => s <= finest && s <= 1.5 * samples)) {
    found.push(agreement(images, y, s, s > 128 ? 16 : 8));
    if (speaks(found[found.length - 1], found.length - 1, kind)) break;
  }
  return found;
}
