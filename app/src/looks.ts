import { grayOf, type Loaded, loadImage, loadTransform } from "../../src/cli/inputs.js";
import { Session } from "../../src/cli/session.js";
import { jacobianDeterminant } from "../../src/evaluation/index.js";
import type { Grid, Image } from "../../src/image/index.js";
import { asLinear } from "../../src/io/index.js";
import { robustWindow } from "../../src/report/picture.js";
import { scope, Tensor } from "../../src/tensor/index.js";
import { identityTransform, warp } from "../../src/transforms/index.js";
import { levelsOf, top } from "./levels.js";
import type { Deformation, Layer, Place } from "./protocol.js";

/** Images and deformations as levels for the page to draw. */

const placeOf = ({ size, spacing, origin, direction }: Grid): Place => ({
  size: [...size],
  spacing: [...spacing],
  origin: [...origin],
  direction: [...direction],
});
const session = () => new Session("look", { quiet: true });

const absolute = (values: Float32Array, n: number): Float32Array => {
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) out[i] = Math.hypot(values[i], values[n + i]);
  return out;
};

interface Seen {
  readonly values: Float32Array;
  readonly channels: 1 | 3;
  readonly place: Place;
}
/** What is shown of an image: its colours, one frame of a series, the size of complex values, else its first channel. */
function seen({ raw, image }: Loaded, frame = 0): Seen {
  const n = image.grid.size.reduce((a, b) => a * b, 1);
  const data = image.values.data as Float32Array;
  const place = placeOf(image.grid);
  if (raw.channelKind === "rgb" || raw.channelKind === "rgba")
    return { values: Float32Array.from(data.subarray(0, 3 * n)), channels: 3, place };
  if (raw.channelKind === "complex") return { values: absolute(data, n), channels: 1, place };
  const at = raw.channelKind === "time" ? Math.min(frame, raw.channels - 1) : 0;
  return { values: Float32Array.from(data.subarray(at * n, (at + 1) * n)), channels: 1, place };
}
/** Levels reach beyond the window, so that it can be moved, and leave a thousandth of it apart: values far outside share the last one. */
function layer(name: string, { values, channels, place }: Seen, window = robustWindow(values)): Layer {
  const span = window.high - window.low;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of values) {
    if (v < least) least = v;
    if (v > most) most = v;
  }
  const from = Math.max(Math.min(least, window.low), window.low - 8 * span);
  const to = Math.min(Math.max(most, window.high), window.high + 8 * span);
  return { name, place, channels, levels: levelsOf(values, from, to), from, to, low: window.low, high: window.high };
}
/** Whole numbers as they are. */
const labelled = (name: string, { values, place }: Seen): Layer => ({
  name,
  place,
  channels: 1,
  levels: Uint16Array.from(
    values.subarray(
      0,
      place.size.reduce((a, b) => a * b, 1),
    ),
    Math.round,
  ),
  from: 0,
  to: top,
  low: 0,
  high: top,
  labels: true,
});

/** Images by their paths; `together` gives them one window, so that their brightness may be compared. */
export async function look(
  paths: readonly string[],
  names: readonly string[],
  { together = false, frame = 0, labels = false }: { together?: boolean; frame?: number; labels?: boolean } = {},
): Promise<Layer[]> {
  const all: Seen[] = [];
  for (const path of paths) all.push(seen(await loadImage(session(), path), frame));
  const window = together && all.length > 0 ? robustWindow(all[0].values) : undefined;
  return all.map((s, k) => (labels ? labelled(names[k] ?? paths[k], s) : layer(names[k] ?? paths[k], s, window)));
}

/** Most samples that a series is handed over with; of longer ones every n-th frame is. */
const mostSamples = 100e6;
/** The frames of a series, one file with a time axis or one file for each, in one window. */
export async function frames(paths: readonly string[], name: string, labels = false): Promise<{ count: number; layers: Layer[] }> {
  const first = await loadImage(session(), paths[0]);
  const count = paths.length > 1 ? paths.length : first.raw.channelKind === "time" ? first.raw.channels : 1;
  const each = first.image.grid.size.reduce((a, b) => a * b, 1);
  const every = Math.max(1, Math.ceil((count * each) / mostSamples));
  const layers: Layer[] = [];
  let window: ReturnType<typeof robustWindow> | undefined;
  for (let t = 0; t < count; t += every) {
    const s = paths.length > 1 && t > 0 ? seen(await loadImage(session(), paths[t])) : seen(first, t);
    window ??= robustWindow(s.values);
    const title = `${name} ${t}`;
    layers.push(labels ? labelled(title, s) : layer(title, s, window));
  }
  return { count, layers };
}

