import { ArgumentError, MemoryError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { times3, transpose3 } from "../rotation.js";
import type { TurnedCamera } from "./cameras.js";

/** A surface on which a mosaic is drawn. */
export type ProjectionName = "planar" | "cylindrical" | "spherical";
/** The surfaces on which a mosaic can be drawn. */
export const projectionNames = ["planar", "cylindrical", "spherical"] as const;

/** The surface a mosaic is drawn on: pixel (x, y) shows the direction `direction(x, y)`. */
export interface Canvas {
  /** The surface, by its name. */
  readonly projection: ProjectionName;
  /** Pixels to the radian at the middle. */
  readonly focal: number;
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** Surface coordinates of pixel (0, 0), in pixels. */
  readonly left: number;
  /** The first row, in the projection's coordinates. */
  readonly top: number;
}
/** A rectangle of canvas pixels, right and bottom excluded. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Surface coordinates (pixels) of a direction of the world; undefined where the plane does not reach. */
function onSurface(projection: ProjectionName, f: number, [x, y, z]: readonly number[]): readonly [number, number] | undefined {
  if (projection === "planar") return z > 1e-6 ? [(f * x) / z, (f * y) / z] : undefined;
  const r = Math.hypot(x, z);
  if (projection === "cylindrical") return r > 1e-6 ? [f * Math.atan2(x, z), (f * y) / r] : undefined;
  return [f * Math.atan2(x, z), f * Math.atan2(y, r)];
}
/** The direction a canvas pixel shows, into `out`; its length is not 1. */
export function direction({ projection, focal, left, top }: Canvas, px: number, py: number, out: Float64Array): void {
  const [s, t] = [(px + left) / focal, (py + top) / focal];
  if (projection === "planar") {
    out[0] = s;
    out[1] = t;
    out[2] = 1;
    return;
  }
  const [y, r] = projection === "cylindrical" ? [t, 1] : [Math.sin(t), Math.cos(t)];
  out[0] = r * Math.sin(s);
  out[1] = y;
  out[2] = r * Math.cos(s);
}

/** Directions along the border of a view and inside it. */
function rim(c: TurnedCamera, [w, h]: readonly number[]): [number, number, number][] {
  const back = transpose3(c.rotation);
  const out: [number, number, number][] = [];
  const n = 24;
  for (let j = 0; j <= n; j++)
    for (let i = 0; i <= n; i++) {
      const [x, y] = [-0.5 + (w * i) / n, -0.5 + (h * j) / n];
      out.push(times3(back, [(x - c.centre[0]) / c.focal, (y - c.centre[1]) / c.focal, 1]));
    }
  return out;
}

/**
 * The canvas that holds all views at the resolution of their focal length, and each view's part of it. Without a projection named: the plane when no view
 * reaches further than 50° from the middle, a cylinder when none looks further up or down than that, else the sphere.
 * @throws MemoryError when the canvas would have more than `most` pixels (asks for another projection or a smaller scale)
 */
export function canvasOf(
  cameras: readonly TurnedCamera[],
  sizes: readonly (readonly number[])[],
  o: { readonly projection?: ProjectionName; readonly scale?: number; readonly most?: number } = {},
): { readonly canvas: Canvas; readonly boxes: readonly Box[] } {
  const { scale = 1, most = 1e8 } = o;
  if (!(scale > 0)) throw new ArgumentError(`mosaic: scale ${scale}; a positive number is expected`, { scale });
  const rims = cameras.map((c, i) => rim(c, sizes[i]));
  const widest = Math.max(...rims.flat().map(([x, y, z]) => Math.atan2(Math.hypot(x, y), z)));
  const tallest = Math.max(...rims.flat().map(([x, y, z]) => Math.abs(Math.atan2(y, Math.hypot(x, z)))));
  const limit = (50 * Math.PI) / 180;
  const projection = o.projection ?? (widest < limit ? "planar" : tallest < limit ? "cylindrical" : "spherical");
  const focals = cameras.map((c) => c.focal).sort((a, b) => a - b);
  const focal = scale * focals[Math.floor(focals.length / 2)];
  const turn = 2 * Math.PI * focal;
  const spans = rims.map((list) => {
    const at = list.map((d) => {
      const p = onSurface(projection, focal, d);
      if (!p)
        throw new ArgumentError(
          `mosaic: a view reaches ${Math.round((widest * 180) / Math.PI)}° from the middle, where the plane ends; choose --projection cylindrical or spherical`,
        );
      return p;
    });
    const xs = at.map((p) => p[0]);
    const ys = at.map((p) => p[1]);
    let [left, right] = [Math.min(...xs), Math.max(...xs)];
    // A view across the back of the cylinder fills its whole width.
    if (projection !== "planar" && right - left > 0.5 * turn) [left, right] = [-0.5 * turn, 0.5 * turn];
    return { left, right, top: Math.min(...ys), bottom: Math.max(...ys) };
  });
  const left = Math.floor(Math.min(...spans.map((s) => s.left)));
  const top = Math.floor(Math.min(...spans.map((s) => s.top)));
  const width = Math.ceil(Math.max(...spans.map((s) => s.right))) - left;
  const height = Math.ceil(Math.max(...spans.map((s) => s.bottom))) - top;
  if (!(width * height <= most))
    throw new MemoryError(
      `mosaic: the ${projection} canvas would have ${width}×${height} pixels; choose another projection or a scale below ${scale}`,
      { width, height },
    );
  const clamp = (v: number, size: number) => Math.max(0, Math.min(size, v));
  return {
    canvas: { projection, focal, width, height, left, top },
    boxes: spans.map((s) => ({
      left: clamp(Math.floor(s.left) - left, width),
      right: clamp(Math.ceil(s.right) - left + 1, width),
      top: clamp(Math.floor(s.top) - top, height),
      bottom: clamp(Math.ceil(s.bottom) - top + 1, height),
    })),
  };
}

export interface Drawn {
  readonly box: Box;
  readonly channels: number;
  /** [c, y, x] over the box; 0 where the view does not reach. */
  readonly values: Float32Array;
  /** 1 where the view reaches. */
  readonly valid: Uint8Array;
}

/** Brightness of a view made even: values times `gain` / V(r), V(r) = exp(a r² + b r⁴), r over half the diagonal. */
export interface Evening {
  /** By which brightness is multiplied. */
  readonly gain: number;
  /** How brightness falls off along x and y. */
  readonly fall: readonly [number, number];
}

/** A view drawn on every `step`-th pixel of its part of the canvas, by cubic convolution (Keys 1981). */
export function drawView(canvas: Canvas, box: Box, camera: TurnedCamera, view: Image, evening: Evening, step = 1): Drawn {
  const [w, h] = view.grid.size;
  const channels = view.values.shape[0];
  const data = view.values.data;
  const plane = w * h;
  const [bw, bh] = [Math.ceil((box.right - box.left) / step), Math.ceil((box.bottom - box.top) / step)];
  const values = new Float32Array(channels * bw * bh);
  const valid = new Uint8Array(bw * bh);
  const R = camera.rotation;
  const { focal } = camera;
  const [cx, cy] = camera.centre;
  const d = new Float64Array(3);
  const [wx, wy] = [new Float64Array(4), new Float64Array(4)];
  const [ix, iy] = [new Int32Array(4), new Int32Array(4)];
  const reach = 4 / (w * w + h * h);
  for (let j = 0; j < bh; j++)
    for (let i = 0; i < bw; i++) {
      direction(canvas, box.left + step * i + (step - 1) / 2, box.top + step * j + (step - 1) / 2, d);
      const z = R[6] * d[0] + R[7] * d[1] + R[8] * d[2];
      if (!(z > 1e-6)) continue;
      const x = (focal * (R[0] * d[0] + R[1] * d[1] + R[2] * d[2])) / z + cx;
      const y = (focal * (R[3] * d[0] + R[4] * d[1] + R[5] * d[2])) / z + cy;
      if (!(x >= -0.5 && y >= -0.5 && x <= w - 0.5 && y <= h - 0.5)) continue;
      const k = j * bw + i;
      valid[k] = 1;
      taps(x, w, wx, ix);
      taps(y, h, wy, iy);
      const r2 = ((x - cx) ** 2 + (y - cy) ** 2) * reach;
      const by = evening.gain / Math.exp(evening.fall[0] * r2 + evening.fall[1] * r2 * r2);
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let q = 0; q < 4; q++) {
          const row = c * plane + iy[q] * w;
          sum += wy[q] * (wx[0] * data[row + ix[0]] + wx[1] * data[row + ix[1]] + wx[2] * data[row + ix[2]] + wx[3] * data[row + ix[3]]);
        }
        values[c * bw * bh + k] = by * sum;
      }
    }
  return { box, channels, values, valid };
}
/** Weights and samples of cubic convolution, a = −½; the border repeats. */
function taps(x: number, n: number, w: Float64Array, at: Int32Array): void {
  const i = Math.floor(x);
  const t = x - i;
  w[0] = t * (-0.5 + t * (1 - 0.5 * t));
  w[1] = 1 + t * t * (-2.5 + 1.5 * t);
  w[2] = t * (0.5 + t * (2 - 1.5 * t));
  w[3] = t * t * (-0.5 + 0.5 * t);
  for (let k = 0; k < 4; k++) at[k] = Math.max(0, Math.min(n - 1, i - 1 + k));
}
