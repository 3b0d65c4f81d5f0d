/** The one-dimensional registration of the lesson: F(x), M(x − shift in truth), T(x) = x + t, and D(t) = ½ ∫ (M(T(x)) − F(x))² dx. */
export interface Scene {
  readonly name: string;
  readonly note: string;
  fixed(x: number): number;
  moving(x: number): number;
}
const bell = (x: number, at: number, width: number, height = 1) => height * Math.exp(-0.5 * ((x - at) / width) ** 2);
const ramp = (x: number, at: number) => Math.min(1, Math.max(0, (x - at) / 20 + 0.5));
/** The same for ever: sums of waves with fixed phases. */
const weave = (x: number) =>
  [
    [3.1, 0.3],
    [4.7, 1.9],
    [7.9, 4.1],
    [13.1, 2.2],
    [22.3, 5.0],
  ].reduce((s, [length, phase]) => s + 0.2 * Math.sin((2 * Math.PI * x) / length + phase), 0.5);

export const scenes: readonly Scene[] = [
  {
    name: "Two ramps",
    note: "The product (M∘T − F) · M′ has one sign all along: wherever the shift begins, the sum points the right way.",
    fixed: (x) => ramp(x, 42),
    moving: (x) => ramp(x, 54),
  },
  {
    name: "Two bells of equal height",
    note: "Left of its top the slope of M is positive, right of it negative; where the bells overlap, the larger area decides. Without overlap there is nothing to sum.",
    fixed: (x) => bell(x, 42, 5),
    moving: (x) => bell(x, 54, 5),
  },
  {
    name: "Two bells of unequal height",
    note: "At the best shift the integrand is not zero, but its positive and negative areas are equal: the minimum stands, though the images never agree.",
    fixed: (x) => bell(x, 42, 5),
    moving: (x) => bell(x, 54, 5, 0.6),
  },
  {
    name: "A texture",
    note: "Fine waves give a minimum at every wavelength; blurred, only the coarse ones are left and the way home becomes long. That is what pyramids do.",
    fixed: (x) => weave(x) * bell(x, 48, 16),
    moving: (x) => weave(x - 9) * bell(x, 57, 16),
  },
];

export const extent = 96;
export const samples = Array.from({ length: 4 * extent + 1 }, (_, i) => i / 4);
const step = 0.25;

/** A signal smoothed by a Gaussian of `sigma`, from a table: it is looked up some hundred thousand times. */
export function smoothed(f: (x: number) => number, sigma: number): (x: number) => number {
  const [low, high, per] = [-60, 160, 8];
  const reach = Math.ceil(3 * sigma);
  const taps = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / Math.max(sigma, 1e-6)) ** 2));
  const sum = taps.reduce((t, w) => t + w, 0);
  const table = Float64Array.from({ length: (high - low) * per + 2 }, (_, k) => {
    const x = low + k / per;
    return taps.reduce((s, w, i) => s + (w / sum) * f(x + i - reach), 0);
  });
  return (x) => {
    const u = (Math.min(high, Math.max(low, x)) - low) * per;
    const k = Math.floor(u);
    return table[k] + (u - k) * (table[k + 1] - table[k]);
  };
}
/** D(t). */
export const distance = (f: (x: number) => number, m: (x: number) => number, t: number): number =>
  samples.reduce((s, x) => s + 0.5 * step * (m(x + t) - f(x)) ** 2, 0);
/** (M(x + t) − F(x)) M′(x + t): what is summed to the derivative of D. */
export const integrand = (f: (x: number) => number, m: (x: number) => number, t: number, x: number): number =>
  ((m(x + t) - f(x)) * (m(x + t + 0.05) - m(x + t - 0.05))) / 0.1;
export const slope = (f: (x: number) => number, m: (x: number) => number, t: number): number =>
  samples.reduce((s, x) => s + step * integrand(f, m, t, x), 0);
/** Gauss–Newton steps from t, no further than a voxel at a time. */
export function descent(f: (x: number) => number, m: (x: number) => number, t: number, steps = 60): number {
  let now = t;
  for (let k = 0; k < steps; k++) {
    const curvature = samples.reduce((s, x) => s + step * ((m(x + now + 0.05) - m(x + now - 0.05)) / 0.1) ** 2, 1e-9);
    now -= Math.min(1, Math.max(-1, slope(f, m, now) / curvature));
  }
  return now;
}
/** The starts between −40 and 40 from which descent comes to within a quarter of the truth: [from, to]. */
export function captureRange(f: (x: number) => number, m: (x: number) => number, truth: number): readonly [number, number] | undefined {
  const home = (t: number) => Math.abs(descent(f, m, t, 80) - truth) < 0.25;
  if (!home(truth)) return undefined;
  let [low, high] = [truth, truth];
  while (low - 1 > -40 && home(low - 1)) low--;
  while (high + 1 < 40 && home(high + 1)) high++;
  return [low, high];
}
