import type { Grid, Parametric, Transform } from "../core/interfaces.js";
import { type Random, seeded } from "../core/random.js";
import { indexToPhysical } from "../image/grid.js";
import { scope, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { jacobianAt, logJacobianAt } from "../transforms/jacobian.js";
import { scalarised, type TaylorResult, taylorFirst } from "./laws.js";

const largest = (a: Tensor, b: Tensor): number => Math.max(0, ...Array.from(a.sub(b).data, Math.abs));

/** The largest |y⁻¹(y(p)) − p| and |y(y⁻¹(q)) − q|, q = y(p), over points [n, d], mm: how far the way back is from one. */
export function checkInverse(y: Transform, points: Tensor): number {
  return scope(() => {
    const back = y.inverse();
    const q = y.apply(points);
    return Math.max(largest(back.apply(q), points), largest(y.apply(back.apply(q)), q));
  });
}
/** The largest |(outer ∘ inner)(p) − outer(inner(p))|, mm. */
export function checkComposition(outer: Transform, inner: Transform, points: Tensor): number {
  return scope(() => largest(outer.compose(inner).apply(points), outer.apply(inner.apply(points))));
}
/** The largest difference between `displacement(grid)` and y(p) − p at the samples p of the grid; and, where there is one, of `displacementAt`, mm. */
export function checkField(y: Transform, grid: Grid): number {
  return scope(() => {
    const d = grid.size.length;
    const n = grid.size.reduce((a, b) => a * b, 1);
    const { matrix, offset } = indexToPhysical(grid);
    const p = new Float64Array(n * d);
    for (let k = 0; k < n; k++) {
      let rest = k;
      p.set(offset, k * d);
      for (let j = 0; j < d; j++) {
        const i = rest % grid.size[j];
        rest = (rest - i) / grid.size[j];
        for (let a = 0; a < d; a++) p[k * d + a] += matrix[a * d + j] * i;
      }
    }
    const planes = (q: Tensor) => q.transpose().reshape(d, ...[...grid.size].reverse());
    const points = Tensor.from(p, [n, d]);
    const moved = planes(y.apply(points).sub(points)).cast("f32");
    const off = largest(y.displacement(grid), moved);
    if (!y.displacementAt) return off;
    const shift = 0.3 * Math.min(...grid.spacing);
    const away = points.add(shift);
    const w = Tensor.ones([d, ...[...grid.size].reverse()]).mul(shift);
    return Math.max(off, largest(y.displacementAt(grid, w), planes(y.apply(away).sub(away)).cast("f32")));
  });
}
/** The largest difference between the entries of ∂y/∂x by derivative rules and by central differences over `step` mm. */
export function checkJacobian(y: Transform, points: Tensor, step = 1e-5): number {
  return scope(() => {
    const [n, d] = points.shape;
    const J = jacobianAt(y, points);
    let worst = 0;
    for (let j = 0; j < d; j++) {
      const along = Tensor.from(
        Float64Array.from({ length: n * d }, (_, k) => (k % d === j ? step : 0)),
        [n, d],
      );
      const slope = y
        .apply(points.add(along))
        .sub(y.apply(points.sub(along)))
        .div(2 * step);
      worst = Math.max(worst, largest(J.slice([0, 0, j], [n, d, j + 1]).reshape(n, d), slope));
    }
    return worst;
  });
}
/** The largest |log det ∂(outer ∘ inner) − log det ∂inner − log det ∂outer at inner(p)|: volumes multiply along the way. */
export function checkLogJacobian(outer: Transform, inner: Transform, points: Tensor): number {
  return scope(() =>
    largest(logJacobianAt(outer.compose(inner), points), logJacobianAt(inner, points).add(logJacobianAt(outer, inner.apply(points)))),
  );
}
/** Taylor test of y(p) in the transform's parameters: the remainder falls as h² exactly when `with` and `apply` carry derivatives. */
export function checkParameters(
  y: Transform & Parametric<Transform>,
  points: Tensor,
  { random = seeded(5), h0 = 1e-2 }: { readonly random?: Random; readonly h0?: number } = {},
): TaylorResult {
  return scope(() => {
    const leaves = leavesOf(y.parameters);
    const f = (...xs: Tensor[]) => y.with(withLeaves(y.parameters, xs)).apply(points);
    return taylorFirst(scalarised(f, leaves, random), leaves, random, h0);
  });
}
