import { ArgumentError, GridError } from "../core/errors.js";
import type { Grid, Image, LinearOperator } from "../core/interfaces.js";
import type { Shape } from "../core/shape.js";
import { dimensionOf, grid, gridText, indexToPhysical, tensorShape } from "../image/index.js";
import { borderIndex } from "../operators/blur.js";
import { alongAxes, blurOperator, compose } from "../operators/index.js";
import { keep, scope, sparseRows, Tensor } from "../tensor/index.js";
import { dotOf } from "../tensor/variables.js";
import type { FrameMotion } from "../transforms/index.js";

/** What a detector does to the picture that falls on it. */
export interface Sensor {
  /**
   * The optics' blur, in samples of the fine image: the standard deviation of a Gaussian, for all axes or for each (x, y(, z)), or a kernel
   * [(z,) y, x] of any shape. Default 0.35 of a frame's sample along each axis that is refined.
   */
  readonly psf?: number | readonly number[] | Tensor;
  /** "area" (default): a detector element takes the mean over its area. "point": the value at its centre; the psf has it all. */
  readonly pixel?: "area" | "point";
}

/** The grid of `scale` (x, y(, z)) times as many samples on the same extent: scale fine samples lie around each coarse one. */
export function refinedGrid(g: Grid, scale: number | readonly number[]): Grid {
  const d = dimensionOf(g);
  const s = typeof scale === "number" ? new Array<number>(d).fill(scale) : scale;
  if (s.length !== d || s.some((f) => !(Number.isInteger(f) && f >= 1)))
    throw new ArgumentError(`superResolve: scale ${s}; give a whole number of at least 1, or ${d} of them`, { scale });
  const { matrix } = indexToPhysical(g);
  // Fine sample 0 lies (1 − s)/2s coarse samples before coarse sample 0.
  const shift = s.map((f) => (1 - f) / (2 * f));
  const origin = g.origin.map((o, i) => o + shift.reduce((t, v, a) => t + matrix[i * d + a] * v, 0));
  return grid({ size: g.size.map((n, a) => n * s[a]), spacing: g.spacing.map((h, a) => h / s[a]), origin, direction: g.direction });
}

/** The rows of one axis: m samples of `factor` fine ones each, behind a Gaussian of standard deviation sigma (0: none), mirrored at the border. */
function sensorRows(m: number, factor: number, sigma: number, pixel: "area" | "point") {
  const n = m * factor;
  const reach = Math.ceil(4.5 * sigma);
  const gauss = Array.from({ length: 2 * reach + 1 }, (_, k) => (sigma > 0 ? Math.exp(-((k - reach) ** 2) / (2 * sigma * sigma)) : 1));
  // A point at the centre of an even number of samples lies between two of them.
  const box: [number, number][] =
    pixel === "area"
      ? Array.from({ length: factor }, (_, k) => [k, 1])
      : factor % 2 === 1
        ? [[(factor - 1) / 2, 1]]
        : [
            [factor / 2 - 1, 1],
            [factor / 2, 1],
          ];
  const total = gauss.reduce((a, b) => a + b, 0) * box.length;
  return sparseRows(
    n,
    Array.from({ length: m }, (_, i) => {
      const taps = new Map<number, number>();
      for (const [b, w] of box)
        gauss.forEach((g, k) => {
          const j = borderIndex(i * factor + b + k - reach, n, "reflect");
          taps.set(j, (taps.get(j) ?? 0) + (w * g) / total);
        });
      return [...taps].sort((p, q) => p[0] - q[0]);
    }),
  );
}

/** D B: images [c, …fine] ↦ [c, …frame]. @param factors fine samples for one of the frame's, x, y(, z) */
export function sensorOperator(channels: number, frame: Shape, factors: readonly number[], sensor: Sensor = {}): LinearOperator {
  const { psf, pixel = "area" } = sensor;
  const d = frame.length;
  const fine = frame.map((n, k) => n * factors[d - 1 - k]);
  const axes = frame.map((_, k) => 1 + k);
  const widths = factors.map((f, a) =>
    psf instanceof Tensor ? 0 : psf === undefined ? (f > 1 ? 0.35 * f : 0) : typeof psf === "number" ? (f > 1 ? psf : 0) : psf[a],
  );
  if (widths.length !== d || widths.some((s) => !(s >= 0 && Number.isFinite(s))))
    throw new ArgumentError(`superResolve: psf ${widths}; give standard deviations that are not negative, one or ${d}`, { psf });
  const wide = widths.findIndex((s, a) => s > frame[d - 1 - a] * factors[a]);
  if (wide >= 0)
    throw new ArgumentError(
      `superResolve: a psf of standard deviation ${widths[wide]} for an image of ${fine[d - 1 - wide]} fine samples; give one smaller than the image`,
      { psf: widths[wide] },
    );
  const rows = frame.map((m, k) => sensorRows(m, factors[d - 1 - k], widths[d - 1 - k], pixel));
  const detector = alongAxes("sensor", [channels, ...fine], axes, rows, "f32");
  return psf instanceof Tensor ? compose(detector, blurOperator([channels, ...fine], psf, { border: "reflect" })) : detector;
}

