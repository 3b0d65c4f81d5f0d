import { ArgumentError } from "../core/errors.js";
import type { Grid, TransformFamily } from "../core/interfaces.js";
import {
  bendingEnergy,
  curvature,
  diffusion,
  elastic,
  type FieldRegulariser,
  hyperelastic,
  localRigidity,
  logJacobian,
  totalVariation,
  volume,
} from "../regularisers/index.js";
import { bspline, displacement, velocity } from "./families.js";
import { type GeneralOptimiser, generalOptimisers } from "./general.js";
import { neuralOde } from "./neuralOde.js";

/** Families of deformations by their names, each a function of its options. */
export const familiesByName: Readonly<Record<string, () => TransformFamily>> = { bspline, displacement, velocity, neuralOde };
/** All names in `familiesByName`. */
export const families: readonly string[] = Object.keys(familiesByName);
/** Regularisers of displacement fields by their names, each a function of its options. */
export const regularisersByName: Readonly<Record<string, () => FieldRegulariser>> = {
  bendingEnergy,
  curvature,
  diffusion,
  elastic,
  hyperelastic,
  localRigidity,
  logJacobian,
  totalVariation,
  volume,
};
/** All names in `regularisersByName`. */
export const regularisers: readonly string[] = Object.keys(regularisersByName);

/** What the general path is asked for. */
export interface GeneralChoice {
  /** A family of deformations, or its name. */
  readonly transform?: string | TransformFamily;
  /** S, or its name, or "none". Default: what the family asks for. */
  readonly regulariser?: string | FieldRegulariser;
  /** α ≥ 0 in D + α S, in the units of S. Default: what suits the family and the images' scale. */
  readonly alpha?: number;
  /** How θ is found. Default lbfgs. */
  readonly optimiser?: string;
}
/** The named families where what is left to explain is smooth: the motion of one body. Nine voxels, for all, is how far apart places are that move on their own. */
const wide: Readonly<Record<string, () => TransformFamily>> = {
  bspline: () => bspline({ spacingVoxels: 9 }),
  displacement: () => displacement({ smoothVoxels: 9 }),
  velocity: () => velocity({ smoothVoxels: 9 }),
};
/** After a network's proposal, details are left to find: descents see gradients through half the usual width. */
const proposed = () => velocity({ smoothVoxels: 2 });
/** Presets that stand for a family. */
const presetFamilies: Readonly<Record<string, string>> = { bspline: "bspline", svf: "velocity", learned: "velocity" };

const named = <T>(what: string, name: string, all: Readonly<Record<string, () => T>>): T => {
  if (!Object.hasOwn(all, name))
    throw new ArgumentError(`register: no ${what} ${name}; expected one of ${Object.keys(all).join(", ")}`, { [what]: name });
  return all[name]();
};

/** The parts that were chosen, by name or in person; undefined where nothing asks for the general path. */
export function generalOf(
  o: GeneralChoice,
  preset: string,
):
  | {
      readonly family: TransformFamily;
      readonly regulariser: FieldRegulariser | undefined;
      /** The family for these images: a named one moves in larger pieces where what is left to explain is smooth. */
      readonly suited: (smooth: boolean, dimension: number) => TransformFamily;
      /** α on a fixed grid. */
      readonly alpha: (family: TransformFamily, grid: Grid) => number;
      readonly optimiser: GeneralOptimiser;
    }
  | undefined {
  const asked = o.transform ?? presetFamilies[preset];
  if (asked === undefined) {
    const unused = (["regulariser", "alpha"] as const).find((k) => o[k] !== undefined);
    if (unused)
      throw new ArgumentError(
        `register: ${unused} belongs to a deformation found by minimising D + α S; choose transform ${families.join(", ")}, or preset bspline`,
        { [unused]: o[unused] },
      );
    return undefined;
  }
  const family =
    preset === "learned" && o.transform === undefined
      ? proposed()
      : typeof asked === "string"
        ? named("transform", asked, familiesByName)
        : asked;
  const { optimiser = "lbfgs", alpha } = o;
  if (!(generalOptimisers as readonly string[]).includes(optimiser))
    throw new ArgumentError(`register: no optimiser ${optimiser}; expected one of ${generalOptimisers.join(", ")}`, { optimiser });
  if (alpha !== undefined && !(alpha >= 0 && Number.isFinite(alpha)))
    throw new ArgumentError(`register: alpha is ${alpha}; give a number that is not negative`, { alpha });
  const regulariser =
    o.regulariser === "none"
      ? undefined
      : typeof o.regulariser === "object"
        ? o.regulariser
        : named("regulariser", o.regulariser ?? (family.name === "bspline" ? "bendingEnergy" : "diffusion"), regularisersByName);
  return {
    family,
    regulariser,
    // A slice shows what moves through it as well, which is not as smooth as the motion of the body: in the plane control points stay close.
    suited: (smooth, d) => (typeof asked === "string" && smooth && d === 3 ? wide[asked]?.() : undefined) ?? family,
    alpha: (family, grid) => alpha ?? (regulariser ? defaultAlpha(regulariser, family, grid) : 0),
    optimiser: optimiser as GeneralOptimiser,
  };
}

/**
 * The metrics here are means of order 1, and so is S for changes of length by the order of 1 over the shortest length L that the family
 * bends over. A default should let changes of some tenths through where images ask for them: α = 0.2 L² for second derivatives.
 */
function defaultAlpha(s: FieldRegulariser, family: TransformFamily, grid: Grid): number {
  const length = family.bendsOver?.(grid) ?? 2 * Math.min(...grid.spacing);
  return 0.2 * length ** s.lengthPower;
}
