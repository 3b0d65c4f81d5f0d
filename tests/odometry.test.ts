import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { rawImage } from "../src/io/index.js";
import { readPoses } from "../src/vision/odometry/poseFile.js";
import { multiply3 } from "../src/vision/planar.js";
import { angleOf } from "../src/vision/rotation.js";
import { scenePath, sceneView } from "../src/vision/scene.js";
import { built } from "./built.js";
import { folder, leftovers, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const [width, height, focal] = [240, 160, 200];
const path = scenePath(4, 0.3, 0.35);
const frames = Object.fromEntries(
  path.map((pose, k) => {
    const { values } = sceneView(pose, { focal, width, height, seed: k + 1 });
    const data = Uint8Array.from(values.data, (v) => Math.min(255, 220 * v));
    return [`f${k}.png`, rawImage("test", { data, channels: 1, channelKind: "scalar", size: [width, height] })];
  }),
);

describe("odometry", () => {
  test("writes poses, points and a report; the rotation is the one that was driven", async () => {
    const at = folder();
    const paths = Object.values(put(at, frames));
    const calib = join(at, "calib.json");
    writeFileSync(calib, JSON.stringify({ fx: focal, fy: focal, cx: (width - 1) / 2, cy: (height - 1) / 2 }));
    const out = join(at, "out");
    const { json, code } = await pullback(["odometry", ...paths, "--calib", calib, "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    expect(readdirSync(out).sort()).toEqual(["points.ply", "poses.txt", "report.html", "result.json", "run.json"]);
    const poses = readPoses(readFileSync(join(out, "poses.txt"), "utf8"));
    expect(poses.length).toBe(4);
    const driven = multiply3(
      path[0].rotation,
      Float64Array.from([0, 3, 6, 1, 4, 7, 2, 5, 8], (i) => path[3].rotation[i]),
    );
    const left = multiply3(
      poses[3].rotation,
      Float64Array.from([0, 3, 6, 1, 4, 7, 2, 5, 8], (i) => driven[i]),
    );
    expect((angleOf(left) * 180) / Math.PI).toBeLessThan(0.5);
    const single = await pullback(["odometry", ...paths, "--calib", calib, "-o", join(at, "poses.txt"), "--json"]);
    expect([single.code, single.json.outputs]).toEqual([0, [join(at, "poses.txt")]]);
    expect(leftovers(at)).toEqual([]);
  });
  test("without a calibration, or with one that is none, it says what is missing", async () => {
    const at = folder();
    const paths = Object.values(put(at, frames));
    const none = await pullback(["odometry", ...paths]);
    expect([none.code, /--calib/.test(none.stderr)]).toEqual([2, true]);
    const calib = join(at, "calib.txt");
    writeFileSync(calib, "not a camera\n");
    const wrong = await pullback(["odometry", ...paths, "--calib", calib]);
    expect([wrong.code, /calibration: .*expected/.test(wrong.stderr)]).toEqual([3, true]);
  });
});
