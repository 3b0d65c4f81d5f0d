/**
 * Compiles assembly/index.ts with relaxed SIMD, deflates the module and writes it, base64, into src/kernels/generated/wasm.ts. The loader
 * makes plain SIMD of it where it must, and either kind for shared or unshared memory: the four builds.
 * Skipped when no source is newer than the result (`--force` compiles anyway; `--wat` also writes src/kernels/generated/kernels.wat).
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync } from "fflate";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, "src/kernels/generated/wasm.ts");
const sources = readdirSync(join(root, "assembly"))
  .filter((f) => f.endsWith(".ts"))
  .sort();
const hash = createHash("sha256");
for (const f of sources) hash.update(f).update(readFileSync(join(root, "assembly", f)));
hash.update(readFileSync(fileURLToPath(import.meta.url)));
const stamp = hash.digest("hex").slice(0, 16);
if (!process.argv.includes("--force") && existsSync(out) && readFileSync(out, "utf8").includes(stamp)) process.exit(0);

const asc = await import("assemblyscript/asc");
const temporary = join(root, "src/kernels/generated");
mkdirSync(temporary, { recursive: true });
const lines = [`// Written by scripts/build-kernels.mjs from assembly/ (${stamp}); not committed.`];
const file = join(temporary, `kernels.${process.pid}.wasm`);
const { error, stderr } = await asc.main([
  join(root, "assembly/index.ts"),
  "-O3",
  "--noAssert",
  "--runtime",
  "stub",
  "--enable",
  "simd",
  "--enable",
  "threads",
  "--enable",
  "bulk-memory",
  "--enable",
  "relaxed-simd",
  "--importMemory",
  "--sharedMemory",
  "--initialMemory",
  "1",
  "--maximumMemory",
  "65536",
  "--disableWarning",
  "201",
  ...(process.argv.includes("--wat") ? ["-t", join(temporary, "kernels.wat")] : []),
  "-o",
  file,
]);
if (error) {
  console.error(stderr.toString());
  process.exit(1);
}
const bytes = readFileSync(file);
rmSync(file);
const packed = deflateSync(bytes, { level: 9 });
lines.push(`/** ${bytes.length} bytes of WebAssembly, ${packed.length} deflated. */`);
lines.push(`export const kernels =\n  "${Buffer.from(packed).toString("base64")}";`);
console.error(`kernels: ${bytes.length} bytes, ${packed.length} deflated`);
writeFileSync(out, lines.join("\n") + "\n");
