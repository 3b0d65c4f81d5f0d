import { ArgumentError } from "../core/errors.js";
import { type Random, seeded } from "../core/random.js";
import { readSafetensors } from "../io/index.js";
import { type Layer, withWeightsOf } from "../nn/index.js";
import type { Denoiser } from "../priors/index.js";
import type { Enlarger } from "../reconstruction/index.js";
import type { DeformationNetwork } from "../registration/index.js";
import type { Tensor } from "../tensor/index.js";
import type { Card, ShippedWeights } from "./card.js";
import { ctPostFilter } from "./ctPostFilter.js";
import { ctPrimalDual } from "./ctPrimalDual.js";
import type { MeasuredViews } from "./ctScanner.js";
import { denoisingNetwork, type NetworkDenoiserOptions, type NoisyImages, networkDenoiser } from "./denoisingNetwork.js";
import { type GenerativeModel, generativeModel } from "./generativeModel.js";
import { type HomographySteps, homographyNetwork, type PatchPairs } from "./homographyNetwork.js";
import { type MeasuredImages, reconstructionCascade } from "./reconstructionCascade.js";
import { type ImagePair, networkDeformation, registrationNetwork } from "./registrationNetwork.js";
import { type MeasuredSeries, seriesCascade } from "./seriesCascade.js";
import { type EnlargerOptions, networkEnlarger, superResolutionNetwork } from "./superResolutionNetwork.js";
import { type ThickStacks, throughPlaneNetwork } from "./throughPlaneNetwork.js";
import { type BoxMoves, type BoxPair, deepLkTracking, regressionTracking } from "./trackingNetworks.js";
import { trainedEnlarger } from "./trainedEnlarger.js";
import { type MeasuredPictures, unrolledRestoration } from "./unrolledRestoration.js";
import { ctPrimalDualCard } from "./weights/ctPrimalDualCard.js";
import { denoiserCard } from "./weights/denoiserCard.js";
import { digitsCard } from "./weights/digitsCard.js";
import { homographyCard } from "./weights/homographyCard.js";
import { homographyUnsupervisedCard } from "./weights/homographyUnsupervisedCard.js";
import { mrCascadeCard } from "./weights/mrCascadeCard.js";
import { registration2dCard } from "./weights/registration2dCard.js";
import { superResolutionX2Card } from "./weights/superResolutionX2Card.js";
import { superResolutionX3Card } from "./weights/superResolutionX3Card.js";
import { superResolutionX4Card } from "./weights/superResolutionX4Card.js";
import { throughPlaneCard } from "./weights/throughPlaneCard.js";
import { trackingDeepLkCard } from "./weights/trackingDeepLkCard.js";
import { trackingRegressionCard } from "./weights/trackingRegressionCard.js";
import { unrolledInpaintingCard } from "./weights/unrolledInpaintingCard.js";

/** A network by its name: how it is made and, where trained weights come with the package, where they lie and what they are. */
export interface Model<In, Out> {
  /** What it is called. */
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** The network with its first weights. */
  build(random: Random): Layer<In, Out>;
  /** What the network is, and what it was trained and tested on. */
  readonly card?: Card;
  /** Fetched when asked for: who does not load a model does not load its weights. */
  readonly weights?: () => Promise<ShippedWeights>;
}

const enlarging = (scale: number, shipped: Pick<Model<Tensor, Tensor>, "card" | "weights"> = {}): Model<Tensor, Tensor> => ({
  name: `super-resolution-x${scale}`,
  summary: `makes gray pictures ${scale} times finer`,
  build: (random) => superResolutionNetwork({ random, scale }),
  ...shipped,
});

const unrolled = (
  problem: string,
  summary: string,
  steps: number,
  own: boolean,
  shipped: Pick<Model<MeasuredPictures, Tensor>, "card" | "weights"> = {},
): Model<MeasuredPictures, Tensor> => ({
  name: `unrolled-${problem}`,
  summary: `${summary}: plug-and-play of ${steps} steps, trained end to end`,
  build: (random) => unrolledRestoration({ random, steps, own }),
  ...shipped,
});

