// Super-resolution by variable projection with each derivative of the projection, and by turns (the image, then the motion), from one start.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { iterate, iterateSync, seeded } from "../dist/core/index.js";
import { grid } from "../dist/image/index.js";
import { gradientOperator } from "../dist/operators/index.js";
import { gaussNewton } from "../dist/optimisers/index.js";
import { frameOf, refinedGrid } from "../dist/reconstruction/index.js";
import { projection, projectionDerivatives, variableProjection } from "../dist/solvers/index.js";
import { concat, keep, scope, splatField, stack, Tensor, warpField } from "../dist/tensor/index.js";
import { drawnPicture } from "./inverse/simulateFrames.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- jacobians [options]
  --frames N   coarse frames (default 5)
  --noise S    their noise (default 0.02)
  --off P      how far the start is off, fine samples (default 0.7)
  --steps N    Gauss–Newton steps (default 10)
  --no-save    print only, leave bench/results and docs/images alone`;

/** D B W(p_t) of a picture of n² fine samples, scale 2, rigid motion p = (x, y, turn as a length at the border), in tensor operations. */
function problemOf({ frames: count, noise, lambda = 0.01 }) {
  const n = 48;
  const low = grid({ size: [n / 2, n / 2] });
  const target = refinedGrid(low, 2);
  const { sensor } = frameOf({ values: Tensor.zeros([1, n / 2, n / 2]), grid: low }, target, { psf: 0.6 });
  const c = (n - 1) / 2;
  const [X, Y] = [0, 1].map((a) =>
    keep(
      Tensor.from(
        Float32Array.from({ length: n * n }, (_, i) => (a ? Math.floor(i / n) : i % n) - c),
        [n, n],
      ),
    ),
  );
  const field = (p, t) => {
    const at = (j) => p.slice([t, j], [t + 1, j + 1]).reshape(1, 1);
    const angle = at(2).div(c);
    const [cos, sin] = [angle.cos().sub(1), angle.sin()];
    return stack([X.mul(cos).sub(Y.mul(sin)).add(at(0)), X.mul(sin).add(Y.mul(cos)).add(at(1))]);
  };
  const border = { border: "constant", fill: 0 };
  const gradient = gradientOperator([1, n, n], { axes: [1, 2] });
  const m = (n / 2) ** 2;
  const apply = (p, x) =>
    concat(Array.from({ length: count }, (_, t) => sensor.apply(t === 0 ? x : warpField(x, field(p, t - 1), border)).reshape(m)));
  const adjoint = (p, y) =>
    Array.from({ length: count }, (_, t) => {
      const v = sensor.adjoint(y.slice([t * m], [(t + 1) * m]).reshape(1, n / 2, n / 2));
      return t === 0 ? v : splatField(v, field(p, t - 1), [n, n], border);
    }).reduce((s, v) => s.add(v));
  const random = seeded(4);
  const truth = drawnPicture("text", n, 8).reshape(1, n, n);
  const motion = Tensor.from(
    Float32Array.from({ length: 3 * (count - 1) }, () => 4 * random.uniform() - 2),
    [count - 1, 3],
  );
  const clean = apply(motion, truth);
  const data = clean.add(
    Tensor.from(
      Float32Array.from({ length: clean.size }, () => noise * random.normal()),
      [clean.size],
    ),
  );
  const start = (off) =>
    motion.add(
      Tensor.from(
        Float32Array.from({ length: motion.size }, () => off * (2 * random.uniform() - 1)),
        motion.shape,
      ),
    );
  const problem = {
    apply,
    adjoint,
    data: keep(data),
    lambda,
    root: (x) => gradient.apply(x),
    rootAdjoint: (z) => gradient.adjoint(z),
    start: keep(Tensor.zeros([1, n, n])),
  };
  return { problem, motion: keep(motion), start };
}
const cpu = () => {
  const u = process.cpuUsage();
  return (u.user + u.system) / 1e6;
};

export async function main(args) {
  const text = { type: "string" };
  const { values: o } = parseArgs({
    args,
    options: { frames: text, noise: text, off: text, steps: text, "no-save": { type: "boolean" }, help: { type: "boolean" } },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const steps = Number(o.steps ?? 10);
  const { problem, motion, start } = problemOf({ frames: Number(o.frames ?? 5), noise: Number(o.noise ?? 0.02) });
  const p0 = keep(start(Number(o.off ?? 0.7)));
  const precise = variableProjection(problem, { derivative: "fixed", iterations: 150, relativeResidual: 1e-6 });
  const value = (p) => scope(() => 0.5 * precise.residual(p).square().sum().item());
  const off = (p) => scope(() => Math.sqrt(p.sub(motion).square().mean().item()));
  const runs = {};
  const record = (name) => {
    const points = [];
    let spent = 0;
    let mark = cpu();
    runs[name] = points;
    return (p) => {
      spent += cpu() - mark;
      points.push({ seconds: spent, value: value(p), off: off(p) });
      mark = cpu();
    };
  };
  for (const derivative of projectionDerivatives) {
    const objective = variableProjection(problem, { derivative, iterations: derivative === "unrolled" ? 25 : 40, relativeResidual: 1e-4 });
    const see = record(derivative);
    await iterate(gaussNewton({ gradientTolerance: 0, valueTolerance: 0, stepTolerance: 0 }), objective, p0, {
      iterations: steps,
      onProgress: ({ x }) => see(x),
      keepBest: false,
    });
  }
  // By turns: the image for the motion, then the motion for the image, each to its end.
  const see = record("by turns");
  let p = p0;
  see(p);
  for (let k = 0; k < steps; k++) {
    const x = keep(scope(() => projection(problem, { derivative: "fixed", iterations: 40, relativeResidual: 1e-4 })(p)));
    const inner = { residual: (q) => problem.apply(q, x).sub(problem.data) };
    p = keep(iterateSync(gaussNewton({ gradientTolerance: 0, valueTolerance: 0, stepTolerance: 0 }), inner, p, { iterations: 5 }).x);
    see(p);
  }
  const best = Math.min(...Object.values(runs).flatMap((r) => r.map((v) => v.value)));
  const needed = (r, part) => {
    const k = r.findIndex((v) => v.value - best <= part * (r[0].value - best));
    return k < 0 ? "–" : `${k} (${r[k].seconds.toFixed(1)} s)`;
  };
  const lines = [
    ...heading("Derivatives of the projection", machine("npm run bench -- jacobians"), []),
    `A picture of 48² samples from ${o.frames ?? 5} frames of 24², noise ${o.noise ?? 0.02}, rigid motion off by up to ${o.off ?? 0.7} fine samples at the start. φ(p) − the least φ found, as a part of`,
    "that at the start; processor seconds on one thread without the evaluations for this table.",
    "",
    ...table(
      ["derivative", "steps (time) to 1e-1", "to 1e-2", "to 1e-3", "φ at the end", "motion off, RMS"],
      Object.entries(runs).map(([name, r]) => [
        name,
        needed(r, 0.1),
        needed(r, 0.01),
        needed(r, 0.001),
        r.at(-1).value.toFixed(5),
        r.at(-1).off.toFixed(4),
      ]),
    ),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    const write = (file, content) => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    };
    write(join(root, "bench/results/jacobians.md"), `${lines.join("\n")}\n`);
    write(join(root, "docs/images/jacobians.svg"), figure(runs, best));
  }
  return 0;
}

/** log₁₀ of what is left of φ, over steps and over seconds. */
function figure(runs, best) {
  const [width, height, left, bottom, top, gap] = [900, 340, 50, 46, 46, 60];
  const w = (width - left - gap - 16) / 2;
  const floor = 1e-5;
  const part = (r) => r.map((v) => Math.log10(Math.max(floor, (v.value - best) / (r[0].value - best))));
  const names = Object.keys(runs);
  const colours = ["#1f6fb2", "#d1495b", "#2a9d6f", "#e09f3e", "#777777"];
  const text = (x, y, s, anchor = "middle") =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="sans-serif" font-size="13" fill="#333">${s}</text>`;
  const parts = [`<rect width="${width}" height="${height}" fill="white"/>`];
  const py = (v) => height - bottom - ((v - Math.log10(floor)) / -Math.log10(floor)) * (height - bottom - top);
  const axes = [
    { at: (_, i) => i, label: "Gauss–Newton steps" },
    { at: (v) => v.seconds, label: "processor seconds" },
  ];
  axes.forEach(({ at, label }, a) => {
    const x0 = left + a * (w + gap);
    const high = Math.max(...names.flatMap((n) => runs[n].map(at)));
    const px = (v) => x0 + (v / high) * w;
    for (let e = 0; e >= -5; e--) {
      parts.push(`<line x1="${x0}" x2="${x0 + w}" y1="${py(e)}" y2="${py(e)}" stroke="#e5e5e5"/>`);
      parts.push(text(x0 - 8, py(e) + 4, e === 0 ? "1" : `1e${e}`, "end"));
    }
    for (let k = 0; k <= 4; k++)
      parts.push(text(px((k * high) / 4), height - bottom + 20, a === 0 ? Math.round((k * high) / 4) : ((k * high) / 4).toFixed(1)));
    names.forEach((n, k) => {
      const y = part(runs[n]);
      const points = runs[n].map((v, i) => `${px(at(v, i)).toFixed(1)},${py(y[i]).toFixed(1)}`);
      parts.push(
        `<polyline points="${points.join(" ")}" fill="none" stroke="${colours[k]}" stroke-width="2.2"${n === "by turns" ? ' stroke-dasharray="6 5"' : ""}/>`,
      );
    });
    parts.push(text(x0 + w / 2, height - 8, label));
  });
  names.forEach((n, k) => {
    parts.push(
      `<line x1="${left + 160 * k}" x2="${left + 160 * k + 26}" y1="20" y2="20" stroke="${colours[k]}" stroke-width="3"/>`,
      text(left + 160 * k + 32, 24, n, "start"),
    );
  });
  parts.push(text(left - 40, top - 10, "what is left of φ", "start"));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="What is left of the objective over Gauss–Newton steps and over seconds, for each derivative of the projection">${parts.join("")}</svg>\n`;
}
