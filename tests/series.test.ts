import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type RawImage, rawImage, readPoints, readRaw } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { blobLabels, blobs, picture, put } from "./support/data.js";

beforeAll(built);

/** Blobs that move by a voxel a frame along x, as one file with a time axis. */
function series(count: number): RawImage {
  const size = [32, 28, 12];
  const frames = Array.from({ length: count }, (_, t) => blobs(size, [t, 0.5 * t, 0]).data);
  const data = new Float32Array(frames[0].length * count);
  for (const [t, f] of frames.entries()) data.set(f, t * f.length);
  return rawImage("test", { data, channels: count, channelKind: "time", frameSpacing: 2, size });
}
const read = (path: string) => readRaw(readFileSync(path), path);
const rows = (path: string) => {
  const [head, ...lines] = readFileSync(path, "utf8").trim().split("\n");
  return lines.map((l) => Object.fromEntries(l.split(",").map((v, k) => [head.split(",")[k], Number(v)])));
};

describe("track", () => {
  test("labels of the first volume are carried through a 4-D file; curves say where the structures go", async () => {
    const at = folder();
    const paths = put(at, { "s.nii.gz": series(4), "l.nii.gz": blobLabels([32, 28, 12]) });
    const out = join(at, "out");
    const { json, code } = await pullback(["track", paths["s.nii.gz"], "--labels", paths["l.nii.gz"], "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    expect(readdirSync(out).sort()).toEqual(["curves.csv", "labels.nii.gz", "report.html", "run.json"]);
    const labels = read(join(out, "labels.nii.gz"));
    expect([labels.channels, labels.channelKind, labels.frameSpacing]).toEqual([4, "time", 2]);
    const curves = rows(join(out, "curves.csv")).filter((r) => r.label === 2);
    // LPS: x of the file runs against LPS x in NIfTI's default orientation, so compare lengths of the way
    const way = Math.hypot(curves[3].x - curves[0].x, curves[3].y - curves[0].y);
    expect(Math.abs(way - Math.hypot(3, 1.5))).toBeLessThan(0.4);
    expect(Math.abs(curves[3].volume / curves[0].volume - 1)).toBeLessThan(0.05);
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain("Looks right");
  });
  test("pictures in order are a series too, and give a label picture for each", async () => {
    const at = folder();
    const paths = put(at, {
      "a.png": picture([48, 40]),
      "b.png": picture([48, 40], [1, 1]),
      "c.png": picture([48, 40], [2, 2]),
      "l.png": { ...blobLabels([48, 40]) },
    });
    const out = join(at, "out");
    const ran = await pullback(["track", paths["a.png"], paths["b.png"], paths["c.png"], "--labels", paths["l.png"], "-o", out, "--json"]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(readdirSync(out)).toContain("labels-002.png");
  });
  test("a box is followed through pictures: a row for each frame", async () => {
    const at = folder();
    const names = ["a.png", "b.png", "c.png"];
    const paths = put(at, Object.fromEntries(names.map((n, k) => [n, picture([96, 80], [3 * k, 2 * k])])));
    const out = join(at, "out");
    const { json, code } = await pullback(["track", ...names.map((n) => paths[n]), "--box", "30,25,40,32", "-o", `${out}/`, "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    expect(readdirSync(out).sort()).toEqual(["boxes.csv", "report.html", "run.json"]);
    const boxes = rows(join(out, "boxes.csv"));
    expect(Object.keys(boxes[0])).toEqual(["frame", "x", "y", "w", "h", "confidence", "lost"]);
    // picture() moves its content against the shift's sign or with it; the way's length is 2 · |(3, 2)|.
    expect(Math.abs(Math.hypot(boxes[2].x - boxes[0].x, boxes[2].y - boxes[0].y) - 2 * Math.hypot(3, 2))).toBeLessThan(1.5);
  });
  test.each([
    ["a box and labels at once", ["s.nii.gz", "--labels", "l.nii.gz", "--box", "1,2,8,8"], /one of them/, 2],
    ["a box of three numbers", ["a.png", "b.png", "--box", "1,2,8"], /four are expected/, 2],
    ["a box outside the frame", ["a.png", "b.png", "--box", "100,2,8,8"], /outside the frame/, 2],
    ["frames of two sizes", ["a.png", "c.png", "--box", "10,10,20,20"], /one size/, 3],
    ["a volume with a box", ["s.nii.gz", "--box", "1,2,8,8"], /two axes/, 3],
  ])("%s: one sentence, nothing written", async (_, args, sentence, exit) => {
    const at = folder();
    put(at, {
      "s.nii.gz": series(3),
      "l.nii.gz": blobLabels([32, 28, 12]),
      "a.png": picture([48, 40]),
      "b.png": picture([48, 40], [1, 1]),
      "c.png": picture([40, 40]),
    });
    const { code, stderr } = await pullback(["track", ...args, "-o", "out"], { cwd: at });
    expect([code, stderr]).toEqual([exit, expect.stringMatching(sentence)]);
    expect(readdirSync(at)).not.toContain("out");
  });
  test.each([
    ["a single image", ["one.nii.gz", "--labels", "l.nii.gz"], /time axis/, 3],
    ["no labels option", ["s.nii.gz"], /--labels/, 2],
    ["labels on another grid", ["s.nii.gz", "--labels", "other.nii.gz"], /resample/, 3],
    ["a frame that is not there", ["s.nii.gz", "--labels", "l.nii.gz", "--start", "9"], /0 to 2/, 2],
    ["a label map that marks nothing", ["s.nii.gz", "--labels", "none.nii.gz"], /marks nothing/, 2],
  ])("%s: one sentence, nothing written", async (_, args, sentence, exit) => {
    const at = folder();
    const size = [32, 28, 12];
    put(at, {
      "s.nii.gz": series(3),
      "one.nii.gz": blobs(size),
      "l.nii.gz": blobLabels(size),
      "other.nii.gz": blobLabels([20, 20, 12]),
      "none.nii.gz": rawImage("test", { data: new Uint8Array(32 * 28 * 12), channels: 1, channelKind: "scalar", size }),
    });
    const { code, stderr } = await pullback(["track", ...args, "-o", "out"], { cwd: at });
    expect([code, stderr]).toEqual([exit, expect.stringMatching(sentence)]);
    expect(stderr.trim().split("\n").length).toBe(1);
    expect(readdirSync(at)).not.toContain("out");
  });
});

describe("motion", () => {
  test("frames of a 4-D file are brought onto each other; a table tells how they moved", async () => {
    const at = folder();
    const paths = put(at, { "s.nii.gz": series(4) });
    const out = join(at, "out");
    const { json, code } = await pullback(["motion", paths["s.nii.gz"], "-o", out, "--reference", "0", "--transforms", "--json"]);
    expect([code, json.status]).toEqual([0, "ok"]);
    const table = rows(join(out, "motion.csv"));
    for (const [t, r] of table.entries()) expect(Math.abs(Math.hypot(r.x, r.y) - Math.hypot(t, 0.5 * t))).toBeLessThan(0.1);
    expect(read(join(out, "corrected.nii.gz")).channels).toBe(4);
    // a frame's transform is one like any other
    const p = put(at, { "p.csv": "x,y,z\n-12,-11,6\n" })["p.csv"];
    await pullback(["apply", p, "--transform", join(out, "transform-003.json"), "--to", "moving", "-o", join(at, "q.csv")]);
    const q = readPoints(readFileSync(join(at, "q.csv"))).points;
    expect(Math.abs(Math.hypot(q[0] + 12, q[1] + 11) - Math.hypot(3, 1.5))).toBeLessThan(0.15);
  });
});

describe("compare --change", () => {
  test("a spot that came is listed with its place, one that stayed is not", async () => {
    const at = folder();
    const before = picture([64, 56]);
    const after = picture([64, 56], [2, 1]);
    const data = Uint8Array.from(after.data, (v, i) => (Math.hypot((i % 64) - 12, Math.floor(i / 64) - 44) < 4 ? 120 : v));
    const paths = put(at, { "a.png": before, "b.png": { ...after, data } });
    const out = join(at, "out");
    const ran = await pullback(["compare", paths["a.png"], paths["b.png"], "--change", "--preset", "rigid", "-o", out, "--json"]);
    expect([0, 4], ran.stderr).toContain(ran.code);
    const found = rows(join(out, "regions.csv"));
    expect(found.length).toBe(1);
    expect(Math.hypot(found[0].x - 10, found[0].y - 43)).toBeLessThan(1); // where it is in the first picture: the second is shifted by (2, 1)
    expect(readdirSync(out).sort()).toEqual([
      "aligned.png",
      "deviation.nii.gz",
      "difference.nii.gz",
      "regions.csv",
      "regions.nii.gz",
      "report.html",
      "run.json",
    ]);
  });
  test("its options without --change are a usage error", async () => {
    const at = folder();
    put(at, { "a.png": picture([32, 32]) });
    const { code, stderr } = await pullback(["compare", "a.png", "a.png", "--preset", "rigid"], { cwd: at });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--change/)]);
  });
});
