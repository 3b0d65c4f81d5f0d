import type { LinearOperator, Proximable } from "../core/interfaces.js";
import { type Random, seeded } from "../core/random.js";
import { randomNormal, scope, type Tensor } from "../tensor/index.js";

/**
 * Does A* belong to A?  |⟨Ax, y⟩ − ⟨x, A*y⟩| / (‖Ax‖‖y‖ + ‖x‖‖A*y‖) for random x, y; the real part of the complex inner product, which for
 * all x and y together says the same. At rounding level (1e-6 in f32) exactly when it does.
 */
export function checkAdjoint(a: LinearOperator, random: Random = seeded(1)): number {
  return scope(() => {
    const x = randomNormal(a.domain, random, a.domainType ?? "f32");
    const y = randomNormal(a.range, random, a.rangeType ?? "f32");
    const [ax, ay] = [a.apply(x), a.adjoint(y)];
    const size = ax.norm().item() * y.norm().item() + x.norm().item() * ay.norm().item();
    return size === 0 ? 0 : Math.abs(ax.innerProduct(y).item() - x.innerProduct(ay).item()) / size;
  });
}
/** ‖A(x + c y) − Ax − c Ay‖ relative: linear exactly when at rounding level. */
export function checkLinear(a: LinearOperator, random: Random = seeded(2)): number {
  return scope(() => {
    const [x, y] = [randomNormal(a.domain, random, a.domainType ?? "f32"), randomNormal(a.domain, random, a.domainType ?? "f32")];
    const [ax, ay] = [a.apply(x), a.apply(y)];
    const off = a
      .apply(x.add(y.mul(0.7)))
      .sub(ax)
      .sub(ay.mul(0.7))
      .norm()
      .item();
    const size = ax.norm().item() + ay.norm().item();
    return size === 0 ? off : off / size;
  });
}
/** ‖A*Ax − normal(x)‖ relative, for operators that have their own. */
export function checkNormal(a: LinearOperator, random: Random = seeded(3)): number {
  const { normal } = a;
  if (!normal) return 0;
  return scope(() => {
    const x = randomNormal(a.domain, random, a.domainType ?? "f32");
    const [n, both] = [normal.call(a, x), a.adjoint(a.apply(x))];
    const size = both.norm().item();
    return n.sub(both).norm().item() / Math.max(size, 1e-30);
  });
}
/**
 * How far p = prox_{tR}(v) is from a minimiser of ½‖x − v‖² + t R(x): the largest amount by which a random nearby point is better, relative to
 * the value at p. Not above rounding level exactly when p is (locally) the minimiser.
 */
export function checkProx(
  f: Proximable & { value(x: Tensor): Tensor },
  v: Tensor,
  t: number,
  random: Random = seeded(4),
  trials = 40,
): number {
  return scope(() => {
    const objective = (x: Tensor) => 0.5 * x.sub(v).square().sum().item() + t * f.value(x).item();
    const p = f.prox(v, t);
    const at = objective(p);
    let worst = 0;
    for (let k = 0; k < trials; k++) {
      const q = p.add(randomNormal(v.shape, random, v.dtype).mul(10 ** -(1 + (k % 4))));
      worst = Math.max(worst, at - objective(q));
    }
    return worst / Math.max(1e-12, Math.abs(at));
  });
}
