import { curvePlot } from "../../../src/report/curvePlot.js";
import { el } from "../dom.js";
import { placed } from "../files.js";
import { player } from "../player.js";
import type { Layer } from "../protocol.js";
import { type Result, Task } from "../task.js";
import { type Box, Viewer } from "../viewer.js";

const frames = { key: "series", label: "Series", help: "One file with a time axis, or the frames in order.", many: true } as const;

/** A series of frames brought onto each other; a box or structures followed through it. */
export function seriesTab(): Task {
  const first = new Viewer("The first frame: draw the box on it", {
    onbox: (box) => {
      first.box = box;
      task.set({ box: [box.x, box.y, box.width, box.height].join(",") });
    },
  });
  const task: Task = new Task("Series and tracking", "Motion in a series is taken out, or a box or structures are followed through it.", [
    {
      id: "motion",
      label: "Correct motion",
      command: "motion",
      slots: [
        frames,
        { key: "mask", label: "Mask", help: "Where motion is measured: positive values.", option: "mask", optional: true },
        { key: "labels", label: "Regions", help: "A label map, whose means over time are written.", option: "labels", optional: true },
      ],
      first: ["model", "reference"],
      without: ["times", "input"],
      example: { name: "series", slots: ["series"] },
      show: motion,
    },
    {
      id: "box",
      label: "Follow a box through pictures",
      command: "track",
      slots: [frames],
      first: ["box", "pose", "search"],
      needed: { box: "draw a box on the first frame, or write x,y,w,h" },
      without: ["labels", "start"],
      example: { name: "film", slots: ["series"], options: { box: "36,34,25,25" } },
      show: followed,
    },
    {
      id: "labels",
      label: "Follow structures through a series",
      command: "track",
      slots: [frames, { key: "labels", label: "Label map", help: "Of one frame: whole numbers, 0 is no structure.", option: "labels" }],
      first: ["start"],
      without: ["box", "pose", "search"],
      example: { name: "labelledSeries", slots: ["series", "labels"] },
      show: structures,
    },
  ]);
  const drawing = el("div", { class: "drawing" }, first.root);
  drawing.hidden = true;
  task.add(drawing);
  let shown = "";
  const draw = async (): Promise<void> => {
    const { kind, slots } = task;
    const taken = slots.get("series")?.taken ?? [];
    drawing.hidden = kind.id !== "box" || taken.length === 0;
    if (drawing.hidden) return;
    const { paths } = placed([...slots].map(([key, s]) => ({ key, taken: s.taken })));
    const key = `${paths.series[0]} ${taken[0].files[0].file.size}`;
    if (key !== shown) {
      shown = key;
      first.box = undefined;
      try {
        first.show(await task.client.ask<"look">({ kind: "look", paths: [paths.series[0]], names: ["first frame"] }));
      } catch {
        first.show([]); // the run will say what is wrong with the file
      }
    }
    const numbers = String(task.values.box ?? "")
      .split(",")
      .map(Number);
    first.box =
      numbers.length === 4 && numbers.every(Number.isFinite)
        ? { x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3] }
        : undefined;
  };
  task.onfiles = () => void draw();
  task.onchange = () => void draw();
  return task;
}

const images = /\.(nii\.gz|npy|nii|mha|nrrd|png|tiff?)$/;
/** The files of a series that a run has written, in order. */
const written = ({ finished, folder }: Result, name: string): string[] =>
  finished.files
    .map((f) => f.name)
    .filter((n) => n.startsWith(name) && images.test(n))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .map((n) => `${folder}/${n}`);
const frameOf = (layers: readonly Layer[], t: number, count: number): Layer =>
  layers[Math.min(layers.length - 1, Math.floor((t * layers.length) / count))];

