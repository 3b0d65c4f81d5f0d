import { broadcastShapes, type Shape } from "../core/shape.js";
import { call, type Expression, elementwise, input } from "../kernels/elementwise.js";
import { engine } from "../kernels/engine.js";
import { binary, unary } from "../kernels/reference/elementwise.js";
import type { ElementwiseFunction } from "../kernels/vectorMath.js";
import { apply, type Primitive, type Trace } from "./primitive.js";
import type { Storage } from "./storage.js";
import { Tensor, Traced } from "./tensor.js";

const isElementwise = (name: string) => name in unary || name in binary || name === "select";
/** Arrays one loop reads; a formula of more is cut. */
const mostOperands = 12;

/** An operation noted down, not yet done. */
class Noted {
  value: Tensor | undefined;
  constructor(
    readonly name: ElementwiseFunction,
    readonly args: readonly (Noted | Tensor)[],
    readonly shape: Shape,
  ) {}

  /** The formula down to what has been computed, and the arrays it reads. */
  #formula(): { expression: Expression; operands: Tensor[] } {
    const operands: Tensor[] = [];
    const known = new Map<Noted | Tensor, Expression>();
    const visit = (x: Noted | Tensor): Expression => {
      const found = known.get(x);
      if (found) return found;
      const tensor = x instanceof Noted ? x.value : x;
      let e: Expression;
      if (tensor) {
        operands.push(tensor);
        e = input(operands.length - 1);
      } else e = call((x as Noted).name, ...(x as Noted).args.map(visit));
      known.set(x, e);
      return e;
    };
    return { expression: visit(this), operands };
  }
  #run(out: Tensor | undefined, sum: boolean): number {
    let { expression, operands } = this.#formula();
    if (operands.length > mostOperands) {
      for (const a of this.args) if (a instanceof Noted) a.compute();
      ({ expression, operands } = this.#formula());
    }
    return elementwise(engine(), expression, operands, this.shape, out?.pointer, { sum });
  }
  compute(): Tensor {
    if (!this.value) {
      const out = Tensor.uninitialised(this.shape);
      this.#run(out, false);
      this.value = out;
    }
    return this.value;
  }
  sum(): Tensor {
    return this.value ? this.value.sum() : Tensor.scalar(this.#run(undefined, true));
  }
}

/** Notes elementwise operations down; anything else has its arguments computed, in one loop each, and goes on as usual. */
class FusionTrace implements Trace {
  readonly level = Number.POSITIVE_INFINITY;
  readonly #notes = new WeakMap<Tensor, Noted | Tensor>();

  wrap(note: Noted | Tensor): Traced {
    // Reading the values inside the function computes them.
    const value = () => (note instanceof Noted ? note.compute() : note);
    const storage = {
      dtype: "f32",
      get length() {
        return value().storage.length;
      },
      get pointer() {
        return value().pointer;
      },
      get data() {
        return value().storage.data;
      },
    };
    const traced = new Traced(this, new Tensor(note.shape, "f32", storage as unknown as Storage), undefined, 0);
    this.#notes.set(traced, note);
    return traced;
  }
  /** What it stands for, if it is one of ours. */
  #note(t: Tensor): Noted | Tensor {
    return this.#notes.get(t) ?? t;
  }
  value(t: Tensor): Tensor {
    const note = this.#note(t);
    return note instanceof Noted ? note.compute() : note;
  }
  process<P>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
    const notes = inputs.map((t) => this.#note(t));
    const plain = notes.every((t) => t instanceof Noted || (t.dtype === "f32" && !(t instanceof Traced)));
    if (plain && isElementwise(primitive.name)) {
      const shape = notes.map((t) => t.shape).reduce((a, b) => broadcastShapes(a, b, primitive.name));
      return [this.wrap(new Noted(primitive.name as ElementwiseFunction, notes, shape))];
    }
    const [x] = notes;
    if (primitive.name === "sum" && x instanceof Noted && (params as { axes: readonly number[] }).axes.length === x.shape.length)
      return [this.wrap(x.sum())];
    const outputs = apply(
      primitive,
      inputs.map((t) => this.value(t)),
      params,
    );
    return outputs.map((o) => (o.dtype === "f32" && !(o instanceof Traced) ? this.wrap(o) : o));
  }
}

/**
 * The same function with its elementwise operations joined: every chain of them is one pass over the data in one compiled loop, and
 * a sum over all elements at its end goes into the same loop. `fused((a, b, c) => a.mul(b).add(c).exp().sum())` reads three arrays and
 * writes none. Results agree with the function's own to rounding (a·b + c is rounded once in the relaxed build).
 * Under differentiation, and for types other than f32, it is the function itself. The code is made once for each formula.
 */
export function fused<A extends readonly Tensor[]>(fn: (...xs: A) => Tensor): (...xs: A) => Tensor {
  return (...xs) => {
    if (xs.some((x) => x instanceof Traced || x.dtype !== "f32")) return fn(...xs);
    const trace = new FusionTrace();
    return trace.value(fn(...(xs.map((x) => trace.wrap(x)) as unknown as A)));
  };
}
