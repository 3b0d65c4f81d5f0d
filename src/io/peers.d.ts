// The few words of optional packages that this folder speaks. They are declared here so that the project compiles without those packages.

declare module "@itk-wasm/image-io" {
  import type { ItkImage } from "./itkImage.js";
  /** Node */
  export function readImageNode(path: string): Promise<ItkImage>;
  export function writeImageNode(image: ItkImage, path: string, options?: { useCompression?: boolean }): Promise<void>;
  /** browsers */
  export function readImage(file: { path: string; data: Uint8Array }): Promise<{ image: ItkImage; webWorker?: { terminate(): void } }>;
  export function setPipelinesBaseUrl(url: string): void;
}
declare module "@itk-wasm/dicom" {
  import type { ItkImage } from "./itkImage.js";

  type Result = { outputImage: ItkImage; sortedFilenames: unknown; webWorkerPool?: { terminateWorkers(): void } | null };
  /** Node */
  export function readImageDicomFileSeriesNode(options: { inputImages: string[]; singleSortedSeries?: boolean }): Promise<Result>;
  /** browsers */
  export function readImageDicomFileSeries(options: {
    inputImages: Array<{ path: string; data: Uint8Array }>;
    singleSortedSeries?: boolean;
  }): Promise<Result>;
  export function setPipelinesBaseUrl(url: string): void;
}
declare module "h5wasm" {
  export interface Dataset {
    readonly type: string;
    readonly shape: number[] | null;
    readonly dtype: unknown;
    readonly file_id: bigint;
    readonly path: string;
    readonly metadata: {
      size: number;
      total_size: number;
      compound_type?: { members: Array<{ name: string; type: number; size: number; offset: number; littleEndian: boolean }> };
    };
    readonly value: unknown;
    slice(ranges: Array<[] | [number, number]>): unknown;
  }
  export class File {
    constructor(path: string, mode: string);
    readonly type: string;
    keys(): string[];
    get(path: string): unknown;
    create_group(path: string): unknown;
    create_dataset(o: {
      name: string;
      data: unknown;
      shape: number[];
      dtype?: string;
      chunks?: number[];
      compression?: string;
      compression_opts?: number[];
    }): unknown;
    close(): void;
  }
  export const ready: Promise<unknown>;
  export const FS: { writeFile(path: string, bytes: Uint8Array): void; readFile(path: string): Uint8Array; unlink(path: string): void };
  export const Module: {
    HEAPU8: Uint8Array;
    _malloc(bytes: number): number;
    _free(pointer: number): void;
    /** errors of the library become exceptions instead of pages of text on the console */
    activate_throwing_error_handler?(): number;
    get_dataset_data(
      file: bigint,
      path: string,
      count: bigint[] | null,
      offset: bigint[] | null,
      strides: bigint[] | null,
      pointer: bigint,
    ): number;
  };
}
declare module "h5wasm/node" {
  export * from "h5wasm";
}
declare module "zarrita" {
  export interface ZarrArray {
    readonly kind: "array";
    readonly shape: number[];
    readonly chunks: number[];
    readonly dtype: string;
    readonly attrs: Record<string, unknown>;
  }
  export interface ZarrGroup {
    readonly kind: "group";
    readonly attrs: Record<string, unknown>;
  }
  export interface Location {
    resolve(path: string): Location;
  }
  export class FetchStore {
    constructor(url: string);
  }
  export function root(store: unknown): Location;
  export function open(location: unknown, options: { kind: "group" }): Promise<ZarrGroup>;
  export function open(location: unknown, options: { kind: "array" }): Promise<ZarrArray>;
  export function get(
    array: ZarrArray,
    selection?: Array<number | null | { start: number; stop: number; step: number | null; kind?: "slice" }> | null,
  ): Promise<{ data: unknown; shape: number[]; stride: number[] }>;
  export function set(array: ZarrArray, selection: null, value: { data: unknown; shape: number[]; stride: number[] }): Promise<void>;
  export function slice(start: number, stop: number): { start: number; stop: number; step: number | null };
  export function create(location: unknown, options: { attributes?: Record<string, unknown> }): Promise<ZarrGroup>;
  export function create(
    location: unknown,
    options: {
      shape: number[];
      chunkShape: number[];
      dtype: string;
      codecs?: unknown[];
      dimensionNames?: string[];
      attributes?: Record<string, unknown>;
    },
  ): Promise<ZarrArray>;
}
