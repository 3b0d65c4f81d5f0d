/*
 * Puts the weights of a training into the package: src/models/weights/NAME.ts (half floats, base64) and NAMECard.ts. After npm run build:
 *   node scripts/train/pack.mjs NAME WEIGHTS.safetensors CARD.json
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, writeSafetensors } from "../../dist/io/index.js";

const [name, weights, card] = process.argv.slice(2);
if (!card) {
  console.error("usage: node scripts/train/pack.mjs NAME WEIGHTS.safetensors CARD.json");
  process.exit(2);
}
const folder = join(dirname(fileURLToPath(import.meta.url)), "../../src/models/weights");
const { tensors } = readSafetensors(readFileSync(weights));
// Floats of 32 bits came from the file's halves without loss: the same halves go out again.
const file = writeSafetensors(tensors, {}, { floats: "f16" });
const said = "// Written by scripts/train/pack.mjs.\n";
writeFileSync(join(folder, `${name}.ts`), `${said}export const safetensors: string =\n  "${Buffer.from(file).toString("base64")}";\n`);
const content = { name, ...JSON.parse(readFileSync(card, "utf8")), bytes: file.length };
writeFileSync(
  join(folder, `${name}Card.ts`),
  `${said}import type { Card } from "../card.js";\n\nexport const ${name}Card: Card = ${JSON.stringify(content, null, 2)};\n`,
);
console.log(`${name}: ${file.length} bytes; run npx biome check --write src/models/weights`);
