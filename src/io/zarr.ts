import { FormatError, PullbackError } from "../core/errors.js";
import { peer } from "./peer.js";
import {
  allocateScalars,
  type ChannelKind,
  exactPixels,
  type PixelArray,
  type RawImage,
  rawImage,
  scalarTypeOf,
  type TypedArray,
} from "./raw.js";

/** Where a Zarr keeps its parts: keys are paths beginning with a slash. `set` is needed for writing only. */
export interface ZarrStore {
  /** The bytes under a key; undefined when there are none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Put bytes under a key. */
  set?(key: string, value: Uint8Array): Promise<void>;
}

const millimetres: Readonly<Record<string, number>> = {
  angstrom: 1e-7,
  nanometer: 1e-6,
  micrometer: 1e-3,
  millimeter: 1,
  centimeter: 10,
  meter: 1000,
  micron: 1e-3,
  um: 1e-3,
  mm: 1,
  nm: 1e-6,
  µm: 1e-3,
};
const seconds: Readonly<Record<string, number>> = { millisecond: 1e-3, second: 1, minute: 60, hour: 3600, microsecond: 1e-6 };

interface Multiscale {
  axes?: Array<string | { name: string; type?: string; unit?: string }>;
  datasets?: Array<{ path: string; coordinateTransformations?: Array<{ type: string; scale?: number[]; translation?: number[] }> }>;
  coordinateTransformations?: Array<{ type: string; scale?: number[]; translation?: number[] }>;
}

/** How to read an OME-Zarr. */
export interface ZarrOptions {
  /** resolution level, 0 is the finest (default) */
  readonly level?: number;
  /** one time frame and/or one channel only */
  readonly frame?: number;
  /** One channel alone, counted from 0. */
  readonly channel?: number;
}

/**
 * Reads one level of an OME-Zarr image (0.4 and 0.5) through zarrita, from a store or an address. Lengths become mm where the axes name their unit. Axes x, y[, z] and at most one
 * of channels and time (or choose a frame).
 * @throws MissingPeerError without the package; FormatError no OME-Zarr, no such level, damaged parts
 */
export async function readZarr(source: ZarrStore | string, o: ZarrOptions = {}): Promise<RawImage> {
  const zarr = await peer("zarrita", "reading Zarr", () => import("zarrita"));
  const store = typeof source === "string" ? new zarr.FetchStore(source) : source;
  try {
    const group = await zarr.open(store, { kind: "group" });
    const attributes = ((group.attrs.ome as Record<string, unknown> | undefined) ?? group.attrs) as { multiscales?: Multiscale[] };
    const multiscale = attributes.multiscales?.[0];
    const datasets = multiscale?.datasets;
    if (!multiscale || !Array.isArray(datasets) || datasets.length === 0)
      throw new FormatError("zarr: the group has no multiscales; this is no OME-Zarr image", {});
    const level = o.level ?? 0;
    const dataset = datasets[level];
    if (!dataset) throw new FormatError(`zarr: level ${level} was asked for; there are ${datasets.length}`, { level });
    const array = await zarr.open(zarr.root(store).resolve(String(dataset.path)), { kind: "array" });
    const rank = array.shape.length;
    const axes = (multiscale.axes ?? ["t", "c", "z", "y", "x"].slice(5 - rank)).map((a) =>
      typeof a === "string" ? { name: a, type: undefined, unit: undefined } : a,
    );
    if (axes.length !== rank) throw new FormatError(`zarr: ${axes.length} axes are described, the array has ${rank}`, { axes });
    const names = axes.map((a) => a.name.toLowerCase());
    const at = (name: string) => names.indexOf(name);
    if (at("x") !== rank - 1 || at("y") !== rank - 2)
      throw new FormatError(`zarr: axes ${names.join(", ")}; … y, x as the last were expected`, { names });
    const scale = Array<number>(rank).fill(1);
    const translation = Array<number>(rank).fill(0);
    for (const t of [...(dataset.coordinateTransformations ?? []), ...(multiscale.coordinateTransformations ?? [])])
      for (let i = 0; i < rank; i++) {
        if (t.type === "scale") {
          scale[i] *= Number(t.scale?.[i] ?? 1);
          translation[i] *= Number(t.scale?.[i] ?? 1);
        } else if (t.type === "translation") translation[i] += Number(t.translation?.[i] ?? 0);
      }
    const choice = names.map((name, i) => {
      const wanted = name === "t" ? o.frame : name === "c" ? o.channel : undefined;
      if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 0 && wanted < array.shape[i]))
        throw new FormatError(`zarr: ${name} = ${wanted} was asked for; there are ${array.shape[i]}`, {});
      return wanted ?? null;
    });
    const bytesPerValue = Number(/(\d+)$/.exec(array.dtype)?.[1] ?? 8) / 8;
    const promised = array.shape.reduce((a, n, i) => a * (choice[i] === null ? n : 1), bytesPerValue);
    if (promised > 2 ** 33)
      throw new FormatError(`zarr: level ${level} holds ${promised} bytes; read a coarser level, or one frame or channel`, { promised });
    const part = await zarr.get(array, choice);
    if (!ArrayBuffer.isView(part.data))
      throw new FormatError(`zarr: values of type ${array.dtype} are no numbers that can be read`, { dtype: array.dtype });
    const kept = names.flatMap((name, i) => (choice[i] === null ? [{ name, i, n: array.shape[i] }] : []));
    const long = kept.filter((k) => !["x", "y", "z"].includes(k.name) && k.n > 1);
    if (long.length > 1)
      throw new FormatError(`zarr: ${long.map((k) => `${k.n} × ${k.name}`).join(" and ")}; choose one frame or one channel`, {});
    const space = kept.filter((k) => ["x", "y", "z"].includes(k.name)).reverse();
    const factor = (i: number) => millimetres[axes[i].unit?.toLowerCase() ?? ""] ?? 1;
    const channels = long[0]?.n ?? 1;
    const kind: ChannelKind = channels === 1 ? "scalar" : long[0].name === "t" ? "time" : "other";
    const isSpace = (name: string) => ["x", "y", "z"].includes(name);
    if (names.slice(names.findIndex(isSpace)).some((name) => !isSpace(name)))
      throw new FormatError(`zarr: axes ${names.join(", ")}; time and channels were expected before z, y, x`, { names });
    return rawImage("zarr", {
      data: exactPixels("zarr", part.data as TypedArray),
      channels,
      channelKind: kind,
      size: space.map((k) => k.n),
      spacing: space.map((k) => scale[k.i] * factor(k.i)),
      origin: space.map((k) => translation[k.i] * factor(k.i)),
      ...(kind === "time" ? { frameSpacing: scale[long[0].i] * (seconds[axes[long[0].i].unit?.toLowerCase() ?? ""] ?? 1) } : {}),
      meta: { levels: datasets.length, level, units: axes.map((a) => a.unit ?? ""), dtype: array.dtype },
    });
  } catch (cause) {
    if (cause instanceof PullbackError) throw cause;
    throw new FormatError(`zarr: the image cannot be read (${(cause as Error).message})`, {}, { cause });
  }
}

