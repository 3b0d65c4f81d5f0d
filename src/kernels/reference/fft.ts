type Numbers = { [i: number]: number };

const product = (values: readonly number[]) => values.reduce((p, v) => p * v, 1);
function smallestFactor(n: number): number {
  for (let p = 2; p * p <= n; p++) if (n % p === 0) return p;
  return n;
}

/** Transforms of one length, sign −1 or +1 in the exponent: a function from (re, im) to new (re, im). */
function lineTransform(n: number, sign: number): (re: Float64Array, im: Float64Array) => [Float64Array, Float64Array] {
  if (n <= 1) return (re, im) => [re, im];
  const r = smallestFactor(n);
  if (r === n && n > 61) return bluestein(n, sign);
  const m = n / r;
  const part = lineTransform(m, sign);
  const c = Float64Array.from({ length: n }, (_, k) => Math.cos((2 * Math.PI * k) / n));
  const s = Float64Array.from({ length: n }, (_, k) => sign * Math.sin((2 * Math.PI * k) / n));
  // n = r m: X[k] = Σ_t w^(t k) P_t[k mod m], P_t the transform of every r-th sample from t on.
  return (re, im) => {
    const outRe = new Float64Array(n);
    const outIm = new Float64Array(n);
    for (let t = 0; t < r; t++) {
      const [pr, pi] = part(
        Float64Array.from({ length: m }, (_, j) => re[t + r * j]),
        Float64Array.from({ length: m }, (_, j) => im[t + r * j]),
      );
      for (let k = 0, i = 0; k < n; k++) {
        const q = k % m;
        outRe[k] += c[i] * pr[q] - s[i] * pi[q];
        outIm[k] += c[i] * pi[q] + s[i] * pr[q];
        i += t;
        if (i >= n) i -= n;
      }
    }
    return [outRe, outIm];
  };
}

/** A large prime: k t = (k² + t² − (k − t)²) / 2 makes the transform a convolution with a chirp (Bluestein 1970). */
function bluestein(n: number, sign: number): (re: Float64Array, im: Float64Array) => [Float64Array, Float64Array] {
  const m = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const forward = lineTransform(m, -1);
  const c = Float64Array.from({ length: n }, (_, k) => Math.cos((Math.PI * ((k * k) % (2 * n))) / n));
  const s = Float64Array.from({ length: n }, (_, k) => sign * Math.sin((Math.PI * ((k * k) % (2 * n))) / n));
  const hr = new Float64Array(m);
  const hi = new Float64Array(m);
  for (let k = 0; k < n; k++)
    for (const i of k === 0 ? [0] : [k, m - k]) {
      hr[i] = c[k];
      hi[i] = -s[k];
    }
  const [Hr, Hi] = forward(hr, hi);
  return (re, im) => {
    const ar = new Float64Array(m);
    const ai = new Float64Array(m);
    for (let k = 0; k < n; k++) {
      ar[k] = re[k] * c[k] - im[k] * s[k];
      ai[k] = re[k] * s[k] + im[k] * c[k];
    }
    const [Ar, Ai] = forward(ar, ai);
    // The inverse as a forward transform of the conjugate.
    for (let k = 0; k < m; k++) {
      ar[k] = Ar[k] * Hr[k] - Ai[k] * Hi[k];
      ai[k] = -(Ar[k] * Hi[k] + Ai[k] * Hr[k]);
    }
    const [br, bi] = forward(ar, ai);
    const outRe = new Float64Array(n);
    const outIm = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      const x = br[k] / m;
      const y = -bi[k] / m;
      outRe[k] = x * c[k] - y * s[k];
      outIm[k] = x * s[k] + y * c[k];
    }
    return [outRe, outIm];
  };
}

/**
 * Plain twin of `fft`: X_k = s Σ_t x_t e^(∓2πi Σ_a k_a t_a / n_a), any lengths, over the axes (0 … rank − 1) of `shape`;
 * numbers interleaved (re, im); input and out may be the same. O(N Σ factors), prime factors above 61 by Bluestein.
 */
export function fft(
  input: ArrayLike<number>,
  out: Numbers,
  shape: readonly number[],
  axes: readonly number[],
  inverse: boolean,
  scale: number,
): void {
  const total = product(shape);
  for (let i = 0; i < 2 * total; i++) out[i] = input[i];
  for (const axis of axes) {
    const n = shape[axis];
    const inner = product(shape.slice(axis + 1));
    const transform = lineTransform(n, inverse ? 1 : -1);
    for (let l = 0; l < total / Math.max(n, 1); l++) {
      const at = Math.floor(l / inner) * n * inner + (l % inner);
      const [re, im] = transform(
        Float64Array.from({ length: n }, (_, k) => out[2 * (at + k * inner)]),
        Float64Array.from({ length: n }, (_, k) => out[2 * (at + k * inner) + 1]),
      );
      for (let k = 0; k < n; k++) {
        out[2 * (at + k * inner)] = re[k];
        out[2 * (at + k * inner) + 1] = im[k];
      }
    }
  }
  for (let i = 0; i < 2 * total; i++) out[i] *= scale;
}

/** Plain twin of `rfft`: the bins 0 … ⌊n/2⌋ of the last axis of the transform of real numbers. axes ends with the last axis. */
export function rfft(input: ArrayLike<number>, out: Numbers, shape: readonly number[], axes: readonly number[], scale: number): void {
  const total = product(shape);
  const n = shape[shape.length - 1];
  const h = Math.floor(n / 2) + 1;
  const full = new Float64Array(2 * total);
  for (let i = 0; i < total; i++) full[2 * i] = input[i];
  fft(full, full, shape, axes, false, scale);
  for (let row = 0; row < total / Math.max(n, 1); row++) for (let k = 0; k < 2 * h; k++) out[2 * row * h + k] = full[2 * row * n + k];
}

/**
 * Plain twin of `irfft`: out (shape) from the half spectrum. Along the last axis the missing half is the conjugate of the given one,
 * after the other axes have been transformed; imaginary parts of bin 0 and, for even n, n/2 are left out.
 */
export function irfft(input: ArrayLike<number>, out: Numbers, shape: readonly number[], axes: readonly number[], scale: number): void {
  const n = shape[shape.length - 1];
  const h = Math.floor(n / 2) + 1;
  const half = [...shape.slice(0, -1), h];
  const rows = product(shape.slice(0, -1));
  const spectrum = new Float64Array(2 * rows * h);
  fft(input, spectrum, half, axes.slice(0, -1), true, 1);
  const transform = lineTransform(n, 1);
  for (let row = 0; row < rows; row++) {
    const re = new Float64Array(n);
    const im = new Float64Array(n);
    for (let k = 0; k < h; k++) {
      const x = spectrum[2 * (row * h + k)];
      const y = k === 0 || 2 * k === n ? 0 : spectrum[2 * (row * h + k) + 1];
      re[k] = x;
      im[k] = y;
      if (k > 0) {
        re[n - k] = x;
        im[n - k] = -y;
      }
    }
    const [x] = transform(re, im);
    for (let k = 0; k < n; k++) out[row * n + k] = scale * x[k];
  }
}
