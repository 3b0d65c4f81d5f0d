import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { folder } from "./cli.js";

/** A blob on a weave, shifted a little from picture to picture. */
export function picture(k: number): Uint8Array {
  const n = 40;
  const data = new Uint8Array(n * n);
  for (let y = 0; y < n; y++)
    for (let x = 0; x < n; x++) {
      const [u, v] = [x - 18 - 0.7 * k, y - 20 + 0.4 * k];
      data[y * n + x] = 40 + 160 * Math.exp(-((u * u) / 70 + (v * v) / 40)) + 20 * Math.sin(u / 3) * Math.cos(v / 4);
    }
  return encode({ width: n, height: n, data, channels: 1 });
}

/** A folder with six pictures and a table of pairs; a further line for each word in `bad`. */
export function pairs(count: number, bad: readonly string[] = []): string {
  const at = folder();
  for (let k = 0; k < 6; k++) writeFileSync(join(at, `p${k}.png`), picture(k));
  writeFileSync(join(at, "broken.png"), picture(0).subarray(0, 60));
  const lines = Array.from({ length: count }, (_, k) => `pair${k},p${k % 6}.png,p${(k + 1 + Math.floor(k / 6)) % 6}.png`);
  writeFileSync(join(at, "pairs.csv"), ["name,fixed,moving", ...lines, ...bad.map((file) => `bad-${file},p0.png,${file}`), ""].join("\n"));
  return at;
}
/** The batch of that table. */
export const begin = (at: string, ...more: string[]) => [
  "batch",
  "pairs.csv",
  "-o",
  join(at, "out"),
  "--preset",
  "rigid",
  "--levels",
  "2",
  ...more,
];
