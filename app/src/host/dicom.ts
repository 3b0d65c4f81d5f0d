import { type DicomOptions, readDicomFiles as read } from "../../../src/io/dicom.js";
import type { RawImage } from "../../../src/io/raw.js";
import { readFileSync } from "./fs.js";

export * from "../../../src/io/dicom.js";

/**
 * A series of DICOM slices: with the whole files, which in the page are in memory, where Node's reader takes paths and headers; the reader's WebAssembly
 * lies beside the page.
 */
export function readDicomFiles(files: ReadonlyArray<{ path: string; bytes: Uint8Array }>, o: DicomOptions = {}): Promise<RawImage> {
  const pipelinesBaseUrl = new URL(/* @vite-ignore */ "../pipelines", import.meta.url).href;
  return read(
    files.map(({ path }) => ({ path, bytes: readFileSync(path) as Uint8Array })),
    { ...o, pipelinesBaseUrl },
  );
}
