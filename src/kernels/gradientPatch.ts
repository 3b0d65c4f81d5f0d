import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import { cellTables, type DescriptorOptions } from "./reference/gradientPatch.js";
import { temporary } from "./temporary.js";

export type { DescriptorOptions } from "./reference/gradientPatch.js";

function check(samples: number, H: number, W: number): void {
  if (!(samples >= 4 && samples % 4 === 0) || H < 2 || W < 2)
    throw new ArgumentError(`gradientPatch: ${samples} samples on a plane of ${W}×${H}; give a multiple of 4 and a plane of 2×2 or more`, {
      samples,
      H,
      W,
    });
}

/** Histograms of gradient directions [n, bins] within the frames [n, 6] of the f32 plane [H, W] at byte address `plane`; see the twin. */
export function directionHistograms(
  e: Engine,
  plane: number,
  H: number,
  W: number,
  frames: Float32Array,
  {
    samples,
    bins,
    sigma,
    smoothings = 0,
  }: { readonly samples: number; readonly bins: number; readonly sigma: number; readonly smoothings?: number },
): Float32Array {
  check(samples, H, W);
  const n = frames.length / 6;
  if (n === 0) return new Float32Array(0);
  return temporary(e, (reserve) => {
    const pf = reserve(4 * frames.length);
    const po = reserve(4 * n * bins);
    e.f32(pf, frames.length).set(frames);
    e.parallel("directionHistograms", [plane, H, W, pf, po, samples, bins, sigma], {
      extent: n,
      grain: 64,
      workspace: e.call("gradientPatchWorkspace", samples),
    });
    if (smoothings > 0) e.parallel("smoothCircles", [po, bins, smoothings], { extent: n, grain: 1024 });
    return e.f32(po, n * bins).slice();
  });
}

/** Second moments (xx, xy, yy) of the gradients [n, 3] within the frames [n, 6] of the plane [H, W]; see the twin. */
export function gradientMoments(
  e: Engine,
  plane: number,
  H: number,
  W: number,
  frames: Float32Array,
  { samples, sigma }: { readonly samples: number; readonly sigma: number },
): Float32Array {
  check(samples, H, W);
  const n = frames.length / 6;
  if (n === 0) return new Float32Array(0);
  return temporary(e, (reserve) => {
    const pf = reserve(4 * frames.length);
    const po = reserve(12 * n);
    e.f32(pf, frames.length).set(frames);
    e.parallel("gradientMoments", [plane, H, W, pf, po, samples, sigma], {
      extent: n,
      grain: 64,
      workspace: e.call("gradientPatchWorkspace", samples),
    });
    return e.f32(po, 3 * n).slice();
  });
}

/** Gradient descriptors, bytes [n, 128], of the frames [n, 6] of the f32 plane [H, W] at byte address `plane`; see the twin. */
export function gradientDescriptors(
  e: Engine,
  plane: number,
  H: number,
  W: number,
  frames: Float32Array,
  { samples, factors, root, unit }: DescriptorOptions,
): Uint8Array {
  check(samples, H, W);
  const n = frames.length / 6;
  if (n === 0) return new Uint8Array(0);
  const { cells, weights } = cellTables(samples);
  return temporary(e, (reserve) => {
    const pf = reserve(4 * frames.length);
    const po = reserve(128 * n);
    const pc = reserve(4 * samples);
    const pw = reserve(8 * samples);
    const ps = reserve(4 * factors.length);
    e.f32(pf, frames.length).set(frames);
    e.i32(pc, samples).set(cells);
    e.f32(pw, 2 * samples).set(weights);
    e.f32(ps, factors.length).set(factors);
    e.parallel("gradientDescriptors", [plane, H, W, pf, po, samples, pc, pw, ps, factors.length, root ? 1 : 0, unit], {
      extent: n,
      grain: 32,
      workspace: e.call("gradientPatchWorkspace", samples) + 2048,
    });
    return new Uint8Array(e.memory.buffer, po, 128 * n).slice();
  });
}
