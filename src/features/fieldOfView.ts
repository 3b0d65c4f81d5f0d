/** Largest (or smallest) value in a square of radius r about every sample; outside counts for nothing. */
function extreme(x: Uint8Array, width: number, height: number, r: number, largest: boolean): Uint8Array {
  const wanted = largest ? 1 : 0;
  const [middle, out] = [new Uint8Array(x.length), new Uint8Array(x.length)];
  for (let y = 0; y < height; y++)
    for (let i = 0, last = Number.NEGATIVE_INFINITY, ahead = 0; i < width; i++) {
      for (; ahead < width && ahead <= i + r; ahead++) if (x[y * width + ahead] === wanted) last = ahead;
      middle[y * width + i] = last >= i - r ? wanted : 1 - wanted;
    }
  for (let i = 0; i < width; i++)
    for (let y = 0, last = Number.NEGATIVE_INFINITY, ahead = 0; y < height; y++) {
      for (; ahead < height && ahead <= y + r; ahead++) if (middle[ahead * width + i] === wanted) last = ahead;
      out[y * width + i] = last >= y - r ? wanted : 1 - wanted;
    }
  return out;
}

/**
 * What a picture shows of its subject: 1 inside, 0 on the flat dark or bright ground that touches the border (the mask of a fundus camera, the
 * air about a head, the unexposed edge of a scan) and within `margin` samples of it. The rim of a field of view stays where the camera puts
 * it, whatever the subject does. Ground: values within 6 % of the range of its darkest or brightest, connected to the border, at least five samples wide.
 * @param values  [y, x]
 */
export function fieldOfView(values: ArrayLike<number>, width: number, height: number, margin: number): Uint8Array {
  const n = width * height;
  const sorted = Float32Array.from(values).sort();
  const q = (p: number) => sorted[Math.min(n - 1, Math.floor(p * n))];
  const tolerance = 0.06 * (q(0.99) - q(0.01));
  const ground = new Uint8Array(n);
  for (const level of [q(0.005), q(0.995)]) {
    const stack: number[] = [];
    const visit = (k: number) => {
      if (ground[k] === 0 && Math.abs(values[k] - level) <= tolerance) {
        ground[k] = 1;
        stack.push(k);
      }
    };
    for (let x = 0; x < width; x++) {
      visit(x);
      visit((height - 1) * width + x);
    }
    for (let y = 0; y < height; y++) {
      visit(y * width);
      visit(y * width + width - 1);
    }
    for (let k = stack.pop(); k !== undefined; k = stack.pop()) {
      const x = k % width;
      if (x > 0) visit(k - 1);
      if (x + 1 < width) visit(k + 1);
      if (k >= width) visit(k - width);
      if (k + width < n) visit(k + width);
    }
  }
  const wide = extreme(extreme(ground, width, height, 2, false), width, height, 2 + margin, true);
  return wide.map((v) => 1 - v);
}
