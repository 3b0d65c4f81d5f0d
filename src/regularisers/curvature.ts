import { axesOf, checkField, type FieldRegulariser, meanOfSquares, secondAlong } from "./fieldRegulariser.js";

/**
 * Curvature,  S(u) = ½ mean |Δu|²  over the samples with all their neighbours.  Zero for affine maps, so that no linear stage is needed
 * before it, and for other harmonic fields. mm⁻².
 * @throws GridError when u does not lie on the grid
 * @see Fischer & Modersitzki (2003), Curvature based image registration, J. Mathematical Imaging and Vision 18
 */
export const curvature = (): FieldRegulariser => ({
  name: "curvature",
  lengthPower: 2,
  quadratic: true,
  value(u, grid) {
    checkField("curvature", u, grid);
    const axes = axesOf(grid, 3);
    const inner = (v: typeof u, along: number) =>
      v.slice(
        v.shape.map((_, a) => (a !== along && axes.some((x) => x.axis === a) ? 1 : 0)),
        v.shape.map((n, a) => (a !== along && axes.some((x) => x.axis === a) ? n - 1 : n)),
      );
    if (axes.length === 0) return u.mul(0).sum();
    const laplacian = axes.map(({ axis, spacing }) => secondAlong(inner(u, axis), axis, spacing)).reduce((a, b) => a.add(b));
    return meanOfSquares(laplacian).mul(0.5);
  },
});
