export {
  type Atlas,
  type AtlasModel,
  type AtlasOptions,
  type AtlasProgress,
  type AtlasRound,
  type AtlasStage,
  atlasModels,
  buildAtlas,
  gradientEnergy,
  meanImage,
} from "./atlas.js";
export { commonGrid, withoutMean } from "./groupMean.js";
