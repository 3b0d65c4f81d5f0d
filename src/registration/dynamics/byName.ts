import { ArgumentError } from "../../core/errors.js";
import { exponential, gammaVariate, t1, tofts } from "./curves.js";
import { free, lowRank } from "./projection.js";
import type { TimeCourse } from "./timeCourse.js";

/** What the models may ask for; each takes what it knows. */
export interface DynamicsChoice {
  /** Of lowrank: how many. */
  readonly components?: number;
  /** Which of the alternatives this is. */
  readonly kind?: "inversion" | "saturation";
  /** Of tofts: the arterial input at the frames' times. */
  readonly input?: ArrayLike<number>;
}
/** Models of brightness over time by the names of the command line. */
export const dynamicsByName = {
  /** Few components in time. */
  lowrank: ({ components }: DynamicsChoice = {}): TimeCourse => lowRank({ components }),
  /** Recovery of magnetisation. */
  t1: ({ kind }: DynamicsChoice = {}): TimeCourse => t1({ kind }),
  /** Exponential decay. */
  exponential: (_: DynamicsChoice = {}): TimeCourse => exponential(),
  /** The passage of a bolus. */
  gamma: (_: DynamicsChoice = {}): TimeCourse => gammaVariate(),
  /** Uptake from an arterial input. */
  tofts({ input }: DynamicsChoice = {}): TimeCourse {
    if (!input) throw new ArgumentError("tofts: the arterial input is missing; give one value for each frame", {});
    return tofts({ input });
  },
  /** Whatever is smooth in time. */
  free: (_: DynamicsChoice = {}): TimeCourse => free(),
} as const;
