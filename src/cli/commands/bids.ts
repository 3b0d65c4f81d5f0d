import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DirectoryQueue, planText, type TaskRecord } from "../../batch/index.js";
import { ArgumentError, FormatError } from "../../core/errors.js";
import { sameGrid } from "../../image/index.js";
import { writeImage } from "../../io/index.js";
import { Tensor } from "../../tensor/index.js";
import { batchBuild, flagsOf, task } from "../batchPlan.js";
import { work } from "../batchWork.js";
import { type BidsImage, bidsImages } from "../bidsDataset.js";
import type { CommandDefinition, Options, Outcome } from "../command.js";
import { Exit } from "../exit.js";
import { loadImage } from "../inputs.js";
import { keyOf, option, text } from "../options.js";
import type { Session } from "../session.js";
import { version } from "../version.js";
import { registerOptions, silentOption, workersOption, workOptions } from "./batch.js";

/** `pullback bids IN OUT participant|group`: a BIDS app. */
export const command: CommandDefinition = {
  name: "bids",
  summary: "bring the brains of a BIDS data set into one space",
  examples: [
    "pullback bids data/ derivatives/pullback participant --template mni.nii.gz",
    "pullback bids data/ derivatives/pullback participant --template mni.nii.gz --participant-label 01,02 --preset diffeo",
    "pullback bids data/ derivatives/pullback group",
  ],
  arguments: [
    { name: "<in>", help: "the root of a BIDS data set" },
    { name: "<out>", help: "where the derivatives go" },
    { name: "<level>", help: "participant: register every T1w image; group: their mean, and a table of how each went" },
  ],
  options: [
    option("--participant-label <list>", "participant: only these, with or without sub- (all)", text, "labels such as 01,02"),
    option("--template <file>", "participant: the image whose space all come into", text, "a file"),
    option("--space <name>", "what that space is called in names of files (the template's name)", text, "letters and digits"),
    workersOption,
    silentOption,
    ...registerOptions,
  ],
  async run(session, [input, output, level], options) {
    if (level !== "participant" && level !== "group")
      throw new ArgumentError(`bids: the level is "${level}"; expected participant or group`, { level });
    if (options.threads !== undefined)
      throw new ArgumentError("--threads: a task of a batch has one thread; say how many at a time with --workers");
    session.reading();
    const labels = (options.participantLabel as string | undefined)?.split(/[,\s]+/).filter((l) => l !== "");
    const images = bidsImages(input, labels);
    const out = resolve(output);
    return level === "participant" ? participants(session, images, out, options) : group(session, images, out, options);
  },
};

/** Names after entities, as derivatives have them. */
const placeOf = (out: string, i: BidsImage) => join(out, i.participant, ...(i.session ? [i.session] : []), "anat");
const stemOf = (i: BidsImage, space: string) => `${i.entities}_space-${space}_desc-registered_T1w`;
function spaceOf(options: Options, template: string): string {
  const given = options.space as string | undefined;
  if (given !== undefined && !/^[A-Za-z0-9]+$/.test(given))
    throw new ArgumentError(`--space: "${given}"; letters and digits only, as BIDS has it`, { given });
  return (
    given ??
    (basename(template)
      .replace(/\..*$/, "")
      .replace(/[^A-Za-z0-9]/g, "") ||
      "template")
  );
}
/** Whole or not at all. */
function put(path: string, write: (temporary: string) => void): void {
  mkdirSync(dirname(path), { recursive: true });
  write(`${path}.part`);
  renameSync(`${path}.part`, path);
}
const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;

async function participants(session: Session, images: readonly BidsImage[], out: string, options: Options): Promise<Outcome> {
  const template = options.template as string | undefined;
  if (template === undefined) throw new ArgumentError("bids: into which space? name an image after --template");
  await loadImage(session, template); // better said now than once for each
  const space = spaceOf(options, template);
  const given = Object.fromEntries(registerOptions.map(keyOf).flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])));
  const place = (i: BidsImage) => join(out, "work", i.entities);
  const tasks = images.map((i) =>
    task(
      session,
      i.entities,
      0,
      ["register", resolve(template), resolve(i.path), "-o", `${place(i)}/`, ...flagsOf(given, registerOptions), "--resume"],
      `${place(i)}/`,
    ),
  );
  const plan = { version: version(), build: batchBuild, tasks };
  if (session.dryRun)
    return { json: { dryRun: true, tasks: tasks.length, outputs: [] }, lines: [`would register ${tasks.length} images to ${template}`] };
  // Each selection of participants and options is a batch of its own.
  const key = createHash("sha256").update(planText(plan)).digest("hex").slice(0, 8);
  mkdirSync(join(out, "work"), { recursive: true });
  const queue = DirectoryQueue.create(join(out, "work", `queue-${key}`), plan);
  const done = await work(session, queue, workOptions(options));
  put(join(out, ".bidsignore"), (p) => writeFileSync(p, "work/\n"));
  put(join(out, "dataset_description.json"), (p) =>
    writeFileSync(
      p,
      json({
        Name: "Registered images",
        BIDSVersion: "1.9.0",
        DatasetType: "derivative",
        GeneratedBy: [{ Name: "pullback", Version: version() }],
      }),
    ),
  );
  const records = new Map(queue.records().map((r) => [r.name, r]));
  const outputs: string[] = [];
  for (const i of images) {
    const record = records.get(i.entities);
    if (record && record.status !== "failed") outputs.push(...published(i, record, place(i), out, space, template));
  }
  const { ok, suspect, failed, tasks: total } = queue.counts;
  const aside = queue.records("failed");
  const reason = `${ok} of ${total} images are in the space ${space}${suspect > 0 ? `, ${suspect} suspect` : ""}${failed > 0 ? `, ${failed} failed` : ""}`;
  const whole = !done.stopped && ok === total;
  return {
    json: {
      status: whole ? "ok" : "suspect",
      reason,
      figures: { images: total, ok, suspect, failed },
      failed: aside.map((r) => ({ name: r.name, reason: r.reason })),
      outputs,
    },
    lines: [reason, ...aside.map((r) => `  ${r.name}: ${r.reason}`)],
    exit: done.stopped === "full" ? Exit.resources : done.stopped === "aborted" ? Exit.interrupted : whole ? Exit.ok : Exit.quality,
  };
}

