import { existsSync } from "node:fs";
import { basename } from "node:path";
import * as v from "valibot";
import { ArgumentError } from "../../core/errors.js";
import { gridText, type Image, voxelVolume } from "../../image/index.js";
import { decisions, emSegmentation, fusions, presets, probabilityMaps, segment } from "../../registration/index.js";
import { gallery, plain, robustWindow } from "../../report/index.js";
import { Tensor } from "../../tensor/index.js";
import type { CommandDefinition } from "../command.js";
import {
  folderOf,
  grayOfMiddle,
  imageExtension,
  labelsOfMiddle,
  labelType,
  listOf,
  loadGroup,
  loadLabels,
  putImage,
  putRun,
} from "../groupFiles.js";
import { deformationNetwork } from "../learnedNetwork.js";
import { choice, flag, force, option, output, text, whole } from "../options.js";
import { stopwatch } from "../registrationFiles.js";

const ways = [...fusions, "em"] as const;

/** `pullback segment TARGET --atlas IMG:LABELS … -o OUT/`: labels of a target from labelled images. */
export const command: CommandDefinition = {
  name: "segment",
  summary: "label TARGET from labelled images",
  examples: [
    "pullback segment target.nii.gz --atlas a.nii.gz:a-labels.nii.gz --atlas b.nii.gz:b-labels.nii.gz -o out/",
    "pullback segment target.png --atlas s01.png:s01_labels.png s02.png:s02_labels.png --fusion local -o out/",
    "pullback segment t1.nii.gz --atlas a.nii.gz:tissue-a.nii.gz b.nii.gz:tissue-b.nii.gz --fusion em --bias-degree 3 -o out/",
  ],
  arguments: [{ name: "<target>", help: "the image to label" }],
  options: [
    output("folder for the results"),
    force,
    option("--atlas <image:labels...>", "a labelled image; several give better labels", v.union([text, v.array(text)]), "IMAGE:LABELS", {
      repeat: true,
    }),
    choice("--fusion <name>", "how votes are weighed; em: a mixture of Gaussians with the carried labels as prior", ways),
    choice("--decide <how>", "from votes to labels: greatest expected overlap (default), or the greater vote", decisions),
    choice("--preset <name>", "how each atlas is aligned with the target (diffeo)", presets),
    option("--bias-degree <n>", "em: degree of the smooth factor that a scanner lays over the image (0: none)", whole, "a whole number"),
    option("--probabilities", "write the share of every label as well", flag, "true or false"),
  ],
  async run(session, [targetPath], options) {
    const folder = folderOf("segment", options);
    const pairs = listOf(options.atlas).map(pairOf);
    if (pairs.length === 0)
      throw new ArgumentError("segment: which atlas? name a labelled image as --atlas IMAGE:LABELS, once or several times", {});
    const fusion = (options.fusion as (typeof ways)[number] | undefined) ?? "joint";
    const out = session.dryRun ? undefined : session.output(folder, true, { force: options.force === true });
    try {
      const timings: Record<string, number> = {};
      const clock = stopwatch(timings);
      const { loaded, images } = await loadGroup(session, "segment", [targetPath, ...pairs.map((p) => p.image)]);
      const labels: Image[] = [];
      for (const [i, p] of pairs.entries()) labels.push(await loadLabels(session, p.labels, loaded[i + 1]));
      clock("read");
      const target = images[0];
      const { grid } = target;
      if (!out)
        return {
          json: { dryRun: true, target: gridText(grid), atlases: pairs, fusion, outputs: [] },
          lines: [
            `would label ${basename(targetPath)} (${gridText(grid)}) from ${pairs.length} atlas${pairs.length > 1 ? "es" : ""} by ${fusion}`,
          ],
        };
      const plan = {
        fusion,
        decide: fusion === "em" ? undefined : ((options.decide as (typeof decisions)[number] | undefined) ?? "overlap"),
        preset: (options.preset as (typeof presets)[number] | undefined) ?? "diffeo",
        biasDegree: fusion === "em" ? ((options.biasDegree as number | undefined) ?? 0) : undefined,
      };
      const network = await deformationNetwork(plan.preset);
      const result = await session.stoppable((signal) =>
        segment(
          target,
          labels.map((l, i) => ({ image: images[i + 1], labels: l })),
          {
            method: fusion === "em" ? "majority" : fusion,
            decide: plan.decide,
            registration: { preset: plan.preset, network },
            signal,
            onProgress: (p) => session.progress.step({ ...p, stage: "align" }),
          },
        ),
      );
      clock("align and fuse");
      for (const [i, r] of result.registrations.entries()) if (r.status !== "ok") session.warn(`${pairs[i].image}: ${r.reason}`);
      let chosen = result.labels;
      let certainty = result.certainty;
      let probability = (label: number): Image => result.probability(label);
      let em: Record<string, unknown> | undefined;
      let bias: Image | undefined;
      if (fusion === "em") {
        const maps = [...probabilityMaps(labels, result.transforms, grid, { classes: result.classes })].sort((a, b) => a.label - b.label);
        const classes = maps.map((m) => m.label);
        const found = emSegmentation(
          target,
          maps.map((m) => m.map),
          { biasDegree: plan.biasDegree },
        );
        const index = found.labels.values.data;
        chosen = {
          values: Tensor.from(
            Float32Array.from(index, (k) => classes[k]),
            target.values.shape,
          ),
          grid,
        };
        const all = found.posteriors.map((p) => p.values.data);
        certainty = {
          values: Tensor.from(
            Float32Array.from(index, (k, i) => all[k][i]),
            target.values.shape,
          ),
          grid,
        };
        probability = (label) => found.posteriors[classes.indexOf(label)];
        bias = found.bias;
        em = {
          means: Object.fromEntries(classes.map((c, k) => [c, found.means[k]])),
          deviations: Object.fromEntries(classes.map((c, k) => [c, found.deviations[k]])),
          iterations: found.logLikelihood.length,
        };
        clock("em");
      }
      const volumes = volumesOf(chosen, result.classes);
      const picture = imageExtension(targetPath);
      const type = labelType(chosen);
      putImage(out, chosen, `labels${picture === ".png" && type === "int32" ? ".nii.gz" : picture}`, { dtype: type });
      putImage(out, certainty, "certainty.nii.gz");
      if (bias) putImage(out, bias, "bias.nii.gz");
      if (options.probabilities === true)
        for (const label of result.classes) putImage(out, probability(label), `probability-${label}.nii.gz`);
      out.put("volumes.csv", `label,voxels,volume\n${volumes.map((r) => `${r.label},${r.voxels},${r.volume}`).join("\n")}\n`);
      clock("write");
      const sure = meanOver(certainty, chosen);
      const bad = result.registrations.filter((r) => r.status !== "ok").length;
      const sentence =
        bad > 0
          ? `${bad} of ${pairs.length} atlases did not align well; look at the picture before use`
          : `${volumes.length} labels from ${pairs.length} atlas${pairs.length > 1 ? "es" : ""} by ${fusion}; inside them the chosen label has ${Math.round(100 * sure)} % of the weight on average`;
      const figures = { atlases: pairs.length, labels: volumes.length, certainty: sure, ...(em ? { em } : {}) };
      const window = robustWindow(target.values.data);
      out.put(
        "report.html",
        gallery({
          title: `Labels of ${basename(targetPath)}`,
          subtitle: `${gridText(grid)}; ${pairs.length} atlases, ${fusion}`,
          verdict: { level: bad > 0 ? "check" : "good", sentence },
          figures: [
            { label: "atlases", value: pairs.length },
            { label: "labels", value: volumes.length },
            { label: "certainty", value: Math.round(1000 * sure) / 10, unit: "%" },
          ],
          rows: [
            {
              title: "Result",
              pictures: [
                { picture: grayOfMiddle(target, window), caption: "target" },
                { picture: labelsOfMiddle(chosen), caption: "labels" },
                { picture: grayOfMiddle(certainty, { low: 0, high: 1 }), caption: "share of the chosen label" },
                ...(bias ? [{ picture: grayOfMiddle(bias), caption: "bias factor" }] : []),
              ],
            },
            {
              title: "Atlases on the target",
              pictures: result.candidates.flatMap((c, i) => [
                { picture: grayOfMiddle(c.image), caption: basename(pairs[i].image) },
                {
                  picture: labelsOfMiddle({ values: Tensor.from(Float32Array.from(c.labels), chosen.values.shape), grid }),
                  caption: "its labels",
                },
              ]),
            },
          ],
          tables: [
            {
              title: "Volumes",
              columns: ["label", "voxels", grid.size.length === 2 ? "area, mm²" : "volume, mm³"],
              rows: volumes.map((r) => [String(r.label), String(r.voxels), plain(r.volume)]),
            },
          ],
          summary: { target: targetPath, ...Object.fromEntries(Object.entries(plan).filter(([, x]) => x !== undefined)) },
          timings,
          warnings: session.warnings,
        }),
      );
      clock("report");
      putRun(session, out, [targetPath, ...pairs.flatMap((p) => [p.image, p.labels])], {
        options: plan,
        status: bad > 0 ? "suspect" : "ok",
        reason: sentence,
        figures,
        volumes,
        registrations: result.registrations.map(({ status, reason, metric, after }) => ({ status, reason, metric, after })),
        seconds: timings,
      });
      return {
        json: { status: bad > 0 ? "suspect" : "ok", reason: sentence, figures, volumes, outputs: out.commit() },
        lines: [sentence, folder],
      };
    } catch (error) {
      out?.discard();
      throw error;
    }
  },
};

