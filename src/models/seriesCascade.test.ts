import { expect, test } from "vitest";
import { seeded } from "../core/random.js";
import { scope } from "../core/scope.js";
import { inPrecision } from "../nn/index.js";
import { reconstructDynamicMr } from "../reconstruction/index.js";
import { complex, fft, fftShift, ifft, ifftShift, randomNormal, randomUniform, Tensor } from "../tensor/index.js";
import { leavesOf, withLeaves } from "../tensor/variables.js";
import { scalarised, taylorFirst } from "../testing/laws.js";
import { fromChannels, networkSeries, type SeriesCascadeOptions, seriesCascade, toChannels } from "./index.js";

const small = (o: Partial<SeriesCascadeOptions> = {}) =>
  seriesCascade({ random: seeded(1), cascades: 2, depth: 2, features: 3, sharing: [1], ...o });
const unitary = { axes: [3, 4], normalisation: "ortho" } as const;
/** Frames that are all the same, and other rows of each. */
function series(t = 4, h = 8, w = 5) {
  const still = complex(randomNormal([1, 1, 1, h, w], seeded(2)), randomNormal([1, 1, 1, h, w], seeded(3)));
  const truth = toChannels(still.add(complex(Tensor.zeros([1, 1, t, h, w]), Tensor.zeros([1, 1, t, h, w]))));
  const mask = Tensor.from(
    Float32Array.from({ length: t * h }, (_, i) => ((i % h) % 3 === Math.floor(i / h) % 3 || i % h === 1 ? 1 : 0)),
    [1, 1, t, h, 1],
  );
  const zeroFilled = toChannels(ifft(fft(fromChannels(truth), unitary).mul(mask), unitary));
  return { truth, mask, zeroFilled };
}
const most = (x: Tensor) => x.abs().max().item();
/** With weights that are not those of the beginning. */
function disturbed(model: ReturnType<typeof small>) {
  return model.with(
    withLeaves(
      model.parameters,
      leavesOf(model.parameters).map((p, i) => (p.size === 1 ? p : p.add(randomNormal(p.shape, seeded(7 + i)).mul(0.2)))),
    ),
  );
}

test("it begins as the zero-filled series", () => {
  const { mask, zeroFilled } = series();
  expect(most(small().forward({ zeroFilled, mask }).sub(zeroFilled))).toBeLessThan(1e-6);
});

test.each([1, 2])("whatever its networks say, samples stay as measured (blocks of %d)", (block) => {
  const { mask, zeroFilled } = series();
  const x = disturbed(small({ block })).forward({ zeroFilled, mask });
  expect(most(x.sub(zeroFilled))).toBeGreaterThan(0.01); // it did change the rest
  const spectrum = (t: Tensor) => fft(fromChannels(t), unitary);
  expect(most(spectrum(x).sub(spectrum(zeroFilled)).mul(mask))).toBeLessThan(1e-5);
});

test("frames that do not move lend each other what they lack: with a window over all rows the networks see the truth itself", () => {
  const { mask, zeroFilled, truth } = series(6);
  // One cascade, one tap, one block: the network is a matrix of channels; the rows of weights that look at the shared images alone hand them on.
  const model = seriesCascade({ random: seeded(1), cascades: 1, depth: 2, features: 4, sharing: [2], block: 1 });
  const pick = (p: Tensor, name: string): Tensor => {
    if (p.rank !== 5) return Tensor.zeros(p.shape);
    const i = p.shape[1];
    const values = new Float32Array(p.size);
    for (let k = 0; k < 2; k++) {
      // Positive and negative parts, for the rectifier between: channel 2 + k is the shared image, k the one of the frame itself.
      const centre = (row: number, column: number) => (row * i + column) * 27 + 13;
      if (name === "first") {
        values[centre(2 * k, 2 + k)] = 1;
        values[centre(2 * k + 1, 2 + k)] = -1;
      } else {
        values[centre(k, 2 * k)] = 1;
        values[centre(k, 2 * k + 1)] = -1;
      }
    }
    return Tensor.from(values, p.shape);
  };
  let convolutions = 0;
  const shared = model.with(
    withLeaves(
      model.parameters,
      leavesOf(model.parameters).map((p) =>
        p.size === 1 ? Tensor.zeros([]) : pick(p, p.rank === 5 && convolutions++ === 0 ? "first" : "last"),
      ),
    ),
  );
  const change = shared.forward({ zeroFilled, mask }).sub(zeroFilled);
  // At the ends of the series a window may lack a row; inside it has all.
  const inside = (t: Tensor) => t.slice([0, 0, 2, 0, 0], [1, 2, 4, t.shape[3], t.shape[4]]);
  expect(most(inside(change).sub(inside(truth)))).toBeLessThan(1e-5);
});

test("its gradients are those of differences, for series and weights", () => {
  const { mask, zeroFilled } = series(3, 4, 3);
  const model = inPrecision(small(), "f64");
  const random = seeded(3);
  const weights = leavesOf(model.parameters).map((p) => p.add(randomUniform(p.shape, 0.05, 0.2, random, "f64")));
  const f = (x: Tensor, ...ws: Tensor[]) => model.with(withLeaves(model.parameters, ws)).forward({ zeroFilled: x, mask: mask.cast("f64") });
  const all = [zeroFilled.cast("f64"), ...weights];
  const { order, remainders } = scope(() => taylorFirst(scalarised(f, all, seeded(4)), all, seeded(5), 1e-4));
  expect(order, `remainders ${remainders}`).toBeGreaterThan(1.8);
});

test("in a reconstruction it sees centred k-space as it saw its own: measured samples stay, at any size", async () => {
  const [t, h, w] = [3, 7, 6];
  const truth = complex(randomNormal([t, h, w], seeded(1)), randomNormal([t, h, w], seeded(2)));
  const axes = [1, 2];
  const whole = fftShift(fft(ifftShift(truth, axes), { axes, normalisation: "ortho" }), axes);
  const mask = Tensor.from(
    Float32Array.from({ length: t * h }, (_, i) => (i % 2 === 0 || i % h === 3 ? 1 : 0)),
    [t, h, 1],
  );
  const kspace = whole.mul(mask);
  const r = await reconstructDynamicMr({ kspace, mask, method: "learned", network: networkSeries(disturbed(small())) });
  const again = fftShift(fft(ifftShift(r.frames, axes), { axes, normalisation: "ortho" }), axes);
  expect(most(again.mul(mask).sub(kspace))).toBeLessThan(1e-4);
  expect(most(r.frames.sub(r.zeroFilled))).toBeGreaterThan(0.01);
  await expect(reconstructDynamicMr({ kspace, mask, method: "learned" })).rejects.toThrow(/needs network/);
});

test("series and masks that do not belong together are refused", () => {
  const { mask, zeroFilled } = series();
  expect(() => small().forward({ zeroFilled, mask: mask.slice([0, 0, 0, 0, 0], [1, 1, 3, 8, 1]) })).toThrow(/expected \[n, 2, t, y, x\]/);
  expect(() => small({ sharing: [0] })).toThrow(/whole numbers from 1/);
});