/** One frame: its data, how its sensor sees a fine image on its own grid, and which of its samples count. */
export interface Frame {
  /** The measured data d. */
  readonly data: Tensor;
  /** Where the samples lie. */
  readonly grid: Grid;
  /** The frame's grid refined to about the spacing of the fine image. */
  readonly fine: Grid;
  /** From the moved fine image to what the frame shows. */
  readonly sensor: LinearOperator;
  /** Samples of the fine grid for one of the frame, x, y(, z). */
  readonly factors: readonly number[];
}
/** A frame as equations for the wanted image: its values, its place on the target grid, its sensor. */
export function frameOf(image: Image, target: Grid, sensor: Sensor): Frame {
  const d = dimensionOf(image.grid);
  if (dimensionOf(target) !== d)
    throw new GridError(
      `superResolve: a frame on ${gridText(image.grid)} and an image on ${gridText(target)}; one has another dimension`,
      {},
    );
  const least = Math.min(...target.spacing);
  const factors = image.grid.spacing.map((h) => Math.max(1, Math.round(h / least)));
  const channels = image.values.shape[0];
  return {
    data: keep(image.values.cast("f32")),
    grid: image.grid,
    fine: refinedGrid(image.grid, factors),
    sensor: sensorOperator(channels, tensorShape(image.grid), factors, sensor),
    factors,
  };
}

/** A frame is gain · (what its sensor sees) + bias. */
export interface Light {
  /** By which brightness is multiplied. */
  readonly gain: number;
  /** What is added to brightness. */
  readonly bias: number;
}
const even: Light = { gain: 1, bias: 0 };

/**
 * A(p) x for one frame: warp, then sensor, then the frame's gain, then the root of the weights: samples whose light comes from outside the fine image count
 * nothing, frames that others contradict count less.
 */
export class FrameOperator implements LinearOperator {
  /** Shape of what it takes. */
  readonly domain: Shape;
  /** Shape of what it gives. */
  readonly range: Shape;
  /** 0 or 1, of one channel; undefined where all count. */
  readonly weights: Tensor | undefined;
  /** Of a frame, the wanted grid, the frame's motion and light. */
  constructor(
    /** The frame, counted from 0. */
    readonly frame: Frame,
    /** The grid of the wanted image. */
    readonly target: Grid,
    /** How it moves. */
    readonly motion: FrameMotion,
    /** Gain and bias of the frame. */
    readonly light: Light = even,
    /** Root of the frame's weight. */
    readonly trust = 1,
    weights?: Tensor,
  ) {
    const channels = frame.data.shape[0];
    this.domain = [channels, ...tensorShape(target)];
    this.range = frame.data.shape;
    this.weights = motion.still ? undefined : (weights ?? coverage(frame, target, motion));
  }
  /** The same motion, seen in another light. */
  in(light: Light, trust = this.trust): FrameOperator {
    return new FrameOperator(this.frame, this.target, this.motion, light, trust, this.weights);
  }
  /** The frame without its bias, weighed: what A x is compared with. */
  get data(): Tensor {
    const { data } = this.frame;
    return this.weigh(this.light.bias === 0 ? data : data.sub(this.light.bias));
  }
  /** Residuals times their weights. */
  weigh(y: Tensor): Tensor {
    const w = this.weights ? y.mul(this.weights) : y;
    return this.trust === 1 ? w : w.mul(this.trust);
  }
  /** What the frame makes of a picture on its own fine grid, and the transpose. */
  see(v: Tensor): Tensor {
    const y = this.weigh(this.frame.sensor.apply(v));
    return this.light.gain === 1 ? y : y.mul(this.light.gain);
  }
  /** The sensor's adjoint of what is weighed. */
  seen(y: Tensor): Tensor {
    const v = this.frame.sensor.adjoint(this.weigh(y));
    return this.light.gain === 1 ? v : v.mul(this.light.gain);
  }
  /** The frame that the image would give. */
  apply(x: Tensor): Tensor {
    return this.see(this.motion.warp(x));
  }
  /** The image that a frame stands for. */
  adjoint(y: Tensor): Tensor {
    return this.motion.splat(this.seen(y));
  }
}

/**
 * Gain and bias of each frame, by least squares between the frame and what its sensor sees of x: their means over the frames are 1 and 0, as x could take
 * a common factor. Frames too flat to tell keep what they have.
 */
export function lightsOf(operators: readonly FrameOperator[], x: Tensor): Light[] {
  const found = operators.map((a) =>
    scope(() => {
      const one = a.in(even, 1);
      const [u, d] = [one.apply(x), one.data];
      const count = a.weights ? a.weights.sum().item() * (u.size / a.weights.size) : u.size;
      const [su, sd] = [u.sum().item(), d.sum().item()];
      const [uu, ud] = [dotOf(u, u) - (su * su) / count, dotOf(u, d) - (su * sd) / count];
      const dd = dotOf(d, d) - (sd * sd) / count;
      // Less than half explained: no line through these points.
      if (!(count > 2 && uu > 0 && ud > 0 && ud * ud > 0.5 * uu * dd)) return a.light;
      const gain = ud / uu;
      return { gain, bias: (sd - gain * su) / count };
    }),
  );
  const mean = (v: readonly number[]) => v.reduce((s, w) => s + w, 0) / v.length;
  const gain = Math.exp(mean(found.map((l) => Math.log(l.gain))));
  const bias = mean(found.map((l) => l.bias));
  return found.map((l) => ({ gain: l.gain / gain, bias: l.bias - bias }));
}
/** Where (nearly) all that a sample sees lies inside the fine image. */
function coverage(frame: Frame, target: Grid, motion: FrameMotion): Tensor {
  return scope(() => {
    const channels = frame.data.shape[0];
    const seen = frame.sensor.apply(motion.warp(Tensor.ones([channels, ...tensorShape(target)])));
    return seen.greater(0.995).cast("f32");
  });
}
