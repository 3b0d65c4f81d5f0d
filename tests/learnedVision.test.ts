import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seeded } from "../src/core/random.js";
import { rawImage, writeSafetensors } from "../src/io/index.js";
import { models } from "../src/models/index.js";
import { weightsOf } from "../src/nn/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { picture, put } from "./support/data.js";

beforeAll(built);

/** Waves that do not repeat, under (x, y) ↦ (x + dx, y + dy). */
const waves = (dx = 0, dy = 0) => {
  const [width, height] = [150, 120];
  const value = (x: number, y: number) =>
    Math.sin(x / 5 + Math.sin(y / 9)) + Math.cos(y / 6 - Math.cos(x / 11)) * Math.sin((x + 2 * y) / 17) + Math.sin((x * x) / 900 - y / 7);
  const data = Uint8Array.from({ length: width * height }, (_, k) => 128 + 40 * value((k % width) + dx, Math.floor(k / width) + dy));
  return rawImage("test", { data, channels: 1, channelKind: "scalar", size: [width, height] });
};
/** First weights, as a training writes its last ones. */
function weights(at: string, name: "homography" | "tracking-deep-lk" | "tracking-regression"): string {
  const file = join(at, `${name}.safetensors`);
  writeFileSync(file, writeSafetensors(weightsOf(models[name].build(seeded(1))).tensors, {}, { floats: "f16" }));
  return file;
}

describe("homography --method network", () => {
  test("writes H, the warped picture and a report; Lucas–Kanade makes H exact where the network is near", async () => {
    const at = folder();
    const paths = put(at, { "a.png": waves(), "b.png": waves(2, -1) });
    const out = join(at, "out");
    const line = ["homography", paths["a.png"], paths["b.png"], "--method", "network", "--weights", weights(at, "homography")];
    const { json, code } = await pullback([...line, "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    for (const name of ["warped.png", "result.json", "transform.json", "report.html", "run.json"]) expect(readdirSync(out)).toContain(name);
    const H = json.H as number[][];
    expect(Math.abs(H[0][2] + 2)).toBeLessThan(0.2);
    expect(Math.abs(H[1][2] - 1)).toBeLessThan(0.2);
    expect(JSON.parse(readFileSync(join(out, "result.json"), "utf8")).steps).toHaveLength(5);
    const alone = await pullback([...line, "--refine", "none", "--json"]);
    expect((alone.json.figures as { polished: boolean }).polished).toBe(false);
  });
  test.each([
    ["options of features", ["--method", "network", "--detector", "orb"], /of --method features/],
    ["weights without the network", ["--weights", "w.safetensors"], /--method network/],
  ])("%s are refused in a sentence", async (_, more, sentence) => {
    const at = folder();
    const paths = put(at, { "a.png": waves(), "b.png": waves(2, -1) });
    const { code, stderr } = await pullback(["homography", paths["a.png"], paths["b.png"], ...more]);
    expect(code).toBe(2);
    expect(stderr).toMatch(sentence);
  });
});

describe("track --method", () => {
  const names = ["a.png", "b.png", "c.png"];
  test.each(["deep-lk", "regression"] as const)("a box is followed by %s: a row for each frame", async (method) => {
    const at = folder();
    const paths = put(at, Object.fromEntries(names.map((n, k) => [n, picture([96, 80], [k, k])])));
    const out = join(at, "out");
    const line = ["track", ...names.map((n) => paths[n]), "--box", "30,25,40,32", "--method", method];
    const { json, code } = await pullback([...line, "--weights", weights(at, `tracking-${method}`), "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    expect(readFileSync(join(out, "boxes.csv"), "utf8").trim().split("\n")).toHaveLength(4);
    expect(JSON.parse(readFileSync(join(out, "run.json"), "utf8")).options.method).toBe(method);
  });
  test("the package's weights of Deep-LK hold a box on what moves by a pixel a frame", async () => {
    const at = folder();
    const paths = put(at, Object.fromEntries(names.map((n, k) => [n, waves(-k, k)])));
    const line = ["track", ...names.map((n) => paths[n]), "--box", "50,40,48,40", "--method", "deep-lk"];
    const { code } = await pullback([...line, "-o", `${join(at, "out")}/`]);
    expect(code).toBe(0);
    const rows = readFileSync(join(at, "out", "boxes.csv"), "utf8")
      .trim()
      .split("\n");
    const columns = rows[0].split(",");
    const last = rows[3].split(",").map(Number);
    expect(Math.abs(last[columns.indexOf("x")] - 52)).toBeLessThan(1);
    expect(Math.abs(last[columns.indexOf("y")] - 38)).toBeLessThan(1);
  });
  test("options of the filter with a network are refused in a sentence", async () => {
    const at = folder();
    const paths = put(at, Object.fromEntries(names.map((n, k) => [n, picture([96, 80], [k, k])])));
    const { code, stderr } = await pullback([
      "track",
      ...names.map((n) => paths[n]),
      "--box",
      "30,25,40,32",
      "--method",
      "deep-lk",
      "--pose",
      "affine",
      "-o",
      `${join(at, "out")}/`,
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/of --method filter/);
  });
});
