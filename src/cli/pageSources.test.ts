import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pageSources, pageState, stampFile } from "./pageSources.js";

const folder = () => mkdtempSync(join(tmpdir(), "pullback-page-"));

test("the hash follows names and contents of the sources, and no tests", () => {
  const root = `${folder()}/`;
  mkdirSync(join(root, "app/src"), { recursive: true });
  mkdirSync(join(root, "src"));
  writeFileSync(join(root, "app/src/main.ts"), "1");
  writeFileSync(join(root, "src/a.ts"), "2");
  const first = pageSources(root);
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  writeFileSync(join(root, "src/a.test.ts"), "3");
  expect(pageSources(root)).toBe(first);
  writeFileSync(join(root, "src/a.ts"), "4");
  const second = pageSources(root);
  expect(second).not.toBe(first);
  writeFileSync(join(root, "src/a.ts"), "2");
  expect(pageSources(root)).toBe(first);
  writeFileSync(join(root, "src/b.ts"), "");
  expect(pageSources(root)).not.toBe(first);
});

test("a page is stale when it is of another version or of other sources, or does not say", () => {
  const at = folder();
  const now = { version: "1.2.3", sources: "abc" };
  expect(pageState(at, now)).toBe("missing");
  writeFileSync(join(at, "index.html"), "<!doctype html>");
  expect(pageState(at, now)).toBe("stale");
  const stamped = (stamp: object) => writeFileSync(join(at, stampFile), JSON.stringify(stamp));
  stamped({ version: "1.2.3", sources: "abc" });
  expect(pageState(at, now)).toBe("current");
  stamped({ version: "1.2.3", sources: "def" });
  expect(pageState(at, now)).toBe("stale");
  expect(pageState(at, { version: "1.2.3" })).toBe("current"); // a package has no sources to compare with
  stamped({ version: "1.2.2", sources: "abc" });
  expect(pageState(at, now)).toBe("stale");
  expect(pageState(at, { version: "1.2.3" })).toBe("stale");
});
