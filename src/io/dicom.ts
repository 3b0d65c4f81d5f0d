import { FormatError } from "../core/errors.js";
import { type ItkOptions, itkError, localPipelines, rawFromItk } from "./itkImage.js";
import { inNode, peer } from "./peer.js";
import { latin1, type RawImage } from "./raw.js";

/** The few header entries that tell series and slices apart. */
export interface DicomHeader {
  /** The series' unique identifier. */
  readonly seriesUid: string;
  /** CT, MR, … */
  readonly modality?: string;
  /** What the scanner called it. */
  readonly description?: string;
  /** Its number in the study. */
  readonly seriesNumber?: string;
  /** ImagePositionPatient, LPS mm */
  readonly position?: readonly number[];
  /** ImageOrientationPatient: direction of a row, then of a column */
  readonly orientation?: readonly number[];
}

/** Whether bytes begin like a DICOM file. */
export function isDicom(bytes: Uint8Array): boolean {
  return bytes.length > 132 && latin1(bytes, 128, 132) === "DICM";
}

const longForms = new Set(["OB", "OW", "OF", "OD", "OL", "OV", "SQ", "UC", "UR", "UT", "UN", "SV", "UV"]);

/**
 * Reads the head of a DICOM file (little-endian, explicit or implicit value representations), up to group 0020; undefined for anything else.
 * The pixels are left to `@itk-wasm/dicom`.
 */
