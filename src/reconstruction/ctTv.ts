import type { Iteration, State, Stop } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { engine } from "../kernels/index.js";
import { tvBoxPrimal, tvBoxStep } from "../kernels/tvBox.js";
import { gradientOperator, type Operator, type RadonGeometry } from "../operators/index.js";
import { fused, irfft, randomNormal, rfft, scope, Tensor } from "../tensor/index.js";

/** min over x in [low, high]  ½‖W^½(Ax − y)‖² + λ TV(x). */
export interface CtTvProblem {
  /** A, from images to data. */
  readonly operator: Operator;
  /** Of the projections. */
  readonly geometry: RadonGeometry;
  /** y: [views, detectors]. */
  readonly data: Tensor;
  /** The diagonal of W, positive: [views, detectors]; default 1. */
  readonly weights?: Tensor;
  /** λ in ½‖Ax − d‖² + λ R(x). */
  readonly lambda: number;
  /** Default 0. */
  readonly low?: number;
  /** Default none: then the gap is that among pictures of at most 1.25 times the largest value found. */
  readonly high?: number;
}
/** Steps and stopping of total variation from projections. */
export interface CtTvOptions {
  /** Converged when the duality gap is below this part of the objective (default 1e-4). */
  readonly tolerance?: number;
  /** Steps of total variation for one pair of projections (default 20). */
  readonly inner?: number;
  /** Step of the dual of the data, relative to what moves it half the way at high frequencies (default 0.3; 0.08 with weights, whose mean is far above what rays through bodies have). */
  readonly ratio?: number;
  /** Over-relaxation, from 1 to below 2 (default 1.8). */
  readonly relaxation?: number;
}
export interface CtTvState extends State<Tensor> {
  /** The objective there. */
  readonly value: number;
  /** Primal minus dual objective, relative: how far from the minimum at most. */
  readonly gap: number;
  /** The least objective so far. */
  readonly least: number;
  /** The largest lower bound of the optimum so far. */
  readonly bound: number;
  /** Where the next primal step begins. */
  readonly point: Tensor;
  /** A of the image. */
  readonly projected: Tensor;
  /** The dual of A x. */
  readonly q: Tensor;
  /** A* of that dual. */
  readonly back: Tensor;
  /** The dual of ∇x. */
  readonly p: Tensor;
  /** Running means of q and of A*q + ∇*p. */
  readonly meanQ: Tensor;
  /** The running mean of A*q + ∇*p. */
  readonly meanG: Tensor;
  /** The primal step size. */
  readonly tau: number;
  /** The frequency response by which steps on the sinogram are filtered. */
  readonly response: Tensor;
  /** (I + σH)⁻¹, by frequencies. */
  readonly shrink: Tensor;
  /** W^½ and W^−½. */
  readonly roots?: readonly [Tensor, Tensor];
  /** Gaps after each step, relative. */
  readonly gaps: readonly number[];
}

/**
 * The ramp as a preconditioner of the sinogram's side: A*A is about (views per radian)/|ω| up to the frequency where views no longer overlap, and n from there, so
 * H = min(1/n, |ω| / views per radian) makes A*HA about the identity on what is seen. One number for each frequency along the detector.
 */
export function rampPreconditioner({ size, angles, detectors, binWidth, fan }: RadonGeometry): Float32Array {
  const width = fan ? (binWidth * fan.source) / (fan.source + fan.detector) : binWidth;
  const turn = fan ? 360 : 180;
  const sorted = Float64Array.from(angles, (a) => ((a % turn) + turn) % turn).sort();
  const covered = Math.min(turn, ((sorted[sorted.length - 1] - sorted[0]) * sorted.length) / Math.max(1, sorted.length - 1)) || 1;
  const perRadian = (angles.length / ((covered * Math.PI) / 180)) * (fan ? 2 : 1);
  return Float32Array.from({ length: Math.floor(detectors / 2) + 1 }, (_, k) => {
    const frequency = Math.max(k, 0.25) / (detectors * width);
    return width * Math.min(1 / Math.max(...size), frequency / perRadian);
  });
}

