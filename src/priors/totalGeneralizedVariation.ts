import { ArgumentError } from "../core/errors.js";
import type { Functional, Iteration, LinearOperator, Prior, PriorTerm, Proximable, Result, Run, State, Stop } from "../core/interfaces.js";
import { iterate, iterateSync } from "../core/iterate.js";
import { type Shape, sizeOf } from "../core/shape.js";
import { engine } from "../kernels/index.js";
import { tgvStep } from "../kernels/tgv.js";
import { gradientOperator, Operator } from "../operators/index.js";
import { dispose, fused, keep, scope, Tensor } from "../tensor/index.js";
import { l21 } from "./norms.js";
import { tvLayout } from "./tvPrimalDual.js";

/** What bending costs against slope, which axes are space, and what lies beyond the border. */
export interface TgvOptions {
  /** β: what bending costs against slope (default 2, in samples): larger is nearer to total variation of slopes that never change. */
  readonly ratio?: number;
  /** The last so many axes are space (1 to 3; default all). */
  readonly dimensions?: number;
  /** "reflect" (default): nothing is known beyond the edge; "periodic": it wraps around. */
  readonly border?: "reflect" | "periodic";
  /** How exactly `prox` and `value` solve: relative gap (default 1e-5). */
  readonly tolerance?: number;
}

/** ∇ and the symmetrised derivative E w = ½(∇w + ∇wᵀ) [d², …shape] of fields [d, …shape]; where a difference of differences would leave the picture, 0. */
export function tgvOperators(shape: Shape, o: TgvOptions = {}): TgvOperators {
  return operatorsFor(shape, o, keep);
}
/** The operators of total generalised variation: gradient, symmetrised gradient. */
export interface TgvOperators {
  /** ∇. */
  readonly gradient: Operator;
  /** The symmetrised gradient of slopes. */
  readonly bend: Operator;
  /** How many axes are space. */
  readonly d: number;
}
/** `hold`: what happens to the mask, which steps let go with everything else they made. */
function operatorsFor(shape: Shape, o: TgvOptions, hold: (t: Tensor) => Tensor = (t) => t): TgvOperators {
  const { border = "reflect" } = o;
  const d = tvLayout(shape, { dimensions: o.dimensions }).geometry.size.length;
  const axes = Array.from({ length: d }, (_, i) => shape.length - d + i);
  const gradient = gradientOperator(shape, { axes, border });
  const field = gradient.range;
  const slopes = gradientOperator(field, { axes: axes.map((a) => a + 1), border });
  const inside = border === "periodic" ? undefined : hold(Tensor.from(bendMask(shape, axes), [d * d, ...shape]));
  const n = sizeOf(shape);
  const range = [d * d, ...shape];
  const both = (e: Tensor) => {
    const m = e.reshape(d, d, n);
    return m.add(m.permute(1, 0, 2)).mul(0.5);
  };
  const bend = new Operator({
    name: "bend",
    domain: field,
    range,
    apply(w) {
      const e = both(slopes.apply(w)).reshape(...range);
      return inside ? e.mul(inside) : e;
    },
    adjoint(q) {
      return slopes.adjoint(both(inside ? q.mul(inside) : q).reshape(...slopes.range));
    },
    norm: slopes.norm(),
  });
  return { gradient, bend, d };
}
/** The last few, for every step asks. */
const masks = new Map<string, Float32Array>();
/** Which of the d² differences are between slopes that exist. */
function bendMask(shape: Shape, axes: readonly number[]): Float32Array {
  const key = `${shape.join()} ${axes.join()}`;
  const known = masks.get(key);
  if (known) return known;
  const d = axes.length;
  const n = sizeOf(shape);
  const out = new Float32Array(d * d * n);
  const strides = shape.map((_, a) => shape.slice(a + 1).reduce((p, m) => p * m, 1));
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++)
      for (let k = 0; k < n; k++) {
        const left = (a: number) => shape[axes[a]] - 1 - (Math.floor(k / strides[axes[a]]) % shape[axes[a]]); // samples behind this one
        out[(i * d + j) * n + k] = (i === j ? left(i) >= 2 : left(i) >= 1 && left(j) >= 1) ? 1 : 0;
      }
  if (masks.size >= 4) masks.clear();
  masks.set(key, out);
  return out;
}

