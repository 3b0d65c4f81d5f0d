/** Plain twin of `argsort`: for each row of n values the order that sorts it; stable, NaN last both ways. */
export function argsort(values: ArrayLike<number>, out: { [i: number]: number }, rows: number, n: number, descending: boolean): void {
  for (let r = 0; r < rows; r++) {
    const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => {
      const [x, y] = [values[r * n + i], values[r * n + j]];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
      return descending ? y - x || 0 : x - y || 0; // ∞ − ∞ is NaN: equal
    });
    for (let i = 0; i < n; i++) out[r * n + i] = order[i];
  }
}
