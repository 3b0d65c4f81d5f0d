// How often does `register` call a result ok that cannot be one? Pairs that show unlike things, drawn from a fixed seed. And how often does it call
// a result suspect that is right? The pairs of the registration bench whose score says that they are aligned.
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { dataFolder, hasData } from "./data.mjs";
import { readImage } from "./images.mjs";
import { table } from "./machine.mjs";
import { identity, pullback } from "./methods.mjs";
import { allCases } from "./registration.mjs";

const help = `npm run bench -- acceptance [options]
  --pairs N     unrelated pairs (default 500, of which a tenth are volumes)
  --part I/N    only every N-th of them, from the I-th (0 is the first)
  --preset P    one preset of register for all; default: affine, rigid, diffeo and auto in turn, affine twice as often
  --true        the pairs that belong together instead, by the command line
  --cases a,b   of these only (default: every case of plane pictures)
  --log FILE    a line for each pair; pairs that are there already are not run again`;

const picture = /\.(png|jpe?g)$/;
const kinds = {
  retina: ["registration/retina_multimodal", /_(fixed|moving)\.(png|jpg)$/],
  "from above": ["registration/remote_sensing", /_(fixed|moving)\.(png|jpg)$/],
  head: ["registration/medical_multimodal2d", /_(fixed|moving)\.png$/],
  brain: ["registration/brain2d_labels", /^s\d+\.png$/],
  heart: ["registration/cine_ed_es", /_[ab]\.png$/],
  histology: ["registration/histology_landmarks", /\.jpg$/],
  kidney: ["registration/kidney_molli", /\.png$/],
  photo: ["inverse/natural", picture],
  "another photo": ["vision/natural/val", picture],
};
const volumes = {
  brain: ["registration/brain3d_oasis", /^[AB]\.nii/],
  "brain ": ["registration/rigid3d_known", /^mni_t1_fixed/],
  lung: ["registration/lung3d_knownfield", /^(fixed|moving)\.nii/],
  prostate: ["registration/prostate_mr_us", /_mr\.nii/],
  "ultrasound of a prostate": ["registration/prostate_mr_us", /_us\.nii/],
  "heart valve": ["registration/echo4d", /^img4d/],
  knee: ["registration/fair", /^knee3D-R/],
  mouse: ["registration/fair", /^mice3D-R/],
};
/** Slices of heads are not unrelated to each other; two photographs of a kind are, a kind of medical images is not. */
const families = { head: "brain", "brain ": "brain", "ultrasound of a prostate": "prostate" };
const related = (a, b) => (families[a] ?? a) === (families[b] ?? b) && !a.includes("photo");

const rules = ["affine", "rigid", "diffeo", "affine", "auto"];

/** Mean over boxes of whole samples or parts of them, along one axis after the other. */
function shrunk(values, size, to) {
  let [v, now] = [Float32Array.from(values), [...size]];
  for (let a = 0; a < size.length; a++) {
    const [n, m] = [now[a], Math.min(to[a], now[a])];
    const inner = now.slice(0, a).reduce((p, q) => p * q, 1);
    const outer = now.slice(a + 1).reduce((p, q) => p * q, 1);
    const out = new Float32Array(inner * m * outer);
    const step = n / m;
    for (let o = 0; o < outer; o++)
      for (let k = 0; k < m; k++)
        for (let j = Math.floor(k * step); j < Math.min(n, (k + 1) * step); j++) {
          const w = (Math.min(j + 1, (k + 1) * step) - Math.max(j, k * step)) / step;
          for (let i = 0; i < inner; i++) out[(o * m + k) * inner + i] += w * v[(o * n + j) * inner + i];
        }
    now = now.map((s, b) => (b === a ? m : s));
    v = out;
  }
  return { values: v, size: now };
}

/** Gray, the first of several frames, and no more samples a side than the judgement looks at: 256 in the plane, 96 in space. */
export function load(file, image) {
  const { size, values, components, spacing } = readImage(file);
  const n = size.reduce((a, b) => a * b, 1);
  const first = values.subarray(0, n);
  const gray =
    picture.test(file) && components >= 3 ? first.map((v, i) => 0.299 * v + 0.587 * values[i + n] + 0.114 * values[i + 2 * n]) : first;
  const most = size.length === 2 ? 256 : 96;
  const longest = Math.max(...size.map((m, a) => m * spacing[a]));
  const to = size.map((m, a) => Math.max(1, Math.min(m, Math.round((m * spacing[a] * most) / longest))));
  const small = shrunk(gray, size, to);
  const plane = size.length === 2;
  return image(small.values, plane ? { size: small.size } : { size: small.size, spacing: spacing.map((h, a) => (h * size[a]) / to[a]) });
}

const listed = (sources) =>
  Object.fromEntries(
    Object.entries(sources)
      .map(([kind, [folder, pattern]]) => [kind, folder, join(dataFolder, folder), pattern])
      .filter(([, , path]) => existsSync(path))
      .map(([kind, , path, pattern]) => [
        kind,
        readdirSync(path)
          .filter((f) => pattern.test(f) && !/label|_lv/.test(f))
          .sort()
          .map((f) => join(path, f)),
      ])
      .filter(([, files]) => files.length > 0),
  );

/** All pairs are drawn at once, so that a run that was cut short goes on with the same ones. */
export function drawn(total, seeded) {
  const random = seeded(2026);
  const [plane, space] = [listed(kinds), listed(volumes)];
  const pick = (list) => list[random.integer(list.length)];
  return Array.from({ length: total }, (_, k) => {
    const files = k % 10 === 9 ? space : plane;
    for (;;) {
      const [a, b] = [pick(Object.keys(files)), pick(Object.keys(files))];
      const [fixed, moving] = [pick(files[a]), pick(files[b])];
      if (!related(a, b) && fixed !== moving)
        return { k, kinds: [a, b].map((s) => s.trim()), fixed, moving, space: files === space, preset: rules[k % rules.length] };
    }
  });
}

