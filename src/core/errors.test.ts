import { expect, test } from "vitest";
import * as errors from "./errors.js";

test("an error's name is written out, so that a minified page says it too", () => {
  for (const [name, Kind] of Object.entries(errors)) {
    expect(new Kind("why").name).toBe(name);
    expect(Object.hasOwn(new Kind("why"), "name")).toBe(true); // not the class's name, which a minifier changes
    expect(Kind.toString()).toContain(`"${name}"`);
  }
});
