// The registration network: Dice on slices of people and of hearts that it has never seen, beside the classical presets; processor time of each.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seeded } from "../dist/core/index.js";
import { image } from "../dist/image/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { integrated, learnedDeformation, networkDeformation, registrationNetwork } from "../dist/models/index.js";
import { register } from "../dist/registration/index.js";
import { scope } from "../dist/tensor/index.js";
import { hasData, registrationData } from "./data.mjs";
import { readImage } from "./images.mjs";
import { heading, machine, median, root, table } from "./machine.mjs";
import { carryLabels, dice, foldedPercent, mean, zeroField } from "./score.mjs";

const help = `npm run bench -- learnedRegistration [options]
  --cases LIST   brain, heart (default both)
  --steps LIST   instance steps after the network (default 0,10)
  --pairs N      the first N pairs of each case; A-B: those from the Ath to the Bth
  --presets LIST beside it (default affine,diffeo,svf)
  --threads N    default 2
  --weights F    weights of another training (default: those of the package; none: an untrained network)
  --no-save      print only, leave bench/results alone`;

const cases = {
  brain: {
    title: "brain2d_labels: ten slices of ten people in a circle; mean Dice of the labels in the fixed slice",
    pairs() {
      const file = (k, what = "") => registrationData("brain2d_labels", `s${String((k % 10) + 1).padStart(2, "0")}${what}.png`);
      return Array.from({ length: 10 }, (_, k) => ({
        fixed: file(k),
        moving: file(k + 1),
        labels: [file(k, "_labels"), file(k + 1, "_labels")],
      }));
    },
  },
  heart: {
    title: "cine_ed_es: slices of two hearts at two phases; Dice of the left ventricle",
    pairs() {
      const file = (name) => registrationData("cine_ed_es", `${name}.png`);
      return readdirSync(registrationData("cine_ed_es"))
        .filter((f) => f.endsWith("_a.png"))
        .sort()
        .map((f) => f.slice(0, -6))
        .map((n) => ({ fixed: file(`${n}_a`), moving: file(`${n}_b`), labels: [file(`${n}_a_lv`), file(`${n}_b_lv`)] }));
    },
  },
};

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const imageOf = (raw) => image(Float32Array.from(raw.values.subarray(0, raw.size[0] * raw.size[1])), { size: raw.size.slice(0, 2) });
const fieldOf = (u, grid) => ({ ...grid, values: u.data, components: 2 });

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      cases: { type: "string", default: "brain,heart" },
      steps: { type: "string", default: "0,10" },
      presets: { type: "string", default: "affine,diffeo,svf" },
      pairs: { type: "string" },
      threads: { type: "string", default: "2" },
      weights: { type: "string" },
      "no-save": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!hasData()) {
    console.log("learnedRegistration: the data folder is missing (PULLBACK_DATA); nothing to do");
    return 0;
  }
  await startEngine({ threads: Number(o.threads) });
  const network =
    o.weights === "none"
      ? networkDeformation(registrationNetwork({ random: seeded(1) }))
      : await learnedDeformation({ weights: o.weights && readFileSync(o.weights) });
  const alone = (fixed, moving) => {
    const [w, h] = fixed.grid.size;
    return scope(() => integrated(network(fixed.values.reshape(h, w), moving.values.reshape(h, w)), [h, w]));
  };
  const methods = [
    { name: "as they come", run: ({ fixed }) => zeroField(fixed.grid) },
    { name: "network alone, nothing before it", run: ({ fixed, moving }) => fieldOf(alone(fixed, moving), fixed.grid), repeat: 3 },
    ...(o.presets ? o.presets.split(",") : []).map((preset) => ({ name: preset, options: { preset } })),
    ...o.steps.split(",").map((n) => ({
      name: `learned, ${n} steps`,
      options: { preset: "learned", network, instanceSteps: Number(n) },
    })),
  ];
  const lines = [];
  for (const key of o.cases.split(",")) {
    const { title, pairs } = cases[key];
    const [first, last] =
      o.pairs === undefined ? [1, undefined] : o.pairs.includes("-") ? o.pairs.split("-").map(Number) : [1, Number(o.pairs)];
    const list = pairs().slice(first - 1, last);
    const figures = methods.map(() => ({ dice: [], folded: [], seconds: [] }));
    for (const { fixed: a, moving: b, labels } of list) {
      const pair = { fixed: imageOf(readImage(a)), moving: imageOf(readImage(b)) };
      const [la, lb] = labels.map(readImage);
      for (const [k, { run, options, repeat = 1 }] of methods.entries()) {
        let [field, seconds] = [undefined, Number.POSITIVE_INFINITY];
        for (let r = 0; r < repeat; r++) {
          const start = cpu();
          if (run) field = run(pair);
          else {
            const { transform } = await register(pair.fixed, pair.moving, options);
            seconds = cpu() - start;
            field = fieldOf(transform.displacement(pair.fixed.grid), pair.fixed.grid);
          }
          if (run) seconds = Math.min(seconds, cpu() - start);
        }
        figures[k].dice.push(dice(la.values, carryLabels(lb, field)));
        figures[k].folded.push(foldedPercent(field));
        figures[k].seconds.push(seconds);
      }
    }
    lines.push(`## ${title}`, "");
    lines.push(
      ...table(
        ["", "Dice", "least", "folded %", "processor s (median)"],
        methods.map(({ name }, k) => [
          name,
          mean(figures[k].dice).toFixed(4),
          Math.min(...figures[k].dice).toFixed(4),
          mean(figures[k].folded).toFixed(3),
          median(figures[k].seconds).toFixed(3),
        ]),
      ),
      "",
    );
    console.log(lines.slice(-methods.length - 5).join("\n"));
  }
  if (!o["no-save"]) {
    const m = machine(`npm run bench -- learnedRegistration ${args.join(" ")}`.trim());
    const folder = join(root, "bench/results");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "learnedRegistration.md"), [...heading("The registration network", m), ...lines].join("\n"));
  }
  return 0;
}
