import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OutputError } from "../core/errors.js";
import { formatOfName } from "./format.js";
import { lpsFromFsl, readMatrixText } from "./fslTransform.js";
import { openImage, readBytes, readImageFile, writeBytes, writeFolder, writeImageFile } from "./node.js";
import { readNpy, readNpz, writeNpy, writeNpz } from "./npy.js";
import { readPoints } from "./points.js";
import { rawImage, type TypedArray } from "./raw.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pullback-node-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const image = rawImage("test", {
  data: Float32Array.of(1, 2, 3, 4),
  channels: 1,
  channelKind: "scalar",
  size: [2, 2, 1],
  spacing: [0.5, 1, 2],
});

describe("files", () => {
  test("an image and the data file beside it are written and read by path, and nothing temporary stays", () => {
    const dir = join(folder, "a");
    mkdirSync(dir);
    for (const name of ["a.mhd", "a.nii.gz", "a.nrrd"]) {
      writeImageFile(image, join(dir, name));
      expect(readImageFile(join(dir, name)).data).toEqual(image.data);
    }
    expect(readdirSync(dir).sort()).toEqual(["a.mhd", "a.nii.gz", "a.nrrd", "a.raw"]);
  });
  test("a failed write leaves the old file and no temporary one", () => {
    const path = join(folder, "kept.txt");
    writeBytes(path, "old");
    expect(() => writeBytes(join(folder, "missing", "x.txt"), "new")).toThrow(/does not exist/);
    expect(() => writeImageFile(image, join(folder, "kept.xyz"))).toThrow(/no format that can be written/);
    mkdirSync(join(folder, "taken"));
    expect(() => writeBytes(join(folder, "taken"), "new")).toThrow(OutputError);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder).filter((f) => f.endsWith(".tmp"))).toEqual([]);
  });
  test("errors name the path and the reason", async () => {
    expect(() => readImageFile(join(folder, "none.nii"))).toThrow(/none\.nii: there is no such file/);
    expect(() => readBytes(folder)).toThrow(/a folder/);
    writeFileSync(join(folder, "broken.nii"), "hello");
    expect(() => readImageFile(join(folder, "broken.nii"))).toThrow(new RegExp(`${folder}.*extension says nifti.*nothing known`));
    await expect(openImage(join(folder, "none"))).rejects.toThrow(/no such file/);
  });
  test("a header cannot reach files outside its folder", () => {
    mkdirSync(join(folder, "inner"));
    writeFileSync(join(folder, "secret.raw"), new Uint8Array(6));
    writeFileSync(
      join(folder, "inner", "a.mhd"),
      "ObjectType = Image\nNDims = 2\nDimSize = 3 2\nElementType = MET_UCHAR\nElementDataFile = ../secret.raw\n",
    );
    expect(() => readImageFile(join(folder, "inner", "a.mhd"))).toThrow(/outside its own folder/);
  });
  test("a folder appears whole or not at all", async () => {
    const out = join(folder, "out");
    await writeFolder(out, (dir) => writeFileSync(join(dir, "a"), "1"));
    expect(readdirSync(out)).toEqual(["a"]);
    await expect(writeFolder(out, () => {})).rejects.toThrow(/already exists/);
    await expect(
      writeFolder(
        out,
        () => {
          throw new Error("stopped");
        },
        { replace: true },
      ),
    ).rejects.toThrow("stopped");
    expect(readdirSync(out)).toEqual(["a"]);
    await writeFolder(out, (dir) => writeFileSync(join(dir, "b"), "2"), { replace: true });
    expect(readdirSync(out)).toEqual(["b"]);
    expect(readdirSync(folder).filter((f) => f.includes(".tmp"))).toEqual([]);
  });
});

