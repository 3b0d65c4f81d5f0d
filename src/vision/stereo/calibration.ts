import { ArgumentError, FormatError } from "../../core/errors.js";

/** Two cameras: their matrices (3 × 3, row by row, pixel centres at integers), and how the right one stands to the left one: X_right = R X_left + t. */
export interface StereoPair {
  /** Camera matrix, row by row. */
  readonly left: ArrayLike<number>;
  /** Camera matrix, row by row. */
  readonly right: ArrayLike<number>;
  /** The rotation, 3 × 3, row by row. */
  readonly rotation: ArrayLike<number>;
  /** The shift. */
  readonly translation: ArrayLike<number>;
}
/** A rectified pair of cameras: focal length and principal points in pixels, distance of the cameras in any unit of length. */
export interface StereoCalibration {
  /** Pixels. */
  readonly focal: number;
  /** Of the picture, pixels. */
  readonly centre: readonly [x: number, y: number];
  /** Distance of the cameras. */
  readonly baseline: number;
  /** Difference of the principal points, x of the right less x of the left [pixels]; 0 where both are alike. */
  readonly offset: number;
}

/**
 * Reads a calibration in one of two forms. KITTI: lines of a 3 × 4 projection matrix (row by row, a name and a colon before it or not), the left camera's
 * first and the right one's second (P0 and P1 where they have names; the colour cameras P2 and P3 when only those are there). Middlebury: lines
 * `cam0=[f 0 cx; 0 f cy; 0 0 1]`, `baseline=…`, and `doffs=…` or `cam1=…`.
 * @throws FormatError when neither is there, or the cameras are at one place
 */
export function readStereoCalibration(source: string | Uint8Array): StereoCalibration {
  const text = typeof source === "string" ? source : new TextDecoder().decode(source);
  const numbers = (s: string) => (s.match(/[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/gi) ?? []).map(Number);
  const fields = new Map([...text.matchAll(/^\s*(\w+)\s*=\s*(.*)$/gm)].map((m) => [m[1], numbers(m[2])]));
  const [cam0, cam1] = [fields.get("cam0"), fields.get("cam1")];
  const baseline = fields.get("baseline")?.[0];
  if (cam0?.length === 9 && baseline !== undefined)
    return checked({
      ...{ focal: cam0[0], centre: [cam0[2], cam0[5]] as const, baseline },
      offset: fields.get("doffs")?.[0] ?? (cam1?.length === 9 ? cam1[2] - cam0[2] : 0),
    });
  const rows = text
    .split(/\r?\n/)
    .map((line) => ({ name: /^\s*(\w+)\s*:/.exec(line)?.[1], values: numbers(line.replace(/^\s*\w+\s*:/, "")) }))
    .filter((r) => r.values.length === 12);
  const named = (name: string) => rows.find((r) => r.name === name)?.values;
  const left = named("P0") ?? named("P2") ?? rows[0]?.values;
  const right = named("P0") ? named("P1") : named("P2") ? named("P3") : rows[1]?.values;
  if (!left || !right)
    throw new FormatError(
      "calibration: neither two lines of 12 numbers (projection matrices of the left and the right camera) nor cam0=[…] and baseline=… were found",
      { lines: rows.length },
    );
  return checked({
    ...{ focal: left[0], centre: [left[2], left[6]] as const, offset: right[2] - left[2] },
    baseline: left[3] / left[0] - right[3] / right[0],
  });
}
/**
 * Two cameras that are not rectified, from JSON {"left": {"K": 3 × 3}, "right": {"K": 3 × 3}, "rotation": 3 × 3, "translation": [x, y, z]}, X_right =
 * R X_left + t; instead of K also "fx", "fy", "cx", "cy"; "R" and "t" for the other two. @throws FormatError for anything else
 */
export function readStereoPair(source: string | Uint8Array): StereoPair {
  const wrong = (what: string, cause?: unknown) =>
    new FormatError(
      `cameras: ${what}; expected JSON {"left": {"K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]}, "right": {…}, "rotation": 3 × 3, "translation": [x, y, z]}`,
      {},
      { cause },
    );
  let v: Record<string, unknown>;
  try {
    v = JSON.parse(typeof source === "string" ? source : new TextDecoder().decode(source)) as Record<string, unknown>;
  } catch (cause) {
    throw wrong("no JSON came", cause);
  }
  const list = (x: unknown, count: number, name: string): number[] => {
    const out = (Array.isArray(x) ? x : []).flat().map(Number);
    if (out.length !== count || !out.every(Number.isFinite)) throw wrong(`${name} does not hold ${count} numbers`);
    return out;
  };
  const matrix = (name: "left" | "right"): number[] => {
    const c = (v[name] ?? {}) as Record<string, unknown>;
    if (c.K !== undefined) return list(c.K, 9, `${name}.K`);
    const [fx, fy, cx, cy] = list([c.fx, c.fy ?? c.fx, c.cx, c.cy], 4, name);
    return [fx, 0, cx, 0, fy, cy, 0, 0, 1];
  };
  return {
    left: matrix("left"),
    right: matrix("right"),
    rotation: list(v.rotation ?? v.R, 9, "rotation"),
    translation: list(v.translation ?? v.t, 3, "translation"),
  };
}
function checked(c: StereoCalibration): StereoCalibration {
  if (!(c.focal > 0) || !Number.isFinite(c.baseline) || c.baseline === 0 || ![...c.centre, c.offset].every(Number.isFinite))
    throw new FormatError(
      `calibration: focal length ${c.focal} and baseline ${c.baseline}; a positive focal length in pixels and cameras at two places are needed`,
      { ...c },
    );
  return c;
}

/**
 * Points of the left camera's space, x to the right, y down, z ahead, in the unit of the baseline:  z = f b / (d + offset),  x = z (u − c_x) / f, …;
 * NaN where the disparity is not known or the point would lie behind the cameras.
 */
export function pointsFromDisparity(
  disparity: ArrayLike<number>,
  width: number,
  height: number,
  { focal, centre, baseline, offset }: StereoCalibration,
): Float32Array {
  if (disparity.length !== width * height)
    throw new ArgumentError(`stereo: ${disparity.length} disparities are no picture of ${width}×${height}`, { width, height });
  const points = new Float32Array(3 * disparity.length);
  for (let k = 0; k < disparity.length; k++) {
    const z = (focal * Math.abs(baseline)) / (disparity[k] + offset);
    const there = z > 0 && Number.isFinite(z) ? z : Number.NaN;
    points[3 * k] = (there * ((k % width) - centre[0])) / focal;
    points[3 * k + 1] = (there * (Math.floor(k / width) - centre[1])) / focal;
    points[3 * k + 2] = there;
  }
  return points;
}
