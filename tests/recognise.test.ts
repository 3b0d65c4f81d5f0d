import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../src/core/random.js";
import { rawImage } from "../src/io/index.js";
import { invertHomography, multiply3, project } from "../src/vision/planar.js";
import { built } from "./built.js";
import { folder, leftovers, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

const [width, height] = [160, 120];
/** Discs of random size and brightness: a cover of its own for every seed. */
function cover(seed: number): (x: number, y: number) => number {
  const random = seeded(seed);
  const discs = Array.from({ length: 110 }, () => [width, height, 13, 1].map((s) => s * random.uniform()));
  return (x, y) => {
    let v = 0.5;
    for (const [a, b, r, g] of discs) {
      const d = Math.hypot(x - a, y - b) - r;
      if (d < 1) v += (g - v) * Math.min(1, 1 - d);
    }
    return v;
  };
}
const draw = (w: number, h: number, f: (x: number, y: number) => number) =>
  rawImage("test", {
    data: Uint8Array.from({ length: w * h }, (_, k) => 20 + 210 * f(k % w, Math.floor(k / w))),
    channels: 1,
    channelKind: "scalar",
    size: [w, h],
  });

// A cover of 32 × 24 cm, tilted about its upright axis by 0.45 and turned by 0.2, a metre away.
const camera = [400, 0, 150, 0, 400, 110, 0, 0, 1];
const [ct, st, cz, sz] = [Math.cos(0.45), Math.sin(0.45), Math.cos(0.2), Math.sin(0.2)];
const R = multiply3([ct, 0, st, 0, 1, 0, -st, 0, ct], [cz, -sz, 0, sz, cz, 0, 0, 0, 1]);
const t = [-13, -11, 72];
const plane = multiply3(camera, [R[0], R[1], t[0], R[3], R[4], t[1], R[6], R[7], t[2]]);
const H = multiply3(plane, [0.2, 0, 0.1, 0, 0.2, 0.1, 0, 0, 1]); // pixels of 2 mm, centres
const back = invertHomography(H) as Float64Array;
const desk = (random = seeded(9)) =>
  draw(300, 220, (x, y) => {
    const [u, v] = project(back, x, y);
    const noise = 0.01 * random.normal();
    return (
      noise +
      (u > -0.5 && v > -0.5 && u < width - 0.5 && v < height - 0.5 ? 0.9 * cover2(u, v) : 0.5 + 0.2 * Math.sin(x / 9 + Math.sin(y / 7)))
    );
  });
const cover2 = cover(2);

describe("recognise", () => {
  test("says which cover lies on the desk, where, and how the camera sees it, and draws it", async () => {
    const at = folder();
    const covers = Object.fromEntries([1, 2, 3].map((k) => [`cover${k}.png`, draw(width, height, cover(k))]));
    const paths = put(at, { "desk.png": desk(), ...covers });
    const out = join(at, "out");
    const names = ["desk.png", "cover1.png", "cover2.png", "cover3.png"].map((n) => paths[n]);
    const { json, code } = await pullback(["recognise", ...names, "--camera", "400,150,110", "--size", "32,24", "-o", `${out}/`, "--json"]);
    expect([code, json.status, json.reason]).toEqual([0, "ok", "cover2.png is there, of 3 looked for"]);
    for (const name of ["overlay.png", "result.json", "report.html", "run.json"]) expect(readdirSync(out)).toContain(name);
    expect(leftovers(at)).toEqual([]);
    const objects = json.objects as { object: string; status: string; corners: number[][]; pose: { R: number[][]; t: number[] } }[];
    expect(objects.map((o) => o.status)).toEqual(["ok", "failed", "failed"]);
    // Half a pixel at the corners: sharp edges, noise of a hundredth.
    for (const [k, [x, y]] of [
      [0, 0],
      [width - 1, 0],
      [width - 1, height - 1],
      [0, height - 1],
    ].entries()) {
      const [u, v] = project(H, x, y);
      expect(Math.hypot(objects[0].corners[k][0] - u, objects[0].corners[k][1] - v)).toBeLessThan(0.5);
    }
    const { pose } = objects[0];
    // Half a pixel in 180 is a third of a per cent in depth, and about a degree in tilt.
    expect(Math.hypot(...pose.t.map((v, i) => v - t[i]))).toBeLessThan(1);
    const trace = pose.R.flat().reduce((s, v, i) => s + v * R[i], 0);
    expect((Math.acos(Math.min(1, (trace - 1) / 2)) * 180) / Math.PI).toBeLessThan(2);
    expect(JSON.parse(readFileSync(join(out, "result.json"), "utf8")).objects).toEqual(objects);
  });
  test("draws no cube where the camera named cannot have seen the cover so, and says it", async () => {
    const at = folder();
    const paths = put(at, { "desk.png": desk(), "cover2.png": draw(width, height, cover(2)) });
    const { json, code } = await pullback(["recognise", paths["desk.png"], paths["cover2.png"], "--camera", "40,150,110", "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    expect((json.objects as { reason: string }[])[0].reason).toMatch(/is --camera right/);
  });
  test("claims nothing when no object is there, and exits with 4", async () => {
    const at = folder();
    const paths = put(at, { "desk.png": desk(), "other.png": draw(width, height, cover(7)) });
    const { json, code } = await pullback(["recognise", paths["desk.png"], paths["other.png"], "--json"]);
    expect([code, json.status]).toEqual([4, "failed"]);
    expect(json.reason).toMatch(/^none of 1 objects is there/);
  });
  test.each([
    [["--camera", "400,150"], /f,cx,cy or fx,fy,cx,cy/],
    [["--size", "3"], /width and height/],
    [["--camera", "a,b,c"], /three or four numbers/],
  ])("%j is refused with a sentence", async (flags, sentence) => {
    const at = folder();
    const paths = put(at, { "desk.png": desk() });
    const { code, stderr } = await pullback(["recognise", paths["desk.png"], paths["desk.png"], ...flags]);
    expect(code).toBe(2);
    expect(stderr).toMatch(sentence);
  });
});
