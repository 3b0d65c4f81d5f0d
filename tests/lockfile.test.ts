import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./built.js";

interface Entry {
  readonly resolved?: string;
  readonly optionalDependencies?: Record<string, string>;
}
const lockfiles = ["package-lock.json", "demo/package-lock.json", "docs/package-lock.json"];
const packagesOf = (file: string): Record<string, Entry> => JSON.parse(readFileSync(join(root, file), "utf8")).packages;

test.each(lockfiles)("%s names every platform's variant of a package, else npm ci refuses it", (file) => {
  const packages = packagesOf(file);
  // A registry that lacks other platforms' variants makes npm leave them out: copy the lines of one that is there.
  const missing = Object.entries(packages).flatMap(([at, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`${at}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});

test.each(lockfiles)("%s takes packages from the public registry", (file) => {
  const elsewhere = Object.values(packagesOf(file)).filter(
    ({ resolved }) => resolved && !resolved.startsWith("https://registry.npmjs.org/"),
  );
  expect(elsewhere).toEqual([]);
});
