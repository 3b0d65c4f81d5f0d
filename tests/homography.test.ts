import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { rawImage } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, leftovers, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

/** Waves that do not repeat, under (x, y) ↦ (x + dx, y + dy). */
const waves = (dx = 0, dy = 0) => {
  const [width, height] = [150, 120];
  const value = (x: number, y: number) =>
    Math.sin(x / 5 + Math.sin(y / 9)) + Math.cos(y / 6 - Math.cos(x / 11)) * Math.sin((x + 2 * y) / 17) + Math.sin((x * x) / 900 - y / 7);
  const data = Uint8Array.from({ length: width * height }, (_, k) => 128 + 40 * value((k % width) + dx, Math.floor(k / width) + dy));
  return rawImage("test", { data, channels: 1, channelKind: "scalar", size: [width, height] });
};

describe("homography", () => {
  test("writes H, the warped picture, the matches and a report; H says where pixels go", async () => {
    const at = folder();
    const paths = put(at, { "a.png": waves(), "b.png": waves(12, -7) });
    const out = join(at, "out");
    const { json, code } = await pullback(["homography", paths["a.png"], paths["b.png"], "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    for (const name of ["warped.png", "matches.svg", "result.json", "transform.json", "report.html", "run.json"])
      expect(readdirSync(out)).toContain(name);
    // What lies at p in a lies at p − (12, −7) in b.
    const H = json.H as number[][];
    for (const [x, y] of [
      [20, 20],
      [140, 30],
      [60, 110],
    ]) {
      const w = H[2][0] * x + H[2][1] * y + H[2][2];
      expect((H[0][0] * x + H[0][1] * y + H[0][2]) / w).toBeCloseTo(x - 12, 0);
      expect((H[1][0] * x + H[1][1] * y + H[1][2]) / w).toBeCloseTo(y + 7, 0);
    }
    expect(JSON.parse(readFileSync(join(out, "result.json"), "utf8")).H).toEqual(H);
    const applied = await pullback([
      "apply",
      paths["b.png"],
      "--transform",
      join(out, "transform.json"),
      "--to",
      "fixed",
      "--like",
      paths["a.png"],
      "-o",
      join(at, "again.png"),
      "--json",
    ]);
    expect(applied.code).toBe(0);
  });
  test.each(["orb", "harris"])("finds it with %s too, and quickly with --fast", async (detector) => {
    const at = folder();
    const paths = put(at, { "a.png": waves(), "b.png": waves(5, 4) });
    const { json, code } = await pullback(["homography", paths["a.png"], paths["b.png"], "--detector", detector, "--fast", "--json"]);
    expect([code, json.status, json.outputs]).toEqual([0, "ok", []]);
    // Waves have few corners: H is not known to better than a pixel or so at its corner.
    expect(Math.abs((json.H as number[][])[0][2] + 5)).toBeLessThan(2);
  });
  test("align finds the same shift by brightness, from a start and without", async () => {
    const at = folder();
    const paths = put(at, { "a.png": waves(), "b.png": waves(4, -3) });
    const out = join(at, "out");
    const { json, code } = await pullback(["align", paths["a.png"], paths["b.png"], "--motion", "translation", "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    expect((json.H as number[][])[0][2]).toBeCloseTo(-4, 1);
    expect((json.H as number[][])[1][2]).toBeCloseTo(3, 1);
    for (const name of ["warped.png", "result.json", "transform.json", "report.html", "run.json"]) expect(readdirSync(out)).toContain(name);
    const wrong = await pullback(["align", paths["a.png"], paths["b.png"], "--start", "1,2"]);
    expect([wrong.code, /nine/.test(wrong.stderr)]).toEqual([2, true]);
  });
  test("does not claim one between pictures that have nothing in common", async () => {
    const at = folder();
    const noise = (seed: number) => {
      let s = seed;
      const data = Uint8Array.from({ length: 150 * 120 }, () => {
        s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
        return s >>> 24;
      });
      return rawImage("test", { data, channels: 1, channelKind: "scalar", size: [150, 120] });
    };
    const paths = put(at, { "a.png": noise(1), "b.png": noise(2) });
    const { json, code } = await pullback(["homography", paths["a.png"], paths["b.png"], "--json"]);
    expect([code, json.status]).toEqual([4, "failed"]);
    expect(json.reason).toMatch(/chance|agree/);
  });
  test("asks for pictures and known names in one sentence, and leaves nothing behind", async () => {
    const at = folder();
    const volume = rawImage("test", { data: new Float32Array(512).map((_, i) => i), size: [8, 8, 8], channels: 1, channelKind: "scalar" });
    const paths = put(at, { "a.png": waves(), "v.nii.gz": volume, "w.nii.gz": volume });
    const out = join(at, "out");
    const three = await pullback(["homography", paths["v.nii.gz"], paths["w.nii.gz"], "-o", `${out}/`]);
    expect(three.code).not.toBe(0);
    expect(three.stderr).toMatch(/pictures are expected/);
    const wrong = await pullback(["homography", paths["a.png"], paths["a.png"], "--detector", "sfit"]);
    expect([wrong.code, /did you mean sift/.test(wrong.stderr)]).toEqual([2, true]);
    expect(existsSync(out)).toBe(false);
    expect(leftovers(at)).toEqual([]);
  });
});
