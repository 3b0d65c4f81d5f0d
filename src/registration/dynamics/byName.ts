import { ArgumentError } from "../../core/errors.js";
import { exponential, gammaVariate, t1, tofts } from "./curves.js";
import { free, lowRank } from "./projection.js";
import type { TimeCourse } from "./timeCourse.js";

/** What the models may ask for; each takes what it knows. */
export interface DynamicsChoice {
  readonly components?: number;
  readonly kind?: "inversion" | "saturation";
  readonly input?: ArrayLike<number>;
}
/** Models of brightness over time by the names of the command line. */
export const dynamicsByName = {
  lowrank: ({ components }: DynamicsChoice = {}): TimeCourse => lowRank({ components }),
  t1: ({ kind }: DynamicsChoice = {}): TimeCourse => t1({ kind }),
  exponential: (_: DynamicsChoice = {}): TimeCourse => exponential(),
  gamma: (_: DynamicsChoice = {}): TimeCourse => gammaVariate(),
  tofts({ input }: DynamicsChoice = {}): TimeCourse {
    if (!input) throw new ArgumentError("tofts: the arterial input is missing; give one value for each frame", {});
    return tofts({ input });
  },
  free: (_: DynamicsChoice = {}): TimeCourse => free(),
} as const;
