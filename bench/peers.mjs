// Other registration programs, found on the PATH; none is required.
import { spawnSync } from "node:child_process";

const known = {
  elastix: { commands: ["elastix", "transformix"], install: "apt-get install elastix" },
  niftyreg: { commands: ["reg_aladin", "reg_f3d"], install: "build from github.com/KCL-BMEIS/niftyreg" },
  greedy: { commands: ["greedy"], install: "build from github.com/pyushkevich/greedy" },
  ants: { commands: ["antsRegistration"], install: "build from github.com/ANTsX/ANTs" },
};

/** @returns name → { version } of every peer that answers, and `absent` with what would install the others */
export function findPeers() {
  const present = {};
  const absent = {};
  for (const [name, { commands, install }] of Object.entries(known)) {
    const answers = commands.map((c) => spawnSync(c, ["--version"], { encoding: "utf8" }));
    if (answers.some((a) => a.error)) absent[name] = install;
    else present[name] = { version: (answers[0].stdout || answers[0].stderr).trim().split("\n")[0] };
  }
  return { present, absent };
}

export async function main() {
  const { present, absent } = findPeers();
  for (const [name, { version }] of Object.entries(present)) console.log(`${name.padEnd(10)}${version}`);
  for (const [name, install] of Object.entries(absent)) console.log(`${name.padEnd(10)}absent (${install})`);
  return 0;
}
