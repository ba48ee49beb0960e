// May the user's engine arguments stand beside the plan, and do both roles agree where they must?

import type { Engine } from "../supervisor/engines/engine.ts";
import { flagValues, readFlags } from "./engine_flags.ts";
import { isKvMember, whyOwnedMember } from "./kv_members.ts";
import type { Problem } from "./problem.ts";
import { type EngineArgument, originText, type Spec, type WorkerGroup } from "./spec.ts";

export function checkEngineArgs(spec: Spec, engine: Engine): readonly Problem[] {
  const all = sidesOf(spec).flatMap(({ args }) => args);
  // An argument for both roles is in both lists; it is one mistake.
  return [...new Set(all)].flatMap((argument) => ownedBy(argument, engine)).concat(disagreements(spec, engine));
}

/** The workers that get the same arguments. */
interface Side {
  readonly role: WorkerGroup["role"];
  readonly args: readonly EngineArgument[];
}

function sidesOf({ layout, engineArgs }: Spec): readonly Side[] {
  if (layout !== null) return layout.groups;
  return [{ role: "prefill", args: engineArgs.prefill }, { role: "decode", args: engineArgs.decode }];
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
  const sides = handingOver(spec, engine);
  const args = sides.toReversed().flatMap((side) => side.args);
  const allowed = spec.settings.allowMismatch.value;
  return disagreeingFlags(spec, engine).map((flag) => {
    const value = sides.map(({ flags }) => flags[flag]).find((given) => given !== undefined) ?? "";
    const told = (given: string | undefined) => given === undefined ? "the engine's default" : `"${given}"`;
    const each = new Map(sides.map(({ role, flags }) => [`${told(flags[flag])} for ${role}`, null]));
    return {
      what: `${flag} differs: ${[...each.keys()].join(", ")}`,
      why: "it shapes the KV cache or the model, so decode could not use what prefill computed",
      fix: value === "true" ? `${flag} for both roles, or --allow-mismatch` : `${flag} ${value}, or --allow-mismatch`,
      where: originOf(flag, args, engine),
      severity: allowed ? "warning" as const : "error" as const,
      ...(allowed ? {} : { exitCode: 2 as const }),
    };
  });
}

/** Shared flags on which the roles, or groups of a role, differ. */
export function disagreeingFlags(spec: Spec, engine: Engine): readonly string[] {
  const sides = handingOver(spec, engine);
  return engine.sharedFlags.filter((flag) => new Set(sides.map(({ flags }) => flags[flag])).size > 1);
}

/** Those between which KV moves. */
function handingOver(spec: Spec, engine: Engine) {
  const sides = sidesOf(spec).filter(({ role }) => role === "prefill" || role === "decode");
  return sides.map((side) => ({ ...side, flags: flagValues(wordsOf(side.args), engine.commonFlags) }));
}

function originOf(flag: string, args: readonly EngineArgument[], engine: Engine): string {
  const argument = args.find(({ words }) => readFlags(words, engine.commonFlags).some(({ name }) => name === flag));
  return argument === undefined ? "engine arguments" : originText(argument.origin);
}

function wordsOf(args: readonly EngineArgument[]): readonly string[] {
  return args.flatMap(({ words }) => words);
}
