/** Points of the lattice that a sample sees along each axis. */
export const gridWidth = 6;

/** Where samples lie on a lattice [H, W], in the order of their rows. */
export interface GridTable {
  readonly lattice: readonly [number, number];
  /** 6 weights along y of each sample, and along x. */
  readonly wy: Float64Array;
  readonly wx: Float64Array;
  /** x₀, y₀: the first point of each sample. */
  readonly places: Int32Array;
  /** Which sample it is. */
  readonly index: Int32Array;
  /** The first sample whose y₀ is at least that; H + 1 numbers. */
  readonly first: Int32Array;
}

/** The modified Bessel function of order 0, by its series. */
function bessel0(x: number): number {
  const q = (x * x) / 4;
  let [term, sum] = [1, 1];
  for (let k = 1; k < 60 && term > 1e-17 * sum; k++) {
    term *= q / (k * k);
    sum += term;
  }
  return sum;
}
/** The shape parameter that puts the least energy outside the image, for a lattice `finer` times as fine. Beatty, Nishimura & Pauly (2005), eq. (5). */
const beta = (finer: number) => Math.PI * Math.sqrt(((gridWidth / finer) * (finer - 0.5)) ** 2 - 0.8);

/**
 * Kaiser and Bessel's window at the lattice points next to each sample.
 * @param coordinates  kx, ky of each sample in cycles per field of view
 * @param size  [h, w] of the image; `lattice` [H, W] is finer, about twice
 */
export function gridTable(coordinates: ArrayLike<number>, size: readonly [number, number], lattice: readonly [number, number]): GridTable {
  const m = coordinates.length / 2;
  const [H, W] = lattice;
  const y0 = new Int32Array(m);
  const places = new Int32Array(2 * m);
  const wx = new Float64Array(gridWidth * m);
  const wy = new Float64Array(gridWidth * m);
  const wrap = (k: number, n: number) => ((k % n) + n) % n;
  const start = (u: number) => Math.floor(u) - gridWidth / 2 + 1;
  for (let k = 0; k < m; k++) y0[k] = wrap(start((coordinates[2 * k + 1] * H) / size[0]), H);
  const first = new Int32Array(H + 1);
  for (let k = 0; k < m; k++) first[y0[k] + 1]++;
  for (let r = 0; r < H; r++) first[r + 1] += first[r];
  const next = first.slice();
  const index = new Int32Array(m);
  for (let k = 0; k < m; k++) index[next[y0[k]]++] = k;
  const weights = (out: Float64Array, at: number, u: number, b: number) => {
    const from = start(u);
    const scale = 1 / bessel0(b);
    for (let t = 0; t < gridWidth; t++) {
      const d = (2 * (from + t - u)) / gridWidth;
      out[at + t] = d * d < 1 ? bessel0(b * Math.sqrt(1 - d * d)) * scale : 0;
    }
    return from;
  };
  for (let i = 0; i < m; i++) {
    const k = index[i];
    places[2 * i] = wrap(weights(wx, gridWidth * i, (coordinates[2 * k] * W) / size[1], beta(W / size[1])), W);
    weights(wy, gridWidth * i, (coordinates[2 * k + 1] * H) / size[0], beta(H / size[0]));
    places[2 * i + 1] = y0[k];
  }
  return { lattice, wx, wy, places, index, first };
}

/** One over the window's transform at the samples of an image of n: what undoes it. */
export function gridCorrection(n: number, finer: number): Float64Array {
  const b = beta(finer);
  return Float64Array.from({ length: n }, (_, j) => {
    const q = (Math.PI * gridWidth * (j - Math.floor(n / 2))) / (finer * n);
    const r = b * b - q * q;
    const s = Math.sqrt(Math.abs(r));
    return bessel0(b) / (gridWidth * (s < 1e-9 ? 1 : r > 0 ? Math.sinh(s) / s : Math.sin(s) / s));
  });
}

/** The place of image row j on a lattice of H rows: the middle of the image at 0. */
const placeOf = (j: number, n: number, N: number) => (j - Math.floor(n / 2) + N) % N;

/** The image [h, w] times ay ⊗ ax, laid around the first number of a lattice of zeros. Complex, interleaved. */
export function gridPlace(
  x: ArrayLike<number>,
  ay: ArrayLike<number>,
  ax: ArrayLike<number>,
  [H, W]: readonly [number, number],
): Float64Array {
  const [h, w] = [ay.length, ax.length];
  const out = new Float64Array(2 * H * W);
  for (let j = 0; j < h; j++)
    for (let i = 0; i < w; i++)
      for (let part = 0; part < 2; part++)
        out[2 * (placeOf(j, h, H) * W + placeOf(i, w, W)) + part] = ay[j] * ax[i] * x[2 * (j * w + i) + part];
  return out;
}
/** Its transpose. */
export function gridCrop(
  lattice: ArrayLike<number>,
  ay: ArrayLike<number>,
  ax: ArrayLike<number>,
  [H, W]: readonly [number, number],
): Float64Array {
  const [h, w] = [ay.length, ax.length];
  const out = new Float64Array(2 * h * w);
  for (let j = 0; j < h; j++)
    for (let i = 0; i < w; i++)
      for (let part = 0; part < 2; part++)
        out[2 * (j * w + i) + part] = ay[j] * ax[i] * lattice[2 * (placeOf(j, h, H) * W + placeOf(i, w, W)) + part];
  return out;
}
/** Calls `visit(number of the lattice, sample, weight)` for every entry of the matrix. */
function entries(t: GridTable, visit: (point: number, sample: number, weight: number) => void): void {
  const [H, W] = t.lattice;
  for (let i = 0; i < t.index.length; i++)
    for (let a = 0; a < gridWidth; a++)
      for (let b = 0; b < gridWidth; b++)
        visit(
          ((t.places[2 * i + 1] + a) % H) * W + ((t.places[2 * i] + b) % W),
          t.index[i],
          t.wy[gridWidth * i + a] * t.wx[gridWidth * i + b],
        );
}
/** Samples: each the weighted sum of 6 × 6 points of the lattice, which has no ends. */
export function gridGather(lattice: ArrayLike<number>, t: GridTable): Float64Array {
  const out = new Float64Array(2 * t.index.length);
  entries(t, (point, sample, weight) => {
    out[2 * sample] += weight * lattice[2 * point];
    out[2 * sample + 1] += weight * lattice[2 * point + 1];
  });
  return out;
}
/** Its transpose. */
export function gridSpread(data: ArrayLike<number>, t: GridTable): Float64Array {
  const out = new Float64Array(2 * t.lattice[0] * t.lattice[1]);
  entries(t, (point, sample, weight) => {
    out[2 * point] += weight * data[2 * sample];
    out[2 * point + 1] += weight * data[2 * sample + 1];
  });
  return out;
}
