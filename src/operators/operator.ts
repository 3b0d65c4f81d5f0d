import { ShapeError } from "../core/errors.js";
import type { Diagonalisation, LinearOperator } from "../core/interfaces.js";
import { type Shape, shapeText, sizeOf } from "../core/shape.js";
import { powerNorm } from "../solvers/operatorNorm.js";
import { concat, custom, type DType, scope, type Tensor } from "../tensor/index.js";

export { powerNorm };

/** What a linear operator is made of: shapes, the map, its adjoint, and what is known of them. */
export interface OperatorDefinition {
  /** For messages: "blur", "radon". */
  readonly name: string;
  /** Shape of what it takes. */
  readonly domain: Shape;
  /** Shape of what it gives. */
  readonly range: Shape;
  /** Default f32; c64 for complex. */
  readonly domainType?: DType;
  /** Type of what it gives; default that of what it takes. */
  readonly rangeType?: DType;
  /** x ↦ Ax and y ↦ A*y as plain computations; their derivatives are each other. */
  readonly apply: (x: Tensor) => Tensor;
  /** A* y. */
  readonly adjoint: (y: Tensor) => Tensor;
  /** A*A x in one go, where that is cheaper. */
  readonly normal?: (x: Tensor) => Tensor;
  /** ‖A‖, where it is known. */
  readonly norm?: number;
  /** (A*A + ρ)⁻¹ b, where it is known. */
  readonly normalInverse?: (b: Tensor, rho: number) => Tensor;
  /** Whether A*A is the identity. */
  readonly unitary?: boolean;
  /** Gives `normal`, `normalInverse` and the norm where they are not given. */
  readonly diagonalisation?: Diagonalisation;
}

/**
 * A linear operator made of two plain functions: checked shapes, derivatives in both modes and of any order (the derivative of A is A, its pull-back
 * A*), the norm by Lanczos' method when it is asked for and remembered, and an algebra.
 */
export class Operator implements LinearOperator {
  /** What it is called. */
  readonly name: string;
  /** Shape of what it takes. */
  readonly domain: Shape;
  /** Shape of what it gives. */
  readonly range: Shape;
  readonly domainType: DType;
  /** Type of what it gives; default that of what it takes. */
  readonly rangeType: DType;
  /** A*A x in one go, where that is cheaper. */
  readonly normal?: (x: Tensor) => Tensor;
  /** (A*A + ρ)⁻¹ b, where it is known. */
  readonly normalInverse?: (b: Tensor, rho: number) => Tensor;
  readonly diagonalisation?: Diagonalisation;
  /** Whether A*A is the identity. */
  readonly unitary?: boolean;
  readonly #forward: (x: Tensor) => Tensor;
  readonly #backward: (y: Tensor) => Tensor;
  #norm: number | undefined;

