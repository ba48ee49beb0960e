// What of a real engine this machine can have, and where it is kept.

import { mkdirSync, readFileSync, statfsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export function cacheFolder(name: string): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const root = join(base, "pdserve", name);
  mkdirSync(root, { recursive: true });
  return root;
}

export function whatThisMachineLacks(root: string): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x86-64";
  if (!/avx512f|avx2/.test(readFileSync("/proc/cpuinfo", "utf8"))) return "needs a CPU with AVX2 or AVX-512";
  const free = statfsSync(root);
  if (free.bavail * free.bsize < 6e9) return "needs 6 GB of free disk";
  if (systemPython() === null) return "needs Python 3.11 to 3.13";
  return null;
}

export function systemPython(): string | null {
  const check = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))";
  return ["python3", "python3.13", "python3.12", "python3.11"].find((name) =>
    Bun.which(name) !== null && Bun.spawnSync([name, "-c", check]).exitCode === 0
  ) ?? null;
}
