// Compiles the mock workers and the load generator when their sources have changed.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Tools {
  readonly mockWorker: string;
  readonly load: string;
}

const sources = import.meta.dir;

/** Gives the paths of both programs, kept by the hash of their sources under `cacheDir`. */
export function buildTools(cacheDir: string): Tools {
  const files = readdirSync(sources).filter((name) => /\.[ch]$/.test(name)).sort();
  const hash = createHash("sha256");
  for (const name of files) hash.update(name).update(readFileSync(join(sources, name)));
  const folder = join(cacheDir, hash.digest("hex").slice(0, 16));
  mkdirSync(folder, { recursive: true });
  return { mockWorker: compile("mock_worker", folder), load: compile("load", folder) };
}

function compile(name: string, folder: string): string {
  const program = join(folder, name);
  if (existsSync(program)) return program;
  const compiler = Bun.which("cc") ?? Bun.which("gcc") ?? Bun.which("clang");
  if (compiler === null) throw new Error("bench needs a C compiler: apt-get install gcc libc6-dev");
  const { exitCode, stderr } = Bun.spawnSync([compiler, "-O2", "-o", program, join(sources, `${name}.c`)]);
  if (exitCode !== 0) throw new Error(`bench could not compile ${name}.c:\n${stderr}`);
  return program;
}
