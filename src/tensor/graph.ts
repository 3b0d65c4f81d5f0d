import { recording } from "../core/scope.js";
import { apply, type Primitive, type Trace } from "./primitive.js";
import { type Tensor, Traced } from "./tensor.js";

/** One operation of a recorded computation: which primitive, its options, what went in and what came out. */
export interface Operation {
  readonly primitive: string;
  readonly params: unknown;
  /** Tensors of the recording (an input, an output of an earlier operation), or constants. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}
/** A computation as a list of operations, in the order in which they were done. */
export interface Recording {
  readonly inputs: readonly Tensor[];
  readonly operations: readonly Operation[];
  readonly outputs: readonly Tensor[];
}

/** Writes down what is done with its tensors; differentiations under way inside, which count from 1, come first. */
class RecordingTrace implements Trace {
  readonly level = 0;
  readonly operations: Operation[] = [];
  process<P>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
    const lowered = inputs.map((t) => (t instanceof Traced && t.trace === this ? t.primal : t));
    const outputs = apply(primitive, lowered, params).map((o, i) => new Traced(this, o, undefined, i));
    this.operations.push({ primitive: primitive.name, params, inputs, outputs });
    return outputs;
  }
}

/**
 * What f does with tensors like these, operation by operation: for exporting it. f runs once; what does not depend on the inputs is done
 * then, and is a constant of the recording, as is whatever f reads off its numbers (`data`, `item`). Not to be used while something is
 * being differentiated. Values live until the surrounding scope ends.
 */
export function record(f: (...xs: Tensor[]) => readonly Tensor[], xs: readonly Tensor[]): Recording {
  const trace = new RecordingTrace();
  const inputs = xs.map((x, i) => new Traced(trace, x, undefined, i));
  const outputs = recording(() => f(...inputs)); // inner scopes would free the constants
  return { inputs, operations: trace.operations, outputs };
}
/** Whether a tensor belongs to a recording rather than being a constant of it. */
export const isRecorded = (t: Tensor): boolean => t instanceof Traced;