const share = (n, all) => `${n} of ${all} = ${((100 * n) / Math.max(1, all)).toFixed(1)} %`;

async function unrelated(o, log, known) {
  const { image, register, seeded, startEngine } = { ...(await import("../dist/index.js")), ...(await import("../dist/core/index.js")) };
  startEngine({ threads: 1 }); // the same bits with any number, and one thread wastes nothing
  const [part, parts] = (o.part ?? "0/1").split("/").map(Number);
  const pairs = drawn(Number(o.pairs), seeded);
  for (const p of pairs.filter((q) => q.k % parts === part && !known.has(q.k))) {
    const preset = o.preset ?? p.preset;
    const t0 = process.cpuUsage();
    const { status, reason, evidence } = await register(load(p.fixed, image), load(p.moving, image), { preset });
    const used = process.cpuUsage(t0);
    const names = [p.fixed, p.moving].map((f) => basename(f));
    const row = { k: p.k, kinds: p.kinds, names, space: p.space, preset, status, reason, evidence, cpu: (used.user + used.system) / 1e6 };
    known.set(p.k, row);
    log(row);
  }
  const rows = [...known.values()].filter((r) => r.k < pairs.length);
  const by = (name, keyOf) => {
    const counts = new Map();
    for (const r of rows) {
      const [ok, all] = counts.get(keyOf(r)) ?? [0, 0];
      counts.set(keyOf(r), [ok + Number(r.status === "ok"), all + 1]);
    }
    console.log(
      table(
        [name, "called ok", "of"],
        [...counts].sort().map(([key, [ok, all]]) => [key, ok, all]),
      ).join("\n"),
      "\n",
    );
  };
  by("kinds", (r) => `${r.space ? "volumes: " : ""}${[...r.kinds].sort().join(", ")}`);
  by("preset", (r) => r.preset);
  console.log(`false acceptance: ${share(rows.filter((r) => r.status === "ok").length, rows.length)} (goal: 1 % at most)`);
}

/** Right: better than the bound of the case for distances, better than nothing done for overlaps. */
const bounds = { retina_multimodal: 8, remote_sensing: 8, medical_multimodal2d: 8, rigid2d_known: 1, histology_landmarks: 25 };

async function related2d(o, log, known) {
  const usual = [...Object.keys(bounds), "brain2d_labels", "cine_ed_es"];
  const names = o.cases ? o.cases.split(",") : usual;
  for (const c of (await allCases()).filter((c) => names.includes(c.name)))
    for (const pair of c.pairs())
      for (const [method, flags] of Object.entries(pair.ours)) {
        const key = `${c.name} ${pair.name} ${method}`;
        if (known.has(key)) continue;
        const folder = mkdtempSync(join(tmpdir(), "pullback-acceptance-"));
        try {
          const result = await pullback(flags).run(pair, folder, { threads: 1 });
          const [{ value }, start] = [await pair.score(result), await pair.score(await identity.run(pair))];
          const right = c.smaller ? value <= (bounds[c.name] ?? 0.5 * start.value) : value > start.value;
          const row = { k: key, case: c.name, method, value, start: start.value, right, ...result.told };
          known.set(key, row);
          log(row);
        } catch (error) {
          console.error(`${key}: ${error.message}`);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }
  const rows = [...known.values()].filter((r) => names.includes(r.case));
  const groups = Map.groupBy
    ? Map.groupBy(rows, (r) => `${r.case}, ${r.method}`)
    : rows.reduce((m, r) => m.set(`${r.case}, ${r.method}`, [...(m.get(`${r.case}, ${r.method}`) ?? []), r]), new Map());
  const line = (name, list) => {
    const right = list.filter((r) => r.right);
    const ok = right.filter((r) => r.status === "ok");
    const levels = ["good", "check", "bad"].map((l) => right.filter((r) => r.verdict?.level === l).length);
    const wrong = list.filter((r) => !r.right);
    return [name, list.length, right.length, ok.length, ...levels, wrong.filter((r) => r.status === "ok").length];
  };
  const head = ["case", "pairs", "right", "of these ok", "good", "check", "bad", "wrong but ok"];
  console.log(table(head, [...[...groups].map(([name, list]) => line(name, list)), line("all", rows)]).join("\n"));
  const right = rows.filter((r) => r.right);
  console.log(`\ntrue acceptance: ${share(right.filter((r) => r.status === "ok").length, right.length)}`);
}

export async function main(args) {
  const { values: o } = parseArgs({
    args,
    options: {
      pairs: { type: "string", default: "500" },
      part: { type: "string" },
      preset: { type: "string" },
      true: { type: "boolean" },
      cases: { type: "string" },
      log: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (o.help) return console.log(help);
  if (!hasData()) return console.log("acceptance: no data; set PULLBACK_DATA to the data folder");
  const rows =
    o.log && existsSync(o.log)
      ? readFileSync(o.log, "utf8")
          .trim()
          .split("\n")
          .filter(Boolean)
          .map((l) => JSON.parse(l))
      : [];
  const known = new Map(rows.map((r) => [r.k, r]));
  const log = (row) => o.log && appendFileSync(o.log, `${JSON.stringify(row)}\n`);
  await (o.true ? related2d : unrelated)(o, log, known);
  process.exit(0);
}
