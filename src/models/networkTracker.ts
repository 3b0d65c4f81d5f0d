import { ArgumentError, ShapeError } from "../core/errors.js";
import type { Image } from "../core/interfaces.js";
import { scope } from "../core/scope.js";
import { brightnessOf, channelWeights } from "../features/gray.js";
import { image } from "../image/index.js";
import type { Layer } from "../nn/index.js";
import { Tensor } from "../tensor/index.js";
import type { Box, TrackedBox } from "../vision/index.js";
import type { LkRegressor } from "./deepLk.js";
import { type BoxMoves, type BoxPair, trackingSide } from "./trackingNetworks.js";

const side = 3 * trackingSide;
/** Shrinkings and steps of a second look, which begins where the first one ended. */
const near = [
  [2, 1],
  [1, 2],
] as const;

/** A tensor that outlives the scope that it was made in. */
interface Numbers {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
type Kept = { readonly [K in keyof LkRegressor]: Numbers };
/** Places along an axis, and what each counts in the means of `side` samples: those of sample i from starts[i] on. */
interface Means {
  readonly starts: Int32Array;
  readonly places: Int32Array;
  readonly weights: Float64Array;
  readonly first: number;
  readonly last: number;
}
/** Samples on each side that a patch may leave out when what is looked for is in its middle: networks see twice the box there, and a little more. */
const rim = 12;
/** Each sample is the mean of up to 4 places of linear interpolation, as many as it covers pixels. */
function means(from: number, length: number, size: number, trim: number): Means {
  const step = length / side;
  const n = Math.max(1, Math.min(4, Math.round(step)));
  const starts = new Int32Array(side + 1);
  const [places, weights]: number[][] = [[], []];
  for (let i = 0; i < side; i++) {
    for (let k = 0; k < n && i >= trim && i < side - trim; k++) {
      const v = Math.min(size - 1.001, Math.max(0, from + (i + (k + 0.5) / n) * step - 0.5));
      const at = Math.floor(v);
      for (const [place, weight] of [
        [at, (1 - (v - at)) / n],
        [at + 1, (v - at) / n],
      ]) {
        const known = places.indexOf(place, starts[i]);
        if (known >= 0) weights[known] += weight;
        else {
          places.push(place);
          weights.push(weight);
        }
      }
    }
    starts[i + 1] = places.length;
  }
  return {
    starts,
    places: Int32Array.from(places),
    weights: Float64Array.from(weights),
    first: Math.min(...places),
    last: Math.max(...places),
  };
}

/**
 * A network that says where a box went from one frame to the next, as a tracker. A network with a likeness (Deep-LK) looks for what one frame, the key, showed in its
 * box, in every later frame, so that small errors do not add up; where that is not alike any more, the last frame becomes the key. Without a likeness, what the box shows
 * in a frame is what is looked for in the next.
 * Nothing has to be freed. The same frames give the same boxes, for any number of threads.
 */
export class NetworkTracker {
  readonly #model: Layer<BoxPair, BoxMoves>;
  readonly #size: readonly [number, number];
  readonly #range: readonly [number, number];
  readonly #anchored: boolean;
  /** What is looked for, and what the box showed in the frame before. */
  #key: Float32Array;
  /** The key's regressors, once they were made: shapes and values, of each R, b and features. */
  #known?: readonly Kept[];
  #last: Float32Array;
  #box: Box;
  /** A picture whose values are not all numbers, without those. */
  #mended?: { readonly of: Image; readonly by: Image };

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
    this.#key = this.#last = this.#cut(first, box, rim);
  }

  /** Three times the box in 96 × 96 samples, each the mean of what it covers; the border goes on outside the frame. Those of the rim may be left out. */
  #cut(picture: Image, { x, y, width: w, height: h }: Box, trim = 0): Float32Array {
    const [columns, rows] = this.#size;
    const [low, span] = this.#range;
    const [across, down] = [means(x - w, 3 * w, columns, trim), means(y - h, 3 * h, rows, trim)];
    const { data, shape } = picture.values;
    const values = data as ArrayLike<number> & { length: number };
    const weights = channelWeights(shape[0]);
    // First along y, for the columns that count: rows lie side by side in memory.
    const wide = across.last - across.first + 1;
    const strip = new Float32Array(side * wide);
    for (const [c, weight] of weights.entries())
      for (let j = 0; j < side; j++)
        for (let k = down.starts[j]; k < down.starts[j + 1]; k++) {
          const [by, from] = [weight * down.weights[k], (c * rows + down.places[k]) * columns + across.first];
          for (let i = 0, at = j * wide; i < wide; i++) strip[at + i] += by * values[from + i];
        }
    const out = new Float32Array(side * side);
    let sound = 0;
    for (let j = 0, o = 0; j < side; j++)
      for (let i = 0; i < side; i++, o++) {
        let sum = 0;
        for (let k = across.starts[i]; k < across.starts[i + 1]; k++)
          sum += across.weights[k] * strip[j * wide + across.places[k] - across.first];
        out[o] = (sum - low) / span;
        sound += sum;
      }
    if (Number.isFinite(sound)) return out;
    // Values that are no numbers count as the darkest one.
    if (this.#mended?.of !== picture) this.#mended = { of: picture, by: image(brightnessOf(picture).values, { size: [columns, rows] }) };
    return this.#cut(this.#mended.by, { x, y, width: w, height: h }, trim);
  }
  #ask(template: Float32Array, search: Float32Array, plan?: BoxPair["plan"]): { readonly move: Float32Array; readonly likeness: number } {
    return scope(() => {
      const one = (v: Float32Array) => Tensor.from(v, [1, 1, side, side]);
      const ofKey = plan === near;
      const put = ({ shape, values }: Numbers) => Tensor.from(values, shape);
      const known = ofKey ? this.#known?.map(({ r, b, template }) => ({ r: put(r), b: put(b), template: put(template) })) : undefined;
      const answer = this.#model.forward({ template: one(template), search: one(search), plan, regressors: known });
      const { moves, likeness } = answer;
      const taken = (t: Tensor): Numbers => ({ shape: t.shape, values: Float32Array.from(t.data) });
      if (ofKey) this.#known ??= answer.regressors?.map(({ r, b, template }) => ({ r: taken(r), b: taken(b), template: taken(template) }));
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
    const [columns, rows] = this.#size;
    const { size } = picture.grid;
    if (size.length !== 2 || size[0] !== columns || size[1] !== rows)
      throw new ShapeError(
        `networkTracker: a frame of ${size.join("×")} pixels came, the first had ${columns}×${rows}; all frames have one size`,
      );
    const { move, likeness } = this.#ask(this.#last, this.#cut(picture, this.#box));
    const sees = Number.isFinite(likeness);
    const lost = sees && likeness < 0.15;
    let confidence = sees ? Math.max(0, Math.min(1, likeness)) : 1;
    if (!lost) {
      this.#box = this.#moved(this.#box, move);
      let search = this.#cut(picture, this.#box, rim);
      if (sees && this.#anchored) {
        const again = this.#ask(this.#key, search, near);
        const [tx, ty, growth] = again.move;
        if (again.likeness > 0.5 && Math.hypot(tx, ty) < 0.3 && Math.abs(growth) < 0.15) {
          this.#box = this.#moved(this.#box, again.move);
          search = this.#cut(picture, this.#box, rim);
          confidence = Math.max(confidence, again.likeness);
        } else {
          this.#key = this.#last;
          this.#known = undefined;
        }
      }
      this.#last = search;
    }
    this.#mended = undefined;
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
