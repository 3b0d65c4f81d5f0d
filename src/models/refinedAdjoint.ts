import type { Random } from "../core/random.js";
import { type Layer, network, unet } from "../nn/index.js";
import type { Tensor } from "../tensor/index.js";
import type { MeasuredImages } from "./reconstructionCascade.js";

/**
 * A partly model-agnostic reconstruction, x = A*y + U(A*y) with a U-Net U: the adjoint is known, and what is wrong with its image is learned. It sees A at no other place: the result
 * need not agree with what was measured, and another A makes other errors than those that it knows. It begins as the zero-filled image.
 * @param o.features  channels of each level of the U-Net, the finest first (default 12, 24, 48: 60 thousand weights)
 * @see Jin, McCann, Froustey & Unser (2017), Deep convolutional neural network for inverse problems in imaging, IEEE TIP 26; Ronneberger, Fischer & Brox (2015), MICCAI
 */
export const refinedAdjoint = (o: { readonly random: Random; readonly features?: readonly number[] }): Layer<MeasuredImages, Tensor> =>
  network(
    { net: unet({ inputs: 2, outputs: 2, random: o.random, features: o.features ?? [12, 24, 48], residual: true }) },
    ({ net }, { zeroFilled }: MeasuredImages) => net.forward(zeroFilled),
  );
