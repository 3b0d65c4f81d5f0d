// What a page loads for one line of code: the built package, bundled and shaken by vite, without anything outside of it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { root } from "./machine.mjs";

/** A module bundled from `code`, in which "pullback/NAME" is the built package's; its text, and its size in bytes as it is and gzipped. */
export async function bundle(code) {
  const folder = mkdtempSync(join(tmpdir(), "pullback-bundle-"));
  try {
    const entry = join(folder, "entry.js");
    writeFileSync(
      entry,
      code.replace(/"pullback(?:\/([^"]+))?"/g, (_, name = "") => JSON.stringify(join(root, "dist", name, "index.js"))),
    );
    const result = await build({
      root: folder,
      configFile: false,
      logLevel: "error",
      build: { write: false, target: "esnext", minify: true, lib: { entry, formats: ["es"], fileName: "bundle" }, modulePreload: false },
    });
    const { output } = Array.isArray(result) ? result[0] : result;
    const text = output.map((o) => o.code ?? o.source).join("\n");
    return { text, files: output.length, bytes: Buffer.byteLength(text), gzip: gzipSync(text, { level: 9 }).length };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
/** Entries that are measured. */
export const entries = {
  "homography of two pictures": 'export { homography } from "pullback/vision"; export { image } from "pullback/image";',
  "features and matches": 'export { matchFeatures, orb, sift } from "pullback/features"; export { image } from "pullback/image";',
  "all of features and vision":
    'export * from "pullback/features"; export * from "pullback/vision"; export { image } from "pullback/image";',
  "all of the core entry": 'export * from "pullback";',
};
