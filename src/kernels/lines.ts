import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import type { Border } from "./reference/gaussian.js";
import { type Difference, inverse, type Lines, recursivePoles, recursiveTails } from "./reference/lines.js";
import { temporary } from "./temporary.js";

export { type Difference, type Lines, linesAlong } from "./reference/lines.js";

/** Slabs of some 2¹⁶ numbers over rows (inner = 1) or blocks of 16 columns. */
function cut({ outer, n, inner }: Lines, rows = 1) {
  const extent = inner === 1 ? Math.ceil(outer / rows) : outer * Math.ceil(inner / 16);
  return { extent, grain: Math.max(1, Math.floor(65536 / (n * (inner === 1 ? rows : 16)))) };
}

/** Σ of the 2r + 1 neighbours along an axis, zeros outside. No running sum: an error stays in its window. out ≠ input. */
export function boxSum(e: Engine, input: number, out: number, lines: Lines, radius: number): void {
  if (!Number.isInteger(radius) || radius < 0)
    throw new ArgumentError(`boxSum: radius ${radius}; give a whole number, 0 or more`, { radius });
  const { outer, n, inner } = lines;
  if (outer * n * inner === 0) return;
  const r = Math.min(radius, n - 1);
  e.parallel("boxSum", [input, out, n, inner, r], { ...cut(lines), workspace: e.call("boxSumWorkspace", n, inner, r) });
}

/** Finite difference along an axis divided by the spacing (see the twin for the ends); `adjoint` applies the transposed matrix. out ≠ input. */
export function difference(
  e: Engine,
  input: number,
  out: number,
  { outer, n, inner }: Lines,
  kind: Difference,
  spacing = 1,
  adjoint = false,
): void {
  if (outer * n * inner === 0) return;
  const extent = inner > 1 ? outer * n : outer;
  const grain = Math.max(1, Math.floor(65536 / (inner > 1 ? inner : n)));
  const code = { forward: 0, backward: 1, central: 2 }[kind];
  e.parallel("difference", [input, out, n, inner, code, adjoint ? 1 : 0, 1 / spacing], { extent, grain });
}

/**
 * Gaussian along an axis by recursion: the cost does not grow with σ, the response deviates from the exact one by less than
 * 0.1 % of its peak. σ of at least 1 sample. May work in place.
 */
export function recursiveGaussian(
  e: Engine,
  input: number,
  out: number,
  lines: Lines,
  sigma: number,
  border: Border = "replicate",
  adjoint = false,
): void {
  if (!(sigma >= 1 && sigma < 1e5))
    throw new ArgumentError(`recursiveGaussian: sigma ${sigma}; from 1 sample on, for less use the exact filter`, { sigma });
  const { outer, n, inner } = lines;
  if (outer * n * inner === 0) return;
  const [a, b] = recursivePoles(sigma);
  const tails = recursiveTails(sigma);
  const constants = [
    ...a.alpha,
    ...a.pole,
    ...b.alpha,
    ...b.pole,
    ...inverse(1 - a.pole[0], -a.pole[1]),
    ...inverse(1 - b.pole[0], -b.pole[1]),
  ];
  temporary(e, (reserve) => {
    const table = reserve(4 * (12 + tails.length));
    const view = e.f32(table, 12 + tails.length);
    view.set(constants);
    view.set(tails, 12);
    const mode = border === "zero" ? 1 : adjoint ? 2 : 0;
    e.parallel("recursiveGaussian", [input, out, outer, n, inner, table, table + 48, tails.length, mode], {
      ...cut(lines, 4),
      workspace: e.call("recursiveGaussianWorkspace", n, inner),
    });
  });
}
