import type { Engine } from "./engine.js";

const three = (size: readonly number[]) => (size.length === 2 ? [1, ...size] : size);
const inverse = (spacing: readonly number[]) => [0, 1, 2].map((a) => 1 / (spacing[a] ?? 1));
const rowBytes = (W: number) => ((W + 7) & ~3) * 4;

/** out [size] = det(I + ∂u/∂p), u [d, …size] in the units of spacing (x, y(, z)). */
export function jacobianDeterminant(e: Engine, u: number, size: readonly number[], spacing: readonly number[], out: number): void {
  const [D, H, W] = three(size);
  if (D * H * W === 0) return;
  e.parallel("jacobianDeterminant", [u, size.length, D, H, W, ...inverse(spacing), out], {
    extent: D * H,
    grain: Math.max(1, Math.floor(40_000 / W)),
    workspace: 9 * rowBytes(W),
  });
}
/** gu [d, …size] = the derivative of Σ g · det in u. */
export function jacobianDeterminantGradient(
  e: Engine,
  u: number,
  g: number,
  size: readonly number[],
  spacing: readonly number[],
  gu: number,
): void {
  const [D, H, W] = three(size);
  if (D * H * W === 0) return;
  e.parallel("jacobianDeterminantGradient", [u, g, size.length, D, H, W, ...inverse(spacing), gu], {
    extent: D,
    grain: Math.max(1, Math.ceil(D / 16)), // a slab computes one plane of cofactors on either side twice
    workspace: (27 * H + 9) * rowBytes(W),
  });
}
