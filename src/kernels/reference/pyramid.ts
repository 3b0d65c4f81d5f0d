type Numbers = ArrayLike<number>;
const within = (k: number, n: number) => Math.max(0, Math.min(n - 1, k));

/**
 * Every second sample, from the first on, of a plane [H, W] convolved with [1 4 6 4 1]/16 along both axes, the border repeated: [⌈H/2⌉, ⌈W/2⌉].
 * @see Burt & Adelson (1983), The Laplacian pyramid as a compact image code, IEEE Transactions on Communications 31(4)
 */
export function pyramidReduce(plane: Numbers, H: number, W: number): Float64Array {
  const [h, w] = [Math.ceil(H / 2), Math.ceil(W / 2)];
  const weights = [1, 4, 6, 4, 1];
  return Float64Array.from({ length: h * w }, (_, k) => {
    const [y, x] = [2 * Math.floor(k / w), 2 * (k % w)];
    let sum = 0;
    for (let j = -2; j <= 2; j++)
      for (let i = -2; i <= 2; i++) sum += (weights[j + 2] * weights[i + 2] * plane[within(y + j, H) * W + within(x + i, W)]) / 256;
    return sum;
  });
}
/** A plane twice as large, [2H, 2W]: along each axis sample 2x is (x₋₁ + 6 x₀ + x₁)/8 and sample 2x + 1 is (x₀ + x₁)/2, the border repeated. */
export function pyramidExpand(plane: Numbers, H: number, W: number): Float64Array {
  const share = (odd: boolean) => (odd ? [0, 0.5, 0.5] : [0.125, 0.75, 0.125]);
  return Float64Array.from({ length: 4 * H * W }, (_, k) => {
    const [y, x] = [Math.floor(k / (2 * W)), k % (2 * W)];
    const [down, right] = [share(y % 2 === 1), share(x % 2 === 1)];
    let sum = 0;
    for (let j = -1; j <= 1; j++)
      for (let i = -1; i <= 1; i++) sum += down[j + 1] * right[i + 1] * plane[within((y >> 1) + j, H) * W + within((x >> 1) + i, W)];
    return sum;
  });
}