/**
 * Writes an image as OME-Zarr 0.5 (Zarr 3, one level, chunks of at most 64 per spatial axis, zstd) into a store. Only axis-aligned geometry can be told; another direction is noted in the attributes
 * under "pullback".
 * @throws MissingPeerError without the package
 */
export async function writeZarr(image: RawImage, store: ZarrStore): Promise<void> {
  const zarr = await peer("zarrita", "writing Zarr", () => import("zarrita"));
  const many = image.channels > 1;
  const time = image.channelKind === "time";
  const spatial = [...image.size].reverse();
  const shape = many ? [image.channels, ...spatial] : spatial;
  const names = [...(many ? [time ? "t" : "c"] : []), ...["z", "y", "x"].slice(3 - spatial.length)];
  const lift = (values: readonly number[], first: number) => [...(many ? [first] : []), ...[...values].reverse()];
  const ome = {
    version: "0.5",
    multiscales: [
      {
        axes: names.map((name) =>
          name === "t"
            ? { name, type: "time", unit: "second" }
            : name === "c"
              ? { name, type: "channel" }
              : { name, type: "space", unit: "millimeter" },
        ),
        datasets: [
          {
            path: "0",
            coordinateTransformations: [
              { type: "scale", scale: lift(image.spacing, time ? (image.frameSpacing ?? 1) : 1) },
              { type: "translation", translation: lift(image.origin, 0) },
            ],
          },
        ],
      },
    ],
  };
  const root = zarr.root(store);
  await zarr.create(root, { attributes: { ome, pullback: { direction: [...image.direction] } } });
  const array = await zarr.create(root.resolve("0"), {
    shape,
    chunkShape: shape.map((n, i) => (many && i === 0 ? 1 : Math.min(64, n))),
    dtype: scalarTypeOf(image.data),
    // zarrita decodes gzip but does not encode it
    codecs: [
      { name: "bytes", configuration: { endian: "little" } },
      { name: "zstd", configuration: { level: 5, checksum: false } },
    ],
    dimensionNames: names,
  });
  const stride = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  // A copy in its own buffer: the codecs look at whole buffers.
  const data = allocateScalars(scalarTypeOf(image.data), image.data.length) as PixelArray;
  data.set(image.data as never);
  await zarr.set(array, null, { data, shape, stride });
}
