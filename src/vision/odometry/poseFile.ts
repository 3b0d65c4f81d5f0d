import { FormatError } from "../../core/errors.js";
import { writePly } from "../../io/index.js";
import type { CameraPose, PinholeCamera } from "./odometer.js";

/** Poses as text, one a line: the twelve numbers of the 3 × 4 matrix [R | C], camera to world, row by row (the convention of the KITTI odometry benchmark). */
export const posesText = (poses: readonly CameraPose[]): string =>
  poses
    .map(({ rotation: R, position: c }) =>
      [0, 1, 2].map((k) => [R[3 * k], R[3 * k + 1], R[3 * k + 2], c[k]].map((v) => v.toExponential(9)).join(" ")).join(" "),
    )
    .map((line) => `${line}\n`)
    .join("");

/** The poses of such a text. @throws FormatError for lines that do not hold twelve numbers */
export function readPoses(text: string): CameraPose[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .map((line, k) => {
      const v = line.trim().split(/\s+/).map(Number);
      if (v.length !== 12 || !v.every(Number.isFinite))
        throw new FormatError(`poses: line ${k + 1} holds ${v.length} numbers; twelve are expected, a 3×4 matrix row by row`, {
          line: k + 1,
        });
      return { rotation: Float64Array.from([0, 1, 2, 4, 5, 6, 8, 9, 10], (i) => v[i]), position: [v[3], v[7], v[11]] };
    });
}

/**
 * A calibration from text: JSON {"fx", "fy", "cx", "cy"} or {"K": 3 × 3}; else rows of numbers, names before them allowed ("P0: …"): the first row of twelve
 * (a 3 × 4 projection), nine (a 3 × 3 matrix) or four (fx fy cx cy) numbers, or three rows of three. @throws FormatError for anything else
 */
export function readCalibration(text: string): PinholeCamera {
  const wrong = (what: string) =>
    new FormatError(
      `calibration: ${what}; expected JSON {"fx", "fy", "cx", "cy"} or {"K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]}, or a line of 12 numbers (3×4), 9 (3×3) or 4 (fx fy cx cy)`,
      {},
    );
  const from = (m: readonly number[], columns: number): PinholeCamera => {
    const camera = { fx: m[0], fy: m[columns + 1], cx: m[2], cy: m[columns + 2] };
    if (!(camera.fx > 0 && camera.fy > 0 && Object.values(camera).every(Number.isFinite)))
      throw wrong(`focal lengths ${m[0]} and ${m[columns + 1]} came`);
    if (Math.abs(m[1]) > 1e-6 * m[0]) throw wrong(`a skew of ${m[1]} came, which is not supported`);
    return camera;
  };
  if (text.trim().startsWith("{")) {
    let v: Record<string, unknown>;
    try {
      v = JSON.parse(text) as Record<string, unknown>;
    } catch (cause) {
      throw wrong(`no JSON came (${(cause as Error).message})`);
    }
    if (Array.isArray(v.K)) {
      const m = (v.K as unknown[]).flat().map(Number);
      if (m.length !== 9) throw wrong(`K holds ${m.length} numbers`);
      return from(m, 3);
    }
    return from([Number(v.fx), 0, Number(v.cx), 0, Number(v.fy), Number(v.cy)], 3);
  }
  const rows = text
    .split(/\r?\n/)
    .map((line) =>
      line
        .replace(/^\s*[A-Za-z_]\w*\s*:/, "")
        .trim()
        .split(/[\s,;]+/)
        .filter((w) => w !== "")
        .map(Number),
    )
    .filter((r) => r.length > 0);
  const numbers = rows.filter((r) => r.every(Number.isFinite));
  const row = numbers.find((r) => r.length === 12 || r.length === 9 || r.length === 4);
  if (row) return row.length === 4 ? from([row[0], 0, row[2], 0, row[1], row[3]], 3) : from(row, row.length / 3);
  const three = numbers.filter((r) => r.length === 3);
  if (three.length >= 3) return from(three.slice(0, 3).flat(), 3);
  throw wrong(`${rows.length} rows without such numbers came`);
}

/** Points as a cloud in PLY, each as gray as it was seen. */
export const cloudFile = (points: readonly { readonly at: readonly number[]; readonly gray: number }[]): Uint8Array =>
  writePly(
    points.flatMap((p) => [...p.at]),
    points.flatMap((p) => [255 * p.gray, 255 * p.gray, 255 * p.gray]),
  );
