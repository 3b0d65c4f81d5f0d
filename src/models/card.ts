/** What there is to know of trained weights before one trusts them. */
export interface Card {
  readonly name: string;
  /** The network and what it was trained to undo: the operator A and the noise of its data, and the scale of its values. */
  readonly what: string;
  /** How many numbers were learned, and the size of the file. */
  readonly weights: number;
  readonly bytes: number;
  readonly licence: string;
  /** The images, and what their owners allow. */
  readonly data: string;
  readonly trainedOn: readonly string[];
  readonly validatedOn: readonly string[];
  /** The training: its command, steps and seed. */
  readonly command: string;
  readonly steps: number;
  readonly seed: number;
  /** Figures on images that it was not trained on: a title, the column names, the rows. */
  readonly tables: readonly {
    readonly title: string;
    readonly columns: readonly string[];
    readonly rows: readonly (readonly (string | number)[])[];
  }[];
}

/** Trained weights as a module of the package holds them: half floats of a safetensors file, base64. */
export interface ShippedWeights {
  readonly safetensors: string;
}
