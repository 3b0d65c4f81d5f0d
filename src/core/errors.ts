/** An error that says what came, what was expected and what to try; `details` holds the values it speaks of. */
export class PullbackError extends Error {
  readonly details: Readonly<Record<string, unknown>>;
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.details = details;
  }
}
/** Shapes that do not fit each other or the operation. */
export class ShapeError extends PullbackError {}
/** Grids (size, spacing, origin, direction) that differ or are not usable. */
export class GridError extends PullbackError {}
/** An argument outside its domain. */
export class ArgumentError extends PullbackError {}
/** A file or byte sequence that cannot be read as what it claims to be. */
export class FormatError extends PullbackError {}
/** A file or folder that cannot be written. */
export class OutputError extends PullbackError {}
/** More memory needed than there is. */
export class MemoryError extends PullbackError {}
/** A value used after its scope has freed it, or an operation that has no derivative asked for one. */
export class UseError extends PullbackError {}
/** Stopped by an AbortSignal. */
export class AbortedError extends PullbackError {}
/** A tool or package that is not installed; the message holds the one install line. */
export class MissingPeerError extends PullbackError {}
