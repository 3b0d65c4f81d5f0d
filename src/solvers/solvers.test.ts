import { describe, expect, test } from "vitest";
import type { InverseProblem, Iteration } from "../core/interfaces.js";
import { iterateSync, unroll } from "../core/iterate.js";
import { seeded } from "../core/random.js";
import { absolute, huber, leastSquares, poisson } from "../fidelities/index.js";
import {
  blurOperator,
  gaussianKernel,
  gradientOperator,
  identityOperator,
  maskOperator,
  Operator,
  waveletOperator,
} from "../operators/index.js";
import { box, l1, l21, nonNegative, squaredL2 } from "../priors/index.js";
import { grad, randomNormal, randomUniform, solve, Tensor } from "../tensor/index.js";
import {
  admm,
  cgls,
  diagonalSteps,
  fista,
  geometric,
  hqs,
  type InverseState,
  ista,
  kaczmarz,
  landweber,
  lsqr,
  objectiveOf,
  pdhg,
  sart,
  solveSquares,
} from "./index.js";

type Method = Iteration<InverseProblem, Tensor, InverseState>;
const run = (method: Method, p: InverseProblem, iterations: number, start?: Tensor) => {
  const type = p.operator.domainType ?? "f32";
  const r = iterateSync(method, p, start ?? Tensor.zeros(p.operator.domain, type), { iterations, keepBest: false, keepState: true });
  return { ...r, state: r.state as InverseState };
};
const distance = (a: Tensor, b: Tensor) => a.sub(b).norm().item() / b.norm().item();

function matrix(rows: number, columns: number, seed: number): Operator & { m: Tensor } {
  const m = randomNormal([rows, columns], seeded(seed), "f64");
  const t = m.transpose();
  return Object.assign(
    new Operator({
      name: "matrix",
      domain: [columns],
      range: [rows],
      domainType: "f64",
      rangeType: "f64",
      apply: (x) => m.matmul(x.reshape(columns, 1)).reshape(rows),
      adjoint: (y) => t.matmul(y.reshape(rows, 1)).reshape(columns),
    }),
    { m },
  );
}

describe("Tikhonov: every method finds the closed form", () => {
  const a = matrix(18, 12, 1);
  const k = gradientOperator([12], { type: "f64" });
  const y = randomNormal([18], seeded(3), "f64");
  const weights = randomUniform([18], 0.5, 2, seeded(4), "f64");
  const dense = (op: Operator) => {
    const columns = Array.from({ length: 12 }, (_, j) =>
      op.apply(
        Tensor.from(
          Float64Array.from({ length: 12 }, (_, i) => (i === j ? 1 : 0)),
          [12],
        ),
      ),
    );
    return Tensor.from(Float64Array.from(columns.flatMap((c) => [...c.data])), [12, op.range.reduce((p, n) => p * n, 1)]).transpose();
  };
  const kk = dense(k);
  const normal = (w: Tensor | undefined) => {
    const wm = w ? a.m.mul(w.reshape(18, 1)) : a.m;
    return {
      matrix: a.m.transpose().matmul(wm).add(kk.transpose().matmul(kk).mul(0.7)),
      rhs: wm.transpose().matmul(y.reshape(18, 1)),
    };
  };
  const methods: readonly [string, Method, number][] = [
    ["landweber", landweber({ tolerance: 1e-13, relaxation: 1.8 }), 4000],
    ["cgls", cgls({ tolerance: 1e-12 }), 60],
    ["lsqr", lsqr({ tolerance: 1e-12 }), 60],
    ["fista", fista({ tolerance: 1e-13 }), 3000],
    ["ista", ista({ tolerance: 1e-13 }), 6000],
    ["fista with backtracking", fista({ tolerance: 1e-13, step: 1, backtracking: true }), 3000],
    ["admm", admm({ tolerance: 1e-12, innerIterations: 50, innerTolerance: 1e-14 }), 1000],
    ["pdhg", pdhg({ tolerance: 1e-11 }), 4000],
  ];
  test.each(methods.flatMap(([name, m, n]) => [[name, m, n, undefined] as const, [`${name}, weighted`, m, n, weights] as const]))(
    "%s",
    (_, method, iterations, w) => {
      const { matrix: n, rhs } = normal(w);
      const exact = solve(n, rhs).reshape(12);
      const p: InverseProblem = {
        operator: a,
        fidelity: leastSquares(y, w),
        terms: [{ weight: 0.7, functional: squaredL2(), operator: k }],
      };
      const r = run(method, p, iterations);
      expect(distance(r.x, exact)).toBeLessThan(1e-8);
      expect(r.value ?? objectiveOf(p, r.x)).toBeCloseTo(objectiveOf(p, exact), 6);
      expect(r.stop).toBe("converged");
    },
  );
  test("a warm start at the solution ends at once", () => {
    const { matrix: n, rhs } = normal(undefined);
    const exact = solve(n, rhs).reshape(12);
    const p: InverseProblem = { operator: a, fidelity: leastSquares(y), terms: [{ weight: 0.7, functional: squaredL2(), operator: k }] };
    for (const m of [landweber(), cgls(), fista()] as Method[]) expect(run(m, p, 100, exact).iterations).toBeLessThanOrEqual(2);
    expect(distance(run(lsqr(), p, 100, exact.mul(0.5)).x, exact)).toBeLessThan(1e-6);
  });
});

