import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readPoints, readRaw } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { blobs, picture, put } from "./support/data.js";

beforeAll(built);

const read = (path: string) => readRaw(readFileSync(path), path);

describe("register", () => {
  const pair = (at: string, ext = ".nii.gz") => {
    const size = ext === ".png" ? [48, 40] : [24, 22, 20];
    const shift = size.map((_, k) => [2, -1, 1][k]);
    const make = ext === ".png" ? picture : blobs;
    const paths = put(at, { [`f${ext}`]: make(size), [`m${ext}`]: make(size, shift) });
    return { f: paths[`f${ext}`], m: paths[`m${ext}`], size, shift };
  };
  test("writes the warped image, the transform both ways, the ITK export, run.json and the report, and says whether to trust it", async () => {
    const at = folder();
    const { f, m, shift } = pair(at);
    const out = join(at, "out");
    const { json, code } = await pullback(["register", f, m, "-o", `${out}/`, "--preset", "rigid", "--json"]);
    expect(code).toBe(0);
    expect(json).toMatchObject({ status: "ok", trust: "good", seconds: { total: expect.any(Number), start: expect.any(Number) } });
    expect(readdirSync(out).sort()).toEqual(["report.html", "run.json", "transform.json", "transform.tfm", "warped.nii.gz"]);
    expect([...json.outputs].sort()).toEqual(
      readdirSync(out)
        .sort()
        .map((n) => join(out, n)),
    );
    const run = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
    expect(run.inputs.fixed.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(run.trace.length).toBeGreaterThan(0);
    expect(run.figures.after).toBeLessThan(run.figures.before);
    // the shift that made the pair, at the middle of the image: a tenth of a voxel is what a soft picture of this size gives
    const p = put(at, { "p.csv": "x,y,z\n12,11,10\n" })["p.csv"];
    await pullback(["apply", p, "--transform", join(out, "transform.json"), "--to", "moving", "-o", join(at, "q.csv")]);
    const q = readPoints(readFileSync(join(at, "q.csv"))).points;
    for (const [k, s] of shift.entries()) expect(Math.abs(q[k] - [12, 11, 10][k] - s)).toBeLessThan(0.1);
    // ITK's file says the same
    await pullback(["apply", p, "--transform", join(out, "transform.tfm"), "--to", "moving", "-o", join(at, "r.csv")]);
    for (const [k, v] of q.entries()) expect(readPoints(readFileSync(join(at, "r.csv"))).points[k]).toBeCloseTo(v, 6);
  });
  test("a dense result has its displacement field in ITK's convention and its inverse, and both directions agree", async () => {
    const at = folder();
    const { f, m } = pair(at, ".png");
    const out = join(at, "out");
    const { json } = await pullback(["register", f, m, "-o", out, "--preset", "diffeo", "--json"]);
    expect(json.outputs.map((o) => o.replace(/^.*\//, ""))).toContain("displacement.nii.gz");
    const scored = await pullback(["evaluate", "--transform", join(out, "transform.json"), "--json"]);
    expect((scored.json.transform as { inverseConsistency: { meanVoxels: number } }).inverseConsistency.meanVoxels).toBeLessThan(0.2);
    expect((scored.json.transform as { folded: number }).folded).toBe(0);
    const warped = join(at, "w.png");
    await pullback(["apply", m, "--transform", join(out, "displacement.nii.gz"), "--to", "fixed", "-o", warped]);
    const [a, b] = [read(warped).data, read(join(out, "warped.png")).data];
    const apart = Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i])));
    expect(apart).toBeLessThanOrEqual(1); // one gray level: f32 fields, rounding to bytes
  });
  test("without a preset one is chosen and the choice explained in one line", async () => {
    const at = folder();
    const { f, m } = pair(at, ".png");
    const ran = await pullback(["register", f, m, "-o", join(at, "out")]);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/preset/);
  });
  test("--resume keeps a finished result and runs again when an option changes; report writes the page anew", async () => {
    const at = folder();
    const { f, m } = pair(at, ".png");
    const out = join(at, "out");
    const args = ["register", f, m, "-o", out, "--preset", "rigid", "--json"];
    await pullback(args);
    expect((await pullback([...args, "--resume"])).json).toMatchObject({ resumed: true, status: "ok" });
    expect((await pullback([...args, "--resume", "--metric", "ncc"])).json.resumed).toBeUndefined();
    const page = join(at, "again.html");
    expect((await pullback(["report", out, "-o", page, "--json"])).json).toMatchObject({ outputs: [page] });
    expect(readFileSync(page, "utf8")).toContain("<!doctype html>");
  });
  test.each([
    ["a function of the images' values", "(warped, fixed) => warped.sub(fixed).square().mean()"],
    ["a metric of images", "{ value: (warped, fixed) => warped.values.sub(fixed.values).square().mean() }"],
  ])("a metric of one's own is used, from a module that exports %s", async (_, metric) => {
    const at = folder();
    const { f, m } = pair(at, ".png");
    writeFileSync(join(at, "mine.mjs"), `export default ${metric};\n`);
    const { json, code } = await pullback(
      ["register", f, m, "-o", join(at, "out"), "--preset", "rigid", "--metric", "./mine.mjs", "--json"],
      { cwd: at },
    );
    expect([code, json.status, json.metric]).toEqual([0, "ok", "mine"]); // named after its file
  });
  test("the result does not depend on the number of threads", async () => {
    const at = folder();
    const { f, m } = pair(at);
    const transforms = [];
    for (const threads of ["1", "2"]) {
      await pullback(["register", f, m, "-o", join(at, threads), "--preset", "rigid", "--threads", threads]);
      transforms.push(readFileSync(join(at, threads, "transform.json"), "utf8"));
    }
    expect(transforms[0]).toBe(transforms[1]);
  });
  test("--progress json tells every level on stderr, one object a line", async () => {
    const at = folder();
    const { f, m } = pair(at);
    const ran = await pullback(["register", f, m, "-o", join(at, "out"), "--preset", "rigid", "--progress", "json", "--quiet"]);
    const lines = ran.stderr
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l).progress);
    expect(lines.at(-1).share).toBe(1);
    expect(ran.stdout).toBe("");
  });
});
