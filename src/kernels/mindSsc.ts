import { ArgumentError } from "../core/errors.js";
import type { Engine } from "./engine.js";
import { boxSum } from "./lines.js";
import type { Size3 } from "./reference/gaussian.js";
import { type MindSscOptions, mindChannels } from "./reference/mindSsc.js";
import { temporary } from "./temporary.js";

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

/** Jᵀ g: the cotangent at `g` [V, K, D, H, W] of the descriptors pulled back to the image, into `out` [V, D, H, W]. */
export function mindSscGradient(e: Engine, image: number, g: number, out: number, volumes: number, size: Size3, o: MindSscOptions): void {
  const [D, H, W] = size;
  const n = D * H * W;
  if (volumes * n === 0) return;
  const K = mindChannels(o);
  const rim = o.radius.map((r, a) => r + o.dilation[a]);
  const [Dp, Hp, Wp] = size.map((m, a) => m + 2 * rim[a]);
  const bytes = 4 * Dp * Hp * Wp;
  temporary(e, (reserve) => {
    const distances = reserve(4 * volumes * K * n);
    channels(e, image, g, distances, volumes, size, o);
    const [sum, a, b] = [reserve(bytes), reserve(bytes), reserve(bytes)];
    const rows = { extent: Dp * Hp, grain: Math.max(1, Math.ceil(32768 / Wp)) };
    const shape = [...size, ...o.radius, ...o.dilation];
    const axes = [
      { outer: 1, n: Dp, inner: Hp * Wp },
      { outer: Dp, n: Hp, inner: Wp },
      { outer: Dp * Hp, n: Wp, inner: 1 },
    ];
    for (let v = 0; v < volumes; v++) {
      for (let k = 0; k < K / 2; k++) {
        e.parallel("mindSscSpread", [distances + 4 * v * K * n, a, k, ...shape], rows);
        let [from, to] = [a, b];
        for (const [axis, lines] of axes.entries()) {
          if (o.radius[axis] === 0) continue;
          boxSum(e, from, to, lines, o.radius[axis]);
          [from, to] = [to, from];
        }
        e.parallel("mindSscPull", [image + 4 * v * n, from, sum, k, ...shape, 2 / patchOf(o.radius)], {
          ...rows,
          workspace: e.call("mindSscPullWorkspace", W, o.radius[2], o.dilation[2]),
        });
      }
      e.parallel("mindSscFold", [sum, out + 4 * v * n, ...size, ...rim], { extent: D * H, grain: Math.max(1, Math.ceil(32768 / W)) });
    }
  });
}
