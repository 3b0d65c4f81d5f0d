import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { blurOperator } from "../operators/index.js";
import { totalVariation } from "../priors/index.js";
import { randomNormal, Tensor } from "../tensor/index.js";
import { blindKernel } from "./blindKernel.js";
import { restore } from "./restore.js";

const [H, W] = [96, 112];
const random = seeded(11);
/** Boxes and discs of all sizes, one over the other. */
const sharp = (() => {
  const x = new Float32Array(H * W).fill(0.4);
  for (let n = 0; n < 40; n++) {
    const [cy, cx, r, v, round] = [
      random.uniform() * H,
      random.uniform() * W,
      4 + 14 * random.uniform(),
      random.uniform(),
      random.uniform() < 0.5,
    ];
    for (let i = 0; i < H; i++)
      for (let j = 0; j < W; j++)
        if (round ? Math.hypot(i - cy, j - cx) < r : Math.abs(i - cy) < r && Math.abs(j - cx) < 0.6 * r) x[i * W + j] = v;
  }
  return Tensor.from(x, [H, W]);
})();
/** A hand that moved down to the right, then right. */
const path = (() => {
  const k = new Float32Array(81);
  for (const i of [1, 2, 3, 4]) k[9 * (i + 1) + i + 1] = 1;
  for (const j of [6, 7]) k[9 * 5 + j] = 1.5;
  const sum = k.reduce((s, v) => s + v, 0);
  return Tensor.from(
    k.map((v) => v / sum),
    [9, 9],
  );
})();
const operator = blurOperator([H, W], path);
const blurred = operator.apply(sharp).add(randomNormal([H, W], seeded(3)).mul(0.003));

/** The greatest correlation of two kernels over shifts. */
function alike(a: Tensor, b: Tensor): number {
  const n = a.shape[0];
  let best = 0;
  for (let dy = -2; dy <= 2; dy++)
    for (let dx = -2; dx <= 2; dx++) {
      let s = 0;
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) s += a.data[i * n + j] * (b.data[(i + dy) * n + j + dx] ?? 0) * Number(j + dx >= 0 && j + dx < n);
      best = Math.max(best, s / (a.norm().item() * b.norm().item()));
    }
  return best;
}

test("the path of a shaken hand is found, on the simplex and centred, and the picture comes back nearly as with the true one", async () => {
  const r = await blindKernel(blurred, { size: 9, periodic: true });
  expect(r.kernel.shape).toEqual([9, 9]);
  expect(r.kernel.min().item()).toBeGreaterThanOrEqual(0);
  expect(r.kernel.sum().item()).toBeCloseTo(1, 5);
  const mass = Float64Array.from(r.kernel.data).reduce((s, v, i) => s + v * Math.floor(i / 9), 0);
  expect(Math.abs(mass - 4)).toBeLessThanOrEqual(0.51);
  expect(alike(r.kernel, path)).toBeGreaterThan(0.85);
  const middle = (x: Tensor, dy: number, dx: number) => x.slice([12 + dy, 12 + dx], [H - 12 + dy, W - 12 + dx]);
  const nearest = (x: Tensor) =>
    Math.min(
      ...[-1, 0, 1].flatMap((dy) =>
        [-1, 0, 1].map((dx) =>
          middle(x, dy, dx)
            .sub(middle(sharp, 0, 0))
            .norm()
            .item(),
        ),
      ),
    );
  const back = await restore({ operator: blurOperator([H, W], r.kernel), data: blurred, prior: totalVariation(), lambda: 5e-4 });
  expect(nearest(back.image)).toBeLessThan(0.6 * nearest(blurred));
});

test("gain and offset of the picture do not matter, and a border that is unknown does little harm", async () => {
  const [plain, other] = [
    await blindKernel(blurred, { size: 9, periodic: true }),
    await blindKernel(blurred.mul(50).add(9), { size: 9, periodic: true }),
  ];
  expect(plain.kernel.sub(other.kernel).abs().max().item()).toBeLessThan(0.01); // rounding moves thresholds a little
  const faded = await blindKernel(blurred, { size: 9 });
  expect(alike(faded.kernel, path)).toBeGreaterThan(0.75);
});

test("of a sharp picture the blur is next to none", async () => {
  const r = await blindKernel(sharp, { size: 7, periodic: true });
  expect(r.kernel.max().item()).toBeGreaterThan(0.8);
});

test("what cannot be is said", async () => {
  await expect(blindKernel(blurred, { size: 8 })).rejects.toThrow(/kernel of 8/);
  await expect(blindKernel(Tensor.full([3, 9, 9], 1))).rejects.toThrow(/gray picture/);
  const stop = AbortSignal.abort();
  await expect(blindKernel(blurred, { size: 9, signal: stop })).rejects.toThrow(/stopped/);
});
