import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { command } from "../src/cli/commands/superres.js";
import { Session } from "../src/cli/session.js";
import { seeded } from "../src/core/random.js";
import { type Grid, grid } from "../src/image/index.js";
import { readImage, writeImage } from "../src/io/index.js";
import { loadModel, thickSlices, thinner, throughPlaneStacks } from "../src/models/index.js";
import { Tensor } from "../src/tensor/index.js";

const place = mkdtempSync(join(tmpdir(), "pullback-stacks-"));
const [d, h, w] = [15, 20, 12];
const truth = Tensor.from(
  Float32Array.from({ length: d * h * w }, (_, i) => {
    const [x, y, z] = [i % w, Math.floor(i / w) % h, Math.floor(i / w / h)];
    return 0.5 + 0.3 * Math.sin(0.5 * x + 0.3 * y) * Math.cos(0.4 * z - 0.2 * y);
  }),
  [1, d, h, w],
);
const [z, y] = (["z", "y"] as const).map((axis) => {
  const t = thickSlices(truth, axis);
  return t.reshape(...t.shape.slice(1));
});
function put(name: string, values: Tensor, g: Grid): string {
  const file = join(place, name);
  for (const bytes of writeImage({ values: values.reshape(1, ...values.shape), grid: g }, name).values()) writeFileSync(file, bytes);
  return file;
}
const origin = [10, -5, 3];
const axial = put("axial.mha", z, grid({ size: [w, h, 3], spacing: [1, 1, 5], origin: [10, -5, 3 + 2] }));
/** Slices across y as a scanner stores them: columns along x, rows from head to feet, slices backwards. */
const coronalGrid = grid({
  size: [w, d, 4],
  spacing: [1, 1, 5],
  origin: [10, -5 + 2 + 15, 3 + d - 1],
  direction: [1, 0, 0, 0, 0, -1, 0, -1, 0],
});
const coronalValues = y.permute(1, 0, 2).flip(0).flip(1);
const coronal = put("coronal.mha", coronalValues, coronalGrid);
const run = (frames: string[], options: Record<string, unknown> = {}) => {
  const all = { frames, prior: "model:through-plane", output: join(place, "thin.mha"), quiet: true, force: true, ...options };
  return command.run(new Session("superres", all), [], all);
};

test("stacks of one field are joined, however their axes are stored", async () => {
  await run([axial, coronal]);
  const made = readImage(readFileSync(join(place, "thin.mha")), "thin.mha");
  expect(made.grid.size).toEqual([w, h, d]);
  made.grid.spacing.forEach((s) => expect(s).toBeCloseTo(1, 6));
  made.grid.origin.forEach((o, a) => expect(o).toBeCloseTo(origin[a], 5));
  const network = thinner(throughPlaneStacks(await loadModel("through-plane"), { stacks: 2, random: seeded(1) }));
  const peak = z.abs().max().item(); // of the first stack: inner units
  const wanted = network({ z: z.div(peak), y: y.div(peak) }).mul(peak).data;
  expect(Math.max(...Array.from(made.values.data as Float32Array, (v, i) => Math.abs(v - wanted[i])))).toBeLessThan(1e-5);
});

test("stacks elsewhere, or in number what the network does not take, are refused by name", async () => {
  const moved = put("moved.mha", coronalValues, { ...coronalGrid, origin: [12, 12, 17] });
  await expect(run([axial, moved])).rejects.toThrow(/moved\.mha: its grid .* is not that of slices across another axis/);
  await expect(run([axial, axial])).rejects.toThrow(/axial\.mha: its grid/);
  await expect(run([axial, coronal, axial, coronal])).rejects.toThrow(/4 stacks came/);
  await expect(run([axial, coronal], { motion: "rigid" })).rejects.toThrow(/--motion: stacks lie where their grids say/);
});
