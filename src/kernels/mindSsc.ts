import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import type { Size3 } from "./reference/gaussian.js";
import type { MindSscOptions } from "./reference/mindSsc.js";

export { type MindSscOptions, mindChannels } from "./reference/mindSsc.js";

/** Blocks that depend only on the problem: their rim is paid for once more, and what they hold should stay in a second-level cache. */
function blocks([D, H, W]: Size3) {
  const cut = (n: number, most: number) => Math.ceil(n / Math.max(1, Math.ceil(n / most)));
  const side = Math.min(32, Math.max(8, Math.round(Math.sqrt(32768 / W))));
  const planes = cut(D, side);
  const rows = cut(H, Math.min(128, Math.max(8, Math.round((side * side) / planes))));
  return { planes, rows };
}
function check({ radius, dilation, floor }: MindSscOptions): void {
  if ([...radius, ...dilation].some((r) => !Number.isInteger(r) || r < 0 || r > 100) || !(floor > 0))
    throw new ArgumentError(
      `mindSsc: radius [${radius.join(", ")}], dilation [${dilation.join(", ")}], floor ${floor}; give whole voxels, 0 to 100, and a positive floor`,
      { radius, dilation, floor },
    );
}
const patchOf = (radius: Size3) => radius.reduce((p, r) => p * (2 * r + 1), 1);

function channels(e: Engine, image: number, g: number, out: number, volumes: number, size: Size3, o: MindSscOptions): void {
  check(o);
  const [D, H, W] = size;
  if (volumes * D * H * W === 0) return;
  const { planes, rows } = blocks(size);
  const planar = o.planar ? 1 : 0;
  e.parallel(
    "mindSscChannels",
    [image, g, out, planar, D, H, W, ...o.radius, ...o.dilation, planes, rows, 1 / patchOf(o.radius), o.floor],
    {
      extent: volumes * Math.ceil(D / planes) * Math.ceil(H / rows),
      grain: 1,
      workspace: e.call("mindSscWorkspace", planar, W, planes, rows, ...o.radius, ...o.dilation),
    },
  );
}

/** Descriptors of the volumes [V, D, H, W] at `image` into `out` [V, K, D, H, W]; see the twin for the formula. */
export function mindSsc(e: Engine, image: number, out: number, volumes: number, size: Size3, o: MindSscOptions): void {
  channels(e, image, 0, out, volumes, size, o);
}
