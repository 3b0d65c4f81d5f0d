import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { rawImage, writeRaw } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, pullback, type Ran } from "./support/cli.js";
import { blobs, itk, put } from "./support/data.js";

beforeAll(built);

const good3 = () => blobs([16, 14, 12]);
const good2 = () => blobs([24, 20]);
const filled = (value: number, size = [16, 14, 12]) =>
  rawImage("test", { data: new Float32Array(size.reduce((a, b) => a * b, 1)).fill(value), channels: 1, channelKind: "scalar", size });
/** A NIfTI file with some bytes of its header changed. */
function header(change: (view: DataView, bytes: Uint8Array) => void, raw = good3()): Uint8Array {
  const bytes = writeRaw(raw, "x.nii").slice();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}
const damaged = (name: string, keep: number, raw = good3()) => writeRaw(raw, name).slice(0, keep);

const huge = (v: DataView) => {
  for (let k = 0; k < 3; k++) v.setInt16(42 + 2 * k, 10000, true);
};

interface Case {
  /** Files made for it; `f` and `m` are the usual pair. */
  readonly files: Readonly<Record<string, Parameters<typeof put>[1][string]>>;
  readonly args: readonly string[];
  readonly exit: number;
  readonly says: RegExp;
}
const pair = (name: string, content: Parameters<typeof put>[1][string], says: RegExp, exit = 3): Case => ({
  files: { "f.nii.gz": good3(), [name]: content },
  args: ["register", "f.nii.gz", name, "-o", "out", "--preset", "rigid"],
  exit,
  says,
});