/** min over x, w  ½ Σ m (x − y)² + λ (Σ |∇x − w| + β Σ |E w|). */
export interface TgvProblem {
  /** The measured data d. */
  readonly data: Tensor;
  /** m, not negative; 0 where nothing is known. Default 1. */
  readonly weights?: Tensor;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
}
export interface TgvState extends State<Tensor> {
  /** The objective there. */
  readonly value: number;
  /** Primal minus dual objective, relative: how far from the minimum at most. */
  readonly gap: number;
  /** The largest lower bound of the optimum so far. */
  readonly bound: number;
  /** The least objective so far. */
  readonly least: number;
  /** The slope that the picture is allowed, and the duals of ∇x − w and of E w. */
  readonly w: Tensor;
  /** The dual of ∇x − w. */
  readonly p: Tensor;
  /** The dual of E w. */
  readonly q: Tensor;
  /** Steps so far. */
  readonly steps: number;
}

const relax = fused((a, b) => a.add(b.sub(a).mul(1.8)));
const lengths = (v: Tensor) => v.square().sum([0], true).sqrt();

/**
 * Over-relaxed primal-dual steps on (x, w). The certificate: with p = E*q every (c p, c q) that is short enough is a dual point, so
 * the best c gives a lower bound. Where nothing is known the bound uses that some minimiser lies between the least and the greatest datum.
 * @see Bredies, Kunisch & Pock (2010), Total generalized variation, SIAM J. Imaging Sciences 3; Chambolle & Pock (2011), J. Math. Imaging Vis. 40
 */