test("squares of one basis are solved in closed form, others by conjugate gradients", () => {
  const shape = [6, 5];
  const y = randomNormal(shape, seeded(1), "f64");
  const blur = blurOperator(shape, gaussianKernel(3, 0.8), { type: "f64" });
  for (const border of ["periodic", "reflect"] as const) {
    const terms = [
      { weight: 0.1, functional: squaredL2(), operator: gradientOperator(shape, { border, type: "f64" }) },
      { weight: 0.01, functional: squaredL2() },
    ];
    const p: InverseProblem = { operator: blur, fidelity: leastSquares(y), terms };
    expect(distance(solveSquares(p, { innerTolerance: 1e-12 }), run(cgls({ tolerance: 1e-12 }), p, 200).x)).toBeLessThan(1e-9);
  }
});

describe("total variation of a blurred picture: methods agree", () => {
  const shape = [8, 8];
  const truth = Tensor.from(
    Float64Array.from({ length: 64 }, (_, i) => (i % 8 > 3 && i > 20 ? 1 : 0.2)),
    shape,
  );
  const blur = blurOperator(shape, gaussianKernel(5, 1), { type: "f64" });
  const y = blur.apply(truth).add(randomNormal(shape, seeded(5), "f64").mul(0.02));
  const term = (border: "periodic" | "reflect") => ({
    weight: 0.02,
    functional: l21(),
    operator: gradientOperator(shape, { border, type: "f64" }),
  });
  test.each(["periodic", "reflect"] as const)("%s", (border) => {
    const p: InverseProblem = { operator: blur, fidelity: leastSquares(y), terms: [term(border)] };
    const best = objectiveOf(p, run(admm({ tolerance: 1e-10, innerIterations: 100, innerTolerance: 1e-12 }), p, 600).x);
    const dual = run(pdhg({ tolerance: 1e-9 }), p, 1000);
    expect(Math.abs((dual.value as number) / best - 1)).toBeLessThan(5e-5); // 1000 steps at a rate of 1/k
    // The same with both parts behind operators, so that nothing is known in closed form; numbers surely lie in [−1, 2].
    const opaque = new Operator({ ...blur.definition, diagonalisation: undefined, normalInverse: undefined });
    const split = run(pdhg({ tolerance: 1e-6, bounds: [-1, 2] }), { ...p, operator: opaque }, 1500);
    expect((split.value as number) / best - 1).toBeLessThan(1e-3);
    expect(split.state.gap as number).toBeGreaterThanOrEqual((split.value as number) - best - 1e-9); // the certificate is one
    const inexact = run(admm({ tolerance: 1e-9, innerIterations: 30 }), { ...p, operator: opaque }, 600);
    expect(Math.abs(objectiveOf(p, inexact.x) / best - 1)).toBeLessThan(3e-5);
  });
  test("denoising: the accelerated method certifies the optimum by its gap", () => {
    const p: InverseProblem = { operator: identityOperator(shape, "f64"), fidelity: leastSquares(y), terms: [term("reflect")] };
    const r = run(pdhg({ tolerance: 1e-6 }), p, 2000);
    expect(r.stop).toBe("converged");
    const best = objectiveOf(p, run(admm({ tolerance: 1e-11, innerIterations: 100, innerTolerance: 1e-13 }), p, 600).x);
    expect(r.value as number).toBeGreaterThanOrEqual(best * (1 - 1e-9));
    expect((r.value as number) - best).toBeLessThanOrEqual(r.state.gap as number);
    expect(r.iterations).toBeLessThan(600);
  });
  test("hidden samples, absolute values and numbers that are not negative", () => {
    const mask = maskOperator(randomUniform(shape, 0, 1, seeded(8)).greater(0.4).cast("f64"), "f64");
    const p: InverseProblem = {
      operator: mask,
      fidelity: absolute(mask.apply(y)),
      terms: [term("reflect"), { weight: 1, functional: nonNegative() }],
    };
    const a = run(admm({ tolerance: 1e-9, innerIterations: 60, innerTolerance: 1e-11 }), p, 1500).x.maximum(0);
    const b = run(pdhg({ tolerance: 1e-8 }), p, 4000);
    expect(Math.abs(objectiveOf(p, a) / (b.value as number) - 1)).toBeLessThan(1e-4);
  });
});

