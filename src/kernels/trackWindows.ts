import { type Engine, engine } from "./index.js";
import type { TrackedWindows, TrackWindowsOptions } from "./reference/trackWindows.js";
import { temporary } from "./temporary.js";

export type { TrackedWindows, TrackWindowsOptions, WindowLevel } from "./reference/trackWindows.js";

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** See the twin. Levels of both pictures have the same sizes. */
export function trackWindows(
  from: readonly Plane[],
  to: readonly Plane[],
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  guess?: ArrayLike<number>,
  { radius = 7, iterations = 12, enough = 1e-4, alike = 0.7 }: TrackWindowsOptions = {},
  e: Engine = engine(),
): TrackedWindows {
  const n = x.length;
  const out = { x: new Float64Array(n), y: new Float64Array(n), ok: new Uint8Array(n) };
  if (n === 0) return out;
  return temporary(e, (reserve) => {
    const at = [from, to].map((levels) =>
      levels.map(({ values }) => {
        const p = reserve(4 * values.length);
        e.f32(p, values.length).set(values);
        return p;
      }),
    );
    const [table, points, guesses, found] = [reserve(16 * from.length), reserve(16 * n), reserve(16 * n), reserve(24 * n)];
    const words = new Int32Array(e.memory.buffer, table, 4 * from.length);
    for (const [l, { width, height }] of from.entries()) words.set([at[0][l], at[1][l], width, height], 4 * l);
    const [p, g] = [points, guesses].map((q) => new Float64Array(e.memory.buffer, q, 2 * n));
    for (let i = 0; i < n; i++) {
      p[2 * i] = x[i];
      p[2 * i + 1] = y[i];
    }
    if (guess) g.set(guess);
    else g.fill(0);
    e.parallel("trackWindows", [table, from.length, points, guesses, found, radius, iterations, enough, alike], {
      extent: n,
      grain: 32,
      workspace: e.call("trackWindowsWorkspace", radius),
    });
    const r = new Float64Array(e.memory.buffer, found, 3 * n);
    for (let i = 0; i < n; i++) {
      out.x[i] = r[3 * i];
      out.y[i] = r[3 * i + 1];
      out.ok[i] = r[3 * i + 2];
    }
    return out;
  });
}
