import { el } from "../dom.js";
import type { Layer } from "../protocol.js";
import { type Result, Task } from "../task.js";
import { Viewer } from "../viewer.js";

/** A group's mean image, and how its members vary; labels of a new image from labelled ones. */
export function atlasTab(): Task {
  return new Task("Atlas and labels", "The mean of a group of images and how they vary; or the labels of a new image from labelled ones.", [
    {
      id: "atlas",
      label: "Build an atlas",
      command: "atlas",
      slots: [
        { key: "images", label: "Images", help: "Two or more; their order does not matter.", many: true },
        { key: "labels", label: "Label maps", help: "Of the images, in the same order.", option: "labels", many: true, optional: true },
      ],
      first: ["model", "rounds"],
      // A page has no other machines to share the work with.
      without: ["on", "workers", "silent", "pilots", "time", "printScript", "task"],
      example: { name: "group", slots: ["images"] },
      show: atlas,
    },
    {
      id: "segment",
      label: "Carry labels to a new image",
      command: "segment",
      slots: [
        { key: "target", label: "Image to label", help: "What has no labels yet." },
        { key: "atlases", label: "Labelled images", help: "One or more; several give better labels.", many: true, option: "atlas" },
        {
          key: "maps",
          label: "Their label maps",
          help: "In the same order as the images.",
          many: true,
          option: "atlas",
          beside: "atlases",
        },
      ],
      first: ["fusion", "preset"],
      example: { name: "labelledGroup", slots: ["target", "atlases", "maps"] },
      show: segment,
    },
  ]);
}
const stem = (name: string) => name.replace(/\.(nii\.gz|[a-z]+)$/, "");

async function atlas({ client, folder, looks, finished }: Result): Promise<void> {
  const images = finished.files.filter((f) =>
    /^(mean|std|log-jacobian|probability|labels)[^/]*\.(png|nii\.gz|npy|nii|mha|nrrd)$/.test(f.name),
  );
  const viewer = new Viewer("Atlas");
  looks.append(el("p", { class: "note" }, `${finished.files.length} files were written.`), viewer.root);
  const layers: Layer[] = [];
  for (const f of images)
    layers.push(
      ...(await client.ask<"look">({
        kind: "look",
        paths: [`${folder}/${f.name}`],
        names: [stem(f.name)],
        labels: f.name.startsWith("labels"),
      })),
    );
  const same = layers.filter((l) => l.place.size.join() === layers[0].place.size.join());
  const [mean, labels] = [same.findIndex((l) => l.name === "mean"), same.findIndex((l) => l.labels)];
  viewer.show(same, mean >= 0 && labels >= 0 ? { pair: [mean, labels], mode: `layer-${mean}` } : {});
}

async function segment({ client, paths, folder, looks, file, finished }: Result): Promise<void> {
  const labels = file(/^labels\./);
  if (!labels) return;
  const volumes = (finished.json.volumes ?? []) as { label: number; voxels: number; volume: number }[];
  const viewer = new Viewer("The labels on the image");
  const [image] = await client.ask<"look">({ kind: "look", paths: [paths.target[0]], names: ["image"] });
  const [map] = await client.ask<"look">({ kind: "look", paths: [`${folder}/${labels.name}`], names: ["labels"], labels: true });
  looks.append(viewer.root);
  viewer.show([image, map], { pair: [0, 1], mode: "overlay" });
  if (volumes.length === 0) return;
  const unit = image.place.size.length === 3 ? "volume, mm³" : "area, mm²";
  looks.append(
    el(
      "section",
      { "aria-label": "Sizes" },
      el("h3", {}, "Sizes"),
      el(
        "div",
        { class: "wide" },
        el(
          "table",
          {},
          el("thead", {}, el("tr", {}, ...["label", "samples", unit].map((h) => el("th", { scope: "col" }, h)))),
          el(
            "tbody",
            {},
            ...volumes.map((v) =>
              el("tr", {}, el("td", {}, String(v.label)), el("td", {}, String(v.voxels)), el("td", {}, String(v.volume))),
            ),
          ),
        ),
      ),
    ),
  );
}
