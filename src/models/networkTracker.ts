import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import { brightnessOf, type Gray } from "../features/gray.js";
import type { Layer } from "../nn/index.js";
import { Tensor } from "../tensor/index.js";
import type { Box, TrackedBox } from "../vision/index.js";
import { type BoxMoves, type BoxPair, trackingSide } from "./trackingNetworks.js";

const side = 3 * trackingSide;
/** Shrinkings and steps of a second look, which begins where the first one ended. */
const near = [
  [2, 1],
  [1, 2],
] as const;

/**
 * A network that says where a box went from one frame to the next, as a tracker: after every frame the box is what is looked for in the next. With a likeness (Deep-LK) the
 * first frame's box is looked for again from there, so that small errors do not add up, as long as it is still alike.
 * Nothing has to be freed. The same frames give the same boxes, for any number of threads.
 */
export class NetworkTracker {
  readonly #model: Layer<BoxPair, BoxMoves>;
  readonly #size: readonly [number, number];
  readonly #range: readonly [number, number];
  readonly #first: Float32Array;
  readonly #anchored: boolean;
  #template: Float32Array;
  #box: Box;

  /** Begins with a network, a picture and the box in it. */
  constructor(model: Layer<BoxPair, BoxMoves>, first: Image, box: Box, { anchored = true }: { readonly anchored?: boolean } = {}) {
    const { x, y, width, height } = box;
    if (![x, y, width, height].every(Number.isFinite) || !(width >= 4 && height >= 4))
      throw new ArgumentError(`networkTracker: a box of ${width}×${height} pixels at (${x}, ${y}) came; at least 4×4 pixels are needed`, {
        box,
      });
    const gray = brightnessOf(first);
    if (!(x < gray.width && y < gray.height && x + width > 0 && y + height > 0))
      throw new ArgumentError(
        `networkTracker: the box ${width}×${height} at (${x}, ${y}) lies outside the frame of ${gray.width}×${gray.height} pixels`,
        { box },
      );
    this.#model = model;
    this.#size = [gray.width, gray.height];
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const v of gray.values) {
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
    this.#range = [low, high > low ? high - low : 1];
    this.#box = box;
    this.#anchored = anchored;
    this.#template = this.#cut(gray, box);
    this.#first = this.#template;
  }

  /** Three times the box in 96 × 96 samples, each the mean of what it covers; the border goes on outside the frame. */
  #cut({ values, width, height }: Gray, { x, y, width: w, height: h }: Box): Float32Array {
    const out = new Float32Array(side * side);
    const [low, span] = this.#range;
    const [dx, dy] = [(3 * w) / side, (3 * h) / side];
    // Means of n × n places of linear interpolation where a sample covers several pixels.
    const [nx, ny] = [dx, dy].map((d) => Math.max(1, Math.min(8, Math.round(d))));
    const axis = (from: number, step: number, n: number, size: number) =>
      Array.from({ length: side * n }, (_, k) => {
        const v = Math.min(size - 1.001, Math.max(0, from + ((k + 0.5) / n) * step - 0.5));
        return [Math.floor(v), v - Math.floor(v)] as const;
      });
    const [xs, ys] = [axis(x - w, dx, nx, width), axis(y - h, dy, ny, height)];
    for (const [j, [row, q]] of ys.entries())
      for (const [i, [column, p]] of xs.entries()) {
        const at = row * width + column;
        out[Math.floor(j / ny) * side + Math.floor(i / nx)] +=
          (1 - q) * ((1 - p) * values[at] + p * values[at + 1]) + q * ((1 - p) * values[at + width] + p * values[at + width + 1]);
      }
    return out.map((v) => (v / (nx * ny) - low) / span);
  }
  #ask(template: Float32Array, search: Float32Array, plan?: BoxPair["plan"]): { readonly move: Float32Array; readonly likeness: number } {
    return scope(() => {
      const one = (v: Float32Array) => Tensor.from(v, [1, 1, side, side]);
      const { moves, likeness } = this.#model.forward({ template: one(template), search: one(search), plan });
      return { move: Float32Array.from(moves[moves.length - 1].data), likeness: likeness ? likeness.item() : Number.NaN };
    });
  }
  /** The box moved as the network says; it stays within the frame, and changes its size by at most a third at once. */
  #moved({ x, y, width, height }: Box, [tx, ty, gx, gy]: ArrayLike<number> & Iterable<number>): Box {
    const [columns, rows] = this.#size;
    const growth = (g: number) => Math.exp(Math.max(-0.3, Math.min(0.3, g)));
    const w = Math.min(columns, Math.max(4, width * growth(gx)));
    const h = Math.min(rows, Math.max(4, height * growth(gy)));
    const within = (v: number, n: number) => Math.min(n - 1, Math.max(0, v));
    const [cx, cy] = [within(x + (width / 2) * (1 + tx), columns), within(y + (height / 2) * (1 + ty), rows)];
    return { x: cx - w / 2, y: cy - h / 2, width: w, height: h };
  }

  /** Where the box is in the next picture. */
  next(picture: Image): TrackedBox {
    const gray = brightnessOf(picture);
    const [columns, rows] = this.#size;
    if (gray.width !== columns || gray.height !== rows)
      throw new ShapeError(
        `networkTracker: a frame of ${gray.width}×${gray.height} pixels came, the first had ${columns}×${rows}; all frames have one size`,
      );
    const { move, likeness } = this.#ask(this.#template, this.#cut(gray, this.#box));
    const sees = Number.isFinite(likeness);
    const lost = sees && likeness < 0.15;
    let confidence = sees ? Math.max(0, Math.min(1, likeness)) : 1;
    if (!lost) {
      this.#box = this.#moved(this.#box, move);
      let search = this.#cut(gray, this.#box);
      if (sees && this.#anchored && this.#template !== this.#first) {
        const again = this.#ask(this.#first, search, near);
        const far = Math.hypot(again.move[0], again.move[1]);
        if (again.likeness > 0.5 && far < 0.3 && Math.abs(again.move[2]) < 0.15) {
          this.#box = this.#moved(this.#box, again.move);
          search = this.#cut(gray, this.#box);
          confidence = Math.max(confidence, again.likeness);
        }
      }
      this.#template = search;
    }
    return { ...this.#box, confidence, lost };
  }
}
/** A tracker by a network of `deepLkTracking` or `regressionTracking`: see `NetworkTracker`. */
export const networkTracker = (
  model: Layer<BoxPair, BoxMoves>,
  first: Image,
  box: Box,
  o: { readonly anchored?: boolean } = {},
): NetworkTracker => new NetworkTracker(model, first, box, o);
