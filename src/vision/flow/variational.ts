import { gaussian } from "../../kernels/gaussian.js";
import type { Engine } from "../../kernels/index.js";
import {
  boardBytes,
  type FlowSize,
  flowJoin,
  flowMedian,
  flowPenalty,
  flowRelax,
  flowResize,
  flowSlope,
  flowSplit,
  flowSystem,
  flowWarp,
  systemPlanes,
  unknownPlanes,
} from "../../kernels/opticalFlow.js";
import { temporary } from "../../kernels/temporary.js";
import { type PatchSearch, searchPatches } from "./patchSearch.js";

/** What is minimised, and how. */
export interface VariationalPlan {
  /** Weights of brightness δ, of its gradient γ, of smoothness α. */
  readonly brightness: number;
  /** Weight of the constancy of gradients. */
  readonly gradient: number;
  /** Weight of smoothness. */
  readonly smoothness: number;
  /** Square roots (total variation, absolute residuals) instead of squares. */
  readonly robust: boolean;
  /** Residuals as distances in pixels: equations count by 1 / (|slope|² + ζ²), ζ for brightness from 0 to 1. */
  readonly zeta?: number;
  /** Smoothing of the roots: pixels for normalised residuals. */
  readonly epsilonData: number;
  /** Where the penalty of slopes turns from squares to absolute values. */
  readonly epsilonSmooth: number;
  /** Smoothness falls by exp(−κ |slope|^0.8) at edges of the picture, slope for brightness from 0 to 1; 0: nowhere. */
  readonly edges: number;
  /** Each level is so much smaller than the one before. */
  readonly factor: number;
  /** The coarsest level has a side of at least so many pixels. */
  readonly least: number;
  /** Linearisations on each level. */
  readonly warps: number;
  /** Warps at the finest level, which costs most. */
  readonly finest: number;
  /** Reweightings in a warp, relaxations in each. */
  readonly reweightings: number;
  /** Sweeps for each linearisation. */
  readonly relaxations: number;
  /** Over-relaxation of a sweep, 1 to 2. */
  readonly omega: number;
  /** Radius of the median after each warp; 0: none. */
  readonly median: 0 | 1 | 2;
  /** Gaussian smoothing of the pictures at first. */
  readonly sigma: number;
  /** Patches that look for their place before each level is solved, but for the finest; undefined: none. */
  readonly patches?: PatchSearch;
}

interface Level {
  readonly size: FlowSize;
  readonly first: number;
  readonly second: number;
}

/** Sizes from the finest to the coarsest. */
export function flowLevels(size: FlowSize, factor: number, least: number): FlowSize[] {
  const levels = [size];
  for (;;) {
    const scale = factor ** levels.length;
    const next = { H: Math.round(size.H * scale), W: Math.round(size.W * scale) };
    if (Math.min(next.H, next.W) < least) return levels;
    levels.push(next);
  }
}

/**
 * The flow (u, v) that minimises  Σ δ ρ(|I₂(x + w) − I₁|) + γ ρ(|∇I₂(x + w) − ∇I₁|) + α ρ(|∇w|),  ρ(s) = √(s² + ε²) or s²,  from coarse to fine: at each
 * level the second picture is warped, the data terms linearised, and the weights of the roots and the linear system solved in turns (red–black successive
 * over-relaxation), the flow being median-filtered between warps.
 * @param first   `channels` planes of H × W in the engine's memory, brightness from 0 to 1
 * @param flow    where the flow goes: u, then v
 * @see Brox, Bruhn, Papenberg, Weickert (2004), High accuracy optical flow estimation based on a theory for warping, ECCV
 * @see Zimmer, Bruhn, Weickert (2011), Optic flow in harmony, IJCV: normalised residuals
 * @see Sun, Roth, Black (2010), Secrets of optical flow estimation and their principles, CVPR: medians between warps
 */