const cases: Record<string, Case> = {
  // Files that are not what they claim
  "a file that does not exist": {
    files: { "f.nii": good3() },
    args: ["register", "f.nii", "none.nii", "-o", "out"],
    exit: 3,
    says: /none\.nii: there is no such file/,
  },
  "an empty file": pair("m.nii", new Uint8Array(0), /m\.nii.*empty/),
  "a NIfTI cut off in its header": pair("m.nii", damaged("m.nii", 200), /m\.nii/),
  "a NIfTI cut off in its values": pair("m.nii", damaged("m.nii", 1000), /truncated|came/),
  "a gzip stream that ends early": pair("m.nii.gz", damaged("m.nii.gz", 300), /m\.nii\.gz/),
  "bytes that are no image": pair(
    "m.nii",
    new TextEncoder().encode("hello, this is a letter and not an image at all".repeat(20)),
    /m\.nii.*look/,
  ),
  "a PNG under the name of a NIfTI": pair("m.nii", writeRaw(picture(good2()), "x.png"), /extension says nifti.*png/),
  "a NIfTI under the name of a PNG": {
    ...pair("m.png", writeRaw(good2(), "x.nii"), /extension says png/),
    files: { "f.nii.gz": good2(), "m.png": writeRaw(good2(), "x.nii") },
  },
  "an extension that nobody knows": pair("m.xyz", "x", /m\.xyz/),
  "a PNG cut off": {
    ...pair("m.png", damaged("m.png", 60, picture(good2())), /m\.png/),
    files: { "f.nii.gz": good2(), "m.png": damaged("m.png", 60, picture(good2())) },
  },
  "a MetaImage whose data file is missing": pair(
    "m.mhd",
    "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_FLOAT\nElementDataFile = gone.raw\n",
    /gone\.raw/,
  ),
  "a NumPy file with a broken header": pair("m.npy", new TextEncoder().encode("\u0093NUMPY"), /m\.npy/),
  "a folder without images": { files: { "f.nii": good3() }, args: ["register", "f.nii", ".", "-o", "out"], exit: 3, says: /DICOM/ },
  // Headers that cannot be
  "a header of 10¹² voxels": pair("m.nii", header(huge), /promises.*10000×10000×10000|truncated/),
  "a header of 10¹² voxels in a small gzip": pair("m.nii.gz", gzipHeader(), /promises|truncated|more/),
  "a header with no voxels": pair(
    "m.nii",
    header((v) => v.setInt16(42, 0, true)),
    /m\.nii/,
  ),
  "a negative size": pair(
    "m.nii",
    header((v) => v.setInt16(42, -5, true)),
    /m\.nii/,
  ),
  "a singular direction": pair(
    "m.nii",
    header((v) => {
      v.setInt16(252, 0, true);
      v.setInt16(254, 1, true);
      for (let k = 0; k < 12; k++) v.setFloat32(280 + 4 * k, 0, true);
    }),
    /singular/,
  ),
  "a direction with NaN": pair(
    "m.nii",
    header((v) => {
      v.setInt16(252, 0, true);
      v.setInt16(254, 1, true);
      v.setFloat32(280, Number.NaN, true);
    }),
    /NaN|finite/,
  ),
  "a data type that does not exist": pair(
    "m.nii",
    header((v) => v.setInt16(70, 9999, true)),
    /9999|type/,
  ),
  // Values that cannot be aligned
  "NaN among the values": pair("m.nii.gz", withValue(Number.NaN), /1 of 2688 values of the moving image are NaN or infinite; replace them/),
  "an infinite value": pair("m.nii.gz", withValue(Number.POSITIVE_INFINITY), /NaN or infinite/),
  "a constant moving image": pair("m.nii.gz", filled(7), /every value of the moving image is 7/),
  "a constant fixed image": {
    files: { "f.nii": filled(0), "m.nii": good3() },
    args: ["register", "f.nii", "m.nii", "-o", "out"],
    exit: 3,
    says: /every value of the fixed image is 0/,
  },
  "an image of one voxel": pair("m.nii", filled(1, [1, 1, 1]), /m\.nii/),
  "a series in time": pair(
    "m.nii",
    rawImage("t", { ...good3(), data: new Float32Array(2 * 2688).map((_, i) => i), channels: 2, channelKind: "time" }),
    /frames of a series/,
  ),
  // Pairs that do not fit
  "a volume and a picture": {
    files: { "f.nii": good3(), "m.png": picture(good2()) },
    args: ["register", "f.nii", "m.png", "-o", "out"],
    exit: 3,
    says: /3-D.*2-D/,
  },
  "images far apart, taken where they are": {
    files: { "f.nii": good3(), "m.nii": blobs([16, 14, 12], [0, 0, 0], { origin: [5000, 0, 0] }) },
    args: ["register", "f.nii", "m.nii", "-o", "out", "--preset", "rigid", "--init", "identity"],
    exit: 3,
    says: /do not overlap.*--init/,
  },
  "a mask on another grid": {
    files: { "f.nii": good3(), "m.nii": good3(), "k.nii": filled(1, [4, 4, 4]) },
    args: ["register", "f.nii", "m.nii", "-o", "out", "--fixed-mask", "k.nii"],
    exit: 3,
    says: /the mask lies on 4×4×4/,
  },
  "a mask that marks nothing": {
    files: { "f.nii": good3(), "m.nii": good3(), "k.nii": filled(0) },
    args: ["register", "f.nii", "m.nii", "-o", "out", "--fixed-mask", "k.nii"],
    exit: 3,
    says: /marks no voxel/,
  },
  "an initial transform of another dimension": {
    files: { "f.nii": good3(), "m.nii": good3(), "t.tfm": itk([1, 0, 0, 1], [0, 0]) },
    args: ["register", "f.nii", "m.nii", "-o", "out", "--init", "t.tfm"],
    exit: 3,
    says: /2-D.*3-D/,
  },
  "a transform of another dimension": {
    files: { "a.nii": good3(), "t.tfm": itk([1, 0, 0, 1], [0, 0]) },
    args: ["apply", "a.nii", "--transform", "t.tfm", "--to", "fixed", "--like", "a.nii", "-o", "b.nii"],
    exit: 3,
    says: /2-D.*3-D/,
  },
  "a singular transform that has to be inverted": {
    files: { "p.csv": "x,y\n1,2\n", "t.tfm": itk([1, 1, 1, 1], [0, 0]) },
    args: ["apply", "p.csv", "--transform", "t.tfm", "--to", "fixed", "-o", "q.csv"],
    exit: 3,
    says: /singular/,
  },
  "a transform file that is a letter": {
    files: { "p.csv": "x,y\n1,2\n", "t.json": '{"dear": "reader"}' },
    args: ["apply", "p.csv", "--transform", "t.json", "--to", "moving", "-o", "q.csv"],
    exit: 3,
    says: /holds no transform/,
  },
  "a transform whose field is missing": {
    files: {
      "p.csv": "x,y\n1,2\n",
      "t.json": JSON.stringify({
        format: "pullback transform",
        version: 1,
        dimension: 2,
        forward: [{ kind: "displacement", file: "gone.nii.gz" }],
      }),
    },
    args: ["apply", "p.csv", "--transform", "t.json", "--to", "moving", "-o", "q.csv"],
    exit: 3,
    says: /gone\.nii\.gz is not beside it/,
  },
  "points without a header": {
    files: { "p.csv": "1,2\n3,4\n", "t.tfm": itk([1, 0, 0, 1], [0, 0]) },
    args: ["apply", "p.csv", "--transform", "t.tfm", "--to", "moving", "-o", "q.csv"],
    exit: 3,
    says: /must be a header/,
  },
  "points with a word for a number": {
    files: { "p.csv": "x,y\n1,two\n", "t.tfm": itk([1, 0, 0, 1], [0, 0]) },
    args: ["apply", "p.csv", "--transform", "t.tfm", "--to", "moving", "-o", "q.csv"],
    exit: 3,
    says: /line 2.*"two"/,
  },
  "point lists of unlike length": {
    files: { "a.csv": "x,y\n1,2\n", "b.csv": "x,y\n1,2\n3,4\n" },
    args: ["evaluate", "--fixed-points", "a.csv", "--moving-points", "b.csv"],
    exit: 3,
    says: /1 and 2 points/,
  },
  // Words that mean nothing
  "a preset that does not exist": {
    files: { "f.nii": good3(), "m.nii": good3() },
    args: ["register", "f.nii", "m.nii", "-o", "out", "--preset", "rigit"],
    exit: 2,
    says: /did you mean rigid\?/,
  },
  "a metric that does not exist": {
    files: { "f.nii": good3(), "m.nii": good3() },
    args: ["register", "f.nii", "m.nii", "-o", "out", "--metric", "nccc"],
    exit: 2,
    says: /metric.*did you mean (l?ncc)\?/,
  },
  "a metric file that exports none": {
    files: { "f.nii": good3(), "m.nii": good3(), "mine.mjs": "export const x = 1;\n" },
    args: ["register", "f.nii", "m.nii", "-o", "out", "--metric", "./mine.mjs"],
    exit: 2,
    says: /mine\.mjs.*export/,
  },
  "no output": { files: { "f.nii": good3(), "m.nii": good3() }, args: ["register", "f.nii", "m.nii"], exit: 2, says: /-o/ },
  // Places that cannot be written
  "a folder inside a file": {
    files: { "f.nii": good3(), "m.nii": good3(), blocked: "a file" },
    args: ["register", "f.nii", "m.nii", "-o", "blocked/out/"],
    exit: 1,
    says: /blocked/,
  },
  "a place where nobody may write": {
    files: { "f.npy": good3() },
    args: ["convert", "f.npy", "-o", "/proc/nothing/x.nii"],
    exit: 1,
    says: /\/proc\/nothing/,
  },
  "an output without a known extension": {
    files: { "f.npy": good3() },
    args: ["convert", "f.npy", "-o", "x.tiiff"],
    exit: 2,
    says: /x\.tiiff.*\.nii/,
  },
  "a volume as a picture": { files: { "f.npy": good3() }, args: ["convert", "f.npy", "-o", "x.png"], exit: 2, says: /png/ },
  "too little memory": {
    files: { "f.nii": blobs([96, 96, 96]), "m.nii": blobs([96, 96, 96]) },
    args: ["register", "f.nii", "m.nii", "-o", "out", "--memory", "4"],
    exit: 5,
    says: /MB/,
  },
};

