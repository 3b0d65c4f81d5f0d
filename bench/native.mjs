// Builds bench/native/ on demand and talks to it: one process per compiler, one line per run.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./machine.mjs";

const folder = join(root, "bench/native");
const flags = ["-O3", "-march=native", "-ffast-math", "-fno-math-errno", "-fopenmp", "-std=c++17"];
// The vector width that was fastest for each compiler on AVX-512.
const compilers = [
  { name: "gcc", commands: ["g++"], width: 8 },
  { name: "clang", commands: ["clang++", "clang++-21", "clang++-20", "clang++-19", "clang++-18", "clang++-17", "clang++-16"], width: 16 },
];

const runs = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;

/** @returns { servers: Native[], notes: string[] }: what is there, and a sentence for what is not. */
export async function nativeServers() {
  const servers = [];
  const notes = [];
  mkdirSync(join(folder, "build"), { recursive: true });
  const newest = Math.max(...readdirSync(folder).map((f) => (/\.(h|cpp)$/.test(f) ? statSync(join(folder, f)).mtimeMs : 0)));
  for (const { name, commands, width } of compilers) {
    const command = commands.find(runs);
    if (!command) {
      notes.push(`native ${name}: ${commands[0]} was not found, its times are missing; install it to see them`);
      continue;
    }
    const file = join(folder, "build", name);
    const plain = `${file}-without-fftw`;
    const fresh = (f) => existsSync(f) && statSync(f).mtimeMs > newest;
    const compile = (out, more, libraries) =>
      spawnSync(command, [...flags, `-DVL=${width}`, ...more, join(folder, "server.cpp"), "-o", out, ...libraries], { encoding: "utf8" });
    let built = file;
    if (!fresh(file)) {
      if (compile(file, ["-DWITH_FFTW"], ["-lfftw3f_omp", "-lfftw3f"]).status !== 0) {
        const result = fresh(plain) ? { status: 0 } : compile(plain, [], []);
        if (result.status !== 0) {
          const reason = result.stderr?.split("\n").find((l) => /error/.test(l)) ?? "no reason given";
          notes.push(`native ${name}: ${command} could not build bench/native (${reason.trim()}), its times are missing`);
          continue;
        }
        notes.push(`native ${name}: built without FFTW (install libfftw3-dev to compare with it)`);
        built = plain;
      }
    }
    servers.push(await new Native(name, built).start());
  }
  return { servers, notes };
}

class Native {
  #waiting = [];
  constructor(name, file) {
    this.name = name;
    // Passive waiting: OpenMP threads that spin between runs would take the core from the other side of the comparison.
    this.process = spawn(file, [], { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, OMP_WAIT_POLICY: "passive" } });
    createInterface({ input: this.process.stdout }).on("line", (line) => this.#waiting.shift()?.(line));
    this.process.on("exit", () => {
      for (const tell of this.#waiting.splice(0)) tell("absent");
    });
  }
  #ask(line) {
    return new Promise((tell) => {
      this.#waiting.push(tell);
      this.process.stdin.write(`${line}\n`);
    });
  }
  async start() {
    this.about = `${this.name} ${await this.#ask("about 1")}`;
    return this;
  }
  /** One run of a kernel: { wall, cpu } in ms and probes of its result; undefined when this build does not have it. */
  async run(kernel, threads) {
    const answer = await this.#ask(`${kernel} ${threads}`);
    if (answer === "absent") return undefined;
    const [wall, cpu, ...probes] = answer.split(" ").map(Number);
    return { wall, cpu, probes };
  }
  close() {
    this.process.stdin.end();
  }
}
