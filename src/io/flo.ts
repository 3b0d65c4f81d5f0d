import { ArgumentError, FormatError } from "../core/errors.js";

/** A dense optical flow: planes u, v in pixels, x fastest; NaN where it is not known. */
export interface FlowField {
  /** Samples along x. */
  readonly width: number;
  /** Samples along y. */
  readonly height: number;
  /** To the right, pixels. */
  readonly u: Float32Array;
  /** Down, pixels. */
  readonly v: Float32Array;
}

const tag = 202021.25;
/** Beyond it a value of a file means "not known". */
const unknown = 1e9;
const largest = 1e5;

/** Whether bytes begin like a .flo file. */
export const isFlo = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true) === tag;

/**
 * Reads a Middlebury .flo file: the float 202021.25, width and height (int32), then u, v of each pixel row by row (float32), all little-endian.
 * Values beyond 10⁹ in size, and those that are no numbers, mark pixels whose flow is not known: both parts become NaN.
 * @throws FormatError another beginning, sizes below 1 or above 10⁵, fewer bytes than promised
 * @see Baker, Scharstein, Lewis, Roth, Black, Szeliski (2011), A database and evaluation methodology for optical flow, IJCV
 */
export function readFlo(bytes: Uint8Array): FlowField {
  if (!isFlo(bytes)) throw new FormatError('flo: the file does not begin with "PIEH" (202021.25); this is no .flo file', {});
  if (bytes.length < 12) throw new FormatError(`flo: the file ends inside its header; 12 bytes were expected, ${bytes.length} came`, {});
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getInt32(4, true), view.getInt32(8, true)];
  if (!(width >= 1 && width <= largest && height >= 1 && height <= largest))
    throw new FormatError(`flo: a flow of ${width}×${height} pixels is not usable; 1 to ${largest} along each side were expected`, {
      width,
      height,
    });
  const n = width * height;
  if (bytes.length - 12 < 8 * n)
    throw new FormatError(`flo: ${width}×${height} pixels need ${8 * n} bytes after the header, ${bytes.length - 12} came`, {
      width,
      height,
    });
  const u = new Float32Array(n);
  const v = new Float32Array(n);
  for (let k = 0; k < n; k++) {
    const [a, b] = [view.getFloat32(12 + 8 * k, true), view.getFloat32(16 + 8 * k, true)];
    const known = Math.abs(a) <= unknown && Math.abs(b) <= unknown;
    u[k] = known ? a : Number.NaN;
    v[k] = known ? b : Number.NaN;
  }
  return { width, height, u, v };
}

/**
 * Writes a .flo file; a pixel with a part that is no finite number is written as not known (1.66·10⁹, as the format's authors do).
 * @throws ArgumentError when the planes do not have width × height values
 */
export function writeFlo({ width, height, u, v }: FlowField): Uint8Array {
  const n = width * height;
  if (u.length !== n || v.length !== n || n === 0)
    throw new ArgumentError(`flo: ${width}×${height} pixels need ${n} values of u and of v, ${u.length} and ${v.length} came`, {
      width,
      height,
    });
  const bytes = new Uint8Array(12 + 8 * n);
  const view = new DataView(bytes.buffer);
  view.setFloat32(0, tag, true);
  view.setInt32(4, width, true);
  view.setInt32(8, height, true);
  for (let k = 0; k < n; k++) {
    const known = Number.isFinite(u[k]) && Number.isFinite(v[k]);
    view.setFloat32(12 + 8 * k, known ? u[k] : 1666666752, true);
    view.setFloat32(16 + 8 * k, known ? v[k] : 1666666752, true);
  }
  return bytes;
}
