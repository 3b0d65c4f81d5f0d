import { seeded } from "../../src/core/random.js";
import { ellipses, type Image, image } from "../../src/image/index.js";
import { writeImage } from "../../src/io/index.js";
import { writeNpy } from "../../src/io/npy.js";
import { radonOperator } from "../../src/operators/index.js";
import { coilPhantom } from "../../src/reconstruction/index.js";
import { scope } from "../../src/tensor/index.js";
import { lookAlong, sceneView } from "../../src/vision/index.js";

/** Phantoms to try the page with, made on the spot. */

type Files = { path: string; bytes: Uint8Array<ArrayBuffer> }[];
const files = (im: Image, path: string, o: Parameters<typeof writeImage>[2] = {}): Files =>
  [...writeImage(im, path, o)].map(([name, bytes]) => ({ path: name, bytes: bytes as Uint8Array<ArrayBuffer> }));

/** A head of ellipsoids with folds at the border of its brain; coordinates in [−1, 1]. */
function head(x: number, y: number, z: number): number {
  const r = Math.hypot(x / 0.72, y / 0.88, z / 0.8);
  if (r > 1.06) return 4;
  if (r > 0.97) return 150;
  if (r > 0.9) return 40;
  const brain = Math.hypot(x / 0.62, y / 0.76, z / 0.68);
  const folds = 0.06 * Math.sin(14 * x + 5 * z) * Math.cos(12 * y - 4 * z) + 0.04 * Math.sin(17 * z);
  if (Math.hypot((Math.abs(x) - 0.13) / 0.09, (y - 0.05) / 0.3, (z - 0.05) / 0.14) < 1) return 30;
  if (Math.hypot((x - 0.28) / 0.12, (y + 0.3) / 0.1, (z - 0.2) / 0.12) < 1) return 210;
  return brain + folds > 0.95 ? 55 : brain + 2 * folds > 0.74 ? 120 : 175;
}
function volume(n: number, at: (p: [number, number, number]) => [number, number, number], seed: number): Image {
  const random = seeded(seed);
  const values = new Float32Array(n ** 3);
  for (let z = 0, i = 0; z < n; z++)
    for (let y = 0; y < n; y++)
      for (let x = 0; x < n; x++, i++)
        values[i] = head(...at([(2 * x) / (n - 1) - 1, (2 * y) / (n - 1) - 1, (2 * z) / (n - 1) - 1])) + 3 * random.normal();
  const spacing = 180 / n;
  return image(values, { size: [n, n, n], spacing: [spacing, spacing, spacing], origin: [-90, -90, -90] });
}
function volumes(): Files {
  const n = 72;
  const [c, s] = [Math.cos(0.14), Math.sin(0.14)];
  const moved = ([x, y, z]: [number, number, number]): [number, number, number] => {
    const [u, v] = [c * (x - 0.07) - s * (y + 0.05), s * (x - 0.07) + c * (y + 0.05)];
    return [u + 0.04 * Math.sin(3 * v), v + 0.04 * Math.sin(2.5 * z), 0.96 * z + 0.03 * Math.cos(3 * u)];
  };
  const store = { dtype: "uint8", clamp: true } as const;
  return [
    ...files(
      volume(n, (p) => p, 1),
      "fixed.nii.gz",
      store,
    ),
    ...files(volume(n, moved, 2), "moving.nii.gz", store),
  ];
}
/** Three views of a tiled room. */
const views = (count: number): Files =>
  Array.from({ length: count }, (_, k) => {
    const v = sceneView(
      { rotation: lookAlong(0.26 * (k - (count - 1) / 2), 0.03 * k), position: [0, -0.5, -3] },
      { focal: 420, width: 400, height: 300, seed: k + 1 },
    );
    return files(
      image(
        Float32Array.from(v.values.data, (x) => 255 * x),
        { size: [400, 300] },
      ),
      `view-${k + 1}.png`,
    );
  }).flat();