/** A result under the names that BIDS wants. */
function published(i: BidsImage, record: TaskRecord, from: string, out: string, space: string, template: string): string[] {
  const anat = placeOf(out, i);
  const files: [string, string][] = [
    ["warped.nii.gz", join(anat, `${stemOf(i, space)}.nii.gz`)],
    ["transform.tfm", join(anat, `${i.entities}_from-${space}_to-T1w_mode-points_xfm.tfm`)],
    ["displacement.nii.gz", join(anat, `${i.entities}_from-${space}_to-T1w_mode-points_xfm.nii.gz`)],
    ["report.html", join(out, i.participant, "figures", `${i.entities}_desc-registration_T1w.html`)],
  ];
  const there = files.filter(([name]) => existsSync(join(from, name)));
  for (const [name, to] of there) put(to, (p) => copyFileSync(join(from, name), p));
  const sidecar = join(anat, `${stemOf(i, space)}.json`);
  put(sidecar, (p) =>
    writeFileSync(
      p,
      json({
        Sources: [`bids:raw:${[i.participant, i.session, "anat", basename(i.path)].filter(Boolean).join("/")}`],
        SpatialReference: resolve(template),
        SkullStripped: false,
        Status: record.status,
        Reason: record.reason,
        Figures: record.result?.figures,
      }),
    ),
  );
  return [...there.map(([, to]) => to), sidecar];
}

async function group(session: Session, images: readonly BidsImage[], out: string, options: Options): Promise<Outcome> {
  const given = ["template", "workers", "silent", ...registerOptions.map(keyOf)].find((key) => options[key] !== undefined);
  if (given) throw new ArgumentError(`--${given}: the group level registers nothing; leave it out`, { option: given });
  const spaces = new Set<string>();
  const found = images.flatMap((i) => {
    const anat = placeOf(out, i);
    if (!existsSync(anat)) return [];
    const file = listed(anat, i).find(({ space }) => options.space === undefined || options.space === space);
    if (!file) return [];
    spaces.add(file.space);
    const { Status, Reason } = JSON.parse(readFileSync(join(anat, `${stemOf(i, file.space)}.json`), "utf8")) as {
      Status: string;
      Reason: string;
    };
    return [{ i, path: join(anat, `${stemOf(i, file.space)}.nii.gz`), status: Status, reason: Reason }];
  });
  if (found.length === 0) throw new FormatError(`${out}: no registered images are there; run the participant level first`, { out });
  if (spaces.size > 1)
    throw new ArgumentError(`bids: images are in the spaces ${[...spaces].join(", ")}; choose one with --space`, { spaces: [...spaces] });
  const [space] = [...spaces];
  if (session.dryRun)
    return { json: { dryRun: true, images: found.length, outputs: [] }, lines: [`would take the mean of ${found.length} images`] };
  const good = found.filter((f) => f.status === "ok");
  const table = join(out, "group_T1w.tsv");
  const clean = (s: string) => s.replace(/[\t\n]/g, " ");
  put(table, (p) =>
    writeFileSync(p, ["image\tstatus\treason", ...found.map((f) => `${f.i.entities}\t${f.status}\t${clean(f.reason)}`), ""].join("\n")),
  );
  const outputs = [table];
  if (good.length > 0) {
    // Each is divided by its own mean first, so that a bright scanner does not weigh more.
    const first = (await loadImage(session, good[0].path)).image;
    const sum = new Float64Array(first.values.size);
    for (const f of good) {
      const { image } = await loadImage(session, f.path);
      if (!sameGrid(image.grid, first.grid) || image.values.size !== sum.length)
        throw new FormatError(`${f.path}: it lies on another grid than ${good[0].path}; run the participant level again`, {});
      const level = image.values.mean().item();
      const values = image.values.data;
      for (let k = 0; k < sum.length; k++) sum[k] += values[k] / (level > 0 ? level : 1) / good.length;
    }
    const mean = { values: Tensor.from(Float32Array.from(sum), first.values.shape), grid: first.grid };
    const path = join(out, `space-${space}_desc-mean_T1w.nii.gz`);
    for (const [name, bytes] of writeImage(mean, basename(path))) {
      put(join(out, name), (p) => writeFileSync(p, bytes));
      outputs.push(join(out, name));
    }
  }
  const reason = `the mean of ${good.length} of ${found.length} images in the space ${space}${good.length < found.length ? "; the others were suspect" : ""}`;
  return {
    json: { status: good.length === found.length ? "ok" : "suspect", reason, figures: { images: found.length, ok: good.length }, outputs },
    lines: [reason, ...outputs],
    exit: good.length === found.length ? Exit.ok : Exit.quality,
  };
}

/** Spaces in which a registered image is there. */
function listed(anat: string, i: BidsImage): readonly { readonly space: string }[] {
  const pattern = new RegExp(`^${i.entities}_space-([A-Za-z0-9]+)_desc-registered_T1w\\.json$`);
  return readdirSync(anat)
    .sort()
    .flatMap((name) => {
      const m = pattern.exec(name);
      return m ? [{ space: m[1] }] : [];
    });
}
