import { el } from "../dom.js";
import { type Kind, type Result, Task } from "../task.js";
import { Viewer } from "../viewer.js";

/** One image in, a better one out: noise, blur, holes, too few samples. */
export function restoreTab(): Task {
  const image = { key: "image", label: "Image", help: "What was measured: a picture, a volume, an array." };
  const kind = (id: string, label: string, more: Partial<Kind>): Kind => ({
    id,
    label,
    command: id,
    slots: [image, ...(more.slots ?? [])],
    first: ["prior", "lambda", "sigma", ...(more.first ?? [])],
    without: more.without,
    start: more.start,
    more: more.more ?? { prior: ["red:bm3d", "red:nlm", "red:learned"] },
    example: more.example,
    show,
  });
  return new Task(
    "Restore",
    "minimise ½‖Ax − d‖² + λ R(x): A is what happened to the image, R what a likely image looks like, λ how much that counts.",
    [
      kind("denoise", "Take noise out (A is the identity)", { example: { name: "noisy", slots: ["image"] } }),
      kind("deblur", "Undo a blur (A is a convolution)", {
        slots: [
          {
            key: "kernel",
            label: "Blur kernel",
            help: "A .npy array or an image; without one it is found together with the picture.",
            otherwise: "blind",
            option: "kernel",
            optional: true,
          },
        ],
        first: ["boundary"],
        without: ["operator"],
      }),
      kind("inpaint", "Fill in what is missing (A takes the known samples)", {
        slots: [{ key: "mask", label: "Mask", help: "Where the image is known: not 0.", option: "mask" }],
      }),
      kind("superres", "A finer image (A blurs and takes fewer samples)", {
        first: ["scale"],
        start: { scale: "2" },
        more: { prior: ["model:super-resolution"] },
        without: ["frames", "motion", "psf", "pixel", "brightness", "jacobian"],
      }),
    ],
  );
}

async function show({ client, paths, folder, looks, file, finished }: Result): Promise<void> {
  const restored = file(/^restored/)?.name;
  if (!restored) return;
  const [viewer, residual] = [new Viewer("Measured and restored"), new Viewer("Measured minus restored")];
  const f = finished.json.figures as Record<string, number | string> | undefined;
  const shown = ["lambda", "objective", "residual", "iterations", "solver"].filter((k) => f?.[k] !== undefined);
  looks.append(
    el(
      "ul",
      { class: "figures" },
      ...shown.map((k) =>
        el(
          "li",
          {},
          el("span", {}, k === "lambda" ? "λ" : k),
          el("b", {}, typeof f?.[k] === "number" ? String(Number((f[k] as number).toPrecision(4))) : String(f?.[k])),
        ),
      ),
    ),
    viewer.root,
    residual.root,
  );
  const [before, after] = await client.ask<"look">({
    kind: "look",
    paths: [paths.image[0], `${folder}/${restored}`],
    names: ["measured", "restored"],
    together: true,
  });
  if (before.place.size.join() !== after.place.size.join()) {
    // Of another size: side by side, not one over the other.
    viewer.show([after]);
    residual.root.querySelector("h3")?.replaceChildren("Measured");
    residual.show([before]);
    return;
  }
  viewer.show([before, after], { pair: [0, 1], mode: "curtain" });
  residual.show([await client.ask<"difference">({ kind: "difference", a: paths.image[0], b: `${folder}/${restored}`, name: "residual" })]);
}
