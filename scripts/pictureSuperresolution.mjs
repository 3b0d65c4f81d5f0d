/**
 * Draws docs/images/superresolution.png: drawn print seen in 16 coarse frames that moved; the first frame enlarged, that frame alone, all together, the truth.
 *     npm run build && node scripts/pictureSuperresolution.mjs
 */
import { drawnPicture, simulateFrames } from "../bench/inverse/simulateFrames.mjs";
import { grid } from "../dist/image/index.js";
import { rawImage, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { resizeOperator } from "../dist/operators/index.js";
import { superResolve } from "../dist/reconstruction/index.js";
import { Tensor } from "../dist/tensor/index.js";

const [n, scale] = [160, 4];
const picture = drawnPicture("text", n, 9);
const { frames: seen } = simulateFrames(picture, { frames: 16, degrees: 4, shift: 6, noise: 0.01, psf: 0.5, factor: scale, seed: 3 });
const m = n / scale;
const g = grid({ size: [m, m] });
const frames = Array.from({ length: 16 }, (_, t) => ({
  values: Tensor.from(seen.data.slice(t * m * m, (t + 1) * m * m), [1, m, m]),
  grid: g,
}));
const one = await superResolve({ frames: frames.slice(0, 1), scale, psf: 0.5 });
const all = await superResolve({ frames, scale, psf: 0.5 });
const cubic = resizeOperator([1, m, m], { scale }).apply(frames[0].values);
const panels = [cubic, one.image.values, all.image.values, picture];
const gap = 6;
const width = panels.length * (n + gap) - gap;
const out = new Uint8Array(width * n).fill(255);
panels.forEach((p, k) => {
  const v = p.data;
  for (let y = 0; y < n; y++)
    for (let x = 0; x < n; x++) out[y * width + k * (n + gap) + x] = Math.round(255 * Math.min(1, Math.max(0, v[y * n + x])));
});
writeBytes(
  "docs/images/superresolution.png",
  writePng(rawImage("png", { data: out, channels: 1, channelKind: "scalar", size: [width, n] })),
);
const error = (x) => x.reshape(n, n).sub(picture).square().mean().sqrt().item().toFixed(3);
console.log(
  `root mean square error: cubic ${error(cubic)}, one frame ${error(one.image.values)}, all frames ${error(all.image.values)}; ${all.reason}`,
);
process.exit(0);
