/**
 * The k-th smallest of some numbers (k = 0: the least), as sorting would put it, in time proportional to their count. The numbers are reordered:
 * afterwards none before k is larger, and none behind it smaller. NaN have no order, and no place.
 * @see Hoare (1961), Algorithm 65: Find, Communications of the ACM 4
 */
export function select(values: Float32Array | Float64Array, k: number, from = 0): number {
  let [left, right] = [from, values.length - 1];
  while (left < right) {
    // The middle of three: sorted values, which are common, cost no more than others.
    const [a, b, c] = [values[left], values[(left + right) >>> 1], values[right]];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let [i, j] = [left, right];
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const v = values[i];
      values[i++] = values[j];
      values[j--] = v;
    }
    if (k <= j) right = j;
    else if (k >= i) left = i;
    else break;
  }
  return values[k];
}
