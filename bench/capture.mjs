// From how far away a rigid registration finds home: MNI152 at 2 mm, the moving image's header turned and shifted by known random motions.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../dist/core/index.js";
import { applyAffine, centreOf, composeAffine, grid, identityMap } from "../dist/image/index.js";
import { multiply, rotationFromVector } from "../dist/image/matrix.js";
import { imageFromRaw } from "../dist/io/index.js";
import { readImageFile } from "../dist/io/node.js";
import { startEngine } from "../dist/kernels/index.js";
import { register } from "../dist/registration/index.js";
import { Tensor } from "../dist/tensor/index.js";
import { hasData, registrationData } from "./data.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- capture [options]
  --starts N     random starts for each contrast (default 60)
  --degrees N    turns up to this, about a random axis (default 45)
  --mm N         shifts up to this along every axis (default 40)
  --seed N       default 1
  --levels LIST  shrink factors of the registration (default: the preset's)
  --no-save      print only, leave bench/results alone`;

const file = (name) => registrationData("rigid3d_known", name);
const read = (name) => imageFromRaw(readImageFile(file(name)));

/** Turn about a random axis and shift, uniform up to the limits; about the middle of a grid. */
function motion(random, degrees, mm, middle) {
  const u = () => 2 * random.uniform() - 1;
  let axis;
  do axis = [u(), u(), u()];
  while (Math.hypot(...axis) > 1 || Math.hypot(...axis) < 0.1);
  const angle = (u() * degrees * Math.PI) / 180;
  const matrix = rotationFromVector(axis.map((v) => (v / Math.hypot(...axis)) * angle));
  const turned = applyAffine({ matrix, offset: [0, 0, 0] }, middle);
  return { map: { matrix, offset: middle.map((v, i) => v - turned[i] + u() * mm) }, degrees: Math.abs((angle * 180) / Math.PI) };
}
const moved = (image, map) => ({
  values: image.values,
  grid: grid({ ...image.grid, origin: applyAffine(map, image.grid.origin), direction: multiply(map.matrix, image.grid.direction, 3) }),
});
/** Fixed to moving in LPS, from the data's RAS matrix. */
function truthOf(k) {
  const rows = readFileSync(file(`moving${k}_fixed_to_moving_mm_4x4.txt`), "utf8")
    .trim()
    .split(/\s+/)
    .map(Number);
  const s = [-1, -1, 1];
  return {
    matrix: [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => s[i] * rows[4 * i + j] * s[j])),
    offset: [0, 1, 2].map((i) => s[i] * rows[4 * i + 3]),
  };
}
/** Physical points: every 5000th voxel above the 60th percentile. */
function pointsOf({ values, grid: g }) {
  const data = Float32Array.from(values.data);
  const bound = data.slice().sort()[Math.floor(0.6 * data.length)];
  const bright = [...data.keys()].filter((k) => data[k] > bound).filter((_, k) => k % 5000 === 0);
  const [W, H] = g.size;
  const toPhysical = { matrix: g.direction.map((v, k) => v * g.spacing[k % 3]), offset: g.origin };
  return bright.map((k) => applyAffine(toPhysical, [k % W, Math.floor(k / W) % H, Math.floor(k / W / H)]));
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      starts: { type: "string", default: "60" },
      degrees: { type: "string", default: "45" },
      mm: { type: "string", default: "40" },
      seed: { type: "string", default: "1" },
      levels: { type: "string" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!hasData()) {
    console.log("capture: the heads are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: 2 });
  const fixed = read("mni_t1_fixed.nii.gz");
  const points = pointsOf(fixed);
  const flat = Tensor.from(Float64Array.from(points.flat()), [points.length, 3]);
  const levels = o.levels?.split(",").map(Number);
  const rows = [];
  const failures = [];
  for (const contrast of ["t1", "gm"]) {
    const moving = read(`mni_${contrast}_moving0.nii.gz`);
    const truth = truthOf(0);
    const random = seeded(Number(o.seed));
    const [errors, starts] = [[], []];
    let caught = 0;
    const before = process.cpuUsage();
    for (let k = 0; k < Number(o.starts); k++) {
      const { map, degrees } = motion(random, Number(o.degrees), Number(o.mm), centreOf(moving.grid));
      const wanted = composeAffine(map, truth);
      const tre = (mapped) =>
        mapped.reduce((s, q, i) => s + Math.hypot(...applyAffine(wanted, points[i]).map((v, a) => v - q[a])), 0) / points.length;
      starts.push(tre(points.map((p) => applyAffine(identityMap(3), p))));
      const result = await register(fixed, moved(moving, map), { preset: "rigid", levels });
      const found = result.transform.apply(flat).data;
      const error = tre(points.map((_, i) => [...found.subarray(3 * i, 3 * i + 3)]));
      if (error < 1) {
        caught++;
        errors.push(error);
      } else failures.push({ contrast, start: k, degrees, startMm: starts[k], error, status: result.status });
    }
    const used = process.cpuUsage(before);
    const mean = (list) => list.reduce((a, b) => a + b, 0) / Math.max(1, list.length);
    rows.push({
      contrast: contrast === "t1" ? "T1 on T1" : "grey-matter map on T1",
      starts: Number(o.starts),
      startMm: mean(starts),
      worstStartMm: Math.max(...starts),
      caught,
      meanMm: mean(errors),
      worstMm: Math.max(...errors),
      cpuSeconds: (used.user + used.system) / 1e6 / Number(o.starts),
    });
  }
  const m = machine(`npm run bench -- capture${args.length ? ` ${args.join(" ")}` : ""}`);
  const text = [
    ...heading("Capture range", m, [
      `MNI152 at 2 mm (${fixed.grid.size.join("×")}), rigid; turns up to ${o.degrees}° about a random axis through the middle, shifts up to ${o.mm} mm along every axis, seed ${o.seed}`,
      "caught: mean TRE below 1 mm over points in the head; figures in mm; CPU seconds of `register` alone, two threads",
    ]),
    "",
    ...table(
      ["moving", "starts", "start: mean", "start: worst", "caught", "TRE mean", "TRE worst", "CPU s"],
      rows.map((r) => [
        r.contrast,
        r.starts,
        r.startMm.toFixed(1),
        r.worstStartMm.toFixed(1),
        r.caught,
        r.meanMm.toFixed(4),
        r.worstMm.toFixed(4),
        r.cpuSeconds.toFixed(2),
      ]),
    ),
    ...failures.map(
      (f) =>
        `\n${f.contrast} start ${f.start}: ${f.degrees.toFixed(0)}°, ${f.startMm.toFixed(0)} mm away → ${f.error.toFixed(1)} mm (${f.status})`,
    ),
    "",
  ].join("\n");
  console.log(text);
  if (!o["no-save"]) {
    const folder = join(root, "bench/results");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "capture.md"), text);
  }
  return 0;
}
