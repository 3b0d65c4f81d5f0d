import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { image } from "../../image/index.js";
import { trackWindows } from "../../kernels/trackWindows.js";
import { multiply3 } from "../planar.js";
import { angleOf, transpose3 } from "../rotation.js";
import { lookAlong, sceneDepth, scenePath, sceneView } from "../scene.js";
import { between, type CameraPose, Odometer, odometry } from "./odometer.js";
import { newPoints, pyramidOf, trackThereAndBack } from "./pointTracks.js";
import { cloudFile, posesText, readCalibration, readPoses } from "./poseFile.js";

const camera = { fx: 260, fy: 260, cx: 159.5, cy: 99.5 };
const view = { focal: 260, width: 320, height: 200 };
const path = scenePath(9, 0.6, 0.35);
const frames = path.map((p, k) => sceneView(p, { ...view, seed: k + 1 }));
const truth: CameraPose[] = path.map((p) => ({ rotation: transpose3(p.rotation), position: p.position }));
const degrees = 180 / Math.PI;
const median = (v: number[]) => v.sort((a, b) => a - b)[v.length >> 1];
const length = (v: readonly number[]) => Math.hypot(...v);

describe("tracks of points", () => {
  const draw = (dx: number, dy: number, gain = 1, add = 0) => {
    const values = Float32Array.from({ length: 160 * 120 }, (_, k) => {
      const [x, y] = [(k % 160) - dx, Math.floor(k / 160) - dy];
      return (
        add + gain * (0.5 + 0.2 * Math.sin(x / 4 + Math.sin(y / 7)) + 0.2 * Math.cos(y / 5 - Math.cos(x / 9)) * Math.sin((x + 2 * y) / 11))
      );
    });
    return pyramidOf({ values, width: 160, height: 120 }, 4);
  };
  const from = draw(0, 0);
  const list = newPoints(from[0], [], 16);
  const inside = list.filter(([x, y]) => x > 35 && y > 35 && x < 125 && y < 85);
  test("find a shift to a few hundredths of a pixel, whatever the light", () => {
    const to = draw(7.3, -4.6, 0.8, 0.2);
    const r = trackWindows(
      from,
      to,
      inside.map((p) => p[0]),
      inside.map((p) => p[1]),
    );
    expect(inside.length).toBeGreaterThan(10);
    const good = inside.map((_, i) => i).filter((i) => r.ok[i]);
    expect(good.length).toBeGreaterThan(0.9 * inside.length);
    expect(median(good.map((i) => Math.hypot(r.x[i] - inside[i][0] - 7.3, r.y[i] - inside[i][1] + 4.6)))).toBeLessThan(0.03);
  });
  test("that do not come back are not believed", () => {
    const random = seeded(4);
    const noise = pyramidOf({ values: Float32Array.from({ length: 160 * 120 }, () => random.uniform()), width: 160, height: 120 }, 4);
    const r = trackThereAndBack(
      from,
      noise,
      inside.map((p) => p[0]),
      inside.map((p) => p[1]),
      new Float64Array(2 * inside.length),
    );
    expect(r.ok.filter((v) => v === 1).length).toBeLessThan(0.3 * inside.length);
  });
  test("begin one to a cell, and not where one is", () => {
    const cells = new Set(list.map(([x, y]) => `${Math.floor(x / 16)},${Math.floor(y / 16)}`));
    expect(cells.size).toBe(list.length);
    expect(newPoints(from[0], list, 16)).toEqual([]);
  });
});

