import { UseError } from "../core/errors.js";
import { detached, recording } from "../core/scope.js";
import { primitives } from "./registry.js";
import { Tensor, Traced } from "./tensor.js";

/**
 * What a rule sees. Values may themselves be under differentiation (a derivative of a derivative), so rules must be written
 * with differentiable operations; only `saved` is a plain value, present exactly when nothing outside is being differentiated.
 */
export interface Context<P> {
  /** What it took. */
  readonly inputs: readonly Tensor[];
  /** What it gave. */
  readonly outputs: readonly Tensor[];
  /** Its constants. */
  readonly params: P;
  /** What `forward` put aside with `save`: intermediate results that make the vjp cheaper. */
  readonly saved?: unknown;
  /** Which inputs want a cotangent. */
  readonly needs: readonly boolean[];
}

/**
 * An operation with its derivative rules.
 *  forward   concrete tensors in, concrete tensors out (kernel for f32/i32/c64, reference twin for f64/c128)
 *  vjp       cotangents of the outputs ↦ cotangents of the inputs, Jᵀ g (for complex values: with conjugates, so that for a real
 *            L the cotangent of z = x + iy is ∂L/∂x + i ∂L/∂y). `undefined` stands for zero.
 *  jvp       tangents of the inputs ↦ tangents of the outputs, J t. When absent it is had by transposing the vjp.
 */
export interface Primitive<P = undefined> {
  /** What it is called. */
  readonly name: string;
  /** The outputs. */
  readonly forward: (inputs: readonly Tensor[], params: P, save: (value: unknown) => void) => readonly Tensor[];
  /** Cotangents of the inputs from those of the outputs. */
  readonly vjp: (context: Context<P>, cotangents: readonly (Tensor | undefined)[]) => readonly (Tensor | undefined)[];
  /** Tangents of the outputs from those of the inputs. */
  readonly jvp?: (context: Context<P>, tangents: readonly (Tensor | undefined)[]) => readonly (Tensor | undefined)[];
}

/** Applies a primitive with one output. */
export type Applied<P> = (inputs: readonly Tensor[], params: P) => Tensor;

/** Enrol a primitive with one output and return the function that applies it. */
export function define<P>(rule: {
  readonly name: string;
  readonly forward: (inputs: readonly Tensor[], params: P, save: (value: unknown) => void) => Tensor;
  readonly vjp: (context: Context<P> & { readonly output: Tensor }, cotangent: Tensor) => readonly (Tensor | undefined)[];
  readonly jvp?: (context: Context<P> & { readonly output: Tensor }, tangents: readonly (Tensor | undefined)[]) => Tensor | undefined;
}): Applied<P> {
  const { jvp } = rule;
  const many = defineMany<P>({
    name: rule.name,
    forward: (inputs, params, save) => [rule.forward(inputs, params, save)],
    vjp: (c, [g]) => (g ? rule.vjp({ ...c, output: c.outputs[0] }, g) : c.inputs.map(() => undefined)),
    jvp: jvp ? (c, t) => [jvp({ ...c, output: c.outputs[0] }, t)] : undefined,
  });
  return (inputs, params) => many(inputs, params)[0];
}

/** Enrol a primitive with any number of outputs. */
export function defineMany<P>(rule: Primitive<P>): (inputs: readonly Tensor[], params: P) => readonly Tensor[] {
  if (primitives.has(rule.name)) throw new UseError(`primitive ${rule.name} is defined twice`, { name: rule.name });
  primitives.set(rule.name, rule as unknown as Primitive<never>);
  return (inputs, params) => apply(rule, inputs, params);
}

/** The `save` that `forward` gets when no derivative will be asked for: compare with it before computing what only a vjp needs. */
export const unsaved = (): void => {};

/** Apply a primitive: the innermost differentiation under way among the inputs decides what happens; without one, compute. */
export function apply<P>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
  let trace: Trace | undefined;
  for (const t of inputs) if (t instanceof Traced && (trace === undefined || t.trace.level > trace.level)) trace = t.trace;
  return trace ? trace.process(primitive, inputs, params) : primitive.forward(inputs, params, unsaved);
}

const isFloat = (t: Tensor) => t.dtype !== "i32";
let levels = 0;
/** Run with a fresh, innermost level. */
function atNewLevel<T>(fn: (level: number) => T): T {
  levels++;
  try {
    return fn(levels);
  } finally {
    levels--;
  }
}

/** A differentiation under way. The innermost one among an operation's inputs processes it. */
export interface Trace {
  readonly level: number;
  process<P>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): readonly Tensor[];
}

/** One recorded operation. */
export interface Node {
  readonly primitive: Primitive<unknown> | undefined; // undefined: an input of the differentiated function
  readonly params: unknown;
  readonly inputs: readonly Tensor[];
  readonly lowered: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly saved: unknown;
  cotangents: (Tensor | undefined)[];
}

class ReverseTrace implements Trace {
  readonly tape: Node[] = [];
  constructor(readonly level: number) {}

  variable(value: Tensor): Traced {
    const node: Node = {
      primitive: undefined,
      params: undefined,
      inputs: [],
      lowered: [],
      outputs: [value],
      saved: undefined,
      cotangents: [undefined],
    };
    return new Traced(this, value, node, 0);
  }

