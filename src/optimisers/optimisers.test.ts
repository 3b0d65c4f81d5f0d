import { describe, expect, test } from "vitest";
import { iterate, iterateSync, seeded, unroll } from "../core/index.js";
import type { Iteration, Objective, Parameters } from "../core/interfaces.js";
import { engine } from "../kernels/engine.js";
import { grad, matmul, randomNormal, Tensor } from "../tensor/index.js";
import { difference, dotOf, normOf, toFlat } from "../tensor/variables.js";
import { taylorFirst } from "../testing/laws.js";
import {
  adam,
  backtrack,
  diagonal,
  evaluate,
  gaussNewton,
  gradientDescent,
  type LeastSquares,
  lbfgs,
  levenbergMarquardt,
  momentum,
  newton,
  strongWolfe,
} from "./index.js";

const f64 = (values: ArrayLike<number>, shape = [values.length]) => Tensor.from(Float64Array.from(values), shape);
const exact = { relativeDecrease: 0, gradientNorm: 1e-10 };

/** ½xᵀAx − bᵀx with A = MMᵀ + I, random. */
function quadratic(n: number, seed = 1) {
  const random = seeded(seed);
  const m = randomNormal([n, n], random, "f64");
  const a = matmul(m, m.transpose()).add(
    f64(
      Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
      [n, n],
    ),
  );
  const b = randomNormal([n], random, "f64");
  const times = (x: Tensor) => matmul(a, x.reshape(n, 1)).reshape(n);
  return { a, b, times, value: (x: Tensor) => x.mul(times(x)).sum().mul(0.5).sub(b.mul(x).sum()) };
}
/** Rosenbrock's valley (1 − x)² + 100 (y − x²)²: minimum 0 at (1, 1). As a residual: √2 (1 − x, 10 (y − x²)). */
const rosenbrock = {
  value: (p: Tensor) => {
    const [x, y] = [p.at(0), p.at(1)];
    return x.neg().add(1).square().add(y.sub(x.square()).square().mul(100));
  },
};
const rosenbrockResidual = {
  residual: (p: Tensor) =>
    p
      .mul(f64([-1, 0]))
      .add(f64([1, 0]))
      .add(f64([0, 10]).mul(p.at(1).sub(p.at(0).square())))
      .mul(Math.SQRT2),
};
const valley = () => f64([-1.2, 1]);

const general: Record<string, [Iteration<Objective<Tensor>, Tensor>, number]> = {
  "gradient descent, adaptive step": [gradientDescent(exact), 20000],
  momentum: [momentum({ step: 1e-3, momentum: 0.9, ...exact }), 5000],
  "Nesterov momentum": [momentum({ step: 1e-3, momentum: 0.9, nesterov: true, ...exact }), 5000],
  adam: [adam({ step: (k) => 0.1 / (1 + k / 1000), ...exact }), 5000],
  lbfgs: [lbfgs(exact), 60],
  newton: [newton({ ...exact, cgResidual: 1e-12 }), 40],
};
describe.each(Object.entries(general))("%s", (_, [method, iterations]) => {
  test("walks down Rosenbrock's valley to (1, 1)", async () => {
    const r = await iterate(method, rosenbrock, valley(), { iterations });
    for (const v of toFlat(r.x)) expect(v).toBeCloseTo(1, 3);
    expect(r.value).toBeLessThan(1e-6);
  });

  test("moves named parameters as it moves one tensor", () => {
    const split: Objective<Parameters> = { value: (p) => quadraticOf(p) };
    const quadraticOf = (p: Parameters) => p.a.sub(3).square().sum().add(p.b.add(1).square().sum().mul(5));
    const joined = { value: (x: Tensor) => quadraticOf({ a: x.slice([0], [2]), b: x.slice([2], [3]) }) };
    const o = { iterations: 5 };
    const named = iterateSync(method as unknown as Iteration<Objective<Parameters>, Parameters>, split, { a: f64([1, 2]), b: f64([0]) }, o);
    const plain = iterateSync(method, joined, f64([1, 2, 0]), o);
    expect([...toFlat(named.x)]).toEqual([...toFlat(plain.x)]);
    expect(Object.keys(named.x)).toEqual(["a", "b"]);
  });

  test("in f32, it leaves only its result in memory", async () => {
    const before = engine().memoryUse.used;
    const r = await iterate(method, { value: (x) => x.sub(1).square().sum() }, Tensor.zeros([40000]), { iterations: 12 });
    expect(engine().memoryUse.used - before).toBeLessThanOrEqual(2.1 * 4 * r.x.size); // the start and the result
    expect(r.value).toBeLessThan(40000);
  });
});

