/** What the page and its worker say to each other. */

/** Where samples lie; see `Lattice`. */
export interface Place {
  readonly size: readonly number[];
  readonly spacing: readonly number[];
  readonly origin: readonly number[];
  readonly direction: readonly number[];
}
/** An image ready to be looked at: levels of one or three channels, planar, x fastest; level v stands for from + (to − from) v / 65535. */
export interface Layer {
  readonly name: string;
  readonly place: Place;
  readonly channels: 1 | 3;
  readonly levels: Uint16Array;
  readonly from: number;
  readonly to: number;
  /** The values that are first seen as black and as white. */
  readonly low: number;
  readonly high: number;
  /** Values of either sign, 0 in the middle: drawn in two colours. */
  readonly signed?: boolean;
  /** Levels are numbers of structures, 0 none: each drawn in a colour of its own. */
  readonly labels?: boolean;
}
/** A deformation ready to be looked at. */
export interface Deformation {
  /** u in mm, planes x, y(, z), on a coarse grid whose samples are every `stride`-th of the fixed one's. */
  readonly displacement: Float32Array;
  readonly place: Place;
  readonly stride: number;
  readonly straight: boolean;
  /** 0 where folded, else 1 … 255 over log det J from −range to range; absent when det J is one number. */
  readonly jacobian?: Uint8Array;
  readonly range: number;
}
export interface Step {
  readonly level: number;
  readonly levels: number;
  readonly iteration: number;
  readonly iterations: number;
  readonly value?: number;
  readonly stage?: string;
  readonly share: number;
  readonly secondsLeft: number | null;
}
export interface Finished {
  readonly exit: number;
  /** What `--json` prints. */
  readonly json: Record<string, unknown>;
  readonly lines: readonly string[];
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
}
/** Files for the worker: where they are to lie, and what they hold. */
export type Given = readonly { readonly path: string; readonly file: Blob }[];

export interface Setup {
  readonly threads?: number;
  readonly memoryMb?: number;
}
export type Request =
  | { readonly kind: "setup"; readonly setup: Setup }
  | { readonly kind: "put"; readonly files: Given }
  | {
      readonly kind: "run";
      readonly command: string;
      readonly args: readonly string[];
      readonly options: Readonly<Record<string, unknown>>;
      readonly folder: string;
    }
  | {
      readonly kind: "look";
      readonly paths: readonly string[];
      readonly names: readonly string[];
      readonly together?: boolean;
      readonly frame?: number;
      /** Numbers of structures. */
      readonly labels?: boolean;
    }
  | { readonly kind: "frames"; readonly paths: readonly string[]; readonly name: string; readonly labels?: boolean }
  | { readonly kind: "difference"; readonly a: string; readonly b: string; readonly name: string }
  | { readonly kind: "registration"; readonly fixed: string; readonly moving: string; readonly folder: string }
  | { readonly kind: "map"; readonly transform: string; readonly points: readonly (readonly number[])[] }
  | { readonly kind: "example"; readonly name: string };

export interface Answers {
  setup: { readonly threads: number; readonly build: string };
  put: undefined;
  run: Finished;
  look: readonly Layer[];
  frames: { readonly count: number; readonly layers: readonly Layer[] };
  difference: Layer;
  registration: { readonly layers: readonly Layer[]; readonly deformation: Deformation };
  map: readonly (readonly number[])[];
  example: readonly { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> }[];
}
export type Message = { readonly id: number } & (
  | { readonly kind: "done"; readonly value: unknown; readonly threads: number }
  | { readonly kind: "failed"; readonly sentence: string; readonly exit: number }
  | { readonly kind: "step"; readonly step: Step }
  | { readonly kind: "note"; readonly text: string }
);
