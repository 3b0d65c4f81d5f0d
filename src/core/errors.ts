/** An error that says what came, what was expected and what to try; `details` holds the values it speaks of. */
export class PullbackError extends Error {
  // Written out, for a minified page renames classes.
  override readonly name: string = "PullbackError";
  readonly details: Readonly<Record<string, unknown>>;
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.details = details;
  }
}
/** Shapes that do not fit each other or the operation. */
export class ShapeError extends PullbackError {
  override readonly name: string = "ShapeError";
}
/** Grids (size, spacing, origin, direction) that differ or are not usable. */
export class GridError extends PullbackError {
  override readonly name: string = "GridError";
}
/** An argument outside its domain. */
export class ArgumentError extends PullbackError {
  override readonly name: string = "ArgumentError";
}
/** A file or byte sequence that cannot be read as what it claims to be. */
export class FormatError extends PullbackError {
  override readonly name: string = "FormatError";
}
/** A file or folder that cannot be written. */
export class OutputError extends PullbackError {
  override readonly name: string = "OutputError";
}
/** More memory needed than there is. */
export class MemoryError extends PullbackError {
  override readonly name: string = "MemoryError";
}
/** A value used after its scope has freed it, or an operation that has no derivative asked for one. */
export class UseError extends PullbackError {
  override readonly name: string = "UseError";
}
/** Stopped by an AbortSignal. */
export class AbortedError extends PullbackError {
  override readonly name: string = "AbortedError";
}
/** A tool or package that is not installed; the message holds the one install line. */
export class MissingPeerError extends PullbackError {
  override readonly name: string = "MissingPeerError";
}