/** a − b, where both have the same samples; 0 is the middle gray. */
export async function difference(a: string, b: string, name: string): Promise<Layer> {
  const [x, y] = [seen(await loadImage(session(), a)), seen(await loadImage(session(), b))];
  const n = x.place.size.reduce((p, q) => p * q, 1);
  const values = new Float32Array(n);
  for (let c = 0; c < x.channels; c++) for (let i = 0; i < n; i++) values[i] += (x.values[c * n + i] - y.values[c * n + i]) / x.channels;
  const half = Math.max(1e-12, robustWindow(values.map(Math.abs)).high);
  return {
    name,
    place: x.place,
    channels: 1,
    levels: levelsOf(values, -2 * half, 2 * half),
    from: -2 * half,
    to: 2 * half,
    low: -half,
    high: half,
    signed: true,
  };
}

/** Longest axis of the grid that a deformation is drawn from. */
const coarse = 96;

/** Fixed, moving as it lies, and warped, on the fixed grid, with the deformation between them. */
export async function registration(
  fixedPath: string,
  movingPath: string,
  folder: string,
): Promise<{ layers: Layer[]; deformation: Deformation }> {
  const s = session();
  const [fixed, moving] = [await loadImage(s, fixedPath), await loadImage(s, movingPath)];
  const y = await loadTransform(s, `${folder}/transform.json`);
  const { grid } = fixed.image;
  const colour = (l: Loaded) => grid.size.length === 2 && (l.raw.channelKind === "rgb" || l.raw.channelKind === "rgba");
  const values = (l: Loaded): Image => (colour(l) ? l.image : grayOf(l));
  const on = (l: Loaded, t: typeof y): Seen =>
    scope(() => {
      const channels = colour(l) ? 3 : 1;
      const n = grid.size.reduce((a, b) => a * b, 1);
      return {
        values: Float32Array.from((warp(values(l), t, grid).values.data as Float32Array).subarray(0, channels * n)),
        channels,
        place: placeOf(grid),
      };
    });
  const movingWindow = robustWindow(values(moving).values.data as Float32Array);
  const layers = [
    layer(
      "fixed",
      colour(fixed)
        ? seen(fixed)
        : { values: Float32Array.from(grayOf(fixed).values.data as Float32Array), channels: 1, place: placeOf(grid) },
    ),
    layer("moving", on(moving, identityTransform(grid.size.length)), movingWindow),
    layer("warped", on(moving, y), movingWindow),
  ];
  const linear = asLinear(y) !== undefined;
  const stride = Math.max(1, Math.ceil(Math.max(...grid.size) / coarse));
  const few: Grid = { ...grid, size: grid.size.map((n) => Math.ceil(n / stride)), spacing: grid.spacing.map((h) => h * stride) };
  const displacement = scope(() => Float32Array.from(y.displacement(few).data));
  let jacobian: Uint8Array | undefined;
  let range = 0;
  if (!linear) {
    const det = jacobianDeterminant(
      scope(() => Float32Array.from(y.displacement(grid).data)),
      grid,
    );
    const logs = Float32Array.from(det, (v) => (v > 0 ? Math.log(v) : Number.NaN));
    const { low, high } = robustWindow(logs);
    range = Math.max(0.05, Math.abs(low), Math.abs(high));
    jacobian = new Uint8Array(det.length);
    for (let i = 0; i < det.length; i++)
      if (det[i] > 0) jacobian[i] = 1 + Math.round(254 * Math.min(1, Math.max(0, (logs[i] / range + 1) / 2)));
  }
  return { layers, deformation: { displacement, place: placeOf(few), stride, straight: linear, jacobian, range } };
}

/** Points of fixed carried to moving, mm. */
export async function map(path: string, points: readonly (readonly number[])[]): Promise<number[][]> {
  const y = await loadTransform(session(), path);
  const d = y.dimension;
  if (points.length === 0) return [];
  return scope(() => {
    const out = y.apply(Tensor.from(Float32Array.from(points.flat()), [points.length, d])).data;
    return points.map((_, k) => Array.from({ length: d }, (_, c) => out[k * d + c]));
  });
}
