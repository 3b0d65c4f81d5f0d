/**
 * Plain twins: the Jacobian determinant of p + u(p), det(I + ∂u/∂p), and its derivative. u [d, …size], planes x, y(, z), in the units of
 * `spacing` (x, y(, z); 1 for voxels). Central differences inside, one-sided ones at the borders, 0 along an axis of one voxel.
 */
type Out = { [i: number]: number };

/** The two voxels and the factor of the difference along an axis at index q. */
function stencil(q: number, n: number): { plus: number; minus: number; factor: number } {
  const plus = Math.min(q + 1, n - 1);
  const minus = Math.max(q - 1, 0);
  return { plus, minus, factor: plus === minus ? 0 : 1 / (plus - minus) };
}
interface Difference {
  readonly plus: number;
  readonly minus: number;
  readonly factor: number;
}
/** For voxel k, along each axis x, y(, z): which voxels are subtracted. */
function differences(k: number, size: readonly number[], spacing: readonly number[]): Difference[] {
  const d = size.length;
  let stride = 1;
  return spacing.map((h, a) => {
    const n = size[d - 1 - a];
    const q = Math.floor(k / stride) % n;
    const { plus, minus, factor } = stencil(q, n);
    const result = { plus: k + (plus - q) * stride, minus: k + (minus - q) * stride, factor: factor / h };
    stride *= n;
    return result;
  });
}
function gradientAt(u: ArrayLike<number>, n: number, at: readonly Difference[]): number[][] {
  return at.map((_, a) => at.map(({ plus, minus, factor }, b) => (a === b ? 1 : 0) + factor * (u[a * n + plus] - u[a * n + minus])));
}
/** Matrix of cofactors ∂det/∂J. */
function cofactors(J: readonly (readonly number[])[]): number[][] {
  if (J.length === 2)
    return [
      [J[1][1], -J[1][0]],
      [-J[0][1], J[0][0]],
    ];
  return J.map((_, a) =>
    J.map((_, b) => {
      const [p, q] = [(a + 1) % 3, (a + 2) % 3];
      const [r, s] = [(b + 1) % 3, (b + 2) % 3];
      return J[p][r] * J[q][s] - J[p][s] * J[q][r];
    }),
  );
}
export function jacobianDeterminant(u: ArrayLike<number>, size: readonly number[], spacing: readonly number[], out: Out): void {
  const n = size.reduce((a, b) => a * b, 1);
  for (let k = 0; k < n; k++) {
    const J = gradientAt(u, n, differences(k, size, spacing));
    out[k] = cofactors(J)[0].reduce((s, c, b) => s + c * J[0][b], 0);
  }
}
/** gu = the derivative of Σ_k g_k det_k in u. */
export function jacobianDeterminantGradient(
  u: ArrayLike<number>,
  g: ArrayLike<number>,
  size: readonly number[],
  spacing: readonly number[],
  gu: Out,
): void {
  const n = size.reduce((a, b) => a * b, 1);
  for (let i = 0; i < spacing.length * n; i++) gu[i] = 0;
  for (let k = 0; k < n; k++) {
    const at = differences(k, size, spacing);
    const C = cofactors(gradientAt(u, n, at));
    C.forEach((row, a) => {
      row.forEach((c, b) => {
        gu[a * n + at[b].plus] += g[k] * c * at[b].factor;
        gu[a * n + at[b].minus] -= g[k] * c * at[b].factor;
      });
    });
  }
}
