import { expect, test } from "vitest";
import { ArgumentError, ShapeError } from "../../core/errors.js";
import { seeded } from "../../core/random.js";
import { type Image, image } from "../../image/index.js";
import { engine, startEngine } from "../../kernels/index.js";
import { type Box, boxTracker } from "./boxTracker.js";

const [width, height] = [160, 120];
/** A smooth random texture over the plane, by a table of random numbers joined linearly. */
function texture(seed: number, grain: number): (x: number, y: number) => number {
  const random = seeded(seed);
  const n = 64;
  const table = Float64Array.from({ length: n * n }, () => random.uniform());
  const at = (i: number, j: number) => table[(((j % n) + n) % n) * n + (((i % n) + n) % n)];
  return (x, y) => {
    const [u, v] = [x / grain, y / grain];
    const [i, j] = [Math.floor(u), Math.floor(v)];
    const [f, g] = [u - i, v - j];
    return (1 - g) * ((1 - f) * at(i, j) + f * at(i + 1, j)) + g * ((1 - f) * at(i, j + 1) + f * at(i + 1, j + 1));
  };
}
const ground = texture(1, 6);
const skin = texture(2, 5);
/** A textured rectangle of 30 × 24 pixels times `size` about (x, y), on a textured ground; hidden: the ground alone. */
function scene(x: number, y: number, size = 1, hidden = false): Image {
  return image(
    Float32Array.from({ length: width * height }, (_, k) => {
      const [px, py] = [k % width, Math.floor(k / width)];
      const [u, v] = [(px - x) / size, (py - y) / size];
      return !hidden && Math.abs(u) <= 15 && Math.abs(v) <= 12 ? 0.3 + 0.7 * skin(u, v) : 0.7 * ground(px, py);
    }),
    { size: [width, height] },
  );
}
const boxAt = (x: number, y: number, size = 1): Box => ({
  x: x - 15 * size + 0.5,
  y: y - 12 * size + 0.5,
  width: 30 * size,
  height: 24 * size,
});
const centre = (b: Box) => [b.x + (b.width - 1) / 2, b.y + (b.height - 1) / 2];

test("a box follows its target between pixels", () => {
  const tracker = boxTracker(scene(60, 50), boxAt(60, 50));
  for (let t = 1; t <= 10; t++) {
    const [x, y] = [60 + 2.3 * t, 50 + 1.4 * t];
    const b = tracker.next(scene(x, y));
    expect(b.lost).toBe(false);
    // Half a pixel: a cell of the filter's patch is 2.2 pixels here.
    expect(Math.hypot(centre(b)[0] - x, centre(b)[1] - y)).toBeLessThan(1);
  }
});

test("its size follows the target's, unless that is not wanted", () => {
  const [follows, stays] = [true, false].map((scale) => boxTracker(scene(70, 60), boxAt(70, 60), { scale }));
  let last: Box = boxAt(70, 60);
  let fixed: Box = last;
  for (let t = 1; t <= 15; t++) {
    last = follows.next(scene(70, 60, 1.02 ** t));
    fixed = stays.next(scene(70, 60, 1.02 ** t));
  }
  // 1.02¹⁵ = 1.346; steps of the scale filter are 2 per cent, and it lags behind by a few.
  expect(last.width / 30).toBeGreaterThan(1.24);
  expect(last.width / 30).toBeLessThan(1.43);
  expect(fixed.width).toBe(30);
});

test("a hidden target is reported as lost and found again when it comes back", () => {
  const tracker = boxTracker(scene(60, 50), boxAt(60, 50));
  for (let t = 1; t <= 6; t++) tracker.next(scene(60 + t, 50));
  let lost = 0;
  for (let t = 7; t <= 12; t++) lost += tracker.next(scene(60, 50, 1, true)).lost ? 1 : 0;
  expect(lost).toBeGreaterThanOrEqual(4);
  let b = tracker.next(scene(78, 62));
  b = tracker.next(scene(79, 62));
  expect(b.lost).toBe(false);
  expect(Math.hypot(centre(b)[0] - 79, centre(b)[1] - 62)).toBeLessThan(2);
});

test("a target hidden behind a wall is lost all the while, and found again at the other end of the frame", () => {
  const [wide, high] = [420, 200];
  const frame = (x: number, y: number, hidden = false) =>
    image(
      Float32Array.from({ length: wide * high }, (_, k) => {
        const [px, py] = [k % wide, Math.floor(k / wide)];
        const [u, v] = [px - x, py - y];
        if (px > 90 && px < 150) return 0.5 + 0.1 * Math.sin(py / 9); // the wall
        return !hidden && Math.abs(u) <= 15 && Math.abs(v) <= 12 ? 0.3 + 0.7 * skin(u, v) : 0.7 * ground(px, py);
      }),
      { size: [wide, high] },
    );
  const tracker = boxTracker(frame(50, 50), boxAt(50, 50));
  for (let t = 1; t <= 5; t++) expect(tracker.next(frame(50 + t, 50)).lost).toBe(false);
  // It goes behind the wall, and stays there.
  const hidden = Array.from({ length: 8 }, () => tracker.next(frame(0, 0, true)));
  expect(hidden.slice(1).every((b) => b.lost)).toBe(true);
  const back = Array.from({ length: 6 }, (_, t) => tracker.next(frame(380 - t, 160)));
  const seen = back.findIndex((b) => !b.lost);
  expect(seen).toBeGreaterThanOrEqual(0);
  for (const [t, b] of back.entries()) {
    if (t < seen) continue;
    expect(b.lost).toBe(false);
    expect(Math.hypot(centre(b)[0] - (380 - t), centre(b)[1] - 160)).toBeLessThan(2);
  }
});

