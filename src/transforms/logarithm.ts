import { type Grid, indexToPhysical, physicalToIndex } from "../image/grid.js";
import { engine } from "../kernels/engine.js";
import { longestVector } from "../kernels/planes.js";
import { composeFields, dispose, scope, type Tensor, turnPlanes } from "../tensor/index.js";
import { exponentialVoxels, squaringsFor } from "./velocity.js";

/** The velocity whose exponential is a given deformation, and what it misses. */
export interface Logarithm {
  /** v, mm, planes [d, (z,) y, x]. */
  readonly velocity: Tensor;
  /** What exp(−v) ∘ y leaves of a displacement: root mean square and largest, in voxels. */
  readonly left: {
    /** Root mean square. */
    readonly rms: number;
    /** The largest. */
    readonly largest: number;
  };
}

/**
 * The stationary velocity of a diffeomorphism,  exp(v) = id + u,  by the fixed point  v ← v + (exp(−v) ∘ (id + u) − id):  the first term of the
 * Baker–Campbell–Hausdorff series of log(exp(−v) ∘ y). Steps that do not bring it nearer are halved. Few diffeomorphisms are exactly the exponential of
 * one velocity, so that `left` is not always small; and where y folds there is none.
 * @param u  displacement in mm, planes [d, (z,) y, x] on the grid
 * @see Bossa, Hernandez, Olmos (2007), Contributions to 3D diffeomorphic atlas estimation: application to brain images, MICCAI
 * @see Arsigny, Commowick, Pennec, Ayache (2006), A log-Euclidean framework for statistics on diffeomorphisms, MICCAI
 */
export function logarithm(
  u: Tensor,
  grid: Grid,
  { iterations = 15, toleranceVoxels = 0.005 }: { readonly iterations?: number; readonly toleranceVoxels?: number } = {},
): Logarithm {
  const shape = u.shape.slice(1);
  const longest = (x: Tensor) => longestVector(engine(), x.pointer, shape);
  const rms = (x: Tensor) => Math.sqrt(x.square().mean().item() * x.shape[0]);
  return scope(() => {
    const s = turnPlanes(u.cast("f32"), physicalToIndex(grid).matrix);
    const squarings = Math.max(4, squaringsFor(2 * longest(s)));
    const off = (v: Tensor) => composeFields(exponentialVoxels(v.neg(), squarings), s);
    let v = s;
    let rest = off(v);
    let size = rms(rest);
    for (let k = 0, step = 1; k < iterations && size > toleranceVoxels && step > 0.1; k++) {
      const tried = scope(() => {
        const next = v.add(rest.mul(step));
        const left = off(next);
        return { next, left };
      });
      const now = rms(tried.left);
      if (now < 0.98 * size) {
        if (v !== s) dispose(v);
        dispose(rest);
        [v, rest, size] = [tried.next, tried.left, now];
      } else {
        dispose(tried.next, tried.left);
        step /= 2;
      }
    }
    return { velocity: turnPlanes(v, indexToPhysical(grid).matrix), left: { rms: size, largest: longest(rest) } };
  });
}
