export { denoisingNetwork, type NoisyImages, networkDenoiser } from "./denoisingNetwork.js";
