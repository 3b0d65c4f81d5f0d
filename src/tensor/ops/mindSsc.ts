import { ArgumentError, ShapeError } from "../../core/errors.js";
import { shapeText } from "../../core/shape.js";
import { engine } from "../../kernels/engine.js";
import * as kernels from "../../kernels/mindSsc.js";
import { mindPairs, mindSsc as twin, mindSscGradient as twinGradient } from "../../kernels/reference/mindSsc.js";
import { type Context, define, pullback, pushforward } from "../primitive.js";
import { Tensor, Traced } from "../tensor.js";
import { cast } from "./elementwise.js";
import { boxSum } from "./filters.js";
import { stack } from "./shaping.js";

interface Params extends kernels.MindSscOptions {
  readonly volumes: number;
  readonly size: readonly [number, number, number];
}

/** The same function written with differentiable operations: what derivatives of its derivative go through. */
function composed(x: Tensor, p: Params): Tensor {
  const { size, radius, dilation, volumes } = p;
  const rim = radius.map((r, a) => r + dilation[a]);
  let frame = x.reshape(volumes, ...size);
  for (const [a, n] of size.entries()) {
    const from = Array.from({ length: n + 2 * rim[a] }, (_, u) => Math.min(n - 1, Math.max(0, u - rim[a])));
    if (rim[a] > 0) frame = frame.gather(Tensor.from(Int32Array.from(from), [from.length]), a + 1);
  }
  const patch = radius.reduce((s, r) => s * (2 * r + 1), 1);
  // A window of the frame as large as the image and its patches, moved by signs of the dilation along one axis.
  const moved = ([axis, sign]: readonly [number, number]) => {
    const begin = dilation.map((d, a) => d + (a === axis ? sign * d : 0));
    return frame.slice([0, ...begin], [volumes, ...begin.map((b, a) => b + size[a] + 2 * radius[a])]);
  };
  const inner = (t: Tensor) => t.slice([0, ...radius], [volumes, ...radius.map((r, a) => r + size[a])]);
  const distances = stack(
    mindPairs.slice(0, kernels.mindChannels(p)).map(([a, b]) => inner(boxSum(moved(a).sub(moved(b)).square(), { radius })).div(patch)),
    1,
  );
  const above = distances.sub(distances.min(1, true));
  return above.div(above.mean(1, true).add(p.floor)).neg().exp();
}

function pulled({ inputs: [x], params }: Context<Params>, g: Tensor): readonly Tensor[] {
  const flat = (t: Tensor) => t.reshape(params.volumes, kernels.mindChannels(params), ...params.size);
  if (x instanceof Traced || g instanceof Traced) {
    const { pull } = pullback((v) => [composed(v, params)], [x]);
    return pull([flat(g)]);
  }
  const out = Tensor.uninitialised(x.shape, x.dtype);
  if (x.dtype === "f32") {
    kernels.mindSscGradient(engine(), x.pointer, g.pointer, out.pointer, params.volumes, params.size, params);
    return [out];
  }
  const n = params.size[0] * params.size[1] * params.size[2];
  const k = n * kernels.mindChannels(params);
  for (let v = 0; v < params.volumes; v++)
    out.data.set(twinGradient(x.data.subarray(v * n, (v + 1) * n), g.data.subarray(v * k, (v + 1) * k), params.size, params), v * n);
  return [out];
}
const shapeOf = (x: Tensor, p: Params) => {
  const spatial = x.shape.slice(p.planar ? -2 : -3);
  return [p.volumes * kernels.mindChannels(p), ...spatial];
};
const descriptors = define<Params>({
  name: "mindSsc",
  forward: ([x], p) => {
    const out = Tensor.uninitialised(shapeOf(x, p), x.dtype);
    if (x.dtype === "f32") {
      kernels.mindSsc(engine(), x.pointer, out.pointer, p.volumes, p.size, p);
      return out;
    }
    const n = p.size[0] * p.size[1] * p.size[2];
    const k = n * kernels.mindChannels(p);
    for (let v = 0; v < p.volumes; v++) out.data.set(twin(x.data.subarray(v * n, (v + 1) * n), p.size, p), v * k);
    return out;
  },
  vjp: pulled,
  jvp: ({ inputs, params }, [t]) =>
    t && pushforward((x) => [composed(x, params)], inputs, [t]).tangents[0].reshape(...shapeOf(inputs[0], params)),
});

