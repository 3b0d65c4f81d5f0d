import { ArgumentError, ShapeError } from "../../core/errors.js";
import type { Image } from "../../core/interfaces.js";
import { type Motion, motions } from "../align.js";
import { BoxPose, type BoxPoseResult } from "./boxPose.js";
import { blendedColours, type ColourModel, colourAnswer, colourModel } from "./colourModel.js";
import { answer, blended, bumpSpectrum, type CorrelationFilter, learn, type Peak, peakOf, planesOf, spectra } from "./correlationFilter.js";
import { gradientCells } from "./gradientCells.js";
import { type Frame, frameOf, type Place, patch, type Range, rangeOf } from "./patch.js";
import { ScaleFilter } from "./scaleFilter.js";

/** A box in pixels as trackers write it: (x, y) its left upper pixel, width × height pixels. */
export interface Box {
  /** Left edge, pixels. */
  readonly x: number;
  /** Top edge, pixels. */
  readonly y: number;
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
}
export interface TrackedBox extends Box {
  /** From 0 to 1: how far the answer's peak stands out of its surroundings (1 from 20 of their deviations), and how high it is against the last frames'. */
  readonly confidence: number;
  /** The target is not to be seen, or cannot be told from its surroundings; the box is where it was seen last. */
  readonly lost: boolean;
  /** How the target stands, between pixels; with the option `pose`, and where it is not lost. */
  readonly pose?: BoxPoseResult;
}
/** How a box may move and change, and when it counts as lost. */
export interface BoxTrackerOptions {
  /** Side of the square searched, in units of √(width · height) of the target. Default 4. */
  readonly search?: number;
  /** How fast the filter follows the target's looks: the share of a new frame. Default 0.02. */
  readonly rate?: number;
  /** Follow the target's size. Default true. */
  readonly scale?: boolean;
  /** Align the first box's content to each frame with this motion as well: a pose between pixels. Default: not. */
  readonly pose?: Motion;
}

/** Cells along a side of the search window, and pixels of the resampled patch along a cell. */
const cells = 48;
const cell = 4;
/** Gradient directions with and without sign, and brightness. */
const channels = 28;
/** What the colours say weighs so much against the filter, and how fast they follow. */
const [colourShare, colourRate] = [0.3, 0.04];
/** Heights of the peak over its surroundings, in their deviations: nothing is there; look further; as clear as it gets. */
const [unclear, unsure, sure] = [6, 10, 20];
/** After a loss the target must look like itself: correlation of its brightness with that of the first frame or of the last clear one. */
const alikeAgain = 0.4;
/** Samples along a side of such a look. */
const look = 24;
/** Frames lost before more is asked of an answer and the whole frame is searched, and windows of it that are searched in each. */
const [patience, windowsAFrame] = [2, 2];
const twice = (rate: number) => 1 - (1 - rate) ** 2;
const settings = { ridge: 0.01, rounds: 3 };

interface Found {
  readonly place: Place;
  readonly peak: Peak & { readonly colour?: number };
}

/**
 * Follows a box through frames. A correlation filter over gradient histograms and brightness, with the target's colours beside it, kept within the target by a mask, answers with a bump
 * where the target is; its peak is found between cells. A second filter along the axis of scale gives the size.
 * When the answer is unclear, a window of twice the side is searched too and the better place is taken; when it remains unclear, the filter does not
 * learn, and the box stays and is reported as lost; then the whole frame is searched, a few windows at a time, until the answer is clear and what is there
 * looks like the target.
 * Nothing has to be freed. The same frames give the same boxes, for any number of threads.
 * @see Lukežič, Vojíř, Čehovin Zajc, Matas, Kristan (2018), Discriminative correlation filter tracker with channel and spatial reliability, IJCV 126
 * @see Danelljan, Häger, Khan, Felsberg (2017), Discriminative scale space tracking, PAMI 39(8)
 */
