import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { rawImage, readRaw } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, leftovers, pullback } from "./support/cli.js";
import { blobLabels, picture, put } from "./support/data.js";

beforeAll(built);

const size = [48, 40];
const shifts = [
  [0, 0],
  [2, 1],
  [-2, -1],
];
const group = (at: string) => ({
  images: shifts.map((s, k) => put(at, { [`s${k + 1}.png`]: picture(size, s) })[`s${k + 1}.png`]),
  labels: shifts.map((s, k) => put(at, { [`l${k + 1}.png`]: blobLabels(size, s) })[`l${k + 1}.png`]),
});
const read = (path: string) => readRaw(readFileSync(path), path);

describe("atlas", () => {
  test("writes the mean, its variance, transforms, modes and probability maps that sum to 1; the order of the images does not matter", async () => {
    const at = folder();
    const { images, labels } = group(at);
    const out = join(at, "out");
    const { json, code } = await pullback(["atlas", ...images, "--labels", ...labels, "--rounds", "2", "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    const names = readdirSync(out);
    for (const name of [
      "mean.png",
      "mean-rigid.png",
      "mean-affine.png",
      "std.nii.gz",
      "log-jacobian-std.nii.gz",
      "s1.transform.json",
      "s3.transform.json",
      "mode-1.nii.gz",
      "modes.csv",
      "labels.png",
      "report.html",
      "run.json",
    ])
      expect(names).toContain(name);
    const maps = [0, 1, 2].map((l) => read(join(out, `probability-${l}.nii.gz`)).data);
    for (let i = 0; i < maps[0].length; i++) expect(maps[0][i] + maps[1][i] + maps[2][i]).toBeCloseTo(1, 5);
    const again = join(at, "again");
    await pullback(["atlas", images[2], images[0], images[1], "--rounds", "2", "-o", `${again}/`, "--threads", "1"]);
    expect(readFileSync(join(again, "std.nii.gz")).equals(readFileSync(join(out, "std.nii.gz")))).toBe(true);
    expect(existsSync(join(again, "labels.png"))).toBe(false);
  });
  test("asks for two images, labels for each, one dimension, in one sentence each, and leaves nothing behind", async () => {
    const at = folder();
    const { images, labels } = group(at);
    const volume = put(at, {
      "v.nii.gz": rawImage("test", {
        data: new Float32Array(8 * 8 * 8).map((_, i) => i),
        size: [8, 8, 8],
        channels: 1,
        channelKind: "scalar",
      }),
    })["v.nii.gz"];
    const out = join(at, "out/");
    for (const [args, exit, words] of [
      [[images[0]], 2, /two or more/],
      [[...images, "--labels", labels[0]], 2, /3 images and 1 label maps/],
      [[images[0], volume], 3, /same dimension/],
      [[images[0], images[1], "--labels", images[0], volume], 3, /labels lie on/],
      [[images[0], join(at, "none.png")], 3, /none\.png/],
    ] as const) {
      const r = await pullback(["atlas", ...args, "-o", out]);
      expect([r.code, r.stderr.trim().split("\n").length]).toEqual([exit, 1]);
      expect(r.stderr).toMatch(words);
      expect(existsSync(out)).toBe(false);
    }
    expect(leftovers(at)).toEqual([]);
  });
});

describe("segment", () => {
  test("labels a target from two atlases; volumes are counted", async () => {
    const at = folder();
    const { images, labels } = group(at);
    const out = join(at, "out");
    const { json, code } = await pullback([
      "segment",
      images[0],
      "--atlas",
      `${images[1]}:${labels[1]}`,
      `${images[2]}:${labels[2]}`,
      "--fusion",
      "joint",
      "-o",
      `${out}/`,
      "--json",
    ]);
    expect([code, json.status]).toEqual([0, "ok"]);
    const [found, truth] = [read(join(out, "labels.png")).data, read(labels[0]).data];
    let same = 0;
    let any = 0;
    for (let i = 0; i < truth.length; i++)
      if (truth[i] > 0 || found[i] > 0) {
        any++;
        if (truth[i] === found[i]) same++;
      }
    expect(same / any).toBeGreaterThan(0.85); // shifts of whole pixels, so what is left are edges
    const rows = readFileSync(join(out, "volumes.csv"), "utf8").trim().split("\n");
    expect(rows[0]).toBe("label,voxels,volume");
    expect(rows).toHaveLength(3);
    const em = await pullback([
      "segment",
      images[0],
      "--atlas",
      `${images[1]}:${labels[1]}`,
      "--fusion",
      "em",
      "-o",
      join(at, "em/"),
      "--json",
    ]);
    expect([em.code, em.json.status]).toEqual([0, "ok"]);
  });
  test("says how an atlas is written", async () => {
    const at = folder();
    const { images } = group(at);
    const missing = await pullback(["segment", images[0], "-o", join(at, "o/")]);
    expect([missing.code, /--atlas IMAGE:LABELS/.test(missing.stderr)]).toEqual([2, true]);
    const wrong = await pullback(["segment", images[0], "--atlas", "nocolon", "-o", join(at, "o/")]);
    expect([wrong.code, /expected IMAGE:LABELS/.test(wrong.stderr)]).toEqual([2, true]);
  });
});

describe("two images of one person", () => {
  test("longitudinal writes the middle and the change of volume", async () => {
    const at = folder();
    const { images } = group(at);
    const out = join(at, "out");
    const { json, code } = await pullback(["longitudinal", images[0], images[1], "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    expect(readdirSync(out)).toEqual(
      expect.arrayContaining(["mean.png", "log-volume-change.nii.gz", "first.transform.json", "report.html", "run.json"]),
    );
  });
  test("epi corrects a pair, and a pair that cannot be one is said to differ still", async () => {
    const at = folder();
    const { images } = group(at);
    // Shifted along y: no shift along x brings signal from one line to another.
    const other = put(at, { "far.png": picture(size, [0, 14]) })["far.png"];
    const good = await pullback(["epi", images[1], images[2], "--axis", "y", "--alpha", "0.001", "-o", join(at, "good/"), "--json"]);
    expect(readdirSync(join(at, "good"))).toEqual(
      expect.arrayContaining(["corrected.png", "up.png", "down.png", "field.nii.gz", "report.html", "run.json"]),
    );
    expect(good.json.outputs.length).toBeGreaterThan(5);
    const bad = await pullback(["epi", images[0], other, "--axis", "x", "-o", join(at, "bad/"), "--json"]);
    expect([bad.code, bad.json.status]).toEqual([4, "suspect"]);
    const axis = await pullback(["epi", images[1], images[2], "--axis", "z", "-o", join(at, "z/")]);
    expect([axis.code, /x or y/.test(axis.stderr)]).toEqual([2, true]);
  });
});
