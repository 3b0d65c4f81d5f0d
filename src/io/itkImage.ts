import { ArgumentError, FormatError, PullbackError } from "../core/errors.js";
import { inNode, peer } from "./peer.js";
import {
  type ChannelKind,
  cleanDirection,
  exactPixels,
  interleaved,
  type PixelArray,
  planar,
  type RawImage,
  rawImage,
  scalarTypeOf,
  type TypedArray,
} from "./raw.js";

/** An image as itk-wasm hands it over: values interleaved, geometry LPS. */
export interface ItkImage {
  /** What its samples are. */
  imageType: {
    /** 2 or 3. */
    dimension: number;
    /** float32, uint8, … */
    componentType: string;
    /** Scalar, RGB, Vector, … */
    pixelType: string;
    /** Numbers at each sample. */
    components: number;
  };
  /** What it is called. */
  name?: string;
  /** The place of the first sample, mm. */
  origin: number[];
  /** Distance of samples along each axis, mm. */
  spacing: number[];
  /** Directions of the axes, row by row, an orthonormal matrix. */
  direction: TypedArray | number[];
  /** Samples along x, y (and z). */
  size: number[];
  /** Words that travel with the file. */
  metadata?: Map<string, unknown>;
  /** The samples. */
  data: TypedArray | null;
}

/** The RawImage of an itk-wasm image; a fourth dimension is time. */
export function rawFromItk(format: string, image: ItkImage, o: { warnings?: string[]; meta?: Record<string, unknown> } = {}): RawImage {
  const { imageType, size, data } = image;
  if (!data) throw new FormatError(`${format}: the reader returned no values`, {});
  const n = Math.min(3, size.length);
  const frames = size.slice(3).reduce((a, b) => a * b, 1);
  const components = imageType.components;
  if (frames > 1 && components > 1)
    throw new FormatError(`${format}: a series of ${components}-channel images cannot be read; split it`, { size, components });
  const warnings = [...(o.warnings ?? [])];
  const kind: ChannelKind =
    frames > 1
      ? "time"
      : components === 1
        ? "scalar"
        : imageType.pixelType === "RGB"
          ? "rgb"
          : imageType.pixelType === "RGBA"
            ? "rgba"
            : imageType.pixelType === "Complex"
              ? "complex"
              : /Vector$/.test(imageType.pixelType) && components === n
                ? "vector"
                : "other";
  const full = size.length;
  const direction = Array.from({ length: n * n }, (_, k) => Number(image.direction[Math.floor(k / n) * full + (k % n)]));
  return rawImage(format, {
    data: planar(exactPixels(format, data), components),
    channels: components * frames,
    channelKind: kind,
    size: size.slice(0, n),
    spacing: image.spacing.slice(0, n),
    origin: image.origin.slice(0, n),
    direction: cleanDirection(format, direction, warnings),
    ...(kind === "time" ? { frameSpacing: image.spacing[3] } : {}),
    meta: { storedType: imageType.componentType, ...o.meta },
    warnings,
  });
}

/** The itk-wasm image of a RawImage (for its readers, writers and filters). */
export function itkFromRaw(image: RawImage): ItkImage {
  const { channels, channelKind, size } = image;
  if (channelKind === "time" && channels > 1)
    throw new ArgumentError("itk: a time series cannot be handed over; take one frame", { channels });
  const pixelType =
    channels === 1
      ? "Scalar"
      : channelKind === "rgb"
        ? "RGB"
        : channelKind === "rgba"
          ? "RGBA"
          : channelKind === "complex"
            ? "Complex"
            : channelKind === "vector"
              ? "Vector"
              : "VariableLengthVector";
  return {
    imageType: { dimension: size.length, componentType: scalarTypeOf(image.data), pixelType, components: channels },
    name: "image",
    origin: [...image.origin],
    spacing: [...image.spacing],
    direction: Float64Array.from(image.direction),
    size: [...size],
    metadata: new Map(),
    data: interleaved(image.data as PixelArray, channels),
  };
}

/** Where a browser finds the WebAssembly files of itk-wasm packages. */
export interface ItkOptions {
  /** address of a copy of the package's `dist/pipelines` folder on your own server; needed in browsers, because the default would fetch from a public network */
  readonly pipelinesBaseUrl?: string;
}

/** Points an itk-wasm package at the page's own files, never at the public network. */
export function localPipelines(name: string, module: { setPipelinesBaseUrl(url: string): void }, o: ItkOptions): void {
  if (o.pipelinesBaseUrl === undefined)
    throw new ArgumentError(
      `${name}: in a browser pass pipelinesBaseUrl, the address of a copy of node_modules/${name}/dist/pipelines on your own server`,
      {},
    );
  module.setPipelinesBaseUrl(o.pipelinesBaseUrl);
}

/** What a failing itk-wasm pipeline throws is a number; this makes it a sentence. */
export function itkError(format: string, what: string, cause: unknown): PullbackError {
  if (cause instanceof PullbackError) return cause;
  const said = cause instanceof Error && !/^\d+$/.test(cause.message) ? ` (${cause.message.split("\n")[0]})` : "";
  return new FormatError(
    `${format}: ${what} could not be read${said}; it may be damaged, or of a kind this reader does not know`,
    {},
    { cause },
  );
}

/**
 * Reads any format `@itk-wasm/image-io` knows (.mgz, .vtk, .gipl, .hdf5 images, .bmp, single DICOM files, …). In Node pass a path, in a browser name and bytes.
 * @throws MissingPeerError without the package, FormatError when it cannot read the file
 */
export async function readWithItk(source: { path: string; bytes?: Uint8Array }, o: ItkOptions = {}): Promise<RawImage> {
  const io = await peer("@itk-wasm/image-io", `reading ${source.path.replace(/^.*[/\\]/, "")}`, () => import("@itk-wasm/image-io"));
  try {
    // Node's reader resolves the path itself; relative ones fail deeper down in other packages of the family.
    if (inNode()) return rawFromItk("itk", await io.readImageNode(source.path));
    if (!source.bytes) throw new ArgumentError("itk: in a browser the bytes of the file are needed", {});
    localPipelines("@itk-wasm/image-io", io, o);
    const { image, webWorker } = await io.readImage({ path: source.path.replace(/^.*[/\\]/, ""), data: source.bytes });
    webWorker?.terminate();
    return rawFromItk("itk", image);
  } catch (cause) {
    throw itkError("itk", source.path, cause);
  }
}