export class BoxTracker {
  readonly #range: Range;
  readonly #frame: readonly [number, number];
  readonly #wanted: Float32Array;
  readonly #mask: Float32Array;
  readonly #windows = new Map<number, Float32Array>();
  readonly #scale?: ScaleFilter;
  readonly #search: number;
  readonly #rate: number;
  #filter: CorrelationFilter;
  #colours?: ColourModel;
  #place: Place;
  /** Height of the answer in the last frames where the target was seen. */
  #usual = 0;
  /** Share of the target's colours in them. */
  #usualColour = 0;
  /** Frames learnt from. */
  #count = 0;
  #frameBuffer?: Frame;
  /** Looks of the first frame and of the last clear one, mean 0, length 1. */
  readonly #firstLook: Float32Array;
  #lastLook: Float32Array;
  #lostFor = 0;
  #window = 0;
  readonly #pose?: BoxPose;

  /** Begins with a picture and the box in it. */
  constructor(first: Image, box: Box, o: BoxTrackerOptions = {}) {
    const { x, y, width, height } = box;
    const { search = 4, rate = 0.02, scale = true } = o;
    if (![x, y, width, height].every(Number.isFinite) || !(width >= 4 && height >= 4))
      throw new ArgumentError(`boxTracker: a box of ${width}×${height} pixels at (${x}, ${y}) came; at least 4×4 pixels are needed`, {
        box,
      });
    if (!(search >= 2) || !(rate >= 0 && rate <= 1))
      throw new ArgumentError(`boxTracker: search ${search}, rate ${rate}; search is at least 2, rate from 0 to 1`, { search, rate });
    if (o.pose !== undefined && !motions.includes(o.pose))
      throw new ArgumentError(`boxTracker: there is no motion "${o.pose}"; choose among ${motions.join(", ")}`, { pose: o.pose });
    this.#search = search;
    this.#rate = rate;
    this.#range = rangeOf(first);
    this.#place = { x: x + (width - 1) / 2, y: y + (height - 1) / 2, width, height };
    const frame = this.#look(first);
    const [columns, rows] = first.grid.size;
    this.#frame = [columns, rows];
    if (!(x < columns && y < rows && x + width > 0 && y + height > 0))
      throw new ArgumentError(
        `boxTracker: the box ${width}×${height} at (${x}, ${y}) lies outside the frame of ${columns}×${rows} pixels`,
        { box },
      );
    const side = this.#side();
    const [w, h] = [(cells * width) / side, (cells * height) / side];
    this.#wanted = bumpSpectrum(cells, Math.sqrt(w * h) / 16);
    const middle = (cells - 1) / 2;
    this.#mask = Float32Array.from({ length: cells * cells }, (_, k) =>
      Math.abs((k % cells) - middle) <= 0.65 * w && Math.abs(Math.floor(k / cells) - middle) <= 0.65 * h ? 1 : 0,
    );
    if (scale) {
      this.#scale = new ScaleFilter(width, height);
      this.#scale.learn(frame, this.#place);
    }
    this.#filter = this.#learned(frame);
    this.#colours = colourModel(frame, this.#place, side, 2 * cells);
    this.#firstLook = this.#lookOf(frame, this.#place);
    this.#lastLook = this.#firstLook;
    if (o.pose) this.#pose = new BoxPose(first, box, o.pose);
  }

  /** A frame no finer than twice what the patches show: large pictures cost little more than small ones. */
  #look(picture: Image): Frame {
    const block = Math.max(1, Math.floor(this.#side() / (2 * cells * cell)));
    this.#frameBuffer = frameOf(picture, this.#range, block, this.#frameBuffer);
    return this.#frameBuffer;
  }
  #side(): number {
    return this.#search * Math.sqrt(this.#place.width * this.#place.height);
  }
  /** A Hann window for learning and searching near; none for the wide search, whose border matters less than its reach. */
  #windowOf(n: number): Float32Array {
    let w = this.#windows.get(n);
    if (!w) {
      const flat = n > cells;
      const hann = (i: number) =>
        flat ? Math.min(1, (Math.min(i, n - 1 - i) + 0.5) / 4) : 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / n);
      w = Float32Array.from({ length: n * n }, (_, k) => hann(k % n) * hann(Math.floor(k / n)));
      this.#windows.set(n, w);
    }
    return w;
  }
  /** Spectra of the windowed channels about a place, n × n cells. */
  #described(frame: Frame, place: Place, n: number): Float32Array {
    const side = (this.#side() * n) / cells;
    const pixels = patch(frame.gray, frame, { ...place, width: side, height: side }, n * cell, n * cell);
    const gradients = gradientCells(pixels, n * cell, n * cell, cell);
    const out = gradients.subarray(0, channels * n * n); // 27 of its channels are kept
    const light = new Float32Array(n * n);
    let mean = 0;
    for (let j = 0, k = 0; j < n * cell; j++)
      for (let i = 0; i < n * cell; i++, k++) {
        light[Math.floor(j / cell) * n + Math.floor(i / cell)] += pixels[k] / (cell * cell);
        mean += pixels[k] / pixels.length;
      }
    for (let k = 0; k < n * n; k++) out[(channels - 1) * n * n + k] = light[k] - mean;
    const window = this.#windowOf(n);
    for (let c = 0, k = 0; c < channels; c++) for (let i = 0; i < n * n; i++, k++) out[k] *= window[i];
    return spectra(out, channels, n);
  }
  #learned(frame: Frame): CorrelationFilter {
    return learn(this.#described(frame, this.#place, cells), this.#wanted, this.#mask, channels, cells, settings);
  }
  /** Where filter and colours together say that the target is. */
  #peak(frame: Frame, from: Place, filter: CorrelationFilter, n: number): Found["peak"] {
    const own = answer(this.#described(frame, from, n), filter, n);
    const colour = this.#colours && colourAnswer(frame, from, (this.#side() * n) / cells, n, this.#colours);
    if (!colour || this.#usual === 0) return peakOf(own, n);
    // Both count by their usual height: the filter's by that of the last frames, the share of colours by 1.
    const share = (colourShare / (1 - colourShare)) * this.#usual;
    const values = own.values.map((v, k) => v + share * colour[k]);
    const peak = peakOf({ values, spectrum: spectra(values, 1, n) }, n, own.values);
    const at = (v: number) => (Math.round(v) + n) % n;
    return { ...peak, colour: colour[at(peak.y) * n + at(peak.x)] };
  }
  #near(frame: Frame, from: Place): Found {
    const peak = this.#peak(frame, from, this.#filter, cells);
    const by = this.#side() / cells;
    return { place: { ...from, x: from.x + peak.x * by, y: from.y + peak.y * by }, peak };
  }
  /** The best place in a window of twice the side, by the same filter with zeros about it. A tie is won by the near one. */
  #wide(frame: Frame, from: Place): Place {
    const n = 2 * cells;
    const h = planesOf(this.#filter.h, channels, cells);
    const padded = new Float32Array(channels * n * n);
    for (let c = 0; c < channels; c++)
      for (let j = 0; j < cells; j++)
        padded.set(h.subarray((c * cells + j) * cells, (c * cells + j + 1) * cells), (c * n + j + cells / 2) * n + cells / 2);
    const filter = { h: spectra(padded, channels, n), weights: this.#filter.weights };
    const peak = this.#peak(frame, from, filter, n);
    const by = this.#side() / cells;
    return { ...from, x: from.x + peak.x * by, y: from.y + peak.y * by };
  }

  #lookOf(frame: Frame, place: Place): Float32Array {
    const out = patch(frame.gray, frame, place, look, look);
    let [sum, squares] = [0, 0];
    for (let k = 0; k < out.length; k++) sum += out[k];
    for (let k = 0; k < out.length; k++) {
      out[k] -= sum / out.length;
      squares += out[k] * out[k];
    }
    const by = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let k = 0; k < out.length; k++) out[k] *= by;
    return out;
  }
  /** Correlation with how the target looked at first or of late, the greater of the two. */
  #alike(frame: Frame, place: Place): number {
    const own = this.#lookOf(frame, place);
    let [first, last] = [0, 0];
    for (let k = 0; k < own.length; k++) {
      first += own[k] * this.#firstLook[k];
      last += own[k] * this.#lastLook[k];
    }
    return Math.max(first, last);
  }
  #isLost({ sharpness, value, colour = 1 }: Found["peak"]): boolean {
    return sharpness < unclear || value < 0.3 * this.#usual || colour < 0.4 * this.#usualColour;
  }
  /** After a long loss a place is believed when the answer is clear and the target looks like itself there. */
  #isBack(frame: Frame, { place, peak }: Found): boolean {
    return !this.#isLost(peak) && peak.sharpness >= unsure && peak.value >= 0.5 * this.#usual && this.#alike(frame, place) >= alikeAgain;
  }
  /** A few more windows of the whole frame, by turns, row by row; the best that is believed. */
  #anywhere(frame: Frame): Found | undefined {
    const reach = 1.5 * this.#side();
    const [columns, rows] = [Math.max(1, Math.ceil(this.#frame[0] / reach)), Math.max(1, Math.ceil(this.#frame[1] / reach))];
    let best: Found | undefined;
    for (let k = 0; k < Math.min(windowsAFrame, columns * rows); k++) {
      const w = this.#window++ % (columns * rows);
      const from = {
        ...this.#place,
        x: (((w % columns) + 0.5) * this.#frame[0]) / columns - 0.5,
        y: ((Math.floor(w / columns) + 0.5) * this.#frame[1]) / rows - 0.5,
      };
      const found = this.#near(frame, this.#wide(frame, from));
      if (this.#isBack(frame, found) && (!best || this.#worth(found.peak) > this.#worth(best.peak))) best = found;
    }
    return best;
  }

  #worth({ value, colour = 0 }: Found["peak"]): number {
    return value + (colourShare / (1 - colourShare)) * this.#usual * colour;
  }

  /** Where the box is in the next picture. */
  next(picture: Image): TrackedBox {
    const frame = this.#look(picture);
    const [columns, rows] = picture.grid.size;
    if (columns !== this.#frame[0] || rows !== this.#frame[1])
      throw new ShapeError(
        `boxTracker: a frame of ${columns}×${rows} pixels came, the first had ${this.#frame[0]}×${this.#frame[1]}; all frames have one size`,
      );
    let found = this.#near(frame, this.#place);
    if (found.peak.sharpness < unsure || found.peak.value < 0.5 * this.#usual) {
      const other = this.#near(frame, this.#wide(frame, this.#place));
      if (this.#worth(other.peak) > 1.1 * this.#worth(found.peak)) found = other;
    }
    const long = this.#lostFor >= patience;
    let lost = long ? !this.#isBack(frame, found) : this.#isLost(found.peak);
    if (lost && long) {
      const other = this.#anywhere(frame);
      if (other) [found, lost] = [other, false];
    }
    this.#lostFor = lost ? this.#lostFor + 1 : 0;
    const { peak } = found;
    const confidence = Math.min(1, peak.sharpness / sure, this.#usual > 0 ? peak.value / this.#usual : 1);
    if (!lost) {
      if (peak.colour !== undefined) this.#usualColour += (this.#usualColour === 0 ? 1 : 0.2) * (peak.colour - this.#usualColour);
      this.#usual += (this.#usual === 0 ? 1 : 0.2) * (peak.value - this.#usual);
      const within = (v: number, n: number) => Math.min(n - 1, Math.max(0, v));
      this.#place = { ...found.place, x: within(found.place.x, columns), y: within(found.place.y, rows) };
      if (this.#scale) {
        const by = this.#scale.factor(frame, this.#place);
        const { width, height } = this.#place;
        if (Math.min(width, height) * by >= 4 && width * by <= columns && height * by <= rows)
          this.#place = { ...this.#place, width: width * by, height: height * by };
        if (this.#count % 2 === 1) this.#scale.learn(frame, this.#place);
      }
      // The two filters learn by turns, each at twice the rate: looks change little between two frames, and learning is most of the work.
      if (this.#count % 2 === 0) {
        this.#filter = blended(this.#filter, this.#learned(frame), twice(this.#rate));
        const colours = this.#colours && colourModel(frame, this.#place, this.#side(), 2 * cells);
        if (this.#colours && colours) this.#colours = blendedColours(this.#colours, colours, twice(colourRate));
      }
      this.#count++;
      if (peak.sharpness >= unsure && peak.value >= 0.5 * this.#usual) this.#lastLook = this.#lookOf(frame, this.#place);
    }
    const { x, y, width, height } = this.#place;
    const box = { x: x - (width - 1) / 2, y: y - (height - 1) / 2, width, height };
    const pose = this.#pose && !lost ? { pose: this.#pose.next(picture, box) } : {};
    return { ...box, confidence, lost, ...pose };
  }
}

/** A tracker of the box in the first frame; `next` takes each further frame. */
export const boxTracker = (first: Image, box: Box, options?: BoxTrackerOptions): BoxTracker => new BoxTracker(first, box, options);