async function motion(result: Result): Promise<void> {
  const { client, folder, looks, file, paths } = result;
  const corrected = written(result, "corrected");
  if (corrected.length === 0) return;
  const [one, mean] = [new Viewer("The series, as it came and corrected"), new Viewer("Mean of the corrected frames")];
  const before = await client.ask<"frames">({ kind: "frames", paths: paths.series, name: "frame" });
  const after = await client.ask<"frames">({ kind: "frames", paths: corrected, name: "corrected" });
  const count = Math.max(before.count, after.count);
  const at = (t: number): Layer[] => [
    { ...frameOf(before.layers, t, count), name: "as it came" },
    { ...frameOf(after.layers, t, count), name: "corrected" },
  ];
  looks.append(
    player(count, (t) => one.swap(at(t))),
    one.root,
    mean.root,
  );
  one.show(at(0), { pair: [0, 1], mode: "layer-1" });
  const csv = file("motion.csv");
  if (csv) {
    const { columns } = tableOf(csv.bytes);
    looks.append(plotOf("Displacement from the reference, mm", [{ name: "displacement", values: columns.displacement ?? [] }], "mm"));
  }
  const m = file(/^mean/);
  if (m) mean.show(await client.ask<"look">({ kind: "look", paths: [`${folder}/${m.name}`], names: ["mean"] }));
}

/** A table with a header: its columns by name. */
function tableOf(bytes: Uint8Array): { columns: Record<string, number[]>; length: number } {
  const [head, ...rows] = new TextDecoder().decode(bytes).trim().split("\n");
  const cells = rows.map((r) => r.split(",").map(Number));
  return { columns: Object.fromEntries(head.split(",").map((name, k) => [name, cells.map((r) => r[k])])), length: cells.length };
}
function plotOf(title: string, curves: { name: string; values: number[] }[], yLabel: string): HTMLElement {
  const drawn = el("div", { class: "curve" });
  drawn.innerHTML = curvePlot(curves, { xLabel: "frame", yLabel, title });
  return el("section", { "aria-label": title }, el("h3", {}, title), drawn);
}

async function followed({ client, looks, file, paths }: Result): Promise<void> {
  const csv = file("boxes.csv");
  if (!csv) return;
  const { columns: c, length } = tableOf(csv.bytes);
  const viewer = new Viewer("The box through the series");
  const { layers } = await client.ask<"frames">({ kind: "frames", paths: paths.series, name: "frame" });
  const boxAt = (t: number): Box => ({ x: c.x[t], y: c.y[t], width: c.w[t], height: c.h[t], lost: c.lost[t] === 1 });
  looks.append(
    player(length, (t) => {
      viewer.swap([frameOf(layers, t, length)]);
      viewer.box = boxAt(t);
    }),
    viewer.root,
    plotOf("Confidence", [{ name: "confidence", values: c.confidence }], "0 to 1"),
  );
  viewer.show([layers[0]]);
  viewer.box = boxAt(0);
}

async function structures(result: Result): Promise<void> {
  const { client, looks, file, paths } = result;
  const carried = written(result, "labels");
  if (carried.length === 0) return;
  const viewer = new Viewer("The structures through the series");
  const before = await client.ask<"frames">({ kind: "frames", paths: paths.series, name: "frame" });
  const labels = await client.ask<"frames">({ kind: "frames", paths: carried, name: "labels", labels: true });
  const count = before.count;
  const at = (t: number): Layer[] => [
    { ...frameOf(before.layers, t, count), name: "frame" },
    { ...frameOf(labels.layers, t, count), name: "labels" },
  ];
  looks.append(
    player(count, (t) => viewer.swap(at(t))),
    viewer.root,
  );
  viewer.show(at(0), { pair: [0, 1], mode: "outline" });
  const csv = file("curves.csv");
  if (!csv) return;
  const { columns: c } = tableOf(csv.bytes);
  const size = c.volume ? "volume" : "area";
  const names = [...new Set(c.label)];
  looks.append(
    plotOf(
      size === "volume" ? "Volume, mm³" : "Area, mm²",
      names.map((l) => ({ name: `label ${l}`, values: c[size].filter((_, i) => c.label[i] === l) })),
      size === "volume" ? "mm³" : "mm²",
    ),
  );
}
