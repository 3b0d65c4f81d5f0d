import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Iteration, Progress, State } from "../core/interfaces.js";
import { iterate } from "../core/iterate.js";
import { shapeText } from "../core/shape.js";
import { resizeOperator } from "../operators/index.js";
import { type AnyDenoiser, bm3d, denoiserFrom } from "../priors/index.js";
import { geometric } from "../solvers/index.js";
import { requireMemory, scope, type Tensor } from "../tensor/index.js";

/** A learned enlargement: pictures [..., y, x] ↦ [..., s y, s x] of the same units. `networkEnlarger` of `pullback/models` makes one of a network. */
export type Enlarger = (image: Tensor) => Tensor;
/** How many times, by interpolation or by which network. */
export interface EnlargeOptions {
  /** So many new samples for each old one, along both axes: a whole number from 2 on. */
  readonly scale: number;
  /** What likely fine images look like (default bm3d). "none": only what the coarse image says. */
  readonly denoiser?: AnyDenoiser | "none";
  /** Enlarges at once, in place of denoiser and steps; what it makes is then brought into agreement with the coarse image. */
  readonly network?: Enlarger;
  /** Denoisings (default 8). */
  readonly steps?: number;
  /** Standard deviation of the noise in the image (default 0: the fine image must agree with every sample). */
  readonly noise?: number;
  /** [3, y, x] are red, green and blue: details are found in their luminance (default for three planes). */
  readonly colour?: boolean;
  /** Ends the work early, with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Told where the work stands, step by step. */
  readonly onProgress?: (progress: Progress<Tensor>) => void;
}
/** The enlarged picture, and by what means. */
export interface EnlargeResult {
  /** [..., scale · rows, scale · columns]. */
  readonly image: Tensor;
  /** How many steps were taken. */
  readonly steps: number;
  /** Root mean square of Dx − y. */
  readonly residual: number;
}

/** Luminance of ITU-R BT.601. */
const luma = [0.299, 0.587, 0.114];
/** Back-projections after each denoising: each brings Dx a good part nearer to y. */
const rounds = 5;
/** Fine images held at once, about. */
const peak = 12;

interface Enlarging extends State<Tensor> {
  readonly k: number;
}
/**
 * A finer image from one: x with Dx = y, D the antialiased cubic reduction (see `resizeOperator`), that a denoiser finds likely. From cubic enlargement,
 *  x ← f(x, σ_k), then five times x ← x + U (y − Dx)
 * with σ_k falling; U enlarges by cubic interpolation. Each back-projection restores what the coarse image says; the denoiser decides about the rest. Colours share the details
 * of their luminance. Gain and offset pass through.
 * @see Irani & Peleg (1991), Improving resolution by image registration, CVGIP 53(3) (back-projection)
 * @throws ArgumentError for a scale that is no whole number from 2 on; ShapeError for fewer than two axes
 */