test("newton solves a quadratic in one step", () => {
  const q = quadratic(6);
  const r = iterateSync(newton({ ...exact, cgResidual: 1e-13 }), q, Tensor.zeros([6], "f64"), { iterations: 2 });
  expect(normOf(difference(q.times(r.x), q.b))).toBeLessThan(1e-9);
  expect(r.iterations).toBe(1);
});

test("newton leaves a saddle: from where the Hessian is indefinite it goes down, within its radius", () => {
  const saddle = { value: (p: Tensor) => p.at(0).square().sub(p.at(1).square()).add(p.at(1).square().square()) }; // minima at (0, ±1/√2), J = −¼
  for (const radius of [undefined, 0.5]) {
    const r = iterateSync(newton({ ...exact, radius }), saddle, f64([1, 0.1]), { iterations: 40 });
    expect(r.value).toBeCloseTo(-0.25, 8);
    expect(r.history.every((v, i) => i === 0 || v <= r.history[i - 1])).toBe(true);
  }
});

test("fixed step 1/L: gradient descent never rises on a gradient that is L-Lipschitz", () => {
  const q = quadratic(5);
  const curvature = 60; // above the largest eigenvalue, which the trace bounds
  expect(curvature).toBeGreaterThan([0, 1, 2, 3, 4].reduce((s, i) => s + q.a.data[6 * i], 0));
  const { history } = iterateSync(gradientDescent({ step: { curvature } }), q, f64([5, 4, 3, 2, 1]), { iterations: 50 });
  history.forEach((v, i) => {
    if (i > 0) expect(v).toBeLessThanOrEqual(history[i - 1]);
  });
});

test("adaptive step: a success raises it by 10 %, a failure halves it and guesses again until one succeeds", () => {
  const tried: number[] = [];
  const parabola = {
    value: (x: Tensor) => x.square().sum(),
    valueAndGrad: (x: Tensor) => {
      tried.push(x.item());
      return { value: x.item() ** 2, gradient: x.mul(2) };
    },
  };
  const method = gradientDescent<Tensor>({ ...exact, firstStep: 5 });
  const one = iterateSync(method, parabola, f64([1]), { iterations: 1, keepState: true });
  // x = 1, gradient 2: s = 5, 2.5, 1.25 overshoot to −9, −4, −1.5; s = 0.625 succeeds
  expect(tried).toEqual([1, -9, -4, -1.5, -0.25]);
  expect(one.x.item()).toBe(-0.25);
  expect(one.state!.step).toBeCloseTo(1.1 * 0.625, 15);
});

test("adaptive step: it ends as stalled when no guess helps and the step has vanished", () => {
  const uphill = {
    value: (x: Tensor) => x.abs().sum(),
    valueAndGrad: (x: Tensor) => ({ value: Math.abs(x.item()), gradient: Tensor.ones([1], "f64") }),
  };
  const r = iterateSync(gradientDescent(), uphill, f64([-1]), { iterations: 10 });
  expect(r).toMatchObject({ stop: "stalled", value: 1, iterations: 1 });
  expect(r.x.item()).toBe(-1);
});