  /** Of its definition. */
  constructor(
    /** What it is made of. */
    readonly definition: OperatorDefinition,
  ) {
    const d = definition;
    this.name = d.name;
    this.domain = d.domain;
    this.range = d.range;
    this.domainType = d.domainType ?? "f32";
    this.rangeType = d.rangeType ?? "f32";
    this.unitary = d.unitary;
    this.#norm = d.norm;
    const linear = (value: (x: Tensor) => Tensor, back: () => (y: Tensor) => Tensor): ((x: Tensor) => Tensor) => {
      const self: (x: Tensor) => Tensor = custom({
        value,
        vjp: (g) => [back()(g)],
        jvp: ([t]) => t && self(t),
      });
      return self;
    };
    this.#forward = linear(d.apply, () => this.#backward);
    this.#backward = linear(d.adjoint, () => this.#forward);
    const diagonal = d.diagonalisation;
    this.diagonalisation = diagonal;
    const normal = d.normal ?? (diagonal && ((x: Tensor) => diagonal.synthesise(diagonal.analyse(x).mul(diagonal.values(x.dtype)))));
    if (normal) {
      const self: (x: Tensor) => Tensor = linear(normal, () => self);
      this.normal = self;
    }
    const inverse =
      d.normalInverse ??
      (diagonal && ((b: Tensor, rho: number) => diagonal.synthesise(diagonal.analyse(b).div(diagonal.values(b.dtype).add(rho)))));
    if (inverse) {
      this.normalInverse = (b, rho) => {
        const self: (x: Tensor) => Tensor = linear(
          (v) => inverse(v, rho),
          () => self,
        );
        return self(b);
      };
    }
  }
  /** @throws ShapeError when x is not of the domain */
  apply(x: Tensor): Tensor {
    this.#check("apply", x, this.domain, this.domainType);
    return this.#forward(x);
  }
  /** @throws ShapeError when y is not of the range */
  adjoint(y: Tensor): Tensor {
    this.#check("adjoint", y, this.range, this.rangeType);
    return this.#backward(y);
  }
  #check(what: string, x: Tensor, shape: Shape, dtype: DType): void {
    const complex = (t: DType) => t === "c64" || t === "c128";
    if (x.rank !== shape.length || shape.some((n, i) => n !== x.shape[i]))
      throw new ShapeError(`${this.name}: ${what} of ${shapeText(x.shape)}; expected ${shapeText(shape)}`, {
        shape: x.shape,
        expected: shape,
      });
    if (complex(x.dtype) !== complex(dtype))
      throw new ShapeError(
        `${this.name}: ${what} of ${complex(x.dtype) ? "complex" : "real"} numbers; expected ${complex(dtype) ? "complex" : "real"} ones`,
        { dtype: x.dtype, expected: dtype },
      );
  }
  /** ‖A‖, as given or by Lanczos' method, once. */
  norm(): number {
    this.#norm ??= this.diagonalisation ? largestOf(this.diagonalisation, this.domainType) : powerNorm(this);
    return this.#norm;
  }
  /** The same with a norm that is known. */
  withNorm(norm: number): Operator {
    return new Operator({ ...this.definition, norm });
  }

  /** A ∘ B: first B, then this. */
  after(b: LinearOperator): Operator {
    return compose(this, b);
  }
  /** A + B. */
  plus(b: LinearOperator): Operator {
    return sum(this, b);
  }
  /** c A. */
  scaled(c: number): Operator {
    return new Operator({
      name: `${c} ${this.name}`,
      ...shapesOf(this),
      apply: (x) => this.apply(x).mul(c),
      adjoint: (y) => this.adjoint(y).mul(c),
      normal: this.normal && ((x) => (this.normal as (x: Tensor) => Tensor)(x).mul(c * c)),
      norm: this.#norm === undefined ? undefined : Math.abs(c) * this.#norm,
      diagonalisation: this.diagonalisation && {
        ...this.diagonalisation,
        values: (type) => (this.diagonalisation as Diagonalisation).values(type).mul(c * c),
      },
    });
  }
  /** A*. */
  get transposed(): Operator {
    return adjointOf(this);
  }
}

/** The root of the largest eigenvalue. */
const largestOf = (d: Diagonalisation, type: DType) =>
  scope(() => {
    const values = d.values(type);
    return values.size === 0 ? 0 : Math.sqrt(Math.max(0, values.max().item()));
  });
const shapesOf = (a: LinearOperator) => ({
  domain: a.domain,
  range: a.range,
  domainType: a.domainType ?? "f32",
  rangeType: a.rangeType ?? "f32",
});
const nameOf = (a: LinearOperator) => (a as { name?: string }).name ?? "operator";