describe("sparse wavelets", () => {
  const shape = [16, 12];
  const w = waveletOperator(shape, { wavelet: "db2", levels: 2, type: "f64" });
  const mask = maskOperator(randomUniform(shape, 0, 1, seeded(8)).greater(0.3).cast("f64"), "f64");
  const y = mask.apply(randomNormal(shape, seeded(1), "f64"));
  const p: InverseProblem = { operator: mask, fidelity: leastSquares(y), terms: [{ weight: 0.3, functional: l1(), operator: w }] };
  test("fista, ista, admm and pdhg agree, and fista's gap is a certificate", () => {
    const best = objectiveOf(p, run(admm({ tolerance: 1e-12 }), p, 600).x);
    const f = run(fista({ tolerance: 1e-9 }), p, 3000);
    expect(f.stop).toBe("converged");
    expect((f.value as number) - best).toBeLessThanOrEqual((f.state.gap as number) + 1e-12);
    expect(Math.abs((f.value as number) / best - 1)).toBeLessThan(1e-8);
    const i = run(ista({ tolerance: 1e-7 }), p, 5000);
    expect(i.history.every((v, n) => n === 0 || v <= i.history[n - 1] * (1 + 1e-12))).toBe(true);
    expect(Math.abs((i.value as number) / best - 1)).toBeLessThan(1e-6);
    expect(Math.abs((run(pdhg({ tolerance: 1e-9 }), p, 5000).value as number) / best - 1)).toBeLessThan(1e-7);
  });
  test("momentum pays: fista needs far fewer steps than ista", () => {
    const ill: InverseProblem = {
      ...p,
      operator: blurOperator(shape, gaussianKernel(7, 1.2), { type: "f64" }),
      terms: [{ ...p.terms[0], weight: 1e-3 }],
    };
    const target = run(fista({ tolerance: 1e-9 }), ill, 400).value as number;
    const steps = (m: Method) => run(m, ill, 300).history.findIndex((v) => v <= target * (1 + 1e-2));
    expect(steps(fista())).toBeLessThan(0.5 * steps(ista({ tolerance: 0 })));
  });
  test("a half-quadratic splitting ends when its couplings do, near the optimum", () => {
    const r = run(hqs({ couplings: geometric(0.1, 100, 12) }), p, 100);
    expect(r.iterations).toBe(12);
    expect((r.value as number) / (run(fista(), p, 1000).value as number)).toBeLessThan(1.2);
  });
});

