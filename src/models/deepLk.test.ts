import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { inPrecision } from "../nn/index.js";
import { grad, Tensor } from "../tensor/index.js";
import { composedInverse, deepLkNetwork, identityFeatures, type LkPair, lkRegressor, lkStep, seenThrough } from "./deepLk.js";

const s = 12;
/** Three times the box, of a smooth picture seen through W(u; p) about the middle. */
function patch(p: readonly number[], dtype: "f32" | "f64" = "f64"): Tensor {
  const values = Float64Array.from({ length: 9 * s * s }, (_, k) => {
    const [u, v] = [(2 * (k % (3 * s)) + 1) / s - 3, (2 * Math.floor(k / (3 * s)) + 1) / s - 3];
    const [x, y] = [Math.exp(p[2]) * u + p[0], Math.exp(p[2]) * v + p[1]];
    return Math.sin(2.1 * x + 0.4) * Math.cos(1.7 * y) + 0.6 * Math.sin(1.3 * (x + y)) + 0.3 * Math.cos(2.9 * x - 1.1 * y);
  });
  return Tensor.from(values, [1, 1, 3 * s, 3 * s], dtype);
}

test("with φ the identity a step is that of inverse-compositional Lucas–Kanade, as written down by hand", () => {
  const template = patch([0, 0, 0]);
  const search = patch([0.06, -0.04, 0.03]);
  const regressor = lkRegressor(identityFeatures, template);
  const delta = lkStep(regressor, seenThrough(identityFeatures, search, Tensor.zeros([1, 3], "f64")));
  // Plainly: steepest descent images ∇T ∂W/∂p from the cells of linear interpolation, H = Σ gᵀg, Δp = H⁻¹ Σ gᵀ (I − T).
  const at = (t: Tensor, x: number, y: number) => t.data[y * 3 * s + x];
  const h = Array.from({ length: 9 }, () => 0);
  const right = [0, 0, 0];
  for (let y = 0; y < s; y++)
    for (let x = 0; x < s; x++) {
      const [i, j] = [s + x, s + y];
      // A sample's derivative by linear interpolation is the difference to the next one.
      const gx = (at(template, i + 1, j) - at(template, i, j)) * (s / 2);
      const gy = (at(template, i, j + 1) - at(template, i, j)) * (s / 2);
      const [u, v] = [(2 * x + 1) / s - 1, (2 * y + 1) / s - 1];
      const g = [gx, gy, gx * u + gy * v];
      const e = at(search, i, j) - at(template, i, j);
      for (let a = 0; a < 3; a++) {
        right[a] += g[a] * e;
        for (let b = 0; b < 3; b++) h[3 * a + b] += g[a] * g[b];
      }
    }
  const det = (m: number[]) => m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
  for (let k = 0; k < 3; k++) {
    const replaced = h.map((v, i) => (i % 3 === k ? right[Math.floor(i / 3)] : v));
    expect(delta.data[k]).toBeCloseTo(det(replaced) / det(h), 8);
  }
});

test("b is −R φ(T): the template itself asks for no step", () => {
  const template = patch([0, 0, 0]);
  const regressor = lkRegressor(identityFeatures, template);
  const still = lkStep(regressor, regressor.template);
  for (const v of still.data) expect(Math.abs(v)).toBeLessThan(1e-10);
});

test("W ∘ W(Δ)⁻¹ undoes W(Δ) after W", () => {
  const [p, d] = [
    [0.3, -0.2, 0.1],
    [0.05, 0.07, -0.04],
  ].map((v) => Tensor.from(Float64Array.from(v), [1, 3]));
  const back = composedInverse(p, d).data;
  for (const u of [-1, 0.3, 2]) {
    const inner = Math.exp(d.data[2]) * u + d.data[0];
    expect(Math.exp(back[2]) * inner + back[0]).toBeCloseTo(Math.exp(p.data[2]) * u + p.data[0], 12);
  }
});

test("steps come to where the box went", () => {
  const truth = [0.12, -0.09, 0.05];
  const search = patch([-truth[0] * Math.exp(-truth[2]), -truth[1] * Math.exp(-truth[2]), -truth[2]]);
  // Where the box now is, the search patch shows what the template showed: I(W(u; p)) = T(u).
  let p = Tensor.zeros([1, 3], "f64");
  const regressor = lkRegressor(identityFeatures, patch([0, 0, 0]));
  for (let k = 0; k < 30; k++) p = composedInverse(p, lkStep(regressor, seenThrough(identityFeatures, search, p)));
  for (let k = 0; k < 3; k++) expect(p.data[k]).toBeCloseTo(truth[k], 1.5); // interpolation on 12 × 12 samples
});

test("derivatives of a loss after two steps reach φ through the regressor: through jvp, pseudoinverse and features", () => {
  const model = inPrecision(deepLkNetwork({ random: seeded(1), features: 3 }), "f64") as ReturnType<typeof deepLkNetwork>;
  const pair: LkPair = { template: patch([0, 0, 0]), search: patch([0.1, 0.05, -0.02]), plan: [[1, 2]] };
  for (const name of ["phi.0.weight", "phi.2.bias", "phi.4.weight"]) {
    const w = model.parameters[name];
    const loss = (x: Tensor) => {
      const { steps } = model.with({ ...model.parameters, [name]: x }).forward(pair);
      return steps[1].square().sum();
    };
    const slope = grad(loss)(w);
    const random = seeded(4);
    const way = Tensor.from(
      Float64Array.from({ length: w.size }, () => random.normal()),
      w.shape,
    );
    const h = 1e-6;
    const difference = (loss(w.add(way.mul(h))).item() - loss(w.sub(way.mul(h))).item()) / (2 * h);
    const along = slope.mul(way).sum().item();
    expect(Math.abs(along)).toBeGreaterThan(1e-9);
    expect(Math.abs(along - difference)).toBeLessThan(1e-3 * Math.abs(difference) + 1e-8); // a rectifier may bend between the two
  }
});

test("the likeness of a patch with itself is 1, and gain and offset change no step", () => {
  const model = deepLkNetwork({ random: seeded(2), features: 4 });
  const [t, i] = [patch([0, 0, 0], "f32"), patch([0.1, 0, 0.02], "f32")];
  expect(model.forward({ template: t, search: t, plan: [[1, 1]] }).likeness.item()).toBeCloseTo(1, 3);
  const one = model.forward({ template: t, search: i, plan: [[1, 2]] }).steps[1].data;
  const other = model.forward({ template: t.mul(3).add(1), search: i.mul(0.5), plan: [[1, 2]] }).steps[1].data;
  for (const k of one.keys()) expect(other[k]).toBeCloseTo(one[k], 3); // 1e-4 is added to each variance
});

test("with the regressors of an earlier answer the same template is found at the same place", () => {
  const model = deepLkNetwork({ random: seeded(3), features: 4 });
  const plan = [
    [2, 1],
    [1, 2],
  ] as const;
  const [t, first, second] = [patch([0, 0, 0], "f32"), patch([0.1, 0, 0.02], "f32"), patch([-0.05, 0.08, 0], "f32")];
  const { regressors } = model.forward({ template: t, search: first, plan });
  const anew = model.forward({ template: t, search: second, plan });
  const again = model.forward({ template: t, search: second, plan, regressors });
  expect(Array.from(again.steps[2].data)).toEqual(Array.from(anew.steps[2].data));
  expect(again.likeness.item()).toBe(anew.likeness.item());
});
