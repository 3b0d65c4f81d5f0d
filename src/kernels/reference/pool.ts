import type { Triple } from "./conv.js";

/**
 * Windows over the last three axes: output p covers the inputs p·stride − padding … + kernel − 1, cut at the border.
 * Triples are z, y, x; `planes` counts the volumes (batch times channels). A window must touch the input.
 */
export interface PoolShape {
  readonly planes: number;
  readonly size: Triple;
  readonly outputSize: Triple;
  readonly kernel: Triple;
  readonly stride: Triple;
  readonly padding: Triple;
}

/** Visits every window: its place in the output, its plane's start in the input, and its bounds z0, z1, y0, y1, x0, x1. */
function windows(s: PoolShape, visit: (output: number, plane: number, bounds: readonly number[]) => void): void {
  const [OD, OH, OW] = s.outputSize;
  const bounds = (axis: number, p: number) => {
    const first = p * s.stride[axis] - s.padding[axis];
    return [Math.max(0, first), Math.min(s.size[axis], first + s.kernel[axis])];
  };
  for (let plane = 0, o = 0; plane < s.planes; plane++)
    for (let z = 0; z < OD; z++)
      for (let y = 0; y < OH; y++)
        for (let x = 0; x < OW; x++, o++)
          visit(o, plane * s.size[0] * s.size[1] * s.size[2], [...bounds(0, z), ...bounds(1, y), ...bounds(2, x)]);
}
function inside(s: PoolShape, [z0, z1, y0, y1, x0, x1]: readonly number[], visit: (i: number) => void): void {
  for (let z = z0; z < z1; z++) for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) visit((z * s.size[1] + y) * s.size[2] + x);
}

type Out = Float32Array | Float64Array;

/** Largest value of each window and where it is within its plane: the first one among equals; a NaN wins. */
export function maxPool(x: ArrayLike<number>, out: Out, indices: Int32Array, s: PoolShape): void {
  windows(s, (o, plane, bounds) => {
    let best = Number.NEGATIVE_INFINITY;
    let where = -1;
    inside(s, bounds, (i) => {
      const v = x[plane + i];
      if (where < 0 || v > best || (Number.isNaN(v) && !Number.isNaN(best))) {
        best = v;
        where = i;
      }
    });
    out[o] = best;
    indices[o] = where;
  });
}

/** out[o] = x[indices[o]] within each plane: what `maxPool` does to a tangent. */
export function poolGather(x: ArrayLike<number>, indices: ArrayLike<number>, out: Out, s: PoolShape): void {
  windows(s, (o, plane) => {
    out[o] = x[plane + indices[o]];
  });
}

/** Its adjoint: gx[i] = Σ g[o] over the windows whose index is i. */
export function poolScatter(g: ArrayLike<number>, indices: ArrayLike<number>, gx: Out, s: PoolShape): void {
  gx.fill(0);
  windows(s, (o, plane) => {
    gx[plane + indices[o]] += g[o];
  });
}

/** Mean of the inputs inside each window (what lies outside the image does not count). */
export function averagePool(x: ArrayLike<number>, out: Out, s: PoolShape): void {
  windows(s, (o, plane, b) => {
    let sum = 0;
    inside(s, b, (i) => {
      sum += x[plane + i];
    });
    out[o] = sum / ((b[1] - b[0]) * (b[3] - b[2]) * (b[5] - b[4]));
  });
}

/** Its adjoint: every input gets g / count from each window it is in. */
export function averagePoolAdjoint(g: ArrayLike<number>, gx: Out, s: PoolShape): void {
  gx.fill(0);
  windows(s, (o, plane, b) => {
    const share = g[o] / ((b[1] - b[0]) * (b[3] - b[2]) * (b[5] - b[4]));
    inside(s, b, (i) => {
      gx[plane + i] += share;
    });
  });
}
