import type { Grid } from "../core/interfaces.js";
import { along, type SparseRows, sparseRows, type Tensor } from "../tensor/index.js";

/** Values and derivatives of the four cubic B-splines that meet on a piece, at t in [0, 1]: [order][spline]. */
function pieceAt(t: number): readonly (readonly number[])[] {
  const s = 1 - t;
  return [
    [s ** 3 / 6, (3 * t ** 3 - 6 * t ** 2 + 4) / 6, (3 * s ** 3 - 6 * s ** 2 + 4) / 6, t ** 3 / 6],
    [-(s ** 2) / 2, (3 * t ** 2 - 4 * t) / 2, -(3 * s ** 2 - 4 * s) / 2, t ** 2 / 2],
    [s, 3 * t - 2, 3 * s - 2, t],
  ];
}
/** Gauss–Legendre, four points on [0, 1]: exact to the seventh degree, and products of cubics have the sixth. */
const nodes: readonly (readonly [number, number])[] = [
  [0.8611363115940526, 0.34785484513745385],
  [0.3399810435848563, 0.6521451548625461],
].flatMap(([x, w]) => [
  [0.5 - 0.5 * x, 0.5 * w],
  [0.5 + 0.5 * x, 0.5 * w],
]);

const made = new Map<string, SparseRows>();
/** G_ij = mean over the n − 3 pieces of B⁽ᵏ⁾(t − i) B⁽ᵏ⁾(t − j), h⁻²ᵏ: banded, seven diagonals. */
function gram(n: number, order: number, spacing: number): SparseRows {
  const key = `${n} ${order} ${spacing}`;
  const known = made.get(key);
  if (known) return known;
  const rows = Array.from({ length: n }, (): [number, number][] => []);
  const scale = 1 / ((n - 3) * spacing ** (2 * order));
  for (let p = 0; p < n - 3; p++)
    for (const [t, w] of nodes) {
      const b = pieceAt(t)[order];
      for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) rows[p + i].push([p + j, scale * w * b[i] * b[j]]);
    }
  const matrix = sparseRows(n, rows);
  if (made.size > 200) made.clear();
  made.set(key, matrix);
  return matrix;
}

/**
 * The bending energy of a cubic B-spline in closed form,  S = ½ mean Σⱼₖ |∂²u/∂aⱼ∂aₖ|² = ½ Σ cᵀ (G⊗G⊗G) c,  over the region where the spline has
 * all its control points: what `bendingEnergy` tends to as its grid is refined, without a sample of u. G are the Gram matrices along each axis of
 * the splines' derivatives. mm⁻²; differentiable in the control points.
 * @param control  c, displacements in mm, planes [d, (gz,) gy, gx]
 * @param grid     where the control points lie
 */
export function splineBending(control: Tensor, grid: Grid): Tensor {
  const d = grid.size.length;
  const by = (x: Tensor, j: number, order: number) => along(x, d - j, gram(grid.size[j], order, grid.spacing[j]));
  // Orders along the axes, one product for each pair of derivatives; what the last axes share is worked out once.
  const all = (j: number, left: number): { readonly order: number; readonly rest: number }[] =>
    Array.from({ length: left + 1 }, (_, order) => ({ order, rest: left - order })).filter(({ rest }) => j > 0 || rest === 0);
  const through = (x: Tensor, j: number, left: number): Tensor =>
    all(j, left)
      .map(({ order, rest }) => {
        const next = by(x, j, order);
        return j === 0 ? next : through(next, j - 1, rest);
      })
      .reduce((a, b) => a.add(b));
  // |D²u|² counts mixed derivatives twice: Σ over orders (2,0,0) … once and (1,1,0) … twice, so the mixed ones are added again.
  const mixed = (x: Tensor, j: number, left: readonly number[]): Tensor => left.reduce((v, order, k) => by(v, j - k, order), x);
  let energy = through(control, d - 1, 2);
  for (let a = 0; a < d; a++)
    for (let b = a + 1; b < d; b++)
      energy = energy.add(
        mixed(
          control,
          d - 1,
          Array.from({ length: d }, (_, k) => (k === a || k === b ? 1 : 0)),
        ),
      );
  return control.mul(energy).sum().mul(0.5);
}
