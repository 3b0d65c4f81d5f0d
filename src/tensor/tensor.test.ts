import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { engine } from "../kernels/engine.js";
import {
  checkpoint,
  concat,
  custom,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  keep,
  randomNormal,
  scope,
  Tensor,
  tensor,
  valueAndGrad,
} from "./index.js";

const f64 = (values: number[], shape = [values.length]) => Tensor.from(Float64Array.from(values), shape);

test("a tensor remembers its shape and gives its numbers back", () => {
  const t = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(t.shape).toEqual([2, 3]);
  expect(t.toArray()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(tensor(7).item()).toBe(7);
});

test("arithmetic broadcasts, and says what does not fit", () => {
  expect(
    tensor([[1], [2]])
      .add(tensor([10, 20]))
      .toArray(),
  ).toEqual([
    [11, 21],
    [12, 22],
  ]);
  expect(() => tensor([1, 2]).add(tensor([1, 2, 3]))).toThrow(/add: 2 and 3 do not broadcast/);
});

test("slices count from either end and run in either direction", () => {
  const t = tensor([0, 1, 2, 3, 4]);
  expect(t.slice([1], [-1]).toArray()).toEqual([1, 2, 3]);
  expect(t.slice([], [], [-2]).toArray()).toEqual([4, 2, 0]);
  expect(t.slice([3], [0], [-1]).toArray()).toEqual([3, 2, 1]);
  expect(t.flip().toArray()).toEqual([4, 3, 2, 1, 0]);
});

test("empty tensors pass through", () => {
  const e = Tensor.zeros([0, 3]);
  expect(e.sum().item()).toBe(0);
  expect(concat([e, tensor([[1, 2, 3]])]).shape).toEqual([1, 3]);
  expect(e.mul(2).shape).toEqual([0, 3]);
});

test("a scope frees what it does not return, and using it afterwards is a clear error", () => {
  const before = engine().memoryUse.used;
  let lost: Tensor | undefined;
  const kept = scope(() => {
    lost = tensor([1, 2, 3]);
    return { answer: lost.add(1) };
  });
  expect(kept.answer.toArray()).toEqual([2, 3, 4]);
  expect(() => lost?.toArray()).toThrow(/scope has ended/);
  expect(engine().memoryUse.used - before).toBeLessThanOrEqual(128);
});

test("keep takes a tensor out of its scope", () => {
  let t: Tensor | undefined;
  scope(() => {
    t = keep(tensor([5]));
  });
  expect(t?.item()).toBe(5);
});

test("a gradient leaves nothing behind but itself", () => {
  const x = randomNormal([1000], seeded(1));
  const before = engine().memoryUse.used;
  const g = grad((v) => v.square().exp().sum())(x);
  expect(g.shape).toEqual([1000]);
  expect(engine().memoryUse.used - before).toBeLessThan(2 * 4096);
});

test("derivatives nest: the third derivative of x⁴ is 24x", () => {
  const third = grad((x) => grad((y) => grad((z) => z.pow(4).sum())(y).sum())(x).sum());
  expect(third(f64([2])).item()).toBeCloseTo(48, 10);
});

test("a derivative inside a derivative does not confuse its variable with the outer one", () => {
  // d/dx (x · d/dy (x + y)) = 1, not 2
  const f = (x: Tensor) => x.mul(grad((y) => x.add(y).sum())(f64([1]))).sum();
  expect(grad(f)(f64([3])).item()).toBe(1);
});

test("hessian, hvp and jacobian agree with the closed form of xᵀAx", () => {
  const a = f64([2, 1, 0, 3], [2, 2]);
  const f = (x: Tensor) => x.matmul(a).matmul(x);
  const x = f64([1, -1]);
  expect(hessian(f)(x).toArray()).toEqual([
    [4, 1],
    [1, 6],
  ]);
  expect(hvp(f, x, f64([1, 2])).toArray()).toEqual([6, 13]);
  expect(jacobian((v) => a.matmul(v))(x).toArray()).toEqual([
    [2, 1],
    [0, 3],
  ]);
  expect(jacobian((v) => v.sum().reshape(1))(x).toArray()).toEqual([[1, 1]]);
  expect(jvp((v) => a.matmul(v), [x], [f64([1, 0])]).tangent.toArray()).toEqual([2, 0]);
});

test("for a complex variable the gradient of |z|² is 2z", () => {
  const z = Tensor.from([3, 4], [], "c128");
  expect(grad((v) => v.abs().square().sum())(z).toArray()).toEqual([6, 8]);
});

test("checkpoint gives the same value and gradients with less memory held", () => {
  const x = randomNormal([20000], seeded(2));
  const deep = (v: Tensor) => {
    for (let k = 0; k < 20; k++) v = v.sin().mul(1.01);
    return v;
  };
  const peak = (f: (v: Tensor) => Tensor) => {
    engine().resetPeak();
    const start = engine().memoryUse.used;
    const g = grad((v) => f(f(v)).sum())(x);
    return { g, peak: engine().memoryUse.peak - start };
  };
  const plain = peak(deep);
  const less = peak(checkpoint(deep));
  expect(less.g.toArray()).toEqual(plain.g.toArray());
  expect(less.peak).toBeLessThan(0.75 * plain.peak);
});

test("a function with a rule of one's own is differentiated by that rule", () => {
  const clipped = custom({ value: (x) => x.minimum(1), vjp: (g) => [g] }); // straight through
  expect(grad((x) => clipped(x).sum())(f64([0, 5])).toArray()).toEqual([1, 1]);
});

test("a gradient of something that is not one number is refused", () => {
  expect(() => grad((x) => x.mul(2))(f64([1, 2]))).toThrow(/must return one real number/);
});

test("squared differences under φ(x) = Ax + b have the gradients Σ 2r∇T and Σ 2r∇T xᵀ", () => {
  // T is a quadratic with a known gradient, so the closed form needs no interpolation.
  const n = 50;
  const x = randomNormal([n, 2], seeded(3), "f64");
  const r = randomNormal([n], seeded(4), "f64");
  const q = f64([1.5, 0.4, 0.4, -0.7], [2, 2]);
  const image = (y: Tensor) => y.matmul(q).mul(y).sum(1);
  const slope = (y: Tensor) => y.matmul(q).mul(2);
  const a = f64([1.1, 0.2, -0.1, 0.9], [2, 2]);
  const b = f64([0.3, -0.2]);
  const phi = (m: Tensor, t: Tensor) => x.matmul(m.transpose()).add(t);
  const { gradients } = valueAndGrad((m, t) => image(phi(m, t)).sub(r).square().sum())(a, b);
  const residual = image(phi(a, b)).sub(r).mul(2).reshape(n, 1);
  const force = residual.mul(slope(phi(a, b)));
  const expectedA = force.transpose().matmul(x);
  const expectedB = force.sum(0);
  const worst = (p: Tensor, w: Tensor) => Math.max(...p.sub(w).abs().div(w.abs().add(1)).data);
  expect(worst(gradients[0], expectedA)).toBeLessThan(1e-10);
  expect(worst(gradients[1], expectedB)).toBeLessThan(1e-10);
});
