/** Why a pixel has no disparity of its own: it has one; the right picture hides it; the two pictures disagree. */
export const Hole = { none: 0, hidden: 1, wrong: 2 } as const;

/** Marks connected patches (neighbours that differ by at most 1) of fewer than `least` pixels as wrong. */
export function removeSpeckles(disparity: Float32Array, holes: Uint8Array, width: number, height: number, least: number): void {
  const seen = new Uint8Array(holes.length);
  const stack = new Int32Array(holes.length);
  for (let start = 0; start < holes.length; start++) {
    if (seen[start] || holes[start] !== Hole.none) continue;
    let [count, done] = [1, 0];
    stack[0] = start;
    seen[start] = 1;
    const visit = (from: number, to: number) => {
      if (seen[to] || holes[to] !== Hole.none || Math.abs(disparity[to] - disparity[from]) > 1) return;
      seen[to] = 1;
      stack[count++] = to;
    };
    // The list of what was found is the queue of what is to be visited.
    while (done < count) {
      const k = stack[done++];
      const x = k % width;
      if (x > 0) visit(k, k - 1);
      if (x + 1 < width) visit(k, k + 1);
      if (k >= width) visit(k, k - width);
      if (k + width < width * height) visit(k, k + width);
    }
    if (count < least) for (let i = 0; i < count; i++) holes[stack[i]] = Hole.wrong;
  }
}

/**
 * Fills holes from the nearest known pixels in eight directions: what is hidden belongs to the background, so the second smallest; what is wrong is in the
 * middle of its neighbours, so their median. Each hole is filled from pixels that were known, never from filled ones.
 * @see Hirschmüller (2008), Stereo processing by semiglobal matching and mutual information, IEEE TPAMI, section 2.6
 */
export function fillHoles(disparity: Float32Array, holes: Uint8Array, width: number, height: number): Float32Array {
  const n = width * height;
  const out = disparity.slice();
  // The nearest known value along each direction comes from the pixel before in that direction: one pass for each.
  const found = Array.from({ length: 8 }, () => new Float32Array(n));
  const directions = [
    [-1, 0],
    [-1, -1],
    [0, -1],
    [1, -1],
    [1, 0],
    [1, 1],
    [0, 1],
    [-1, 1],
  ];
  for (const [i, [dx, dy]] of directions.entries()) {
    const near = found[i];
    const forward = dy < 0 || (dy === 0 && dx < 0);
    for (let row = 0; row < height; row++) {
      const y = forward ? row : height - 1 - row;
      const inside = y + dy >= 0 && y + dy < height;
      for (let column = 0; column < width; column++) {
        const x = forward ? column : width - 1 - column;
        const k = y * width + x;
        if (holes[k] === Hole.none) near[k] = disparity[k];
        else near[k] = inside && x + dx >= 0 && x + dx < width ? near[k + dx + dy * width] : Number.NaN;
      }
    }
  }
  const values = new Float64Array(8);
  for (let k = 0; k < n; k++) {
    if (holes[k] === Hole.none) continue;
    let count = 0;
    for (let i = 0; i < 8; i++) {
      const v = found[i][k];
      if (Number.isNaN(v)) continue;
      let at = count++;
      for (; at > 0 && values[at - 1] > v; at--) values[at] = values[at - 1];
      values[at] = v;
    }
    if (count === 0) out[k] = 0;
    else out[k] = holes[k] === Hole.hidden ? values[Math.min(1, count - 1)] : values[count >> 1];
  }
  return out;
}
