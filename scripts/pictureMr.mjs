/**
 * Draws docs/images/mr.png: a phantom whose k-space is measured to a third by six coils; zero-filled, with wavelets, and the magnitude of the maps found.
 *     npm run build && node scripts/pictureMr.mjs
 */
import { rawImage, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { coilPhantom, reconstructMr } from "../dist/reconstruction/index.js";
import { Tensor } from "../dist/tensor/index.js";

const n = 160;
const { image, kspace } = coilPhantom([n, n], 6);
// Whole lines: 16 at the centre, and every fourth of the others.
const mask = Tensor.from(
  Float32Array.from({ length: n }, (_, i) => (Math.abs(i - n / 2) < 8 || i % 4 === 1 ? 1 : 0)),
  [n, 1],
);
const r = await reconstructMr({ kspace: kspace.mul(mask), mask });
const gray = (t, high) => Uint8Array.from(t.abs().data, (v) => Math.round(255 * Math.min(1, v / high)));
const lines = Uint8Array.from(kspace.mul(mask).abs().square().sum(0).sqrt().data, (v) =>
  v > 0 ? Math.max(0, Math.min(255, Math.round(80 * (Math.log10(v) + 2.5)))) : 0,
);
const panels = [lines, gray(r.zeroFilled, 1), gray(r.image, 1), gray(r.image.abs().sub(image.abs()), 0.5), gray(r.maps.at(1), 1)];
const gap = 6;
const width = panels.length * (n + gap) - gap;
const out = new Uint8Array(width * n).fill(255);
panels.forEach((p, k) => {
  for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) out[y * width + k * (n + gap) + x] = p[y * n + x];
});
writeBytes("docs/images/mr.png", writePng(rawImage("png", { data: out, channels: 1, channelKind: "other", size: [width, n] })));
const error = (x) => (x.abs().sub(image.abs()).norm().item() / image.norm().item()).toFixed(3);
console.log(`sampled ${r.sampled.toFixed(2)}; relative error ${error(r.zeroFilled)} zero-filled, ${error(r.image)} reconstructed`);
process.exit(0);