export function dicomHeader(bytes: Uint8Array): DicomHeader | undefined {
  if (!isDicom(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Map<number, string>();
  let at = 132;
  let explicit = true;
  const element = (): { tag: number; from: number; length: number } | undefined => {
    if (at + 8 > bytes.length) return undefined;
    const group = view.getUint16(at, true);
    const tag = group * 65536 + view.getUint16(at + 2, true);
    // The meta group is always explicit; items and delimiters never carry a representation.
    if ((group === 2 || explicit) && group !== 0xfffe) {
      const form = latin1(bytes, at + 4, at + 6);
      if (longForms.has(form)) {
        if (at + 12 > bytes.length) return undefined;
        return { tag, from: at + 12, length: view.getUint32(at + 8, true) };
      }
      return { tag, from: at + 8, length: view.getUint16(at + 6, true) };
    }
    return { tag, from: at + 8, length: view.getUint32(at + 4, true) };
  };
  /** Walks over a sequence or item of undefined length. */
  const skip = (end: number, depth: number): boolean => {
    for (let steps = 0; steps < 100000; steps++) {
      const e = element();
      if (!e) return false;
      at = e.from;
      if (e.tag === end) return true;
      if (e.length === 0xffffffff) {
        if (depth > 16 || !skip(e.tag === 0xfffee000 ? 0xfffee00d : 0xfffee0dd, depth + 1)) return false;
      } else if (e.tag !== 0xfffee00d && e.tag !== 0xfffee0dd) at += e.length;
    }
    return false;
  };
  for (let steps = 0; steps < 100000; steps++) {
    const before = at;
    const e = element();
    if (!e || e.tag > 0x0020ffff) break;
    if (e.tag >>> 16 !== 2 && values.has(0x00020010) && explicit && values.get(0x00020010) === "1.2.840.10008.1.2") {
      explicit = false;
      at = before;
      continue;
    }
    at = e.from;
    if (e.length === 0xffffffff) {
      if (!skip(0xfffee0dd, 0)) break;
      continue;
    }
    if (e.length < 1024) values.set(e.tag, latin1(bytes, at, at + e.length).replace(/[\0 ]+$/, ""));
    at += e.length;
  }
  const seriesUid = values.get(0x0020000e);
  if (seriesUid === undefined) return undefined;
  const list = (tag: number, count: number) => {
    const v = values.get(tag)?.split("\\").map(Number);
    return v && v.length === count && v.every(Number.isFinite) ? v : undefined;
  };
  return {
    seriesUid,
    modality: values.get(0x00080060),
    description: values.get(0x0008103e),
    seriesNumber: values.get(0x00200011),
    position: list(0x00200032, 3),
    orientation: list(0x00200037, 6),
  };
}

/** Files of one series. */
export interface DicomSeries<F> {
  /** The series' unique identifier. */
  readonly uid: string;
  /** What the scanner called it. */
  readonly description: string;
  /** In the order of the slices. */
  readonly files: readonly F[];
  /** what is odd about the slices' positions */
  readonly warnings: readonly string[];
}

/** Groups files by series, the largest first, and looks for gaps between slices. */
export function dicomSeries<F>(files: ReadonlyArray<{ file: F; header: DicomHeader }>): DicomSeries<F>[] {
  const groups = new Map<string, Array<{ file: F; header: DicomHeader }>>();
  for (const f of files) groups.set(f.header.seriesUid, [...(groups.get(f.header.seriesUid) ?? []), f]);
  return [...groups]
    .map(([uid, group]) => {
      const warnings: string[] = [];
      const o = group[0].header.orientation;
      if (o && group.length > 2 && group.every((g) => g.header.position)) {
        const normal = [o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]];
        const along = group
          .map((g) => (g.header.position as readonly number[]).reduce((s, p, i) => s + p * normal[i], 0))
          .sort((a, b) => a - b);
        const gaps = along.slice(1).map((v, i) => v - along[i]);
        const [least, most] = [Math.min(...gaps), Math.max(...gaps)];
        if (most - least > 0.01 * most)
          warnings.push(
            `dicom: the slices lie ${least.toFixed(3)} to ${most.toFixed(3)} mm apart; slices may be missing, repeated or from several time points, and the volume has one spacing only`,
          );
      }
      const h = group[0].header;
      const description = [h.modality, h.seriesNumber && `series ${h.seriesNumber}`, h.description, `${group.length} files`]
        .filter(Boolean)
        .join(", ");
      return { uid, description, files: group.map((g) => g.file), warnings };
    })
    .sort((a, b) => b.files.length - a.files.length || (a.uid < b.uid ? -1 : 1));
}

/** The series asked for (by UID or its end, or a part of its description), or the only one. */
export function chooseSeries<F>(series: readonly DicomSeries<F>[], asked: string | undefined): DicomSeries<F> {
  const list = series.map((s) => `${s.uid} (${s.description})`).join("; ");
  if (series.length === 0) throw new FormatError("dicom: there is no DICOM image among these files", {});
  if (asked === undefined) {
    if (series.length > 1)
      throw new FormatError(`dicom: there are ${series.length} series; choose one: ${list}`, { series: series.map((s) => s.uid) });
    return series[0];
  }
  const found = series.filter((s) => s.uid === asked || s.uid.endsWith(asked) || s.description.includes(asked));
  if (found.length !== 1)
    throw new FormatError(`dicom: "${asked}" fits ${found.length} of the series: ${list}`, { series: series.map((s) => s.uid) });
  return found[0];
}

/** How to read a DICOM series. */
export interface DicomOptions extends ItkOptions {
  /** which series, when there are several: its UID, the end of it, or a part of its description */
  readonly series?: string;
}

/**
 * Reads one series of DICOM slices as a volume through `@itk-wasm/dicom`: sorted along the slice normal, rescaled, placed in LPS mm.
 * @param files  in Node absolute paths with a header read before (see `readDicomFolder`), in browsers names and bytes
 * @throws MissingPeerError without the package; FormatError no or several series, unreadable pixels
 */
export async function readDicomFiles(files: ReadonlyArray<{ path: string; bytes: Uint8Array }>, o: DicomOptions = {}): Promise<RawImage> {
  const known = files.flatMap((file) => {
    const header = dicomHeader(file.bytes);
    return header ? [{ file, header }] : [];
  });
  const series = chooseSeries(dicomSeries(known), o.series);
  const io = await peer("@itk-wasm/dicom", "reading DICOM", () => import("@itk-wasm/dicom"));
  const meta = { seriesUid: series.uid, description: series.description };
  try {
    if (inNode()) {
      const result = await io.readImageDicomFileSeriesNode({ inputImages: series.files.map((f) => f.path) });
      return rawFromItk("dicom", result.outputImage, { warnings: [...series.warnings], meta });
    }
    localPipelines("@itk-wasm/dicom", io, o);
    const result = await io.readImageDicomFileSeries({
      inputImages: series.files.map((f) => ({ path: f.path.replace(/^.*[/\\]/, ""), data: f.bytes })),
    });
    result.webWorkerPool?.terminateWorkers();
    return rawFromItk("dicom", result.outputImage, { warnings: [...series.warnings], meta });
  } catch (cause) {
    throw itkError("dicom", `the series ${series.description}`, cause);
  }
}
