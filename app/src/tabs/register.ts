import { el } from "../dom.js";
import { placed } from "../files.js";
import { HandStart } from "../handStart.js";
import { Landmarks } from "../landmarks.js";
import type { Layer } from "../protocol.js";
import { type Result, Task } from "../task.js";
import { Viewer } from "../viewer.js";

/** Two images in, the moving one aligned with the fixed one out, and ways to look whether it is. */
export function registerTab(): Task {
  const own = { fixed: new Viewer("Fixed, as it came", { picks: true }), moving: new Viewer("Moving, as it came", { picks: true }) };
  const landmarks = new Landmarks(own.fixed, own.moving, () => task.changed());
  const start = new HandStart(() => task.changed());
  const task = new Task(
    "Register",
    "Align a moving image with a fixed one: volumes (NIfTI, MetaImage, NRRD, a DICOM folder) or pictures (PNG, JPEG, TIFF).",
    [
      {
        id: "register",
        label: "Register",
        command: "register",
        slots: [
          { key: "fixed", label: "Fixed image", help: "The image that stays: drop it here, or choose it." },
          { key: "moving", label: "Moving image", help: "The image that is brought onto it." },
          { key: "fixed-mask", label: "Fixed mask", help: "Where fixed counts: positive values.", option: "fixedMask", optional: true },
          { key: "moving-mask", label: "Moving mask", help: "Where moving counts.", option: "movingMask", optional: true },
        ],
        first: ["preset", "metric"],
        without: ["fixedPoints", "movingPoints", "matching", "outliers", "smoothness", "reach", "stiffness", "paired"],
        example: { name: "volumes", slots: ["fixed", "moving"] },
        show,
      },
    ],
  );
  const before = el(
    "details",
    { class: "before" },
    el("summary", {}, "The images as they came, and landmarks"),
    el("div", { class: "pair" }, own.fixed.root, own.moving.root),
    landmarks.root,
  );
  before.hidden = true;
  task.add(before);
  task.add(start.root);

  let shown = "";
  task.onfiles = async (_, slots) => {
    const [fixed, moving] = [slots.get("fixed"), slots.get("moving")];
    const { paths } = placed([...slots].map(([key, s]) => ({ key, taken: s.taken })));
    landmarks.root.hidden = !(fixed?.taken.length && moving?.taken.length);
    before.hidden = !(fixed?.taken.length || moving?.taken.length);
    const key = JSON.stringify(
      [fixed?.taken, moving?.taken].map((t) => t?.map((x) => [x.name, x.files.map((f) => [f.file.size, f.file.lastModified])])),
    );
    if (key === shown) return;
    shown = key;
    landmarks.clear();
    start.show(undefined, undefined);
    const there: { fixed?: Layer; moving?: Layer } = {};
    for (const which of ["fixed", "moving"] as const) {
      const path = paths[which]?.[0];
      if (!path) {
        own[which].show([]);
        continue;
      }
      try {
        const layers = await task.client.ask<"look">({ kind: "look", paths: [path], names: [which] });
        if (key !== shown) return; // other files have come meanwhile
        own[which].show(layers);
        there[which] = layers[0];
      } catch {
        own[which].show([]); // the run will say what is wrong with the file
      }
    }
    start.show(there.fixed, there.moving);
  };
  task.further = (): ReturnType<Task["further"]> => {
    const points = landmarks.used && landmarks.pairs.length > 0;
    return {
      files: [
        ...(points
          ? (["fixed", "moving"] as const).map((w) => ({
              path: `${w}-points.csv`,
              file: new File([landmarks.csv(w)], `${w}-points.csv`),
            }))
          : []),
        ...(start.used ? [{ path: "start.tfm", file: new File([start.file], "start.tfm") }] : []),
      ],
      options: {
        ...(points && { fixedPoints: "fixed-points.csv", movingPoints: "moving-points.csv" }),
        ...(start.used && { init: "start.tfm" }),
      },
      flags: [
        ...(points ? ["--fixed-points", "fixed-points.csv", "--moving-points", "moving-points.csv"] : []),
        ...(start.used ? ["--init", "start.tfm"] : []),
      ],
    };
  };

  async function show({ client, paths, folder, looks, finished, file }: Result): Promise<void> {
    const viewer = new Viewer("Fixed and moving, aligned");
    looks.append(figures(finished.json), viewer.root);
    const { layers, deformation } = await client.ask<"registration">({
      kind: "registration",
      fixed: paths.fixed[0],
      moving: paths.moving[0],
      folder,
    });
    viewer.show(layers, { pair: [0, 2], deformation, mode: "overlay" });
    viewer.onmove = () => {
      if (own.fixed.place && viewer.place) own.fixed.goTo(viewer.point);
    };
    landmarks.map = (points) => client.ask<"map">({ kind: "map", transform: `${folder}/transform.json`, points });
    await landmarks.update();
    void file;
  }
  return task;
}

/** The figures that every registration reports. */
function figures(json: Record<string, unknown>): HTMLElement {
  const f = json.figures as {
    before: number;
    after: number;
    overlap: number;
    folded: number;
    jacobian: { min: number; max: number };
    inverseConsistency: { meanVoxels: number };
  };
  const tile = (label: string, value: string) => el("li", {}, el("span", {}, label), el("b", {}, value));
  const n = (v: number | null) => (v === null || !Number.isFinite(v) ? "–" : Math.abs(v) < 1e-9 ? "0" : String(Number(v.toPrecision(4))));
  return el(
    "ul",
    { class: "figures" },
    tile(`${json.metric} before`, n(f.before)),
    tile(`${json.metric} after`, n(f.after)),
    tile("overlap", `${n(100 * f.overlap)} %`),
    tile("folded", `${n(100 * f.folded)} %`),
    tile("det J", f.jacobian.min === f.jacobian.max ? n(f.jacobian.min) : `${n(f.jacobian.min)} … ${n(f.jacobian.max)}`),
    tile("there and back", `${n(f.inverseConsistency.meanVoxels)} voxels`),
  );
}
