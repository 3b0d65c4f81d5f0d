import { ArgumentError } from "../core/errors.js";
import { multiply3 } from "./planar.js";
import type { RelativePose } from "./views/essential.js";

/** One visible face of a drawn cube. */
export interface CubeFace {
  /** Corners in the picture, pixels. */
  readonly points: readonly (readonly [number, number])[];
  /** How much light it gets, 0.35 to 1: most from above. */
  readonly shade: number;
}

/**
 * A cube that stands in the middle of a planar object, as the camera would see it: what is needed to draw something into a picture. It rises towards the
 * viewer; its edge is a share of the object's shorter side.
 * @param pose    of the object, as `poseFromHomography` gives it
 * @param camera  [f_x, skew, c_x, 0, f_y, c_y, 0, 0, 1], pixels
 * @param size    width and height of the object in the plane, from (0, 0)
 * @returns       six faces, the farthest first, to be drawn one over the other; none when part of it is behind the camera
 */
export function cubeOn(
  { rotation, translation }: RelativePose,
  camera: ArrayLike<number>,
  [width, height]: readonly [number, number],
  share = 0.5,
): CubeFace[] {
  if (!(share > 0))
    throw new ArgumentError(`cubeOn: a cube of ${share} of the object's side came; a positive number is expected`, { share });
  const edge = share * Math.min(width, height);
  const [x0, y0] = [(width - edge) / 2, (height - edge) / 2];
  const seen = (corner: number): readonly [number, number, number] => {
    // Bits say right, down, up. The plane's third axis points away from the viewer.
    const p = [x0 + edge * (corner & 1), y0 + edge * ((corner >> 1) & 1), -edge * (corner >> 2)];
    const [x, y, z] = [0, 1, 2].map(
      (i) => translation[i] + rotation[3 * i] * p[0] + rotation[3 * i + 1] * p[1] + rotation[3 * i + 2] * p[2],
    );
    return [x, y, z];
  };
  const corners = Array.from({ length: 8 }, (_, k) => seen(k));
  if (corners.some(([, , z]) => !(z > 0))) return [];
  const pixel = ([x, y, z]: readonly [number, number, number]): readonly [number, number] => {
    const [u, v, w] = [0, 3, 6].map((i) => camera[i] * x + camera[i + 1] * y + camera[i + 2] * z);
    return [u / w, v / w];
  };
  const faces: readonly (readonly [readonly number[], number])[] = [
    [[0, 1, 3, 2], 0.35],
    [[4, 5, 7, 6], 1],
    [[0, 1, 5, 4], 0.55],
    [[2, 3, 7, 6], 0.8],
    [[0, 2, 6, 4], 0.65],
    [[1, 3, 7, 5], 0.7],
  ];
  const far = (face: readonly number[]) => face.reduce((s, k) => s + Math.hypot(...corners[k]), 0);
  return [...faces].sort(([a], [b]) => far(b) - far(a)).map(([face, shade]) => ({ points: face.map((k) => pixel(corners[k])), shade }));
}

/** H from plane coordinates, an object of width × height units from (0, 0), for H from the pixel centres of its picture of columns × rows. */
export function homographyOfPlane(
  h: ArrayLike<number>,
  [columns, rows]: readonly [number, number],
  [width, height]: readonly [number, number],
): Float64Array {
  return multiply3(h, [columns / width, 0, -0.5, 0, rows / height, -0.5, 0, 0, 1]);
}
