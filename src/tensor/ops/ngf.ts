import { ArgumentError, ShapeError } from "../../core/errors.js";
import { shapeText } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernels from "../../kernels/ngf.js";
import { ngfFactors, ngf as twin, ngfGradient as twinGradient } from "../../kernels/reference/ngf.js";
import { type Context, define, pullback, pushforward } from "../primitive.js";
import { Tensor, Traced } from "../tensor.js";
import { cast } from "./elementwise.js";
import { difference } from "./filters.js";
import { stack } from "./shaping.js";

interface Params extends kernels.NgfOptions {
  readonly volumes: number;
  readonly size: readonly [number, number, number];
}
const shapeOf = (x: Tensor, p: Params) => [p.volumes * kernels.ngfChannelCount(p), ...x.shape.slice(p.planar ? -2 : -3)];

/** The same function written with differentiable operations: what derivatives of its derivative go through. */
function composed(x: Tensor, p: Params): Tensor {
  const image = x.reshape(p.volumes, ...p.size);
  const slopes = (p.planar ? [3, 2] : [3, 2, 1]).map((axis) => difference(image, axis, { kind: "central", spacing: p.spacing[axis - 1] }));
  const square = slopes.reduce((s, g) => s.add(g.square()), Tensor.full([], p.edge ** 2, x.dtype));
  return stack(
    ngfFactors(p).map(([i, j]) =>
      slopes[i]
        .mul(slopes[j])
        .mul(i === j ? 1 : Math.SQRT2)
        .div(square),
    ),
    1,
  );
}
function pulled({ inputs: [x], params: p }: Context<Params>, g: Tensor): readonly Tensor[] {
  if (x instanceof Traced || g instanceof Traced) {
    const { pull } = pullback((v) => [composed(v, p)], [x]);
    return pull([g.reshape(p.volumes, kernels.ngfChannelCount(p), ...p.size)]);
  }
  const n = p.size[0] * p.size[1] * p.size[2];
  if (x.dtype === "f32") {
    const d = p.planar ? 2 : 3;
    const slopes = Tensor.uninitialised([d, p.volumes, ...p.size]);
    kernels.ngfSlopes(engine(), x.pointer, g.pointer, slopes.pointer, p.volumes, p.size, p);
    const parts = Array.from({ length: d }, (_, a) =>
      difference(slopes.at(a), 3 - a, { kind: "central", spacing: p.spacing[2 - a], adjoint: true }),
    );
    return [parts.reduce((s, t) => s.add(t)).reshape(...x.shape)];
  }
  const out = Tensor.uninitialised(x.shape, x.dtype);
  const k = n * kernels.ngfChannelCount(p);
  for (let v = 0; v < p.volumes; v++)
    out.data.set(twinGradient(x.data.subarray(v * n, (v + 1) * n), g.data.subarray(v * k, (v + 1) * k), p.size, p), v * n);
  return [out];
}
const products = define<Params>({
  name: "ngf",
  forward: ([x], p) => {
    const out = Tensor.uninitialised(shapeOf(x, p), x.dtype);
    if (x.dtype === "f32") {
      kernels.ngf(engine(), x.pointer, out.pointer, p.volumes, p.size, p);
      return out;
    }
    const n = p.size[0] * p.size[1] * p.size[2];
    const k = n * kernels.ngfChannelCount(p);
    for (let v = 0; v < p.volumes; v++) out.data.set(twin(x.data.subarray(v * n, (v + 1) * n), p.size, p), v * k);
    return out;
  },
  vjp: pulled,
  jvp: ({ inputs, params }, [t]) =>
    t && pushforward((x) => [composed(x, params)], inputs, [t]).tangents[0].reshape(...shapeOf(inputs[0], params)),
});

/** What is taken for an edge, and for noise. */
export interface NgfOptions {
  /** ε: gradients well below it count as none. In units of the image per unit of the spacing. */
  readonly edge: number;
  /** Distance of samples along the last axes (z, y, x). Default 1. */
  readonly spacing?: readonly number[];
}

/**
 * Normalised gradients, without their sense:  n nᵀ,  n = ∇I / √(|∇I|² + ε²),  as the channels n_x², n_y², (n_z²,) √2 n_x n_y (, √2 n_x n_z, √2 n_y n_z),
 * so that the squared difference of two such images is ‖n nᵀ − m mᵀ‖²: where edges are strong, 2 (1 − ⟨n, m⟩²). Central differences.
 * @param values [c, z, y, x] or [c, y, x]
 * @returns      [6 c, z, y, x] or [3 c, y, x], the channels of an image one after another
 * @see Haber, Modersitzki (2006), Intensity gradient based registration and fusion of multi-modal images, MICCAI
 */
export function ngf(values: Tensor, { edge, spacing }: NgfOptions): Tensor {
  if (values.rank !== 3 && values.rank !== 4)
    throw new ShapeError(`ngf: values are ${shapeText(values.shape)}; expected [c, z, y, x] or [c, y, x]`, { shape: values.shape });
  const planar = values.rank === 3;
  const [volumes, ...spatial] = values.shape;
  const apart = spacing ?? spatial.map(() => 1);
  if (apart.length !== spatial.length || apart.some((s) => !(s > 0)) || !(edge > 0))
    throw new ArgumentError(`ngf: edge ${edge}, spacing ${spacing}; give a positive number, and one for each of the spatial axes`, {
      edge,
      spacing,
    });
  const three = (v: readonly number[]) => (planar ? [1, ...v] : [...v]) as [number, number, number];
  return products([values.dtype === "f64" ? values : cast(values, "f32")], {
    volumes,
    size: three(spatial),
    spacing: three(apart),
    planar,
    edge,
  });
}
