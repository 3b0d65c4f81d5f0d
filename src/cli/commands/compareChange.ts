import { basename } from "node:path";
import { ArgumentError, GridError } from "../../core/errors.js";
import { changeMap } from "../../evaluation/index.js";
import { applyAffine, gridText, image, indexToPhysical } from "../../image/index.js";
import { type Preset, register } from "../../registration/index.js";
import { colourMap, colourPicture, gallery, grayPicture, outlined, plain, robustWindow, slice, views } from "../../report/index.js";
import { identityTransform, type Transform, warp } from "../../transforms/index.js";
import type { Options, Outcome } from "../command.js";
import { Exit } from "../exit.js";
import { single, writable } from "../frames.js";
import { checkUsable, extension, grayOf, loadImage, loadMask, loadTransform } from "../inputs.js";
import { deformationNetwork } from "../learnedNetwork.js";
import { runText, stopwatch } from "../registrationFiles.js";
import type { Session } from "../session.js";
import { version } from "../version.js";

/** `pullback compare A B --change -o OUT/`: align B with A, then map what has changed in between. */
export async function compareChange(session: Session, pathA: string, pathB: string, options: Options): Promise<Outcome> {
  const target = options.output as string | undefined;
  if (!target) throw new ArgumentError("compare --change: where to? name a folder after -o");
  const out = session.dryRun ? undefined : session.output(target, true, { force: options.force === true });
  try {
    const timings: Record<string, number> = {};
    const clock = stopwatch(timings);
    const [loadedA, loadedB] = [await loadImage(session, pathA), await loadImage(session, pathB)];
    const [a, b] = [grayOf(loadedA), grayOf(loadedB)];
    if (a.grid.size.length !== b.grid.size.length)
      throw new GridError(
        `compare: ${basename(pathA)} is ${a.grid.size.length}-D and ${basename(pathB)} is ${b.grid.size.length}-D; both must have the same dimension`,
        {},
      );
    checkUsable("first", pathA, a);
    checkUsable("second", pathB, b);
    const mask = options.mask === undefined ? undefined : await loadMask(session, options.mask as string, a.grid, "first");
    const word = options.transform as string | undefined;
    const given =
      word === undefined ? undefined : word === "identity" ? identityTransform(a.grid.size.length) : await loadTransform(session, word);
    clock("read");
    if (!out)
      return {
        json: { dryRun: true, a: pathA, b: pathB, outputs: [] },
        lines: [`would align ${basename(pathB)} with ${basename(pathA)} and map the change`],
      };
    let transform: Transform;
    let status: "ok" | "suspect" = "ok";
    let reason = "aligned as given";
    if (given) transform = given;
    else {
      const preset = (options.preset as Preset | undefined) ?? "affine";
      const network = await deformationNetwork(preset);
      const result = await session.stoppable((signal) =>
        register(a, b, { preset, network, fixedMask: mask, signal, onProgress: (p) => session.progress.step(p) }),
      );
      for (const w of result.warnings) session.warn(w);
      ({ transform, status, reason } = result);
    }
    clock("align");
    const warped = warp(b, transform, a.grid, { interpolation: "cubic", border: "clamp" });
    const seen = warp({ values: b.values.mul(0).add(1), grid: b.grid }, transform, a.grid);
    const n = a.values.size;
    const where = Float32Array.from({ length: n }, (_, i) => (seen.values.data[i] > 0.999 && (!mask || mask.data[i] > 0) ? 1 : 0));
    const change = changeMap(a.values.data, warped.values.data, a.grid, { mask: where });
    clock("change");
    const ending = writable(extension(pathA));
    const maps = /png|tiff?$/i.test(ending) ? ".nii.gz" : ending;
    for (const [name, values, dtype] of [
      ["difference", change.difference, undefined],
      ["deviation", change.deviation, undefined],
      ["regions", change.regions, "int32"],
    ] as const)
      for (const [file, bytes] of single(image(values, a.grid), `${name}${maps}`, dtype)) out.put(file, bytes);
    for (const [file, bytes] of single(warped, `aligned${ending}`)) out.put(file, bytes);
    const toPhysical = indexToPhysical(a.grid);
    const axes = ["x", "y", "z"].slice(0, a.grid.size.length);
    const rows = change.found.map((f) => [
      String(f.region),
      f.sign,
      ...applyAffine(toPhysical, f.centre).map((v) => String(+v.toPrecision(7))),
      String(+f.size.toPrecision(7)),
      String(+f.difference.toPrecision(6)),
      String(+f.peak.toPrecision(5)),
    ]);
    const columns = ["region", "sign", ...axes, "size", "difference", "peak"];
    out.put("regions.csv", `${[columns, ...rows].map((r) => r.join(",")).join("\n")}\n`);
    const figures = {
      regions: change.found.length,
      gain: change.found.filter((f) => f.sign === "gain").reduce((s, f) => s + f.size, 0),
      loss: change.found.filter((f) => f.sign === "loss").reduce((s, f) => s + f.size, 0),
      noise: change.noise,
      threshold: Number.isFinite(change.threshold) ? change.threshold : null,
      scale: { gain: change.gain, offset: change.offset },
      looked: where.reduce((s, v) => s + v, 0) / n,
    };
    const sentence = `${change.found.length === 0 ? "Nothing has changed that noise and a shift by one sample do not explain" : `${change.found.length} region${change.found.length > 1 ? "s have" : " has"} changed`}${status === "ok" ? "" : `; but the alignment is doubtful: ${reason}`}.`;
    const window = robustWindow(a.values.data);
    const wide = Math.max(1, 3 * change.noise, robustWindow(change.difference.map(Math.abs)).high);
    const shownViews = views(a.grid, 1);
    const largest = change.found[0]?.centre ?? a.grid.size.map((s) => (s - 1) / 2);
    const at = (v: (typeof shownViews)[number]) => (v.through < 0 ? 0 : Math.round(largest[v.through]));
    out.put(
      "report.html",
      gallery({
        title: `What changed from ${basename(pathA)} to ${basename(pathB)}`,
        subtitle: gridText(a.grid),
        verdict: { level: status === "ok" ? "good" : "check", sentence },
        figures: [
          { label: "regions", value: change.found.length },
          { label: "gained", value: figures.gain, unit: axes.length === 3 ? "mm³" : "mm²" },
          { label: "lost", value: figures.loss, unit: axes.length === 3 ? "mm³" : "mm²" },
          { label: "noise of the difference", value: change.noise },
        ],
        rows: shownViews.map((v) => {
          const cut = (x: ArrayLike<number>, exact = false) => slice(x as Float32Array, a.grid, v, at(v), exact ? { most: 1e9 } : {});
          const matched = warped.values.data.map((x) => (change.gain !== 0 ? (x - change.offset) / change.gain : x));
          return {
            title: shownViews.length > 1 ? `${v.name}, slice ${at(v)}` : "The two, and what changed",
            pictures: [
              { picture: grayPicture(cut(a.values.data), window), caption: basename(pathA) },
              { picture: grayPicture(cut(matched), window), caption: `${basename(pathB)}, aligned, same brightness` },
              {
                picture: colourPicture(cut(change.difference), { low: -wide, high: wide }, colourMap("diverging")),
                caption: "difference: blue less, red more",
              },
              { picture: outlined(grayPicture(cut(matched, true), window), cut(change.regions, true)), caption: "regions that changed" },
            ],
          };
        }),
        tables: rows.length > 0 ? [{ title: "Regions", columns, rows: rows.slice(0, 50) }] : [],
        summary: {
          A: pathA,
          B: pathB,
          alignment: reason,
          "brightness of B": `${plain(change.gain)} · A + ${plain(change.offset)}`,
          pullback: version(),
        },
        timings,
        warnings: session.warnings,
      }),
    );
    clock("report");
    const files = [pathA, pathB, ...[options.mask, word].filter((f): f is string => typeof f === "string" && f !== "identity")];
    out.put("run.json", runText(session, { command: "compare --change", status, reason, figures }, files, timings));
    session.progress.clear();
    const outputs = out.commit();
    return {
      json: { status, reason: status === "ok" ? sentence : reason, figures, regions: change.found, outputs, seconds: { stages: timings } },
      lines: [sentence, ...outputs],
      exit: status === "ok" ? Exit.ok : Exit.quality,
    };
  } catch (error) {
    out?.discard();
    throw error;
  }
}
