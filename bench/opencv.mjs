// OpenCV through Python, where it is installed (apt-get install python3-opencv): a process that answers one line of JSON with one.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./machine.mjs";

/** The Python that has cv2, or undefined. PYTHON names another one. */
function python() {
  return [process.env.PYTHON, "/usr/bin/python3", "python3"].filter(Boolean).find((p) => spawnSync(p, ["-c", "import cv2"]).status === 0);
}

/** @returns what it said first, `ask(question)` and `close()`; undefined when the peer is absent */
export async function openCv(script) {
  const program = python();
  if (!program) return undefined;
  const child = spawn(program, [join(root, "bench/peers/opencv", script)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended early`);
    return JSON.parse(value);
  };
  const first = await next();
  return {
    ...first,
    ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      return next();
    },
    close: () => child.stdin.end(),
  };
}
