// May the user's engine arguments stand beside the plan, and do both roles agree where they must?

import type { Engine } from "../supervisor/engines/engine.ts";
import { flagValues, readFlags } from "./engine_flags.ts";
import { isKvMember, whyOwnedMember } from "./kv_members.ts";
import type { Problem } from "./problem.ts";
import { type EngineArgument, originText, type Spec } from "./spec.ts";

export function checkEngineArgs(spec: Spec, engine: Engine): readonly Problem[] {
  const perRole = [...spec.engineArgs.prefill, ...spec.engineArgs.decode];
  // An argument for both roles is in both lists; it is one mistake.
  return [...new Set(perRole)].flatMap((argument) => ownedBy(argument, engine)).concat(disagreements(spec, engine));
}

function ownedBy(argument: EngineArgument, engine: Engine): Problem[] {
  return readFlags(argument.words, engine.commonFlags).flatMap(({ name, words }) => {
    const written = words[0] ?? name;
    const head = isKvMember(name) ? name : name.split(".")[0] ?? name;
    const reason = isKvMember(name)
      ? whyOwnedMember(name)
      : engine.ownedFlags[written.split(/[=.]/)[0] ?? ""] ?? engine.ownedFlags[head] ?? null;
    if (reason === null) return [];
    return [{
      what: `Remove ${written} from the engine's arguments`,
      why: `${head} is set by pdserve: ${reason}`,
      fix: `leave out ${words.join(" ")}`,
      where: originText(argument.origin),
      severity: "error" as const,
      exitCode: 2 as const,
    }];
  });
}

function disagreements(spec: Spec, engine: Engine): Problem[] {
  const flags = flagsByRole(spec, engine);
  const allowed = spec.settings.allowMismatch.value;
  return disagreeingFlags(spec, engine).map((flag) => {
    const { prefill, decode } = { prefill: flags.prefill[flag], decode: flags.decode[flag] };
    const value = prefill ?? decode ?? "";
    const told = (given: string | undefined) => given === undefined ? "the engine's default" : `"${given}"`;
    return {
      what: `${flag} differs: ${told(prefill)} for prefill, ${told(decode)} for decode`,
      why: "it shapes the KV cache or the model, so decode could not use what prefill computed",
      fix: value === "true" ? `${flag} for both roles, or --allow-mismatch` : `${flag} ${value}, or --allow-mismatch`,
      where: originOf(flag, [...spec.engineArgs.decode, ...spec.engineArgs.prefill], engine),
      severity: allowed ? "warning" as const : "error" as const,
      ...(allowed ? {} : { exitCode: 2 as const }),
    };
  });
}

/** Shared flags on which the roles differ. */
export function disagreeingFlags(spec: Spec, engine: Engine): readonly string[] {
  const flags = flagsByRole(spec, engine);
  return engine.sharedFlags.filter((flag) => flags.prefill[flag] !== flags.decode[flag]);
}

function flagsByRole(spec: Spec, engine: Engine) {
  const valuesOf = (args: readonly EngineArgument[]) => flagValues(wordsOf(args), engine.commonFlags);
  return { prefill: valuesOf(spec.engineArgs.prefill), decode: valuesOf(spec.engineArgs.decode) };
}

function originOf(flag: string, args: readonly EngineArgument[], engine: Engine): string {
  const argument = args.find(({ words }) => readFlags(words, engine.commonFlags).some(({ name }) => name === flag));
  return argument === undefined ? "engine arguments" : originText(argument.origin);
}

function wordsOf(args: readonly EngineArgument[]): readonly string[] {
  return args.flatMap(({ words }) => words);
}
