// The Python clients, in a folder of their own under the user's cache. A quarter of a minute, once.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../real_vllm/this_machine.ts";

const packages = { openai: "3.54.0", schemathesis: "4.32.5" };

export type Clients = { readonly is: "installed"; readonly python: string; readonly versions: typeof packages } | {
  readonly is: "unavailable";
  readonly reason: string;
};

export function installClients(log: (line: string) => void): Clients {
  const wanted = Object.entries(packages).map(([name, version]) => `${name}==${version}`);
  const root = cacheFolder(`clients-${Object.values(packages).join("-")}`);
  const [python, mark] = [join(root, "venv/bin/python"), join(root, "ready")];
  if (!existsSync(mark)) {
    log(`installing ${wanted.join(" and ")} (once)…`);
    for (
      const command of [
        ["python3", "-m", "venv", join(root, "venv")],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...wanted],
      ]
    ) {
      const failure = failureOf(command);
      if (failure !== null) return { is: "unavailable", reason: `${command.slice(0, 4).join(" ")}: ${failure}` };
    }
    writeFileSync(mark, "");
  }
  return { is: "installed", python, versions: packages };
}

function failureOf(command: readonly string[]): string | null {
  try {
    const run = Bun.spawnSync([...command], { stdin: "ignore" });
    return run.exitCode === 0 ? null : run.stderr.toString().trim().split("\n").at(-1) ?? "no reason given";
  } catch (error) {
    return String(error);
  }
}
