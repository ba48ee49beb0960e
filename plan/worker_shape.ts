// How many GPUs one worker of a role takes, from the plan's own settings and the engine's parallel flags.

import type { Engine } from "../supervisor/engines/engine.ts";
import { readFlags } from "./engine_flags.ts";
import type { Problem } from "./problem.ts";
import { withdrawSecrets } from "./secrets.ts";
import { type EngineArgument, type EngineVariable, originText, type Sourced, type Spec } from "./spec.ts";

export interface RoleShape {
  /** Null when not said: then one, or what the listed groups imply. */
  readonly tp: number | null;
  readonly dp: number;
  readonly pp: number;
  /** The role's arguments without the sizes read here, which the engine writes itself. */
  readonly userArgs: readonly string[];
  /** The role's variables, by name. */
  readonly userEnv: Readonly<Record<string, string>>;
  /** Secrets among the arguments, as environment. */
  readonly env: Readonly<Record<string, string>>;
}

const vllmSizeFlags = { "--data-parallel-size": "dp", "--pipeline-parallel-size": "pp" } as const;

export interface ReadShape {
  readonly shape: RoleShape;
  readonly problems: readonly Problem[];
}

export function roleShape(role: "prefill" | "decode", spec: Spec, engine: Engine): ReadShape {
  const own: Sourced<number | null> = spec.settings[role === "prefill" ? "prefillTp" : "decodeTp"];
  const { shape, problems } = shapeOf(spec.engineArgs[role], spec.engineEnv[role], engine);
  return { shape: { ...shape, tp: own.value ?? spec.settings.tp.value }, problems };
}

/** The shape that arguments alone tell: tensor parallel size is the plan's to decide. */
export function shapeOf(
  engineArgs: readonly EngineArgument[],
  engineEnv: readonly EngineVariable[],
  engine: Engine,
): ReadShape {
  const problems: Problem[] = [];
  const sizes = { dp: 1, pp: 1 };
  const sizeFlags: Readonly<Record<string, "dp" | "pp">> = engine.sizeFlags ?? vllmSizeFlags;
  const isInside = engineArgs.some(({ words }) => words.includes(engine.dpInsideTp ?? ""));
  const userArgs: string[] = [];
  for (const argument of engineArgs) {
    const drop = new Set<string>();
    for (const { name, value, words } of readFlags(argument.words, engine.commonFlags)) {
      const size = sizeFlags[name];
      if (size === undefined || (size === "dp" && isInside)) continue;
      if (/^[1-9]\d{0,3}$/.test(value)) sizes[size] = Number(value);
      else problems.push(badSize(name, value, argument));
      drop.add(words.join("\0"));
    }
    userArgs.push(...without(argument.words, drop));
  }
  const { args, env } = withdrawSecrets(userArgs);
  const userEnv = Object.fromEntries(engineEnv.map(({ name, value }) => [name, value]));
  return { shape: { tp: null, ...sizes, userArgs: args, userEnv, env }, problems };
}

/** Drops the runs of words that make up one of the flags in `drop`. */
function without(words: readonly string[], drop: ReadonlySet<string>): readonly string[] {
  if (drop.size === 0) return words;
  const lengths = [...drop].map((flag) => flag.split("\0").length);
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const length = lengths.find((count) => drop.has(words.slice(at, at + count).join("\0")));
    if (length === undefined) kept.push(words[at] ?? "");
    else at += length - 1;
  }
  return kept;
}

function badSize(name: string, value: string, argument: EngineArgument): Problem {
  return {
    what: `${name} cannot be "${value}"`,
    why: "it must be a whole number from 1",
    fix: `${name} 2`,
    where: originText(argument.origin),
    severity: "error",
    exitCode: 2,
  };
}
