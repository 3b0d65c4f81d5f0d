/*
 * The classes of learned reconstruction as functions of what was measured, one list for MR and one for super-resolution. The networks are those that scripts/train/classes.mjs wrote; whatever
 * was not trained is left out. `sees`: whether A is handed in anew for every measurement; `name`: as many as `run` makes images.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "../dist/io/index.js";
import { fromChannels, learnedDenoiser, loadModel, networkReconstruction, toChannels } from "../dist/models/index.js";
import { parameterCount, sequential, stateless, withWeightsOf } from "../dist/nn/index.js";
import {
  adjointOf,
  blurOperator,
  compose,
  decimateOperator,
  gaussianKernel,
  magneticResonanceOperator,
  partsOfComplex,
  resizeOperator,
} from "../dist/operators/index.js";
import { plugAndPlay } from "../dist/priors/index.js";
import { ganPrior, reconstructMr, restore } from "../dist/reconstruction/index.js";
import { fft, fftShift, ifft, ifftShift, scope, Tensor } from "../dist/tensor/index.js";
import { classNetworks, classScale } from "../scripts/train/classVariants.mjs";
import { cubic } from "./luminance.mjs";

/** What was said of a training, and its network; undefined where there is none. */
export function trained(out, name, make) {
  if (!existsSync(join(out, `${name}.json`))) {
    console.error(`${name}: not trained`);
    return undefined;
  }
  const said = JSON.parse(readFileSync(join(out, `${name}.json`), "utf8"));
  return { said, model: withWeightsOf(make(), readSafetensors(readFileSync(join(out, `${name}.safetensors`)))) };
}

const orthonormal = { normalisation: "ortho" };
/** Centred k-space as the networks of raw data have it: [1, 2, y, x], frequency 0 first, the picture's first sample first. */
const rawData = (kspace) => {
  const [h, w] = kspace.shape;
  return toChannels(fft(fftShift(ifft(ifftShift(kspace), orthonormal)), orthonormal).reshape(1, 1, h, w));
};
const complexOf = (channels) => fromChannels(channels).reshape(...channels.shape.slice(2));
/** A network on raw data as a function of k-space. */
export const ofRawData =
  (model) =>
  ({ kspace }) =>
    scope(() => complexOf(model.forward(rawData(kspace))));
/**
 * Of both searches in the range of a generator: noise of the data, how far they lie from what that range explains, white being 1, and few steps. What a generator cannot show is no white noise: with
 * 0.05, the deviation of its pictures, and 100 steps, codes explain that too, and put into the gaps what is worse than nothing. Chosen on a slice of the trainings that was held back.
 */
const search = { noise: 0.005, misfit: 0.2, iterations: 40 };
const codes = (model, picture) => scope(() => model.encoder.forward(picture).slice([0, 0], [picture.shape[0], model.latent]));

/** { name, kind, sees, weights, said, run({ kspace, mask }) ↦ complex image } of each class; k-space is centred, 0 where nothing was measured. */
export async function mrMethods(out) {
  const denoiser = await learnedDenoiser();
  const list = [
    {
      name: "zero-filled",
      kind: "none",
      sees: true,
      run: ({ kspace }) => complexOf(toChannels(fftShift(ifft(ifftShift(kspace), orthonormal)).reshape(1, 1, ...kspace.shape))),
    },
    { name: "total variation", kind: "classical", sees: true, run: async (d) => (await reconstructMr({ ...d, prior: "tv" })).image },
  ];
  const agnostic = (name, label) => {
    const t = trained(out, name, classNetworks.mr.agnostic);
    if (t) list.push({ name: label, kind: "agnostic", sees: false, ...t, run: ofRawData(t.model) });
  };
  const network = (kind, label, model, said) => {
    const f = networkReconstruction(model);
    list.push({
      name: label,
      kind,
      sees: kind === "unrolled",
      model,
      said,
      run: async (d) => (await reconstructMr({ ...d, network: f })).image,
    });
  };
  agnostic("mr-agnostic", "model-agnostic");
  agnostic("mr-agnostic-long", "model-agnostic, 4 times the steps");
  const partly = trained(out, "mr-partly", classNetworks.mr.partly);
  if (partly) network("partly", "partly agnostic", partly.model, partly.said);
  list.push({
    name: "plug-and-play",
    kind: "plug",
    sees: true,
    model: await loadModel("denoiser"),
    run: async (d) => (await reconstructMr({ ...d, denoiser })).image,
  });
  const generator = trained(out, "mr-generator", classNetworks.mr.generator);
  if (generator)
    list.push({
      name: ["GAN range", "GAN range, and near it"],
      kind: "gan",
      sees: true,
      said: generator.said,
      model: generator.model.generator,
      async run({ kspace, mask }) {
        const { shape } = kspace;
        const model = classNetworks.mr.generator({ size: shape }).with(generator.model.parameters);
        const mr = magneticResonanceOperator({ mask, shape });
        const folded = scope(() => mr.adjoint(kspace));
        const scale = folded.abs().max().item();
        const parts = adjointOf(partsOfComplex(shape));
        const start = codes(model, toChannels(folded.div(scale).reshape(1, 1, ...shape)));
        const r = await ganPrior({ operator: compose(mr, parts), data: kspace.div(scale), model, start, ...search });
        return [r.generated, r.image].map((x) => scope(() => parts.apply(x).mul(scale)));
      },
    });
  const unrolled = trained(out, "mr-unrolled", classNetworks.mr.unrolled);
  if (unrolled) network("unrolled", "unrolled", unrolled.model, unrolled.said);
  network("unrolled", "unrolled, of the package", await loadModel("mr-cascade"), { steps: 12000, pictures: 401 });
  return list.map((m) => ({ ...m, weights: m.model && parameterCount(m.model) }));
}