test("scales make a long narrow valley round: the solution in one step", () => {
  const narrow = {
    value: (x: Tensor) =>
      x
        .square()
        .mul(f64([1, 1e4]))
        .sum()
        .mul(0.5),
  };
  const preconditioner = diagonal(f64([1, 1e-2]));
  const r = iterateSync(gradientDescent({ step: 1, preconditioner }), narrow, f64([3, 3]), { iterations: 1 });
  expect(r.value).toBeLessThan(1e-20);
});

describe("the strong Wolfe search", () => {
  const c1 = 1e-4;
  test.each([
    ["a parabola", (t: number) => (t - 3) ** 2, (t: number) => 2 * (t - 3)],
    ["a valley behind a wall of NaN", (t: number) => (t > 2 ? Number.NaN : (t - 1) ** 2), (t: number) => 2 * (t - 1)],
    ["a long slope", (t: number) => -t / (t * t + 2), (t: number) => (t * t - 2) / (t * t + 2) ** 2], // Moré & Thuente (1994), function 1
    ["a wavy slope", (t: number) => 1 - t + 0.3 * Math.sin(7 * t) + t * t, (t: number) => -1 + 2.1 * Math.cos(7 * t) + 2 * t],
  ])("meets both conditions on %s, from steps far too short and far too long", (_, value, slope) => {
    for (const c2 of [0.9, 0.1])
      for (const first of [1e-3, 0.1, 1, 10, 1e3]) {
        const s0 = { value: value(0), slope: slope(0) };
        if (s0.slope >= 0) continue;
        const found = strongWolfe((t) => ({ t, value: value(t), slope: slope(t), at: t }), s0, first, { c1, c2 })!;
        expect(found.wolfe).toBe(true);
        const { t } = found.probe;
        expect(value(t)).toBeLessThanOrEqual(s0.value + c1 * t * s0.slope);
        expect(Math.abs(slope(t))).toBeLessThanOrEqual(c2 * Math.abs(s0.slope));
      }
  });

  test("finds nothing along a direction that does not go down", () => {
    const up = (t: number) => ({ t, value: t, slope: 1, at: t });
    expect(strongWolfe(up, { value: 0, slope: 1 }, 1)).toBeUndefined();
    expect(backtrack((t) => ({ value: t, at: t }), { value: 0, slope: -1 })).toBeUndefined();
  });

  test("holds at every step that lbfgs accepts", () => {
    let before: ReturnType<typeof evaluate<Tensor>> | undefined;
    let checked = 0;
    iterateSync(lbfgs<Tensor>(exact), rosenbrock, valley(), {
      iterations: 60,
      onProgress: ({ x }) => {
        const now = evaluate(rosenbrock, x);
        if (before && normOf(now.gradient) > 1e-6) {
          const step = difference(now.x, before.x);
          const [slope0, slope] = [dotOf(before.gradient, step), dotOf(now.gradient, step)];
          expect(slope0).toBeLessThan(0);
          expect(now.value).toBeLessThanOrEqual(before.value + c1 * slope0);
          expect(Math.abs(slope)).toBeLessThanOrEqual(0.9 * Math.abs(slope0));
          checked++;
        }
        before = now;
      },
    });
    expect(checked).toBeGreaterThan(15);
  });
});