/** The networks of the package. */
export const models = {
  "ct-post-filter": {
    name: "ct-post-filter",
    summary: "takes streaks and noise off filtered back-projections",
    build: (random) => ctPostFilter({ random }),
  } satisfies Model<MeasuredViews, Tensor>,
  "ct-primal-dual": {
    name: "ct-primal-dual",
    summary: "a slice from few line integrals: networks on the sinogram and on the image by turns",
    build: (random) => ctPrimalDual({ random }),
    card: ctPrimalDualCard,
    weights: (): Promise<ShippedWeights> => import("./weights/ctPrimalDual.js"),
  } satisfies Model<MeasuredViews, Tensor>,
  /** Takes noise of a given strength out of pictures. */
  denoiser: {
    name: "denoiser",
    summary: "takes white noise of a given strength off gray pictures",
    build: (random) => denoisingNetwork({ random }),
    card: denoiserCard,
    weights: (): Promise<ShippedWeights> => import("./weights/denoiser.js"),
  } satisfies Model<NoisyImages, Tensor>,
  /** The homography between two patches. */
  homography: {
    name: "homography",
    summary: "the homography between two patches, by matching, least squares and warping again; trained with known ones",
    build: (random) => homographyNetwork({ random }),
    card: homographyCard,
    weights: (): Promise<ShippedWeights> => import("./weights/homography.js"),
  } satisfies Model<PatchPairs, HomographySteps> as Model<PatchPairs, HomographySteps>,
  "homography-unsupervised": {
    name: "homography-unsupervised",
    summary: "the same network, trained without truth",
    build: (random) => homographyNetwork({ random }),
    card: homographyUnsupervisedCard,
    weights: (): Promise<ShippedWeights> => import("./weights/homographyUnsupervised.js"),
  } satisfies Model<PatchPairs, HomographySteps> as Model<PatchPairs, HomographySteps>,
  "tracking-deep-lk": {
    name: "tracking-deep-lk",
    summary: "where a box went: inverse-compositional Lucas–Kanade on learned features, the regressor anew from every template",
    build: (random) => deepLkTracking({ random }),
    card: trackingDeepLkCard,
    weights: (): Promise<ShippedWeights> => import("./weights/trackingDeepLk.js"),
  } satisfies Model<BoxPair, BoxMoves> as Model<BoxPair, BoxMoves>,
  "tracking-regression": {
    name: "tracking-regression",
    summary: "where a box went: both frames through convolutions and dense layers, at once",
    build: (random) => regressionTracking({ random }),
    card: trackingRegressionCard,
    weights: (): Promise<ShippedWeights> => import("./weights/trackingRegression.js"),
  } satisfies Model<BoxPair, BoxMoves> as Model<BoxPair, BoxMoves>,
  "mr-cascade": {
    name: "mr-cascade",
    summary: "an image from undersampled lines of k-space: networks and data consistency by turns",
    build: (random) => reconstructionCascade({ random }),
    card: mrCascadeCard,
    weights: (): Promise<ShippedWeights> => import("./weights/mrCascade.js"),
  } satisfies Model<MeasuredImages, Tensor>,
  "mr-series-cascade": {
    name: "mr-series-cascade",
    summary: "a series from frames with few lines of k-space each, which lend each other samples",
    build: (random) => seriesCascade({ random }),
  } satisfies Model<MeasuredSeries, Tensor>,
  "registration-2d": {
    name: "registration-2d",
    summary: "the velocity of a deformation from one slice to another",
    build: (random) => registrationNetwork({ random }),
    card: registration2dCard,
    weights: (): Promise<ShippedWeights> => import("./weights/registration2d.js"),
  } satisfies Model<ImagePair, Tensor>,
  "super-resolution-x2": enlarging(2, { card: superResolutionX2Card, weights: () => import("./weights/superResolutionX2.js") }),
  "super-resolution-x3": enlarging(3, { card: superResolutionX3Card, weights: () => import("./weights/superResolutionX3.js") }),
  "super-resolution-x4": enlarging(4, { card: superResolutionX4Card, weights: () => import("./weights/superResolutionX4.js") }),
  "unrolled-inpainting": unrolled("inpainting", "fills in missing samples of gray pictures", 6, true, {
    card: unrolledInpaintingCard,
    weights: () => import("./weights/unrolledInpainting.js"),
  }),
  "unrolled-deblur": unrolled("deblur", "undoes known blurs of gray pictures", 8, false),
  /** Makes handwritten digits. */
  digits: {
    name: "digits",
    summary: "makes handwritten digits of 28×28 samples, and tells them from others",
    build: (random): GenerativeModel => generativeModel({ random }),
    card: digitsCard,
    weights: (): Promise<ShippedWeights> => import("./weights/digits.js"),
  } satisfies Model<Tensor, Tensor>,
  "through-plane": {
    name: "through-plane",
    summary: "makes the slices of a volume five times thinner",
    build: (random) => throughPlaneNetwork({ random }),
    card: throughPlaneCard,
    weights: (): Promise<ShippedWeights> => import("./weights/throughPlane.js"),
  } satisfies Model<ThickStacks, Tensor>,
} as const;
/** A name in `models`. */
export type ModelName = keyof typeof models;
/** The network of that name. */
export type NetworkOf<K extends ModelName> = ReturnType<(typeof models)[K]["build"]>;

