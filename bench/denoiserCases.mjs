// Deblurring and inpainting with a denoiser as prior: the cases that the benches of denoisers share.
import { blurOperator, maskOperator } from "../dist/operators/index.js";
import { restore } from "../dist/reconstruction/index.js";
import { array, files, folder, gray, psnr } from "./inverseImages.mjs";

export const deblurring = (prior, name, goals) =>
  ["gauss1.6", "levin1", "levin3"].map((kernel) => ({
    case: "deblur",
    name: name(kernel),
    goal: goals[kernel],
    items: files("deblur", `y_${kernel}`).map((file, i) => ({
      run: async () => {
        const data = array(file);
        const operator = blurOperator(data.shape, array(folder("deblur", `kernel_${kernel}.npy`)));
        return (await restore({ operator, data, prior, lambda: "auto" })).image;
      },
      score: (x) => psnr(x, gray(files("deblur", "gt")[i])),
    })),
  }));

export const inpainting = (prior, name, goals) =>
  ["rand50", "rand80", "text"].map((kind) => ({
    case: "inpaint",
    name: name(kind),
    goal: goals[kind],
    items: files("inpaint", `mask_${kind}`).map((file, i) => ({
      run: async () => {
        const mask = gray(file);
        const data = gray(files("inpaint", "gt")[i]).mul(mask);
        return (await restore({ operator: maskOperator(mask), data, prior, lambda: "auto" })).image;
      },
      score: (x) => psnr(x, gray(files("inpaint", "gt")[i])),
    })),
  }));
