import "./host/process.js";
import { putFile } from "./host/fs.js";
import { difference, frames, look, map, registration } from "./looks.js";
import type { Message, Request } from "./protocol.js";
import { run, sentence, setUp, threads } from "./runner.js";

/** The page's worker: commands, and what is needed to look at their results. One request after another. */
const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ id: number; request: Request }>) => void;
  postMessage(message: Message, transfer?: Transferable[]): void;
};

async function answer(id: number, r: Request): Promise<unknown> {
  switch (r.kind) {
    case "setup":
      return setUp(r.setup);
    case "put":
      for (const { path, file } of r.files) putFile(path, new Uint8Array(await file.arrayBuffer()));
      return undefined;
    case "run":
      return run(r.command, r.args, r.options, r.folder, {
        step: (step) => port.postMessage({ id, kind: "step", step }),
        note: (text) => port.postMessage({ id, kind: "note", text }),
      });
    case "look":
      return look(r.paths, r.names, r);
    case "frames":
      return frames(r.paths, r.name, r.labels);
    case "difference":
      return difference(r.a, r.b, r.name);
    case "registration":
      return registration(r.fixed, r.moving, r.folder);
    case "map":
      return map(r.transform, r.points);
    case "example":
      return (await import("./examples.js")).example(r.name);
  }
}

/** Buffers that may be handed over instead of copied. */
function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null) for (const v of Object.values(value)) buffersOf(v, found);
  return found;
}

let last: Promise<void> = Promise.resolve();
port.onmessage = ({ data: { id, request } }) => {
  last = last.then(async () => {
    try {
      const value = await answer(id, request);
      port.postMessage({ id, kind: "done", value, threads: threads() }, [...buffersOf(value)]);
    } catch (error) {
      port.postMessage({ id, kind: "failed", ...sentence(error) });
    }
  });
};
