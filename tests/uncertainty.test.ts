import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { rawImage, readRaw } from "../src/io/index.js";
import { built } from "./built.js";
import { folder, pullback } from "./support/cli.js";
import { put } from "./support/data.js";

beforeAll(built);

test("--uncertainty-starts leaves a map in mm beside a deformation, its figures in run.json, and a line in the report", async () => {
  const at = folder();
  const size = [48, 40];
  const drawn = (bend: number) =>
    rawImage("test", {
      data: Float32Array.from({ length: 48 * 40 }, (_, k) => {
        const [x, y] = [k % 48, Math.floor(k / 48)];
        return 100 + 40 * Math.sin((x + bend * Math.sin(y / 8)) / 3) * Math.cos(y / 4);
      }),
      channels: 1,
      channelKind: "scalar",
      size,
    });
  put(at, { "f.nii.gz": drawn(0.5), "m.nii.gz": drawn(0) });
  const out = join(at, "out");
  const how = ["--preset", "bspline", "--levels", "2,1", "--init", "identity", "--uncertainty-starts", "2", "--json"];
  const { json, stderr } = await pullback(["register", join(at, "f.nii.gz"), join(at, "m.nii.gz"), "-o", out, ...how]);
  expect(json, stderr).toBeDefined();
  const run = JSON.parse(readFileSync(join(out, "run.json"), "utf8"));
  expect(run.uncertainty).toMatchObject({ method: "starts", starts: 2, quantiles: { medianMm: expect.any(Number) } });
  expect(run.uncertainty.map).toBeUndefined();
  expect(json.uncertainty).toEqual(run.uncertainty);
  expect(run.outputs).toContain("uncertainty.nii.gz");
  const map = readRaw(readFileSync(join(out, "uncertainty.nii.gz")), "uncertainty.nii.gz");
  expect(map.size.slice(0, 2)).toEqual(size);
  const sorted = Array.from(map.data as ArrayLike<number>, Number).sort((a, b) => a - b);
  expect(sorted[Math.round(0.5 * (sorted.length - 1))]).toBeCloseTo(run.uncertainty.quantiles.medianMm, 4);
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("spread over 2 starts");
});
