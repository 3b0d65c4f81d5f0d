import { scope } from "../core/scope.js";
import { type Data, type Sample, shuffled } from "../nn/index.js";
import { resizeOperator } from "../operators/index.js";
import { Tensor } from "../tensor/index.js";
import type { TrainingPicture } from "./recipe.js";

/** A fine picture [1, s y, s x] and its coarse one [1, y, x]. */
export interface SuperResolutionPair {
  /** What should come out. */
  readonly fine: Tensor;
  /** What goes in. */
  readonly coarse: Tensor;
}
/** A picture cut to a multiple of the scale, and its antialiased cubic reduction, rounded to 8 bits as files are. */
export function superResolutionPair({ values, height, width }: TrainingPicture, scale: number): SuperResolutionPair {
  const [h, w] = [height, width].map((s) => s - (s % scale));
  return scope(() => {
    const fine = Tensor.from(values, [1, height, width]).slice([0, 0, 0], [1, h, w]);
    const coarse = resizeOperator(fine.shape, { size: [h / scale, w / scale] }).apply(fine);
    return { fine, coarse: coarse.mul(255).add(0.5).floor().div(255) };
  });
}

/** Batches { input, target } of patches, `patch` coarse samples wide, from anywhere in the pictures, turned and mirrored; a pass is 64 patches of each. */
export function superResolutionData(o: {
  readonly pairs: readonly SuperResolutionPair[];
  readonly scale: number;
  readonly batch: number;
  readonly patch: number;
  readonly seed: number;
}): Data<Sample> {
  const { pairs, scale, batch, patch, seed } = o;
  return shuffled({
    items: pairs.flatMap((p) => Array.from({ length: 64 }, () => p)),
    batch,
    seed,
    sample({ fine, coarse }, random) {
      const [, h, w] = coarse.shape;
      const [y, x] = [random.integer(h - patch + 1), random.integer(w - patch + 1)];
      const symmetry = random.integer(8); // of the square
      const cut = (t: Tensor, s: number) => {
        let v = t.slice([0, y * s, x * s], [1, (y + patch) * s, (x + patch) * s]);
        if (symmetry & 1) v = v.flip(1);
        if (symmetry & 2) v = v.flip(2);
        return symmetry & 4 ? v.transpose() : v;
      };
      return { input: cut(coarse, 1), target: cut(fine, scale) };
    },
  });
}