test("with a pose, corners are followed to a tenth of a pixel, turns too", () => {
  const smooth = (x: number, y: number) => 0.5 + 0.25 * Math.sin(x / 2.5 + Math.sin(y / 4)) + 0.25 * Math.cos(y / 3 - Math.cos(x / 5));
  const turned = (t: number) => {
    const [c, s] = [Math.cos(0.01 * t), Math.sin(0.01 * t)];
    return image(
      Float32Array.from({ length: width * height }, (_, k) => {
        const [dx, dy] = [(k % width) - 60 - 1.3 * t, Math.floor(k / width) - 50 - 0.7 * t];
        const [u, v] = [c * dx + s * dy, -s * dx + c * dy];
        return Math.abs(u) <= 19 && Math.abs(v) <= 16 ? smooth(u, v) : 0.7 * ground(k % width, Math.floor(k / width));
      }),
      { size: [width, height] },
    );
  };
  const tracker = boxTracker(turned(0), boxAt(60, 50), { pose: "rigid" });
  for (let t = 1; t <= 8; t++) {
    const { pose } = tracker.next(turned(t));
    expect(pose?.status).toBe("ok");
    const h = pose?.h as Float64Array;
    for (const [x, y] of [
      [50, 42],
      [70, 58],
    ]) {
      const [c, s] = [Math.cos(0.01 * t), Math.sin(0.01 * t)];
      const [u, v] = [x - 60, y - 50];
      const truth = [60 + 1.3 * t + c * u - s * v, 50 + 0.7 * t + s * u + c * v];
      expect(Math.hypot((h[0] * x + h[1] * y + h[2]) / h[8] - truth[0], (h[3] * x + h[4] * y + h[5]) / h[8] - truth[1])).toBeLessThan(0.1);
    }
  }
  expect(() => boxTracker(scene(60, 50), boxAt(60, 50), { pose: "magic" as never })).toThrow(/no motion "magic"/);
});

test("a leap beyond the window is found by the wide search", () => {
  const tracker = boxTracker(scene(40, 40), boxAt(40, 40));
  for (let t = 1; t <= 4; t++) tracker.next(scene(40 + t, 40));
  let b = tracker.next(scene(114, 80));
  b = tracker.next(scene(114, 80));
  expect(Math.hypot(centre(b)[0] - 114, centre(b)[1] - 80)).toBeLessThan(2);
});

test("boxes have the same bits for one thread and three", () => {
  const run = (threads: number) => {
    const before = engine().threads;
    startEngine({ threads });
    const tracker = boxTracker(scene(60, 50), boxAt(60, 50));
    const boxes = [1, 2, 3].map((t) => tracker.next(scene(60 + 2 * t, 50 + t, 1.01 ** t)));
    startEngine({ threads: before });
    return boxes;
  };
  expect(run(3)).toEqual(run(1));
});

test("what cannot be tracked is said in a sentence", () => {
  const frame = scene(60, 50);
  expect(() => boxTracker(frame, { x: 10, y: 10, width: 2, height: 20 })).toThrow(/2×20 pixels.*at least 4×4/);
  expect(() => boxTracker(frame, { x: 10, y: Number.NaN, width: 20, height: 20 })).toThrow(ArgumentError);
  expect(() => boxTracker(frame, { x: 400, y: 10, width: 20, height: 20 })).toThrow(/outside the frame of 160×120/);
  expect(() => boxTracker(frame, boxAt(60, 50), { search: 1 })).toThrow(/search is at least 2/);
  expect(() => boxTracker(frame, boxAt(60, 50)).next(image(new Float32Array(100), { size: [10, 10] }))).toThrow(ShapeError);
  expect(() => boxTracker(image(new Float32Array(1000), { size: [10, 10, 10] }), boxAt(5, 5))).toThrow(/frames are pictures/);
  // A frame without any structure gives no clear answer, not a fault.
  const tracker = boxTracker(frame, boxAt(60, 50));
  const b = tracker.next(image(new Float32Array(width * height), { size: [width, height] }));
  expect(b.lost).toBe(true);
  expect(b.x).toBeCloseTo(boxAt(60, 50).x, 9);
});