test("complex unknowns: samples of a wavelet-sparse complex image", async () => {
  const { sampledFourierOperator } = await import("../operators/index.js");
  const shape = [8, 8];
  const a = sampledFourierOperator(randomUniform(shape, 0, 1, seeded(2)).greater(0.4).cast("f64"), { type: "c128" });
  const y = a.apply(randomNormal(shape, seeded(3), "c128"));
  const w = waveletOperator(shape, { wavelet: "haar", levels: 2, type: "c128" });
  const p: InverseProblem = { operator: a, fidelity: leastSquares(y), terms: [{ weight: 0.2, functional: l1(), operator: w }] };
  const values = ([fista({ tolerance: 1e-8 }), admm({ tolerance: 1e-10 }), pdhg({ tolerance: 1e-9 })] as Method[]).map((m) =>
    objectiveOf(p, run(m, p, 4000).x),
  );
  expect(Math.max(...values) / Math.min(...values) - 1).toBeLessThan(1e-6);
});

test("counts: Poisson's likelihood by admm and pdhg, and Huber's by fista without a known constant", () => {
  const a = matrix(14, 8, 5);
  const positive = new Operator({
    ...a.definition,
    apply: (x) => a.m.abs().matmul(x.reshape(8, 1)).reshape(14),
    adjoint: (z) => a.m.abs().transpose().matmul(z.reshape(14, 1)).reshape(8),
  });
  const counts = Tensor.from(
    Float64Array.from({ length: 14 }, (_, i) => 3 + ((i * 5) % 7)),
    [14],
  );
  const p: InverseProblem = { operator: positive, fidelity: poisson(counts), terms: [{ weight: 0.1, functional: squaredL2() }] };
  const x = run(admm({ tolerance: 1e-10, innerIterations: 60, innerTolerance: 1e-12 }), p, 4000).x;
  const z = run(pdhg({ tolerance: 1e-9 }), p, 4000).x;
  expect(distance(z, x)).toBeLessThan(1e-4);
  const h: InverseProblem = { operator: a, fidelity: huber(counts, 0.5), terms: [{ weight: 0.1, functional: squaredL2() }] };
  const { lipschitz: _, ...unknown } = h.fidelity as ReturnType<typeof huber>;
  const u = run(fista({ tolerance: 1e-10 }), { ...h, fidelity: unknown }, 4000).x;
  const v = run(admm({ tolerance: 1e-10, innerIterations: 60, innerTolerance: 1e-12 }), h, 4000).x;
  expect(distance(u, v)).toBeLessThan(1e-4);
});

describe("rows in pieces", () => {
  const a = matrix(24, 10, 7);
  const truth = randomNormal([10], seeded(2), "f64");
  const subsets = (op: Operator, y: Tensor) =>
    Array.from({ length: 4 }, (_, k) => {
      const piece = new Operator({
        name: "piece",
        domain: [10],
        range: [6],
        domainType: "f64",
        rangeType: "f64",
        apply: (x) => op.apply(x).slice([6 * k], [6 * k + 6]),
        adjoint: (z) => op.adjoint(z.pad([6 * k], [18 - 6 * k])),
      });
      return { operator: piece, data: y.slice([6 * k], [6 * k + 6]) };
    });
  test("kaczmarz solves equations that have a solution", () => {
    const r = iterateSync(kaczmarz({ tolerance: 1e-12 }), { subsets: subsets(a, a.apply(truth)) }, Tensor.zeros([10], "f64"), {
      iterations: 2000,
    });
    expect(distance(r.x, truth)).toBeLessThan(1e-8);
  });
  test("sart too, for operators without negative entries, and keeps to a projection", () => {
    const abs = a.m.abs();
    const op = new Operator({
      ...a.definition,
      apply: (x) => abs.matmul(x.reshape(10, 1)).reshape(24),
      adjoint: (z) => abs.transpose().matmul(z.reshape(24, 1)).reshape(10),
    });
    const positive = truth.abs();
    const r = iterateSync(
      sart({ tolerance: 1e-13, project: (x) => x.maximum(0) }),
      { subsets: subsets(op, op.apply(positive)) },
      Tensor.zeros([10], "f64"),
      { iterations: 5000 },
    );
    expect(distance(r.x, positive)).toBeLessThan(1e-6);
  });
  test("steps from row and column sums serve pdhg", () => {
    const abs = a.m.abs();
    const op = new Operator({
      ...a.definition,
      apply: (x) => abs.matmul(x.reshape(10, 1)).reshape(24),
      adjoint: (z) => abs.transpose().matmul(z.reshape(24, 1)).reshape(10),
    });
    const p: InverseProblem = {
      operator: op,
      fidelity: leastSquares(op.apply(truth.abs())),
      terms: [{ weight: 1, functional: box(0, 10) }],
    };
    const r = run(pdhg({ tolerance: 1e-10, steps: diagonalSteps([op]) }), p, 4000);
    expect(distance(r.x, truth.abs())).toBeLessThan(1e-5);
  });
});