/**
 * Primal-dual steps on the data's side with the ramp as preconditioner, and the proximal map of total variation between bounds by a few accelerated dual steps,
 * begun where the last ones ended: projections are dear, total variation is cheap. The dual points of both give a lower bound, so the gap is certified.
 * @see Chambolle & Pock (2011), J. Math. Imaging Vis. 40; Pock & Chambolle (2011), ICCV (preconditioning); Condat (2013), J. Optim. Theory Appl. 158
 */
export function ctTv(o: CtTvOptions = {}): Iteration<CtTvProblem, Tensor, CtTvState> {
  const { tolerance = 1e-4, inner = 20, relaxation = 1.8 } = o;
  const relaxed = fused((a, b) => a.add(b.sub(a).mul(relaxation)));
  return {
    init(problem, x) {
      const { operator, geometry, data } = problem;
      const h = rampPreconditioner(geometry);
      const bins = h.length;
      const filter = Tensor.from(h, [1, bins]);
      const turned = (y: Tensor) => irfft(rfft(y, { axes: [1] }).mul(filter), { axes: [1], n: geometry.detectors });
      const norm = largest((v) => operator.adjoint(turned(operator.apply(v))), operator.domain);
      const sigma = (o.ratio ?? (problem.weights ? 0.08 : 0.3)) * Math.max(...geometry.size);
      const projected = operator.apply(x);
      const roots = problem.weights && ([problem.weights.sqrt(), problem.weights.pow(-0.5)] as const);
      const value = 0.5 * sumSquares(weighed(projected.sub(data), roots)) + problem.lambda * tvOf(gradientOperator(geometry.size).apply(x));
      return {
        x,
        value,
        gap: Number.POSITIVE_INFINITY,
        least: value,
        bound: 0,
        point: x,
        projected,
        q: Tensor.zeros(data.shape),
        back: Tensor.zeros(operator.domain),
        p: Tensor.zeros([2, ...operator.domain]),
        meanQ: Tensor.zeros(data.shape),
        meanG: Tensor.zeros(operator.domain),
        tau: 1 / (sigma * norm),
        response: Tensor.from(
          h.map((v) => v * sigma),
          [1, bins],
        ),
        shrink: Tensor.from(
          h.map((v) => 1 / (1 + v * sigma)),
          [1, bins],
        ),
        roots,
        gaps: [],
      };
    },
    step(problem, s) {
      const { operator, data, lambda, geometry, low = 0 } = problem;
      const size = geometry.size;
      const { tau } = s;
      const high = problem.high ?? 3e38;
      const e = engine();
      const box = { tau, low: Math.max(low, -3e38), high };
      const v = s.point.sub(s.back.mul(tau));
      const p = s.p.add(0);
      const r = [s.p.add(0), Tensor.uninitialised(s.p.shape)];
      // A momentum that grows from step to step, as FISTA's, may swing ever wider when it begins anew at every outer step.
      const beta = 0.5;
      for (let k = 0; k < inner; k++)
        tvBoxStep(e, v.pointer, r[k & 1].pointer, p.pointer, r[(k + 1) & 1].pointer, size, { ...box, s: 1 / (8 * tau), lambda, beta });
      const x = Tensor.uninitialised(size);
      tvBoxPrimal(e, v.pointer, p.pointer, x.pointer, size, box);
      const projected = operator.apply(x);
      // Objective here, lower bound from (q, p).
      const gradient = gradientOperator(size);
      const { roots } = s;
      const value = 0.5 * sumSquares(weighed(projected.sub(data), roots)) + lambda * tvOf(gradient.apply(x));
      const g = s.back.add(gradient.adjoint(p));
      const most = problem.high ?? 1.25 * x.max().item();
      const support = fusedSupport(low === Number.NEGATIVE_INFINITY ? -most : low, most);
      const dual = (q: Tensor, g: Tensor) =>
        -0.5 * sumSquares(roots ? q.mul(roots[1]) : q) - q.innerProduct(data).item() + support(g).item();
      // The mean of the last dual points is as good a point, and its rounding errors, which count everywhere with the largest value, average out.
      const weight = Math.max(1 / 24, 1 / (s.gaps.length + 1));
      const mean = fused((a, b) => a.add(b.sub(a).mul(weight)));
      const [meanQ, meanG] = [mean(s.meanQ, s.q), mean(s.meanG, g)];
      const bound = Math.max(dual(s.q, g), dual(meanQ, meanG));
      const least = Math.min(s.least, value);
      const best = Math.max(s.bound, bound);
      const step = projected.mul(2).sub(s.projected).sub(data);
      const moved = rfft(s.q, { axes: [1] }).add(rfft(step, { axes: [1] }).mul(s.response));
      const back = (spectrum: Tensor) => irfft(spectrum, { axes: [1], n: geometry.detectors });
      const q = relaxed(s.q, roots ? weighedProximal(back(moved), s.q, s.response, roots, back) : back(moved.mul(s.shrink)));
      return {
        ...s,
        x,
        value,
        least,
        bound: best,
        gap: least - best,
        point: relaxed(s.point, x),
        projected: relaxed(s.projected, projected),
        q,
        back: operator.adjoint(q),
        p,
        meanQ,
        meanG,
        gaps: [...s.gaps, (least - best) / Math.max(1e-30, Math.abs(least))],
      };
    },
    done(s): { stop: Stop; reason: string } | undefined {
      if (s.gap <= tolerance * Math.abs(s.least)) return { stop: "converged", reason: "the duality gap is small" };
      return undefined;
    },
  };
}