const numpy = (() => {
  try {
    execFileSync("python3", ["-c", "import numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
describe.skipIf(!numpy)("against NumPy (skipped where python3 has none)", () => {
  test("NumPy's arrays of every type, order and byte order read as their values", () => {
    execFileSync("python3", [
      "-c",
      `
import numpy as np, sys, json
a = np.arange(24).reshape(2, 3, 4)
d = sys.argv[1]
for t in ['b1','i1','u1','<i2','>i2','<u2','<i4','>i4','<u4','<i8','>i8','<u8','<f2','>f2','<f4','>f4','<f8','>f8']:
    np.save(d + '/np_' + t.replace('<','l').replace('>','b') + '.npy', a.astype(t))
np.save(d + '/np_fortran.npy', np.asfortranarray(a.astype('f4')))
np.save(d + '/np_c8.npy', (a - 1j * a).astype('>c8'))
np.save(d + '/np_c16f.npy', np.asfortranarray((a - 1j * a).astype('c16')))
np.save(d + '/np_scalar.npy', np.float32(5))
np.savez(d + '/np_plain.npz', a=a.astype('f4'), b=a.astype('i2'))
np.savez_compressed(d + '/np_packed.npz', a=a.astype('f4'))
np.save(d + '/np_object.npy', np.array([{}], dtype=object))
`,
      folder,
    ]);
    const expected = Array.from({ length: 24 }, (_, i) => i);
    const at = (name: string) => readBytes(join(folder, name));
    for (const name of readdirSync(folder).filter((f) => /^np_.*\.npy$/.test(f))) {
      if (/object/.test(name)) {
        expect(() => readNpy(at(name))).toThrow(/never loaded/);
        continue;
      }
      const array = readNpy(at(name));
      const values = Array.from(array.data as Iterable<number | bigint>, Number);
      if (name.includes("scalar")) expect([array.shape, values]).toEqual([[], [5]]);
      // + 0: no matter which zero
      else if (array.complex)
        expect(
          values.map((v) => v + 0),
          name,
        ).toEqual(expected.flatMap((v) => [v, 0 - v]));
      else expect(values, name).toEqual(name.includes("b1") ? expected.map((v) => (v ? 1 : 0)) : expected);
      if (!name.includes("scalar")) expect(array.shape).toEqual([2, 3, 4]);
    }
    expect([...readNpz(at("np_plain.npz")).keys()]).toEqual(["a", "b"]);
    expect(readNpz(at("np_packed.npz")).get("a")?.data).toEqual(Float32Array.from(expected));
  });
  test("NumPy reads what we write", () => {
    const types = [Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array];
    const arrays = new Map(
      types.map((T) => {
        const data = new T(6) as TypedArray;
        for (let i = 0; i < 6; i++) data[i] = (T === BigInt64Array ? BigInt(i) : i) as never;
        return [T.name, { shape: [2, 3], data }] as const;
      }),
    );
    for (const level of [0, 6]) writeBytes(join(folder, `ours${level}.npz`), writeNpz(arrays, { level }));
    writeBytes(join(folder, "ours.npy"), writeNpy({ shape: [3], data: Float64Array.of(1, 2, 3, 4, 5, 6), complex: true }));
    const out = execFileSync("python3", [
      "-c",
      `
import numpy as np, sys, json
d = sys.argv[1]
r = {}
for l in '06':
    z = np.load(d + '/ours' + l + '.npz')
    for k in z.files: r[k + l] = [str(z[k].dtype), z[k].tolist()]
c = np.load(d + '/ours.npy')
print(json.dumps([r, [str(c.dtype), c.real.tolist(), c.imag.tolist()]]))
`,
      folder,
    ]);
    const [real, complex] = JSON.parse(out.toString()) as [Record<string, [string, number[][]]>, unknown[]];
    expect(Object.keys(real)).toHaveLength(18);
    for (const [name, [dtype, values]] of Object.entries(real)) {
      expect(dtype).toBe(name.replace(/(Big)?(\w+)Array\d$/, "$2").toLowerCase());
      expect(values).toEqual([
        [0, 1, 2],
        [3, 4, 5],
      ]);
    }
    expect(complex).toEqual(["complex128", [1, 3, 5], [2, 4, 6]]);
  });
});

const data = process.env.PULLBACK_DATA ?? "../shared/data";
describe.skipIf(!existsSync(join(data, "registration")))("real files (skipped without PULLBACK_DATA)", () => {
  const root = join(data, "registration");
  test("every image of the registration set reads, and none needs a repair", () => {
    let count = 0;
    const kinds = new Set<string>();
    for (const set of readdirSync(root, { withFileTypes: true }))
      if (set.isDirectory())
        for (const name of readdirSync(join(root, set.name))) {
          // photographs are many and slow to decode; one folder of them is enough
          if (formatOfName(name) === undefined || (/\.jpg$/.test(name) && set.name !== "histology_landmarks")) continue;
          const im = readImageFile(join(root, set.name, name));
          expect(im.meta.warnings, `${set.name}/${name}`).toBeUndefined();
          kinds.add(im.channelKind);
          count++;
        }
    expect(count).toBeGreaterThan(100);
    expect([...kinds].sort()).toEqual(expect.arrayContaining(["rgb", "scalar", "time"]));
  });
  test("a palette PNG of brain slices is gray, a series has its frames, points have their dimension", () => {
    expect(readImageFile(join(root, "rigid2d_known/BrainProtonDensitySliceBorder20.png"))).toMatchObject({ size: [221, 257], channels: 1 });
    expect(readImageFile(join(root, "echo4d/img4d.nii.gz"))).toMatchObject({ size: [62, 53, 67], channels: 7, channelKind: "time" });
    const points = readPoints(readBytes(join(root, "lung3d_knownfield/points_mm.csv")), { prefix: "fixed_" });
    expect([points.dimension, points.count]).toEqual([3, 2000]);
    expect(readMatrixText(readBytes(join(root, "rigid3d_known/moving0_fixed_to_moving_mm_4x4.txt")))).toHaveLength(16);
    const fixed = readImageFile(join(root, "rigid3d_known/mni_t1_fixed.nii.gz"));
    expect(
      lpsFromFsl(readMatrixText("1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"), fixed, fixed).matrix.map((v) => Math.round(v * 1e9) / 1e9 + 0),
    ).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });
});
