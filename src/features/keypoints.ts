/**
 * Points of a picture that can be found again, as columns: place (x right, y down, pixel centres at integers), size, direction, strength, and a
 * descriptor each. Sorted by strength, the strongest first.
 */
export interface Keypoints {
  /** How many there are. */
  readonly count: number;
  /** Pixels from the left. */
  readonly x: Float64Array;
  /** Pixels from the top. */
  readonly y: Float64Array;
  /** σ of the Gaussian at which the point was found, pixels of the picture. */
  readonly scale: Float64Array;
  /** Direction, radians from x towards y. */
  readonly angle: Float64Array;
  /** How strong each is. */
  readonly response: Float64Array;
}
export interface Features extends Keypoints {
  /** One row a point: 128 bytes 0 … 127 compared by squared distance, or 32 bytes of bits compared by the number that differ. */
  readonly descriptors: Uint8Array;
  /** Whether descriptors are compared by distance or by differing bits. */
  readonly kind: "bytes" | "bits";
}
export const rowBytes = (kind: Features["kind"]): number => (kind === "bits" ? 32 : 128);

/** A point as a detector finds it: which plane of a scale space shows it, and where it lies in the picture. */
export interface Found {
  readonly octave: number;
  readonly level: number;
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly response: number;
}
/** A number of each, by a loop: typed arrays' own `from` takes ten times as long. */
function columnOf<T>(list: ArrayLike<T>, value: (item: T) => number): Float64Array {
  const out = new Float64Array(list.length);
  for (let i = 0; i < out.length; i++) out[i] = value(list[i]);
  return out;
}
/** The same as columns, without directions. */
export const keypointsOf = (list: readonly Found[]): Keypoints => ({
  count: list.length,
  x: columnOf(list, (p) => p.x),
  y: columnOf(list, (p) => p.y),
  scale: columnOf(list, (p) => p.scale),
  angle: new Float64Array(list.length),
  response: columnOf(list, (p) => p.response),
});

/** The points whose numbers are listed, in that order. */
export function selectKeypoints(k: Keypoints, list: ArrayLike<number>): Keypoints {
  const pick = (from: Float64Array) => columnOf(list, (i) => from[i]);
  return { count: list.length, x: pick(k.x), y: pick(k.y), scale: pick(k.scale), angle: pick(k.angle), response: pick(k.response) };
}

/**
 * The numbers of the `limit` strongest points, spread out: the picture is cut into about `limit` / 8 cells and every cell may fill its share, the
 * strongest first; what cells leave over goes to the strongest of the rest. By strength, the strongest first.
 */
export function spreadOut(k: Keypoints, width: number, height: number, limit: number, share = 0.7): number[] {
  const order = Array.from({ length: k.count }, (_, i) => i).sort((a, b) => k.response[b] - k.response[a] || a - b);
  if (k.count <= limit) return order;
  const side = Math.sqrt((width * height) / Math.max(1, limit / 8));
  const [columns, rows] = [Math.max(1, Math.round(width / side)), Math.max(1, Math.round(height / side))];
  const quota = Math.max(1, Math.floor((share * limit) / (columns * rows)));
  const held = new Int32Array(columns * rows);
  const [kept, rest]: [number[], number[]] = [[], []];
  for (const i of order) {
    const column = Math.min(columns - 1, Math.max(0, Math.floor((k.x[i] / width) * columns)));
    const row = Math.min(rows - 1, Math.max(0, Math.floor((k.y[i] / height) * rows)));
    (held[row * columns + column]++ < quota ? kept : rest).push(i);
  }
  return [...kept.slice(0, limit), ...rest.slice(0, Math.max(0, limit - kept.length))].sort(
    (a, b) => k.response[b] - k.response[a] || a - b,
  );
}
