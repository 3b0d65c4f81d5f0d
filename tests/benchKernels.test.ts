import { existsSync } from "node:fs";
import { expect, test } from "vitest";

// The bench runs the built library; its rows call host functions by name, which a rename would break unnoticed.
const here = (path: string) => new URL(path, import.meta.url);
const built = existsSync(here("../dist/kernels/index.js"));

interface Row {
  name: string;
  goal: number;
  native: string[];
  tolerance: number;
  prepare(engine: unknown): { before?(): void; run(): void; check(): { values: number[] }; free(): void };
}

test.skipIf(!built)("every row of the kernel bench runs on the build (needs dist)", async () => {
  const { allRows } = await import(/* @vite-ignore */ here("../bench/kernels.mjs").href);
  const { Engine } = await import(/* @vite-ignore */ here("../dist/kernels/index.js").href);
  const engine = new Engine({ threads: 2 });
  const rows: Row[] = await allRows(engine);
  expect(rows.length).toBeGreaterThanOrEqual(14);
  expect(new Set(rows.map((r) => r.name)).size).toBe(rows.length);
  for (const row of rows) {
    expect(row.goal).toBeGreaterThan(0);
    expect(row.tolerance).toBeLessThan(0.1);
    expect(row.native.length).toBeGreaterThan(0);
    const once = () => {
      const prepared = row.prepare(engine);
      prepared.before?.();
      prepared.run();
      const { values } = prepared.check();
      prepared.free();
      return values;
    };
    expect(once().every((v) => Number.isFinite(v))).toBe(true);
  }
  engine.close();
});
