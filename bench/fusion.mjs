// Label fusion, leave one out: every slice of brain2d_labels from the other nine; tissue classes of brain_slab from the other three, and by EM.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasData, registrationData } from "./data.mjs";
import { heading, machine, root, table } from "./machine.mjs";

const help = `npm run bench -- fusion [options]
  --cases a,b      brain2d_labels (default), brain_slab
  --targets 1,5    only these targets (default: all)
  --threads N      threads (default 2)
  --no-save        print only, leave bench/results alone`;

const sets = {
  brain2d_labels: { names: Array.from({ length: 10 }, (_, k) => `s${String(k + 1).padStart(2, "0")}`), ending: ".png" },
  brain_slab: { names: ["p01", "p02", "p03", "p04"], ending: ".nii.gz" },
};

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      help: { type: "boolean" },
      cases: { type: "string", default: "brain2d_labels" },
      targets: { type: "string" },
      threads: { type: "string", default: "2" },
      "no-save": { type: "boolean" },
    },
  });
  if (o.help) {
    console.log(help);
    return 0;
  }
  if (!hasData()) {
    console.error("bench fusion: the data folder is absent; set PULLBACK_DATA");
    return 1;
  }
  const [kernels, r, io, node, { dice }] = await Promise.all(
    ["kernels/index", "registration/index", "io/index", "io/node", "evaluation/index"].map((f) => import(`../dist/${f}.js`)),
  );
  kernels.startEngine({ threads: Number(o.threads) });
  const m = machine(`npm run bench -- fusion ${args.join(" ")}`.trim());
  const lines = heading("Label fusion, leave one out", m, [
    "mean Dice of the labels present in the target; single: mean over the atlases; both ways: joint, each atlas directly and through the group's mean (the default from four atlases on)",
  ]);
  for (const name of o.cases.split(",")) {
    if (!sets[name]) {
      console.error(`bench fusion: there is no case ${name}; see --help`);
      return 2;
    }
    const { names, ending } = sets[name];
    const open = async (file) => io.imageFromRaw(await node.openImage(registrationData(name, file)));
    const all = [];
    for (const n of names) all.push({ image: await open(`${n}${ending}`), labels: await open(`${n}_labels${ending}`) });
    const rows = [];
    const targets = o.targets ? o.targets.split(",").map((k) => Number(k) - 1) : names.map((_, k) => k);
    for (const t of targets) {
      const others = all.filter((_, k) => k !== t);
      const truth = Int32Array.from(all[t].labels.values.data);
      const score = (l) => dice(truth, l).mean;
      const cpu = process.cpuUsage();
      const s = await r.segment(all[t].image, others, { method: "joint" });
      const used = process.cpuUsage(cpu);
      const fused = ["majority", "local", "joint"].map((method) =>
        score(r.fuseLabels(all[t].image, s.candidates, { method }).labels.values.data),
      );
      const single = s.candidates.reduce((sum, c) => sum + score(c.labels), 0) / others.length;
      const em = name === "brain_slab" ? [score(tissue(r, all[t].image, others, s.transforms))] : [];
      const vote = score(r.fuseLabels(all[t].image, s.candidates, { method: "joint", decide: "vote" }).labels.values.data);
      rows.push([names[t], single, ...fused, score(s.labels.values.data), vote, ...em, (used.user + used.system) / 1e6]);
      console.error(rows[rows.length - 1].map((v) => (typeof v === "number" ? v.toFixed(3) : v)).join("  "));
    }
    const mean = rows[0].map((_, c) => (c === 0 ? "mean" : rows.reduce((sum, row) => sum + row[c], 0) / rows.length));
    const head = [
      "target",
      "single",
      "majority",
      "local",
      "joint",
      "both ways",
      "joint, vote",
      ...(name === "brain_slab" ? ["em"] : []),
      "CPU s",
    ];
    const text = [
      "",
      `## ${name}`,
      "",
      ...table(
        head,
        [...rows, mean].map((row) => row.map((v) => (typeof v === "number" ? v.toFixed(3) : v))),
      ),
    ];
    console.log(text.join("\n"));
    lines.push(...text);
  }
  if (!o["no-save"]) writeFileSync(join(root, "bench/results/fusion.md"), `${lines.join("\n")}\n`);
  return 0;
}

/** Tissue by EM with the others' carried labels as prior. */
function tissue(r, image, others, transforms) {
  const maps = [
    ...r.probabilityMaps(
      others.map((a) => a.labels),
      transforms,
      image.grid,
    ),
  ].sort((a, b) => a.label - b.label);
  const found = r.emSegmentation(
    image,
    maps.map((p) => p.map),
  );
  return Int32Array.from(found.labels.values.data, (k) => maps[k].label);
}