export async function enlarge(image: Tensor, o: EnlargeOptions): Promise<EnlargeResult> {
  const { scale, steps = 8, noise = 0 } = o;
  if (!(Number.isInteger(scale) && scale >= 2))
    throw new ArgumentError(`enlarge: scale ${scale}; give a whole number from 2 on`, { scale });
  if (!(Number.isInteger(steps) && steps >= 0 && steps <= 10000))
    throw new ArgumentError(`enlarge: ${steps} steps; give a whole number of at most 10000`, { steps });
  if (!(noise >= 0)) throw new ArgumentError(`enlarge: noise ${noise}; give its standard deviation, 0 or more`, { noise });
  if (image.rank < 2 || image.dtype === "c64" || image.dtype === "c128" || image.size === 0)
    throw new ShapeError(
      `enlarge: an image ${shapeText(image.shape)} of ${image.dtype}; give real pictures of two axes or a stack of them`,
      {
        shape: image.shape,
      },
    );
  requireMemory(
    peak * 4 * image.size * scale * scale,
    `enlarge: an image of ${image.shape
      .slice(-2)
      .map((n) => n * scale)
      .reverse()
      .join("×")}`,
    "choose a smaller scale, or crop the image first",
  );
  const y = scope(() => image.cast("f32"));
  const fine = y.shape.map((n, a) => (a < y.rank - 2 ? n : n * scale));
  const coarse = y.shape.slice(-2);
  const maps = (shape: readonly number[]) => {
    const lead = shape.slice(0, -2);
    return {
      down: resizeOperator([...lead, ...fine.slice(-2)], { size: coarse }),
      up: resizeOperator([...lead, ...coarse], { size: fine.slice(-2) }),
    };
  };
  const project = (x: Tensor, data: Tensor, { up, down }: ReturnType<typeof maps>): Tensor => {
    let found = x;
    for (let k = 0; k < rounds; k++) found = found.add(up.apply(data.sub(down.apply(found))));
    return found;
  };
  const whole = maps(y.shape);
  const smooth = scope(() => project(whole.up.apply(y), y, whole));
  const done = async (x: Tensor, taken: number): Promise<EnlargeResult> => {
    const left = scope(() => whole.down.apply(x).sub(y).norm().item());
    return { image: x, steps: taken, residual: left / Math.sqrt(y.size) };
  };
  if (o.network && (o.denoiser !== undefined || o.steps !== undefined))
    throw new ArgumentError("enlarge: a network and a denoiser or steps came; give one of them", {});
  if (!o.network && (o.denoiser === "none" || steps === 0)) return done(smooth, 0);
  const colour = o.colour ?? (y.rank === 3 && y.shape[0] === 3);
  if (colour && !(y.rank === 3 && y.shape[0] === 3))
    throw new ShapeError(`enlarge: colours are [3, y, x]; ${shapeText(y.shape)} came`, { shape: y.shape });
  const gray = (x: Tensor) =>
    scope(() =>
      luma
        .map((w, c) => x.slice([c], [c + 1]).mul(w))
        .reduce((a, b) => a.add(b))
        .reshape(...x.shape.slice(1)),
    );
  const data = colour ? gray(y) : y;
  const start = colour ? gray(smooth) : smooth;
  const grayMaps = maps(data.shape);
  const taken = o.network ? 0 : steps;
  const found = o.network ? learned(o.network) : await denoised();
  if (!colour) return done(found, taken);
  return done(
    scope(() => {
      const details = found.sub(start);
      return smooth.add(details.reshape(1, ...details.shape));
    }),
    taken,
  );

  /** The network's picture, made to agree with the samples; with noise, agreement would bring that back. */
  function learned(network: Enlarger): Tensor {
    const made = scope(() => network(data));
    if (shapeText(made.shape) !== shapeText(start.shape))
      throw new ShapeError(
        `enlarge: the network made ${shapeText(made.shape)} of ${shapeText(data.shape)}; ×${scale} is ${shapeText(start.shape)}`,
        {
          shape: made.shape,
        },
      );
    return noise > 0 ? made : scope(() => project(made, data, grayMaps));
  }
  async function denoised(): Promise<Tensor> {
    const f = denoiserFrom((o.denoiser as AnyDenoiser | undefined) ?? bm3d());
    const values = Float32Array.from(data.data).sort();
    const size = values[values.length - 1] - values[0];
    const last = Math.max(0.006 * size, noise, 1e-20);
    const levels = geometric(Math.max(0.025 * scale * size, last), last, steps);
    const iteration: Iteration<undefined, Tensor, Enlarging> = {
      init: (_, x) => ({ x, k: 0 }),
      step: (_, { x, k }) => ({ x: project(f.denoise(x, levels[k], k), data, grayMaps), k: k + 1 }),
    };
    const run = await iterate(iteration, undefined, start, {
      iterations: steps,
      keepBest: false,
      signal: o.signal,
      onProgress: o.onProgress,
    });
    // With noise, agreement with every sample would bring it back.
    return noise > 0 ? scope(() => f.denoise(run.x, noise)) : run.x;
  }
}
