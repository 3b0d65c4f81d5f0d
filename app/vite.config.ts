import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin, runnerImport } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

/** The commands run in the worker as they are: what they ask of Node is answered from memory. */
const host = (): Plugin => ({
  name: "pullback:host",
  enforce: "pre",
  resolveId(source, importer) {
    if (source === "./version.js" && importer?.includes("/src/cli/")) return join(here, "src/host/version.ts");
    if (source === "../version.js" && importer?.includes("/src/cli/")) return join(here, "src/host/version.ts");
    // An atlas that is shared out to other machines: not from a page.
    if (importer?.endsWith("/src/cli/commands/atlas.ts") && ["../atlasBatch.js", "../batchWork.js", "./batch.js"].includes(source))
      return join(here, "src/host/sharedOut.ts");
    // DICOM is read by a package of its own, which takes paths in Node and bytes here.
    if (source === "./dicom.js" && importer?.endsWith("/src/io/node.ts")) return join(here, "src/host/dicom.ts");
    // Formats of other packages, megabytes each: the page says how to convert them instead.
    if (/^(h5wasm(\/node)?|zarrita|@itk-wasm\/image-io)$/.test(source)) return join(here, "src/host/absent.ts");
    const builtin = /^node:(fs|path|crypto|url)$/.exec(source);
    if (builtin && existsSync(join(here, "src/host", `${builtin[1]}.ts`))) return join(here, "src/host", `${builtin[1]}.ts`);
    return undefined;
  },
});
/** Weights lie beside the library already: the page loads them from `weights/`, where `pullback serve` shows those, and does not carry them again. */
const weights = (): Plugin => ({
  name: "pullback:weights",
  enforce: "pre",
  transform(code, id) {
    if (!id.endsWith("/src/models/models.ts")) return undefined;
    // Seen from assets/; in a form that is no asset to be copied.
    return code.replace(
      /import\("\.\/weights\/(\w+)\.js"\)/g,
      'import(/* @vite-ignore */ new URL(["../weights/$1", "js"].join("."), import.meta.url).href)',
    );
  },
});
/** Forms and their words, taken from the commands and the guides when the page is built. */
const description = (): Plugin => ({
  name: "pullback:description",
  resolveId: (source) => (source === "virtual:description" ? "\0virtual:description" : undefined),
  async load(id) {
    if (id !== "\0virtual:description") return undefined;
    const { module } = await runnerImport<typeof import("./describe.js")>(join(here, "describe.ts"), { configFile: false, root });
    return `export const description = ${JSON.stringify(module.description)};`;
  },
});

/** What the page was built from, beside it: `pullback serve` compares. */
const stamp = (): Plugin => ({
  name: "pullback:stamp",
  async generateBundle() {
    const { module } = await runnerImport<typeof import("../src/cli/pageSources.js")>(join(root, "src/cli/pageSources.ts"), {
      configFile: false,
      root,
    });
    this.emitFile({
      type: "asset",
      fileName: module.stampFile,
      source: `${JSON.stringify({ version, sources: module.pageSources(`${root}/`) })}\n`,
    });
  },
});

/** The one WebAssembly program that reads DICOM, beside the page: loaded when a DICOM folder comes. */
const pipelines = (): Plugin => ({
  name: "pullback:pipelines",
  generateBundle() {
    const folder = join(root, "node_modules/@itk-wasm/dicom/dist/pipelines");
    for (const ending of ["js", "wasm.zst"]) {
      const name = `read-image-dicom-file-series.${ending}`;
      this.emitFile({ type: "asset", fileName: `pipelines/${name}`, source: readFileSync(join(folder, name)) });
    }
  },
});

export default defineConfig({
  root: here,
  base: "./",
  publicDir: join(here, "public"),
  plugins: [host(), weights(), description(), stamp(), pipelines()],
  worker: { format: "es", plugins: () => [host(), weights()] },
  define: { __PULLBACK_VERSION__: JSON.stringify(version) },
  build: {
    outDir: join(root, "dist/page"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
