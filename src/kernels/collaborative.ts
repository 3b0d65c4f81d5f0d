import type { Engine } from "./engine.js";
import { type Collaborative, references } from "./reference/collaborative.js";
import { temporary } from "./temporary.js";

export type { Collaborative } from "./reference/collaborative.js";

/**
 * One step of collaborative filtering, see the twin; image, guide and out are addresses of H × W floats, out none of the others. Each slab of
 * reference patches fills a band of its own and the bands are added in order, so that any number of threads gives the same bits.
 */
export function collaborative(
  e: Engine,
  image: number,
  guide: number,
  out: number,
  size: readonly [number, number],
  o: Collaborative,
): void {
  const [H, W] = size;
  const rows = references(H, o.step).length;
  const grain = 4;
  const slabs = Math.ceil(rows / grain);
  const high = Math.min(H, (grain - 1) * o.step + 2 * o.radius + 8);
  temporary(e, (reserve) => {
    const tables = reserve(4 * 320);
    const bands = reserve(8 * slabs * high * W);
    const turned = (m: ArrayLike<number>) => Array.from({ length: 64 }, (_, k) => m[8 * (k % 8) + Math.floor(k / 8)]);
    [o.analysis, turned(o.analysis), o.synthesis, turned(o.synthesis), o.window].forEach((m, k) => {
      e.f32(tables + 256 * k, 64).set(m);
    });
    const wiener = Number(o.shrink === "wiener");
    e.parallel("collaborative", [image, guide, H, W, bands, high, tables, o.level, o.far, wiener, o.most, o.radius, o.step, grain], {
      extent: rows,
      grain,
      workspace: e.call("collaborativeWorkspace", o.most),
    });
    e.parallel("collaborativeGather", [bands, out, H, W, high, o.radius, o.step, grain, slabs], { extent: H, grain: 16 });
  });
}
