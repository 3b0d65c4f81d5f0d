import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readItkTransform, readPoints, readRaw } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, leftovers, pullback } from "./support/cli.js";
import { blobLabels, blobs, itk, picture, put } from "./support/data.js";

beforeAll(built);

const identity3 = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const read = (path: string) => readRaw(readFileSync(path), path);

describe("pullback", () => {
  test("--version prints the version and nothing else", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    const ran = await pullback(["--version"]);
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([0, `${version}\n`, ""]);
  });
  test("--help starts with examples, of the program and of every command", async () => {
    const top = await pullback(["--help"]);
    expect(top.stdout.startsWith("Examples:\n  pullback ")).toBe(true);
    expect(top.code).toBe(0);
    const names = [...top.stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map((m) => m[1]).filter((n) => n !== "help");
    expect(names).toContain("apply");
    for (const name of names) {
      const help = await pullback([name, "--help"]);
      expect([name, help.code, help.stdout.startsWith("Examples:\n  pullback ")]).toEqual([name, 0, true]);
      expect(help.stdout).toContain("--json");
    }
  });
  test.each([
    [["aply"], /no command "aply"; did you mean apply\?/],
    [["info", "--jsn", "x"], /unknown option '--jsn'.*--json/],
    [["info"], /missing required argument/],
    [["convert", "x.png", "-o"], /argument missing/],
    [
      ["apply", "a.png", "--transform", "t.tfm", "--to", "fixt", "-o", "b.png"],
      /--to: got "fixt"; expected one of fixed, moving; did you mean fixed\?/,
    ],
    [["info", "x.png", "--threads", "0"], /--threads: got "0"; expected a whole number/],
    [["transform", "inver", "t.tfm"], /no action "inver"; did you mean invert\?/],
  ])("%j is a usage error in one line that names what was meant", async (args, sentence) => {
    const ran = await pullback(args);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toMatch(sentence);
    expect(ran.stderr.trim().split("\n")).toHaveLength(1);
    expect(ran.stdout).toBe("");
  });
  test("with --json an error is one JSON object as well", async () => {
    const ran = await pullback(["info", "nowhere.nii", "--json"]);
    expect(ran.code).toBe(3);
    expect(ran.json).toMatchObject({ status: "error", exit: 3, outputs: [] });
    expect(ran.json.reason).toMatch(/nowhere\.nii: there is no such file/);
  });
  test("a stack is shown only when asked for", async () => {
    expect((await pullback(["info", "nowhere.nii"])).stderr).not.toMatch(/ at /);
    expect((await pullback(["info", "nowhere.nii"], { env: { PULLBACK_DEBUG: "1" } })).stderr).toMatch(/\n\s+at /);
  });
});

describe("info and convert", () => {
  test("info tells size, spacing, place and range", async () => {
    const at = folder();
    const { "a.nii.gz": path } = put(at, { "a.nii.gz": blobs([6, 5, 4], [0, 0, 0], { spacing: [1, 2, 3], origin: [-1, 0, 7] }) });
    const ran = await pullback(["info", path, "--json"]);
    expect(ran.json).toMatchObject({
      files: [{ kind: "image", size: [6, 5, 4], spacing: [1, 2, 3], origin: [-1, 0, 7], axes: "LPS", notFinite: 0 }],
    });
    expect((await pullback(["info", path])).stdout).toMatch(/size +6 5 4/);
  });
  test("convert keeps values and place", async () => {
    const at = folder();
    const source = blobs([6, 5, 4], [0, 0, 0], { spacing: [1, 2, 3], origin: [-1, 0, 7] });
    const { "a.nii.gz": path } = put(at, { "a.nii.gz": source });
    const target = join(at, "b.mha");
    const ran = await pullback(["convert", path, "-o", target, "--json"]);
    expect(ran.json.outputs).toEqual([target]);
    const back = read(target);
    expect([...back.data]).toEqual([...source.data]);
    expect([back.spacing, back.origin]).toEqual([source.spacing, source.origin]);
    expect(leftovers(at)).toEqual([]);
  });
  test("convert replaces NaN, picks a channel, changes the type", async () => {
    const at = folder();
    const raw = blobs([4, 4]);
    raw.data[3] = Number.NaN;
    const { "a.npy": path } = put(at, { "a.npy": raw });
    const ran = await pullback(["convert", path, "--nan", "7", "--type", "int16", "-o", join(at, "b.nii"), "--json"]);
    expect(ran.json.replaced).toBe(1);
    const back = read(join(at, "b.nii"));
    expect(back.data).toBeInstanceOf(Int16Array);
    expect(back.data[3]).toBe(7);
    expect((await pullback(["convert", path, "--channel", "4", "-o", join(at, "c.nii")])).stderr).toMatch(/has 1 channel, so choose 0 … 0/);
  });
  test("--dry-run writes nothing", async () => {
    const at = folder();
    const { "a.npy": path } = put(at, { "a.npy": blobs([4, 4]) });
    const ran = await pullback(["convert", path, "-o", join(at, "b.nii"), "--dry-run"]);
    expect([ran.code, existsSync(join(at, "b.nii"))]).toEqual([0, false]);
    expect(ran.stdout).toMatch(/would write/);
  });
});

