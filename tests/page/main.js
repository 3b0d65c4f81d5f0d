import { abortByFlag, abortBySignal, kernels } from "./probe.js";

// Says when it is up: a page's worker does not start while the page is busy.
const setFlag = "onmessage = ({ data }) => { setTimeout(() => Atomics.store(data, 0, 1), 300); postMessage('up'); };";
const startThread = (flag) =>
  new Promise((resolve) => {
    const worker = new Worker(URL.createObjectURL(new Blob([setFlag])));
    worker.onmessage = resolve;
    worker.postMessage(flag);
  });
window.probe = async (options) => {
  const found = { isolated: crossOriginIsolated, ...(await kernels(options)), signal: await abortBySignal() };
  if (!found.shared) return found;
  return { ...found, flag: await abortByFlag(startThread) };
};
