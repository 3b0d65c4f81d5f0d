import { convolution, convolutionInput, convolutionWeights } from "../../dist/kernels/conv.js";
import { place, probes, uniform } from "./data.mjs";

const families = [
  {
    name: "conv2",
    about: "conv 3×3, 64→64",
    batch: 4,
    channels: 64,
    size: [1, 128, 128],
    kernel: [1, 3, 3],
    goals: [2.3, 2.3, 2.8],
    shown: "128²×4",
  },
  {
    name: "conv3",
    about: "conv 3³, 16→16",
    batch: 1,
    channels: 16,
    size: [80, 96, 80],
    kernel: [3, 3, 3],
    goals: [2.8, 2.8, 3],
    shown: "80×96×80",
  },
];

function rowsOf({ name, about, batch, channels, size, kernel, goals, shown }) {
  const volume = (t) => t[0] * t[1] * t[2];
  const n = batch * channels * volume(size);
  const weights = channels * channels * volume(kernel);
  const shape = {
    batch,
    inputs: channels,
    outputs: channels,
    groups: 1,
    size,
    outputSize: size,
    kernel,
    stride: [1, 1, 1],
    padding: kernel.map((k) => (k - 1) / 2),
    dilation: [1, 1, 1],
  };
  const data = () => {
    const random = uniform(1);
    const array = (length, scale) => Float32Array.from({ length }, () => Math.fround(random() - 0.5) * scale);
    return { x: array(n, 1), dy: array(n, 1), w: array(weights, Math.fround(0.1)) };
  };
  const row = (what, text, goal, kernels, prepare) => ({
    name: `${name}${what}`,
    about: `${about}, ${text}`,
    size: shown,
    goal,
    speedUp: 1.85,
    native: [`${name}${what}`],
    kernels,
    tolerance: 1e-4, // f32 sums of up to 6·10⁵ signed terms in different orders
    prepare,
  });
  return [
    row("Forward", "forward", goals[0], ["convForward"], (engine) => {
      const { x, w } = data();
      const { at, free } = place(engine, x, w, n);
      return { run: () => convolution(engine, ...at, shape), check: () => probes(engine.f32(at[2], n)), free };
    }),
    row("BackwardInput", "backward to the input", goals[1], ["convForward"], (engine) => {
      const { dy, w } = data();
      const { at, free } = place(engine, dy, w, n);
      return { run: () => convolutionInput(engine, ...at, shape), check: () => probes(engine.f32(at[2], n)), free };
    }),
    row("BackwardWeights", "backward to the weights", goals[2], ["convWeights"], (engine) => {
      const { x, dy } = data();
      const { at, free } = place(engine, x, dy, weights);
      return { run: () => convolutionWeights(engine, ...at, shape), check: () => probes(engine.f32(at[2], weights)), free };
    }),
  ];
}

export const rows = families.flatMap(rowsOf);