describe("bad input", () => {
  test.each(Object.entries(cases))(
    "%s: one sentence, the right exit code, nothing half-written",
    async (_, { files, args, exit, says }) => {
      const at = folder();
      put(at, files);
      const before = readdirSync(at).sort();
      const ran = await pullback([...args, "--json"], { cwd: at });
      expectOneSentence(ran, exit, says);
      expect(readdirSync(at).sort()).toEqual(before);
      rmSync(at, { recursive: true });
    },
  );

  test("a disk that fills up while a registration is written: exit 5, nothing left", async () => {
    const at = folder();
    put(at, { "f.nii": good2(), "m.nii": blobs([24, 20], [1, 1]) });
    const preload = new URL("./support/fullDisk.mjs", import.meta.url).href;
    const ran = await pullback(["register", "f.nii", "m.nii", "-o", "out", "--preset", "rigid", "--json"], {
      cwd: at,
      node: ["--import", preload],
    });
    expectOneSentence(ran, 5, /the disk is full/);
    expect(readdirSync(at).sort()).toEqual(["f.nii", "m.nii"]);
  });

  test("Ctrl-C in the middle of a run: exit 130, nothing left", async () => {
    const at = folder();
    put(at, { "f.nii": blobs([96, 96, 96]), "m.nii": blobs([96, 96, 96], [3, 2, 1]) });
    let sent = false;
    const ran = await pullback(["register", "f.nii", "m.nii", "-o", "out", "--preset", "diffeo", "--progress", "json", "--json"], {
      cwd: at,
      during: (child) =>
        child.stderr?.on("data", (d) => {
          if (!sent && String(d).includes('"progress"')) sent = child.kill("SIGINT");
        }),
    });
    expect(sent).toBe(true);
    expect(ran.code).toBe(130);
    expect(ran.json).toMatchObject({ status: "interrupted", outputs: [] });
    expect(readdirSync(at).sort()).toEqual(["f.nii", "m.nii"]);
  });

  test("an existing folder with something in it is not touched", async () => {
    const at = folder();
    put(at, { "f.nii": good2(), "m.nii": good2() });
    mkdirSync(join(at, "out"));
    writeFileSync(join(at, "out", "thesis.txt"), "do not lose me");
    const ran = await pullback(["register", "f.nii", "m.nii", "-o", "out", "--json"], { cwd: at });
    expectOneSentence(ran, 2, /--force/);
    expect(existsSync(join(at, "out", "thesis.txt"))).toBe(true);
    expect(readdirSync(at).sort()).toEqual(["f.nii", "m.nii", "out"]);
  });
});

function expectOneSentence(ran: Ran, exit: number, says: RegExp): void {
  const errors = ran.stderr.split("\n").filter((l) => l.startsWith("pullback:"));
  expect(errors, ran.stderr + ran.stdout).toHaveLength(1);
  expect(errors[0]).toMatch(says);
  expect(errors[0]).not.toMatch(/unexpected|undefined|\[object|NaN×/);
  expect(ran.stderr).not.toMatch(/^\s+at /m);
  expect(ran.code).toBe(exit);
  expect(ran.json).toMatchObject({ status: "error", exit, outputs: [] });
}

function withValue(value: number) {
  const raw = good3();
  raw.data[5] = value;
  return raw;
}
function picture(raw: ReturnType<typeof blobs>) {
  return { ...raw, data: Uint8Array.from(raw.data) };
}
function gzipHeader(): Uint8Array {
  const plain = header(huge);
  const { gzipSync } = process.getBuiltinModule("node:zlib");
  return new Uint8Array(gzipSync(plain));
}
