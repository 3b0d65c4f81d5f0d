/** A plane of doubled angles: re + i im = w e^(2iφ), φ the direction of the gradient, w in [0, 1] how clear it is; [y, x]. */
export interface Orientation {
  readonly width: number;
  readonly height: number;
  readonly re: Float32Array;
  readonly im: Float32Array;
}
export interface OrientationOptions {
  /** Scale of the gradient in samples. Default 1. */
  readonly sigma?: number;
  /** Scale in samples of the neighbourhood whose mean squared gradient makes an edge clear or not. Default 4. */
  readonly neighbourhood?: number;
  /** Where the picture counts: values of 0 take an edge out. */
  readonly weight?: ArrayLike<number>;
}

/** Separable filter with replicated borders; odd kernels are correlated, from −r to r. */
function filtered(x: ArrayLike<number>, width: number, height: number, along: Float64Array, down: Float64Array): Float32Array {
  const [middle, out] = [new Float32Array(width * height), new Float32Array(width * height)];
  const [ra, rd] = [along.length >> 1, down.length >> 1];
  const line = new Float64Array(width + 2 * ra);
  for (let y = 0; y < height; y++) {
    for (let i = -ra; i < width + ra; i++) line[i + ra] = x[y * width + Math.min(width - 1, Math.max(0, i))];
    for (let i = 0; i < width; i++) {
      let s = 0;
      for (let k = 0; k < along.length; k++) s += along[k] * line[i + k];
      middle[y * width + i] = s;
    }
  }
  for (let y = 0; y < height; y++)
    for (let k = 0; k < down.length; k++) {
      const row = Math.min(height - 1, Math.max(0, y + k - rd)) * width;
      const w = down[k];
      for (let i = 0; i < width; i++) out[y * width + i] += w * middle[row + i];
    }
  return out;
}
function gaussianLine(sigma: number): Float64Array {
  const r = Math.ceil(3 * sigma);
  const line = Float64Array.from({ length: 2 * r + 1 }, (_, k) => Math.exp(-((k - r) ** 2) / (2 * sigma * sigma)));
  const sum = line.reduce((a, b) => a + b, 0);
  return line.map((v) => v / sum);
}
const slopeLine = (sigma: number) => {
  const g = gaussianLine(sigma);
  const r = g.length >> 1;
  return g.map((v, k) => ((k - r) * v) / (sigma * sigma));
};

/**
 * Direction of edges, blind to contrast:  z = (g_x + i g_y)² / (|g|² + ⟨|g|²⟩),  g = ∇(G_σ ∗ I),  ⟨·⟩ the mean over a neighbourhood.
 * Doubling the angle makes an edge from dark to bright equal to one from bright to dark; dividing by the neighbourhood makes a faint
 * vessel on flat ground as clear as a bright rim. Where the picture is flat, z is 0; a rim of 2σ + 1 samples is 0 too, since nobody
 * knows what lies beyond the border.
 * @param values  [y, x], width · height numbers
 * @see Haber & Modersitzki (2006), Intensity gradient based registration and fusion of multi-modal images (the normalised gradient);
 *   Granlund (1978), In search of a general picture processing operator (the double angle)
 */
export function orientation(values: ArrayLike<number>, width: number, height: number, options: OrientationOptions = {}): Orientation {
  const { sigma = 1, neighbourhood = 4, weight } = options;
  const [g, s] = [gaussianLine(sigma), slopeLine(sigma)];
  const gx = filtered(values, width, height, s, g);
  const gy = filtered(values, width, height, g, s);
  const n = width * height;
  const size = new Float32Array(n);
  let mean = 0;
  for (let k = 0; k < n; k++) {
    size[k] = gx[k] * gx[k] + gy[k] * gy[k];
    mean += size[k] / n;
  }
  const wide = gaussianLine(neighbourhood);
  const around = filtered(size, width, height, wide, wide);
  const [re, im] = [new Float32Array(n), new Float32Array(n)];
  const rim = Math.ceil(2 * sigma + 1);
  for (let y = rim; y < height - rim; y++)
    for (let x = rim; x < width - rim; x++) {
      const k = y * width + x;
      const w = (weight ? weight[k] : 1) / (size[k] + around[k] + 1e-3 * mean + 1e-30);
      re[k] = w * (gx[k] * gx[k] - gy[k] * gy[k]);
      im[k] = w * 2 * gx[k] * gy[k];
    }
  return { width, height, re, im };
}
