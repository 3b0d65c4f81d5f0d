import { ArgumentError } from "../core/errors.js";
import type { Iteration, LinearOperator } from "../core/interfaces.js";
import { keep } from "../core/scope.js";
import { where } from "../tensor/ops/elementwise.js";
import { Tensor } from "../tensor/tensor.js";
import { addScaled, normOf } from "../tensor/variables.js";
import { converged, type InverseState, relativeChange } from "./inverse.js";
import { normOfOperator } from "./operatorNorm.js";

/** Ax = y in pieces Aᵢx = yᵢ: a few views of a tomograph, a few frames of a series. */
export interface RowProblem {
  /** Rows of A with their data, subset by subset. */
  readonly subsets: readonly {
    /** A, from images to data. */
    readonly operator: LinearOperator;
    /** The measured data d. */
    readonly data: Tensor;
  }[];
}
/** Order and relaxation of the steps over subsets of the data, and what follows each. */
export interface KaczmarzOptions {
  /** Between 0 and 2 (default 1); smaller for noisy data. */
  readonly relaxation?: number;
  /** After each subset: a projection, say onto numbers that are not negative. */
  readonly project?: (x: Tensor) => Tensor;
  /** The order of the subsets within a sweep (default: one after another at a stride near the golden ratio, which visits unlike views in turn). */
  readonly order?: readonly number[];
  /** Stop when the relative change is smaller. */
  readonly tolerance?: number;
}
export interface KaczmarzState extends InverseState {
  /** √Σ‖Aᵢx − yᵢ‖², each residual taken when its turn came. */
  readonly misfit: number;
  /** Per subset: 1/‖Aᵢ‖², or the inverse row and column sums. */
  readonly scales: readonly {
    /** Step size. */
    readonly step: number;
    /** Row by row. */
    readonly rows?: Tensor;
    /** The names of the columns. */
    readonly columns?: Tensor;
  }[];
}

/**
 * Block Kaczmarz: for each subset in turn x ← x + ω Aᵢ*(yᵢ − Aᵢx) / ‖Aᵢ‖². One step is a sweep over all. Tends to a solution where the equations have one; else to a cycle
 * that smaller ω narrows. The value is ½ Σ‖Aᵢx − yᵢ‖² as met on the way.
 * @see Kaczmarz (1937), Bull. Acad. Polon. Sci. Lett. A 35; Elfving (1980), Block-iterative methods, Numerische Mathematik 35
 */
export function kaczmarz(o: KaczmarzOptions = {}): Iteration<RowProblem, Tensor, KaczmarzState> {
  return sweeps("kaczmarz", o, ({ operator }) => {
    const norm = normOfOperator(operator);
    return { step: norm > 0 ? 1 / norm ** 2 : 0 };
  });
}
/**
 * SART: block Kaczmarz with residuals divided by their rows' sums and updates by their columns' sums, x ← x + ω Cᵢ Aᵢ* Rᵢ (yᵢ − Aᵢx); for operators without
 * negative entries, as line integrals are.
 * @see Andersen & Kak (1984), Simultaneous algebraic reconstruction technique, Ultrasonic Imaging 6
 */
export function sart(o: KaczmarzOptions = {}): Iteration<RowProblem, Tensor, KaczmarzState> {
  return sweeps("sart", o, ({ operator: a }) => {
    const invert = (t: Tensor) => {
      const floor = 1e-6 * Math.max(0, t.size > 0 ? t.max().item() : 0);
      return where(t.greater(floor), t.maximum(Math.max(floor, 1e-30)).reciprocal(), t.mul(0));
    };
    const rows = a.apply(Tensor.ones(a.domain, a.domainType ?? "f32"));
    const columns = a.adjoint(Tensor.ones(a.range, a.rangeType ?? "f32"));
    return { step: 1, rows: invert(rows), columns: invert(columns) };
  });
}

function sweeps(
  who: string,
  o: KaczmarzOptions,
  scaleOf: (s: RowProblem["subsets"][number]) => KaczmarzState["scales"][number],
): Iteration<RowProblem, Tensor, KaczmarzState> {
  const { relaxation = 1, project, tolerance = 1e-5 } = o;
  if (!(relaxation > 0 && relaxation < 2))
    throw new ArgumentError(`${who}: relaxation ${relaxation}; give a number between 0 and 2`, { relaxation });
  return {
    init: (p, x) => ({ x, iteration: 0, scales: keep(p.subsets.map(scaleOf)), misfit: Number.POSITIVE_INFINITY }),
    step(p, s) {
      let x = s.x;
      let sum = 0;
      for (const i of o.order ?? golden(p.subsets.length)) {
        const { operator, data } = p.subsets[i];
        const { step, rows, columns } = s.scales[i];
        const r = data.sub(operator.apply(x));
        sum += normOf(r) ** 2;
        let d = operator.adjoint(rows ? r.mul(rows) : r);
        if (columns) d = d.mul(columns);
        x = addScaled(x, relaxation * step, d);
        if (project) x = project(x);
      }
      return { x, iteration: s.iteration + 1, scales: s.scales, value: 0.5 * sum, misfit: Math.sqrt(sum), change: relativeChange(x, s.x) };
    },
    done: (s) => converged(s, tolerance),
  };
}
/** 0 … n − 1 at a stride near n / φ that has no factor in common with n. */
function golden(n: number): number[] {
  const coprime = (a: number, b: number): boolean => (b === 0 ? a === 1 : coprime(b, a % b));
  let stride = Math.max(1, Math.round(n * 0.381966));
  while (!coprime(n, stride)) stride++;
  return Array.from({ length: n }, (_, i) => (i * stride) % n);
}
