/** What there is to know of trained weights before one trusts them. */
export interface Card {
  /** What it is called. */
  readonly name: string;
  /** The network and what it was trained to undo: the operator A and the noise of its data, and the scale of its values. */
  readonly what: string;
  /** How many numbers were learned, and the size of the file. */
  readonly weights: number;
  /** Of the weights. */
  readonly bytes: number;
  /** Under which the weights may be used. */
  readonly licence: string;
  /** The images, and what their owners allow. */
  readonly data: string;
  /** The pictures, and where they come from. */
  readonly trainedOn: readonly string[];
  /** Pictures that it has not learned from. */
  readonly validatedOn: readonly string[];
  /** The training: its command, steps and seed. */
  readonly command: string;
  /** Of the training. */
  readonly steps: number;
  /** Of the training. */
  readonly seed: number;
  /** Figures on images that it was not trained on: a title, the column names, the rows. */
  readonly tables: readonly {
    /** The heading. */
    readonly title: string;
    /** The names of the columns. */
    readonly columns: readonly string[];
    /** Row by row. */
    readonly rows: readonly (readonly (string | number)[])[];
  }[];
}

/** Trained weights as a module of the package holds them: half floats of a safetensors file, base64. */
export interface ShippedWeights {
  /** The file, in base64. */
  readonly safetensors: string;
}
