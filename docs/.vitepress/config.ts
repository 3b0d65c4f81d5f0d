import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const docs = join(dirname(fileURLToPath(import.meta.url)), "..");
const page = (text: string, link: string) => ({ text, link: `/${link}` });
const listed = (folder: string) =>
  readdirSync(join(docs, folder))
    .filter((f) => /^\d{4}-.*\.md$/.test(f))
    .map((f) => page(f.replace(/^(\d+)-(.*)\.md$/, (_, n: string, t: string) => `${n} ${t.replaceAll("-", " ")}`), `${folder}/${f.replace(/\.md$/, "")}`));

/** Built by `npm run docs`; nothing is loaded from elsewhere, the search included. */
export default defineConfig({
  title: "Pullback",
  description: "Image registration and inverse problems in Node and the browser",
  cleanUrls: true,
  lastUpdated: false,
  srcExclude: ["node_modules/**"],
  // README, CHANGELOG and others lie outside of the guide; /api/ is made by TypeDoc beside it.
  ignoreDeadLinks: [/^(\.\/)?\.\.\//, /\/api\//, /CONTRIBUTING|CHANGELOG|bench\/README/],
  markdown: { theme: { light: "github-light", dark: "github-dark" } },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [page("Guide", "lesson"), page("Commands", "reference/commands"), { text: "API", link: "/api/index.html", target: "_self" }, page("Benchmarks", "reference/benchmarks")],
    sidebar: [
      { text: "Begin", items: [page("Two equations: a lesson", "lesson"), page("Coming from other programs", "coming-from"), page("Conventions", "conventions"), page("The page in the browser", "page")] },
      {
        text: "Align",
        items: [
          page("Two images", "registration"),
          page("Where it begins", "initialisation"),
          page("Metrics", "metrics"),
          page("Transforms", "transforms"),
          page("Regularisers", "regularisers"),
          page("Linear models", "linear"),
          page("Homotopy", "homotopy"),
          page("Flows", "lddmm"),
          page("How sure it is", "uncertainty"),
          page("Points", "points"),
          page("Series", "series"),
          page("Dynamics", "dynamics"),
          page("Groups and atlases", "atlases"),
          page("Batches", "batch"),
        ],
      },
      {
        text: "Pictures",
        items: [
          page("Features and homographies", "vision"),
          page("Detectors compared", "detectors"),
          page("Planar objects", "recognition"),
          page("Flow and stereo", "flow"),
          page("Tracking", "tracking"),
          page("Mosaics", "mosaic"),
          page("Odometry", "odometry"),
        ],
      },
      {
        text: "Restore",
        items: [
          page("Restoration", "restoration"),
          page("Denoisers", "denoisers"),
          page("Super-resolution", "superresolution"),
          page("Computed tomography", "ct"),
          page("Magnetic resonance", "mr"),
          page("Operators and solvers", "operators"),
          page("Optimisers", "optimisers"),
        ],
      },
      { text: "Learn", items: [page("Networks and training", "learning"), page("A learned denoiser", "learned-denoiser"), page("Deep image prior", "deep-image-prior"), page("Generative priors", "generative-priors"), page("Classes of reconstruction", "classes"), page("Learned super-resolution", "learned-superresolution"), page("Learned vision", "learned-vision"), page("Neural differential equations", "neuralOde"), page("ONNX", "onnx")] },
      { text: "Reference", items: [page("Commands", "reference/commands"), page("Parts", "reference/parts"), page("Methods", "reference/methods"), page("Benchmarks", "reference/benchmarks"), page("Limits", "limits")] },
      { text: "Decisions", collapsed: true, items: [page("All", "decisions/README"), ...listed("decisions")] },
    ],
  },
});