/** The bytes of a file of weights that comes with the package. */
export function weightsFile({ safetensors }: ShippedWeights): Uint8Array {
  const text = atob(safetensors);
  return Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

/**
 * A network with its trained weights: those of the package, or those of a safetensors file.
 * @throws ArgumentError when there is no such model, or no weights for it
 * @throws FormatError, ShapeError when the file is damaged or of another network
 */
export async function loadModel<K extends ModelName>(name: K, { weights }: { readonly weights?: Uint8Array } = {}): Promise<NetworkOf<K>> {
  const names = Object.keys(models).join(", ");
  if (!Object.hasOwn(models, name)) throw new ArgumentError(`loadModel: there is no model "${name}"; there are ${names}`, { name });
  const model: Model<never, unknown> = models[name];
  const file = weights ?? (model.weights && weightsFile(await model.weights()));
  if (!file)
    throw new ArgumentError(`loadModel: no weights of "${name}" come with the package; train them and give the file (weights)`, { name });
  // The seed does not matter: every weight is replaced.
  return withWeightsOf(model.build(seeded(1)), readSafetensors(file)) as NetworkOf<K>;
}

/**
 * The learned denoiser of the package, for `plugAndPlay` and `red`. Black and white are read from each picture, so that gain and offset pass through:
 * f(a y + b, a σ) = a f(y, σ) + b for a > 0. The mean over two views of the picture: see `networkDenoiser`.
 * @param o  as for `networkDenoiser`, and weights of one's own training
 */
export async function learnedDenoiser(o: NetworkDenoiserOptions & { readonly weights?: Uint8Array } = {}): Promise<Denoiser> {
  return { ...networkDenoiser(await loadModel("denoiser", o), { peak: "auto", views: 2, ...o }), name: "learned" };
}

/**
 * The trained network for the preset `learned` of `register`.
 * @throws ArgumentError when no weights come with the package and none are given
 */
export async function learnedDeformation(o: { readonly weights?: Uint8Array } = {}): Promise<DeformationNetwork> {
  return networkDeformation(await loadModel("registration-2d", o));
}

/** Scales that `learnedEnlarger` has weights for. */
export const learnedScales: readonly number[] = [2, 3, 4].filter((s) => models[`super-resolution-x${s as 2 | 3 | 4}`].weights);

/**
 * The network of the package that makes pictures `scale` times finer, as `network` of `enlarge`. It takes coarse pictures for antialiased cubic reductions of fine ones.
 * @param o  as for `networkEnlarger`, and weights of one's own training, of any size
 * @throws ArgumentError when no weights for that scale come with the package and none are given; FormatError for weights of another network or scale
 */
export async function learnedEnlarger(scale: number, o: EnlargerOptions & { readonly weights?: Uint8Array } = {}): Promise<Enlarger> {
  const model = o.weights ? trainedEnlarger(o.weights, scale) : await loadModel(`super-resolution-x${scale}` as "super-resolution-x2");
  return networkEnlarger(model, { scale, ...o });
}