export function tgvPrimalDual(o: TgvOptions & { readonly block?: number } = {}): Iteration<TgvProblem, Tensor, TgvState> {
  const { tolerance = 1e-5, ratio = 2, block = 20 } = o;
  const look = (
    problem: TgvProblem,
    s: Pick<TgvState, "x" | "w" | "p" | "q" | "steps"> & Partial<TgvState>,
    k = operatorsFor(s.x.shape, o),
  ): TgvState => {
    const { data: y, weights, lambda } = problem;
    const r = s.x.sub(y);
    const slope = k.gradient.apply(s.x).sub(s.w);
    const value =
      0.5 * r.innerProduct(weights ? r.mul(weights) : r).item() +
      lambda * (lengths(slope).sum().item() + ratio * lengths(k.bend.apply(s.w)).sum().item());
    const p = k.bend.adjoint(s.q);
    const t = k.gradient.adjoint(p);
    const most = lambda / Math.max(1e-30, lengths(p).max().item());
    const qLong = (ratio * lambda) / Math.max(1e-30, lengths(s.q).max().item());
    // c⟨t, y⟩ − c² ½ Σ t²/m − c Σ |t| range where m = 0.
    let linear = t.innerProduct(y).item();
    let square: number;
    if (weights) {
      const none = weights.equal(0);
      const far = Math.max(Math.abs(y.max().item()), Math.abs(y.min().item()));
      linear -= far * t.abs().mul(none).sum().item() + t.mul(none).innerProduct(y).item();
      const known = t.mul(none.mul(-1).add(1));
      square = 0.5 * known.innerProduct(known.div(weights.add(none))).item();
    } else square = 0.5 * t.innerProduct(t).item();
    const c = Math.max(0, Math.min(most, qLong, 1, square > 0 ? linear / (2 * square) : 1) * (1 - 3e-7));
    const bound = Math.max(s.bound ?? 0, c * linear - c * c * square); // the objective is not negative
    const least = Math.min(s.least ?? Number.POSITIVE_INFINITY, value);
    return { x: s.x, w: s.w, p: s.p, q: s.q, steps: s.steps, value, bound, least, gap: least - bound };
  };
  return {
    init(problem, x) {
      if (!(problem.lambda >= 0))
        throw new ArgumentError(`tgv: λ is ${problem.lambda}; give a number that is not negative`, { lambda: problem.lambda });
      if (!(ratio > 0)) throw new ArgumentError(`tgv: the ratio is ${ratio}; give a positive number`, { ratio });
      const k = operatorsFor(x.shape, o);
      return look(
        problem,
        { x, w: Tensor.zeros(k.gradient.range), p: Tensor.zeros(k.gradient.range), q: Tensor.zeros(k.bend.range), steps: 0 },
        k,
      );
    },
    step(problem, s) {
      const { data: y, weights, lambda } = problem;
      const k = operatorsFor(s.x.shape, o);
      // ‖K‖² of (x, w) ↦ (∇x − w, E w), a = ‖∇‖ = ‖E‖ ≤ 2√d.
      const a2 = 4 * k.d;
      const norm = Math.sqrt(a2 + (1 + Math.sqrt(1 + 4 * a2)) / 2);
      const range = Math.max(1e-30, y.max().item() - y.min().item());
      // Primal steps as far as duals of full size move a picture; of 0.005 to 0.3 of the range these end soonest on noisy photographs, whatever λ.
      const balance = Math.max(1e-6, (0.007 * range) / Math.max(lambda, 1e-30));
      const [tau, sigma] = [balance / norm, 1 / (balance * norm)];
      const measured = fused((v: Tensor, y: Tensor) => v.add(y.mul(tau)).div(1 + tau));
      const weighed = fused((v: Tensor, y: Tensor, m: Tensor) => v.add(y.mul(m).mul(tau)).div(m.mul(tau).add(1)));
      const ahead = fused((now: Tensor, before: Tensor) => now.mul(2).sub(before));
      const down = fused((v: Tensor, by: Tensor) => v.sub(by.mul(tau)));
      const downBetween = fused((v: Tensor, plus: Tensor, minus: Tensor) => v.sub(plus.sub(minus).mul(tau)));
      const up = fused((v: Tensor, by: Tensor) => v.add(by.mul(sigma)));
      const upBetween = fused((v: Tensor, plus: Tensor, minus: Tensor) => v.add(plus.sub(minus).mul(sigma)));
      const within = (v: Tensor, radius: number) => v.mul(lengths(v).maximum(radius).reciprocal().mul(radius));
      if (k.d === 2 && s.x.rank === 2 && o.border !== "periodic") {
        const of = (t: Tensor) => t.add(0);
        const now = { x: of(s.x), w: of(s.w), p: of(s.p), q: of(s.q) };
        const [xb, wb] = [Tensor.zeros(s.x.shape), Tensor.zeros(s.w.shape)];
        const at = { x: now.x.pointer, w: now.w.pointer, p: now.p.pointer, q: now.q.pointer, xb: xb.pointer, wb: wb.pointer };
        const size = [s.x.shape[0], s.x.shape[1]] as const;
        for (let i = 0; i < block; i++)
          tgvStep(engine(), at, y.pointer, weights ? weights.pointer : 0, size, {
            tau,
            sigma,
            lambda,
            mu: ratio * lambda,
            rho: i === block - 1 ? 1 : 1.8, // the last one is looked at
          });
        return look(problem, { ...s, ...now, steps: s.steps + block }, k);
      }
      let from: { x: Tensor; w: Tensor; p: Tensor; q: Tensor } = s;
      let last = from;
      for (let i = 0; i < block; i++) {
        const step = scope(() => {
          const v = down(from.x, k.gradient.adjoint(from.p));
          const x = weights ? weighed(v, y, weights) : measured(v, y);
          const w = downBetween(from.w, k.bend.adjoint(from.q), from.p);
          const [xx, ww] = [ahead(x, from.x), ahead(w, from.w)];
          const p = within(upBetween(from.p, k.gradient.apply(xx), ww), lambda);
          const q = within(up(from.q, k.bend.apply(ww)), ratio * lambda);
          const end = i === block - 1;
          const next = end ? { x, w, p, q } : { x: relax(from.x, x), w: relax(from.w, w), p: relax(from.p, p), q: relax(from.q, q) };
          return next;
        });
        if (i > 0) dispose(from.x, from.w, from.p, from.q);
        last = step;
        from = step;
      }
      return look(problem, { ...s, ...last, steps: s.steps + block }, k);
    },
    done: (s): { stop: Stop; reason: string } | undefined =>
      s.gap <= tolerance * s.least ? { stop: "converged", reason: "the duality gap is small: no image can be much better" } : undefined,
  };
}

