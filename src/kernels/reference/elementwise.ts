/** Abramowitz & Stegun are too coarse for f64: erf by its Taylor series inside |x| < 2.5, by Lentz's continued fraction of erfc beyond. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let f = 0;
  for (let n = 60; n >= 1; n--) f = n / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + f));
}

/** The real functions of one variable, by name. */
export const unary = {
  neg: (x: number) => -x,
  abs: Math.abs,
  sign: Math.sign,
  square: (x: number) => x * x,
  sqrt: Math.sqrt,
  reciprocal: (x: number) => 1 / x,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  relu: (x: number) => Math.max(x, 0),
  erf,
  floor: Math.floor,
  ceil: Math.ceil,
  round: Math.round,
} as const;

/** The real functions of two variables, by name. Comparisons give 1 or 0. */
export const binary = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  pow: Math.pow,
  maximum: (a: number, b: number) => Math.max(a, b),
  minimum: (a: number, b: number) => Math.min(a, b),
  atan2: Math.atan2,
  less: (a: number, b: number) => (a < b ? 1 : 0),
  lessEqual: (a: number, b: number) => (a <= b ? 1 : 0),
  equal: (a: number, b: number) => (a === b ? 1 : 0),
} as const;

type Complex = readonly [number, number];
/** The complex functions of one variable that have a meaning here. */
export const complexUnary: Partial<Record<keyof typeof unary, (re: number, im: number) => Complex>> = {
  neg: (x, y) => [-x, -y],
  square: (x, y) => [x * x - y * y, 2 * x * y],
  reciprocal: (x, y) => {
    const d = x * x + y * y;
    return [x / d, -y / d];
  },
  exp: (x, y) => [Math.exp(x) * Math.cos(y), Math.exp(x) * Math.sin(y)],
  log: (x, y) => [Math.log(Math.hypot(x, y)), Math.atan2(y, x)],
  sqrt: (x, y) => {
    const r = Math.hypot(x, y);
    const u = Math.sqrt((r + Math.abs(x)) / 2);
    if (u === 0) return [0, 0];
    return x >= 0 ? [u, y / (2 * u)] : [Math.abs(y) / (2 * u), y < 0 ? -u : u];
  },
};
export const complexBinary: Partial<Record<keyof typeof binary, (a: number, b: number, c: number, d: number) => Complex>> = {
  add: (a, b, c, d) => [a + c, b + d],
  sub: (a, b, c, d) => [a - c, b - d],
  mul: (a, b, c, d) => [a * c - b * d, a * d + b * c],
  div: (a, b, c, d) => {
    const n = c * c + d * d;
    return [(a * c + b * d) / n, (b * c - a * d) / n];
  },
};
