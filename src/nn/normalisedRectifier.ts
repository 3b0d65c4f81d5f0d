import { fused } from "../tensor/fused.js";
import { type Applied, define } from "../tensor/primitive.js";
import { Tensor } from "../tensor/tensor.js";
import { type Layer, layer } from "./module.js";

const slope = 0.2;
const epsilon = 1e-5;

/** x scaled and shifted by columns, and rectified. */
const rectified = fused((x: Tensor, gain: Tensor, shift: Tensor) => {
  const y = x.mul(gain).add(shift);
  return y.maximum(y.mul(slope));
});
/** g where y is above 0, less of it elsewhere. */
const passed = fused((g: Tensor, y: Tensor) =>
  y
    .greater(0)
    .mul(1 - slope)
    .add(slope)
    .mul(g),
);
const product = fused((a: Tensor, b: Tensor) => a.mul(b));
const combined = fused((g: Tensor, a: Tensor, x: Tensor, b: Tensor, c: Tensor) => g.mul(a).add(x.mul(b)).add(c));

const spatial = (x: Tensor) => x.shape.slice(2).map((_, i) => i + 2);
const statistics = (x: Tensor) => {
  const mean = x.mean(spatial(x), true);
  const variance = x.square().mean(spatial(x), true).sub(mean.square()).maximum(0);
  return { mean, rate: variance.add(epsilon).sqrt().reciprocal() };
};
const column = (t: Tensor, x: Tensor) => t.reshape(1, t.size, ...spatial(x).map(() => 1));

/** With r = 1/√(v + ε), n places, h = the cotangent behind the rectifier:  ∂β = Σ h,  ∂γ = r Σ h (x − μ),  ∂x = γ r (h − ∂β/n − (x − μ) r ∂γ/n). */
const normalised: Applied<undefined> = define<undefined>({
  name: "normalisedRectifier",
  forward: ([x, weight, bias]) => {
    const { mean, rate } = statistics(x);
    const gain = column(weight, x).mul(rate);
    return rectified(x, gain, column(bias, x).sub(mean.mul(gain)));
  },
  vjp: ({ inputs: [x, weight], output }, g) => {
    const { mean, rate } = statistics(x);
    const axes = spatial(x);
    const h = passed(g, output);
    const bias = h.sum(axes, true);
    const slopes = product(h, x).sum(axes, true).sub(mean.mul(bias)).mul(rate);
    const gain = column(weight, x).mul(rate);
    const count = axes.reduce((n, a) => n * x.shape[a], 1);
    const turn = gain.mul(rate).mul(slopes).div(-count);
    const whole = (t: Tensor) => t.sum(0).reshape(weight.size);
    return [combined(h, gain, x, turn, gain.mul(bias).div(-count).sub(turn.mul(mean))), whole(slopes), whole(bias)];
  },
});

/**
 * y = γ (x − μ) / √(v + ε) + β with mean and variance of each image and channel, then y where it is above 0 and 0.2 y elsewhere: normalisation and rectifier in
 * as few passes as there can be, for the maps of a network that is fitted to one picture are large.
 */
export function normalisedRectifier(channels: number): Layer {
  const parameters = { weight: Tensor.ones([channels]), bias: Tensor.zeros([channels]) };
  return layer(parameters, (p, x: Tensor) => normalised([x, p.weight, p.bias], undefined));
}
