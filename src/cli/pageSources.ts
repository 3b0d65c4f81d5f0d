import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Written beside the page when it is built: what it was built from. */
export interface PageStamp {
  readonly version: string;
  /** Of the sources, as `pageSources` makes it. */
  readonly sources: string;
}
export const stampFile = "built.json";

/** A hash of everything that the page is built from, in a checkout: names and contents of app/, src/ and the guides whose tables it shows. */
export function pageSources(root: string): string {
  const files = (folder: string, wanted: (name: string) => boolean): string[] =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
          .filter((e) => e.isFile() && wanted(e.name))
          .map((e) => join(e.parentPath, e.name))
      : [];
  const code = (name: string) => /\.(ts|css|html|svg)$/.test(name) && !name.endsWith(".test.ts");
  const guides = ["registration.md", "metrics.md", "regularisers.md", "restoration.md"];
  const hash = createHash("sha256");
  for (const file of [...files("app", code), ...files("src", code), ...files("docs", (n) => guides.includes(n))].sort())
    hash.update(file.slice(root.length).replaceAll("\\", "/")).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** Whether a built page is there, and is of this version and, where they are known, of these sources. */
export function pageState(folder: string, now: { readonly version: string; readonly sources?: string }): "missing" | "stale" | "current" {
  if (!existsSync(join(folder, "index.html"))) return "missing";
  try {
    const stamp = JSON.parse(readFileSync(join(folder, stampFile), "utf8")) as PageStamp;
    return stamp.version === now.version && (now.sources === undefined || stamp.sources === now.sources) ? "current" : "stale";
  } catch {
    return "stale"; // from before there were stamps, or not whole
  }
}
