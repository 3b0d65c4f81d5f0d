import { FormatError } from "../core/errors.js";
import { openHdf5, writeHdf5 } from "./hdf5.js";
import { gatherTransforms, type ItkTransform, toParameters } from "./itkTransform.js";

/**
 * Reads an ITK transform from HDF5 (.h5, .hdf5, .xfm.h5: what ANTs writes as a composite): groups TransformGroup/0, 1, … with type, parameters and fixed parameters.
 * @param source  bytes, or in Node a path
 * @throws MissingPeerError without h5wasm; FormatError no such groups, unknown transforms
 */
export async function readItkTransformHdf5(source: Uint8Array | string): Promise<ItkTransform> {
  const file = await openHdf5(source);
  try {
    const groups = [...new Set(file.entries.flatMap((e) => /^TransformGroup\/(\d+)\//.exec(e.name)?.[1] ?? []))].sort(
      (a, b) => Number(a) - Number(b),
    );
    if (groups.length === 0) throw new FormatError("itk transform: the HDF5 file has no TransformGroup; this is no ITK transform", {});
    return gatherTransforms(
      groups.map((g) => {
        const numbers = (key: string): Float64Array => {
          // ITK before 4.13 wrote "Tranform" for "Transform"
          const name = [key, key.replace("Transform", "Tranform")]
            .map((k) => `TransformGroup/${g}/${k}`)
            .find((k) => file.entries.some((e) => e.name === k));
          return name === undefined ? new Float64Array(0) : Float64Array.from(file.read(name).data as ArrayLike<number>, Number);
        };
        return {
          name: file.text(`TransformGroup/${g}/TransformType`)[0],
          parameters: numbers("TransformParameters"),
          fixed: Array.from(numbers("TransformFixedParameters")),
        };
      }),
    );
  } finally {
    file.close();
  }
}

/** Writes an ITK transform as HDF5, composites included, in double precision. @throws MissingPeerError without h5wasm */
export async function writeItkTransformHdf5(transform: ItkTransform): Promise<Uint8Array> {
  const n = transform.dimension;
  const records = [
    ...(transform.kind === "composite" ? [{ name: `CompositeTransform_double_${n}_${n}`, parameters: [], fixed: [] }] : []),
    ...(transform.kind === "composite" ? transform.transforms : [transform]).map(toParameters),
  ];
  const arrays = new Map<string, { shape: readonly number[]; data: Float64Array | string[] }>();
  for (const name of ["HDFVersion", "ITKVersion", "OSName", "OSVersion"]) arrays.set(name, { shape: [1], data: ["0"] });
  records.forEach(({ name, parameters, fixed }, i) => {
    const group = `TransformGroup/${i}`;
    arrays.set(`${group}/TransformType`, { shape: [1], data: [name] });
    // a composite has no parameters of its own
    if (parameters.length > 0) {
      arrays.set(`${group}/TransformFixedParameters`, { shape: [fixed.length], data: Float64Array.from(fixed) });
      arrays.set(`${group}/TransformParameters`, { shape: [parameters.length], data: Float64Array.from(parameters) });
    }
  });
  return writeHdf5(arrays);
}
