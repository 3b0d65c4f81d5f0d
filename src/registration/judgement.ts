import type { Transform } from "../core/interfaces.js";
import { type Agreement, agreement, type Compared } from "./agreement.js";

/** What a run knows about itself when it ends. */
export interface Evidence {
  /** Share of the fixed image that falls inside the moving one. */
  readonly overlap: number;
  /** The metric at the start and at the end; smaller is more alike. */
  readonly before: number;
  readonly after: number;
  /** Determinant and condition of the linear part: its volume change, and its longest over its shortest axis. */
  readonly volume: number;
  readonly stretch: number;
  /** Agreement of edges, coarse to fine; empty where the images are too small to say. */
  readonly agreement: readonly Agreement[];
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
} as const;
/** Do the blocks at home speak for a map, looked at on 64 · 2ᵏ samples? */
export const speaks = (a: Agreement, k: number, rigid: boolean): boolean => {
  const { share: wanted, home } = least[rigid ? "rigid" : "free"];
  // Small images have few blocks at all: then most of them must agree.
  return share(a) >= wanted[k] && (a.home >= home[k] || (a.blocks >= 4 && share(a) >= 0.7));
};

const isRigid = (e: Pick<Evidence, "volume" | "stretch">): boolean => Math.abs(e.volume - 1) < 1e-6 && Math.abs(e.stretch - 1) < 1e-6;

const remedies =
  "try masks (--fixed-mask, --moving-mask), another start (--init search, center, moments or a file), or another --metric or --preset";

/**
 * ok only when something speaks for the result: the images overlap, the map is plausible, and, place by place, edges agree where both images
 * have some (see `agreement`). A metric alone cannot tell: it improves for unrelated images as well.
 */
export function judge(e: Evidence): Judgement {
  const suspect = (reason: string): Judgement => ({ status: "suspect", reason: `${reason}; ${remedies}` });
  if (e.overlap < 0.25) return suspect(`only ${Math.round(100 * e.overlap)} % of fixed lies inside moving`);
  if (!(e.volume > 0.2 && e.volume < 5) || e.stretch > 3)
    return suspect(
      `the linear part changes volumes by a factor of ${e.volume.toPrecision(2)} and stretches one way ${e.stretch.toPrecision(2)} times as much as another`,
    );
  const enough = e.agreement.filter((a) => a.blocks >= 12);
  const rigid = isRigid(e);
  if (e.agreement.some((a, k) => speaks(a, k, rigid))) {
    const best = e.agreement.reduce((a, b) => (share(b) > share(a) ? b : a));
    return { status: "ok", reason: `edges agree: ${best.home} of ${best.blocks} blocks are at home` };
  }
  if (enough.length > 0) {
    const best = enough.reduce((a, b) => (share(b) > share(a) ? b : a));
    return suspect(`the images may not show the same thing: only ${best.home} of ${best.blocks} blocks find their edges at home`);
  }
  if (!(e.after <= e.before + 1e-6 * Math.abs(e.before))) return suspect("the metric is not better than at the start");
  return { status: "ok", reason: "the metric improved and settled" };
}

/** Agreement on three scales, where the images have so many samples; of a linear part as given, finer ones only while none speaks for the result. */
export function agreements(images: Compared, y: Transform, linear?: Pick<Evidence, "volume" | "stretch">): Agreement[] {
  const { size, spacing } = images.fixed.grid;
  const extent = Math.max(...size.map((n, a) => n * spacing[a]));
  const samples = extent / Math.min(...spacing);
  const finest = size.length === 2 ? 256 : 128;
  const found: Agreement[] = [];
  for (const s of [64, 128, 256].filter((s) => s <= finest && s <= 1.5 * samples)) {
    found.push(agreement(images, y, s, s > 128 ? 16 : 8));
    if (linear && speaks(found[found.length - 1], found.length - 1, isRigid(linear))) break;
  }
  return found;
}