  process<P>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
    const lowered = inputs.map((t) => (t instanceof Traced && t.trace === this ? t.primal : t));
    let saved: unknown;
    const outputs = lowered.some((t) => t instanceof Traced)
      ? apply(primitive, lowered, params)
      : primitive.forward(lowered, params, (value) => {
          saved = value;
        });
    const node: Node = {
      primitive: primitive as Primitive<unknown>,
      params,
      inputs,
      lowered,
      outputs,
      saved,
      cotangents: outputs.map(() => undefined),
    };
    this.tape.push(node);
    return outputs.map((o, i) => (isFloat(o) ? new Traced(this, o, node, i) : o));
  }

  /** Give every node on the way the cotangent that flows to it, last first. */
  backward(outputs: readonly Tensor[], cotangents: readonly Tensor[]): void {
    for (const [i, o] of outputs.entries()) this.#add(o, cotangents[i]);
    for (let k = this.tape.length - 1; k >= 0; k--) {
      const node = this.tape[k];
      if (!node.cotangents.some((g) => g !== undefined)) continue;
      const needs = node.inputs.map((t) => t instanceof Traced && t.trace === this);
      const context: Context<unknown> = { inputs: node.lowered, outputs: node.outputs, params: node.params, saved: node.saved, needs };
      const pull = () => (node.primitive as Primitive<unknown>).vjp(context, node.cotangents);
      const nested = [...node.lowered, ...node.cotangents].some((t) => t instanceof Traced);
      const back = nested ? pull() : detached(pull); // without an outer differentiation the rule's temporaries can go at once
      node.cotangents = [];
      node.inputs.forEach((t, i) => {
        const g = back[i];
        if (needs[i] && g) this.#add(t, g);
      });
    }
  }

  #add(target: Tensor, g: Tensor): void {
    if (!(target instanceof Traced) || target.trace !== this) return;
    const node = target.node as Node;
    const before = node.cotangents[target.index];
    node.cotangents[target.index] = before ? before.add(g) : g;
  }
}

/**
 * y = f(x) together with the function that pulls cotangents of y back to x, ḡ ↦ Jᵀ ḡ, as often as wanted.
 * Values made on the way live until the surrounding scope ends.
 */
export function pullback(
  f: (...xs: Tensor[]) => readonly Tensor[],
  xs: readonly Tensor[],
): { values: readonly Tensor[]; pull: (cotangents: readonly Tensor[]) => Tensor[] } {
  return atNewLevel((level) => {
    const trace = new ReverseTrace(level);
    const variables = xs.map((x) => trace.variable(x));
    const outputs = recording(() => f(...variables));
    const values = outputs.map((o) => (o instanceof Traced && o.trace === trace ? o.primal : o));
    return {
      values,
      pull: (cotangents) =>
        recording(() => {
          trace.backward(outputs, cotangents);
          return variables.map((v) => {
            const node = v.node as Node;
            const g = node.cotangents[0] ?? Tensor.zeros(v.shape, v.dtype);
            node.cotangents = [];
            return g;
          });
        }),
    };
  });
}

class ForwardTrace implements Trace {
  constructor(readonly level: number) {}

  process<P>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
    const mine = (t: Tensor): t is Traced => t instanceof Traced && t.trace === this;
    const lowered = inputs.map((t) => (mine(t) ? t.primal : t));
    const tangents = inputs.map((t) => (mine(t) ? t.tangent : undefined));
    const outputs = apply(primitive, lowered, params);
    const needs = tangents.map((t) => t !== undefined);
    const context: Context<P> = { inputs: lowered, outputs, params, needs };
    const out = primitive.jvp ? primitive.jvp(context, tangents) : transposed(primitive, context, tangents);
    return outputs.map((o, i) => (out[i] && isFloat(o) ? new Traced(this, o, undefined, i, out[i]) : o));
  }
}

/** J t from the vjp alone: ḡ ↦ ⟨Jᵀ ḡ, t⟩ is linear, and its gradient with respect to ḡ is J t. */
function transposed<P>(
  primitive: Primitive<P>,
  context: Context<P>,
  tangents: readonly (Tensor | undefined)[],
): readonly (Tensor | undefined)[] {
  const dual = context.outputs.map((o) => Tensor.zeros(o.shape, o.dtype));
  const { values, pull } = pullback((...g) => {
    let total: Tensor | undefined;
    primitive.vjp(context, g).forEach((c, i) => {
      const t = tangents[i];
      if (!c || !t) return;
      const term = c.innerProduct(t);
      total = total ? total.add(term) : term;
    });
    return total ? [total] : [];
  }, dual);
  return values.length === 0 ? context.outputs.map(() => undefined) : pull([Tensor.ones([], values[0].dtype)]);
}

/** f(x) and its directional derivative J t at once, without a tape. */
export function pushforward(
  f: (...xs: Tensor[]) => readonly Tensor[],
  xs: readonly Tensor[],
  ts: readonly Tensor[],
): { values: readonly Tensor[]; tangents: readonly Tensor[] } {
  return atNewLevel((level) => {
    const trace = new ForwardTrace(level);
    const outputs = f(...xs.map((x, i) => new Traced(trace, x, undefined, 0, ts[i])));
    const mine = (o: Tensor): o is Traced => o instanceof Traced && o.trace === trace;
    return {
      values: outputs.map((o) => (mine(o) ? o.primal : o)),
      tangents: outputs.map((o) => (mine(o) ? (o.tangent as Tensor) : Tensor.zeros(o.shape, o.dtype))),
    };
  });
}
