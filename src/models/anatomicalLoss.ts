import { type Loss, perceptualLoss } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";

/**
 * Distance of the shapes that two pictures show: mean (e(p) − e(t))² over the numbers of their codes. To be added, with a weight, to a loss that compares samples:
 * that alone hardly minds a cavity that is a little too small, or not round.
 * `code`: pictures ↦ codes [n, latent] by networks that are not trained here. Either a network that was taught the codes of `shapeAutoencoder` from pictures
 * (as in the article), or its encoder after a network that segments: x ↦ encoder.forward(segment.forward(x)).
 * @see Oktay et al. (2018), Anatomically constrained neural networks (ACNN): application to cardiac image enhancement and segmentation, IEEE TMI 37
 */
export const anatomicalLoss = ({ code }: { readonly code: (picture: Tensor) => Tensor }): Loss =>
  perceptualLoss({ features: (x) => [code(x)] });