describe("odometry of a camera that turns as it goes", () => {
  const r = odometry(frames, camera);
  test("finds each step's rotation to a tenth of a degree and its direction to two", () => {
    expect([r.status, r.steps.filter((s) => s.status !== "ok").length]).toEqual(["ok", 0]);
    const [turns, ways]: [number[], number[]] = [[], []];
    for (let k = 1; k < truth.length; k++) {
      const [t, e] = [between(truth[k - 1], truth[k]), between(r.poses[k - 1], r.poses[k])];
      turns.push(degrees * angleOf(multiply3(t.rotation, transpose3(e.rotation))));
      const dot = t.translation.reduce((s, v, c) => s + v * e.translation[c], 0) / length(t.translation) / length(e.translation);
      ways.push(degrees * Math.acos(Math.min(1, dot)));
      // What is to be found: several degrees a step.
      expect(degrees * angleOf(t.rotation)).toBeGreaterThan(2);
    }
    expect(median(turns)).toBeLessThan(0.1);
    expect(median(ways)).toBeLessThan(2);
  });
  test("keeps the scale: all steps are as long as the first", () => {
    const steps = r.poses.slice(1).map((p, k) => length(p.position.map((v, c) => v - r.poses[k].position[c])));
    for (const s of steps) expect(Math.abs(s - 1)).toBeLessThan(0.25);
  });
  test("puts points where the scene is", () => {
    expect(r.points.length).toBeGreaterThan(30);
    const scale = 0.35;
    const off: number[] = [];
    for (const { at } of r.points) {
      const z = sceneDepth(path[0], view, camera.cx + (camera.fx * at[0]) / at[2], camera.cy + (camera.fy * at[1]) / at[2]);
      if (at[2] > 0) off.push(Math.abs((at[2] * scale) / z - 1));
    }
    expect(median(off)).toBeLessThan(0.15);
  });
  test("gives the same numbers for the same seed", () => {
    expect(odometry(frames.slice(0, 3), camera).poses).toEqual(odometry(frames.slice(0, 3), camera).poses);
  });
  test("refines windows without harm", () => {
    const w = odometry(frames, camera, { window: 4 });
    const last = truth.length - 1;
    const whole = between(truth[0], truth[last]).rotation;
    expect(degrees * angleOf(multiply3(whole, transpose3(between(w.poses[0], w.poses[last]).rotation)))).toBeLessThan(1);
  });
});

describe("odometry of what cannot be followed", () => {
  test("a camera that only turns has turned, and gone nowhere", () => {
    const turning = [0, 0.03, 0.06].map((yaw, k) => sceneView({ rotation: lookAlong(yaw), position: [0, 0, 0] }, { ...view, seed: k + 1 }));
    const r = odometry(turning, camera);
    expect(r.steps.slice(1).map((s) => s.status)).toEqual(["turned", "turned"]);
    expect(length(r.poses[2].position)).toBe(0);
    expect(degrees * angleOf(multiply3(r.poses[2].rotation, lookAlong(0.06)))).toBeLessThan(0.1);
  });
  test("frames of nothing are lost, and the result says so", () => {
    const random = seeded(5);
    const nothing = image(
      Float32Array.from({ length: 320 * 200 }, () => random.uniform()),
      { size: [320, 200] },
    );
    const r = odometry([frames[0], frames[1], nothing], camera);
    expect([r.status, r.steps[2].status]).toEqual(["failed", "lost"]);
    expect(r.reason).toMatch(/1 of 3 frames/);
  });
  test("bad cameras, options and frames are one sentence", () => {
    expect(() => new Odometer({ ...camera, fx: 0 })).toThrow(/positive focal/);
    expect(() => new Odometer(camera, { points: 3 })).toThrow(/at least 20/);
    expect(() => odometry([frames[0], image(new Float32Array(64 * 64), { size: [64, 64] })], camera)).toThrow(/the first was 320×200/);
  });
});

describe("files of poses and cameras", () => {
  test("poses come back from their text", () => {
    const back = readPoses(posesText(truth));
    for (const [k, p] of back.entries()) {
      expect(angleOf(multiply3(p.rotation, transpose3(truth[k].rotation)))).toBeLessThan(1e-8);
      expect(length(p.position.map((v, c) => v - truth[k].position[c]))).toBeLessThan(1e-7);
    }
    expect(() => readPoses("1 2 3\n")).toThrow(/line 1 holds 3/);
  });
  test.each([
    ['{"fx": 700, "fy": 710, "cx": 320, "cy": 240}'],
    ['{"K": [[700, 0, 320], [0, 710, 240], [0, 0, 1]]}'],
    ["P0: 700 0 320 0 0 710 240 0 0 0 1 0\nP1: 700 0 320 -380 0 710 240 0 0 0 1 0\n"],
    ["700 0 320\n0 710 240\n0 0 1\n"],
    ["700, 710, 320, 240"],
  ])("a calibration is read from %s", (words) => expect(readCalibration(words)).toEqual({ fx: 700, fy: 710, cx: 320, cy: 240 }));
  test("what is no calibration is refused in one sentence", () => {
    for (const words of ["", "hello", "{", '{"K": [1]}', '{"fx": -1, "fy": 1, "cx": 0, "cy": 0}', "700 50 320 0 710 240 0 0 1"])
      expect(() => readCalibration(words)).toThrow(/calibration: /);
  });
  test("a cloud holds every point, gray as it was seen", () => {
    const bytes = cloudFile([{ at: [1, 2, 3], gray: 0.5 }]);
    expect(new TextDecoder().decode(bytes)).toMatch(/element vertex 1/);
    expect(Array.from(bytes.slice(-3))).toEqual([128, 128, 128]);
  });
});
