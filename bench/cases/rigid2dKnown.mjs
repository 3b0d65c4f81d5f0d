// ITK's example slices under a known shift, rotation and scale; proton density against itself and against T1.
import { registrationData } from "../data.mjs";
import { readImage } from "../images.mjs";
import { applyMatrix, distances, mean } from "../score.mjs";

const file = (name) => registrationData("rigid2d_known", `Brain${name}.png`);

/** p ↦ s R(θ)(p − c) + c + t about the centre c of the 221×257 picture, as a 3×3 matrix. */
function similarity(scale, degrees, t) {
  const c = [110.5, 128.5];
  const a = (degrees * Math.PI) / 180;
  const [m, n] = [scale * Math.cos(a), scale * Math.sin(a)];
  return [
    [m, -n, c[0] + t[0] - m * c[0] + n * c[1]],
    [n, m, c[1] + t[1] - n * c[0] - m * c[1]],
    [0, 0, 1],
  ];
}
/** The inverse of a 2-D similarity. */
function inverse([[a, b, x], [c, d, y]]) {
  const det = a * d - b * c;
  const [p, q, r, s] = [d / det, -b / det, -c / det, a / det];
  return [
    [p, q, -(p * x + q * y)],
    [r, s, -(r * x + s * y)],
    [0, 0, 1],
  ];
}
const motions = [
  { name: "shift", moving: "ProtonDensitySliceShifted13x17y", truth: similarity(1, 0, [13, 17]), preset: "rigid" },
  { name: "rotation", moving: "ProtonDensitySliceR10X13Y17", truth: similarity(1, 10, [13, 16]), preset: "rigid" },
  { name: "scale", moving: "ProtonDensitySliceR10X13Y17S12", truth: inverse(similarity(1.2, 10, [13, 17])), preset: "similarity" },
];

const pair = (contrast, { name, moving, truth, preset }) => ({
  name: `${contrast} ${name}`,
  fixed: file(contrast === "PD" ? "ProtonDensitySliceBorder20" : "T1SliceBorder20"),
  moving: file(moving),
  ours: { [preset]: contrast === "PD" ? ["--preset", preset] : ["--preset", preset, "--metric", "mi"] },
  elastix: [preset === "rigid" ? "rigid" : "affine"], // Debian's elastix has no similarity transform
  score: async (result) => {
    const [W, H] = readImage(file("ProtonDensitySliceBorder20")).size;
    const points = [];
    for (let y = 0; y < H; y += 4) for (let x = 0; x < W; x += 4) points.push([x, y]);
    const errors = distances(await result.points(points), applyMatrix(truth, points));
    return { value: mean(errors), max: Math.max(...errors) };
  },
});

export default {
  name: "rigid2d_known",
  about: "rigid and similarity, 2-D, known motion",
  figure: "mean point error over the picture, px",
  smaller: true,
  pairs: () => ["PD", "T1"].flatMap((contrast) => motions.map((m) => pair(contrast, m))),
};
