import { inflateSync } from "fflate";
import { kernels } from "./generated/wasm.js";
import { plainSimd } from "./plainSimd.js";

/** Which kernels compute: plain SIMD, the same bits on every processor, or relaxed SIMD, faster where there is a fused multiply-add. */
export type Build = "simd" | "relaxed";

/** Smallest module with one relaxed instruction (i8x16.relaxed_swizzle): valid exactly where relaxed SIMD is. */
const relaxedProbe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
]);

let relaxedKnown: boolean | undefined;
/** Whether this JavaScript engine runs relaxed SIMD. Node 20 has it behind a flag, set here before any kernel is compiled. */
export function hasRelaxedSimd(): boolean {
  if (relaxedKnown === undefined) {
    relaxedKnown = WebAssembly.validate(relaxedProbe);
    if (!relaxedKnown) {
      const v8 = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule?.("node:v8");
      v8?.setFlagsFromString("--experimental-wasm-relaxed-simd");
      relaxedKnown = WebAssembly.validate(relaxedProbe);
    }
  }
  return relaxedKnown;
}

/** Deflated bytes from base64. Node does both in a millisecond; scripts that are run for the first time take twenty times that. */
function unpacked(text: string): Uint8Array<ArrayBuffer> {
  const zlib = (globalThis as { process?: NodeJS.Process }).process?.getBuiltinModule?.("node:zlib");
  if (zlib) return new Uint8Array(zlib.inflateRawSync(Buffer.from(text, "base64")));
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return inflateSync(bytes) as Uint8Array<ArrayBuffer>;
}

/** The bytes of one of the four builds: {plain, relaxed} SIMD × {shared, unshared} memory. */
export function moduleBytes(build: Build, shared: boolean): Uint8Array<ArrayBuffer> {
  const relaxed = unpacked(kernels);
  const bytes = build === "relaxed" ? relaxed : plainSimd(relaxed);
  if (!shared) bytes[importedMemoryFlag(bytes)] = 1; // limits: 3 = shared with maximum, 1 = unshared with maximum
  return bytes;
}

/** Offset of the limits flag of the imported memory. The two memory kinds differ in this byte and in nothing else. */
function importedMemoryFlag(bytes: Uint8Array): number {
  let at = 8;
  const leb = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const b = bytes[at++];
      value |= (b & 127) << shift;
      if (b < 128) return value >>> 0;
    }
  };
  while (at < bytes.length) {
    const id = bytes[at++];
    const end = leb() + at;
    if (id === 2) {
      for (let count = leb(); count > 0; count--) {
        for (let name = 0; name < 2; name++) {
          const length = leb();
          at += length;
        }
        const kind = bytes[at++];
        if (kind === 2) return at;
        if (kind === 0) leb();
        else throw new Error("kernels: unexpected import");
      }
    }
    at = end;
  }
  throw new Error("kernels: the module imports no memory");
}