describe.each([
  ["gaussNewton", () => gaussNewton<Tensor>(exact)],
  ["gaussNewton, matrix-free", () => gaussNewton<Tensor>({ ...exact, dense: 0, cgResidual: 1e-12 })],
  ["levenbergMarquardt", () => levenbergMarquardt<Tensor>(exact)],
  ["levenbergMarquardt, Marquardt's factors", () => levenbergMarquardt<Tensor>({ ...exact, damping: "marquardt", scaling: "identity" })],
  ["levenbergMarquardt, matrix-free", () => levenbergMarquardt<Tensor>({ ...exact, dense: 0, cgResidual: 1e-12 })],
] as const)("%s", (_, make) => {
  test("walks down Rosenbrock's valley to (1, 1)", () => {
    const r = iterateSync(make(), rosenbrockResidual, valley(), { iterations: 100 });
    for (const v of toFlat(r.x)) expect(v).toBeCloseTo(1, 8);
    r.history.forEach((v, i) => {
      if (i > 0) expect(v).toBeLessThan(r.history[i - 1]);
    });
  });

  test("fits a line like the closed form of regression", () => {
    const random = seeded(3);
    const t = Float64Array.from({ length: 20 }, (_, i) => i / 4);
    const y = t.map((v) => 1.5 * v - 2 + 0.1 * random.normal());
    const [tt, ty] = [f64(t), f64(y)];
    const line: LeastSquares<Tensor> = { residual: (p) => tt.mul(p.at(0)).add(p.at(1)).sub(ty) };
    const mean = (v: Float64Array) => v.reduce((s, a) => s + a, 0) / v.length;
    const slope = mean(t.map((v, i) => (v - mean(t)) * (y[i] - mean(y)))) / mean(t.map((v) => (v - mean(t)) ** 2));
    const r = iterateSync(make(), line, f64([0, 0]), { iterations: 30 });
    expect(toFlat(r.x)[0]).toBeCloseTo(slope, 8);
    expect(toFlat(r.x)[1]).toBeCloseTo(mean(y) - slope * mean(t), 8);
  });

  test("recovers a decaying exponential from its samples", () => {
    const t = f64(Float64Array.from({ length: 30 }, (_, i) => i / 10));
    const model = (p: Tensor) => t.mul(p.at(1)).neg().exp().mul(p.at(0)).add(p.at(2));
    const truth = f64([2, 1.3, 0.5]);
    const data = model(truth);
    const r = iterateSync(make(), { residual: (p) => model(p).sub(data) }, f64([1, 0.5, 0]), { iterations: 200 });
    toFlat(r.x).forEach((v, i) => {
      expect(v).toBeCloseTo(truth.data[i], 6);
    });
  });
});

test("supplied normal equations give the same path as the residual they belong to", () => {
  // r = (x − 3, 2y, xy): JᵀJ and Jᵀr by hand
  const residual = (p: Tensor) => {
    const [x, y] = [p.at(0), p.at(1)];
    return f64([1, 0, 0])
      .mul(x.sub(3))
      .add(f64([0, 2, 0]).mul(y))
      .add(f64([0, 0, 1]).mul(x.mul(y)));
  };
  let calls = 0;
  const normal = (p: Tensor) => {
    calls++;
    const [x, y] = p.data;
    const r = [x - 3, 2 * y, x * y];
    const gradient = [r[0] + y * r[2], 2 * r[1] + x * r[2]];
    return { value: 0.5 * (r[0] ** 2 + r[1] ** 2 + r[2] ** 2), gradient, hessian: [1 + y * y, x * y, x * y, 4 + x * x] };
  };
  for (const method of [gaussNewton<Tensor>(exact), levenbergMarquardt<Tensor>(exact)]) {
    const a = iterateSync(method, { residual }, f64([1, 1]), { iterations: 6 });
    calls = 0;
    const b = iterateSync(method, { normal }, f64([1, 1]), { iterations: 6 });
    a.history.forEach((v, i) => {
      expect(b.history[i]).toBeCloseTo(v, 12);
    });
    expect(calls).toBeLessThanOrEqual(b.iterations + 3); // trials are not computed twice
  }
});

test("levenbergMarquardt survives parameters without influence and a model that overflows", () => {
  const r = iterateSync(
    levenbergMarquardt<Tensor>({ relativeDecrease: 1e-12 }),
    { residual: (p: Tensor) => p.slice([0], [1]).exp().sub(1) }, // the second parameter does nothing
    f64([20, 7]),
    { iterations: 200 },
  );
  expect(r.x.data[0]).toBeCloseTo(0, 5);
  expect(r.x.data[1]).toBe(7);
});

