// The formulations of linear registration against each other: seconds and processor seconds of an iteration, in turn, so that a busy machine slows all alike.
import { parseArgs } from "node:util";
import { grid, identityMap, image } from "../dist/image/index.js";
import { engine } from "../dist/kernels/index.js";
import { ssd } from "../dist/metrics/index.js";
import { alignLinear, formulations } from "../dist/registration/index.js";
import { heading, machine, median, table } from "./machine.mjs";

const help = `npm run bench -- formulations [options]
  --size N       pictures of 16N² and volumes of N³ samples (default 128)
  --reps N       repetitions after one warm-up (default 7)
  --iterations N Gauss–Newton steps in a run (default 2)`;

/** Waves, seen through a small turn, stretch and shift: all formulations take their full steps towards it. */
function waves(size, moved) {
  const n = size.reduce((a, b) => a * b, 1);
  const values = new Float32Array(n);
  const c = size.map((m) => (m - 1) / 2);
  for (let k = 0; k < n; k++) {
    const z = size.length === 3 ? Math.floor(k / (size[0] * size[1])) - c[2] : 0;
    let [x, y] = [(k % size[0]) - c[0], (Math.floor(k / size[0]) % size[1]) - c[1]];
    if (moved) [x, y] = [1.01 * x - 0.012 * y + 1.1, 0.015 * x + 0.99 * y - 0.8];
    values[k] = Math.sin(x / 31 + 0.3) * Math.cos(y / 37 - 0.2) + Math.sin((x + y + 2 * z) / 53);
  }
  return image(values, grid({ size }));
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      size: { type: "string", default: "128" },
      reps: { type: "string", default: "7" },
      iterations: { type: "string", default: "2" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const [n, reps, iterations] = [o.size, o.reps, o.iterations].map(Number);
  const rows = [];
  for (const size of [
    [4 * n, 4 * n],
    [n, n, n],
  ]) {
    const level = { fixed: waves(size, false), moving: waves(size, true) };
    const d = size.length;
    for (const cubic of [false, true]) {
      const samples = Object.fromEntries(formulations.map((f) => [f, []]));
      for (let rep = 0; rep <= reps; rep++)
        for (const formulation of formulations) {
          // The first evaluation and what is prepared once drop out: a run of many steps less a run of one.
          const seconds = [];
          const steps = [];
          for (const count of [1, iterations + 1]) {
            const before = process.cpuUsage();
            const r = await alignLinear(
              level,
              "affine",
              identityMap(d),
              ssd(),
              cubic,
              { iterations: count, level: 0, levels: 1 },
              { formulation },
            );
            const used = process.cpuUsage(before);
            seconds.push((used.user + used.system) / 1e3);
            steps.push(r.values.length - 1);
          }
          if (rep > 0 && steps[1] > steps[0]) samples[formulation].push((seconds[1] - seconds[0]) / (steps[1] - steps[0]));
        }
      const base = median(samples.forward);
      for (const f of formulations)
        rows.push([size.join("×"), cubic ? "cubic" : "linear", f, median(samples[f]).toFixed(1), (median(samples[f]) / base).toFixed(2)]);
    }
  }
  const m = machine(`npm run bench -- formulations ${args.join(" ")}`.trim());
  const more = [`affine model, squared differences, ${engine().threads} threads; processor milliseconds of a Gauss–Newton step`];
  console.log(
    [...heading("Formulations", m, more), ...table(["image", "samples", "formulation", "ms a step", "of forward"], rows)].join("\n"),
  );
  return 0;
}
