import type { Schedule, UpdateRule } from "../core/interfaces.js";
import type { Data, Layer, Training } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";

/** A gray picture, or a volume, to learn from, 0 to 1, as plain numbers: those of a long training need not lie in the engine's memory. */
export interface TrainingPicture {
  readonly name: string;
  /** The file that it lies in with others. */
  readonly file?: string;
  /** Of a volume: its planes. */
  readonly depth?: number;
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}
/** Many pictures in a file that is no image, and the npm package that such files are known from: its folder is taken where none is named. */
export interface PackedPictures {
  readonly package: string;
  readonly folder: string;
  /** Of the names of files. */
  readonly pattern: RegExp;
  /** @throws FormatError when the file holds something else */
  read(name: string, bytes: Uint8Array): readonly TrainingPicture[];
}
/** What one may say about a training; what is left out is the recipe's. */
export interface RecipeOptions {
  readonly batch?: number;
  /** Samples along the sides of what is cut out of the pictures. */
  readonly patch?: number;
  /** Size of the network. */
  readonly features?: number;
  readonly depth?: number;
  readonly seed?: number;
}
/** All that `train` needs, but for how long. */
export interface Plan<M extends Layer<never, unknown>, Batch> {
  readonly model: M;
  readonly data: Data<Batch>;
  readonly loss: (model: M, batch: Batch, training: Training) => Tensor;
  readonly optimiser: UpdateRule;
  readonly schedule: (steps: number) => Schedule;
  readonly clip?: number;
  readonly average?: number;
  /** Named figures of a network on the pictures held back, larger is better; their mean decides which weights are kept. */
  readonly figures: (model: M) => Readonly<Record<string, number>>;
  /** Of the figures, for people: "PSNR in dB by noise". */
  readonly figuresTitle: string;
  /** The network and what it undoes, for its card. */
  readonly what: string;
  /** Every choice that makes this run what it is: a run goes on only from a checkpoint with the same. */
  readonly settings: Readonly<Record<string, string | number>>;
}
/** How a model of the catalogue is trained, from pictures. */
export interface Recipe<M extends Layer<never, unknown> = Layer<never, unknown>, Batch = unknown> {
  readonly name: string;
  readonly summary: string;
  /** Steps when nothing is said, and pictures held back at least. */
  readonly steps: number;
  /** What it learns from: pictures (2, the default) or volumes. */
  readonly axes?: 2 | 3;
  /** The least sides of a usable picture under these options. */
  least(o: RecipeOptions): readonly [height: number, width: number];
  plan(pictures: readonly TrainingPicture[], held: readonly TrainingPicture[], o: RecipeOptions): Plan<M, Batch> | Promise<Plan<M, Batch>>;
  /** Where pictures lie in files that are no images. */
  readonly packed?: PackedPictures;
}