describe("transform and apply", () => {
  test("points carried to moving and back to fixed come home, and further columns stay", async () => {
    const at = folder();
    const { "t.tfm": t, "p.csv": p } = put(at, {
      "t.tfm": itk([0, -1, 0, 1, 0, 0, 0, 0, 1], [5, 6, 7]),
      "p.csv": "x,y,z,name\n1,2,3,one\n-4,5,0.5,two\n",
    });
    const there = join(at, "there.csv");
    const back = join(at, "back.csv");
    await pullback(["apply", p, "--transform", t, "--to", "moving", "-o", there]);
    expect([...readPoints(readFileSync(there)).points.slice(0, 3)]).toEqual([-2 + 5, 1 + 6, 3 + 7]);
    await pullback(["apply", there, "--transform", t, "--to", "fixed", "-o", back]);
    const home = readPoints(readFileSync(back));
    for (const [i, v] of [1, 2, 3, -4, 5, 0.5].entries()) expect(home.points[i]).toBeCloseTo(v, 9);
    expect(home.columns.get("name")).toEqual(["one", "two"]);
  });
  test("an image carried by the shift that made it equals the fixed one inside", async () => {
    const at = folder();
    const size = [20, 18];
    const {
      "f.nii": f,
      "m.nii": m,
      "t.tfm": t,
    } = put(at, { "f.nii": blobs(size), "m.nii": blobs(size, [2, 3]), "t.tfm": itk([1, 0, 0, 1], [2, 3]) });
    const out = join(at, "w.nii");
    const ran = await pullback(["apply", m, "--transform", t, "--to", "fixed", "--like", f, "-o", out, "--json"]);
    expect(ran.json).toMatchObject({ status: "ok", outputs: [out] });
    const [a, b] = [read(f).data, read(out).data];
    for (let y = 0; y < 15; y++) for (let x = 0; x < 18; x++) expect(b[y * 20 + x]).toBeCloseTo(a[y * 20 + x], 3); // f32, linear at whole shifts
  });
  test("labels keep their values and their type", async () => {
    const at = folder();
    const { "l.nii.gz": l, "t.tfm": t } = put(at, { "l.nii.gz": blobLabels([16, 16, 8]), "t.tfm": itk(identity3, [0.4, 0.3, 0]) });
    const out = join(at, "w.nii.gz");
    await pullback(["apply", l, "--transform", t, "--to", "fixed", "--interp", "label", "--like", l, "-o", out]);
    expect(read(out).data).toBeInstanceOf(Uint8Array);
    expect([...new Set(read(out).data)].sort()).toEqual([0, 1, 2]);
  });
  test("several inputs go into a folder, and an existing one needs --force", async () => {
    const at = folder();
    const { "a.nii": a, "b.nii": b } = put(at, { "a.nii": blobs([8, 8]), "b.nii": blobs([8, 8]) });
    const out = join(at, "out");
    expect((await pullback(["apply", a, b, "--transform", "identity", "--like", a, "-o", out])).code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(["a.nii", "b.nii"]);
    const again = await pullback(["apply", a, b, "--transform", "identity", "--like", a, "-o", out]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/not empty; --force replaces it/)]);
    expect((await pullback(["apply", a, b, "--transform", "identity", "--like", a, "-o", out, "--force"])).code).toBe(0);
  });
  test("two transforms composed are one after the other, and inverted they undo each other", async () => {
    const at = folder();
    const {
      "a.tfm": a,
      "b.tfm": b,
      "p.csv": p,
    } = put(at, { "a.tfm": itk([2, 0, 0, 2], [1, 0]), "b.tfm": itk([1, 0, 0, 1], [0, 5]), "p.csv": "x,y\n3,4\n" });
    const both = join(at, "both.json");
    await pullback(["transform", "compose", a, b, "-o", both]);
    await pullback(["apply", p, "--transform", both, "--to", "moving", "-o", join(at, "q.csv")]);
    expect([...readPoints(readFileSync(join(at, "q.csv"))).points]).toEqual([7, 13]);
    const back = join(at, "back.json");
    await pullback(["transform", "invert", both, "-o", back]);
    await pullback(["apply", join(at, "q.csv"), "--transform", back, "--to", "moving", "-o", join(at, "r.csv")]);
    expect([...readPoints(readFileSync(join(at, "r.csv"))).points]).toEqual([3, 4]);
    const itkFile = join(at, "both.tfm");
    await pullback(["transform", "convert", both, "-o", itkFile]);
    expect(readItkTransform(readFileSync(itkFile))).toMatchObject({ kind: "linear", matrix: [2, 0, 0, 2], offset: [1, 5] });
  });
  test("field and jacobian write what ITK reads: displacements in mm, determinants on the grid", async () => {
    const at = folder();
    const { "a.tfm": a, "f.nii": f } = put(at, {
      "a.tfm": itk([1.5, 0, 0, 0, 2, 0, 0, 0, 1], [3, 0, 0]),
      "f.nii": blobs([5, 4, 3], [0, 0, 0], { spacing: [1, 2, 3] }),
    });
    const j = await pullback(["transform", "jacobian", a, "--like", f, "-o", join(at, "J.nii.gz"), "--json"]);
    expect(j.json).toMatchObject({ folded: 0, min: 3, max: 3 });
    for (const v of read(join(at, "J.nii.gz")).data) expect(v).toBeCloseTo(3, 5);
    await pullback(["transform", "field", a, "--like", f, "-o", join(at, "u.nii.gz")]);
    const u = read(join(at, "u.nii.gz"));
    expect(u.channels).toBe(3);
    expect(u.data[4]).toBeCloseTo(0.5 * 4 + 3, 5); // x = 4 mm
    // and it comes back as a transform
    const info = await pullback(["transform", "info", join(at, "u.nii.gz"), "--json"]);
    expect(info.json).toMatchObject({ kind: "transform", dimension: 3 });
  });
});

