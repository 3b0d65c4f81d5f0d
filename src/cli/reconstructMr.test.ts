import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readNpy, writeNpy } from "../io/index.js";
import { coilPhantom } from "../reconstruction/index.js";
import { Tensor } from "../tensor/index.js";
import { command } from "./commands/reconstruct.js";
import { Session } from "./session.js";

const place = mkdtempSync(join(tmpdir(), "pullback-mr-"));
test("reconstruct mr --prior dictionary writes an image of its own size, and says by what", async () => {
  const mask = Tensor.from(
    Float32Array.from({ length: 48 }, (_, k) => (Math.abs(k - 24) < 6 || k % 3 === 0 ? 1 : 0)),
    [48, 1],
  );
  const kspace = coilPhantom([48, 40], 1).kspace.at(0).mul(mask);
  const input = join(place, "kspace.npy");
  writeFileSync(input, writeNpy({ shape: [48, 40], data: Float32Array.from(kspace.data), complex: true }));
  const options = { output: join(place, "image.npy"), quiet: true, prior: "dictionary", iterations: 2 };
  const { json } = await command.run(new Session("reconstruct", options), ["mr", input], options);
  expect(json).toMatchObject({ status: "ok", prior: "dictionary", figures: { iterations: 2 } });
  expect(readNpy(readFileSync(options.output)).shape).toEqual([48, 40]);
});
