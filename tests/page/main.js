import { abortByFlag, abortBySignal, kernels } from "./probe.js";

const setFlag = "onmessage = ({ data }) => setTimeout(() => Atomics.store(data, 0, 1), 200);";
window.probe = async (options) => {
  const found = { isolated: crossOriginIsolated, ...(await kernels(options)), signal: await abortBySignal() };
  if (!found.shared) return found;
  const worker = new Worker(URL.createObjectURL(new Blob([setFlag])));
  return { ...found, flag: await abortByFlag((flag) => worker.postMessage(flag)) };
};
