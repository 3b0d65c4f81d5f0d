import { describe, expect, test } from "vitest";
import { seeded } from "../../core/random.js";
import { image } from "../../image/index.js";
import { multiply3, project } from "../planar.js";
import { angleOf, rotationOf, times3, transpose3 } from "../rotation.js";
import { lookAlong, sceneView } from "../scene.js";
import { alignViews, overlapDistance, spanningTree } from "./align.js";
import { bundle } from "./bundle.js";
import { betweenCameras, focalFromHomographies, rotationBetween, type TurnedCamera } from "./cameras.js";
import { canvasOf } from "./canvas.js";
import { evenExposure } from "./exposure.js";
import { drawMosaic, mosaic } from "./mosaic.js";
import { expand, fillIn, Multiband, reduce } from "./multiband.js";
import { leastCut } from "./seams.js";

const size = [240, 180] as const;
const focal = 300;
const centre = [(size[0] - 1) / 2, (size[1] - 1) / 2] as const;
const looks = [
  [-0.25, 0],
  [0, 0.05],
  [0.25, -0.03],
  [0.05, -0.2],
] as const;
const cameras: TurnedCamera[] = looks.map(([yaw, pitch], k) => ({ focal, centre, rotation: lookAlong(yaw, pitch, 0.02 * k) }));
const gains = [1, 1.2, 0.85, 0.95];
const views = cameras.map(({ rotation }, k) => {
  const v = sceneView({ rotation, position: [0, 0, 0] }, { focal, width: size[0], height: size[1], seed: k + 1, noise: 0.005 });
  const r2 = (i: number) =>
    (4 * (((i % size[0]) - centre[0]) ** 2 + (Math.floor(i / size[0]) - centre[1]) ** 2)) / (size[0] ** 2 + size[1] ** 2);
  return image(
    Float32Array.from(v.values.data, (x, i) => gains[k] * x * Math.exp(-0.2 * r2(i))),
    { size: [...size] },
  );
});
const found = mosaic(views);

describe("views of a camera that turns", () => {
  test("get the homographies between all pairs to a tenth of a pixel, without a focal length given", () => {
    expect(found.status).toBe("ok");
    for (let i = 0; i < views.length; i++)
      for (let j = i + 1; j < views.length; j++) {
        const d = overlapDistance(found.between(i, j) ?? [], betweenCameras(cameras[i], cameras[j]), size, size);
        expect(d.count).toBeGreaterThan(20);
        expect(d.mean).toBeLessThan(0.1);
        expect(d.max).toBeLessThan(0.3);
      }
    expect(Math.abs((found.cameras[0]?.focal ?? 0) / focal - 1)).toBeLessThan(0.01);
  });
  test("are made even: gains and the fall of light towards corners are found", () => {
    const told = found.evening?.map((e) => e?.gain ?? 0) ?? [];
    for (let k = 1; k < views.length; k++) expect((told[k] * gains[k]) / (told[0] * gains[0])).toBeCloseTo(1, 1.7);
    expect(found.evening?.[0]?.fall[0]).toBeCloseTo(-0.2, 1);
  });
  test("join to a picture in which every pixel is what the scene shows there", () => {
    const { picture, covered, canvas } = found as Required<typeof found>;
    const [w, h] = picture.grid.size;
    const [camera, made] = [cameras[1], found.cameras[1] as TurnedCamera];
    // Canvas directions in the true world: the mosaic's world is turned against it.
    const world = multiply3(transpose3(camera.rotation), made.rotation);
    const data = picture.values.data;
    let [sum, count] = [0, 0];
    const levelOf: number[] = [];
    for (let y = 4; y < h; y += 7)
      for (let x = 4; x < w; x += 7) {
        if (!covered[y * w + x]) continue;
        const d = times3(world, [(x + canvas.left) / canvas.focal, (y + canvas.top) / canvas.focal, 1]);
        const truth = sceneView(
          { rotation: lookAlong(Math.atan2(d[0], d[2]), Math.atan2(-d[1], Math.hypot(d[0], d[2]))), position: [0, 0, 0] },
          { focal, width: 1, height: 1, noise: 0, oversampling: 3 },
        );
        levelOf.push(data[y * w + x] / truth.values.data[0]);
        count++;
      }
    levelOf.sort((a, b) => a - b);
    const middle = levelOf[levelOf.length >> 1];
    for (const v of levelOf) sum += Math.abs(v / middle - 1) < 0.1 ? 1 : 0;
    expect(count).toBeGreaterThan(1000);
    // Edges of tiles are blurred by resampling; everywhere else a tenth is far more than noise.
    expect(sum / count).toBeGreaterThan(0.75);
  });
  test("that show other things find no place, and the result says which", () => {
    const random = seeded(8);
    const strange = image(
      Float32Array.from({ length: size[0] * size[1] }, () => random.uniform()),
      { size: [...size] },
    );
    const r = alignViews([views[0], views[1], strange]);
    expect([r.status, r.placed]).toEqual(["failed", [0, 1]]);
    expect(r.reason).toMatch(/1 of 3 views found no place/);
    expect(r.between(0, 2)).toBeUndefined();
    const none = mosaic([views[0], strange]);
    expect([none.status, none.picture]).toEqual(["failed", undefined]);
    expect(() => mosaic([views[0]])).toThrow(/two or more/);
  });
  test("can be drawn on a cylinder and a sphere, and a plane that does not hold them says so", () => {
    const r = drawMosaic(views, found, { projection: "cylindrical", scale: 0.5, exposure: false, bands: 0 });
    expect(r.picture.grid.size[0]).toBeLessThan((found.picture?.grid.size[0] ?? 0) * 0.55);
    expect(() => canvasOf([{ ...cameras[0], rotation: lookAlong(1.7) }], [size], { projection: "planar" })).toThrow(/cylindrical/);
    const wide = [0, 1, 2, 3, 4, 5].map((k) => ({ ...cameras[0], rotation: lookAlong(k) }));
    expect(
      canvasOf(
        wide,
        wide.map(() => size),
      ).canvas.projection,
    ).toBe("cylindrical");
  });
});

