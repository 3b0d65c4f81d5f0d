import type { Graph, Opcode, Value } from "./emit.js";

/**
 * The elementary functions on four floats, as graphs of vector operations: right to about two units in the last place over the
 * whole range, infinities and NaN included. Where a float is too coarse on the way (the period of sin, the exponent of pow) two
 * halves go through doubles.
 * Reductions and polynomials of expm1, log, sin, cos, asin and atan: S. L. Moshier, Cephes Mathematical Library, single precision.
 * The polynomials of exp, of erf and of 2ᶠ in double are our own least-maximum fits.
 */
export class VectorMath {
  /** With `usually`: where (masks) the shorter ways taken are right. */
  readonly where: Value[] = [];
  /** @param usually take shorter ways, right to the bit in the usual case */
  constructor(
    readonly graph: Graph,
    readonly usually = false,
  ) {}

  // Words
  #o(kind: Opcode, ...args: Value[]): Value {
    return this.graph.op(kind, ...args);
  }
  c(x: number): Value {
    return this.graph.f32(x);
  }
  add(a: Value, b: Value): Value {
    return this.#o("f32x4.add", a, b);
  }
  sub(a: Value, b: Value): Value {
    return this.#o("f32x4.sub", a, b);
  }
  mul(a: Value, b: Value): Value {
    return this.#o("f32x4.mul", a, b);
  }
  div(a: Value, b: Value): Value {
    return this.#o("f32x4.div", a, b);
  }
  abs(a: Value): Value {
    return this.#o("f32x4.abs", a);
  }
  neg(a: Value): Value {
    return this.#o("f32x4.neg", a);
  }
  sqrt(a: Value): Value {
    return this.#o("f32x4.sqrt", a);
  }
  /** mask ? a : b */
  pick(mask: Value, a: Value, b: Value): Value {
    return this.#o("bitselect", a, b, mask);
  }
  /** Σ cₖ xᵏ, c from the highest power down. */
  #poly(x: Value, ...coefficients: number[]): Value {
    return coefficients.slice(1).reduce((p, k) => this.graph.fma(p, x, this.c(k)), this.c(coefficients[0]));
  }
  #poly64(x: Value, ...coefficients: number[]): Value {
    return coefficients.slice(1).reduce((p, k) => this.graph.fma(p, x, this.graph.f64(k), "f64x2"), this.graph.f64(coefficients[0]));
  }
  #signOf(a: Value): Value {
    return this.#o("and", a, this.graph.i32(-0x80000000));
  }
  /** |a| with the sign of b. */
  #withSign(a: Value, b: Value): Value {
    return this.#o("or", a, this.#signOf(b));
  }
  #isNaN(a: Value): Value {
    return this.#o("f32x4.ne", a, a);
  }
  /** Both halves through doubles. */
  #inDouble(f: (...args: Value[]) => Value, ...args: Value[]): Value {
    const low = f(...args.map((a) => this.#o("promote", a)));
    const high = f(...args.map((a) => this.#o("promote", this.graph.shuffle(a, a, 2, 3, 2, 3))));
    return this.graph.shuffle(this.#o("demote", low), this.#o("demote", high), 0, 1, 4, 5);
  }

  // Rounding, signs, comparisons
  floor(a: Value): Value {
    return this.#o("f32x4.floor", a);
  }
  ceil(a: Value): Value {
    return this.#o("f32x4.ceil", a);
  }
  /** Halves go up, as Math.round does. */
  round(a: Value): Value {
    const r = this.#o("f32x4.nearest", a);
    return this.add(r, this.#o("and", this.#o("f32x4.eq", this.sub(a, r), this.c(0.5)), this.c(1)));
  }
  sign(a: Value): Value {
    const one = this.#withSign(this.c(1), a);
    return this.pick(this.#o("or", this.#o("f32x4.eq", a, this.c(0)), this.#isNaN(a)), a, one);
  }
  maximum(a: Value, b: Value): Value {
    return this.#o("f32x4.max", a, b);
  }
  minimum(a: Value, b: Value): Value {
    return this.#o("f32x4.min", a, b);
  }
  relu(a: Value): Value {
    return this.#o("f32x4.pmax", a, this.c(0)); // a < 0 ? 0 : a keeps NaN
  }
  less(a: Value, b: Value): Value {
    return this.#o("and", this.#o("f32x4.lt", a, b), this.c(1));
  }
  lessEqual(a: Value, b: Value): Value {
    return this.#o("and", this.#o("f32x4.le", a, b), this.c(1));
  }
  equal(a: Value, b: Value): Value {
    return this.#o("and", this.#o("f32x4.eq", a, b), this.c(1));
  }
  /** condition ≠ 0 ? a : b */
  select(condition: Value, a: Value, b: Value): Value {
    return this.pick(this.#o("f32x4.ne", condition, this.c(0)), a, b);
  }
  square(a: Value): Value {
    return this.mul(a, a);
  }
  reciprocal(a: Value): Value {
    return this.div(this.c(1), a);
  }

  // Exponentials
  /** x = n ln 2 + r; n in the low bits of `shifted`. */
  #splitExponent(x: Value): { shifted: Value; r: Value } {
    const g = this.graph;
    const magic = this.c(12582912); // 1.5·2²³: adding it rounds to an integer, which then stands in the low bits
    const shifted = g.fma(x, this.c(Math.LOG2E), magic);
    const n = this.sub(shifted, magic);
    const r = g.fnma(n, this.c(-2.1219444e-4), g.fnma(n, this.c(0.693359375), x));
    return { shifted, r };
  }
  /** eʳ − 1 for |r| ≤ ½ ln 2 */
  #expm1Small(r: Value): Value {
    const p = this.#poly(r, 1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1);
    return this.graph.fma(this.mul(r, r), p, r);
  }
  exp(x: Value): Value {
    const g = this.graph;
    if (this.usually) this.where.push(this.#o("f32x4.le", this.abs(x), this.c(87)));
    const clamped = this.usually ? x : this.#o("f32x4.pmin", this.#o("f32x4.pmax", x, this.c(-104)), this.c(89));
    const { shifted, r } = this.#splitExponent(clamped);
    const y = this.#poly(
      r,
      1.3814798971810054e-3,
      8.368794291374486e-3,
      4.166839035526217e-2,
      0.16666519999527388,
      0.4999999342168294,
      1,
      1,
    );
    if (this.usually) return this.#o("i32x4.add", y, g.shift("i32x4.shl", shifted, 23)); // n more in the exponent; the shift drops all other bits
    // 2ⁿ in two factors, as n reaches from −150 (subnormal results) to 128; shifting left drops all bits but those of n.
    const bias = g.i32(0x3f800000);
    const half = g.shift("i32x4.shl", g.shift("i32x4.shr", shifted, 1), 23);
    const rest = this.#o("i32x4.sub", g.shift("i32x4.shl", shifted, 23), half);
    return this.mul(this.mul(y, this.#o("i32x4.add", half, bias)), this.#o("i32x4.add", rest, bias));
  }
  expm1(x: Value): Value {
    const clamped = this.#o("f32x4.pmin", this.#o("f32x4.pmax", x, this.c(-86)), this.c(89));
    const { shifted, r } = this.#splitExponent(clamped);
    // Half of the result first: 2ⁿ⁻¹ does not overflow where n = 128.
    const scale = this.#o("i32x4.add", this.graph.shift("i32x4.shl", shifted, 23), this.graph.i32(0x3f000000));
    const y = this.graph.fma(this.#expm1Small(r), scale, this.sub(scale, this.c(0.5)));
    return this.add(y, y);
  }
  sigmoid(x: Value): Value {
    const e = this.exp(this.neg(this.abs(x)));
    return this.div(this.pick(this.#o("f32x4.lt", x, this.c(0)), e, this.c(1)), this.add(e, this.c(1)));
  }
  tanh(x: Value): Value {
    const a = this.#o("f32x4.pmin", this.abs(x), this.c(10));
    const e = this.expm1(this.add(a, a));
    return this.#withSign(this.div(e, this.add(e, this.c(2))), x);
  }
  sinh(x: Value): Value {
    const a = this.abs(x);
    const e = this.expm1(a);
    const y = this.mul(this.c(0.5), this.add(e, this.div(e, this.add(e, this.c(1)))));
    return this.#withSign(this.pick(this.#o("f32x4.gt", a, this.c(80)), this.#halfExp(a), y), x);
  }
  cosh(x: Value): Value {
    const a = this.abs(x);
    const e = this.exp(a);
    const y = this.mul(this.c(0.5), this.add(e, this.reciprocal(e)));
    return this.pick(this.#o("f32x4.gt", a, this.c(80)), this.#halfExp(a), y);
  }
  /** ½ eᵃ without overflow before it is due. */
  #halfExp(a: Value): Value {
    const e = this.exp(this.mul(a, this.c(0.5)));
    return this.mul(this.mul(this.c(0.5), e), e);
  }

  // Logarithms
  log(x: Value): Value {
    const g = this.graph;
    if (this.usually) this.where.push(this.#o("f32x4.ge", x, this.c(2 ** -126)), this.#o("f32x4.lt", x, this.c(Infinity)));
    const small = this.#o("f32x4.lt", x, this.c(2 ** -126));
    const scaled = this.usually ? x : this.pick(small, this.mul(x, this.c(2 ** 24)), x); // subnormal numbers
    // x = 2ᵉ m with √½ ≤ m < √2
    const offset = this.#o("i32x4.sub", scaled, g.i32(0x3f3504f3));
    const whole = this.#o("f32x4.convert", g.shift("i32x4.shr", offset, 23));
    const exponent = this.usually ? whole : this.sub(whole, this.#o("and", small, this.c(24)));
    const m = this.#o("i32x4.add", this.#o("and", offset, g.i32(0x7fffff)), g.i32(0x3f3504f3));
    const f = this.sub(m, this.c(1));
    const z = this.mul(f, f);
    const p = this.#poly(
      f, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
      -2.4999993993e-1, 3.3333331174e-1,
    ); // biome-ignore format: one polynomial, one line
    let y = this.mul(this.mul(f, z), p);
    y = g.fma(exponent, this.c(-2.1219444e-4), y);
    y = g.fnma(this.c(0.5), z, y);
    y = g.fma(exponent, this.c(0.693359375), this.add(f, y));
    if (this.usually) return y;
    // log 0 = −∞, log ∞ = ∞, of negative numbers and NaN: NaN
    y = this.pick(this.#o("f32x4.eq", x, this.c(0)), this.c(-Infinity), y);
    y = this.pick(this.#o("f32x4.eq", x, this.c(Infinity)), x, y);
    return this.pick(this.#o("f32x4.ge", x, this.c(0)), y, this.c(Number.NaN));
  }
  log1p(x: Value): Value {
    // What rounding 1 + x lost, to first order.
    const u = this.add(x, this.c(1));
    const lost = this.div(this.sub(x, this.sub(u, this.c(1))), u);
    const finite = this.#o("and", this.#o("f32x4.lt", u, this.c(Infinity)), this.#o("f32x4.gt", u, this.c(0)));
    return this.add(this.log(u), this.#o("and", lost, finite));
  }
  /** aᵇ by 2^(b log₂ a) in double, with the cases of Math.pow. */
  pow(a: Value, b: Value): Value {
    const g = this.graph;
    const size = this.abs(a);
    const magnitude = this.#inDouble(
      (x, y) => {
        const d = (kind: "add" | "sub" | "mul" | "div" | "pmin" | "pmax" | "nearest", ...v: Value[]) => this.#o(`f64x2.${kind}`, ...v);
        // x = 2ᵉ m, √½ ≤ m < √2; e from the exponent bits put under those of 2⁵² + 2⁵¹
        const root = 0x3fe6a09e667f3bcdn;
        const offset = this.#o("i64x2.sub", x, g.i64(root));
        const magic = g.f64(6755399441055744);
        const biased = this.#o("i64x2.add", g.shift("i64x2.shru", this.#o("i64x2.add", offset, g.i64(2048n << 52n)), 52), magic);
        const e = d("sub", d("sub", biased, magic), g.f64(2048));
        const m = this.#o("i64x2.add", this.#o("and", offset, g.i64((1n << 52n) - 1n)), g.i64(root));
        const s = d("div", d("sub", m, g.f64(1)), d("add", m, g.f64(1)));
        const z = d("mul", s, s);
        const series = this.#poly64(z, ...[15, 13, 11, 9, 7, 5, 3, 1].map((k) => 2 / Math.LN2 / k)); // log₂ m = 2/ln 2 (s + s³/3 + …)
        const t = d("mul", y, g.fma(s, series, e, "f64x2"));
        const clamped = d("pmin", d("pmax", t, g.f64(-200)), g.f64(200));
        const shifted = d("add", clamped, magic);
        const f = d("sub", clamped, d("sub", shifted, magic));
        const p = this.#poly64(
          f, 1.3264210173539395e-6, 1.5310121601800583e-5, 1.5403411046069693e-4, 1.3333450410076407e-3, 9.618129229208716e-3,
          5.550410941370689e-2, 2.402265069546504e-1, 6.931471805458923e-1, 1,
        ); // biome-ignore format: one polynomial
        return this.#o("i64x2.add", p, g.shift("i64x2.shl", shifted, 52));
      },
      size,
      b,
    );
    const zero = this.c(0);
    const one = this.c(1);
    const infinity = this.c(Infinity);
    const eq = (x: Value, y: Value) => this.#o("f32x4.eq", x, y);
    const negativeExponent = this.#o("f32x4.lt", b, zero);
    let y = magnitude;
    y = this.pick(eq(size, zero), this.pick(negativeExponent, infinity, zero), y);
    y = this.pick(eq(size, infinity), this.pick(negativeExponent, zero, infinity), y);
    // |b| = ∞: 0 or ∞ as |a| is below or above 1, NaN at 1
    const above = this.#o("f32x4.gt", size, one);
    const limit = this.pick(this.#o("xor", above, negativeExponent), infinity, zero);
    y = this.pick(eq(this.abs(b), infinity), this.pick(eq(size, one), this.c(Number.NaN), limit), y);
    // Negative a: the sign of (−1)ᵇ for integers b, NaN for others (an infinite b counts as even).
    const whole = eq(this.floor(b), b);
    const halfB = this.mul(b, this.c(0.5));
    const odd = this.#o("and", whole, this.#o("f32x4.ne", this.floor(halfB), halfB));
    const negative = this.#o("i32x4.lt", a, zero);
    y = this.#o("xor", y, this.#o("and", this.#o("and", odd, negative), g.i32(-0x80000000)));
    const noRoot = this.#o("andnot", this.#o("and", this.#o("f32x4.lt", a, zero), this.#o("f32x4.lt", size, infinity)), whole);
    y = this.pick(noRoot, this.c(Number.NaN), y);
    y = this.pick(this.#o("or", this.#isNaN(a), this.#isNaN(b)), this.c(Number.NaN), y);
    return this.pick(eq(b, zero), one, y);
  }

  // Circle functions
  /** x = k π/2 + r, |r| ≤ π/4: r, and k in the low bits of an integer. The period is exact up to |x| = 2³⁰; beyond, floats lie 64 and more apart, and the result is NaN. */
  #reduce(x: Value): { r: Value; quadrant: Value } {
    const g = this.graph;
    const magic = g.f64(6755399441055744);
    const half = (v: Value) => {
      const shifted = g.fma(v, g.f64(2 / Math.PI), magic, "f64x2");
      const k = this.#o("f64x2.sub", shifted, magic);
      // π/2 in pieces of 22 bits: their products with k < 2³⁰ are exact
      let r = v;
      for (const piece of halfPi) r = g.fnma(k, g.f64(piece), r, "f64x2");
      return { r: this.#o("demote", r), shifted };
    };
    const low = half(this.#o("promote", x));
    const high = half(this.#o("promote", g.shuffle(x, x, 2, 3, 2, 3)));
    const near = this.#o("f32x4.le", this.abs(x), this.c(2 ** 30));
    return {
      r: this.pick(near, g.shuffle(low.r, high.r, 0, 1, 4, 5), this.c(Number.NaN)),
      quadrant: g.shuffle(low.shifted, high.shifted, 0, 2, 4, 6),
    };
  }
  #sinSmall(r: Value, z: Value): Value {
    return this.graph.fma(this.mul(z, r), this.#poly(z, -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1), r);
  }
  #cosSmall(z: Value): Value {
    const p = this.#poly(z, 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2);
    return this.graph.fma(this.mul(z, z), p, this.graph.fnma(this.c(0.5), z, this.c(1)));
  }
  /** sin(x + turns π/2) */
  #sinShifted(x: Value, turns: number): Value {
    const g = this.graph;
    const { r, quadrant } = this.#reduce(x);
    const q = turns === 0 ? quadrant : this.#o("i32x4.add", quadrant, g.i32(turns));
    const z = this.mul(r, r);
    const odd = this.#o("i32x4.lt", g.shift("i32x4.shl", q, 31), this.c(0));
    const y = this.pick(odd, this.#cosSmall(z), this.#sinSmall(r, z));
    return this.#o("xor", y, this.#o("and", g.shift("i32x4.shl", q, 30), g.i32(-0x80000000)));
  }
  sin(x: Value): Value {
    return this.#sinShifted(x, 0);
  }
  cos(x: Value): Value {
    return this.#sinShifted(x, 1);
  }
  tan(x: Value): Value {
    const g = this.graph;
    const { r, quadrant } = this.#reduce(x);
    const z = this.mul(r, r);
    const odd = this.#o("i32x4.lt", g.shift("i32x4.shl", quadrant, 31), this.c(0));
    const s = this.#sinSmall(r, z);
    const k = this.#cosSmall(z);
    const y = this.div(this.pick(odd, k, s), this.pick(odd, s, k));
    return this.#o("xor", y, this.#o("and", odd, g.i32(-0x80000000)));
  }
  /** (asin s − s) / s³ as a polynomial of s², s ≤ ½ */
  #asinPoly(z: Value): Value {
    return this.#poly(z, 4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1);
  }
  /** s and asin s, where s = |x| up to ½, else √((1 − |x|)/2). */
  #asinParts(x: Value): { large: Value; y: Value } {
    const a = this.abs(x);
    const large = this.#o("f32x4.gt", a, this.c(0.5));
    const zLarge = this.mul(this.c(0.5), this.sub(this.c(1), a));
    const z = this.pick(large, zLarge, this.mul(a, a));
    const s = this.pick(large, this.sqrt(zLarge), a);
    return { large, y: this.graph.fma(this.mul(s, z), this.#asinPoly(z), s) };
  }
  asin(x: Value): Value {
    const { large, y } = this.#asinParts(x);
    return this.#withSign(this.pick(large, this.graph.fnma(this.c(2), y, this.c(Math.PI / 2)), y), x);
  }
  acos(x: Value): Value {
    const { large, y } = this.#asinParts(x);
    const twice = this.add(y, y);
    const negative = this.#o("i32x4.lt", x, this.c(0));
    const outer = this.pick(negative, this.sub(this.c(Math.PI), twice), twice);
    const inner = this.sub(this.c(Math.PI / 2), this.#withSign(y, x));
    return this.pick(this.#isNaN(x), x, this.pick(large, outer, inner));
  }
  /** atan of 0 ≤ a ≤ ∞ */
  #atanPositive(a: Value): Value {
    const big = this.#o("f32x4.gt", a, this.c(2.414213562373095));
    const middle = this.#o("f32x4.gt", a, this.c(0.414213562373095));
    const numerator = this.pick(big, this.c(-1), this.pick(middle, this.sub(a, this.c(1)), a));
    const denominator = this.pick(big, a, this.pick(middle, this.add(a, this.c(1)), this.c(1)));
    const base = this.pick(big, this.c(Math.PI / 2), this.#o("and", middle, this.c(Math.PI / 4)));
    const t = this.div(numerator, denominator);
    const z = this.mul(t, t);
    const p = this.#poly(z, 8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1);
    return this.add(base, this.graph.fma(this.mul(t, z), p, t));
  }
  atan(x: Value): Value {
    return this.#withSign(this.#atanPositive(this.abs(x)), x);
  }
  atan2(y: Value, x: Value): Value {
    const a = this.abs(y);
    const b = this.abs(x);
    const steep = this.#o("f32x4.gt", a, b);
    let ratio = this.div(this.pick(steep, b, a), this.pick(steep, a, b));
    const equal = this.#o("f32x4.eq", a, b); // 0/0 and ∞/∞ as well
    ratio = this.pick(equal, this.#o("andnot", this.c(1), this.#o("f32x4.eq", a, this.c(0))), ratio);
    let t = this.#atanPositive(ratio);
    t = this.pick(steep, this.sub(this.c(Math.PI / 2), t), t);
    t = this.pick(this.#o("i32x4.lt", x, this.c(0)), this.sub(this.c(Math.PI), t), t);
    return this.pick(this.#o("or", this.#isNaN(x), this.#isNaN(y)), this.c(Number.NaN), this.#withSign(t, y));
  }
  erf(x: Value): Value {
    const a = this.abs(x);
    const z = this.mul(x, x);
    const near = this.mul(
      x,
      this.#poly(z, 8.185151091311127e-5, -8.09775898233e-4, 5.196962971240282e-3, -2.6857713237404823e-2, 1.1283664405345917e-1, -0.37612631916999817, 1.128379225730896),
    ); // biome-ignore format: one polynomial
    // 1 − e^−Q(a)
    const t = this.#o("f32x4.pmin", a, this.c(4));
    const q = this.#poly(
      t,
      -2.0826577383559197e-5,
      4.31369902798897e-4,
      -4.15614014491449e-3,
      2.508031390607357e-2,
      -1.082199215888977e-1,
      -6.334012746810913e-1,
      -1.129488229751587,
      1.6916220192797482e-4,
    );
    const far = this.#withSign(this.sub(this.c(1), this.exp(q)), x);
    return this.pick(this.#o("f32x4.gt", a, this.c(0.92)), far, near);
  }

  // Complex numbers: two interleaved pairs
  #swap(a: Value): Value {
    return this.graph.shuffle(a, a, 1, 0, 3, 2);
  }
  conj(a: Value): Value {
    return this.mul(a, this.graph.pair(1, -1));
  }
  complexMul(a: Value, b: Value): Value {
    const re = this.graph.shuffle(a, a, 0, 0, 2, 2);
    const im = this.mul(this.graph.shuffle(a, a, 1, 1, 3, 3), this.graph.pair(-1, 1));
    return this.graph.fma(re, b, this.mul(im, this.#swap(b)));
  }
  complexSquare(a: Value): Value {
    return this.complexMul(a, a);
  }
  #squaredLength(a: Value): Value {
    const q = this.mul(a, a);
    return this.add(q, this.#swap(q));
  }
  complexReciprocal(a: Value): Value {
    return this.div(this.conj(a), this.#squaredLength(a));
  }
  complexDiv(a: Value, b: Value): Value {
    return this.div(this.complexMul(a, this.conj(b)), this.#squaredLength(b));
  }
}

/** π/2 = Σ pieces of 22 bits, the last with the rest. */
const halfPi = (() => {
  // π/2 to 110 bits: the double nearest to it, and what is missing (fdlibm's pio2_1t series gives the same).
  const high = Math.PI / 2;
  const low = 6.123233995736766e-17;
  const pieces: number[] = [];
  let rest = high;
  for (let k = 0; k < 2; k++) {
    const unit = 2 ** (-21 - 22 * k);
    const piece = Math.floor(rest / unit) * unit;
    pieces.push(piece);
    rest -= piece;
  }
  return [...pieces, rest, low];
})();

type Names<F> = { [K in keyof VectorMath]: VectorMath[K] extends F ? K : never }[keyof VectorMath];
/** Functions by number of arguments. */
export type UnaryFunction = Exclude<Names<(a: Value) => Value>, "c">;
export type BinaryFunction = Exclude<Names<(a: Value, b: Value) => Value>, UnaryFunction | "c">;
export type ElementwiseFunction = UnaryFunction | BinaryFunction | "select";
