#!/usr/bin/env node
import { version } from "./version.js";

const argv = process.argv.slice(2);
// A closed pipe (pullback … | head) is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
// The version alone needs nothing else loaded.
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) process.stdout.write(`${version()}\n`);
else {
  const { run } = await import("./program.js");
  const exit = await run(argv);
  // Worker threads of the engine would keep the process alive; what was written to a pipe must arrive first.
  process.stdout.write("", () => process.exit(exit));
}