test("an update other than addition is used: compositional steps", () => {
  // Rotations composed: residual R(θ)e₁ − target, x ↦ x ∘ d as wrapped addition
  const update = (x: Tensor, d: Tensor) => x.add(d.mul(0.5)); // half steps: error halves rather than squares
  const r = iterateSync(gaussNewton<Tensor>({ update, relativeDecrease: 0 }), { residual: (p: Tensor) => p.sub(1) }, f64([0]), {
    iterations: 3,
  });
  expect(r.x.item()).toBeCloseTo(1 - 0.5 ** 3, 12);
});

test("an unrolled gradient descent is differentiable in its step size and in the objective's weight", () => {
  const q = quadratic(4);
  const x0 = f64([1, 0, -1, 2]);
  const result = (step: Tensor, weight: Tensor) =>
    unroll(gradientDescent<Tensor>({ step }), { value: (x: Tensor) => q.value(x).add(x.square().square().sum().mul(weight)) }, x0, 3)
      .square()
      .sum();
  const at = [Tensor.scalar(0.01, "f64"), Tensor.scalar(0.1, "f64")];
  expect(taylorFirst(result, at, seeded(1), 1e-3).order).toBeGreaterThan(1.9); // r(h) ~ h²
  expect(Math.abs(grad(result)(...at).item())).toBeGreaterThan(1e-3);
});

test("an unrolled adam is differentiable in its step size", () => {
  const q = quadratic(4);
  const result = (step: Tensor) =>
    unroll(adam<Tensor>({ step }), q, f64([1, 0, -1, 2]), 3)
      .square()
      .sum();
  expect(taylorFirst(result, [Tensor.scalar(0.05, "f64")], seeded(1), 1e-3).order).toBeGreaterThan(1.9);
});

test("decay shrinks x by step · decay, beside the gradient's step and untouched by its scale", () => {
  const bowl = { value: (x: Tensor) => x.square().sum() };
  const after = (decay: number) => iterateSync(adam<Tensor>({ step: 0.1, decay }), bowl, f64([1]), { iterations: 1 }).x.item();
  expect(after(0) - after(0.5)).toBeCloseTo(0.1 * 0.5 * 1, 12);
});

test("where rounding leaves no lower value and none is expected, a run has converged; it has stalled where one is", () => {
  const cancelling = { value: (x: Tensor) => x.mul(0.1).square().sum().add(1).sub(1) }; // in f32, J near 0 has no digits left
  for (const method of [lbfgs(), newton(), gradientDescent()] as Iteration<Objective<Tensor>, Tensor>[])
    expect(iterateSync(method, cancelling, Tensor.from([30, -20], [2]), { iterations: 200 }).stop).toBe("converged");
  const wrong = { ...cancelling, valueAndGrad: (x: Tensor) => ({ value: cancelling.value(x), gradient: x.mul(-1) }) };
  expect(iterateSync(lbfgs(), wrong, Tensor.from([30, -20], [2]), { iterations: 200 }).stop).toBe("stalled");
});

test("each criterion ends a run and says so", () => {
  const q = quadratic(4);
  const run = (o: object) => iterateSync(lbfgs<Tensor>({ relativeDecrease: 0, ...o }), q, f64([1, 0, -1, 2]), { iterations: 50 });
  expect(run({ relativeDecrease: 1e-3 })).toMatchObject({ stop: "converged", reason: expect.stringMatching(/hardly falls/) });
  expect(run({ gradientNorm: 1e-3 })).toMatchObject({ stop: "converged", reason: expect.stringMatching(/gradient is small/) });
  expect(run({ stepNorm: 1e-3 })).toMatchObject({ stop: "converged", reason: expect.stringMatching(/steps are small/) });
});
