import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../src/cli/program.js";
import { writeNpy } from "../src/io/index.js";
import { folder } from "./support/cli.js";
import { picture, put } from "./support/data.js";

/** One process for all: what is asked is the sentence and the exit code, and that nothing is left. */
const at = folder();
const ramp = (n: number, value = (i: number) => i) => Float32Array.from({ length: n }, (_, i) => value(i));
const npy = (name: string, shape: number[], data: Float32Array, complex = false) =>
  writeFileSync(join(at, name), writeNpy({ shape, data, complex } as Parameters<typeof writeNpy>[0]));

beforeAll(() => {
  put(at, { "a.png": picture([40, 36]), "b.png": picture([40, 36], [2, 1]), "text.png": "a letter", "text.npy": "a letter" });
  put(at, { "flat.png": { ...picture([40, 36]), data: new Uint8Array(1440).fill(9) }, "c.csv": "input\n1\n2\n", "t.csv": "time\n1\n2\n" });
  npy("stack.npy", [4, 16, 16], ramp(1024));
  npy("k.npy", [16, 16], ramp(512), true);
  npy(
    "nan.npy",
    [16, 16],
    ramp(512, (i) => (i === 3 ? Number.NaN : i)),
    true,
  );
  npy(
    "zero.npy",
    [16, 16],
    ramp(256, () => 0),
  );
  npy("samples.npy", [8], ramp(16), true);
  npy(
    "far.npy",
    [8, 2],
    ramp(16, (i) => 1e9 * i),
  );
  npy(
    "lost.npy",
    [8, 2],
    ramp(16, () => Number.NaN),
  );
});
afterAll(() => rmSync(at, { recursive: true }));

const cases: [string, string, number, RegExp][] = [
  ["a letter named .png", "homography a.png text.png", 3, /text\.png.*nothing known/],
  ["a flat second picture", "homography a.png flat.png", 3, /the second image is 9/],
  ["a ratio above 1", "homography a.png b.png --ratio 7", 2, /--ratio.*at most 1/],
  ["a stack of pictures without a time axis", "motion stack.npy -o out/", 3, /\(t, 1, y, x\)/],
  ["an arterial input that nobody reads", "motion a.png b.png --dynamics t1 --times t.csv --input c.csv -o out/", 2, /--input goes with/],
  ["times that do not exist", "motion a.png b.png --dynamics t1 --times none.csv -o out/", 3, /none\.csv/],
  ["an enlargement by nothing", "superres a.png --scale 0 -o out.png", 2, /--scale/],
  ["an enlargement beyond all memory", "superres a.png --scale 100000 -o out.png", 5, /needs about .* MB.*smaller --scale/],
  ["frames enlarged beyond all memory", "superres --frames a.png b.png --scale 100000 -o out.png", 5, /needs about .* MB/],
  ["frames and an image", "superres a.png --frames a.png b.png --scale 2 -o out.png", 2, /--frames came/],
  ["frames with a letter among them", "superres --frames a.png text.png --scale 2 -o out.png", 3, /text\.png/],
  ["k-space with NaN", "reconstruct mr nan.npy -o out.npy", 3, /not finite/],
  ["a mask of nothing", "reconstruct mr k.npy --mask zero.npy -o out.npy", 3, /mask is empty/],
  ["real k-space", "reconstruct mr zero.npy -o out.npy", 3, /complex/],
  ["a letter for maps", "reconstruct mr k.npy --maps text.npy -o out.npy", 3, /text\.npy/],
  ["a trajectory that goes too far", "reconstruct mr samples.npy --trajectory far.npy -o out.npy", 2, /cannot fill/],
  ["a weight of no prior", "reconstruct ct zero.npy --prior none --lambda 3 -o out.npy", 2, /nothing to weigh/],
  ["a scale of line integrals", "reconstruct ct zero.npy --scale-data auto -o out.npy", 2, /units of their own/],
  ["SIFT's contrast for another detector", "homography a.png b.png --detector orb --contrast 0.1", 2, /SIFT's points/],
  ["a sinogram with a mask of k-space", "reconstruct ct stack.npy --mask zero.npy -o out.npy", 2, /--mask belongs to mr/],
  ["k-space with angles", "reconstruct mr k.npy --angles 0:180 -o out.npy", 2, /--angles belongs to ct/],
  ["a motion that does not exist", "superres --frames a.png b.png --scale 2 --motion known:none.json -o out.png", 3, /none\.json/],
  ["a trajectory of NaN", "reconstruct mr samples.npy --trajectory lost.npy -o out.npy", 3, /not finite/],
];

describe("bad input of the newer commands", () => {
  test.each(cases)("%s: one sentence, the right exit code, nothing left", async (_, line, exit, says) => {
    const before = readdirSync(at).sort();
    let out = "";
    let err = "";
    const o = vi.spyOn(process.stdout, "write").mockImplementation((t) => Boolean((out += t)));
    const e = vi.spyOn(process.stderr, "write").mockImplementation((t) => Boolean((err += t)));
    const words = line.split(" ").map((w) => (/\.(png|npy|csv)$/.test(w) || w === "out/" ? join(at, w) : w));
    const code = await run([...words, "--json"]).finally(() => {
      o.mockRestore();
      e.mockRestore();
    });
    expect(JSON.parse(out)).toMatchObject({ status: "error", exit, outputs: [] });
    expect(JSON.parse(out).reason).toMatch(says);
    expect(err).not.toMatch(/^\s+at /m);
    expect(code).toBe(exit);
    expect(readdirSync(at).sort()).toEqual(before);
  });

  test("--no-input beside a command's own --input is not a value", async () => {
    const e = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    expect(await run(["motion", join(at, "none.npy"), "--no-input", "-o", join(at, "out/")]).finally(() => e.mockRestore())).toBe(3);
  });
});
