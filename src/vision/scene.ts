import type { Image } from "../core/interfaces.js";
import { seeded } from "../core/random.js";
import { image } from "../image/index.js";
import { multiply3 } from "./planar.js";
import { type Matrix3, rotationOf } from "./rotation.js";

/** Where a camera is: X_camera = R (X_world − C). */
export interface ScenePose {
  /** The rotation, 3 × 3, row by row. */
  readonly rotation: Matrix3;
  /** Of the camera, in the world. */
  readonly position: readonly [number, number, number];
}
/** Camera and size of a view of a synthetic scene. */
export interface SceneViewOptions {
  /** Pixels. */
  readonly focal: number;
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** Standard deviation of noise on a range of 0 … 1. Default 0.01. */
  readonly noise?: number;
  /** Of the random numbers: the same seed, the same result. */
  readonly seed?: number;
  /** Samples of a pixel along each axis. Default 2. */
  readonly oversampling?: number;
}

/** Corners of boxes (least, then greatest x, y, z): the first is the room, seen from inside; y is down. */
const boxes: readonly (readonly number[])[] = [
  [-14, -5, -14, 14, 1.6, 14],
  [-6, -2, 5, -4.5, 1.6, 6.5],
  [2, -0.5, 7, 4.5, 1.6, 9],
  [7, -3, 1, 8.2, 1.6, 2.5],
  [-1, -3.5, 10, 0.4, 1.6, 11],
  [-9, -1, -2, -7, 1.6, 1],
  [9, -0.8, -6, 11, 1.6, -4],
  [-3, -2.5, -8, -1.5, 1.6, -6.5],
];
/** A number of 0 … 1 that belongs to three whole numbers. */
function hash(i: number, j: number, k: number): number {
  let h = (Math.imul(i, 0x27d4eb2d) ^ Math.imul(j, 0x165667b1) ^ Math.imul(k, 0x9e3779b1)) | 0;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}
/** Tiles of three sizes on a face, so that there are corners at every distance. */
const texture = (u: number, v: number, face: number): number =>
  0.1 +
  0.35 * hash(Math.floor(u / 1.3), Math.floor(v / 0.9), face) +
  0.3 * hash(Math.floor(u / 0.37 + 0.3), Math.floor(v / 0.29), face + 64) +
  0.2 * hash(Math.floor(u / 0.11), Math.floor(v / 0.13 + 0.5), face + 128);

/** How far along a ray the scene is, and what is seen there; `out` holds the distance and the brightness. */
function cast(ox: number, oy: number, oz: number, dx: number, dy: number, dz: number, out: Float64Array): void {
  let [best, face] = [Number.POSITIVE_INFINITY, 0];
  for (let b = 0; b < boxes.length; b++) {
    const box = boxes[b];
    let [near, far, nearAxis, farAxis] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
    for (let axis = 0; axis < 3; axis++) {
      const [o, d] = axis === 0 ? [ox, dx] : axis === 1 ? [oy, dy] : [oz, dz];
      const [p, q] = [(box[axis] - o) / d, (box[axis + 3] - o) / d];
      const [low, high] = p < q ? [p, q] : [q, p];
      if (low > near) [near, nearAxis] = [low, axis];
      if (high < far) [far, farAxis] = [high, axis];
    }
    if (!(near < far)) continue;
    const t = b === 0 ? far : near;
    if (t > 1e-6 && t < best) {
      best = t;
      const axis = b === 0 ? farAxis : nearAxis;
      face = 6 * b + 2 * axis + ((axis === 0 ? dx : axis === 1 ? dy : dz) > 0 ? 1 : 0);
    }
  }
  const axis = (face % 6) >> 1;
  const [x, y, z] = [ox + best * dx, oy + best * dy, oz + best * dz];
  out[0] = best;
  out[1] = (axis === 0 ? 1 : axis === 1 ? 0.75 : 0.9) * texture(axis === 0 ? y : x, axis === 2 ? y : z, face);
}

/**
 * A phantom for cameras: a room of 28 × 28 m and 6.6 m high with seven blocks in it, every face tiled, seen by a pinhole camera whose principal point is
 * the middle of the picture. Values 0 … 1.
 */
export function sceneView({ rotation: R, position }: ScenePose, o: SceneViewOptions): Image {
  const { focal, width, height, noise = 0.01, seed = 1, oversampling: n = 2 } = o;
  const random = seeded(seed);
  const values = new Float32Array(width * height);
  const hit = new Float64Array(2);
  const [px, py, pz] = position;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let j = 0; j < n; j++)
        for (let i = 0; i < n; i++) {
          const u = (x + (i + 0.5) / n - 0.5 - (width - 1) / 2) / focal;
          const v = (y + (j + 0.5) / n - 0.5 - (height - 1) / 2) / focal;
          cast(px, py, pz, R[0] * u + R[3] * v + R[6], R[1] * u + R[4] * v + R[7], R[2] * u + R[5] * v + R[8], hit);
          sum += hit[1];
        }
      values[y * width + x] = Math.max(0, sum / (n * n) + noise * random.normal());
    }
  return image(values, { size: [width, height] });
}
/** Distance of the scene along the ray of a pixel, in units of its depth (z of the camera). */
export function sceneDepth(
  { rotation: R, position }: ScenePose,
  o: Pick<SceneViewOptions, "focal" | "width" | "height">,
  x: number,
  y: number,
): number {
  const hit = new Float64Array(2);
  const [u, v] = [(x - (o.width - 1) / 2) / o.focal, (y - (o.height - 1) / 2) / o.focal];
  cast(...position, R[0] * u + R[3] * v + R[6], R[1] * u + R[4] * v + R[7], R[2] * u + R[5] * v + R[8], hit);
  return hit[0];
}

/** A camera that looks along yaw (to the right) and pitch (up), rolled clockwise; radians. */
export const lookAlong = (yaw: number, pitch = 0, roll = 0): Matrix3 =>
  multiply3(rotationOf(0, 0, -roll), multiply3(rotationOf(-pitch, 0, 0), rotationOf(0, -yaw, 0)));

/** Poses of a drive through the scene: ahead and round a curve of `turn` radians, a gentle nod on top. */
export function scenePath(frames: number, turn = 1.2, step = 0.25): ScenePose[] {
  const out: ScenePose[] = [];
  let [x, z] = [-3, -10];
  for (let k = 0; k < frames; k++) {
    const yaw = (turn * k) / Math.max(1, frames - 1) - 0.2;
    out.push({ rotation: lookAlong(yaw, 0.01 * Math.sin(0.7 * k), 0.008 * Math.cos(0.5 * k)), position: [x, 0.02 * Math.sin(0.9 * k), z] });
    x += step * Math.sin(yaw);
    z += step * Math.cos(yaw);
  }
  return out;
}
