import { gradientCells, gradientChannels } from "./gradientCells.js";
import { type Frame, type Place, patch } from "./patch.js";

/**
 * A correlation filter along the axis of scale: patches of S sizes about one place, each described by gradient histograms, answer with a bump at the
 * right size.
 * @see Danelljan, Häger, Khan, Felsberg (2017), Discriminative scale space tracking, PAMI 39(8)
 */
export class ScaleFilter {
  readonly #count = 17;
  readonly #step = 1.02;
  readonly #ridge = 0.01;
  readonly #rate = 0.05; // it learns from every second frame
  readonly #columns: number;
  readonly #rows: number;
  readonly #window: Float64Array;
  readonly #target: Float64Array;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  #numerator?: Float32Array;
  #denominator?: Float64Array;

  constructor(width: number, height: number) {
    // About 512 pixels whatever the target's size: 32 cells.
    const by = Math.sqrt(512 / (width * height));
    this.#columns = Math.max(2, Math.round((width * by) / 4)) * 4;
    this.#rows = Math.max(2, Math.round((height * by) / 4)) * 4;
    const s = this.#count;
    this.#window = Float64Array.from({ length: s }, (_, k) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (k + 1)) / (s + 1)));
    this.#cosines = Float64Array.from({ length: s }, (_, k) => Math.cos((2 * Math.PI * k) / s));
    this.#sines = Float64Array.from({ length: s }, (_, k) => -Math.sin((2 * Math.PI * k) / s));
    const sigma = Math.sqrt(s) / 4;
    const middle = (s - 1) / 2;
    const bump = Float32Array.from({ length: s }, (_, k) => Math.exp(-0.5 * ((k - middle) / sigma) ** 2));
    this.#target = Float64Array.from(this.#spectrum(bump, 1));
  }

  /** Half spectra along scale: values [scales, features] → [frequencies, features, 2]. */
  #spectrum(values: Float32Array, features: number): Float32Array {
    const s = this.#count;
    const half = (s + 1) / 2;
    const out = new Float32Array(half * features * 2);
    const [re, im] = [new Float64Array(features), new Float64Array(features)];
    for (let q = 0; q < half; q++) {
      re.fill(0);
      im.fill(0);
      for (let k = 0; k < s; k++) {
        const [c, d] = [this.#cosines[(q * k) % s], this.#sines[(q * k) % s]];
        for (let i = 0, at = k * features; i < features; i++, at++) {
          re[i] += c * values[at];
          im[i] += d * values[at];
        }
      }
      for (let i = 0, o = q * features * 2; i < features; i++) {
        out[o++] = re[i];
        out[o++] = im[i];
      }
    }
    return out;
  }

  /** Descriptions of the target at all sizes, [scales, features]. */
  #samples(frame: Frame, place: Place): { values: Float32Array; features: number } {
    const s = this.#count;
    const middle = (s - 1) / 2;
    const largest = this.#step ** middle;
    // One generous patch first, so that a large target is not averaged 33 times.
    const [wide, high] = [Math.ceil(this.#columns * largest * 1.5), Math.ceil(this.#rows * largest * 1.5)];
    const [width, height] = [place.width * largest * 1.1, place.height * largest * 1.1];
    const small = place.width > 1.5 * this.#columns;
    const near = small ? patch(frame.gray, frame, { x: place.x, y: place.y, width, height }, wide, high) : frame.gray;
    const size = small ? { width: wide, height: high, block: 1 } : frame;
    const features = (this.#columns / 4) * (this.#rows / 4) * gradientChannels;
    const values = new Float32Array(s * features);
    for (let k = 0; k < s; k++) {
      const by = this.#step ** (k - middle);
      const at = small
        ? { x: (wide - 1) / 2, y: (high - 1) / 2, width: (place.width * by * wide) / width, height: (place.height * by * high) / height }
        : { x: place.x, y: place.y, width: place.width * by, height: place.height * by };
      const cells = gradientCells(patch(near, size, at, this.#columns, this.#rows), this.#columns, this.#rows, 4);
      for (let i = 0, o = k * features; i < features; i++) values[o++] = cells[i] * this.#window[k];
    }
    return { values, features };
  }

  learn(frame: Frame, place: Place): void {
    const { values, features } = this.#samples(frame, place);
    const f = this.#spectrum(values, features);
    const half = (this.#count + 1) / 2;
    const first = !this.#numerator || !this.#denominator;
    this.#numerator ??= new Float32Array(f.length);
    this.#denominator ??= new Float64Array(half);
    const rate = first ? 1 : this.#rate;
    for (let q = 0; q < half; q++) {
      const [gr, gi] = [this.#target[2 * q], this.#target[2 * q + 1]];
      let power = 0;
      for (let k = q * features * 2; k < (q + 1) * features * 2; k += 2) {
        const [re, im] = [f[k], f[k + 1]];
        power += re * re + im * im;
        // g f̄
        this.#numerator[k] += rate * (gr * re + gi * im - this.#numerator[k]);
        this.#numerator[k + 1] += rate * (gi * re - gr * im - this.#numerator[k + 1]);
      }
      this.#denominator[q] += rate * (power - this.#denominator[q]);
    }
  }

  /** The factor by which the target at this place has grown. */
  factor(frame: Frame, place: Place): number {
    if (!this.#numerator || !this.#denominator) return 1;
    const { values, features } = this.#samples(frame, place);
    const f = this.#spectrum(values, features);
    const s = this.#count;
    const half = (s + 1) / 2;
    const answer = new Float64Array(s);
    for (let q = 0; q < half; q++) {
      let [re, im] = [0, 0];
      for (let k = q * features * 2; k < (q + 1) * features * 2; k += 2) {
        re += this.#numerator[k] * f[k] - this.#numerator[k + 1] * f[k + 1];
        im += this.#numerator[k] * f[k + 1] + this.#numerator[k + 1] * f[k];
      }
      const by = (q === 0 ? 1 : 2) / (this.#denominator[q] + this.#ridge);
      for (let k = 0; k < s; k++) answer[k] += by * (re * this.#cosines[(q * k) % s] + im * this.#sines[(q * k) % s]);
    }
    let best = 0;
    for (let k = 1; k < s; k++) if (answer[k] > answer[best]) best = k;
    let at = best;
    if (best > 0 && best < s - 1) {
      const [a, b, c] = [answer[best - 1], answer[best], answer[best + 1]];
      at += (0.5 * (a - c)) / (a - 2 * b + c);
    }
    return this.#step ** (at - (s - 1) / 2);
  }
}
