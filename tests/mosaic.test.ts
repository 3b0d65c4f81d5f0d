import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { rawImage } from "../src/io/index.js";
import { betweenCameras } from "../src/vision/mosaic/cameras.js";
import { project } from "../src/vision/planar.js";
import { lookAlong, sceneView } from "../src/vision/scene.js";
import { built } from "./built.js";
import { folder, leftovers, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const [width, height, focal] = [200, 150, 250];
const view = (yaw: number, seed: number) => {
  const { values } = sceneView({ rotation: lookAlong(yaw), position: [0, 0, 0] }, { focal, width, height, seed });
  return rawImage("test", {
    data: Uint8Array.from(values.data, (v) => Math.min(255, 220 * v)),
    channels: 1,
    channelKind: "scalar",
    size: [width, height],
  });
};
const views = { "a.png": view(-0.2, 1), "b.png": view(0, 2), "c.png": view(0.22, 3) };

describe("mosaic", () => {
  test("writes the picture, where every view looks, the H of every pair, and a report", async () => {
    const at = folder();
    const paths = Object.values(put(at, views));
    const out = join(at, "out");
    const { json, code } = await pullback(["mosaic", ...paths, "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    expect(readdirSync(out).sort()).toEqual(["mosaic.png", "report.html", "result.json", "run.json"]);
    const pairs = json.pairs as { i: number; j: number; H: number[][] }[];
    expect(pairs.map(({ i, j }) => [i, j])).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    const centre = [(width - 1) / 2, (height - 1) / 2] as const;
    const camera = (yaw: number) => ({ focal, centre, rotation: lookAlong(yaw) });
    const truth = betweenCameras(camera(0), camera(0.22));
    for (const [x, y] of [
      [80, 20],
      [190, 75],
      [120, 140],
    ]) {
      const [p, q] = [project(pairs[2].H.flat(), x, y), project(truth, x, y)];
      expect(Math.hypot(p[0] - q[0], p[1] - q[1])).toBeLessThan(0.2);
    }
    expect(JSON.parse(readFileSync(join(out, "result.json"), "utf8")).pairs).toEqual(pairs);
    const one = await pullback(["mosaic", ...paths, "-o", join(at, "pano.png"), "--projection", "cylindrical", "--scale", "0.5", "--json"]);
    expect([one.code, one.json.outputs]).toEqual([0, [join(at, "pano.png")]]);
    expect(leftovers(at)).toEqual([]);
  });
  test("says which view found no place, and ends with 4", async () => {
    const at = folder();
    const other = rawImage("test", {
      data: Uint8Array.from({ length: 90 * 70 }, (_, k) => ((k * 7919) % 251) ^ (k >> 3)),
      channels: 1,
      channelKind: "scalar",
      size: [90, 70],
    });
    const paths = put(at, { ...views, "d.png": other });
    const { json, code } = await pullback(["mosaic", ...Object.values(paths), "--json"]);
    expect([code, json.status]).toEqual([4, "failed"]);
    expect(json.reason).toMatch(/1 of 4 views found no place/);
  });
  test("one view, volumes and unknown projections are usage errors in one sentence", async () => {
    const at = folder();
    const paths = put(at, views);
    const out = join(at, "out");
    for (const [args, words] of [
      [[paths["a.png"]], /two or more/],
      [[paths["a.png"], paths["b.png"], "--projection", "cylindrica"], /did you mean cylindrical/],
      [[paths["a.png"], paths["b.png"], "--scale", "0"], /positive/],
    ] as const) {
      const r = await pullback(["mosaic", ...args, "-o", `${out}/`]);
      expect(r.code).not.toBe(0);
      expect(r.stderr).toMatch(words);
    }
    expect(existsSync(out)).toBe(false);
  });
});
