// Why a prior: a blurred picture, twice, the data differing by a thousandth; least squares against Tikhonov, and the price of λ.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../dist/core/random.js";
import { blurOperator, gaussianKernel } from "../dist/operators/index.js";
import { conditionNumber } from "../dist/reconstruction/index.js";
import { randomNormal, Tensor } from "../dist/tensor/index.js";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- illposed [options]
  --sigma S    width of the blur in samples (default 1.1)
  --no-save    print only, leave bench/results and docs/images alone`;
const n = 128;
/** A disc, a bar and a fine comb on grey. */
const phantom = () =>
  Tensor.from(
    Float32Array.from({ length: n * n }, (_, k) => {
      const [x, y] = [k % n, Math.floor(k / n)];
      if (Math.hypot(x - 40, y - 48) < 24) return 0.9;
      if (x > 78 && x < 118 && y > 20 && y < 60) return (x >> 1) % 2 ? 0.85 : 0.2;
      return y > 90 && y < 104 && x > 16 && x < 112 ? 0.1 : 0.45;
    }),
    [n, n],
  );
const size = (t) => t.norm().item();

export function main(args) {
  const { values: o } = parseArgs({
    args,
    options: { sigma: { type: "string", default: "1.1" }, "no-save": { type: "boolean" }, help: { type: "boolean" } },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  const truth = phantom();
  const operator = blurOperator([n, n], gaussianKernel(13, Number(o.sigma)));
  const exact = operator.apply(truth);
  const noise = randomNormal([n, n], seeded(11));
  const other = exact.add(noise.mul((1e-3 * size(exact)) / size(noise)));
  const kappa = conditionNumber(operator);
  const apart = size(other.sub(exact));
  const rows = [];
  for (const lambda of [0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]) {
    const solve = (data) => {
      // (A*A + λ)⁻¹A*y as it stands, in f64: nothing but the operator's own division.
      return operator.normalInverse(operator.adjoint(data.cast("f64")), lambda).cast("f32");
    };
    const [a, b] = [solve(exact), solve(other)];
    const grown = size(b.sub(a)) / apart;
    rows.push({
      lambda,
      grown,
      bound: lambda > 0 ? 1 / (2 * Math.sqrt(lambda)) : undefined,
      bias: size(a.sub(truth)) / size(truth),
      error: size(b.sub(truth)) / size(truth),
    });
  }
  const e = (v) => (v === undefined ? "–" : v.toExponential(1));
  const lines = [
    ...heading("Ill-posedness", machine(`npm run bench -- illposed ${args.join(" ")}`.trim()), [
      `a ${n}² picture blurred by a Gaussian of ${o.sigma} samples on a ring; κ(A) = ${e(kappa)}; two data ‖Δy‖ = 0.001 ‖y‖ apart`,
      "‖Δx̂‖/‖Δy‖ is at most 1/σ_min = κ without a prior (‖A‖ = 1), and at most 1/(2√λ) with ½λ‖x‖²",
    ]),
    ...table(
      ["λ", "‖Δx̂‖/‖Δy‖", "bound 1/(2√λ)", "error without noise", "error with noise"],
      rows.map((r) => [r.lambda === 0 ? "0: (A*A)⁻¹A*y" : e(r.lambda), e(r.grown), e(r.bound ?? kappa), e(r.bias), e(r.error)]),
    ),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) {
    for (const d of ["bench/results", "docs/images"]) mkdirSync(join(root, d), { recursive: true });
    writeFileSync(join(root, "bench/results/illposed.md"), `${lines.join("\n")}\n`);
    writeFileSync(join(root, "docs/images/illposed.svg"), figure(rows.filter((r) => r.lambda > 0)));
  }
  return 0;
}

/** Curves over log λ, log–log. */
function figure(rows) {
  const [w, h, left, bottom, top] = [640, 340, 64, 44, 14];
  const curves = [
    { name: "growth of a difference in the data, ‖Δx̂‖/‖Δy‖", key: "grown", colour: "#b3261e" },
    { name: "its bound 1/(2√λ)", key: "bound", colour: "#b3261e", dash: "5 4" },
    { name: "error without noise (bias)", key: "bias", colour: "#1a73a8" },
    { name: "error with a thousandth of noise", key: "error", colour: "#222" },
  ];
  const values = rows.flatMap((r) => curves.map((c) => Math.log10(r[c.key])));
  const [low, high] = [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
  const [from, to] = [Math.log10(rows[0].lambda), Math.log10(rows.at(-1).lambda)];
  const x = (l) => (left + ((Math.log10(l) - from) / (to - from)) * (w - left - 16)).toFixed(1);
  const y = (v) => (top + (1 - (Math.log10(v) - low) / (high - low)) * (h - top - bottom)).toFixed(1);
  const text = (px, py, s, more = "") => `<text x="${px}" y="${py}" font-size="12" fill="#333" ${more}>${s}</text>`;
  const power = (k) => `10<tspan dy="-4" font-size="9">${String(k).replace("-", "−")}</tspan>`;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" font-family="system-ui, sans-serif">`,
    `<rect width="${w}" height="${h}" fill="#fff"/>`,
  ];
  for (let k = low; k <= high; k++)
    out.push(
      `<line x1="${left}" x2="${w - 16}" y1="${y(10 ** k)}" y2="${y(10 ** k)}" stroke="#e4e4e4"/>`,
      text(left - 8, Number(y(10 ** k)) + 4, power(k), 'text-anchor="end"'),
    );
  for (const r of rows) out.push(text(x(r.lambda), h - bottom + 18, power(Math.round(Math.log10(r.lambda))), 'text-anchor="middle"'));
  out.push(text((left + w) / 2, h - 6, "λ", 'text-anchor="middle"'));
  curves.forEach((c, i) => {
    out.push(
      `<polyline fill="none" stroke="${c.colour}" stroke-width="2" ${c.dash ? `stroke-dasharray="${c.dash}"` : ""} points="${rows.map((r) => `${x(r.lambda)},${y(r[c.key])}`).join(" ")}"/>`,
    );
    const at = top + 16 + 17 * i;
    out.push(
      `<line x1="${w - 318}" x2="${w - 292}" y1="${at - 4}" y2="${at - 4}" stroke="${c.colour}" stroke-width="2" ${c.dash ? `stroke-dasharray="${c.dash}"` : ""}/>`,
      text(w - 286, at, c.name),
    );
  });
  return `${out.join("\n")}\n</svg>\n`;
}