test("the discrepancy principle stops early", () => {
  const a = matrix(18, 12, 1);
  const y = randomNormal([18], seeded(3), "f64");
  const p: InverseProblem = { operator: a, fidelity: leastSquares(y), terms: [] };
  const least = run(cgls(), p, 50).x;
  const goal = 1.2 * a.apply(least).sub(y).norm().item();
  for (const m of [landweber({ discrepancy: goal }), cgls({ discrepancy: goal })] as Method[]) {
    const r = run(m, p, 2000);
    expect(r.reason).toMatch(/noise/);
    expect(a.apply(r.x).sub(y).norm().item()).toBeLessThanOrEqual(goal);
  }
});

test("unrolled steps are differentiable: the derivative by the data against differences", () => {
  const a = matrix(9, 6, 2);
  const y = randomNormal([9], seeded(4), "f64");
  const target = randomNormal([6], seeded(5), "f64");
  const x0 = Tensor.zeros([6], "f64");
  const methods: Method[] = [
    fista({ step: 0.02, restart: false }),
    admm({ rho: 1, adaptive: false, innerIterations: 8, innerTolerance: 1e-14 }),
    pdhg({ ratio: 1, adaptive: false }),
    landweber({ relaxation: 1 }),
    hqs({ couplings: [1, 2, 4], valueEvery: 0, innerIterations: 8, innerTolerance: 1e-14 }),
    cgls(),
  ];
  for (const m of methods) {
    const smooth = m === methods[3] || m === methods[5];
    const loss = (d: Tensor) => {
      const p: InverseProblem = {
        operator: a,
        fidelity: leastSquares(d),
        terms: [{ weight: 0.3, functional: smooth ? squaredL2() : l1() }],
      };
      return unroll(m, p, x0, 3).sub(target).square().sum();
    };
    const g = grad(loss)(y);
    const e = randomNormal([9], seeded(6), "f64");
    const h = 1e-5;
    const difference = (loss(y.add(e.mul(h))).item() - loss(y.sub(e.mul(h))).item()) / (2 * h);
    expect(g.mul(e).sum().item()).toBeCloseTo(difference, 5);
  }
});

test("what does not fit is said, with what does", () => {
  const a = matrix(9, 6, 2);
  const y = randomNormal([9], seeded(4), "f64");
  const x = Tensor.zeros([6], "f64");
  const behind = { weight: 1, functional: l1(), operator: gradientOperator([6], { type: "f64" }) };
  expect(() => fista().init({ operator: a, fidelity: leastSquares(y), terms: [behind] }, x)).toThrow(/admm or pdhg/);
  expect(() => landweber().init({ operator: a, fidelity: absolute(y), terms: [] }, x)).toThrow(/no gradient/);
  expect(() => cgls().init({ operator: a, fidelity: huber(y, 1), terms: [] }, x)).toThrow(/not a square/);
  expect(() => admm().init({ operator: a, fidelity: leastSquares(y), terms: [{ weight: -1, functional: l1() }] }, x)).toThrow(
    /weight is -1/,
  );
  expect(() => hqs({ couplings: [] })).toThrow(/couplings/);
  expect(() => kaczmarz({ relaxation: 2 })).toThrow(/relaxation/);
});
