import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { imageFromRaw, readRaw } from "../src/io/index.js";
import { startEngine } from "../src/kernels/index.js";
import { buildAtlas } from "../src/registration/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { blobs, put } from "./support/data.js";

beforeAll(built);

/** Ten pictures, more than one share of a mean, of spots that are moved and stretched. */
const size = [32, 28];
function group(at: string): string[] {
  const images = Array.from({ length: 10 }, (_, k) => {
    const raw = blobs(
      size.map((n, a) => n - ((k * (a + 2)) % 3)),
      [((k * 7) % 5) / 2 - 1, ((k * 3) % 4) / 2 - 0.75],
    );
    return [`s${k}.nii.gz`, raw] as const;
  });
  return Object.values(put(at, Object.fromEntries(images)));
}
const options = ["--levels", "2,1", "--rounds", "1"];
const read = (path: string) => readRaw(readFileSync(path), path).data as Float32Array;
/** Everything in a result that is a picture or a field. */
const arrays = (at: string) =>
  readdirSync(at)
    .filter((n) => n.endsWith(".nii.gz"))
    .map((n) => [n, Buffer.from(read(join(at, n)).buffer).toString("base64")]);
const done = (at: string) => (existsSync(join(at, "a.work/queue/done")) ? readdirSync(join(at, "a.work/queue/done")) : []);

describe("pullback atlas --on", () => {
  let calm: string;
  test("gives the same bits as in one process with plain SIMD", async () => {
    calm = folder();
    const images = group(calm);
    const ran = await pullback(["atlas", ...images, ...options, "-o", join(calm, "a/"), "--on", "local", "--workers", "1", "--json"]);
    expect(ran.json).toMatchObject({ status: "ok", figures: { images: 10 } });
    startEngine({ threads: 1, deterministic: true });
    const atlas = await buildAtlas(
      images.map((path) => imageFromRaw(readRaw(readFileSync(path), path))),
      { levels: [2, 1], rounds: 1 },
    );
    expect(
      Buffer.from(read(join(calm, "a/mean.nii.gz")).buffer).equals(Buffer.from(Float32Array.from(atlas.mean.values.data).buffer)),
    ).toBe(true);
  });

  test("gives the same bits for two and three workers, and a second run has nothing left to do", async () => {
    for (const workers of ["2", "3"]) {
      const at = folder();
      const call = ["atlas", ...group(at), ...options, "-o", join(at, "a/"), "--on", "local", "--workers", workers, "--json"];
      expect((await pullback(call)).json.status).toBe("ok");
      expect(arrays(join(at, "a"))).toEqual(arrays(join(calm, "a")));
      if (workers === "3") continue;
      const before = done(at).map((n) => readFileSync(join(at, "a.work/queue/done", n), "utf8"));
      const again = await pullback(call);
      expect(again.json.status).toBe("ok");
      expect(done(at).map((n) => readFileSync(join(at, "a.work/queue/done", n), "utf8"))).toEqual(before);
    }
  });

  test("a worker killed in mid-round loses nothing: the same command goes on, and the result is that of an undisturbed run", async () => {
    const at = folder();
    const call = ["atlas", ...group(at), ...options, "-o", join(at, "a/"), "--on", "local", "--workers", "1"];
    const killed = await pullback(call, {
      during(child) {
        // After the first round's barrier, while its second is under way.
        const look = setInterval(() => {
          if (existsSync(join(at, "a.work/0/round.json")) && existsSync(join(at, "a.work/1/align-2.json"))) {
            child.kill("SIGKILL");
            clearInterval(look);
          }
        }, 1);
        child.on("close", () => clearInterval(look));
      },
    });
    expect(killed.code).toBeNull();
    expect(existsSync(join(at, "a"))).toBe(false);
    const kept = new Map(done(at).map((n) => [n, readFileSync(join(at, "a.work/queue/done", n), "utf8")]));
    expect(kept.size).toBeGreaterThan(14);
    const went = await pullback([...call, "--silent", "0.5", "--json"]);
    expect(went.json.status).toBe("ok");
    // What had been done was not done again.
    for (const [n, record] of kept) expect(readFileSync(join(at, "a.work/queue/done", n), "utf8")).toBe(record);
    expect(arrays(join(at, "a"))).toEqual(arrays(join(calm, "a")));
  });

  test("says what stands in the way: a result of other images, an image that vanished, options of Slurm elsewhere", async () => {
    const at = folder();
    const images = group(at);
    const call = ["atlas", ...images.slice(0, 3), ...options, "-o", join(at, "a/"), "--on", "local"];
    expect(await pullback([...call, "--pilots", "2"])).toMatchObject({ code: 2, stderr: expect.stringMatching(/belongs to --on slurm/) });
    expect(await pullback([...call, "--threads", "2"])).toMatchObject({ code: 2 });
    expect((await pullback([...call, "--print-script", "--on", "slurm"])).stdout).toMatch(/^#SBATCH --array=1-4$/m);
    expect(await pullback(["atlas", ...images.slice(1, 4), "-o", join(at, "a/"), "--on", "local"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/another plan/),
    });
    expect(await pullback(["atlas", join(at, "nothing"), "--task", "start"])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/atlas\.json/),
    });
    expect(await pullback(["atlas", join(at, "a.work"), "--task", "align:0:1"])).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/missing/),
    });
    expect(await pullback(["atlas", join(at, "a.work"), "--task", "sing"])).toMatchObject({ code: 2 });
  });
});
