// Frames a second of following a structure through a cine loop: a synthetic beating heart with known areas, or a loop of one's own.
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../dist/core/index.js";
import { grid } from "../dist/image/index.js";
import { imageFromRaw } from "../dist/io/index.js";
import { openImage } from "../dist/io/node.js";
import { startEngine } from "../dist/kernels/index.js";
import { trackLabels } from "../dist/registration/index.js";
import { Tensor } from "../dist/tensor/index.js";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- cineTracking [options]
  --frames N     frames of the synthetic heart (default 16)
  --size N       pixels along each side (default 256)
  --threads N    default 2
  --reps N       runs after the first (default 3)
  --no-save      print only, leave bench/results alone
PULLBACK_CINE names a loop of one's own: a file with a time axis, a DICOM file of several frames, or a folder of pictures in order;
PULLBACK_CINE_LABELS the label map of its first frame (default: a disc in the middle).`;

const plane = (values, g) => ({ values: Tensor.from(values, [1, g.size[1], g.size[0]]), grid: g });
const discOn = (g, [cx, cy], radius) => {
  const [W, H] = g.size;
  return Float32Array.from({ length: W * H }, (_, i) => (Math.hypot((i % W) - cx, Math.floor(i / W) - cy) < radius ? 1 : 0));
};

/**
 * A ring of muscle about blood in mottled surroundings. Material points at distance ρ from the middle are at distance r(ρ, t): the cavity shrinks
 * from R₀ to 0.7 R₀ and back, its surroundings follow with their area kept, less and less with the distance. White noise of 2 %.
 */
function heart(count, n) {
  const g = grid({ size: [n, n] });
  const random = seeded(1);
  const waves = Array.from({ length: 24 }, () => {
    const [angle, length, phase] = [2 * Math.PI * random.uniform(), n * (0.05 + 0.15 * random.uniform()), 2 * Math.PI * random.uniform()];
    return [(2 * Math.PI * Math.cos(angle)) / length, (2 * Math.PI * Math.sin(angle)) / length, phase];
  });
  const mottle = (x, y) => waves.reduce((s, [a, b, c]) => s + Math.sin(a * x + b * y + c), 0) / 24;
  const [middle, R0, wall] = [[0.5 * n, 0.52 * n], 0.13 * n, 0.05 * n];
  const soft = (v) => 1 / (1 + Math.exp(-2 * v)); // edges of two pixels
  const frames = [];
  const radii = [];
  for (let t = 0; t < count; t++) {
    const R = R0 * (1 - 0.3 * Math.sin((Math.PI * t) / count) ** 2);
    radii.push(R);
    const values = new Float32Array(n * n);
    for (let y = 0, i = 0; y < n; y++)
      for (let x = 0; x < n; x++, i++) {
        const [dx, dy] = [x - middle[0], y - middle[1]];
        const r = Math.max(1e-6, Math.hypot(dx, dy));
        const beyond = Math.max(0, r - R) / (0.16 * n);
        const rho = r < R ? (r * R0) / R : Math.sqrt(r * r + (R0 * R0 - R * R) * Math.exp(-beyond * beyond));
        const m = mottle(middle[0] + (dx * rho) / r, middle[1] + (dy * rho) / r);
        const blood = soft(R0 - rho);
        const muscle = soft(R0 + wall - rho) - blood;
        values[i] = 0.85 * blood + (0.25 + 0.3 * m) * muscle + (0.5 + 0.5 * m) * (1 - blood - muscle) + 0.02 * random.normal();
      }
    frames.push(plane(values, g));
  }
  const truths = radii.map((R) => discOn(g, middle, R));
  return { name: `synthetic heart, ${count} frames of ${n}×${n}`, frames, labels: plane(truths[0], g), truths };
}

async function own(path, labelPath) {
  const one = async (file) => imageFromRaw(await openImage(file));
  const frames = [];
  if (statSync(path).isDirectory() && readdirSync(path).some((f) => /\.(png|jpe?g|tiff?|npy|mha|nrrd|nii(\.gz)?)$/i.test(f)))
    for (const f of readdirSync(path).sort()) frames.push(await one(join(path, f)));
  else {
    const { values, grid: whole } = await one(path);
    // Frames are channels, or planes of what was stored as a volume.
    const [W, H] = whole.size;
    const g = grid({ size: [W, H], spacing: whole.spacing.slice(0, 2) });
    for (let at = 0; at < values.size; at += W * H) frames.push(plane(Float32Array.from(values.data.subarray(at, at + W * H)), g));
  }
  const g = frames[0].grid;
  const [W, H] = g.size;
  const labels = labelPath ? await one(labelPath) : plane(discOn(g, [W / 2, H / 2], 0.1 * Math.min(W, H)), g);
  return { name: `${path}, ${frames.length} frames of ${W}×${H}`, frames, labels: { values: labels.values, grid: g } };
}

const diceOf = (a, b) => {
  let [both, sum] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    if (a[i] && b[i]) both++;
    sum += (a[i] ? 1 : 0) + (b[i] ? 1 : 0);
  }
  return (2 * both) / sum;
};

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      frames: { type: "string", default: "16" },
      size: { type: "string", default: "256" },
      threads: { type: "string", default: "2" },
      reps: { type: "string", default: "3" },
      "no-save": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const [count, size, threads, reps] = [o.frames, o.size, o.threads, o.reps].map(Number);
  if (![count, size, threads, reps].every((n) => Number.isInteger(n) && n >= 1) || count < 2 || size < 64) {
    console.error("bench cineTracking: give whole numbers; at least 2 frames of at least 64 pixels");
    return 2;
  }
  const info = machine(`npm run bench -- cineTracking ${args.join(" ")}`.trim());
  startEngine({ threads });
  const path = process.env.PULLBACK_CINE;
  const loop = path ? await own(path, process.env.PULLBACK_CINE_LABELS) : heart(count, size);
  const runs = [];
  for (let rep = 0; rep <= reps; rep++) {
    const [t0, c0] = [performance.now(), process.cpuUsage()];
    const result = await trackLabels(loop.frames, loop.labels);
    const cpu = process.cpuUsage(c0);
    const seconds = (performance.now() - t0) / 1000;
    const steps = loop.frames.length - 1;
    const overlaps = loop.truths?.map((truth, t) => diceOf(result.labels[t].values.data, truth)) ?? [];
    runs.push({
      run: rep === 0 ? "first" : `${rep + 1}`,
      perSecond: steps / seconds,
      cpuMs: (cpu.user + cpu.system) / 1000 / steps,
      dice: overlaps.length ? overlaps.reduce((s, v) => s + v, 0) / overlaps.length : Number.NaN,
      worst: overlaps.length ? Math.min(...overlaps) : Number.NaN,
      status: result.status,
    });
  }
  const digits = (v, n) => (Number.isNaN(v) ? "–" : v.toFixed(n));
  const lines = table(
    ["run", "frames/s", "CPU ms a frame", "mean Dice", "worst", "status"],
    runs.map((r) => [r.run, digits(r.perSecond, 1), digits(r.cpuMs, 1), digits(r.dice, 4), digits(r.worst, 4), r.status]),
  );
  console.log([loop.name, "", ...lines].join("\n"));
  if (!o["no-save"]) {
    mkdirSync(join(root, "bench/results"), { recursive: true });
    const about = [`${loop.name}; ${threads} threads`, "goal: 25 frames/s after the first run"];
    writeFileSync(
      join(root, "bench/results/cineTracking.md"),
      [...heading("Following a structure through a cine loop", info, about), ...lines, ""].join("\n"),
    );
  }
  return 0;
}
