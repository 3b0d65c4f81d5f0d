import { el, slider } from "../dom.js";
import type { Layer } from "../protocol.js";
import { type Result, Task } from "../task.js";
import { Viewer } from "../viewer.js";

/** A series of frames brought onto each other. */
export function seriesTab(): Task {
  return new Task("Series", "Motion in a series: every frame is brought onto the others, in whole or in parts.", [
    {
      id: "motion",
      label: "Correct motion",
      command: "motion",
      slots: [
        { key: "series", label: "Series", help: "One file with a time axis, or the frames in order.", many: true },
        { key: "mask", label: "Mask", help: "Where motion is measured: positive values.", option: "mask", optional: true },
      ],
      first: ["model", "reference"],
      without: ["labels", "times", "input", "regions"],
      example: { name: "series", slots: ["series"] },
      show: motion,
    },
  ]);
}
async function motion({ client, folder, looks, file, finished, paths }: Result): Promise<void> {
  // One file with a time axis, or one for each frame.
  const corrected = finished.files.map((f) => f.name).filter((n) => /^corrected.*\.(nii\.gz|npy|nii|mha|nrrd|png)$/.test(n));
  if (corrected.length === 0) return;
  corrected.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const [one, mean] = [new Viewer("One frame, before and after"), new Viewer("Mean of the corrected frames")];
  const count = Math.max(
    paths.series.length,
    corrected.length,
    Number((finished.json.figures as { frames?: number } | undefined)?.frames ?? finished.json.frames ?? 1),
  );
  const frameOf = async (files: readonly string[], name: string, t: number) => {
    const [found] = await client.ask<"look">({
      kind: "look",
      paths: [files[Math.min(t, files.length - 1)]],
      names: [name],
      frame: files.length === 1 ? t : 0,
    });
    return found;
  };
  const show = async (t: number) => {
    const layers = [
      await frameOf(paths.series, `frame ${t + 1}`, t),
      await frameOf(
        corrected.map((n) => `${folder}/${n}`),
        "corrected",
        t,
      ),
    ];
    one.show(layers, { pair: [0, 1], mode: "layer-1" });
  };
  const pick = slider("Frame", { min: 1, max: count, value: 1 }, (v) => void show(v - 1));
  looks.append(pick, one.root, mean.root);
  await show(0);
  const m = file(/^mean/);
  if (m) mean.show(await client.ask<"look">({ kind: "look", paths: [`${folder}/${m.name}`], names: ["mean"] }));
}

/** A group's mean image, and how its members vary. */
export function atlasTab(): Task {
  return new Task("Atlas", "The mean of a group of images, without favouring any of them, and how they vary.", [
    {
      id: "atlas",
      label: "Build an atlas",
      command: "atlas",
      slots: [
        { key: "images", label: "Images", help: "Two or more; their order does not matter.", many: true },
        { key: "labels", label: "Label maps", help: "Of the images, in the same order.", option: "labels", many: true, optional: true },
      ],
      first: ["model", "rounds"],
      example: { name: "group", slots: ["images"] },
      show: atlas,
    },
  ]);
}
async function atlas({ client, folder, looks, finished }: Result): Promise<void> {
  const images = finished.files.filter((f) =>
    /^(mean|std|log-jacobian|probability|labels)[^/]*\.(png|nii\.gz|npy|nii|mha|nrrd)$/.test(f.name),
  );
  const viewer = new Viewer("Atlas");
  looks.append(el("p", { class: "note" }, `${finished.files.length} files were written.`), viewer.root);
  const layers: Layer[] = [];
  for (const f of images)
    layers.push(
      ...(await client.ask<"look">({ kind: "look", paths: [`${folder}/${f.name}`], names: [f.name.replace(/\.(nii\.gz|[a-z]+)$/, "")] })),
    );
  const same = layers.filter((l) => l.place.size.join() === layers[0].place.size.join());
  viewer.show(same);
}