/** The restored image with objective and gap at the end. */
export interface TgvResult {
  /** The image. */
  readonly image: Tensor;
  /** The slope w. */
  readonly slope: Tensor;
  /** Why it ended, in a word. */
  readonly stop: Stop;
  /** Why it ended, in a sentence. */
  readonly reason: string;
  /** ½‖Ax − d‖² + λ R(x) at the end. */
  readonly objective: number;
  /** Primal minus dual objective, relative: how far from the minimum at most. */
  readonly gap: number;
  /** How many steps were made. */
  readonly iterations: number;
  /** What was measured on the way, step by step. */
  readonly history: readonly number[];
}
/** About the middle of the data, where f32 has the most digits for small differences. */
function centred(p: TgvProblem, start?: Tensor): { middle: number; problem: TgvProblem; start: Tensor } {
  const data = p.data.cast("f32");
  const middle = p.weights ? 0 : 0.5 * (data.max().item() + data.min().item());
  const shifted = data.sub(middle);
  const problem = { data: shifted, weights: p.weights?.cast("f32"), lambda: p.lambda };
  return { middle, problem, start: start ? start.cast("f32").sub(middle) : shifted };
}
const finished = (middle: number, r: Result<Tensor, TgvState>): TgvResult => {
  const s = r.state as TgvState;
  return {
    image: s.x.add(middle),
    slope: s.w,
    stop: r.stop,
    reason: r.reason,
    objective: s.value,
    gap: s.value - s.bound,
    iterations: s.steps,
    history: r.history,
  };
};
/** Solve min over x  ½ Σ m (x − y)² + λ TGV(x). */
export async function tgvRestore(
  p: TgvProblem,
  o: TgvOptions & { readonly iterations?: number; readonly start?: Tensor } = {},
  run: Pick<Run<Tensor>, "signal" | "onProgress"> = {},
): Promise<TgvResult> {
  const c = scope(() => centred(p, o.start));
  const steps = Math.ceil((o.iterations ?? 10_000) / 20);
  const r = await iterate(tgvPrimalDual(o), c.problem, c.start, { ...run, iterations: steps, keepState: true, keepBest: false });
  return scope(() => finished(c.middle, r));
}
/** `tgvRestore` in one go, without a word in between: a fixed number of steps, or until the gap is small. */
export const tgvRestoreSync = (p: TgvProblem, o: TgvOptions & { readonly iterations?: number } = {}): TgvResult =>
  scope(() => {
    const c = centred(p);
    const steps = Math.ceil((o.iterations ?? 10_000) / 20);
    return finished(c.middle, iterateSync(tgvPrimalDual(o), c.problem, c.start, { iterations: steps, keepState: true, keepBest: false }));
  });

/**
 * TGV(x) = min over fields w  Σ |∇x − w| + β Σ |E w|:  slopes cost nothing, what costs are edges of the picture and changes of its slope. Where total variation makes
 * stairs of a slope, this keeps it. `value` and `prox` solve for w inside to a certified gap; `lifted` has w as an unknown of its own, for methods that split.
 * @see Bredies, Kunisch & Pock (2010), Total generalized variation, SIAM J. Imaging Sciences 3
 */
