/**
 * Super-resolution from motion: PSNR against the goals and the measured peers, with known, registered and jointly estimated motion.
 *     npm run build && node bench/inverse/multiframe.mjs [--only open,harder,dense]
 * PULLBACK_DATA names the data folder (default ../shared/data). "harder" and "dense" are simulated here, from drawn pictures and from a cardiac slice.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../dist/core/index.js";
import { grid } from "../../dist/image/index.js";
import { readNpy, readPng } from "../../dist/io/index.js";
import { frameOf, refinedGrid, superResolve } from "../../dist/reconstruction/index.js";
import { Tensor, warpField } from "../../dist/tensor/index.js";
import { AffineTransform, DisplacementTransform } from "../../dist/transforms/index.js";
import { drawnPicture, simulateFrames } from "./simulateFrames.mjs";

const data = join(process.env.PULLBACK_DATA ?? "../shared/data", "inverse");
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1].split(",") : ["open", "harder", "dense"];
const have = existsSync(data);
if (!have) console.log(`no data at ${data}; set PULLBACK_DATA (drawn pictures only)`);

const array = (...path) => readNpy(readFileSync(join(data, ...path)));
/** PSNR, peak 1, clipped, `crop` samples cut. */
function psnr(x, truth, n, crop) {
  let [s, count] = [0, 0];
  for (let i = crop; i < n - crop; i++)
    for (let j = crop; j < n - crop; j++) {
      s += (Math.min(1, Math.max(0, x[i * n + j])) - truth[i * n + j]) ** 2;
      count++;
    }
  return -10 * Math.log10(s / count);
}
const rows = [];
async function run(name, method, score, options) {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  const r = await superResolve(options);
  const used = process.cpuUsage(cpu);
  rows.push({
    case: name,
    method,
    "PSNR, dB": score(r.image.values.data).toFixed(2),
    steps: r.motionSteps,
    status: r.status,
    seconds: ((performance.now() - wall) / 1000).toFixed(2),
    "CPU s": ((used.user + used.system) / 1e6).toFixed(2),
  });
}
/** Frames [t, n, n] and the transforms of {theta_rad, dx, dy}. */
function sequence(values, truth) {
  const [t, n] = values.shape;
  const g = grid({ size: [n, n] });
  const frames = Array.from({ length: t }, (_, k) => ({
    values: Tensor.from(Float32Array.from(values.data.slice(k * n * n, (k + 1) * n * n)), [1, n, n]),
    grid: g,
  }));
  const c = (n - 1) / 2;
  const motion = truth.frames.map(({ theta_rad, dx, dy }) => {
    const [cos, sin] = [Math.cos(theta_rad), Math.sin(theta_rad)];
    return new AffineTransform({
      matrix: [cos, sin, -sin, cos],
      offset: [c - cos * c - sin * c + dx / truth.factor, c + sin * c - cos * c + dy / truth.factor],
    });
  });
  return { frames, motion };
}
async function threeWays(name, { frames, motion }, options, score) {
  await run(name, "known motion", score, { frames, motion, ...options });
  await run(name, "registered, then reconstructed", score, { frames, estimate: "none", ...options });
  await run(name, "image and motion together", score, { frames, ...options });
}

if (have && only.includes("open"))
  for (const [k, peer] of [
    ["05", 22.84],
    ["08", 21.58],
  ]) {
    const gt = Float32Array.from(readPng(readFileSync(join(data, "multiframe", `sim_k${k}_gt.png`))).data, (v) => v / 255);
    const s = sequence(
      array("multiframe", `sim_k${k}_frames.npy`),
      JSON.parse(readFileSync(join(data, "multiframe", `sim_k${k}_truth.json`))),
    );
    await threeWays(`sim_k${k} ×4 (peer, known motion: ${peer})`, s, { scale: 4, psf: 1.4 }, (x) => psnr(x, gt, 256, 12));
  }
if (only.includes("harder"))
  for (const kind of ["text", "stars"]) {
    const picture = drawnPicture(kind);
    const { frames, truth } = simulateFrames(picture, { frames: 20, noise: 0.01, psf: 0.25, degrees: 10, shift: 12 });
    const gt = picture.data.slice();
    await threeWays(`${kind} ×4, 20 frames, ±10°`, sequence(frames, truth), { scale: 4, psf: 0.25 }, (x) => psnr(x, gt, 256, 24));
  }
if (have && only.includes("dense")) {
  // The middle of a short-axis slice, beating: a contraction with a twist, and breathing.
  const [n, scale, count, noise] = [128, 4, 12, 0.02];
  const slice = array("mr-throughplane", "sax_SC-HF-NI-33.npy");
  const gt = Float32Array.from(
    { length: n * n },
    (_, i) => Number(slice.data[(4 * 256 + 64 + Math.floor(i / n)) * 256 + 64 + (i % n)]) / 255,
  );
  const random = seeded(2);
  const low = grid({ size: [n / scale, n / scale] });
  const target = refinedGrid(low, scale);
  const { sensor } = frameOf({ values: Tensor.zeros([1, n / scale, n / scale]), grid: low }, target, {});
  const c = (n - 1) / 2;
  const fields = Array.from({ length: count }, (_, t) => {
    const phase = (2 * Math.PI * t) / count;
    const beat = (1 - Math.cos(phase)) / 2;
    const u = new Float32Array(2 * n * n);
    for (let i = 0; i < n * n; i++) {
      const [x, y] = [(i % n) - c, Math.floor(i / n) - c];
      const r = Math.hypot(x, y) + 1e-9;
      const radial = (5 * beat * Math.exp(1 - r / 15)) / 15;
      const twist = 0.1 * beat * Math.exp(-((r / 30) ** 2));
      u[i] = radial * x - twist * y;
      u[n * n + i] = radial * y + twist * x + 1.5 * Math.sin(phase);
    }
    return u;
  });
  const frames = fields.map((u) => {
    const seen = sensor.apply(warpField(Tensor.from(gt, [1, n, n]), Tensor.from(u, [2, n, n]), { interpolation: "cubic" })).data;
    const values = Float32Array.from(seen, (v) => v + noise * random.normal());
    return { values: Tensor.from(values, [1, n / scale, n / scale]), grid: low };
  });
  const motion = fields.map(
    (u) =>
      new DisplacementTransform(
        Tensor.from(
          u.map((v) => v / scale),
          [2, n, n],
        ),
        target,
      ),
  );
  const score = (x) => psnr(x, gt, n, 8);
  const name = "beating heart ×4, 12 frames";
  await run(name, "first frame alone", score, { frames: frames.slice(0, 1), scale });
  await run(name, "known motion", score, { frames, scale, motion });
  await run(name, "registered (rigid), then reconstructed", score, { frames, scale, motion: "rigid", estimate: "none" });
  await run(name, "image and dense motion together", score, { frames, scale, motion: "dense" });
}
console.table(rows);
process.exit(0);