/** ε of `mindSsc` by the image [c, (z,) y, x]: a thousandth of its mean squared step over one dilation, from some sixteen thousand evenly spaced voxels. */
export function mindFloor(x: Tensor, dilation: readonly number[]): number {
  const size = x.shape.slice(x.rank - dilation.length);
  const data = x.data;
  const step = Math.max(1, Math.floor(data.length / 16384)) | 1;
  let [sum, n] = [0, 0];
  for (const [a, d] of dilation.entries()) {
    const stride = d * size.slice(a + 1).reduce((p, v) => p * v, 1);
    if (d === 0 || size[a] <= d) continue;
    for (let i = 0; i + stride < data.length; i += step, n++) sum += (data[i + stride] - data[i]) ** 2;
  }
  return n > 0 && sum > 0 ? (1e-3 * sum) / n : 1e-12;
}

/** How far self-similarity descriptors look, and how they weigh noise. */
export interface MindSscOptions {
  /** Half the patch in voxels, (2r + 1) along each axis: one number, or one for each of the last axes (z, y, x). Default 2. */
  readonly radius?: number | readonly number[];
  /** From a voxel to its neighbours, in voxels: one number, or one for each of the last axes. Default 2. */
  readonly dilation?: number | readonly number[];
  /** ε, in squared units of the image: patches that differ less are noise. Default: a thousandth of the image's mean squared step, taken as a constant. */
  readonly floor?: number;
}

/**
 * Self-similarity context: how alike the patches around a voxel's neighbours are,
 *   y_k = exp(−(D_k − min D) / V),  V = mean_k D_k − min D + ε,  D_k = mean over |p| ≤ radius of (I(x + a_k + p) − I(x + b_k + p))²,
 * over the pairs (a_k, b_k) of the six (four) neighbours at ± dilation along the axes that are √2 dilations apart: 12 in space, 4 in the plane.
 * Between 0 and 1, the most alike pair has 1; unchanged by v ↦ a v + b, also with a < 0. Border values go on outside the image.
 * @param values [c, z, y, x] or [c, y, x]
 * @returns      [12 c, z, y, x] or [4 c, y, x], the channels of an image one after another
 * @see Heinrich, Jenkinson, Papież, Brady, Schnabel (2013), Towards realtime multimodal fusion for image-guided interventions using self-similarities, MICCAI
 */
export function mindSsc(values: Tensor, o: MindSscOptions = {}): Tensor {
  if (values.rank !== 3 && values.rank !== 4)
    throw new ShapeError(`mindSsc: values are ${shapeText(values.shape)}; expected [c, z, y, x] or [c, y, x]`, { shape: values.shape });
  const planar = values.rank === 3;
  const d = values.rank - 1;
  const [volumes, ...spatial] = values.shape;
  const three = (v: number | readonly number[] | undefined, fallback: number, name: string): [number, number, number] => {
    const list = v === undefined || typeof v === "number" ? spatial.map(() => v ?? fallback) : v;
    if (list.length !== d || list.some((r) => !Number.isInteger(r) || r < 0 || r > 100))
      throw new ArgumentError(`mindSsc: ${name} ${v}; give whole voxels, 0 to 100: one number, or one for each of the ${d} spatial axes`, {
        [name]: v,
      });
    return (planar ? [0, ...list] : [...list]) as [number, number, number];
  };
  const x = values.dtype === "f64" ? values : cast(values, "f32");
  const size = (planar ? [1, ...spatial] : spatial) as [number, number, number];
  const dilation = three(o.dilation, 2, "dilation");
  if (o.floor !== undefined && !(o.floor > 0))
    throw new ArgumentError(`mindSsc: floor ${o.floor}; give a positive number`, { floor: o.floor });
  return descriptors([x], {
    volumes,
    size,
    planar,
    radius: three(o.radius, 2, "radius"),
    dilation,
    floor: o.floor ?? mindFloor(x, dilation.slice(3 - d)),
  });
}
