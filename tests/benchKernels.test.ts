import { existsSync } from "node:fs";
import { expect, test } from "vitest";

// The bench runs the built library; its rows call host functions by name, which a rename would break unnoticed.
const here = (path: string) => new URL(path, import.meta.url);
const built = existsSync(here("../dist/kernels/index.js"));

test.skipIf(!built)(
  "every row of the kernel bench finds its kernels in the build and says what it is compared with (needs dist)",
  async () => {
    const { allRows } = await import(/* @vite-ignore */ here("../bench/kernels.mjs").href);
    const { Engine } = await import(/* @vite-ignore */ here("../dist/kernels/index.js").href);
    const engine = new Engine({ threads: 1, deterministic: true });
    const rows: { name: string; goal: number; native: string[]; tolerance: number; prepare: unknown }[] = await allRows(engine);
    expect(rows.length).toBeGreaterThanOrEqual(10);
    expect(new Set(rows.map((r) => r.name)).size).toBe(rows.length);
    for (const r of rows) {
      expect(r.goal).toBeGreaterThan(0);
      expect(r.tolerance).toBeLessThan(0.1);
      expect(r.native.length).toBeGreaterThan(0);
      expect(typeof r.prepare).toBe("function");
    }
  },
);