describe("evaluate", () => {
  test("TRE of points through a transform", async () => {
    const at = folder();
    const {
      "f.csv": f,
      "m.csv": m,
      "t.tfm": t,
    } = put(at, { "f.csv": "x,y\n0,0\n1,1\n", "m.csv": "x,y\n3,0\n4,5\n", "t.tfm": itk([1, 0, 0, 1], [3, 0]) });
    const { json } = await pullback(["evaluate", "--transform", t, "--fixed-points", f, "--moving-points", m, "--json"]);
    expect(json.tre).toMatchObject({ count: 2, mean: 2, max: 4, meanBefore: (3 + 5) / 2 });
  });
  test("Dice and HD95 of labels, images, and what a transform does to volume", async () => {
    const at = folder();
    const size = [24, 20, 12];
    const {
      "l.nii.gz": l,
      "k.nii.gz": k,
      "a.nii.gz": a,
      "t.tfm": t,
    } = put(at, {
      "l.nii.gz": blobLabels(size),
      "k.nii.gz": blobLabels(size, [2, 0, 0]),
      "a.nii.gz": blobs(size),
      "t.tfm": itk(identity3, [2, 0, 0]),
    });
    const apart = (await pullback(["evaluate", "--fixed-labels", l, "--moving-labels", k, "--json"])).json as unknown as {
      dice: { mean: number };
    };
    const together = (
      await pullback(["evaluate", "--fixed-labels", l, "--moving-labels", k, "--transform", t, "--fixed", a, "--warped", a, "--json"])
    ).json;
    expect(apart.dice.mean).toBeLessThan(0.9);
    expect(together).toMatchObject({
      dice: { mean: 1 },
      hd95: { mean: 0 },
      image: { ncc: 1, rmse: 0, ssim: expect.closeTo(1, 9) },
      transform: { folded: 0 },
    });
  });
  test("half a pair is a usage error", async () => {
    const ran = await pullback(["evaluate", "--fixed-points", "f.csv"]);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(/--fixed-points and --moving-points belong together/)]);
  });
});

describe("compare", () => {
  test("writes a page that loads nothing, or a picture, and gives figures without either", async () => {
    const at = folder();
    const { "a.png": a, "b.png": b } = put(at, { "a.png": picture([32, 24]), "b.png": picture([32, 24], [3, 1]) });
    const page = join(at, "c.html");
    const ran = await pullback(["compare", a, b, "-o", page, "--json"]);
    expect(ran.json).toMatchObject({ outputs: [page], figures: { ncc: expect.any(Number) } });
    expect(readFileSync(page, "utf8").replace(/data:image[^"]*/g, "")).not.toMatch(/https?:/);
    await pullback(["compare", a, b, "-o", join(at, "c.png")]);
    expect(read(join(at, "c.png")).size).toEqual([4 * 32, 24]);
    expect((await pullback(["compare", a, a])).stdout).toMatch(/SSIM 1/);
  });
});

describe("config and folders", () => {
  test("a config file holds the same options as the flags, and an unknown key names the nearest", async () => {
    const at = folder();
    const { "a.npy": a } = put(at, { "a.npy": blobs([4, 4]) });
    writeFileSync(join(at, "c.json"), JSON.stringify({ output: join(at, "b.nii"), type: "int16" }));
    expect((await pullback(["convert", a, "--config", join(at, "c.json")])).code).toBe(0);
    expect(read(join(at, "b.nii")).data).toBeInstanceOf(Int16Array);
    writeFileSync(join(at, "d.json"), JSON.stringify({ outptu: "x" }));
    const ran = await pullback(["convert", a, "--config", join(at, "d.json")]);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(/no option "outptu"; did you mean "output"\?/)]);
  });
  test("a single file is replaced, a folder of that name is not", async () => {
    const at = folder();
    const { "a.npy": a } = put(at, { "a.npy": blobs([4, 4]) });
    mkdirSync(join(at, "b.nii"));
    const ran = await pullback(["convert", a, "-o", join(at, "b.nii")]);
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringMatching(/this is a folder/)]);
    expect(leftovers(at)).toEqual([]);
  });
});