function noisy(): Files {
  const n = 192;
  const random = seeded(5);
  const phantom = scope(() => Float32Array.from(ellipses(n).data));
  return files(
    image(
      phantom.map((x) => 255 * (0.15 + 0.6 * x) + 20 * random.normal()),
      { size: [n, n] },
    ),
    "noisy.png",
  );
}
function sinogram(): Files {
  const angles = Array.from({ length: 60 }, (_, k) => 3 * k);
  const random = seeded(3);
  const data = scope(() =>
    Float32Array.from(radonOperator({ angles, detectors: 128 }).apply(ellipses(128)).data, (v) => v + 0.3 * random.normal()),
  );
  return [{ path: "sinogram.npy", bytes: writeNpy({ shape: [60, 128], data }) as Uint8Array<ArrayBuffer> }];
}
function kspace(): Files {
  const random = seeded(9);
  const { kspace: full } = coilPhantom([128, 128], 4);
  const data = Float32Array.from(full.data as Float32Array);
  const mask = Float32Array.from({ length: 128 }, (_, k) => (Math.abs(k - 64) < 10 || k % 3 === 1 ? 1 : 0));
  for (let c = 0; c < 4; c++)
    for (let y = 0; y < 128; y++)
      for (let x = 0; x < 256; x++) {
        const i = (c * 128 + y) * 256 + x;
        data[i] = mask[y] * (data[i] + 0.002 * random.normal());
      }
  return [
    { path: "kspace.npy", bytes: writeNpy({ shape: [4, 128, 128], data, complex: true }) as Uint8Array<ArrayBuffer> },
    { path: "mask.npy", bytes: writeNpy({ shape: [128, 1], data: mask }) as Uint8Array<ArrayBuffer> },
  ];
}
/** A beating disc in a still frame, shaken a little. */
function series(): Files {
  const [n, count] = [96, 8];
  const random = seeded(11);
  return Array.from({ length: count }, (_, t) => {
    const [dx, dy] = [3 * Math.sin(1.7 * t), 2 * Math.cos(2.3 * t)];
    const values = Float32Array.from({ length: n * n }, (_, i) => {
      const [x, y] = [(i % n) - 48 - dx, Math.floor(i / n) - 48 - dy];
      const ring = Math.hypot(x / 34, y / 40);
      return (ring < 1 ? 90 + 40 * Math.sin(x / 4) * Math.cos(y / 5) : 10) + (Math.hypot(x - 6, y + 4) < 11 ? 80 : 0) + 3 * random.normal();
    });
    return files(image(values, { size: [n, n] }), `frame-${t + 1}.png`);
  }).flat();
}
/** A square of stripes on its way over a weave, larger at the end. */
function film(): Files {
  const [w, h, count] = [160, 112, 12];
  const random = seeded(7);
  return Array.from({ length: count }, (_, t) => {
    const [left, above, side] = [36 + 6 * t, 34 + 14 * Math.sin(t / 3), 25 + 0.6 * t];
    const values = Float32Array.from({ length: w * h }, (_, i) => {
      const [x, y] = [i % w, Math.floor(i / w)];
      const [u, v] = [(x - left) / side, (y - above) / side];
      const inside = u >= 0 && v >= 0 && u < 1 && v < 1;
      return (
        (inside ? 150 + 60 * Math.sin(14 * u) * Math.cos(9 * v) + 30 * u : 80 + 18 * Math.sin(x / 7) * Math.cos(y / 5) + 0.2 * x) +
        3 * random.normal()
      );
    });
    return files(image(values, { size: [w, h] }), `film-${String(t + 1).padStart(2, "0")}.png`, { dtype: "uint8", clamp: true });
  }).flat();
}
/** A ring that beats, and what is ring and what is inside in its first frame. */
function labelledSeries(): Files {
  const [n, count] = [96, 8];
  const random = seeded(13);
  const at = (i: number, t: number): number => {
    const beat = 1 - 0.18 * Math.sin((Math.PI * t) / (count - 1));
    return Math.hypot(((i % n) - 48) / beat, (Math.floor(i / n) - 48) / beat);
  };
  const frames = Array.from({ length: count }, (_, t) => {
    const values = Float32Array.from({ length: n * n }, (_, i) => {
      const [r, x, y] = [at(i, t), i % n, Math.floor(i / n)];
      return (r < 16 ? 190 : r < 27 ? 95 : 45 + 12 * Math.sin(x / 6) * Math.cos(y / 8)) + 3 * random.normal();
    });
    return files(image(values, { size: [n, n] }), `series-${t + 1}.png`, { dtype: "uint8", clamp: true });
  }).flat();
  const labels = Float32Array.from({ length: n * n }, (_, i) => (at(i, 0) < 16 ? 1 : at(i, 0) < 27 ? 2 : 0));
  return [...frames, ...files(image(labels, { size: [n, n] }), "labels.png", { dtype: "uint8" })];
}
/** Three heads of different shapes: two of them with labels, of brain, ventricles and a spot. */
function labelledGroup(): Files {
  const n = 96;
  return Array.from({ length: 3 }, (_, k) => {
    const random = seeded(40 + k);
    const [a, b] = [1 + 0.05 * random.normal(), 1 + 0.05 * random.normal()];
    const place = (i: number): [number, number, number] => {
      const [x, y] = [(2 * (i % n)) / (n - 1) - 1, (2 * Math.floor(i / n)) / (n - 1) - 1];
      return [x * a + 0.03 * Math.sin(3 * y + k), y * b, 0.1];
    };
    const clean = Float32Array.from({ length: n * n }, (_, i) => head(...place(i)));
    const labels = clean.map((v) => (v === 30 ? 2 : v === 210 ? 3 : v === 120 || v === 175 ? 1 : 0));
    const name = k === 0 ? "target" : `atlases-${k}`;
    return [
      ...files(
        image(
          clean.map((v) => v + 2 * random.normal()),
          { size: [n, n] },
        ),
        `${name}.png`,
        { dtype: "uint8", clamp: true },
      ),
      ...(k === 0 ? [] : files(image(labels, { size: [n, n] }), `maps-${k}.png`, { dtype: "uint8" })),
    ];
  }).flat();
}
/** Four heads of different shapes, in two dimensions. */
const group = (): Files =>
  Array.from({ length: 4 }, (_, k) => {
    const n = 96;
    const random = seeded(20 + k);
    const [a, b] = [1 + 0.06 * random.normal(), 1 + 0.06 * random.normal()];
    const values = Float32Array.from({ length: n * n }, (_, i) => {
      const [x, y] = [(2 * (i % n)) / (n - 1) - 1, (2 * Math.floor(i / n)) / (n - 1) - 1];
      return head(x * a + 0.03 * Math.sin(3 * y + k), y * b, 0.04 * k) + 2 * random.normal();
    });
    return files(image(values, { size: [n, n] }), `subject-${k + 1}.png`);
  }).flat();

const makers: Readonly<Record<string, () => Files>> = {
  volumes,
  pictures: () => views(2),
  views: () => views(3),
  noisy,
  sinogram,
  kspace,
  series,
  film,
  labelledSeries,
  group,
  labelledGroup,
};
export const example = (name: string): Files => makers[name]();
