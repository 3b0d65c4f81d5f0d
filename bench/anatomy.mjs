// Does a prior of anatomy help super-resolution? What scripts/train/anatomy.mjs trained, on patients it has not seen, whose cavities were outlined by hand.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readSafetensors } from "../dist/io/index.js";
import { startEngine } from "../dist/kernels/index.js";
import { withWeightsOf } from "../dist/nn/index.js";
import { resizeOperator } from "../dist/operators/index.js";
import { scope } from "../dist/tensor/index.js";
import { coarse, field, judge, shapes, side, thinner2d, variants } from "../scripts/train/anatomyParts.mjs";
import { cavities, dice } from "../scripts/train/cavities.mjs";
import { luminance } from "../scripts/train/luminance.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- anatomy OUT/ [options]
  OUT/         what node scripts/train/anatomy.mjs OUT/ … wrote
  --threads N  default 2
  --no-save    print only, leave bench/results alone`;

export async function main(args) {
  const { values: o, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { threads: { type: "string", default: "2" }, "no-save": { type: "boolean" }, help: { type: "boolean" } },
  });
  const [out] = positionals;
  if (o.help || !out) {
    console.log(help);
    return o.help ? 0 : 2;
  }
  const folder = join(process.env.PULLBACK_DATA ?? "../shared/data", "registration", "cine_ed_es");
  if (!existsSync(folder)) {
    console.log("anatomy: the slices are not in the data folder (PULLBACK_DATA); nothing to do");
    return 0;
  }
  startEngine({ threads: Number(o.threads) });
  const weights = (name, model) => withWeightsOf(model, readSafetensors(readFileSync(join(out, `${name}.safetensors`))));
  const finder = weights("judge", judge());
  const ae = weights("shapes", shapes());
  const files = readdirSync(folder)
    .filter((f) => /_[ab]\.png$/.test(f))
    .sort();
  const names = [...new Set(files.map((f) => f.replace(/_slice.*$/, "")))];
  const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
  const slices = names.flatMap((patient) => {
    const own = files.filter((f) => f.startsWith(patient));
    const pictures = own.map((f) => luminance(join(folder, f)));
    const found = cavities(pictures);
    return own.map((f, k) => {
      const hand = luminance(join(folder, f.replace(".png", "_lv.png")));
      const values = hand.values.map((v) => (v > 0 ? 1 : 0));
      const area = values.reduce((a, b) => a + b, 0);
      const middle = [0, 1].map(
        (a) => values.reduce((s, v, i) => s + v * (a === 0 ? i % hand.width : Math.floor(i / hand.width)), 0) / area,
      );
      const mask = field({ ...hand, values }, middle, false);
      return {
        patient,
        fine: field(pictures[k], middle).reshape(1, 1, side, side),
        hand: Uint8Array.from(mask.data),
        lifted: mask.reshape(1, 1, side, side),
        threshold: found[k] ? dice(found[k].mask, Uint8Array.from(values)) : 0,
      };
    });
  });
  const binary = (t) => Uint8Array.from(t.data, (v) => (v > 0.5 ? 1 : 0));
  const count = (m) => m.reduce((a, b) => a + b, 0);
  const rows = [];
  function row(name, make) {
    const each = slices.map(({ patient, fine, hand }) =>
      scope(() => {
        const made = make(fine);
        const cavity = binary(finder.forward(made));
        const seen = binary(finder.forward(fine));
        const error = made.sub(fine).square().mean().item();
        return {
          patient,
          psnr: error > 0 ? -10 * Math.log10(error) : Number.NaN,
          dice: dice(cavity, hand),
          area: Math.abs(count(cavity) - count(hand)) / count(hand),
          same: dice(cavity, seen),
          sameArea: count(seen) ? Math.abs(count(cavity) - count(seen)) / count(seen) : Number.NaN,
        };
      }),
    );
    const of = (key, who = each) => mean(who.map((e) => e[key]).filter((v) => !Number.isNaN(v)));
    const psnr = of("psnr");
    const perPatient = names.map((n) =>
      of(
        "dice",
        each.filter((e) => e.patient === n),
      ).toFixed(3),
    );
    rows.push([
      name,
      Number.isNaN(psnr) ? "–" : psnr.toFixed(2),
      of("same").toFixed(3),
      (100 * of("sameArea")).toFixed(1),
      of("dice").toFixed(3),
      ...perPatient,
      (100 * of("area")).toFixed(1),
    ]);
    console.error(rows.at(-1).join("  "));
  }
  row("the fine slice itself", (fine) => fine);
  row("cubic", (fine) => resizeOperator([1, 1, side / 5, side], { axes: [2], size: [side] }).apply(coarse(fine)));
  let run;
  for (const { name, share } of variants) {
    if (!existsSync(join(out, `${name}.json`))) {
      console.error(`${name}: not trained`);
      continue;
    }
    run = JSON.parse(readFileSync(join(out, `${name}.json`), "utf8"));
    const { model, of } = thinner2d();
    const trained = weights(name, model);
    row(share === 0 ? "network, squared differences" : `network, squared and anatomical (${share} of it at first)`, (fine) =>
      of(trained, coarse(fine)),
    );
  }
  const back = mean(slices.map(({ lifted, hand }) => scope(() => dice(binary(ae.forward(lifted)), hand))));
  const threshold = names.map((n) => `${mean(slices.filter((s) => s.patient === n).map((s) => s.threshold)).toFixed(2)} (${n})`);
  const lines = [
    ...heading("A prior of anatomy in super-resolution", machine(`npm run bench -- anatomy ${args.join(" ")}`.trim()), [
      `${slices.length} short-axis slices of ${names.length} patients that no training saw, ${side}² about the cavity, rows 5 times coarser; ${run?.steps ?? "?"} steps each (\`node scripts/train/anatomy.mjs\`)`,
      "cavities are found by a network that none was trained by; it learned from cavities by threshold and roundness, not by hand",
      `Dice of those with the outlines by hand: ${threshold.join(", ")}; the auto-encoder gives the outlines by hand back with ${back.toFixed(3)}`,
      "same: Dice with, and mean size of the difference in area from, what is found in the fine slice; hand: from the outlines by hand; PSNR: peak 1 is what 0.5 % of a field are brighter than",
    ]),
    ...table(["slice", "PSNR", "same", "area, %", "hand", ...names.map((n) => `hand, ${n}`), "area, % of hand"], rows),
    "",
  ];
  console.log(lines.join("\n"));
  if (!o["no-save"]) writeFileSync(join(root, "bench/results/anatomy.md"), `${lines.join("\n")}\n`);
  return 0;
}
