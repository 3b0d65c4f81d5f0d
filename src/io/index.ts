export * from "./dicom.js";
export * from "./displacementField.js";
export { type FlowField, isFlo, readFlo, writeFlo } from "./flo.js";
export * from "./format.js";
export * from "./fslTransform.js";
export * from "./hdf5.js";
export * from "./image.js";
export * from "./inflate.js";
export { type ItkImage, type ItkOptions, itkFromRaw, rawFromItk, readWithItk } from "./itkImage.js";
export {
  type ItkBSpline,
  type ItkComposite,
  type ItkDisplacementField,
  type ItkLinear,
  type ItkSimpleTransform,
  type ItkTransform,
  isItkTransformText,
  itkLinear,
  readItkMat,
  readItkTransform,
  writeItkMat,
  writeItkTransform,
} from "./itkTransform.js";
export * from "./itkTransformHdf5.js";
export * from "./jpeg.js";
export * from "./metaImage.js";
export * from "./nifti.js";
export * from "./npy.js";
export * from "./nrrd.js";
export {
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxType,
  type OnnxValue,
  readOnnx,
  writeOnnx,
} from "./onnx.js";
export { exportOnnx, type OnnxExportOptions, onnxOperators } from "./onnxExport.js";
export { importOnnx, type OnnxNetwork } from "./onnxImport.js";
export { writePly } from "./ply.js";
export * from "./png.js";
export * from "./points.js";
export type { ChannelKind, PixelArray, RawImage, ScalarType, Siblings, TypedArray } from "./raw.js";
export { interleaved, planar, rawImage } from "./raw.js";
export * from "./safetensors.js";
export { importTensorFlowLayers, type TensorFlowLayersModel, type TensorFlowWeight } from "./tensorflowLayers.js";
export * from "./tiff.js";
export * from "./transformFile.js";
export * from "./zarr.js";
