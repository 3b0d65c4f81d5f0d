/**
 * Rays that step from sample to sample along one axis: along y they are x = a + b·y, along x they are y = a + b·x, in samples of the picture.
 * w is the length of a ray between two steps, index the place of its value in the data.
 */
export interface RayList {
  /** a: where the ray is at step 0. */
  readonly a: ArrayLike<number>;
  /** b: how far it goes aside with each step. */
  readonly b: ArrayLike<number>;
  /** Length of the ray between two steps. */
  readonly w: ArrayLike<number>;
  /** Place of its value in the data. */
  readonly index: ArrayLike<number>;
}
/** Every ray of a geometry, by the axis along which it steps. */
export interface Rays {
  /** Rays that cross every row. */
  readonly alongY: RayList;
  /** Rays that cross every column. */
  readonly alongX: RayList;
  /** Numbers of data: the largest index and one. */
  readonly count: number;
}

/** Calls `visit(sample of the picture, index of the data, weight)` for every entry of the matrix. */
function entries(size: readonly [number, number], rays: Rays, visit: (sample: number, index: number, weight: number) => void): void {
  const [rows, columns] = size;
  const walk = ({ a, b, w, index }: RayList, steps: number, n: number, along: number, across: number) => {
    for (let k = 0; k < a.length; k++)
      for (let y = 0; y < steps; y++) {
        const x = a[k] + b[k] * y;
        const i = Math.floor(x);
        const f = x - i;
        if (i >= 0 && i < n) visit(y * along + i * across, index[k], w[k] * (1 - f));
        if (i >= -1 && i + 1 < n) visit(y * along + (i + 1) * across, index[k], w[k] * f);
      }
  };
  walk(rays.alongY, rows, columns, columns, 1);
  walk(rays.alongX, columns, rows, 1, columns);
}

/**
 * Joseph's line integrals: at every step the picture is interpolated between the two samples next to the ray, with 0 outside; the sum is
 * multiplied by the length of a step.
 * @param picture  [rows, columns]
 * @see Joseph (1982), IEEE Trans. Med. Imaging 1
 */
export function raysForward(picture: ArrayLike<number>, size: readonly [number, number], rays: Rays): Float64Array {
  const out = new Float64Array(rays.count);
  entries(size, rays, (sample, index, weight) => {
    out[index] += weight * picture[sample];
  });
  return out;
}
/** The transpose of raysForward. */
export function raysAdjoint(data: ArrayLike<number>, size: readonly [number, number], rays: Rays): Float64Array {
  const out = new Float64Array(size[0] * size[1]);
  entries(size, rays, (sample, index, weight) => {
    out[sample] += weight * data[index];
  });
  return out;
}
