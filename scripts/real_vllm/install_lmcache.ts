// Installs LMCache beside a real CPU vLLM, in a folder of its own that tests put on PYTHONPATH: a few seconds and 82 MB, once.
//
// Without its dependencies: vLLM's environment has what the server and the vLLM connector import but one small package, and
// the rest would put gigabytes of CUDA and older packages in the way of vLLM's.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { versions } from "./versions.ts";

export type LmcacheHere =
  | {
    readonly is: "installed";
    /** For PYTHONPATH. */
    readonly folder: string;
    /** argv that starts with `lmcache`. */
    readonly command: readonly string[];
  }
  | { readonly is: "unavailable"; readonly reason: string };

/** `vllm` is the path of the program in its virtual environment. */
export function installLmcache(vllm: string): LmcacheHere {
  const bin = dirname(vllm);
  const folder = join(bin, "../..", `lmcache-${versions.lmcache}`);
  const python = join(bin, "python");
  const mark = join(folder, "ready");
  if (!existsSync(mark)) {
    mkdirSync(folder, { recursive: true });
    const wanted = [`lmcache==${versions.lmcache}`, `sortedcontainers==${versions.sortedcontainers}`];
    const argv = [
      join(bin, "uv"),
      "pip",
      "install",
      "-q",
      "--no-deps",
      "--target",
      folder,
      "--python",
      python,
      ...wanted,
    ];
    const run = Bun.spawnSync(argv, { stdout: "pipe", stderr: "pipe" });
    if (run.exitCode !== 0) return { is: "unavailable", reason: String(run.stderr).trim().slice(-1_000) };
    writeFileSync(mark, "");
  }
  return { is: "installed", folder, command: [python, join(folder, "bin/lmcache")] };
}
