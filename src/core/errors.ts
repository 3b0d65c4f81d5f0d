/** An error that says what came, what was expected and what to try; `details` holds the values it speaks of. */
export class PullbackError extends Error {
  // Written out, for a minified page renames classes.
  /** The class's name. */
  override readonly name: string = "PullbackError";
  /** What the sentence speaks of, by name. */
  readonly details: Readonly<Record<string, unknown>>;
  /** A sentence that says what came, what was expected and what to try; and what it speaks of, by name. */
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.details = details;
  }
}
/** Shapes that do not fit each other or the operation. */
export class ShapeError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "ShapeError";
}
/** Grids (size, spacing, origin, direction) that differ or are not usable. */
export class GridError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "GridError";
}
/** An argument outside its domain. */
export class ArgumentError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "ArgumentError";
}
/** A file or byte sequence that cannot be read as what it claims to be. */
export class FormatError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "FormatError";
}
/** A file or folder that cannot be written. */
export class OutputError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "OutputError";
}
/** More memory needed than there is. */
export class MemoryError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "MemoryError";
}
/** A value used after its scope has freed it, or an operation that has no derivative asked for one. */
export class UseError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "UseError";
}
/** Stopped by an AbortSignal. */
export class AbortedError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "AbortedError";
}
/** A tool or package that is not installed; the message holds the one install line. */
export class MissingPeerError extends PullbackError {
  /** The class's name. */
  override readonly name: string = "MissingPeerError";
}
