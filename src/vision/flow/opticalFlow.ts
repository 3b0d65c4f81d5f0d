import { ArgumentError, ShapeError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { dimensionOf, gridText } from "../../image/grid.js";
import { type Engine, engine } from "../../kernels/index.js";
import { type FlowSize, flowSlope, flowWarp } from "../../kernels/opticalFlow.js";
import { temporary } from "../../kernels/temporary.js";
import { Tensor } from "../../tensor/tensor.js";
import { DisplacementTransform } from "../../transforms/displacement.js";
import { type VariationalPlan, variationalFlow } from "./variational.js";

const robust: VariationalPlan = {
  ...{ brightness: 0.5, gradient: 0.75, smoothness: 2, robust: true, zeta: 0.01, epsilonData: 0.03, epsilonSmooth: 0.001, edges: 4 },
  ...{ factor: 0.8, least: 16, warps: 3, finest: 3, reweightings: 3, relaxations: 15, omega: 1.7, median: 2, sigma: 0.3 },
};
/** Gray, a third as many levels, fewer steps; patches keep what moves far from being lost between so few levels. */
const hurried = {
  factor: 0.5,
  warps: 4,
  finest: 1,
  median: 1,
  edges: 0,
  reweightings: 2,
  relaxations: 8,
  patches: { radius: 5, stride: 4 },
} as const;
/** What each method minimises, and how it goes about it. */
export const flowPlans = {
  /** Brightness and its gradient, residuals in pixels, total variation that gives way at edges. */
  variational: robust,
  /** Absolute differences of brightness and total variation (Zach, Pock, Bischof 2007, A duality based approach for realtime TV-L1 optical flow). */
  tvl1: { ...robust, brightness: 1, gradient: 0, smoothness: 0.03, zeta: undefined, epsilonData: 0.001, edges: 0 },
  /** Squares of both (Horn, Schunck 1981, Determining optical flow), warped from coarse to fine. */
  hornSchunck: {
    ...{ ...robust, brightness: 1, gradient: 0, smoothness: 0.01, robust: false, zeta: undefined, edges: 0, median: 0 },
    ...{ reweightings: 1, relaxations: 40, warps: 5, finest: 5 },
  },
  /** Patches find their place each on its own (dense inverse search, Kroeger and others 2016), then each level is smoothed; this is `variational`, fast. Gray. */
  dis: { ...robust, ...hurried, smoothness: 0.8 },
} as const satisfies Readonly<Record<string, VariationalPlan>>;
/** A name in `flowPlans`. */
export type FlowMethod = keyof typeof flowPlans;
/** All names in `flowPlans`. */
export const flowMethods = Object.keys(flowPlans) as FlowMethod[];
/** Method, levels and weights of optical flow. */
export interface FlowOptions {
  /** Default variational. */
  readonly method?: FlowMethod;
  /** Several times faster, a little less exact: gray, fewer levels and steps. */
  readonly fast?: boolean;
  /** Anything of the plan, e.g. `{ smoothness: 4 }`. */
  readonly plan?: Partial<VariationalPlan>;
}
/** A displacement for every pixel, and where both ways agree. */
export interface FlowResult {
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** Pixels to the right and down: what is at (x, y) in the first picture is at (x + u, y + v) in the second. */
  readonly u: Float32Array;
  /** Down, pixels. */
  readonly v: Float32Array;
  /** The flow as a map of the first picture's space to the second's. */
  readonly transform: DisplacementTransform;
  /** How it was found. */
  readonly method: FlowMethod;
  /** Mean |difference| of brightness (of the range of both pictures) without and with the flow, where it stays inside. */
  readonly residual: {
    /** At the start. */
    readonly before: number;
    /** At the end. */
    readonly after: number;
  };
  /**
   * Correlation of the slopes of the first picture and of the second along the flow, where that stays inside: 1 when all edges lie on each other. Pictures of
   * one scene have 0.6 and more, others hardly 0.2, whatever the flow.
   */
  readonly agreement: number;
  /** "failed": the pictures are no more alike than before, or their edges do not agree. */
  readonly status: "ok" | "failed";
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** What was used. */
  readonly plan: VariationalPlan;
}

/**
 * Dense optical flow between two pictures of one size:  first(x, y) ≈ second(x + u, y + v).
 * Colours are used as they are, without `fast`; brightness is taken by the range of both pictures together, so its unit does not matter.
 * @throws ShapeError unless both are pictures (two axes) of one size, at least 2 pixels wide and high
 * @throws ArgumentError for a value that is no finite number, or a plan that cannot be carried out
 */
export function opticalFlow(first: Image, second: Image, o: FlowOptions = {}): FlowResult {
  const { method = "variational", fast = false } = o;
  if (!Object.hasOwn(flowPlans, method))
    throw new ArgumentError(`flow: there is no method "${method}"; choose among ${flowMethods.join(", ")}`, { method });
  checkPictures("flow", first, second);
  const plan: VariationalPlan = { ...flowPlans[method], ...(fast ? hurriedPlan(flowPlans[method]) : {}), ...o.plan };
  checkPlan(plan);
  const [width, height] = first.grid.size;
  const size = { H: height, W: width };
  const n = width * height;
  const { planes, channels } = brightness("flow", first, second, fast || plan.patches !== undefined);
  const e = engine();
  return temporary(e, (reserve) => {
    const [a, b] = planes.map((values) => {
      const at = reserve(4 * values.length);
      e.f32(at, values.length).set(values);
      return at;
    });
    const flow = reserve(8 * n);
    const [mean, difference, inside] = [reserve(4 * n * channels), reserve(4 * n * channels), reserve(4 * n)];
    const look = () => {
      flowWarp(e, { first: a, second: b, u: flow, v: flow + 4 * n, mean, difference, inside }, channels, size);
      const [d, ok] = [e.f32(difference, n * channels), e.f32(inside, n)];
      let [sum, count] = [0, 0];
      for (let k = 0; k < n; k++)
        if (ok[k] > 0) {
          for (let c = k; c < n * channels; c += n) sum += Math.abs(d[c]);
          count += channels;
        }
      return count > 0 ? sum / count : 0;
    };
    e.f32(flow, 2 * n).fill(0);
    const before = look();
    variationalFlow(e, a, b, channels, size, flow, plan);
    const after = look();
    const agreement = slopesAgree(e, mean, difference, inside, channels, size);
    const u = Float32Array.from(e.f32(flow, n));
    const v = Float32Array.from(e.f32(flow + 4 * n, n));
    const ok = after <= before && agreement >= 0.3;
    const percent = (x: number) => `${(100 * x).toFixed(2)} %`;
    let transform: DisplacementTransform | undefined;
    return {
      ...{ width, height, u, v, method, plan, residual: { before, after }, agreement },
      get transform() {
        transform ??= flowTransform({ width, height, u, v }, first, second);
        return transform;
      },
      status: ok ? ("ok" as const) : ("failed" as const),
      reason: ok
        ? `the pictures differ by ${percent(after)} of their range along the flow, by ${percent(before)} without it`
        : agreement === 0
          ? "one of the pictures is flat: nothing in it could have moved"
          : `along the flow the pictures' edges agree by no more than ${percent(Math.max(0, agreement))} (difference ${percent(before)} before, ${percent(after)} now); are they of one scene?`,
    };
  });
}
/** Correlation of slopes, from mean and difference of two pictures; 0 when one is flat. */
function slopesAgree(e: Engine, mean: number, difference: number, inside: number, channels: number, size: FlowSize): number {
  const n = size.H * size.W;
  return temporary(e, (reserve) => {
    const [a, d] = [reserve(4 * n * channels), reserve(4 * n * channels)];
    let [both, first, second] = [0, 0, 0];
    for (const axis of [0, 1] as const) {
      flowSlope(e, mean, a, channels, size, axis);
      flowSlope(e, difference, d, channels, size, axis);
      const [slopeA, slopeD, ok] = [e.f32(a, n * channels), e.f32(d, n * channels), e.f32(inside, n)];
      for (let c = 0; c < channels; c++)
        for (let k = 0; k < n; k++) {
          if (ok[k] === 0) continue;
          const [m, half] = [slopeA[c * n + k], 0.5 * slopeD[c * n + k]];
          both += m * m - half * half;
          first += (m - half) ** 2;
          second += (m + half) ** 2;
        }
    }
    return first * second > 0 ? both / Math.sqrt(first * second) : 0;
  });
}
function hurriedPlan(plan: VariationalPlan): Partial<VariationalPlan> {
  if (plan.patches) return { warps: 2 };
  if (!plan.robust) return { factor: 0.5, warps: 3, finest: 2, relaxations: 20 };
  return { ...hurried, smoothness: plan.edges > 0 ? 0.4 * plan.smoothness : plan.smoothness };
}

/** The displacement of pixels as a map between the pictures' spaces. */
export function flowTransform(
  flow: { readonly width: number; readonly height: number; readonly u: ArrayLike<number>; readonly v: ArrayLike<number> },
  first: Image,
  second: Image,
): DisplacementTransform {
  const { width, height, u, v } = flow;
  const n = width * height;
  const [g, h] = [first.grid, second.grid];
  const field = new Float32Array(2 * n);
  const place = (grid: typeof g, x: number, y: number, axis: number) =>
    grid.origin[axis] + grid.direction[2 * axis] * grid.spacing[0] * x + grid.direction[2 * axis + 1] * grid.spacing[1] * y;
  for (let k = 0; k < n; k++) {
    const [x, y] = [k % width, Math.floor(k / width)];
    for (const axis of [0, 1]) field[axis * n + k] = place(h, x + u[k], y + v[k], axis) - place(g, x, y, axis);
  }
  return new DisplacementTransform(Tensor.from(field, [2, height, width], "f32"), g);
}

/** @throws ShapeError unless two pictures of one size came */
export function checkPictures(what: string, first: Image, second: Image): void {
  for (const im of [first, second])
    if (dimensionOf(im.grid) !== 2)
      throw new ShapeError(`${what}: an image of ${dimensionOf(im.grid)} axes came; pictures (two axes) are expected`, { grid: im.grid });
  const [a, b] = [first.grid.size, second.grid.size];
  if (a[0] !== b[0] || a[1] !== b[1])
    throw new ShapeError(
      `${what}: the first picture is ${gridText(first.grid)} and the second ${gridText(second.grid)}; both must have one size, so crop or resample one`,
      { first: a, second: b },
    );
  if (Math.min(...a) < 2)
    throw new ShapeError(`${what}: pictures of ${a.join("×")} pixels are too small; 2 along each side are needed`, { size: a });
}

function checkPlan(plan: VariationalPlan): void {
  const need = (ok: boolean, name: keyof VariationalPlan, expected: string) => {
    if (!ok) throw new ArgumentError(`flow: ${name} is ${plan[name]}; ${expected} was expected`, { name, value: plan[name] });
  };
  const whole = (x: number) => Number.isInteger(x) && x >= 1;
  for (const name of ["brightness", "gradient", "sigma", "edges"] as const)
    need(plan[name] >= 0 && plan[name] < 1e4, name, "a number from 0");
  for (const name of ["smoothness", "epsilonData", "epsilonSmooth"] as const) need(plan[name] > 0, name, "a positive number");
  for (const name of ["warps", "finest", "reweightings", "relaxations", "least"] as const)
    need(whole(plan[name]), name, "a whole number from 1");
  need(plan.factor >= 0.3 && plan.factor <= 0.98, "factor", "a number from 0.3 to 0.98");
  need(plan.omega > 0 && plan.omega < 2, "omega", "a number between 0 and 2");
  need([0, 1, 2].includes(plan.median), "median", "0, 1 or 2");
  need(plan.zeta === undefined || plan.zeta > 0, "zeta", "a positive number");
  need(plan.brightness + plan.gradient > 0, "brightness", "a positive weight of brightness or of its gradient");
}

/**
 * Both pictures as planes from 0 to 1, by the range of both: red, green and blue where both have them, else gray.
 * @throws ArgumentError for a value that is no finite number
 */
export function brightness(
  what: string,
  first: Image,
  second: Image,
  gray: boolean,
): { planes: [Float32Array, Float32Array]; channels: number } {
  const counts = [first, second].map((im) => im.values.shape[0]);
  const colour = !gray && counts.every((c) => c === 3 || c === 4);
  const planes = [first, second].map((im) =>
    colour ? im.values.data.slice(0, (im.values.size / im.values.shape[0]) * 3) : grayValues(im),
  );
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [which, p] of planes.entries()) {
    let sum = 0;
    for (let k = 0; k < p.length; k++) {
      const value = p[k];
      sum += value;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!Number.isFinite(sum))
      throw new ArgumentError(
        `${what}: the ${which === 0 ? "first" : "second"} picture has values that are no finite numbers; replace them first`,
        {},
      );
  }
  const by = high > low ? 1 / (high - low) : 0;
  return { planes: planes.map((p) => scaled(p, low, by)) as [Float32Array, Float32Array], channels: colour ? 3 : 1 };
}
function scaled(values: ArrayLike<number>, low: number, by: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let k = 0; k < out.length; k++) out[k] = (values[k] - low) * by;
  return out;
}
/** Red, green and blue by Rec. 601; two channels are gray and how much it covers; others count alike. */
function grayValues({ values }: Image): Float32Array {
  const { data } = values;
  const c = values.shape[0];
  const n = values.size / c;
  const out = new Float32Array(n);
  if (c === 3 || c === 4) for (let k = 0; k < n; k++) out[k] = 0.299 * data[k] + 0.587 * data[n + k] + 0.114 * data[2 * n + k];
  else {
    const used = c === 2 ? 1 : c;
    for (let j = 0; j < used; j++) for (let k = 0; k < n; k++) out[k] += data[j * n + k] / used;
  }
  return out;
}
