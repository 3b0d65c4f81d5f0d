/** Every kernel, one file each. A name here is what `engine().parallel(name, …)` and `engine().call(name, …)` take. */
export { warpLinear3 } from "./warp";
export { gaussian3, gaussian3Workspace } from "./gaussian";
