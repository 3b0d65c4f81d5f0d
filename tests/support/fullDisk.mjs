// Preloaded by a test: from the second kilobyte on, every write to a file says that the disk is full.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const write = fs.writeSync;
let written = 0;
fs.writeSync = (file, data, ...rest) => {
  if (file > 2) {
    written += data.length;
    if (written > 1024)
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", errno: -28, syscall: "write" });
  }
  return write(file, data, ...rest);
};
syncBuiltinESMExports();
