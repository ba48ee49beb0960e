// What the environment says: PDSERVE_<FLAG>, PDSERVE_MODEL, PDSERVE_PREFILL_ARGS, PDSERVE_DECODE_ARGS, and the names that
// other programs on the box read too.

import { emptyLayer, type Layer, type Saying } from "./layer.ts";
import { nearestName } from "../kv/nearest_name.ts";
import type { Problem } from "./problem.ts";
import { readValue } from "./read_value.ts";
import { envNameOf, type SettingKey, settings } from "./settings.ts";
import { splitShellWords } from "./shell_words.ts";
import type { EngineArgument } from "./spec.ts";

export type Env = Readonly<Record<string, string | undefined>>;

const keyByName = new Map<string, SettingKey>(
  (Object.keys(settings) as SettingKey[]).map((key) => [envNameOf(settings[key]), key]),
);
/** Only heard where pdserve's own name says nothing. */
const sharedNames: Readonly<Record<string, SettingKey>> = { OTEL_EXPORTER_OTLP_ENDPOINT: "otlpEndpoint" };
const argsNames = { both: "PDSERVE_ARGS", prefill: "PDSERVE_PREFILL_ARGS", decode: "PDSERVE_DECODE_ARGS" } as const;

/** An empty variable counts as not set. A PDSERVE_ name that means nothing is a warning, since a typo would go unnoticed. */
export function envLayer(env: Env): { readonly layer: Layer; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const sayings: Saying[] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("PDSERVE_") || !text) continue;
    const key = keyByName.get(name);
    if (key !== undefined) sayings.push({ key, text, origin: { is: "env", name } });
    else if (!isKnownName(name)) problems.push(unknownName(name));
  }
  for (const [name, key] of Object.entries(sharedNames)) {
    const text = env[name] ?? "";
    // What they mean for other programs is no mistake in pdserve's settings.
    const isGood = readValue(settings[key], text).is === "value";
    if (isGood && !env[envNameOf(settings[key])]) sayings.push({ key, text, origin: { is: "env", name } });
  }
  const argsOf = (name: string): EngineArgument[] => {
    const words = splitShellWords(env[name] ?? "");
    if (words === null) problems.push(openQuote(name));
    return words === null || words.length === 0 ? [] : [{ words, origin: { is: "env", name } }];
  };
  const model = env.PDSERVE_MODEL;
  return {
    layer: {
      ...emptyLayer,
      model: model ? { value: model, origin: { is: "env", name: "PDSERVE_MODEL" } } : null,
      sayings,
      engineArgs: {
        both: argsOf(argsNames.both),
        prefill: argsOf(argsNames.prefill),
        decode: argsOf(argsNames.decode),
      },
    },
    problems,
  };
}

/** The supervisor marks the processes of a run with these; PDSERVE_TEST_* is for tests. */
const runMarks = ["PDSERVE_RUN_ID", "PDSERVE_INIT_PID", "PDSERVE_WORKER"];

function isKnownName(name: string): boolean {
  return ["PDSERVE_MODEL", ...runMarks, ...Object.values(argsNames)].includes(name) || name.startsWith("PDSERVE_TEST_");
}

function unknownName(name: string): Problem {
  const meant = nearestName(name, [...keyByName.keys(), "PDSERVE_MODEL", ...Object.values(argsNames)]);
  return {
    what: `Ignore the environment variable "${name}"`,
    why: "no setting has this name",
    fix: meant === null ? `unset ${name}` : `${meant}=…`,
    where: `env ${name}`,
    severity: "warning",
  };
}

function openQuote(name: string): Problem {
  return {
    what: `Cannot split "${name}" into words`,
    why: "a quote is opened and not closed",
    fix: `${name}='--flag "one value"'`,
    where: `env ${name}`,
    severity: "error",
    exitCode: 2,
  };
}
