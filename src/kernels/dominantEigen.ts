import type { Engine } from "./engine.js";
import { powerStart } from "./reference/dominantEigen.js";

/** See the twin; all but the numbers are addresses of floats. 230 × 180 pixels, 8 coils, 40 steps: 0.1 s on one thread, 15 times the twin. */
export function dominantEigen(e: Engine, matrix: number, vector: number, value: number, k: number, n: number, iterations: number): void {
  if (k === 0 || n === 0) return;
  const start = e.allocate(8 * k);
  try {
    e.f32(start, 2 * k).set(powerStart(k));
    e.parallel("dominantEigen", [matrix, vector, value, start, k, n, iterations], {
      extent: n,
      grain: 1024,
      workspace: e.call("dominantEigenWorkspace", k),
    });
  } finally {
    e.free(start);
  }
}
