import { el } from "../dom.js";
import { type Result, Task } from "../task.js";
import { Viewer } from "../viewer.js";

/** What a scanner measured in, an image out. */
export function reconstructTab(): Task {
  const both = ["prior", "lambda"];
  return new Task(
    "Reconstruct",
    "An image from a sinogram (computed tomography) or from k-space (magnetic resonance), both as NumPy arrays (.npy).",
    [
      {
        id: "ct",
        label: "Computed tomography",
        command: "reconstruct",
        words: ["ct"],
        slots: [{ key: "sinogram", label: "Sinogram", help: "Line integrals, a row for every view (.npy)." }],
        first: ["angles", "geometry", ...both],
        example: { name: "sinogram", slots: ["sinogram"] },
        show,
      },
      {
        id: "mr",
        label: "Magnetic resonance",
        command: "reconstruct",
        words: ["mr"],
        slots: [
          { key: "kspace", label: "k-space", help: "Complex, centred, orthonormal; [h, w] or [coils, h, w] (.npy)." },
          { key: "mask", label: "Mask", help: "Non-zero where k-space was measured.", option: "mask", optional: true },
          {
            key: "maps",
            label: "Coil sensitivities",
            help: "Without them, several coils are calibrated by ESPIRiT.",
            option: "maps",
            optional: true,
          },
        ],
        first: both,
        more: { prior: ["pnp:bm3d", "pnp:nlm", "pnp:learned"] },
        without: ["dynamic", "size", "gate", "height"],
        example: { name: "kspace", slots: ["kspace", "mask"] },
        show,
      },
    ],
  );
}
async function show({ client, folder, looks, finished, file }: Result): Promise<void> {
  const f = { ...finished.json, ...(finished.json.figures as object | undefined) } as Record<string, unknown>;
  const shown = ["prior", "lambda", "objective", "gap", "iterations", "solver", "noise"].filter(
    (k) => typeof f[k] === "number" || typeof f[k] === "string",
  );
  looks.append(
    el(
      "ul",
      { class: "figures" },
      ...shown.map((k) =>
        el(
          "li",
          {},
          el("span", {}, k === "lambda" ? "λ" : k),
          el("b", {}, typeof f[k] === "number" ? String(Number((f[k] as number).toPrecision(4))) : String(f[k])),
        ),
      ),
    ),
  );
  const image = file(/^(image|reconstruct|slice|restored|frames).*\.(npy|png|nii\.gz)$/) ?? file(/\.(npy|nii\.gz|png)$/);
  if (!image) return;
  const viewer = new Viewer("Reconstruction");
  looks.append(viewer.root);
  viewer.show(await client.ask<"look">({ kind: "look", paths: [`${folder}/${image.name}`], names: ["image"] }));
}