/** A ∘ B. @throws ShapeError when B's range is not A's domain */
export function compose(a: LinearOperator, b: LinearOperator): Operator {
  if (shapeText(a.domain) !== shapeText(b.range))
    throw new ShapeError(`compose: ${nameOf(b)} gives ${shapeText(b.range)}, but ${nameOf(a)} takes ${shapeText(a.domain)}`, {});
  return new Operator({
    name: `${nameOf(a)} ∘ ${nameOf(b)}`,
    domain: b.domain,
    range: a.range,
    domainType: b.domainType ?? "f32",
    rangeType: a.rangeType ?? "f32",
    apply: (x) => a.apply(b.apply(x)),
    adjoint: (y) => b.adjoint(a.adjoint(y)),
    normal: a.unitary
      ? b.normal && ((x) => (b.normal as (x: Tensor) => Tensor)(x))
      : a.normal && ((x) => b.adjoint((a.normal as (x: Tensor) => Tensor)(b.apply(x)))),
    unitary: a.unitary && b.unitary,
    // A unitary A changes nothing of B*A*AB.
    diagonalisation: a.unitary ? b.diagonalisation : undefined,
  });
}
/** A + B, of the same shapes. */
export function sum(...all: readonly LinearOperator[]): Operator {
  requireSame("sum", all, "domain");
  requireSame("sum", all, "range");
  const add = (xs: readonly Tensor[]) => xs.reduce((s, x) => s.add(x));
  return new Operator({
    name: all.map(nameOf).join(" + "),
    ...shapesOf(all[0]),
    apply: (x) => add(all.map((a) => a.apply(x))),
    adjoint: (y) => add(all.map((a) => a.adjoint(y))),
  });
}
/** A*. */
export function adjointOf(a: LinearOperator): Operator {
  return new Operator({
    name: `${nameOf(a)}*`,
    domain: a.range,
    range: a.domain,
    domainType: a.rangeType ?? "f32",
    rangeType: a.domainType ?? "f32",
    apply: (y) => a.adjoint(y),
    adjoint: (x) => a.apply(x),
    unitary: a.unitary,
    norm: a instanceof Operator ? a.norm() : a.norm?.(),
  });
}
/** x ↦ (A₁x, A₂x, …), laid end to end as one vector of numbers; its adjoint is the sum of theirs. */
export function stacked(...all: readonly LinearOperator[]): Operator {
  requireSame("stacked", all, "domain");
  requireType(
    "stacked",
    all.map((a) => a.rangeType ?? "f32"),
  );
  const sizes = all.map((a) => sizeOf(a.range));
  const parts = splitter(sizes);
  return new Operator({
    name: `(${all.map(nameOf).join("; ")})`,
    domain: all[0].domain,
    range: [sizes.reduce((s, n) => s + n, 0)],
    domainType: all[0].domainType,
    rangeType: all[0].rangeType,
    apply: (x) => concat(all.map((a) => a.apply(x).reshape(sizeOf(a.range)))),
    adjoint: (y) =>
      parts(y)
        .map((p, k) => all[k].adjoint(p.reshape(...all[k].range)))
        .reduce((s, x) => s.add(x)),
    normal: (x) => all.map((a) => (a.normal ? a.normal(x) : a.adjoint(a.apply(x)))).reduce((s, v) => s.add(v)),
  });
}
/** (x₁, x₂, …) ↦ A₁x₁ + A₂x₂ + …, the parts laid end to end as one vector. */
export function sideBySide(...all: readonly LinearOperator[]): Operator {
  requireSame("sideBySide", all, "range");
  requireType(
    "sideBySide",
    all.map((a) => a.domainType ?? "f32"),
  );
  const sizes = all.map((a) => sizeOf(a.domain));
  const parts = splitter(sizes);
  return new Operator({
    name: `(${all.map(nameOf).join(", ")})`,
    domain: [sizes.reduce((s, n) => s + n, 0)],
    range: all[0].range,
    domainType: all[0].domainType,
    rangeType: all[0].rangeType,
    apply: (x) =>
      parts(x)
        .map((p, k) => all[k].apply(p.reshape(...all[k].domain)))
        .reduce((s, y) => s.add(y)),
    adjoint: (y) => concat(all.map((a) => a.adjoint(y).reshape(sizeOf(a.domain)))),
  });
}
/** (x₁, x₂, …) ↦ (A₁x₁, A₂x₂, …), parts laid end to end. */
export function blockDiagonal(...all: readonly LinearOperator[]): Operator {
  requireType(
    "blockDiagonal",
    all.map((a) => a.domainType ?? "f32"),
  );
  requireType(
    "blockDiagonal",
    all.map((a) => a.rangeType ?? "f32"),
  );
  const [domains, ranges] = [all.map((a) => sizeOf(a.domain)), all.map((a) => sizeOf(a.range))];
  const [fromDomain, fromRange] = [splitter(domains), splitter(ranges)];
  const known = all.map((a) => (a instanceof Operator ? a.definition.norm : undefined));
  return new Operator({
    name: `diag(${all.map(nameOf).join(", ")})`,
    domain: [domains.reduce((s, n) => s + n, 0)],
    range: [ranges.reduce((s, n) => s + n, 0)],
    domainType: all[0].domainType,
    rangeType: all[0].rangeType,
    apply: (x) => concat(fromDomain(x).map((p, k) => all[k].apply(p.reshape(...all[k].domain)).reshape(ranges[k]))),
    adjoint: (y) => concat(fromRange(y).map((p, k) => all[k].adjoint(p.reshape(...all[k].range)).reshape(domains[k]))),
    norm: known.every((n): n is number => n !== undefined) ? Math.max(...known) : undefined,
  });
}

const splitter = (sizes: readonly number[]) => (x: Tensor) => {
  let at = 0;
  return sizes.map((n) => {
    const part = x.slice([at], [at + n]);
    at += n;
    return part;
  });
};
function requireSame(who: string, all: readonly LinearOperator[], side: "domain" | "range"): void {
  if (all.length === 0) throw new ShapeError(`${who}: no operators came; give at least one`, {});
  const wrong = all.find((a) => shapeText(a[side]) !== shapeText(all[0][side]));
  if (wrong)
    throw new ShapeError(
      `${who}: ${nameOf(all[0])} and ${nameOf(wrong)} have the ${side}s ${shapeText(all[0][side])} and ${shapeText(wrong[side])}; they must agree`,
      {},
    );
}
function requireType(who: string, types: readonly DType[]): void {
  if (types.length === 0) throw new ShapeError(`${who}: no operators came; give at least one`, {});
  if (types.some((t) => t !== types[0]))
    throw new ShapeError(`${who}: real and complex parts cannot be laid end to end; make all complex`, { types });
}