/** How pictures are made coarse, as operators on [(…,) y, x] of a size; the first is that of the trainings. */
export const reductions = {
  "antialiased cubic": (shape, size) => resizeOperator(shape, { size }),
  "no antialiasing": (shape, size) => resizeOperator(shape, { size, antialias: false }),
  "Gaussian, σ 2": (shape) =>
    compose(decimateOperator(shape, classScale), blurOperator(shape, gaussianKernel(13, 2), { border: "reflect" })),
};
/** { …, run({ coarse, fine, operator }) ↦ [1, 1, …fine] }: coarse [1, 1, y, x], fine [rows, columns], operator(shape) on pictures of that shape. */
export async function srMethods(out) {
  const denoiser = await learnedDenoiser();
  const flat = (x) => x.reshape(...x.shape.slice(-2));
  const lift = (x) => x.reshape(1, 1, ...x.shape.slice(-2));
  const list = [{ name: "cubic interpolation", kind: "none", sees: false, run: ({ coarse, fine }) => cubic(coarse, fine) }];
  const agnostic = trained(out, "sr-agnostic", classNetworks.sr.agnostic);
  if (agnostic)
    list.push({
      name: "model-agnostic",
      kind: "agnostic",
      sees: false,
      ...agnostic,
      // Knows one factor.
      run: ({ coarse, fine }) => (fine[0] === classScale * coarse.shape[2] ? scope(() => agnostic.model.forward(coarse)) : undefined),
    });
  const partly = trained(out, "sr-partly", classNetworks.sr.refine);
  if (partly)
    list.push({
      name: "partly agnostic",
      kind: "partly",
      sees: false,
      ...partly,
      run: ({ coarse, fine }) => scope(() => partly.model.forward(cubic(coarse, fine))),
    });
  list.push({
    name: "plug-and-play",
    kind: "plug",
    sees: true,
    model: await loadModel("denoiser"),
    // Noise of half a gray value.
    async run({ coarse, fine, operator }) {
      const r = await restore({ operator: operator(fine), data: flat(coarse), prior: plugAndPlay(denoiser), lambda: (0.5 / 255) ** 2 });
      return lift(r.image);
    },
  });
  const generator = trained(out, "sr-generator", classNetworks.sr.generator);
  if (generator)
    list.push({
      name: ["GAN range", "GAN range, and near it"],
      kind: "gan",
      sees: true,
      said: generator.said,
      model: generator.model.generator,
      async run({ coarse, fine, operator }) {
        const size = fine.map((n) => 8 * Math.ceil(n / 8));
        const whole = classNetworks.sr.generator({ size }).with(generator.model.parameters);
        const cut = stateless((x) => x.slice([0, 0, 0, 0], [x.shape[0], 1, ...fine]));
        const begin = scope(() => cubic(coarse, fine).pad([0, 0, 0, 0], [0, 0, size[0] - fine[0], size[1] - fine[1]]));
        const model = { latent: whole.latent, generator: sequential(whole.generator, cut) };
        const r = await ganPrior({ operator: operator(fine), data: flat(coarse), model, start: codes(whole, begin), ...search });
        return [r.generated, r.image].map(lift);
      },
    });
  const unrolled = trained(out, "sr-unrolled", classNetworks.sr.unrolled);
  if (unrolled)
    list.push({
      name: "unrolled",
      kind: "unrolled",
      sees: true,
      ...unrolled,
      run: ({ coarse, fine, operator }) =>
        scope(() => {
          const a = operator([1, 1, ...fine]);
          const start = a.adjoint(coarse).mul((fine[0] * fine[1]) / (coarse.shape[2] * coarse.shape[3]));
          return unrolled.model.forward({ operator: a, data: coarse, sigma: Tensor.full([1], 1e-3), start });
        }),
    });
  return list.map((m) => ({ ...m, weights: m.model && parameterCount(m.model) }));
}