export class TotalGeneralizedVariation implements Prior, Functional, Proximable {
  /** What it is called. */
  readonly name = "tgv";
  /** With its ratio, border and axes. */
  constructor(
    /** What it was made with. */
    readonly options: TgvOptions = {},
  ) {
    const { ratio = 2 } = options;
    if (!(ratio > 0 && Number.isFinite(ratio))) throw new ArgumentError(`tgv: the ratio is ${ratio}; give a positive number`, { ratio });
  }
  /** The same with a border, where none was asked for. */
  withBorder(border: "reflect" | "periodic"): TotalGeneralizedVariation {
    return this.options.border ? this : new TotalGeneralizedVariation({ ...this.options, border });
  }
  /** One term, whose proximal step is a minimisation of its own. */
  terms(_shape: Shape, lambda: number): readonly PriorTerm[] {
    return [{ weight: lambda, functional: this }];
  }
  /** λ TGV with (x, w) laid end to end as one vector: its terms, and the operator that takes x out of it. */
  lifted(shape: Shape, lambda: number): { readonly size: number; readonly image: Operator; readonly terms: readonly PriorTerm[] } {
    const { gradient, bend } = tgvOperators(shape, this.options);
    const { ratio = 2 } = this.options;
    const n = sizeOf(shape);
    const size = n + sizeOf(gradient.range);
    const part = (from: number, to: number, as: Shape) =>
      new Operator({
        name: "part",
        domain: [size],
        range: as,
        apply: (z) => z.slice([from], [to]).reshape(...as),
        adjoint: (v) => v.reshape(to - from).pad([from], [size - to]),
        norm: 1,
      });
    const [image, slope] = [part(0, n, shape), part(n, size, gradient.range)];
    const differ: LinearOperator = gradient.after(image).plus(slope.scaled(-1));
    return {
      size,
      image,
      terms: [
        { weight: lambda, functional: l21(), operator: differ },
        { weight: lambda * ratio, functional: l21(), operator: bend.after(slope) },
      ],
    };
  }
  /** The minimum over slopes w. */
  value(x: Tensor): Tensor {
    // min over w  Σ|∇x − w| + β Σ|E w|: the steps of w alone.
    const found = slopeOf(x, this.options);
    return Tensor.scalar(found.value, x.dtype);
  }
  /** argmin over x of ½‖x − v‖² + t R(x). */
  prox(v: Tensor, t: number | Tensor): Tensor {
    return tgvRestoreSync({ data: v, lambda: t instanceof Tensor ? t.item() : t }, this.options).image;
  }
}
/** min over w of α₁ ‖∇x − w‖₁ + α₀ ‖E w‖₁ as a prior: piecewise linear images. */
export const totalGeneralizedVariation = (o: TgvOptions = {}): TotalGeneralizedVariation => new TotalGeneralizedVariation(o);

/** The field w of TGV(x), and the value with it: over-relaxed primal-dual steps until the bound ⟨∇x, E*q⟩, |E*q| ≤ 1, |q| ≤ β, is near. */
function slopeOf(x: Tensor, o: TgvOptions): { value: number; bound: number } {
  const { ratio = 2, tolerance = 1e-5 } = o;
  return scope(() => {
    const k = operatorsFor(x.shape, o);
    const g = k.gradient.apply(x.cast("f32"));
    const total = lengths(g).sum().item();
    const size = Math.max(1e-30, lengths(g).max().item());
    const [tau, sigma] = [(0.3 * size) / Math.sqrt(4 * k.d), 1 / (0.3 * size * Math.sqrt(4 * k.d))];
    let [w, q] = [g.add(0), Tensor.zeros(k.bend.range)];
    let [least, bound] = [Number.POSITIVE_INFINITY, 0];
    const within = (v: Tensor, radius: number) => v.mul(lengths(v).maximum(radius).reciprocal().mul(radius));
    for (let i = 0; i < 3000; i++) {
      const before = [w, q];
      [w, q] = scope(() => {
        // argmin ½‖w − v‖² + τ Σ|g − w|: g + shrink(v − g).
        const v = w.sub(k.bend.adjoint(q).mul(tau)).sub(g);
        const now = g.add(v.mul(lengths(v).sub(tau).relu().div(lengths(v).maximum(1e-30))));
        const dual = within(q.add(k.bend.apply(now.mul(2).sub(w)).mul(sigma)), ratio);
        return i % 20 === 19 ? [now, dual] : [relax(w, now), relax(q, dual)];
      });
      dispose(...before);
      if (i % 20 !== 19) continue;
      [least, bound] = scope(() => {
        const value = lengths(g.sub(w)).sum().item() + ratio * lengths(k.bend.apply(w)).sum().item();
        const p = k.bend.adjoint(q);
        const c = 1 / Math.max(1, lengths(p).max().item());
        return [Math.min(least, value), Math.max(bound, c * g.innerProduct(p).item())];
      });
      if (least - bound <= tolerance * Math.max(least, 0.01 * total)) break;
    }
    return { value: least, bound };
  });
}
