// How to learn which SGLang a command would start, without importing torch.

import type { InstalledEngine } from "../../plan/machine.ts";
import type { VersionHints } from "./engine.ts";
import { interpreterOf } from "./vllm_version.ts";

/** Asks the interpreter beside the `sglang` script; `sglang version` where it cannot be told. */
export function versionCommand(command: readonly string[], hints: VersionHints = {}): readonly string[] {
  const python = interpreterOf(command, hints.scriptHead);
  return python ? [...python, "-c", inspection, ...(hints.modules ?? [])] : [...command, "version"];
}

/** The output of either command. */
export function readVersion(output: string): string | null {
  const installed = readInstalled(output);
  if (installed) return installed.version;
  const plain = output.split("\n").map((line) => /^\s*(?:sglang(?: version)?:?\s+)?(\d+\.\d+\S*)\s*$/i.exec(line)?.[1]);
  return plain.findLast((version) => version !== undefined) ?? null;
}

export function readInstalled(output: string): InstalledEngine | null {
  const line = output.split("\n").findLast((text) => text.startsWith('{"sglang"'));
  if (line === undefined) return null;
  const found = JSON.parse(line) as { sglang: string | null; imports: Record<string, string | null> };
  // One package serves all devices, so it does not tell which this is.
  return found.sglang === null ? null : { name: "sglang", version: found.sglang, imports: found.imports, device: null };
}

const inspection = `
import json, sys
from importlib import metadata, util
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
def module(name):
    if util.find_spec(name) is None:
        return None
    return version((metadata.packages_distributions().get(name) or [name])[0]) or "unknown"
print(json.dumps({"sglang": version("sglang"), "imports": {n: module(n) for n in sys.argv[1:]}}))
`.trim();
