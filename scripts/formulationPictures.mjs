/**
 * Draws docs/images/projective.png and docs/images/flow.png from phantoms.
 *     npm run build && node scripts/formulationPictures.mjs
 * projective.png: a poster; seen from the side; pulled back by the homography that `register` finds; bent by a thin-plate spline between landmarks.
 * flow.png: a disc (fixed); a C (moving); the C pulled back along a flow; the lines that the flow takes to a square grid; log₂ det ∇y.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { grid, image } from "../dist/image/index.js";
import { rawImage, writePng } from "../dist/io/index.js";
import { writeBytes } from "../dist/io/node.js";
import { register } from "../dist/registration/index.js";
import { jacobianDeterminant, Tensor } from "../dist/tensor/index.js";
import { HomographyTransform, homographyFromParameters, ThinPlateSplineTransform, warp } from "../dist/transforms/index.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const n = 112;
const g = grid({ size: [n, n] });
const drawn = (f) =>
  image(
    Float32Array.from({ length: n * n }, (_, k) => f(k % n, Math.floor(k / n))),
    g,
  );
const c = (n - 1) / 2;
const soft = (v) => 0.5 - 0.5 * Math.tanh(v / 1.2);

/** Panels side by side, twice as large, with a white gap: grey values or [r, g, b] of 0 … 1. */
function save(file, panels) {
  const [scale, gap] = [2, 8];
  const width = panels.length * (scale * n + gap) - gap;
  const height = scale * n;
  const data = new Uint8Array(3 * width * height).fill(255);
  panels.forEach((pixel, p) => {
    for (let y = 0; y < height; y++)
      for (let x = 0; x < scale * n; x++) {
        const v = pixel(x / scale - 0.25, y / scale - 0.25);
        const at = y * width + p * (scale * n + gap) + x;
        for (let ch = 0; ch < 3; ch++) data[3 * at + ch] = 255 * Math.min(1, Math.max(0, typeof v === "number" ? v : v[ch]));
      }
  });
  const planes = Uint8Array.from({ length: data.length }, (_, k) => data[3 * (k % (width * height)) + Math.floor(k / (width * height))]);
  const bytes = writePng(rawImage("picture", { size: [width, height], channels: 3, channelKind: "rgb", data: planes }), { bits: 8 });
  writeBytes(join(root, "docs/images", file), bytes);
}
const shown = (im) => {
  const v = im.values.data.slice();
  return (x, y) => v[Math.min(n - 1, Math.max(0, Math.round(y))) * n + Math.min(n - 1, Math.max(0, Math.round(x)))];
};
/** Lines every `step` mm in the coordinates of the moving picture, under a picture. */
const lined = (im, u, step) => {
  const under = shown(im);
  const f = u.data.slice();
  const at = (a, x, y) => {
    const [i, j] = [Math.min(n - 2, Math.max(0, Math.floor(x))), Math.min(n - 2, Math.max(0, Math.floor(y)))];
    const [s, t] = [x - i, y - j];
    const w = (p, q) => f[a * n * n + (j + q) * n + i + p];
    return (1 - s) * (1 - t) * w(0, 0) + s * (1 - t) * w(1, 0) + (1 - s) * t * w(0, 1) + s * t * w(1, 1) + (a === 0 ? x : y);
  };
  return (x, y) => {
    const here = [0, 1].map((a) => Math.floor(at(a, x, y) / step));
    const line = [0, 1].some((a) => here[a] !== Math.floor(at(a, x + 0.5, y) / step) || here[a] !== Math.floor(at(a, x, y + 0.5) / step));
    return line ? [0.1, 0.45, 0.75] : 0.35 * under(x, y) + 0.65;
  };
};

// A poster: a frame, discs and stripes.
const poster = (x, y) => {
  const frame = Math.max(Math.abs(x - c), Math.abs(y - c)) < 40 ? 1 : 0;
  const disc = soft(Math.hypot(x - 45, y - 48) - 13);
  const stripes = x > 62 && x < 92 && y > 30 && y < 66 ? 0.5 + 0.5 * Math.tanh(3 * Math.sin(y / 1.9)) : 0;
  const foot = y > 74 && y < 86 && Math.abs(x - c) < 32 ? 1 : 0;
  return 0.15 + frame * (0.6 - 0.5 * disc + 0.25 * stripes - 0.35 * foot);
};
const fixed = drawn(poster);
const truth = new HomographyTransform(homographyFromParameters([0.05, -0.04, 0.15, 0.08, 0.06, -0.05, 0.12, -0.16], [c, c], 60));
const moving = warp(fixed, truth.inverse(), g, { interpolation: "cubic", border: "clamp" });
const found = await register(fixed, moving, { preset: "homography", metric: "ncc" });
const corners = Tensor.from(Float64Array.of(16, 16, 96, 16, 16, 96, 96, 96), [4, 2]);
const miss = Math.max(...Array.from(found.transform.apply(corners).sub(truth.apply(corners)).data, Math.abs));
console.log(`homography: corners off by ${miss.toFixed(3)} px at most, standard error ${found.uncertainty?.standardErrorMm.toFixed(3)} px`);
const p = Tensor.from(Float64Array.of(16, 16, 96, 16, 16, 96, 96, 96, 45, 48, 77, 48), [6, 2]);
const q = Tensor.from(Float64Array.of(16, 16, 96, 16, 16, 96, 96, 96, 52, 54, 70, 42), [6, 2]);
const spline = new ThinPlateSplineTransform({ fixed: p, moving: q });
const bent = warp(fixed, spline, g, { border: "clamp" });
save("projective.png", [
  shown(fixed),
  shown(moving),
  shown(warp(moving, found.transform, g, { interpolation: "cubic" })),
  lined(bent, spline.displacement(g), 8),
]);

// A C becomes a disc.
const disc = drawn((x, y) => soft(Math.hypot(x - c, y - c) - 32));
const letter = drawn((x, y) => {
  const [u, v] = [x - c, y - c];
  const r = Math.hypot(u, v);
  return soft(r - 32) * (1 - soft(r - 14)) * (1 - soft(Math.abs(v) - 8) * soft(-u + 2));
});
const flow = await register(disc, letter, { preset: "lddmm", metric: "ssd", init: "identity" });
const u = flow.transform.displacement(g);
const det = jacobianDeterminant(u);
const pulled = warp(letter, flow.transform, g, { border: "clamp" });
const left = pulled.values.sub(disc.values).square().sum().item() / letter.values.sub(disc.values).square().sum().item();
console.log(
  `flow: ${(100 * left).toFixed(1)} % of the squared differences left, det from ${det.min().item().toFixed(2)} to ${det.max().item().toFixed(2)}`,
);
console.log(`way back off by more than a tenth of a pixel on ${(100 * flow.inversion.share).toFixed(1)} % of the picture`);
const logs = shown({ values: det.maximum(1e-3).log().div(Math.LN2) });
save("flow.png", [
  shown(disc),
  shown(letter),
  shown(pulled),
  lined(pulled, u, 6),
  (x, y) => {
    const t = logs(x, y) / 3;
    return t > 0 ? [1, 1 - t, 1 - t] : [1 + t, 1 + 0.5 * t, 1];
  },
]);
