import { el } from "../dom.js";
import { type Result, Task } from "../task.js";
import { Viewer } from "../viewer.js";

/** Features of two pictures and the homography between them; many pictures and their mosaic. */
export function picturesTab(): Task {
  return new Task(
    "Features and mosaic",
    "Pictures of one plane, or taken from one place: the homography between two, or all of them joined.",
    [
      {
        id: "homography",
        label: "The homography between two pictures",
        command: "homography",
        slots: [
          { key: "a", label: "Picture A", help: "H takes its pixel centres to B." },
          { key: "b", label: "Picture B", help: "The other view." },
        ],
        first: ["detector", "refine", "fast"],
        example: { name: "pictures", slots: ["a", "b"] },
        show: homography,
      },
      {
        id: "mosaic",
        label: "A mosaic of two or more pictures",
        command: "mosaic",
        slots: [
          { key: "views", label: "Views", help: "Two or more overlapping pictures, taken from one place, in any order.", many: true },
        ],
        first: ["projection", "scale"],
        example: { name: "views", slots: ["views"] },
        show: mosaic,
      },
    ],
  );
}
async function homography({ client, paths, folder, looks, file, finished }: Result): Promise<void> {
  const { H, figures } = finished.json as { H?: number[][]; figures: { keypoints: number[]; matches: number; inliers: number } };
  const tile = (label: string, value: string | number) => el("li", {}, el("span", {}, label), el("b", {}, String(value)));
  looks.append(
    el(
      "ul",
      { class: "figures" },
      tile("points", figures.keypoints.join(" and ")),
      tile("matches", figures.matches),
      tile("agree", figures.inliers),
    ),
  );
  if (H)
    looks.append(
      el(
        "section",
        { "aria-label": "H" },
        el("h3", {}, "H, pixel centres of A to B"),
        el("pre", { tabindex: "0" }, H.map((row) => row.map((v) => Number(v.toPrecision(8))).join("  ")).join("\n")),
      ),
    );
  if (file("warped.png")) {
    const viewer = new Viewer("A, and B on A");
    looks.append(viewer.root);
    viewer.show(await client.ask<"look">({ kind: "look", paths: [paths.a[0], `${folder}/warped.png`], names: ["A", "B on A"] }), {
      pair: [0, 1],
      mode: "checker",
    });
  }
  const matches = file("matches.svg");
  if (matches) {
    const url = URL.createObjectURL(new Blob([matches.bytes], { type: "image/svg+xml" }));
    looks.append(
      el(
        "section",
        { "aria-label": "Matches" },
        el("h3", {}, "Matches"),
        el("img", {
          src: url,
          class: "wide-picture",
          alt: `${figures.inliers} of ${figures.matches} matches agree with the homography (green)`,
        }),
      ),
    );
  }
}
async function mosaic({ client, folder, looks, file, finished }: Result): Promise<void> {
  const { figures } = finished.json as { figures: { views: number; placed: number; focal?: number; projection?: string } };
  const tile = (label: string, value: string | number) => el("li", {}, el("span", {}, label), el("b", {}, String(value)));
  looks.append(
    el(
      "ul",
      { class: "figures" },
      tile("views", figures.views),
      tile("placed", figures.placed),
      ...(figures.focal ? [tile("focal length", `${figures.focal.toFixed(0)} pixels`)] : []),
      ...(figures.projection ? [tile("projection", figures.projection)] : []),
    ),
  );
  if (!file("mosaic.png")) return;
  const viewer = new Viewer("Mosaic");
  looks.append(viewer.root);
  viewer.show(await client.ask<"look">({ kind: "look", paths: [`${folder}/mosaic.png`], names: ["mosaic"] }));
}