const weighed = (r: Tensor, roots?: readonly [Tensor, Tensor]) => (roots ? r.mul(roots[0]) : r);
/**
 * q = (I + σH W⁻¹)⁻¹ b, the step of the data's dual with weights: with q = W^½ v the equation (I + W^−½ σH W^−½) v = W^−½ b is well-conditioned, and eight
 * conjugate gradient steps from the last point are enough; what they leave moves the step a little, never the bounds.
 */
function weighedProximal(
  b: Tensor,
  q: Tensor,
  response: Tensor,
  [root, inverse]: readonly [Tensor, Tensor],
  back: (spectrum: Tensor) => Tensor,
  steps = 8,
): Tensor {
  const map = (v: Tensor) => v.add(back(rfft(v.mul(inverse), { axes: [1] }).mul(response)).mul(inverse));
  let v = q.mul(inverse);
  let r = b.mul(inverse).sub(map(v));
  let d = r;
  let size = sumSquares(r);
  for (let k = 0; k < steps && size > 0; k++) {
    const image = map(d);
    const along = size / d.innerProduct(image).item();
    v = v.add(d.mul(along));
    r = r.sub(image.mul(along));
    const next = sumSquares(r);
    d = r.add(d.mul(next / size));
    size = next;
  }
  return v.mul(root);
}
const sumSquares = (t: Tensor) => t.innerProduct(t).item();
const tvOf = fusedSum();
function fusedSum(): (g: Tensor) => number {
  const length = fused((a: Tensor, b: Tensor) => a.mul(a).add(b.mul(b)).sqrt().sum());
  return (g) => {
    const [n, m] = [g.shape[1], g.shape[2]];
    return length(g.slice([0, 0, 0], [1, n, m]), g.slice([1, 0, 0], [2, n, m])).item();
  };
}
const fusedSupport = (low: number, high: number) => fused((g: Tensor) => g.mul(low).minimum(g.mul(high)).sum());

/** The largest eigenvalue of a positive semidefinite map, from below by the power method, raised by a twentieth. */
function largest(map: (x: Tensor) => Tensor, shape: readonly number[], iterations = 20): number {
  return scope(() => {
    let x = randomNormal(shape, seeded(1));
    let size = 0;
    for (let k = 0; k < iterations; k++) {
      const y = map(x.div(x.norm()));
      size = y.norm().item();
      x = y;
    }
    return 1.05 * size;
  });
}