describe("the parts of a mosaic", () => {
  test("the focal length makes homographies of turns into rotations", () => {
    const pairs = [0, 2, 3].map((k) => ({
      h: betweenCameras(cameras[1], cameras[k]),
      at: [
        [20, 30],
        [200, 40],
        [120, 150],
        [30, 160],
      ] as const,
      centres: [centre, centre] as const,
      weight: 1,
    }));
    const r = focalFromHomographies(pairs, 240);
    expect(r.sharp).toBe(true);
    expect(Math.abs(r.focal / focal - 1)).toBeLessThan(1e-4);
    const turn = multiply3(cameras[0].rotation, transpose3(cameras[1].rotation));
    expect(angleOf(multiply3(turn, transpose3(rotationBetween(pairs[0].h, focal, centre, focal, centre))))).toBeLessThan(1e-9);
    // Nothing turned: any focal length will do.
    expect(focalFromHomographies([{ ...pairs[0], h: [1, 0, 0, 0, 1, 0, 0, 0, 1] }], 240).sharp).toBe(false);
  });
  test("the bundle finds rotations and focal length again among wrong pairs, from a start far off", () => {
    const random = seeded(3);
    const edge = (a: number, b: number) => {
      const h = betweenCameras(cameras[a], cameras[b]);
      const n = 120;
      const [p, q] = [new Float64Array(2 * n), new Float64Array(2 * n)];
      for (let i = 0; i < n; i++) {
        const at = [240 * random.uniform(), 180 * random.uniform()];
        const [u, v] = project(h, at[0], at[1]);
        p.set(at, 2 * i);
        q.set(i % 5 === 0 ? [240 * random.uniform(), 180 * random.uniform()] : [u, v], 2 * i);
      }
      const one = new Float64Array(n).fill(1);
      return { a, b, pairs: { count: n, a: p, b: q, scaleA: one, scaleB: one } };
    };
    const start = cameras.map((c, k) => ({
      ...c,
      focal: 320,
      rotation: k === 0 ? c.rotation : multiply3(rotationOf(0.01 * k, -0.012, 0.008), c.rotation),
    }));
    const r = bundle([edge(0, 1), edge(1, 2), edge(1, 3), edge(0, 3)], start);
    expect(Math.abs(r.cameras[0].focal - focal)).toBeLessThan(1e-3);
    for (const [k, c] of r.cameras.entries()) expect(angleOf(multiply3(c.rotation, transpose3(cameras[k].rotation)))).toBeLessThan(1e-6);
    for (const w of r.weights) expect(w.filter((v, i) => i % 5 === 0 && v > 0).length).toBeLessThan(4);
  });
  test("the spanning tree takes the surest pairs and leaves out what is not joined", () => {
    const { views: joined, tree } = spanningTree(5, [
      { a: 0, b: 1, inliers: 10 },
      { a: 1, b: 2, inliers: 50 },
      { a: 0, b: 2, inliers: 40 },
      { a: 3, b: 4, inliers: 90 },
    ]);
    expect(joined).toEqual([0, 1, 2]);
    expect(tree.map((t) => t.edge).sort()).toEqual([1, 2]);
  });
  test("the least cut goes through the weakest links", () => {
    // A row of five nodes; the third link is weak.
    expect(Array.from(leastCut(5, [0, 1, 3, 1, 2, 3, 2, 3, 1, 3, 4, 3], [0], [4]))).toEqual([1, 1, 1, 0, 0]);
    // Two ways round: both must be cut.
    expect(Array.from(leastCut(4, [0, 1, 1, 1, 3, 5, 0, 2, 5, 2, 3, 2], [0], [3]))).toEqual([1, 0, 1, 0]);
  });
  test("pyramids put a picture together again, and two halves of one picture blend to that picture", () => {
    const random = seeded(2);
    const [w, h] = [32, 16];
    const values = Float32Array.from({ length: w * h }, () => random.uniform());
    const all = new Float32Array(w * h).fill(1);
    const left = Float32Array.from(all, (_, i) => (i % w < 13 ? 1 : 0));
    const blend = new Multiband(w, h, 1, 3);
    const whole = { left: 0, top: 0, width: w, height: h, channels: 1, values, valid: all };
    blend.add({ ...whole, shown: left });
    blend.add({ ...whole, shown: left.map((v) => 1 - v) });
    for (const [i, v] of blend.result().entries()) expect(Math.abs(v - values[i])).toBeLessThan(1e-5); // f32, four levels
  });
  test("constants stay what they are in every step of a pyramid, and fill what is not known", () => {
    const flat = { width: 8, height: 4, values: new Float32Array(32).fill(3) };
    expect(Array.from(expand(reduce(flat)).values)).toEqual(Array.from(flat.values));
    const valid = Float32Array.from({ length: 32 }, (_, i) => (i % 8 < 2 ? 1 : 0));
    for (const v of fillIn({ ...flat, values: flat.values.map((v, i) => v * valid[i]) }, valid).values) expect(v).toBeCloseTo(3, 5);
  });
  test("even views stay even", () => {
    const same = [views[0], views[0]];
    const told = evenExposure(same, [cameras[0], cameras[0]], [{ a: 0, b: 1 }]);
    for (const e of told) expect(e.gain).toBeCloseTo(1, 6);
  });
});
