import { ArgumentError } from "../core/errors.js";
import { Holder } from "../core/scope.js";

/** φ(t) = J(x + t d) and φ′(t), with whatever was computed there. */
export interface Probe<T> {
  /** How far along the line. */
  readonly t: number;
  /** The objective there. */
  readonly value: number;
  /** The derivative along the line. */
  readonly slope: number;
  /** What else was found out there. */
  readonly at: T;
}
/** The two constants of Wolfe's conditions and how many trials there may be. */
export interface WolfeOptions {
  /** Sufficient decrease, 0 < c₁ < c₂ (default 1e-4). */
  readonly c1?: number;
  /** Flatness, c₁ < c₂ < 1 (default 0.9). */
  readonly c2?: number;
  /** Most evaluations (default 25). */
  readonly evaluations?: number;
}

/**
 * A step t with the strong Wolfe conditions  φ(t) ≤ φ(0) + c₁ t φ′(0)  and  |φ′(t)| ≤ c₂ |φ′(0)|.
 * Bracket, then zoom by cubic interpolation kept off the ends; values that are not finite count as too high. When rounding leaves no
 * such step, the lowest point found below φ(0), with wolfe = false; undefined when there is none.
 * @see Nocedal & Wright (2006), Numerical optimization, algorithms 3.5 and 3.6
 */
export function strongWolfe<T>(
  phi: (t: number) => Probe<T>,
  start: { readonly value: number; readonly slope: number },
  first: number,
  o: WolfeOptions = {},
): { readonly probe: Probe<T>; readonly wolfe: boolean } | undefined {
  const { c1 = 1e-4, c2 = 0.9, evaluations = 25 } = o;
  if (!(0 < c1 && c1 < c2 && c2 < 1))
    throw new ArgumentError(`strongWolfe: c1 = ${c1} and c2 = ${c2}; 0 < c1 < c2 < 1 is needed`, { c1, c2 });
  if (!(start.slope < 0)) return undefined;
  type Point = Omit<Probe<T>, "at"> & { readonly at?: T };
  const origin: Point = { t: 0, ...start };
  const holder = new Holder(); // of the points tried only the bracket's two are kept
  let found: { probe: Probe<T>; wolfe: boolean } | undefined;
  try {
    const tooHigh = (p: Point) => !Number.isFinite(p.value) || !Number.isFinite(p.slope) || p.value > start.value + c1 * p.t * start.slope;
    const flat = (p: Point) => Math.abs(p.slope) <= c2 * Math.abs(start.slope);
    let [low, high]: [Point, Point | undefined] = [origin, undefined];
    let t = first;
    for (let k = 0; k < evaluations && !found; k++) {
      const p = holder.run(() => phi(t));
      if (tooHigh(p) || (p.value >= low.value && low !== origin)) high = p;
      else if (flat(p)) found = { probe: p, wolfe: true };
      else {
        if (high ? p.slope * (high.t - low.t) >= 0 : p.slope >= 0) high = low;
        const before = low;
        low = p;
        if (!high) t = stretched(before, p);
      }
      if (high) {
        if (Math.abs(high.t - low.t) <= 1e-15 * Math.max(high.t, low.t)) break;
        t = between(low, high);
      }
      holder.retain([low, high, found]);
    }
    if (!found && low.at !== undefined && low.value < start.value) found = { probe: low as Probe<T>, wolfe: false };
    return found;
  } finally {
    holder.close(found);
  }
}

/** The next trial beyond p: where the slope, continued linearly, vanishes, but 2 to 10 times as far. */
function stretched(before: { t: number; slope: number }, p: { t: number; slope: number }): number {
  const secant = p.t - (p.slope * (p.t - before.t)) / (p.slope - before.slope);
  return Math.min(10 * p.t, Math.max(2 * p.t, Number.isFinite(secant) ? secant : 0));
}

/** The minimiser of the cubic through both values and slopes, at least a tenth of the interval from its ends; else the middle. */
function between(a: { t: number; value: number; slope: number }, b: { t: number; value: number; slope: number }): number {
  const width = b.t - a.t;
  const d1 = a.slope + b.slope - (3 * (b.value - a.value)) / width; // Nocedal & Wright (2006), eq. (3.59)
  const d2 = Math.sign(width) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  const t = b.t - (width * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  const part = (t - a.t) / width;
  return Number.isFinite(part) ? a.t + width * Math.min(0.9, Math.max(0.1, part)) : a.t + width / 2;
}

/**
 * The first of t, t/2, t/4 … with φ(t) ≤ φ(0) + c₁ t φ′(0); undefined when there is none within the halvings allowed.
 * @see Armijo (1966), Pacific J. Math. 16; Nocedal & Wright (2006), algorithm 3.1
 */
export function backtrack<T>(
  phi: (t: number) => { readonly value: number; readonly at: T },
  start: { readonly value: number; readonly slope: number },
  o: { readonly first?: number; readonly c1?: number; readonly halvings?: number } = {},
): { readonly t: number; readonly value: number; readonly at: T } | undefined {
  const { first = 1, c1 = 1e-4, halvings = 30 } = o;
  for (let k = 0, t = first; k <= halvings; k++, t /= 2) {
    const p = phi(t);
    if (p.value <= start.value + c1 * t * start.slope && p.value < start.value) return { t, ...p };
  }
  return undefined;
}
