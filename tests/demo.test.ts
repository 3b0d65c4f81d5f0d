import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, test } from "vitest";
import type { RawImage } from "../src/io/raw.js";
import { built, root } from "./built.js";

beforeAll(built, 300_000);

test("the demo places a MINC voxel where MINC does: Σ (start + index · step) · cosines, with x and y turned to LPS", async () => {
  const { mincImage } = (await import(pathToFileURL(join(root, "demo/data.mjs")).href)) as { mincImage(path: string): RawImage };
  const folder = mkdtempSync(join(tmpdir(), "minc-"));
  const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
  const header = {
    order: ["xspace", "zspace", "yspace"], // slowest first
    xspace: { start: 10, space_length: 2, step: -1.5, direction_cosines: [c, s, 0] },
    yspace: { start: -4, space_length: 4, step: 2, direction_cosines: [-s, c, 0] },
    zspace: { start: 7, space_length: 3, step: -1, direction_cosines: [0, 0, 1] },
  };
  try {
    writeFileSync(join(folder, "v.header.gz"), gzipSync(JSON.stringify(header)));
    writeFileSync(join(folder, "v.raw.gz"), gzipSync(Uint8Array.from({ length: 24 }, (_, i) => i)));
    const image = mincImage(join(folder, "v"));
    expect(image.size).toEqual([4, 3, 2]); // fastest first: y, z, x
    const index = { xspace: 1, yspace: 3, zspace: 2 };
    const world = [0, 1, 2].map((i) =>
      (["xspace", "yspace", "zspace"] as const).reduce(
        (sum, a) => sum + (header[a].start + index[a] * header[a].step) * header[a].direction_cosines[i],
        0,
      ),
    );
    const at = [index.yspace, index.zspace, index.xspace];
    const point = [0, 1, 2].map(
      (i) => image.origin[i] + at.reduce((sum, n, j) => sum + image.direction[3 * i + j] * image.spacing[j] * n, 0),
    );
    [-world[0], -world[1], world[2]].forEach((v, i) => {
      expect(point[i]).toBeCloseTo(v, 12);
    });
    expect(image.data[at[0] + 4 * (at[1] + 3 * at[2])]).toBe((index.xspace * 3 + index.zspace) * 4 + index.yspace);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
