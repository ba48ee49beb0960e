// Do these modules really import in the engine's Python, and does the engine load its own class of a connector there?
// probe_engine.ts only looks for them, which is quick; a module that is there may still fail to load.

import type { Engine } from "../../supervisor/engines/engine.ts";
import { scriptHeadOf } from "./probe_engine.ts";
import type { RunCommand } from "./run_command.ts";

/** Importing vLLM imports torch; from a cold disk that takes its time. */
const limitMs = 180_000;

export type Imported = { readonly version: string | null } | { readonly error: string };

export interface ImportQuestion {
  readonly engine: Engine;
  /** The words that replace the engine's own name; empty for that. */
  readonly command: readonly string[];
  /** Modules by name; `vllm:NAME` is the class vLLM has registered for the connector NAME, `sglang:NAME` a transfer backend. */
  readonly modules: readonly string[];
}

/** Empty when it cannot be told which Python the engine runs in. */
export async function importModules(
  { engine, command, modules }: ImportQuestion,
  path: string | undefined,
  run: RunCommand,
): Promise<Readonly<Record<string, Imported>>> {
  const words = command.length > 0 ? command : [engine.name];
  const inspection = engine.versionCommand(words, { scriptHead: await scriptHeadOf(words, path) });
  const code = inspection.indexOf("-c");
  if (code < 1) return {};
  const answer = await run([...inspection.slice(0, code), "-c", script, ...modules], limitMs);
  if (answer.is === "ended") return readAnswers(answer.stdout) ?? everyone(modules, lastLine(answer.stderr));
  return everyone(modules, answer.is === "missing" ? "its Python does not run" : `no answer in ${limitMs / 1000} s`);
}

/** Whatever the imports print themselves comes before the last line. */
function readAnswers(stdout: string): Readonly<Record<string, Imported>> | null {
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  return line.startsWith('{"') ? JSON.parse(line) : null;
}

/** One import that ends the process answers for all. */
function everyone(modules: readonly string[], error: string): Readonly<Record<string, Imported>> {
  return Object.fromEntries(modules.map((module) => [module, { error }]));
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) || "the process ended without a word";
}

const script = `
import importlib, json, os, sys
from importlib import metadata
def attempt(name):
    try:
        if name.startswith("vllm:"):
            from vllm.distributed.kv_transfer.kv_connector.factory import KVConnectorFactory
            found = KVConnectorFactory.get_connector_class_by_name(name[5:])
            return {"version": found.__module__}
        if name.startswith("sglang:"):
            from sglang.srt.disaggregation.utils import KVClassType, TransferBackend, get_kv_class
            # Its TCP form is the same class, told by the environment.
            backend = TransferBackend(name[7:].removesuffix("_tcp"))
            return {"version": get_kv_class(backend, KVClassType.MANAGER).__module__}
        importlib.import_module(name)
    except BaseException as error:
        return {"error": (type(error).__name__ + ": " + str(error)).strip().split("\\n")[0]}
    for package in metadata.packages_distributions().get(name) or [name]:
        try:
            return {"version": metadata.version(package)}
        except metadata.PackageNotFoundError:
            pass
    return {"version": None}
found = {name: attempt(name) for name in sys.argv[1:]}
print("\\n" + json.dumps(found), flush=True)
os._exit(0)
`.trim();