/** IMAGE:LABELS, parted at the colon that leaves two files (paths may hold colons of their own). */
function pairOf(given: string): { readonly image: string; readonly labels: string } {
  const colons = [...given].flatMap((c, i) => (c === ":" ? [i] : []));
  const cut = colons.map((i) => ({ image: given.slice(0, i), labels: given.slice(i + 1) }));
  const good = cut.find((p) => existsSync(p.image) && existsSync(p.labels)) ?? cut[cut.length - 1];
  if (!good || good.image === "" || good.labels === "")
    throw new ArgumentError(`--atlas: got "${given}"; expected IMAGE:LABELS, an image and its label map with a colon between them`, {
      given,
    });
  return good;
}

function volumesOf(labels: Image, classes: readonly number[]): { label: number; voxels: number; volume: number }[] {
  const counts = new Map<number, number>();
  for (const l of labels.values.data) counts.set(l, (counts.get(l) ?? 0) + 1);
  const each = voxelVolume(labels.grid);
  return classes
    .filter((c) => c !== 0)
    .map((label) => ({ label, voxels: counts.get(label) ?? 0, volume: Number(((counts.get(label) ?? 0) * each).toPrecision(9)) }));
}

/** Mean over the labelled voxels. */
function meanOver(certainty: Image, labels: Image): number {
  const [p, l] = [certainty.values.data, labels.values.data];
  let [sum, count] = [0, 0];
  for (let i = 0; i < p.length; i++)
    if (l[i] !== 0) {
      sum += p[i];
      count++;
    }
  return sum / Math.max(1, count);
}