export function variationalFlow(
  e: Engine,
  first: number,
  second: number,
  channels: number,
  size: FlowSize,
  flow: number,
  plan: VariationalPlan,
): void {
  const sizes = flowLevels(size, plan.factor, plan.least);
  const n = size.H * size.W;
  temporary(e, (reserve) => {
    const field = () => reserve(4 * n);
    const work = {
      u0: field(),
      v0: field(),
      inside: field(),
      penalty: field(),
      edges: plan.edges > 0 ? field() : 0,
      mean: reserve(4 * n * channels),
      terms: reserve(32 * n * channels),
      unknowns: reserve(boardBytes(size, unknownPlanes)),
      system: reserve(boardBytes(size, systemPlanes)),
      pair: reserve(8 * n),
    };
    const levels: Level[] = [];
    for (const [k, s] of sizes.entries()) {
      const pixels = s.H * s.W;
      const level = { size: s, first: reserve(4 * pixels * channels), second: reserve(4 * pixels * channels) };
      const shrink = Math.sqrt(1 / plan.factor ** 2 - 1);
      for (const which of ["first", "second"] as const) {
        const from = k === 0 ? { first, second }[which] : levels[k - 1][which];
        const fromSize = k === 0 ? size : sizes[k - 1];
        const sigma = k === 0 ? plan.sigma : 0.6 * shrink;
        const blurred = k === 0 ? level[which] : work.terms;
        if (sigma > 0) gaussian(e, from, blurred, channels, [1, fromSize.H, fromSize.W], { sigma: [0, sigma, sigma], truncate: 3 });
        else e.f32(blurred, channels * pixels).set(e.f32(from, channels * pixels));
        if (k > 0) flowResize(e, blurred, level[which], channels, fromSize, s);
      }
      levels.push(level);
    }
    let [u, v] = [flow, flow + 4 * n];
    for (let k = levels.length - 1; k >= 0; k--) {
      const s = levels[k].size;
      const pixels = s.H * s.W;
      [u, v] = [flow, flow + 4 * pixels]; // planes are packed at every level
      if (k === levels.length - 1) e.f32(flow, 2 * pixels).fill(0);
      else {
        const coarse = levels[k + 1].size;
        e.f32(work.pair, 2 * coarse.H * coarse.W).set(e.f32(flow, 2 * coarse.H * coarse.W));
        enlarge(e, work.pair, flow, coarse, s);
      }
      if (plan.patches && (k > 0 || levels.length === 1))
        searchPatches(e, levels[k].first, levels[k].second, channels, s, u, v, plan.patches);
      solveLevel(e, levels[k], channels, u, v, work, k === 0 ? { ...plan, warps: plan.finest } : plan);
    }
  });
}

/** A flow on a finer grid; its parts grow with the sides. */
export function enlarge(e: Engine, from: number, to: number, coarse: FlowSize, fine: FlowSize): void {
  flowResize(e, from, to, 1, coarse, fine, fine.W / coarse.W);
  flowResize(e, from + 4 * coarse.H * coarse.W, to + 4 * fine.H * fine.W, 1, coarse, fine, fine.H / coarse.H);
}

interface Work {
  readonly u0: number;
  readonly v0: number;
  readonly inside: number;
  readonly penalty: number;
  readonly edges: number;
  readonly mean: number;
  readonly terms: number;
  readonly unknowns: number;
  readonly system: number;
}

function solveLevel(e: Engine, level: Level, channels: number, u: number, v: number, w: Work, plan: VariationalPlan): void {
  const { size } = level;
  const n = size.H * size.W;
  const all = n * channels;
  const block = (k: number) => w.terms + 4 * all * k;
  const slope = (from: number, to: number, axis: 0 | 1) => flowSlope(e, from, to, channels, size, axis);
  e.f32(w.unknowns, boardBytes(size, unknownPlanes) / 4).fill(0);
  e.f32(w.system, boardBytes(size, systemPlanes) / 4).fill(0);
  if (w.edges > 0) {
    slope(level.first, block(0), 0);
    slope(level.first, block(1), 1);
    const [gx, gy, out] = [e.f32(block(0), all), e.f32(block(1), all), e.f32(w.edges, n)];
    for (let i = 0; i < n; i++) {
      let s = 0;
      for (let k = i; k < all; k += n) s += gx[k] ** 2 + gy[k] ** 2;
      out[i] = Math.exp(-plan.edges * (s / channels) ** 0.4);
    }
  }
  for (let warp = 0; warp < plan.warps; warp++) {
    flowWarp(e, { first: level.first, second: level.second, u, v, mean: w.mean, difference: block(2), inside: w.inside }, channels, size);
    slope(w.mean, block(0), 0);
    slope(w.mean, block(1), 1);
    if (plan.gradient > 0) {
      slope(block(0), block(3), 0);
      slope(block(0), block(4), 1);
      slope(block(1), block(5), 1);
      slope(block(2), block(6), 0);
      slope(block(2), block(7), 1);
    }
    e.f32(w.u0, n).set(e.f32(u, n));
    e.f32(w.v0, n).set(e.f32(v, n));
    flowSplit(e, u, v, w.unknowns, size);
    for (let k = 0; k < plan.reweightings; k++) {
      flowPenalty(e, u, v, w.edges, w.penalty, size, { strength: plan.smoothness, epsilon: plan.epsilonSmooth, robust: plan.robust });
      const { terms, inside, u0, v0, penalty, system: out } = w;
      const { brightness, gradient, zeta, robust } = plan;
      const data = { brightness, gradient, zeta, epsilon: plan.epsilonData, robust };
      flowSystem(e, { terms, inside, u0, v0, u, v, penalty, out }, channels, size, data);
      flowRelax(e, w.unknowns, w.system, size, plan.omega, plan.relaxations);
      flowJoin(e, w.unknowns, u, v, size);
    }
    if (plan.median > 0) {
      e.f32(w.u0, n).set(e.f32(u, n));
      e.f32(w.v0, n).set(e.f32(v, n));
      flowMedian(e, w.u0, u, 1, size, plan.median as 1 | 2);
      flowMedian(e, w.v0, v, 1, size, plan.median as 1 | 2);
    }
  }
}
